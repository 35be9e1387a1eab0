//! No false alarm beside what is alive.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::join_all;
use tests::fault::{Fault, Step};
use uuid::Uuid;

use super::scene::{Scene, in_scene};
use crate::reconcile::scene::Said;

#[tokio::test]
async fn an_empty_gate_and_an_empty_ledger_have_no_finding() {
    in_scene(async |scene| {
        scene.forget_deposits().await;
        assert_eq!(scene.reconciled().await.findings(), []);
    })
    .await;
}

/// Fifty at a time, each with its retry beside it, some declined, some reused, over and over; and old ones beneath, some of
/// which have to be repaired.
#[tokio::test]
async fn beside_fifty_live_payments_and_their_retries_nothing_is_found() {
    in_scene(async |scene| {
        for _ in 0..3 {
            scene
                .died_at(&scene.payment(Uuid::now_v7(), 1), Step::Post, Fault::HoldResponse)
                .await;
        }
        scene.forget_deposits().await;
        let scene = Arc::new(scene);
        let over = Arc::new(AtomicBool::new(false));
        let load = tokio::spawn(load(Arc::clone(&scene), Arc::clone(&over)));
        let reconciler = scene.reconciler().start().await.unwrap();
        let mut repaired = 0;
        for run in 0..20 {
            let said = Said::by(&reconciler, "gate").await;
            assert_eq!(said.findings(), [], "run {run}");
            repaired += said.count("repaired");
        }
        over.store(true, Ordering::SeqCst);
        let paid = load.await.unwrap();
        println!("{paid} payments beside 20 runs");
        assert!(paid >= 50 && repaired == 3, "{paid} payments, {repaired} repairs");
    })
    .await;
}

async fn load(scene: Arc<Scene>, over: Arc<AtomicBool>) -> usize {
    let functions = join_all((0..6).map(|_| async { scene.authorize().start().await.unwrap() })).await;
    let mut paid = 0;
    while !over.load(Ordering::SeqCst) {
        let keys: Vec<Uuid> = (0..50).map(|_| Uuid::now_v7()).collect();
        let calls = keys.iter().enumerate().flat_map(|(number, key)| {
            let amount = if number % 10 == 0 { 2_000_000 } else { 1 };
            [0, 1].map(|retry| {
                let amount = if retry == 1 && number % 7 == 0 { 3 } else { amount };
                functions[(number + retry) % functions.len()].call(&scene.payment(*key, amount))
            })
        });
        for answer in join_all(calls.collect::<Vec<_>>()).await {
            let status = answer.unwrap().status;
            // 503: the gate did not answer in time, on a busy machine. Nothing moved.
            assert!([201, 402, 409, 422, 503].contains(&status), "{status}");
            paid += usize::from(status == 201);
        }
    }
    paid
}
