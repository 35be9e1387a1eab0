//! A write to the gate lands and its answer does not arrive: the process knows its own write again.

use tests::fault::{Fault, Faults, Step};
use tests::lambda::Function;

use super::scene::{BY_GATE, BY_LEDGER, DECIDED, Scene, assert_same, assert_unavailable, is_replay, outcomes};

/// Loses the answer to one write; the client gets its 201 from this very invocation, and a retry the same from the gate.
async fn one_lost_response(scene: &Scene, step: Step) {
    let (function, faults) = scene.authorize_through_faults().await;
    faults.script.arm(step, Fault::DropResponse);
    let answer = function.call(&scene.payment()).await.unwrap();
    assert!(!is_replay(&answer), "{answer:?}");
    assert_eq!(outcomes(&function, 1).await, [DECIDED]);
    assert_eq!(faults.script.count(step), 2, "the SDK asked again");
    assert_eq!(faults.script.count(Step::Post), 1);
    replayed_by_gate(scene, &function, &answer).await;
    scene.posted_once(&answer).await;
}

async fn replayed_by_gate(scene: &Scene, function: &Function, answer: &tests::api::ApiResponse) {
    assert_eq!(scene.gate_status().await.as_deref(), Some("COMPLETE"));
    let repeated = function.call(&scene.payment()).await.unwrap();
    assert_same(answer, &repeated);
    assert!(is_replay(&repeated));
    assert_eq!(outcomes(function, 2).await[1], BY_GATE);
}

#[tokio::test]
async fn a_claim_whose_response_was_lost_is_known_as_ones_own() {
    one_lost_response(&Scene::affordable().await, Step::Claim).await;
}

#[tokio::test]
async fn a_start_whose_response_was_lost_is_known_as_ones_own() {
    one_lost_response(&Scene::affordable().await, Step::Start).await;
}

#[tokio::test]
async fn a_completion_whose_response_was_lost_is_known_as_ones_own() {
    one_lost_response(&Scene::affordable().await, Step::Complete).await;
}

#[tokio::test]
async fn a_takeover_whose_response_was_lost_is_known_as_ones_own() {
    let scene = Scene::affordable().await;
    scene.claimed_by_the_dead().await;
    one_lost_response(&scene, Step::TakeOver).await;
}

/// Every answer to the step is lost, the SDK's second attempt included.
async fn every_response_lost(scene: &Scene, step: Step) -> (Function, Faults) {
    let (function, faults) = scene.authorize_through_faults().await;
    faults.script.arm_all(step, Fault::DropResponse);
    let answer = function.call(&scene.payment()).await.unwrap();
    faults.script.disarm();
    assert_unavailable(&answer, "gate-unavailable");
    assert_eq!(faults.script.count(Step::Post), 0, "the ledger was not asked");
    scene.nothing_moved().await;
    (function, faults)
}

/// A process cannot go on that does not know whether the key is its own; nor does its next invocation take it for granted.
#[tokio::test]
async fn a_claim_that_stays_in_doubt_moves_nothing_and_holds_the_key_for_its_lease() {
    for (step, status) in [(Step::Claim, "PENDING"), (Step::Start, "PROCESSING")] {
        let scene = Scene::affordable().await;
        let (function, _faults) = every_response_lost(&scene, step).await;
        assert_eq!(scene.gate_status().await.as_deref(), Some(status));
        let (answer, waited) = scene.retried(&function).await;
        assert!(waited);
        assert_eq!(outcomes(&function, 3).await[1..], ["in-progress", DECIDED]);
        scene.posted_once(&answer).await;
    }
}

/// The gate takes no completion, or does and never says so: the client has its answer all the same.
#[tokio::test]
async fn a_client_gets_its_answer_though_the_gate_never_takes_the_completion() {
    for (fault, waits, caught) in [(Fault::Refuse, true, BY_LEDGER), (Fault::DropResponse, false, BY_GATE)] {
        let scene = Scene::affordable().await;
        let (function, faults) = scene.authorize_through_faults().await;
        faults.script.arm_all(Step::Complete, fault);
        let answer = function.call(&scene.payment()).await.unwrap();
        faults.script.disarm();
        assert!(!is_replay(&answer));
        assert_eq!(outcomes(&function, 1).await, [DECIDED]);

        let retry = scene.authorize().await;
        let (repeated, waited) = scene.retried(&retry).await;
        assert_eq!(waited, waits, "{fault:?}");
        assert_same(&answer, &repeated);
        assert_eq!(
            outcomes(&retry, 1 + usize::from(waits)).await.pop().as_deref(),
            Some(caught)
        );
        assert_eq!(scene.gate_status().await.as_deref(), Some("COMPLETE"));
        scene.posted_once(&answer).await;
    }
}
