//! While postings are halted nothing moves and nothing is recorded; what was decided before is answered.

mod settlements;
mod switch;

use std::time::Duration;

use domain::answer::timestamp;
use domain::halt::Scope;
use domain::ids::TenantId;
use domain::justification::Act;
use tests::cloud::Cloud;
use time::OffsetDateTime;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row};
use uuid::Uuid;

use super::corrections::scene::{Correction, corrections, paid};
use super::justified::{justified, statement};
use super::merchant::Merchant;
use super::scratch::in_scratch_database;
use super::settlement::scene::{FORWARD, Settlement};
use super::statements::{Posting, count, name_of};

const HALTED: &str = "postings_halted";
const STORED: &str = "SELECT count(*) FROM ledger.ledger_transactions WHERE ledger_key = $1";

/// Halts a scope; returns the rows.
pub async fn halting(operator: &Client, scope: Uuid) -> Vec<Row> {
    halting_as(operator, "anna", scope, "its keys were stolen").await
}

/// The same by somebody else, or for another reason.
async fn halting_as(operator: &Client, actor: &str, scope: Uuid, reason: &str) -> Vec<Row> {
    let why = statement(Act::PostingsHalted, Scope::from(scope), actor, reason);
    let sql = "SELECT * FROM ledger.halt_postings($1, $2, $3)";
    let parameters: [(&(dyn ToSql + Sync), Type); 3] = [
        (&actor, Type::TEXT),
        (&scope, Type::UUID),
        (&justified(&why), Type::JSONB),
    ];
    operator.query_typed(sql, &parameters).await.unwrap()
}

/// Lifts the halt of a scope that holds since then; returns the rows.
pub async fn lifting(operator: &Client, scope: Uuid, since: OffsetDateTime) -> Vec<Row> {
    let why = statement(Act::PostingsResumed, Scope::from(scope), "anna", "it has new keys");
    let sql = "SELECT * FROM ledger.resume_postings('anna', $1, $2, $3)";
    let parameters: [(&(dyn ToSql + Sync), Type); 3] = [
        (&scope, Type::UUID),
        (&since, Type::TIMESTAMPTZ),
        (&justified(&why.with_terms(timestamp(since))), Type::JSONB),
    ];
    operator.query_typed(sql, &parameters).await.unwrap()
}

/// Since when the scope is halted.
async fn halt(cloud: &Cloud, scope: Uuid) -> OffsetDateTime {
    let rows = halting(&cloud.pooled_as("operator").await, scope).await;
    assert_eq!(rows[0].get::<_, &str>("verdict"), "halted");
    rows[0].get("since")
}

/// Lifts whatever halt of the scope holds.
async fn lift(cloud: &Cloud, scope: Uuid) {
    let sql = "SELECT since FROM ledger.halts WHERE scope = $1";
    let since = cloud.superuser().await.query_one(sql, &[&scope]).await.unwrap().get(0);
    let rows = lifting(&cloud.pooled_as("operator").await, scope, since).await;
    assert_eq!(rows[0].get::<_, &str>("verdict"), "resumed");
}

/// A settlement between a payment's accounts, accepted.
async fn accepted(cloud: &Cloud, merchant: &Merchant, payment: &Posting) -> Posting {
    let settlement = Settlement::new(merchant, payment.source, payment.destination, 5, 1);
    settlement.ask(&cloud.pooled_as("poster").await).await;
    settlement.request
}

/// Everything that a client can ask of the ledger that moves money: none of it is decided, and no key is taken.
async fn all_is_halted(cloud: &Cloud, merchant: &Merchant, payment: &Posting, accepted: &Posting) {
    let (poster, superuser) = (cloud.pooled_as("poster").await, cloud.superuser().await);
    let (source, destination) = (payment.source, payment.destination);
    for halted in [
        merchant.payment(source, destination, 1),
        // Neither is what would be refused.
        merchant.payment(source, destination, 1_000_000),
        merchant.payment(Uuid::new_v4(), destination, 1),
        merchant.deposit(source, 1),
    ] {
        assert_eq!(halted.refused(&poster).await, HALTED);
        assert_eq!(count(&superuser, STORED, halted.key).await, 0);
    }
    for halted in [
        Correction::refund(payment, Some(1)),
        Correction::refund(payment, Some(1_000_000)),
        Correction::reversal(payment),
        // Nor is anything said of what is to be corrected.
        Correction::refund(&payment.clone().with_key(Uuid::new_v4()), None),
        Correction::refund(accepted, None),
        Correction::reversal(accepted),
    ] {
        assert_eq!(halted.refused(&poster).await, HALTED);
        assert_eq!(count(&superuser, STORED, halted.key).await, 0);
    }
    let settlement = Settlement::new(merchant, source, destination, 5, 1);
    assert_eq!(name_of(&settlement.post(&poster).await.unwrap_err()), HALTED);
    assert_eq!(count(&superuser, STORED, settlement.id()).await, 0);
}

