use domain::settlement::log::StepOutcome;
use domain::settlement::status::Status;
use domain::settlement::step::Undo;
use tests::cloud::Cloud;
use tests::patience::until;
use uuid::Uuid;

use super::super::statements::count;
use super::scene::{Call, FORWARD, Settlement, rows_of, turn_freeze, turning_freeze};

#[tokio::test]
async fn a_step_that_meets_a_frozen_account_waits_and_records_nothing() {
    let cloud = Cloud::running();
    let (settler, operator) = (cloud.pooled_as("settler").await, cloud.pooled_as("operator").await);
    let superuser = cloud.superuser().await;
    let (_, settlement) = Settlement::accepted(&cloud).await;
    let request = &settlement.request;
    let [buyer, till, escrow, platform] = [
        request.source,
        request.destination,
        settlement.escrow,
        settlement.platform,
    ];
    // Of each step the accounts it moves money between.
    let legs = [
        (FORWARD[0], vec![buyer, escrow]),
        (FORWARD[1], vec![]),
        (FORWARD[2], vec![escrow, till]),
        (FORWARD[3], vec![till, platform]),
    ];
    for (nth, (call, leg)) in legs.into_iter().enumerate() {
        for account in leg {
            assert_eq!(
                turn_freeze(&operator, "freeze_account", account).await,
                ("frozen".to_owned(), true)
            );
            let waits = settlement.call(&settler, call).await;
            assert_eq!((&*waits.verdict, waits.outcome), ("waits", None), "{call:?}");
            assert_eq!(rows_of(&superuser, &settlement).await, i64::try_from(nth).unwrap());
            assert_eq!(
                turn_freeze(&operator, "unfreeze_account", account).await,
                ("unfrozen".to_owned(), false)
            );
        }
        settlement.course(&settler, &[call]).await;
    }
    assert_eq!(settlement.balances(&cloud).await, [600, 0, 390, 10]);
}

#[tokio::test]
async fn an_undo_that_meets_a_frozen_account_waits_too() {
    let cloud = Cloud::running();
    let (settler, operator) = (cloud.pooled_as("settler").await, cloud.pooled_as("operator").await);
    let (_, settlement) = Settlement::accepted(&cloud).await;
    settlement.course(&settler, &FORWARD[..3]).await;
    settlement.course(&settler, &[Call::Burn]).await;
    let request = settlement.request.clone();
    for (undo, account) in [(Undo::Release, request.destination), (Undo::Hold, request.source)] {
        turn_freeze(&operator, "freeze_account", account).await;
        assert_eq!(settlement.call(&settler, Call::Undo(undo)).await.verdict, "waits");
        turn_freeze(&operator, "unfreeze_account", account).await;
        settlement.course(&settler, &[Call::Undo(undo)]).await;
    }
    assert_eq!(settlement.balances(&cloud).await, [1000, 0, 0, 0]);
}

#[tokio::test]
async fn an_operator_s_freeze_is_one_and_leaves_its_trace() {
    let cloud = Cloud::running();
    let (operator, superuser) = (cloud.pooled_as("operator").await, cloud.superuser().await);
    let (merchant, settlement) = Settlement::accepted(&cloud).await;
    let till = settlement.request.destination;
    for (function, told) in [
        ("freeze_account", ("frozen", true)),
        ("freeze_account", ("stands", true)),
        ("unfreeze_account", ("unfrozen", false)),
        ("unfreeze_account", ("stands", false)),
        ("freeze_account", ("frozen", true)),
    ] {
        let (verdict, frozen) = turn_freeze(&operator, function, till).await;
        assert_eq!((&*verdict, frozen), told, "{function}");
    }
    let audit = "SELECT string_agg(concat_ws(' ', actor, act, outcome, reason), ', ' ORDER BY id) FROM ledger.audit
                  WHERE subject = $1::uuid::text";
    let audited: String = superuser.query_one(audit, &[&till]).await.unwrap().get(0);
    let expected = [
        "frozen done",
        "frozen repeated",
        "unfrozen done",
        "unfrozen repeated",
        "frozen done",
    ];
    let expected = expected.map(|act| format!("anna account_{act} a complaint")).join(", ");
    assert_eq!(audited, expected);
    let payment = merchant.payment(settlement.request.source, till, 1);
    assert_eq!(
        payment.decide(&cloud.pooled_as("poster").await).await.outcome,
        "account_frozen"
    );
    assert!(
        turning_freeze(&operator, "freeze_account", Uuid::new_v4())
            .await
            .is_empty()
    );
}

