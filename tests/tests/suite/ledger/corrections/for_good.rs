//! What nothing can change is recorded, and answered so for ever.

use domain::settlement::step::{Step, Undo};
use tests::cloud::Cloud;
use uuid::Uuid;

use super::super::settlement::scene::{Call, FORWARD, Settlement};
use super::super::statements::{entries_under, events_under};
use super::scene::{Correction, given_back, paid};

#[tokio::test]
async fn what_never_moved_and_never_will_is_refused_for_good() {
    let cloud = Cloud::running();
    let (poster, settler) = (cloud.pooled_as("poster").await, cloud.pooled_as("settler").await);
    let superuser = cloud.superuser().await;
    let (us, payment) = paid(&cloud, 50).await;
    let declined = us.payment(payment.source, payment.destination, 5000);
    assert_eq!(declined.decide(&poster).await.outcome, "insufficient_funds");
    let nowhere = us.payment(Uuid::new_v4(), payment.destination, 5000);
    assert_eq!(nowhere.decide(&poster).await.outcome, "account_unknown");
    let (_, undone) = Settlement::accepted(&cloud).await;
    undone
        .course(&settler, &[FORWARD[0], Call::Burn, Call::Undo(Undo::Hold)])
        .await;
    let mut above = Settlement::new(&us, payment.source, payment.destination, 5, 1);
    above.terms["fee"] = serde_json::Value::Null;
    assert_eq!(above.post(&poster).await.unwrap().1, "fee_above_amount");
    let never = "payment_never_posted";
    for (correction, outcome) in [
        (Correction::refund(&declined, Some(1)), never),
        (Correction::refund(&declined, None), never),
        (Correction::reversal(&declined), never),
        (Correction::refund(&nowhere, None), never),
        (Correction::refund(&undone.request, None), never),
        (Correction::refund(&above.request, Some(1)), never),
        (Correction::reversal(&undone.request), "not_reversible"),
        (Correction::reversal(&above.request), "not_reversible"),
    ] {
        let decision = correction.decide(&poster).await;
        assert_eq!(
            (&*decision.verdict, &*decision.outcome),
            ("recorded", outcome),
            "{correction:?}"
        );
        let again = correction.decide(&poster).await;
        assert_eq!(again.told(), ("replayed", outcome, decision.amount));
        assert_eq!(entries_under(&superuser, correction.key).await, 0);
        assert_eq!(events_under(&superuser, correction.key).await, 0);
    }
    assert_eq!(undone.balances(&cloud).await, [1000, 0, 0, 0]);
}

/// A key stands for what it stands for: a deposit, a correction or an action of a settlement never becomes a payment.
#[tokio::test]
async fn what_is_no_payment_and_never_will_be_is_refused_for_good() {
    let cloud = Cloud::running();
    let (poster, settler) = (cloud.pooled_as("poster").await, cloud.pooled_as("settler").await);
    let superuser = cloud.superuser().await;
    let (us, payment) = paid(&cloud, 50).await;
    let deposit = us.deposit(payment.source, 5);
    deposit.decide(&poster).await;
    let elsewhere = us.deposit(Uuid::new_v4(), 5);
    assert_eq!(elsewhere.decide(&poster).await.outcome, "account_unknown");
    let refund = Correction::refund(&payment, Some(20));
    refund.decide(&poster).await;
    let above = Correction::refund(&payment, Some(31));
    assert_eq!(above.decide(&poster).await.outcome, "refund_above_payment");
    let (_, other) = paid(&cloud, 50).await;
    let reversal = Correction::reversal(&other);
    reversal.decide(&poster).await;
    let (_, settled) = Settlement::accepted(&cloud).await;
    settled.course(&settler, &FORWARD).await;
    let of_settlement = |step| (settled.tenant(), settled.key(step));
    for (tenant, original) in [
        (us.tenant, deposit.key),
        (us.tenant, elsewhere.key),
        (us.tenant, refund.key),
        (us.tenant, above.key),
        (other.tenant, reversal.key),
        of_settlement(Step::Hold),
        of_settlement(Step::Verify),
        of_settlement(Step::Release),
    ] {
        for (kind, amount) in [("refund", None), ("refund", Some(1)), ("reversal", None)] {
            let correction = Correction {
                tenant,
                kind,
                payment: original,
                ..Correction::refund(&payment, amount)
            };
            let decision = correction.decide(&poster).await;
            assert_eq!(
                (&*decision.verdict, &*decision.outcome),
                ("recorded", "not_a_payment"),
                "{correction:?}"
            );
            let again = correction.decide(&poster).await;
            assert_eq!(again.told(), ("replayed", "not_a_payment", decision.amount));
            assert_eq!(entries_under(&superuser, correction.key).await, 0);
            assert_eq!(events_under(&superuser, correction.key).await, 0);
        }
    }
    assert_eq!(given_back(&superuser, &payment).await, 20);
    // Another merchant's reads as nothing at all.
    let foreign = Correction {
        tenant: other.tenant,
        ..Correction::refund(&deposit, None)
    };
    assert_eq!(foreign.refused(&poster).await, "payment_unknown");
}
