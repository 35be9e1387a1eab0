//! The gate or the ledger cannot be reached, or is lost in the middle: what is certain is said, what is not is called unknown.

use tests::fault::{Exchange, Fault, Step};

use super::scene::{BY_LEDGER, DECIDED, LEASE_SECONDS, Scene, assert_unavailable, outcomes, retry_after};

#[tokio::test]
async fn without_the_gate_nothing_moves() {
    let scene = Scene::affordable().await;
    let (function, faults) = scene.authorize_through_faults().await;
    faults.gate.set_down(true);
    let answer = function.call(&scene.payment()).await.unwrap();
    assert_unavailable(&answer, "gate-unavailable");
    assert_eq!(faults.ledger.round_trips(), 0, "the ledger was not asked");
    scene.nothing_moved().await;

    faults.gate.set_down(false);
    let answer = function.call(&scene.payment()).await.unwrap();
    assert_eq!(outcomes(&function, 2).await, ["gate-unavailable", DECIDED]);
    scene.posted_once(&answer).await;
}

#[tokio::test]
async fn a_gate_that_is_busy_moves_nothing() {
    for step in [Step::Claim, Step::Start] {
        let scene = Scene::affordable().await;
        let (function, faults) = scene.authorize_through_faults().await;
        faults.script.arm_all(step, Fault::Refuse);
        let answer = function.call(&scene.payment()).await.unwrap();
        assert_unavailable(&answer, "gate-unavailable");
        assert_eq!(faults.script.count(Step::Post), 0, "the ledger was not asked");
        scene.nothing_moved().await;
    }
}

/// A gate wiped between claim and start: without a claim the ledger is not asked.
#[tokio::test]
async fn a_claim_that_was_wiped_before_its_start_moves_nothing() {
    let scene = Scene::affordable().await;
    let (function, faults) = scene.authorize_through_faults().await;
    let start = faults.script.arm(Step::Start, Fault::HoldRequest);
    let call = function.call(&scene.payment());
    start.reached().await;
    scene.wipe_gate().await;
    assert!(matches!(start.release().await, Exchange::Failed(_)));
    assert_unavailable(&call.await.unwrap(), "gate-unavailable");
    assert_eq!(faults.script.count(Step::Post), 0, "the ledger was not asked");
    scene.nothing_moved().await;
}

#[tokio::test]
async fn without_the_ledger_nothing_moves_and_a_retry_need_not_wait_for_the_lease() {
    let scene = Scene::affordable().await;
    let (function, faults) = scene.authorize_through_faults().await;
    faults.ledger.set_down(true);
    let answer = function.call(&scene.payment()).await.unwrap();
    assert_unavailable(&answer, "ledger-unavailable");
    assert_eq!(retry_after(&answer), 1, "the claim was released: nothing had been sent");
    assert_ne!(scene.gate_status().await.as_deref(), Some("COMPLETE"));
    scene.nothing_moved().await;

    faults.ledger.set_down(false);
    let (answer, waited) = scene.retried(&function).await;
    assert!(!waited);
    assert_eq!(outcomes(&function, 2).await, ["ledger-unavailable", DECIDED]);
    scene.posted_once(&answer).await;
}

/// Here the statement was sent, and the server's own word is that it was rolled back.
#[tokio::test]
async fn a_posting_that_waited_for_a_lock_in_vain_ends_its_claim() {
    let mut scene = Scene::affordable().await;
    let function = scene.authorize().await;
    let (source, request) = (scene.source, scene.payment());
    let holder = scene.superuser.transaction().await.unwrap();
    let lock = "SELECT FROM ledger.accounts WHERE account_id = $1 FOR UPDATE";
    holder.execute(lock, &[&source]).await.unwrap();
    let answer = function.call(&request).await.unwrap();
    assert_unavailable(&answer, "ledger-unavailable");
    assert_eq!(retry_after(&answer), 1);
    holder.rollback().await.unwrap();

    let (answer, waited) = scene.retried(&function).await;
    assert!(!waited);
    assert_eq!(outcomes(&function, 2).await, ["ledger-unavailable", DECIDED]);
    scene.posted_once(&answer).await;
}

/// Loses the ledger's connection at the posting, warm or cold, and retries after the lease. Returns which guard caught the retry.
async fn a_connection_lost_at_the_posting(fault: Fault) -> String {
    let scene = Scene::affordable().await;
    let (function, faults) = scene.authorize_through_faults().await;
    let point = faults.script.arm(Step::Post, fault);
    let answer = function.call(&scene.payment()).await.unwrap();
    point.ended().await;
    assert_unavailable(&answer, "outcome-unknown");
    assert_eq!(retry_after(&answer), LEASE_SECONDS);
    assert_eq!(
        scene.gate_status().await.as_deref(),
        Some("PROCESSING"),
        "an unknown outcome is never completed"
    );

    // The same process: it has a connection to make again.
    let (answer, waited) = scene.retried(&function).await;
    assert!(waited);
    let told = outcomes(&function, 3).await;
    assert_eq!(told[..2], ["outcome-unknown", "in-progress"]);
    assert_eq!(scene.gate_status().await.as_deref(), Some("COMPLETE"));
    scene.posted_once(&answer).await;
    told[2].clone()
}

#[tokio::test]
async fn a_connection_cut_while_the_ledger_commits_is_an_unknown_outcome_until_the_ledger_is_asked() {
    // Whether it committed is open, so who answers is too; there is one posting either way.
    let caught = a_connection_lost_at_the_posting(Fault::CutDuring).await;
    assert!([BY_LEDGER, DECIDED].contains(&caught.as_str()), "{caught}");
}

#[tokio::test]
async fn a_commit_whose_response_is_lost_is_an_unknown_outcome_until_the_ledger_is_asked() {
    assert_eq!(a_connection_lost_at_the_posting(Fault::DropResponse).await, BY_LEDGER);
}

#[tokio::test]
async fn a_statement_that_was_sent_and_never_arrived_is_an_unknown_outcome_too() {
    assert_eq!(a_connection_lost_at_the_posting(Fault::Refuse).await, DECIDED);
}