#[tokio::test]
async fn one_in_limbo_makes_the_others_wait_and_all_finish_after_it() {
    let cloud = Cloud::running();
    let (settler, operator) = (cloud.pooled_as("settler").await, cloud.pooled_as("operator").await);
    let poster = cloud.pooled_as("poster").await;
    let (merchant, stuck) = Settlement::accepted(&cloud).await;
    merchant.deposit(stuck.request.source, 10_000).decide(&poster).await;
    stuck.course(&settler, &FORWARD[..1]).await;
    let mut others = Vec::new();
    for nth in 0..20 {
        let other = stuck.another(&cloud).await;
        other.course(&settler, &FORWARD[..nth % 4]).await;
        if nth % 5 == 1 {
            other.course(&settler, &[Call::Burn]).await;
        }
        others.push(other);
    }
    stuck.course(&settler, &[Call::Limbo]).await;
    for other in &others {
        for call in [
            FORWARD[0],
            FORWARD[2],
            FORWARD[3],
            Call::Undo(Undo::Hold),
            Call::Undo(Undo::Release),
        ] {
            let told = other.call(&settler, call).await;
            assert!(
                ["waits", "stands", "out_of_turn"].contains(&&*told.verdict),
                "{call:?} {told:?}"
            );
        }
    }
    let payment = |source, destination| merchant.payment(source, destination, 1);
    let (buyer, till) = (stuck.request.source, stuck.request.destination);
    for refused in [payment(buyer, till), payment(till, buyer)] {
        assert_eq!(refused.decide(&poster).await.outcome, "account_frozen");
    }
    let new = Settlement::new(&merchant, buyer, till, 1, 0);
    assert_eq!(new.post(&poster).await.unwrap().1, "account_frozen");

    assert_eq!(stuck.decide(&operator, "refund").await, "approved");
    stuck.course(&settler, &[Call::Undo(Undo::Hold)]).await;
    let mut settled = 0;
    for other in &others {
        let approves = Call::Verify(StepOutcome::Approved);
        for call in [
            FORWARD[0],
            approves,
            FORWARD[2],
            FORWARD[3],
            Call::Undo(Undo::Release),
            Call::Undo(Undo::Hold),
        ] {
            other.call(&settler, call).await;
        }
        let ended = other.call(&settler, Call::Burn).await.status;
        assert!(ended.is_final(), "{ended}");
        settled += i64::from(ended == Status::Settled);
    }
    assert_eq!(settled, 16);
    let [buyer, escrow, till, platform] = stuck.balances(&cloud).await;
    assert_eq!(
        [buyer, escrow, till, platform],
        [11_000 - settled * 400, 0, settled * 390, settled * 10]
    );
}

#[tokio::test]
async fn an_account_that_is_opened_in_limbo_is_frozen_until_its_end() {
    let cloud = Cloud::running();
    let (settler, operator) = (cloud.pooled_as("settler").await, cloud.pooled_as("operator").await);
    let (poster, superuser) = (cloud.pooled_as("poster").await, cloud.superuser().await);
    let (merchant, settlement) = Settlement::accepted(&cloud).await;
    settlement.course(&settler, &[FORWARD[0], Call::Limbo]).await;
    let (till, buyer) = (merchant.till().await, merchant.buyer(100).await);
    let frozen = "SELECT count(frozen_at) FROM ledger.accounts WHERE account_id = $1";
    for (account, is_frozen) in [(till, 1), (buyer, 0)] {
        assert_eq!(count(&superuser, frozen, account).await, is_frozen);
    }
    assert_eq!(
        merchant.payment(buyer, till, 1).decide(&poster).await.outcome,
        "account_frozen"
    );
    assert_eq!(settlement.decide(&operator, "refund").await, "approved");
    settlement.course(&settler, &[Call::Undo(Undo::Hold)]).await;
    assert_eq!(merchant.payment(buyer, till, 1).decide(&poster).await.outcome, "posted");
}

/// Whichever comes second sees the first: no account slips in between.
#[tokio::test]
async fn an_account_that_is_opened_beside_the_limbo_is_frozen_too() {
    let cloud = Cloud::running();
    let superuser = cloud.superuser().await;
    let (merchant, settlement) = Settlement::accepted(&cloud).await;
    let mut settler = cloud.as_role("settler").await;
    settlement.course(&settler, &FORWARD[..1]).await;
    let marking = settler.transaction().await.unwrap();
    settlement.course(marking.client(), &[Call::Limbo]).await;
    let opening = tokio::spawn(async move { merchant.till().await });
    let waits = "SELECT count(*) > 0 FROM pg_stat_activity WHERE usename = 'registrar' AND wait_event = 'advisory'";
    let blocked = async || {
        superuser
            .query_one(waits, &[])
            .await
            .unwrap()
            .get::<_, bool>(0)
            .then_some(())
    };
    until(blocked, || "the opening waits for the limbo".to_owned()).await;
    marking.commit().await.unwrap();
    let till = opening.await.unwrap();
    let frozen = "SELECT count(frozen_at) FROM ledger.accounts WHERE account_id = $1";
    assert_eq!(count(&superuser, frozen, till).await, 1);
}
