//! Processes that come back after their key was taken over: their late statement or their late answer changes nothing.

use std::time::Duration;

use tests::fault::{Exchange, Fault, Point, Step};

use super::scene::{
    AMOUNT, BY_GATE, BY_LEDGER, DECIDED, LEASE_SECONDS, Scene, assert_same, assert_unavailable, is_replay, outcomes,
};

/// The statement of a process that waits for its answer still, while its lease was taken from it.
#[tokio::test]
async fn a_late_statement_of_a_live_zombie_posts_nothing_and_brings_it_the_same_answer() {
    let scene = Scene::affordable().await;
    let mut zombie = scene.overtaken_at(Step::Post).await;
    assert_eq!(zombie.comes_late(BY_LEDGER).await, Exchange::Succeeded);
    scene.posted_once(&zombie.answer).await;
}

/// Were its key not taken, the deposit would let the late statement post what its client was told is declined.
#[tokio::test]
async fn a_late_statement_finds_its_key_declined_though_the_money_is_there_now() {
    let scene = Scene::with_funds(AMOUNT - 1).await;
    let mut zombie = scene.overtaken_at(Step::Post).await;
    scene.merchant.fund(scene.source, AMOUNT).await;
    assert_eq!(zombie.comes_late(BY_LEDGER).await, Exchange::Succeeded);
    scene.declined_once(&zombie.answer).await;
}

/// The lease really ends here: its owner has given up long before, and its statement is still on its way.
async fn takeover_after_the_lease(scene: &Scene) -> (Point, tests::api::ApiResponse) {
    let (zombie, faults) = scene.authorize_through_faults().await;
    let statement = faults.script.arm(Step::Post, Fault::HoldRequest);
    let gave_up = zombie.call(&scene.payment()).await.unwrap();
    statement.reached().await;
    assert_unavailable(&gave_up, "outcome-unknown");
    assert_eq!(scene.gate_status().await.as_deref(), Some("PROCESSING"));

    let successor = scene.authorize().await;
    let (answer, waited) = scene.retried(&successor).await;
    assert!(waited);
    assert_eq!(outcomes(&successor, 2).await, ["in-progress", DECIDED]);
    // The proxies outlive the process, as the network does.
    zombie.kill().await;
    std::mem::forget(faults);
    (statement, answer)
}

#[tokio::test]
async fn a_statement_that_arrives_after_its_lease_posts_nothing() {
    let scene = Scene::affordable().await;
    let (statement, answer) = takeover_after_the_lease(&scene).await;
    assert_eq!(statement.release().await, Exchange::Succeeded);
    scene.posted_once(&answer).await;
}

#[tokio::test]
async fn a_statement_that_arrives_after_its_lease_posts_nothing_that_was_declined() {
    let scene = Scene::with_funds(AMOUNT - 1).await;
    let (statement, answer) = takeover_after_the_lease(&scene).await;
    scene.merchant.fund(scene.source, AMOUNT).await;
    assert_eq!(statement.release().await, Exchange::Succeeded);
    scene.declined_once(&answer).await;
}

/// Paused (SIGSTOP) with the given exchange in the air, past the lease, and resumed when another has answered.
async fn a_process_paused_before_the_statement(step: Step, fault: Fault) {
    let scene = Scene::affordable().await;
    let (zombie, faults) = scene.authorize_through_faults().await;
    let point = faults.script.arm(step, fault);
    let late = zombie.call(&scene.payment());
    point.reached().await;
    zombie.pause();
    // As long as a real lease: unlike one ended by hand, it shows that the process's own clock ran on.
    tokio::time::sleep(Duration::from_secs(LEASE_SECONDS)).await;

    let successor = scene.authorize().await;
    let (answer, _) = scene.retried(&successor).await;
    let exchange = point.release().await;
    if step == Step::Start && fault == Fault::HoldRequest {
        assert!(
            matches!(exchange, Exchange::Failed(_)),
            "the start came too late: {exchange:?}"
        );
    }
    zombie.resume();
    let late = late.await.unwrap();
    // Its own clock ran on: it may find that the gate took too long before it reads what the gate said.
    if late.status == 503 {
        assert_unavailable(&late, "gate-unavailable");
    } else {
        assert_same(&answer, &late);
        assert!(is_replay(&late));
    }
    assert_eq!(faults.script.count(Step::Post), 0, "the ledger was not asked");
    scene.posted_once(&answer).await;
}

