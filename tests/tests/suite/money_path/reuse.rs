//! A key used again for another intent: refused at every stage, and never in the way of the first.

use serde_json::{Value, json};
use tests::api::ApiResponse;
use tests::fault::{Exchange, Fault, Faults, Step};
use uuid::Uuid;

use super::scene::{AMOUNT, BY_GATE, BY_LEDGER, Scene, assert_same, outcomes};

const REUSED: &str = "idempotency-key-reused";

fn assert_reused(answer: &ApiResponse) {
    assert_eq!((answer.status, answer.problem().as_str()), (422, REUSED), "{answer:?}");
    assert_eq!(answer.json()["id"], Value::Null, "nothing of the first is told");
}

#[tokio::test]
async fn another_body_is_refused_while_the_first_is_in_flight_and_after() {
    let scene = Scene::affordable().await;
    let (first, faults) = scene.authorize_through_faults().await;
    let statement = faults.script.arm(Step::Post, Fault::HoldRequest);
    let call = first.call(&scene.payment());
    statement.reached().await;
    let (other, others) = scene.authorize_through_faults().await;
    assert_reused(&other.call(&scene.other_payment()).await.unwrap());

    assert_eq!(statement.release().await, Exchange::Succeeded);
    let answer = call.await.unwrap();
    assert_reused(&other.call(&scene.other_payment()).await.unwrap());
    assert_eq!(others.ledger.round_trips(), 0, "the gate refused both");
    scene.posted_once(&answer).await;
}

#[tokio::test]
async fn another_body_is_refused_by_the_ledger_and_the_gate_then_holds_the_ledgers_answer() {
    let scene = Scene::affordable().await;
    let function = scene.authorize().await;
    let answer = function.call(&scene.payment()).await.unwrap();
    scene.wipe_gate().await;

    let (other, faults) = scene.authorize_through_faults().await;
    assert_reused(&other.call(&scene.other_payment()).await.unwrap());
    assert_eq!(faults.script.count(Step::Post), 1, "the ledger refused it");
    assert_eq!(scene.gate_status().await.as_deref(), Some("COMPLETE"));

    // Both from the gate now: the first request's answer, and the refusal of the other.
    let (retry, faults) = scene.authorize_through_faults().await;
    assert_same(&answer, &retry.call(&scene.payment()).await.unwrap());
    assert_reused(&retry.call(&scene.other_payment()).await.unwrap());
    assert_eq!(outcomes(&retry, 2).await, [BY_GATE, REUSED]);
    assert_eq!(faults.ledger.round_trips(), 0, "the gate answered both");
    scene.posted_once(&answer).await;
}

/// Only the ledger knows what a key stands for. A claim that died before it asked must not speak for the ledger: told to
/// mint a new key, the owner of a posted payment would pay twice.
#[tokio::test]
async fn another_bodys_claim_that_died_does_not_stand_between_a_posted_payment_and_its_answer() {
    let scene = Scene::affordable().await;
    let answer = scene.authorize().await.call(&scene.payment()).await.unwrap();
    scene.wipe_gate().await;
    let other = scene.other_payment();
    let (start, _faults) = scene.killed_at(&other, Step::Start, Fault::HoldRequest).await;
    start.discard().await;

    scene.end_lease().await;
    let retry = scene.authorize().await;
    assert_same(&answer, &retry.call(&scene.payment()).await.unwrap());
    assert_reused(&retry.call(&scene.other_payment()).await.unwrap());
    assert_eq!(outcomes(&retry, 2).await, [BY_LEDGER, REUSED]);
    scene.posted_once(&answer).await;
}

/// Other accounts under the same key share no row with the first: only the intent row stands between them.
#[tokio::test]
async fn of_two_intents_under_one_key_at_once_with_other_accounts_and_no_common_gate_one_is_posted() {
    let mut scene = Scene::affordable().await;
    let other_source = scene.merchant.buyer(scene.funds).await;
    let other_destination = scene.merchant.till().await;
    let (one, first) = scene.authorize_through_faults().await;
    let second = Faults::between(&scene.cloud).await;
    let other = scene
        .setup()
        .through(&second)
        .set("GATE_TABLE", scene.cloud.another_gate().await);
    let other = other.start().await.unwrap();
    for round in 1..=10 {
        scene.key = Uuid::now_v7();
        let mut body = scene.body();
        body["source"] = json!(other_source);
        body["destination"] = json!(other_destination);
        let statements = [
            first.script.arm(Step::Post, Fault::HoldRequest),
            second.script.arm(Step::Post, Fault::HoldRequest),
        ];
        let calls = (one.call(&scene.payment()), other.call(&scene.request(&body)));
        statements[0].reached().await;
        statements[1].reached().await;
        tokio::join!(statements[0].release(), statements[1].release());
        let answers = [calls.0.await.unwrap(), calls.1.await.unwrap()];
        let mut statuses = answers.each_ref().map(|answer| answer.status);
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 422]);
        let loser = usize::from(answers[0].status == 201);
        assert_reused(&answers[loser]);
        assert_eq!(scene.intents().await.len(), round, "one intent a round");
        let id: Uuid = answers[1 - loser].json()["id"].as_str().unwrap().parse().unwrap();
        assert!(scene.intents().await.contains(&(id, "posted".to_owned())));
    }
    let paid = 2 * scene.funds - scene.balance(scene.source).await - scene.balance(other_source).await;
    assert_eq!(paid, 10 * AMOUNT, "one payment a round");
    let received = scene.balance(scene.destination).await + scene.balance(other_destination).await;
    assert_eq!(received, paid);
}
