//! A settlement is refunded when it is settled; until it has ended, nobody can say.

use domain::settlement::step::{Resolution, Undo};
use tests::cloud::Cloud;

use super::super::settlement::scene::{Call, FORWARD, Settlement};
use super::super::statements::entries_under;
use super::scene::Correction;

#[tokio::test]
async fn a_settlement_is_refunded_when_it_is_settled_and_never_reversed() {
    let cloud = Cloud::running();
    let (poster, settler) = (cloud.pooled_as("poster").await, cloud.pooled_as("settler").await);
    let superuser = cloud.superuser().await;
    let (_, settlement) = Settlement::accepted(&cloud).await;
    let refund = Correction::refund(&settlement.request, Some(150));
    for step in FORWARD {
        assert_eq!(refund.refused(&poster).await, "payment_not_posted");
        settlement.course(&settler, &[step]).await;
    }
    // The same request, under the same key: nothing was decided under it before.
    assert_eq!(refund.decide(&poster).await.told(), ("recorded", "posted", 150));
    let rest = Correction::refund(&settlement.request, None);
    assert_eq!(rest.decide(&poster).await.told(), ("recorded", "posted", 250));
    let reversal = Correction::reversal(&settlement.request);
    assert_eq!(
        reversal.decide(&poster).await.told(),
        ("recorded", "not_reversible", 400)
    );
    assert_eq!(entries_under(&superuser, reversal.key).await, 0);
    // The fee is the platform's all the same.
    assert_eq!(settlement.balances(&cloud).await, [1000, 0, -10, 10]);

    let (_, undone) = Settlement::accepted(&cloud).await;
    undone.course(&settler, &[FORWARD[0], Call::Burn]).await;
    let refund = Correction::refund(&undone.request, None);
    assert_eq!(refund.refused(&poster).await, "payment_not_posted", "it has not ended");
    undone.course(&settler, &[Call::Undo(Undo::Hold)]).await;
    assert_eq!(
        refund.decide(&poster).await.told(),
        ("recorded", "payment_never_posted", 400)
    );
    assert_eq!(undone.balances(&cloud).await, [1000, 0, 0, 0]);
}

/// People decide what becomes of it; until it has ended nothing can be said of a refund.
#[tokio::test]
async fn a_settlement_that_people_decided_about_is_refunded_if_it_was_released() {
    let cloud = Cloud::running();
    let (poster, settler) = (cloud.pooled_as("poster").await, cloud.pooled_as("settler").await);
    let operator = cloud.pooled_as("operator").await;
    let release = [
        Call::Resolve(Resolution::Release),
        Call::Resolve(Resolution::CollectFee),
    ];
    for (decision, course, told) in [
        ("release", &release[..], ("recorded", "posted", 400)),
        (
            "refund",
            &[Call::Undo(Undo::Hold)],
            ("recorded", "payment_never_posted", 400),
        ),
    ] {
        let (_, settlement) = Settlement::accepted(&cloud).await;
        let refund = Correction::refund(&settlement.request, None);
        settlement.course(&settler, &[FORWARD[0], Call::Limbo]).await;
        assert_eq!(refund.refused(&poster).await, "payment_not_posted", "in limbo");
        assert_eq!(settlement.decide(&operator, decision).await, "approved");
        for call in course {
            assert_eq!(refund.refused(&poster).await, "payment_not_posted", "before {call:?}");
            settlement.course(&settler, &[*call]).await;
        }
        assert_eq!(refund.decide(&poster).await.told(), told, "{decision}");
        let fee = if decision == "release" { 10 } else { 0 };
        assert_eq!(settlement.balances(&cloud).await, [1000, 0, -fee, fee]);
    }
}

/// The two are asked one after the other. Of what was settled in between, the second must not say that it never moved: that would
/// be recorded.
#[tokio::test]
async fn what_is_settled_may_yet_move_for_whoever_has_seen_it_before() {
    let cloud = Cloud::running();
    let (settler, superuser) = (cloud.pooled_as("settler").await, cloud.superuser().await);
    let asked = async |settlement: &Settlement| {
        let sql = "SELECT ledger.is_correctable(t), ledger.may_yet_move(t) FROM ledger.ledger_transactions t WHERE ledger_key = $1";
        let row = superuser.query_one(sql, &[&settlement.id()]).await.unwrap();
        [0, 1].map(|column| row.get::<_, bool>(column))
    };
    let (_, settlement) = Settlement::accepted(&cloud).await;
    for step in FORWARD {
        assert_eq!(asked(&settlement).await, [false, true], "before {step:?}");
        settlement.course(&settler, &[step]).await;
    }
    assert_eq!(asked(&settlement).await, [true, true]);
    let (_, undone) = Settlement::accepted(&cloud).await;
    undone.course(&settler, &[FORWARD[0], Call::Burn]).await;
    assert_eq!(asked(&undone).await, [false, true]);
    undone.course(&settler, &[Call::Undo(Undo::Hold)]).await;
    assert_eq!(asked(&undone).await, [false, false]);
}
