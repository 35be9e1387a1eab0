//! Processes that lose their key: killed on their way, or alive and overtaken.

use tests::api::{ApiRequest, ApiResponse};
use tests::fault::{Exchange, Fault, Faults, Point, Step};
use tests::lambda::{Function, Unanswered};
use tokio::task::JoinHandle;

use super::{DECIDED, Scene, assert_same, is_replay, outcomes};

impl Scene {
    /// Kills a process on its way through `request`, with the message of this step held. Returns what is held, and the
    /// proxies that hold it: they outlive the process, as the network does.
    pub async fn killed_at(&self, request: &ApiRequest, step: Step, fault: Fault) -> (Point, Faults) {
        let (doomed, faults) = self.authorize_through_faults().await;
        let held = faults.script.arm(step, fault);
        let call = doomed.call(request);
        held.reached().await;
        doomed.kill().await;
        let ended = call.await;
        assert!(
            matches!(ended, Err(Unanswered::Died { .. })),
            "{fault:?} of {step:?}: {ended:?}"
        );
        (held, faults)
    }

    /// Leaves the key claimed by a process that died and a lease that ended.
    pub async fn claimed_by_the_dead(&self) {
        self.killed_at(&self.payment(), Step::Claim, Fault::HoldResponse).await;
        self.end_lease().await;
    }

    /// Holds a process's request of this step, the SDK's second attempt included, while its lease ends and another process
    /// takes its key and answers.
    pub async fn overtaken_at(&self, step: Step) -> Overtaken {
        let (process, faults) = self.authorize_through_faults().await;
        let successor = self.authorize().await;
        let held = faults.script.arm_all(step, Fault::HoldRequest);
        let late = tokio::spawn(process.call(&self.payment()));
        held.reached().await;
        self.end_lease().await;
        let answer = successor.call(&self.payment()).await.unwrap();
        assert_eq!(outcomes(&successor, 1).await, [DECIDED]);
        Overtaken {
            answer,
            faults,
            process,
            held,
            late,
        }
    }
}

/// A live process that waits for the answer to its request still.
pub struct Overtaken {
    /// What the other answered.
    pub answer: ApiResponse,
    pub faults: Faults,
    process: Function,
    held: Point,
    late: JoinHandle<Result<ApiResponse, Unanswered>>,
}

impl Overtaken {
    /// Lets the request arrive. Insists that the process repeats the other's answer, which it has from `guard`, and returns
    /// how the exchange ended.
    pub async fn comes_late(&mut self, guard: &str) -> Exchange {
        let exchange = self.held.release().await;
        let late = (&mut self.late).await.unwrap().unwrap();
        assert_same(&self.answer, &late);
        assert!(is_replay(&late));
        assert_eq!(outcomes(&self.process, 1).await, [guard]);
        exchange
    }
}
