//! The same key many times at once.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tests::api::{ApiRequest, ApiResponse};
use tests::lambda::Function;
use tests::token;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::scene::{AMOUNT, Scene, assert_same, is_replay, retry_after};

/// Each in a process of its own, as Lambda runs them, in front of one gate and one ledger.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_at_once_are_posted_once_in_each_of_twenty_rounds() {
    const ROUNDS: usize = 20;
    const AT_ONCE: usize = 200;
    let mut scene = Scene::with_funds(100 * AMOUNT).await;
    let mut functions = Vec::new();
    for _ in 0..AT_ONCE {
        functions.push(scene.authorize().await);
    }
    for round in 1..=ROUNDS {
        scene.key = Uuid::now_v7();
        let began = Instant::now();
        let calls: Vec<_> = functions
            .iter()
            .map(|function| function.call(&scene.payment()))
            .collect();
        let mut answers = Vec::new();
        for call in calls {
            answers.push(call.await.unwrap());
        }
        println!("round {round}: {:?} in {:?}", statuses(&answers), began.elapsed());
        answers.push(settled(async || functions[0].call(&scene.payment()).await.unwrap()).await);
        for answer in answers.iter().filter(|answer| answer.status != 201) {
            assert_told_to_wait(answer);
        }
        let decided = answers
            .iter()
            .filter(|answer| answer.status == 201 && !is_replay(answer));
        assert_eq!(decided.count(), 1, "{:?}", statuses(&answers));
        posted_once_a_round(&scene, round, &answers).await;
    }
    // All are there still: none died of it.
    assert!(
        functions
            .iter()
            .map(Function::output)
            .all(|output| !output.contains("panicked"))
    );
}

/// Through everything that stands before the function: gateway, real token, execution role.
#[tokio::test]
async fn fifty_at_once_over_http_are_posted_once() {
    const ROUNDS: usize = 3;
    let mut scene = Scene::with_funds(100 * AMOUNT).await;
    let token = token::merchant(&scene.cloud, scene.merchant.tenant).await;
    // The gateway fetches the issuer's keys at its first request.
    posted_once_a_round(&scene, 1, &[over_http(&scene, &token).await]).await;
    for round in 2..=1 + ROUNDS {
        scene.key = Uuid::now_v7();
        let began = Instant::now();
        let mut answers = at_once(&scene, &token, 50).await;
        println!("round {round}: {:?} in {:?}", statuses(&answers), began.elapsed());
        answers.push(settled(async || over_http(&scene, &token).await).await);
        for answer in answers.iter().filter(|answer| answer.status != 201) {
            assert_told_to_wait(answer);
        }
        posted_once_a_round(&scene, round, &answers).await;
    }
}

/// Insists that every 201 has the same bytes, and that each round so far moved the amount once.
async fn posted_once_a_round(scene: &Scene, rounds: usize, answers: &[ApiResponse]) {
    let posted: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
    for answer in &posted {
        assert_same(answer, posted[0]);
    }
    let id: Uuid = posted[0].json()["id"].as_str().unwrap().parse().unwrap();
    let entries = "SELECT count(*) FROM ledger.ledger_entries WHERE idempotency_key = $1";
    let entries = scene.superuser.query_one(entries, &[&id]).await.unwrap();
    assert_eq!(entries.get::<_, i64>(0), 2, "a debit and a credit");
    assert_eq!(scene.intents().await.len(), rounds);
    assert_eq!(usize::try_from(scene.debits().await), Ok(rounds));
    let paid = AMOUNT * i64::try_from(rounds).unwrap();
    assert_eq!(scene.balance(scene.source).await, scene.funds - paid);
    assert_eq!(scene.balance(scene.destination).await, paid);
}

fn statuses(answers: &[ApiResponse]) -> BTreeMap<u16, usize> {
    let mut statuses = BTreeMap::new();
    for answer in answers {
        *statuses.entry(answer.status).or_insert(0) += 1;
    }
    statuses
}

fn http_request(scene: &Scene) -> ApiRequest {
    ApiRequest::to("POST /v1/payments").key(scene.key).json(&scene.body())
}

async fn over_http(scene: &Scene, token: &str) -> ApiResponse {
    http_request(scene).send(&scene.cloud, Some(token)).await.unwrap()
}

async fn at_once(scene: &Scene, token: &str, count: usize) -> Vec<ApiResponse> {
    let mut requests = JoinSet::new();
    for _ in 0..count {
        let (request, cloud, token) = (http_request(scene), scene.cloud.clone(), token.to_owned());
        requests.spawn(async move { request.send(&cloud, Some(&token)).await.unwrap() });
    }
    requests.join_all().await
}

/// Sends once more, as often as told to come again.
async fn settled(send: impl AsyncFn() -> ApiResponse) -> ApiResponse {
    for _ in 0..5 {
        let answer = send().await;
        if answer.status == 201 {
            return answer;
        }
        // Asked any earlier, it would use up its attempts while the holder of the key is at work.
        tokio::time::sleep(Duration::from_secs(retry_after(&answer))).await;
    }
    panic!("nobody was ever answered");
}

/// Somebody else holds the key; or the emulator, whose one process is every function's gate, took longer than a function waits.
fn assert_told_to_wait(answer: &ApiResponse) {
    let told = (answer.status, answer.problem());
    assert!(
        told == (409, "in-progress".to_owned()) || told == (503, "gate-unavailable".to_owned()),
        "{answer:?}"
    );
    assert!(retry_after(answer) >= 1);
}

#[tokio::test]
async fn two_merchants_with_the_same_key_are_posted_once_each() {
    let one = Scene::affordable().await;
    let mut other = Scene::affordable().await;
    other.key = one.key;
    // One process serves both, so that nothing of the first could be left for the second.
    let function = one.authorize().await;
    let answers = [
        settled(async || function.call(&one.payment()).await.unwrap()).await,
        settled(async || function.call(&other.payment()).await.unwrap()).await,
    ];
    assert_ne!(answers[0].json()["id"], answers[1].json()["id"]);
    one.posted_once(&answers[0]).await;
    other.posted_once(&answers[1]).await;
}
