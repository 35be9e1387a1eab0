//! The process is killed at every boundary between two steps. What the client sends again is posted once.

use std::time::Duration;

use tests::fault::{Exchange, Fault, Step};
use tokio::task::JoinSet;

use super::scene::{BY_GATE, BY_LEDGER, DECIDED, Scene, is_replay, outcomes};

/// What becomes of the message that was on its way when its sender died.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Message {
    /// It is gone.
    Lost,
    /// It arrives, after the death and before the retry.
    Arrives,
}

/// Where the process dies, what the gate holds then, and what the retry meets.
struct Crash {
    at: &'static str,
    step: Step,
    fault: Fault,
    message: Message,
    gate: Option<&'static str>,
    /// Whether the first retry is told to wait for the lease.
    waits: bool,
    /// Which guard answered the retry.
    caught: &'static str,
}

const fn crash(
    at: &'static str,
    (step, fault, message): (Step, Fault, Message),
    gate: Option<&'static str>,
    waits: bool,
    caught: &'static str,
) -> Crash {
    Crash {
        at,
        step,
        fault,
        message,
        gate,
        waits,
        caught,
    }
}

const PENDING: Option<&str> = Some("PENDING");
const PROCESSING: Option<&str> = Some("PROCESSING");
const COMPLETE: Option<&str> = Some("COMPLETE");

#[rustfmt::skip]
const CRASHES: &[Crash] = {
    use Fault::{HoldRequest as Before, HoldResponse as After};
    use Message::{Arrives, Lost};
    use Step::{Claim, Complete, Post, Start};
    &[
        crash("before the claim",                            (Claim,    Before, Lost),    None,       false, DECIDED),
        crash("before the claim, which arrives",             (Claim,    Before, Arrives), PENDING,    true,  DECIDED),
        crash("after the claim",                             (Claim,    After,  Lost),    PENDING,    true,  DECIDED),
        crash("before the start",                            (Start,    Before, Lost),    PENDING,    true,  DECIDED),
        crash("before the start, which arrives",             (Start,    Before, Arrives), PROCESSING, true,  DECIDED),
        crash("after the start",                             (Start,    After,  Lost),    PROCESSING, true,  DECIDED),
        crash("before the commit",                           (Post,     Before, Lost),    PROCESSING, true,  DECIDED),
        crash("before the commit, whose statement arrives",  (Post,     Before, Arrives), PROCESSING, true,  BY_LEDGER),
        crash("after the commit",                            (Post,     After,  Lost),    PROCESSING, true,  BY_LEDGER),
        crash("before the completion",                       (Complete, Before, Lost),    PROCESSING, true,  BY_LEDGER),
        crash("before the completion, which arrives",        (Complete, Before, Arrives), COMPLETE,   false, BY_GATE),
        crash("after the completion",                        (Complete, After,  Lost),    COMPLETE,   false, BY_GATE),
    ]
};

#[tokio::test]
async fn a_process_killed_at_any_boundary_leaves_one_posting_and_one_answer() {
    survived(|crash| async move { survive(crash, Scene::affordable().await).await }).await;
}

#[tokio::test]
async fn a_refund_killed_at_any_boundary_leaves_one_posting_and_one_answer() {
    survived(|crash| async move { survive(crash, Scene::refunding().await).await }).await;
}

/// Side by side, because most of each is waiting for a lease.
async fn survived<F: Future<Output = ()> + Send + 'static>(survive: impl Fn(&'static Crash) -> F) {
    let mut crashes: JoinSet<()> = CRASHES.iter().map(survive).collect();
    let mut failed = 0;
    while let Some(ended) = crashes.join_next().await {
        failed += usize::from(ended.is_err());
    }
    assert_eq!(failed, 0, "boundaries failed, of {}; each said why", CRASHES.len());
}

async fn survive(crash: &'static Crash, scene: Scene) {
    println!("{}", crash.at);
    let (held, _faults) = scene.killed_at(&scene.payment(), crash.step, crash.fault).await;
    match crash.message {
        Message::Lost => drop(held.discard().await),
        Message::Arrives => assert_eq!(held.release().await, Exchange::Succeeded, "{}", crash.at),
    }
    assert_eq!(scene.gate_status().await.as_deref(), crash.gate, "{}", crash.at);

    let retry = scene.authorize().await;
    let left = scene.lease_left().await;
    let (answer, waited) = scene.retried(&retry).await;
    // On a busy machine the lease may have ended before the retry came to ask; with a second left, it has not.
    assert!(waited || !crash.waits || left < Duration::from_secs(1), "{}", crash.at);
    assert!(crash.waits || !waited, "{}", crash.at);
    assert_eq!(is_replay(&answer), crash.caught != DECIDED, "{}", crash.at);
    let mut told = vec![crash.caught];
    if waited {
        told.insert(0, "in-progress");
    }
    assert_eq!(outcomes(&retry, told.len()).await, told, "{}", crash.at);
    assert_eq!(scene.gate_status().await.as_deref(), COMPLETE, "{}", crash.at);
    scene.posted_once(&answer).await;
}
