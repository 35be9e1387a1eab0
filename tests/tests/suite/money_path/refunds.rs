//! A refund on the money path: as often as it is sent, whatever the gate has forgotten and whoever refunds beside it.

use serde_json::json;
use tests::api::{ApiRequest, ApiResponse};
use tests::fault::{Exchange, Fault, Step};
use tests::token::Scope;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::scene::{AMOUNT, BY_LEDGER, DECIDED, Scene, assert_same, is_replay, outcomes};

/// Refunds all that is left, under a key of its own.
async fn rest_refunded(scene: &Scene) -> ApiResponse {
    let request = scene.request(&json!({})).key(Uuid::new_v4());
    let rest = scene.authorize().await.call(&request).await.unwrap();
    assert_eq!(rest.status, 201, "{rest:?}");
    rest
}

#[tokio::test]
async fn a_retry_gets_its_201_though_the_gate_was_wiped_and_the_payment_fully_refunded_by_others() {
    let scene = Scene::refunding().await;
    let answer = scene.authorize().await.call(&scene.payment()).await.unwrap();
    scene.posted_once(&answer).await;
    let rest = rest_refunded(&scene).await;
    assert_eq!(rest.json()["amount"], scene.funds - AMOUNT);
    scene.wipe_gate().await;
    let retry = scene.authorize().await;
    let repeated = retry.call(&scene.payment()).await.unwrap();
    assert_same(&answer, &repeated);
    assert!(is_replay(&repeated));
    assert_eq!(outcomes(&retry, 1).await, [BY_LEDGER]);
    assert_eq!(scene.balance(scene.source).await, 0);
}

#[tokio::test]
async fn refunds_at_once_that_each_see_an_empty_gate_are_one() {
    let scene = Scene::refunding().await;
    let mut functions = Vec::new();
    for _ in 0..6 {
        let function = scene.setup().set("GATE_TABLE", scene.cloud.another_gate().await);
        functions.push(function.start().await.unwrap());
    }
    let calls: Vec<_> = functions
        .iter()
        .map(|function| function.call(&scene.payment()))
        .collect();
    let mut answers = Vec::new();
    for call in calls {
        answers.push(call.await.unwrap());
    }
    let mut caught = Vec::new();
    for function in &functions {
        caught.append(&mut outcomes(function, 1).await);
    }
    assert_eq!(caught.iter().filter(|guard| *guard == DECIDED).count(), 1, "{caught:?}");
    for answer in &answers {
        assert_same(answer, &answers[0]);
    }
    scene.posted_once(&answers[0]).await;
}

/// Full and partial ones, each under a key and in a process of its own, with no gate between them.
#[tokio::test]
async fn refunds_of_one_payment_under_many_keys_and_with_the_gate_off_never_exceed_it() {
    let scene = Scene::refunding().await;
    let mut calls = JoinSet::new();
    for n in 0..9 {
        let function = scene.setup().set("GATE_TABLE", scene.cloud.another_gate().await);
        let function = function.start().await.unwrap();
        let body = match n % 3 {
            0 => json!({}),
            1 => json!({"amount": scene.funds}),
            _ => json!({"amount": 3 * AMOUNT}),
        };
        let request = scene.request(&body).key(Uuid::new_v4());
        calls.spawn(async move { function.call(&request).await.unwrap() });
    }
    let answers = calls.join_all().await;
    let posted = answers.iter().filter(|answer| answer.status == 201);
    let given_back: i64 = posted.map(|answer| answer.json()["amount"].as_i64().unwrap()).sum();
    assert!((1..=scene.funds).contains(&given_back), "{answers:?}");
    assert_eq!(scene.balance(scene.destination).await, given_back);
    assert_eq!(scene.balance(scene.source).await, scene.funds - given_back);
    let refused = answers.iter().filter(|answer| answer.status != 201);
    for refused in refused {
        let told = ["refund-above-payment", "payment-already-corrected"];
        assert!(told.contains(&refused.problem().as_str()), "{refused:?}");
    }
}

/// The first is stopped before its statement arrives, and comes when another has refunded everything: too late, not twice.
#[tokio::test]
async fn a_refund_that_comes_late_finds_what_others_have_left() {
    let scene = Scene::refunding().await;
    let (late, faults) = scene.authorize_through_faults().await;
    let statement = faults.script.arm(Step::Post, Fault::HoldRequest);
    let call = late.call(&scene.payment());
    statement.reached().await;
    rest_refunded(&scene).await;
    assert_eq!(statement.release().await, Exchange::Succeeded);
    let answer = call.await.unwrap();
    assert_eq!(
        (answer.status, answer.problem().as_str()),
        (422, "refund-above-payment")
    );
    let again = scene.authorize().await.call(&scene.payment()).await.unwrap();
    assert_same(&answer, &again);
    assert_eq!(scene.balance(scene.destination).await, scene.funds);
    assert_eq!(scene.balance(scene.source).await, 0);
}

/// What records nothing gives the claim back, so that the key can be used at once; and it is found out that the ledger
/// refused it, and not the gate.
#[tokio::test]
async fn a_refund_of_nothing_leaves_the_claim_released() {
    let scene = Scene::refunding().await;
    let function = scene.authorize().await;
    let nothing = ApiRequest::to("POST /v1/payments/{payment_id}/refunds")
        .path("payment_id", Uuid::new_v4())
        .from_tenant(scene.merchant.tenant, Scope::Merchant)
        .key(scene.key)
        .json(&scene.body());
    for _ in 0..2 {
        let answer = function.call(&nothing).await.unwrap();
        assert_eq!((answer.status, answer.problem().as_str()), (404, "not-found"));
    }
    scene.nothing_moved().await;
    let (answer, waited) = scene.retried(&function).await;
    assert!(!waited, "the claim was given back");
    scene.posted_once(&answer).await;
}
