//! What becomes of settlements is announced: when it was, in its order, and only if it was so.

use serde_json::{Value, json};

use super::scene::Scene;
use crate::ledger::scratch::in_scratch_database;
use crate::ledger::settlement::scene::{Call, FORWARD, Settlement};
use domain::event::EventId;
use domain::settlement::log::StepOutcome;
use domain::settlement::step::Undo;

/// The details of the events that the bus took about a settlement, by their sequence.
fn told_of(scene: &Scene, settlement: &Settlement) -> Vec<Value> {
    let details = scene.bus.seen().accepted.into_iter();
    let details = details.map(|entry| serde_json::from_str::<Value>(entry["Detail"].as_str().unwrap()).unwrap());
    let id = json!(settlement.id());
    let mut told: Vec<_> = details
        .filter(|detail| detail["settlement"]["settlement_id"] == id)
        .collect();
    told.sort_by_key(|detail| detail["sequence"].as_u64());
    told
}

/// Waits out a limbo that ends in a refund.
async fn refunded(scene: &Scene, settlement: &Settlement) {
    let settler = scene.cloud.pooled_as("settler").await;
    let operator = scene.cloud.pooled_as("operator").await;
    settlement
        .course(
            &settler,
            &[FORWARD[0], Call::Verify(StepOutcome::Rejected), Call::Limbo],
        )
        .await;
    assert_eq!(settlement.decide(&operator, "refund").await, "approved");
    settlement.course(&settler, &[Call::Undo(Undo::Hold)]).await;
}

#[tokio::test]
async fn a_settlement_is_announced_as_requested_stopped_and_ended_in_that_order() {
    in_scratch_database(async |cloud| {
        let scene = Scene::set(cloud).await;
        let (_, settled) = Settlement::accepted(&scene.cloud).await;
        let (_, refund) = Settlement::accepted(&scene.cloud).await;
        settled.course(&scene.cloud.pooled_as("settler").await, &FORWARD).await;
        refunded(&scene, &refund).await;
        let _poller = scene.polling().await;
        scene.drained().await;
        assert_eq!(scene.dead_letters().await, 0);
        for (settlement, types) in [
            (&settled, &["settlement.requested.v1", "settlement.settled.v1"][..]),
            (
                &refund,
                &[
                    "settlement.requested.v1",
                    "settlement.limbo.v1",
                    "settlement.compensated.v1",
                ],
            ),
        ] {
            let told = told_of(&scene, settlement);
            assert_eq!(told.iter().map(|it| &it["event_type"]).collect::<Vec<_>>(), types);
            let mut before = String::new();
            for (detail, sequence) in told.iter().zip(1..) {
                let id = EventId::of(settlement.id().into(), sequence);
                assert_eq!(
                    (&detail["event_id"], &detail["sequence"]),
                    (&json!(id), &json!(sequence))
                );
                let about = ["source", "destination", "amount", "fee", "currency"].map(|it| &detail["settlement"][it]);
                let request = &settlement.request;
                assert_eq!(
                    json!(about),
                    json!([request.source, request.destination, 400, 10, "EUR"])
                );
                let at = detail["occurred_at"].as_str().unwrap().to_owned();
                assert!(before < at, "{before} {at}");
                before = at;
            }
        }
    })
    .await;
}

/// Tampering: what a row says must have happened.
#[tokio::test]
async fn what_did_not_become_of_a_settlement_is_never_announced() {
    in_scratch_database(async |cloud| {
        let scene = Scene::set(cloud).await;
        let (_, accepted) = Settlement::accepted(&scene.cloud).await;
        let (_, settled) = Settlement::accepted(&scene.cloud).await;
        let (_, refund) = Settlement::accepted(&scene.cloud).await;
        settled.course(&scene.cloud.pooled_as("settler").await, &FORWARD).await;
        refunded(&scene, &refund).await;
        scene.execute("DELETE FROM ledger.outbox").await;
        let forged = [
            (&accepted, 2, "settlement.settled.v1"),
            (&accepted, 2, "settlement.limbo.v1"),
            (&accepted, 2, "settlement.requested.v1"),
            (&settled, 2, "settlement.compensated.v1"),
            (&settled, 3, "settlement.settled.v1"),
            (&settled, 1, "payment.posted.v1"),
            (&refund, 2, "settlement.compensated.v1"),
            (&refund, 3, "settlement.limbo.v1"),
        ];
        let forge = "INSERT INTO ledger.outbox (tenant_id, ledger_key, sequence, attempts, event_type)
                     VALUES ($1, $2, $3, 4, $4)";
        for (settlement, sequence, event_type) in forged {
            let (tenant, id) = (settlement.tenant(), settlement.id());
            let row: [&(dyn tokio_postgres::types::ToSql + Sync); 4] = [&tenant, &id, &sequence, &event_type];
            scene.superuser.execute(forge, &row).await.unwrap();
        }
        let _poller = scene.polling().await;
        scene.bus.sees(|seen| seen.messages.len() == forged.len()).await;
        assert_eq!(scene.bus.seen().calls, 0);
        let why = "SELECT count(*) FROM ledger.dead_letters WHERE last_error LIKE 'the ledger does not bear it out: %'";
        assert_eq!(usize::try_from(scene.number(why).await), Ok(forged.len()));
    })
    .await;
}
