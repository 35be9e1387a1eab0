use domain::ids::TenantId;
use domain::settlement::log::StepOutcome;
use domain::settlement::status::Status;
use domain::settlement::step::{Step, Undo};
use tests::cloud::Cloud;
use tests::patience::until;
use tokio_postgres::types::{ToSql, Type};
use uuid::Uuid;

use super::super::merchant::Merchant;
use super::super::statements::{balance, count, entries_under, failure, fold};
use super::scene::{Call, FORWARD, Settlement, rows_of};

#[tokio::test]
async fn a_settlement_pays_the_merchant_and_the_fee() {
    let cloud = Cloud::running();
    let (settler, superuser) = (cloud.pooled_as("settler").await, cloud.superuser().await);
    let (_, settlement) = Settlement::accepted(&cloud).await;
    let mut statuses = Vec::new();
    let mut balances = Vec::new();
    for call in FORWARD {
        statuses.push(settlement.call(&settler, call).await.status);
        balances.push(settlement.balances(&cloud).await);
    }
    assert_eq!(
        statuses,
        [Status::Held, Status::Verified, Status::Released, Status::Settled]
    );
    assert_eq!(
        balances,
        [[600, 400, 0, 0], [600, 400, 0, 0], [600, 0, 400, 0], [600, 0, 390, 10]]
    );
    for call in FORWARD {
        assert_eq!(settlement.call(&settler, call).await.verdict, "stands");
    }
    assert_eq!(rows_of(&superuser, &settlement).await, 4);
    assert_eq!(entries_under(&superuser, settlement.key(Step::Verify)).await, 0);
    assert_eq!(settlement.balances(&cloud).await, [600, 0, 390, 10]);
}

#[tokio::test]
async fn a_later_answer_of_the_provider_is_told_the_first() {
    let cloud = Cloud::running();
    let settler = cloud.pooled_as("settler").await;
    for (first, second) in [
        (StepOutcome::Approved, StepOutcome::Rejected),
        (StepOutcome::Rejected, StepOutcome::Approved),
    ] {
        let (_, settlement) = Settlement::accepted(&cloud).await;
        settlement.course(&settler, &[FORWARD[0], Call::Verify(first)]).await;
        let later = settlement.call(&settler, Call::Verify(second)).await;
        assert_eq!((&*later.verdict, later.outcome), ("stands", Some(first)));
    }
}

/// A zombie of every step, after the burn and after the end.
#[tokio::test]
async fn a_step_that_comes_after_the_burn_finds_its_key_taken() {
    let cloud = Cloud::running();
    let settler = cloud.pooled_as("settler").await;
    for done in 0..FORWARD.len() {
        let (_, settlement) = Settlement::accepted(&cloud).await;
        settlement.course(&settler, &FORWARD[..done]).await;
        settlement.course(&settler, &[Call::Burn]).await;
        let undos: &[Undo] = match done {
            0 => &[],
            1 | 2 => &[Undo::Hold],
            _ => &[Undo::Release, Undo::Hold],
        };
        for nth in 0..=undos.len() {
            for (place, call) in FORWARD.into_iter().enumerate() {
                let zombie = settlement.call(&settler, call).await;
                assert_eq!(zombie.verdict, "stands");
                let burnt = zombie.outcome == Some(StepOutcome::Burnt);
                assert_eq!(burnt, place >= done, "{call:?}");
            }
            if let Some(undo) = undos.get(nth) {
                settlement.course(&settler, &[Call::Undo(*undo)]).await;
            }
        }
        assert_eq!(settlement.balances(&cloud).await, [1000, 0, 0, 0]);
        assert_eq!(settlement.call(&settler, Call::Burn).await.status, Status::Compensated);
    }
}

#[tokio::test]
async fn the_buyer_s_floor_binds_the_hold_and_the_refusal_stays() {
    let cloud = Cloud::running();
    let (poster, settler) = (cloud.pooled_as("poster").await, cloud.pooled_as("settler").await);
    let merchant = Merchant::onboard(&cloud).await;
    let (buyer, till) = (merchant.buyer(399).await, merchant.till().await);
    let settlement = Settlement::new(&merchant, buyer, till, 400, 10);
    settlement.ask(&poster).await;
    let hold = settlement.call(&settler, FORWARD[0]).await;
    assert_eq!(
        (&*hold.verdict, hold.outcome.unwrap().as_str()),
        ("recorded", "insufficient_funds")
    );
    assert_eq!(hold.status, Status::Compensating);
    merchant.deposit(buyer, 1).decide(&poster).await;
    let again = settlement.call(&settler, FORWARD[0]).await;
    assert_eq!((&*again.verdict, again.outcome), ("stands", hold.outcome));
    assert_eq!(settlement.call(&settler, Call::Burn).await.status, Status::Compensated);
}

