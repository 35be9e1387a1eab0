//! While postings are halted nothing moves and nothing is recorded; what was decided before is answered.

mod settlements;
mod switch;

use std::time::Duration;

use domain::ids::TenantId;
use tests::cloud::Cloud;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row};
use uuid::Uuid;

use super::corrections::scene::{Correction, paid};
use super::merchant::Merchant;
use super::scratch::in_scratch_database;
use super::settlement::scene::{FORWARD, Settlement};
use super::statements::{Posting, count, name_of};

const HALTED: &str = "postings_halted";
const STORED: &str = "SELECT count(*) FROM ledger.ledger_transactions WHERE ledger_key = $1";

/// Turns the switch (`halt_postings`, `resume_postings`) of a scope; returns the rows.
async fn turn(operator: &Client, function: &str, scope: Uuid) -> Vec<Row> {
    let sql = format!("SELECT * FROM ledger.{function}('anna', $1, 'its keys were stolen')");
    operator.query_typed(&sql, &[(&scope, Type::UUID)]).await.unwrap()
}

async fn halt(cloud: &Cloud, scope: Uuid) {
    let rows = turn(&cloud.pooled_as("operator").await, "halt_postings", scope).await;
    assert_eq!(rows[0].get::<_, &str>("verdict"), "halted");
}

async fn lift(cloud: &Cloud, scope: Uuid) {
    let rows = turn(&cloud.pooled_as("operator").await, "resume_postings", scope).await;
    assert_eq!(rows[0].get::<_, &str>("verdict"), "resumed");
}

/// Everything that a client can ask of the ledger that moves money: none of it is decided, and no key is taken.
async fn all_is_halted(cloud: &Cloud, merchant: &Merchant, payment: &Posting) {
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

    halt(&cloud, us.tenant).await;
    all_is_halted(&cloud, &us, &payment).await;
    let halted = us.payment(payment.source, payment.destination, 10);
    assert_eq!(halted.refused(&poster).await, HALTED);
    // What was decided is answered, and what a key stands for is told.
    assert_eq!(payment.decide(&poster).await.told(), ("replayed", "posted"));
    assert_eq!(
        declined.decide(&poster).await.told(),
        ("replayed", "insufficient_funds")
    );
    assert_eq!(refund.decide(&poster).await.told(), ("replayed", "posted", 10));
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
        halt(&cloud, all).await;
        halt(&cloud, us.tenant).await;
        all_is_halted(&cloud, &us, &payment).await;
        all_is_halted(&cloud, &others, &theirs).await;
        assert_eq!(payment.decide(&poster).await.told(), ("replayed", "posted"));
        // Each halt holds on its own.
        lift(&cloud, all).await;
        all_is_halted(&cloud, &us, &payment).await;
        assert_eq!(
            Correction::refund(&theirs, None).decide(&poster).await.outcome,
            "posted"
        );
        halt(&cloud, all).await;
        lift(&cloud, us.tenant).await;
        all_is_halted(&cloud, &us, &payment).await;
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