#[tokio::test]
async fn a_process_paused_after_its_claim_does_not_ask_the_ledger() {
    a_process_paused_before_the_statement(Step::Claim, Fault::HoldResponse).await;
}

#[tokio::test]
async fn a_process_paused_before_its_start_does_not_ask_the_ledger() {
    a_process_paused_before_the_statement(Step::Start, Fault::HoldRequest).await;
}

/// The gate answers it in time that the key has another holder, who is through already: it must not go on to the ledger.
#[tokio::test]
async fn a_process_that_cannot_start_does_not_ask_the_ledger() {
    let scene = Scene::affordable().await;
    let mut zombie = scene.overtaken_at(Step::Start).await;
    assert!(matches!(zombie.comes_late(BY_GATE).await, Exchange::Failed(_)));
    assert_eq!(zombie.faults.script.count(Step::Post), 0, "the ledger was not asked");
    scene.posted_once(&zombie.answer).await;
}

#[tokio::test]
async fn a_process_whose_key_is_taken_over_after_its_commit_answers_the_same_and_completes_nothing() {
    let scene = Scene::affordable().await;
    let (zombie, faults) = scene.authorize_through_faults().await;
    let committed = faults.script.arm(Step::Post, Fault::HoldResponse);
    let completion = faults.script.arm(Step::Complete, Fault::HoldResponse);
    let late = zombie.call(&scene.payment());
    committed.reached().await;
    zombie.pause();
    scene.end_lease().await;

    let successor = scene.authorize().await;
    let answer = successor.call(&scene.payment()).await.unwrap();
    assert_eq!(outcomes(&successor, 1).await, [BY_LEDGER]);

    committed.release().await;
    zombie.resume();
    completion.reached().await;
    let Exchange::Failed(refused) = completion.release().await else {
        panic!("the gate took the completion of one who does not hold the key");
    };
    assert!(refused.contains("ConditionalCheckFailed"), "{refused}");
    let late = late.await.unwrap();
    assert_same(&answer, &late);
    assert_eq!(outcomes(&zombie, 1).await, [DECIDED]);
    scene.posted_once(&answer).await;
}

/// Only one of two takers of a dead process's key goes on; the other never asks the ledger.
#[tokio::test]
async fn of_two_that_take_over_one_goes_on() {
    let scene = Scene::affordable().await;
    scene.claimed_by_the_dead().await;
    let ((one, first), (other, second)) = (
        scene.authorize_through_faults().await,
        scene.authorize_through_faults().await,
    );
    let takeovers = [
        first.script.arm(Step::TakeOver, Fault::HoldRequest),
        second.script.arm(Step::TakeOver, Fault::HoldRequest),
    ];
    let (call, other_call) = (one.call(&scene.payment()), other.call(&scene.payment()));
    takeovers[0].reached().await;
    takeovers[1].reached().await;
    // The winner waits at the ledger until the loser has its answer.
    let posting = first.script.arm(Step::Post, Fault::HoldRequest);
    assert_eq!(takeovers[0].release().await, Exchange::Succeeded);
    posting.reached().await;
    assert!(matches!(takeovers[1].release().await, Exchange::Failed(_)));
    let lost = other_call.await.unwrap();
    assert_eq!((lost.status, lost.problem().as_str()), (409, "in-progress"));
    assert_eq!(second.script.count(Step::Post), 0);
    posting.release().await;
    let answer = call.await.unwrap();
    assert_eq!(outcomes(&one, 1).await, [DECIDED]);
    scene.posted_once(&answer).await;
}