#[tokio::test]
async fn a_fee_and_an_undo_may_go_below_the_floor_and_say_so() {
    let cloud = Cloud::running();
    let (poster, settler) = (cloud.pooled_as("poster").await, cloud.pooled_as("settler").await);
    let superuser = cloud.superuser().await;
    let merchant = Merchant::onboard(&cloud).await;
    let buyer = merchant.buyer(1000).await;
    let till = merchant.open("merchant", "EUR", Some(0)).await;
    let said = "SELECT count(*) FROM ledger.ledger_transactions WHERE ledger_key = $1 AND details @> '{\"below_floor\": true}'";
    for (last, action, debits) in [
        (FORWARD[3], Step::CollectFee.into(), 10),
        (
            Call::Undo(Undo::Release),
            domain::settlement::step::Action::from(Undo::Release),
            400,
        ),
    ] {
        for spent in [400 - debits, 400 - debits + 1] {
            let settlement = Settlement::new(&merchant, buyer, till, 400, 10);
            settlement.ask(&poster).await;
            settlement.course(&settler, &FORWARD[..3]).await;
            if debits == 400 {
                settlement.course(&settler, &[Call::Burn]).await;
            }
            let spending = merchant.payment(till, buyer, spent);
            if spent > 0 {
                assert_eq!(spending.decide(&poster).await.outcome, "posted");
            }
            settlement.course(&settler, &[last]).await;
            let below = i64::from(spent + debits > 400);
            assert_eq!(count(&superuser, said, settlement.key(action)).await, below);
            assert_eq!(
                balance(&cloud.pooled_as("reader").await, merchant.tenant, till).await,
                Some(-below)
            );
            // The merchant itself still cannot.
            assert_eq!(
                merchant.payment(till, buyer, 1).decide(&poster).await.outcome,
                "insufficient_funds"
            );
            if below == 1 {
                merchant.deposit(till, 1).decide(&poster).await;
            }
        }
    }
}

#[tokio::test]
async fn the_platform_reads_its_fees_and_the_merchant_its_own_entries() {
    let cloud = Cloud::running();
    let (settler, superuser) = (cloud.pooled_as("settler").await, cloud.superuser().await);
    let (reader, folder) = (cloud.pooled_as("reader").await, cloud.pooled_as("folder").await);
    let (_, settlement) = Settlement::accepted(&cloud).await;
    settlement.course(&settler, &FORWARD).await;
    for _ in 0..2 {
        settlement.another(&cloud).await.course(&settler, &FORWARD[..1]).await;
    }
    let platform = TenantId::PLATFORM.uuid();
    // Entries are shown once every older transaction has ended; other tests have some that run for long.
    let sql = "SELECT count(e.id) FROM ledger.ledger_entries e WHERE e.account_id = $1 AND e.tenant_id = $2";
    for (account, owner, entries) in [
        (settlement.platform, platform, 1_i64),
        (settlement.platform, settlement.tenant(), 0),
        (settlement.request.destination, settlement.tenant(), 2),
    ] {
        let row = superuser.query_one(sql, &[&account, &owner]).await.unwrap();
        assert_eq!(row.get::<_, i64>(0), entries);
    }
    assert_eq!(balance(&reader, settlement.tenant(), settlement.platform).await, None);
    assert_eq!(fold(&folder, settlement.platform).await.unwrap(), 1);
    assert_eq!(balance(&reader, platform, settlement.platform).await, Some(10));

    // As the engine sees it, in its tenant and in the platform's.
    superuser
        .batch_execute("BEGIN; SET LOCAL ROLE ledger_engine")
        .await
        .unwrap();
    let seen = "SELECT count(*) FROM ledger.ledger_entries WHERE idempotency_key = $1";
    for (tenant, entries) in [(settlement.tenant(), 1_i64), (platform, 1), (Uuid::new_v4(), 0)] {
        let set = format!("SET LOCAL app.tenant_id = '{tenant}'");
        superuser.batch_execute(&set).await.unwrap();
        assert_eq!(count(&superuser, seen, settlement.key(Step::CollectFee)).await, entries);
    }
    let foreign = Uuid::new_v4();
    let sql = format!(
        "INSERT INTO ledger.ledger_entries (account_id, transaction_id, entry_type, amount, currency, idempotency_key, tenant_id)
         SELECT gen_random_uuid(), key, side::ledger.ledger_entry_type, 1, 'EUR', key, '{foreign}'
           FROM (SELECT '00000000-0000-4000-8000-000000000000'::uuid AS key) k, unnest('{{DEBIT,CREDIT}}'::text[]) AS side"
    );
    assert_eq!(failure(&superuser, &sql).await, "42501");
    superuser.batch_execute("ROLLBACK").await.unwrap();
}

/// Whatever transaction runs anywhere on the server holds the horizon back, so it may take a while.
#[tokio::test]
async fn the_platform_s_pages_show_its_fees() {
    let cloud = Cloud::running();
    let (settler, reader) = (cloud.pooled_as("settler").await, cloud.pooled_as("reader").await);
    let (_, settlement) = Settlement::accepted(&cloud).await;
    settlement.course(&settler, &FORWARD).await;
    let sql = "SELECT transaction_id, entry_type, amount FROM ledger.account_entries($1, $2, NULL, NULL, NULL, 9)";
    let page = async |tenant: Uuid| {
        let parameters: [(&(dyn ToSql + Sync), Type); 2] = [(&tenant, Type::UUID), (&settlement.platform, Type::UUID)];
        reader.query_typed(sql, &parameters).await.unwrap()
    };
    let fee = || async {
        let rows = page(TenantId::PLATFORM.uuid()).await;
        assert_eq!(rows.len(), 1, "the account is there");
        let transaction = rows[0].get::<_, Option<Uuid>>(0)?;
        Some((transaction, rows[0].get::<_, String>(1), rows[0].get::<_, i64>(2)))
    };
    let shown = until(fee, || "the fee".to_owned()).await;
    assert_eq!(shown, (settlement.key(Step::CollectFee), "CREDIT".to_owned(), 10));
    assert!(page(settlement.tenant()).await.is_empty());
}