#[tokio::test]
async fn a_halt_of_one_merchant_halts_all_it_asks_for_and_nobody_else() {
    let cloud = Cloud::running();
    let poster = cloud.pooled_as("poster").await;
    let (us, payment) = paid(&cloud, 100).await;
    let (others, theirs) = paid(&cloud, 100).await;
    let refund = Correction::refund(&payment, Some(10));
    refund.decide(&poster).await;
    let declined = us.payment(payment.source, payment.destination, 5000);
    declined.decide(&poster).await;
    let ours = accepted(&cloud, &us, &payment).await;
    let never = Correction::refund(&declined, None);
    assert_eq!(never.decide(&poster).await.outcome, "payment_never_posted");

    halt(&cloud, us.tenant).await;
    all_is_halted(&cloud, &us, &payment, &ours).await;
    let halted = us.payment(payment.source, payment.destination, 10);
    assert_eq!(halted.refused(&poster).await, HALTED);
    // What was decided is answered, and what a key stands for is told.
    assert_eq!(payment.decide(&poster).await.told(), ("replayed", "posted"));
    assert_eq!(
        declined.decide(&poster).await.told(),
        ("replayed", "insufficient_funds")
    );
    assert_eq!(refund.decide(&poster).await.told(), ("replayed", "posted", 10));
    assert_eq!(
        never.decide(&poster).await.told(),
        ("replayed", "payment_never_posted", 5000)
    );
    assert_eq!(Correction::refund(&declined, None).refused(&poster).await, HALTED);
    let other = payment.clone().asking_for(1).decide(&poster).await;
    assert_eq!(other.told(), ("mismatched", "posted"));
    // The others go on.
    assert_eq!(others.deposit(theirs.source, 5).decide(&poster).await.outcome, "posted");
    assert_eq!(
        Correction::refund(&theirs, None).decide(&poster).await.outcome,
        "posted"
    );

    lift(&cloud, us.tenant).await;
    assert_eq!(halted.decide(&poster).await.told(), ("recorded", "posted"));
    assert_eq!(
        Correction::refund(&payment, None).decide(&poster).await.told(),
        ("recorded", "posted", 90)
    );
}

/// In a database of its own: nobody else's tests are to be halted.
#[tokio::test]
async fn a_halt_of_all_halts_everybody_until_it_is_lifted() {
    in_scratch_database(async |cloud: Cloud| {
        let (poster, all) = (cloud.pooled_as("poster").await, TenantId::PLATFORM.uuid());
        let (us, payment) = paid(&cloud, 100).await;
        let (others, theirs) = paid(&cloud, 100).await;
        let ours = accepted(&cloud, &us, &payment).await;
        let another = accepted(&cloud, &others, &theirs).await;
        halt(&cloud, all).await;
        halt(&cloud, us.tenant).await;
        all_is_halted(&cloud, &us, &payment, &ours).await;
        all_is_halted(&cloud, &others, &theirs, &another).await;
        assert_eq!(payment.decide(&poster).await.told(), ("replayed", "posted"));
        // Each halt holds on its own.
        lift(&cloud, all).await;
        all_is_halted(&cloud, &us, &payment, &ours).await;
        assert_eq!(
            Correction::refund(&theirs, None).decide(&poster).await.outcome,
            "posted"
        );
        halt(&cloud, all).await;
        lift(&cloud, us.tenant).await;
        all_is_halted(&cloud, &us, &payment, &ours).await;
        lift(&cloud, all).await;
        assert_eq!(Correction::reversal(&payment).decide(&poster).await.outcome, "posted");
    })
    .await;
}

