//! Settlements under way: they wait for the lift, whatever was decided about them.

use domain::settlement::log::StepOutcome;
use domain::settlement::step::{Resolution, Undo};
use tests::cloud::Cloud;

use super::super::settlement::scene::{Call, FORWARD, Settlement, rows_of};
use super::super::statements::count;
use super::{halt, lift};

#[tokio::test]
async fn a_halted_settlement_waits_at_each_step_and_goes_on_after_the_lift() {
    let cloud = Cloud::running();
    let (settler, superuser) = (cloud.pooled_as("settler").await, cloud.superuser().await);
    let (merchant, settlement) = Settlement::accepted(&cloud).await;
    let (_, elsewhere) = Settlement::accepted(&cloud).await;
    for step in FORWARD {
        halt(&cloud, merchant.tenant).await;
        if step != Call::Verify(StepOutcome::Approved) {
            waits(&cloud, &settlement, step).await;
        }
        lift(&cloud, merchant.tenant).await;
        settlement.course(&settler, &[step]).await;
        halt(&cloud, merchant.tenant).await;
        // What is done is done, and said.
        assert_eq!(settlement.call(&settler, step).await.verdict, "stands");
        lift(&cloud, merchant.tenant).await;
    }
    assert_eq!(settlement.balances(&cloud).await, [600, 0, 390, 10]);
    halt(&cloud, merchant.tenant).await;
    elsewhere.course(&settler, &FORWARD).await;
    assert_eq!(elsewhere.balances(&cloud).await, [600, 0, 390, 10]);
    assert_eq!(settlement.events(&superuser).await.len(), 2);
}

/// Giving up and asking people go on; money does not go back, and what two people have decided does not pass either.
#[tokio::test]
async fn undoing_and_what_people_decided_wait_too() {
    let cloud = Cloud::running();
    let (settler, operator) = (cloud.pooled_as("settler").await, cloud.pooled_as("operator").await);
    let (merchant, undone) = Settlement::accepted(&cloud).await;
    let poster = cloud.pooled_as("poster").await;
    merchant.deposit(undone.request.source, 1000).decide(&poster).await;
    undone.course(&settler, &[FORWARD[0]]).await;
    let [released, refunded] = [undone.another(&cloud).await, undone.another(&cloud).await];
    released.course(&settler, &[FORWARD[0]]).await;
    refunded.course(&settler, &FORWARD[..3]).await;

    halt(&cloud, merchant.tenant).await;
    undone.course(&settler, &[Call::Burn]).await;
    waits(&cloud, &undone, Call::Undo(Undo::Hold)).await;
    for (stopped, decision) in [(&released, "release"), (&refunded, "refund")] {
        stopped.course(&settler, &[Call::Limbo]).await;
        assert_eq!(stopped.decide(&operator, decision).await, "approved");
    }
    waits(&cloud, &released, Call::Resolve(Resolution::Release)).await;
    waits(&cloud, &refunded, Call::Undo(Undo::Release)).await;

    lift(&cloud, merchant.tenant).await;
    let resolved = [
        Call::Resolve(Resolution::Release),
        Call::Resolve(Resolution::CollectFee),
    ];
    released.course(&settler, &resolved).await;
    refunded
        .course(&settler, &[Call::Undo(Undo::Release), Call::Undo(Undo::Hold)])
        .await;
    undone.course(&settler, &[Call::Undo(Undo::Hold)]).await;
    assert_eq!(undone.balances(&cloud).await, [1600, 0, 390, 10]);
}

/// Told to wait, with nothing written but when to come back.
async fn waits(cloud: &Cloud, settlement: &Settlement, call: Call) {
    let (settler, superuser) = (cloud.pooled_as("settler").await, cloud.superuser().await);
    let rows = rows_of(&superuser, settlement).await;
    let lapsed = "UPDATE ledger.settlements SET attend_by = now() WHERE settlement_id = $1";
    superuser.execute(lapsed, &[&settlement.id()]).await.unwrap();
    assert_eq!(settlement.call(&settler, call).await.verdict, "waits", "{call:?}");
    assert_eq!(rows_of(&superuser, settlement).await, rows);
    let attended = "SELECT count(*) FROM ledger.settlements WHERE settlement_id = $1 AND attend_by > now() + interval '14 minutes'";
    assert_eq!(count(&superuser, attended, settlement.id()).await, 1);
}
