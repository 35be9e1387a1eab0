//! What a payment costs the ledger.

use tests::fault::Step;
use uuid::Uuid;

use super::scene::Scene;

#[tokio::test]
async fn a_payment_is_one_round_trip_to_the_ledger_on_a_cold_connection_and_on_a_warm_one() {
    let mut scene = Scene::affordable().await;
    let (function, faults) = scene.authorize_through_faults().await;
    for payments in 1..=3 {
        scene.key = Uuid::now_v7();
        assert_eq!(function.call(&scene.payment()).await.unwrap().status, 201);
        assert_eq!(faults.ledger.round_trips(), payments);
        assert_eq!(
            faults.script.journal()[4 * (payments - 1)..],
            [Step::Claim, Step::Start, Step::Post, Step::Complete]
        );
    }
    assert_eq!(scene.debits().await, 3);
}

#[tokio::test]
async fn a_repeat_that_the_gate_answers_asks_the_ledger_nothing() {
    let scene = Scene::affordable().await;
    let (function, faults) = scene.authorize_through_faults().await;
    let answer = function.call(&scene.payment()).await.unwrap();
    assert_eq!(function.call(&scene.payment()).await.unwrap().body, answer.body);
    assert_eq!(faults.ledger.round_trips(), 1);
    scene.posted_once(&answer).await;
}