#[tokio::test]
async fn what_waited_for_an_account_while_a_halt_came_is_halted() {
    let cloud = Cloud::running();
    let (poster, mut superuser) = (cloud.as_role("poster").await, cloud.superuser().await);
    let merchant = Merchant::onboard(&cloud).await;
    let (buyer, till) = (merchant.buyer(100).await, merchant.till().await);
    let holding = superuser.transaction().await.unwrap();
    let sql = "SELECT FROM ledger.accounts WHERE account_id = $1 FOR UPDATE";
    holding.query_one(sql, &[&buyer]).await.unwrap();
    let payment = merchant.payment(buyer, till, 1);
    let mut waiting = tokio::spawn(async move { payment.refused(&poster).await });
    let early = tokio::time::timeout(Duration::from_millis(300), &mut waiting).await;
    assert!(early.is_err(), "the payment must wait for the account");
    halt(&cloud, merchant.tenant).await;
    holding.commit().await.unwrap();
    assert_eq!(waiting.await.unwrap(), HALTED);
}

/// What waits for another refund asks again when that has ended: nothing is said of the payment, and nothing recorded.
#[tokio::test]
async fn a_refund_that_waited_for_another_while_a_halt_came_is_halted() {
    let cloud = Cloud::running();
    let (mut first, second) = (cloud.as_role("poster").await, cloud.as_role("poster").await);
    let (us, payment) = paid(&cloud, 100).await;
    let holding = first.transaction().await.unwrap();
    let before = Correction::refund(&payment, Some(80));
    assert_eq!(before.decide(holding.client()).await.outcome, "posted");
    // Of more than is left: were it not halted, it would be refused for that.
    let refund = Correction::refund(&payment, Some(80));
    let late = refund.clone();
    let mut waiting = tokio::spawn(async move { late.refused(&second).await });
    let early = tokio::time::timeout(Duration::from_millis(300), &mut waiting).await;
    assert!(early.is_err(), "the second refund must wait for the first");
    halt(&cloud, us.tenant).await;
    holding.commit().await.unwrap();
    assert_eq!(waiting.await.unwrap(), HALTED);
    let superuser = cloud.superuser().await;
    assert_eq!(count(&superuser, STORED, refund.key).await, 0);
    assert_eq!(corrections(&superuser, &payment).await, [80]);
    lift(&cloud, us.tenant).await;
    let told = refund.decide(&cloud.pooled_as("poster").await).await;
    assert_eq!(told.told(), ("recorded", "refund_above_payment", 80));
}

/// Not being able to ask is no leave to post.
#[tokio::test]
async fn nothing_moves_while_halts_cannot_be_read() {
    in_scratch_database(async |cloud: Cloud| {
        let (poster, settler) = (cloud.pooled_as("poster").await, cloud.pooled_as("settler").await);
        let superuser = cloud.superuser().await;
        let (us, payment) = paid(&cloud, 1000).await;
        let settlement = Settlement::new(&us, payment.source, payment.destination, 5, 1);
        settlement.ask(&poster).await;
        let entries = "SELECT count(*) FROM ledger.ledger_entries WHERE tenant_id = $1";
        let before = count(&superuser, entries, us.tenant).await;
        for (sql, code) in [
            ("REVOKE SELECT ON ledger.halts FROM ledger_engine", "42501"),
            ("DROP TABLE ledger.halts CASCADE", "42P01"),
        ] {
            superuser.batch_execute(sql).await.unwrap();
            for asked in [
                us.payment(payment.destination, payment.source, 1),
                us.deposit(payment.source, 1),
            ] {
                assert_eq!(asked.refused(&poster).await, code, "{sql}");
            }
            assert_eq!(Correction::refund(&payment, None).refused(&poster).await, code, "{sql}");
            let held = settlement.try_call(&settler, FORWARD[0]).await;
            assert_eq!(name_of(&held.unwrap_err()), code, "{sql}");
            let another = Settlement::new(&us, payment.source, payment.destination, 5, 1);
            assert_eq!(name_of(&another.post(&poster).await.unwrap_err()), code, "{sql}");
        }
        assert_eq!(count(&superuser, entries, us.tenant).await, before);
    })
    .await;
}
