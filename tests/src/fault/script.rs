//! What is to go wrong, where, and what the proxies saw.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

/// How long a test waits for a point to be reached, or for a released exchange to end.
const PATIENCE: Duration = Duration::from_mins(2);

/// A step of the money path or of the vault, as the wire shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The gate's claim of a key.
    Claim,
    /// PENDING to PROCESSING.
    Start,
    /// The claim of a key whose lease ran out.
    TakeOver,
    /// The ledger's one round trip.
    Post,
    /// PROCESSING to COMPLETE.
    Complete,
    /// The vault's transaction that stores or links.
    Store,
    /// A tenant's new keys are wrapped under the next version from then on.
    Advance,
    /// A customer's key is wrapped anew.
    Rewrap,
    /// A tenant's secret is made, or gets a new version.
    Ring,
    /// A tenant's secret is deleted.
    Shred,
    /// The reading of a tenant's secret.
    ReadRing,
    /// A transaction that reads a tenant's item.
    LookAtTenant,
}

/// What goes wrong at a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The request waits in the proxy; the server has not seen it.
    HoldRequest,
    /// The server has carried the request out; its answer waits in the proxy.
    HoldResponse,
    /// The server has carried the request out; the connection is closed without the answer.
    DropResponse,
    /// The request is sent on and both connections are closed at once: whether it was carried out is open.
    CutDuring,
    /// The server never sees the request. The gate answers 503, the ledger's connection is closed.
    Refuse,
    /// The server never sees the request. Who asked is told that a transaction is at the item at this moment, as DynamoDB
    /// says it; the ledger's connection is closed.
    Conflict,
}

/// How the exchange behind a point ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exchange {
    /// The server carried the request out.
    Succeeded,
    /// The server refused it, in its own words.
    Failed(String),
    /// The server was never asked.
    NotForwarded,
    /// The server was asked, and the connection was lost before its answer.
    Unknown,
}

/// The faults armed for one function's proxies, and the steps seen. Clones share both.
#[derive(Debug, Clone, Default)]
pub struct Script(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    rules: Vec<Rule>,
    journal: Vec<Step>,
}

#[derive(Debug)]
struct Rule {
    step: Step,
    fault: Fault,
    /// Occurrences let through first.
    skip: usize,
    /// Occurrences hit after those.
    hits: usize,
    point: Point,
}

#[allow(clippy::must_use_candidate, reason = "a fault that needs no order is armed and left")]
impl Script {
    /// Arms a fault for the next occurrence of a step.
    pub fn arm(&self, step: Step, fault: Fault) -> Point {
        self.rule(step, fault, 0, 1)
    }

    /// Arms a fault for the nth occurrence of a step from now on, counted from 1.
    pub fn arm_nth(&self, step: Step, nth: usize, fault: Fault) -> Point {
        self.rule(step, fault, nth.saturating_sub(1), 1)
    }

    /// Arms a fault for every occurrence of a step from now on, the SDK's own retries included.
    pub fn arm_all(&self, step: Step, fault: Fault) -> Point {
        self.rule(step, fault, 0, usize::MAX)
    }

    /// Arms a fault for the nth occurrence of a step from now on, counted from 1, and all after it.
    pub fn arm_from(&self, step: Step, nth: usize, fault: Fault) -> Point {
        self.rule(step, fault, nth.saturating_sub(1), usize::MAX)
    }

    /// Forgets every armed fault. What is held stays held.
    pub fn disarm(&self) {
        self.state().rules.clear();
    }

    /// The steps seen so far, in order, retries included.
    #[must_use]
    pub fn journal(&self) -> Vec<Step> {
        self.state().journal.clone()
    }

    /// How often a step was seen.
    #[must_use]
    pub fn count(&self, step: Step) -> usize {
        self.state().journal.iter().filter(|seen| **seen == step).count()
    }

    /// Notes that a step was met; says what is to go wrong with it.
    pub(super) fn meet(&self, step: Step) -> Option<(Fault, Point)> {
        let mut state = self.state();
        state.journal.push(step);
        let mut met = None;
        for rule in state.rules.iter_mut().filter(|rule| rule.step == step) {
            if rule.skip > 0 {
                rule.skip -= 1;
            } else if rule.hits > 0 && met.is_none() {
                rule.hits -= 1;
                met = Some((rule.fault, rule.point.clone()));
            }
        }
        met
    }

    fn rule(&self, step: Step, fault: Fault, skip: usize, hits: usize) -> Point {
        let progress = watch::Sender::new(Progress::Armed);
        let point = Point(Arc::new(Watched {
            step,
            fault,
            progress,
            order: watch::Sender::new(None),
        }));
        self.state().rules.push(Rule {
            step,
            fault,
            skip,
            hits,
            point: point.clone(),
        });
        point
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place where an armed fault strikes.
#[derive(Debug, Clone)]
pub struct Point(Arc<Watched>);

#[derive(Debug)]
struct Watched {
    step: Step,
    fault: Fault,
    progress: watch::Sender<Progress>,
    order: watch::Sender<Option<Order>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Progress {
    Armed,
    Reached,
    Ended(Exchange),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Release,
    Discard,
}

impl Point {
    /// Returns when the fault has struck: for `HoldResponse` and `DropResponse` the server has answered by then.
    pub async fn reached(&self) {
        self.wait("was never reached", |progress| *progress != Progress::Armed)
            .await;
    }

    /// Sends what is held on its way, though its sender may be dead, and returns when the exchange is over: a held request
    /// has been carried out or refused, and the answer was handed to the connection if that still stands.
    pub async fn release(&self) -> Exchange {
        self.0.order.send_replace(Some(Order::Release));
        self.ended().await
    }

    /// Drops what is held and closes the connection of its sender.
    pub async fn discard(&self) -> Exchange {
        self.0.order.send_replace(Some(Order::Discard));
        self.ended().await
    }

    /// Returns when the exchange is over, and how it went.
    pub async fn ended(&self) -> Exchange {
        match self
            .wait("did not end", |progress| matches!(progress, Progress::Ended(_)))
            .await
        {
            Progress::Ended(exchange) => exchange,
            Progress::Armed | Progress::Reached => unreachable!("it was waited for"),
        }
    }

    pub(super) fn reach(&self) {
        self.0.progress.send_replace(Progress::Reached);
    }

    pub(super) fn end(&self, exchange: Exchange) {
        self.0.progress.send_replace(Progress::Ended(exchange));
    }

    /// Marks the point as reached and waits for the test's order.
    pub(super) async fn hold(&self) -> Order {
        self.reach();
        let mut orders = self.0.order.subscribe();
        // The sender lives in `self`, so waiting cannot fail.
        orders
            .wait_for(Option::is_some)
            .await
            .ok()
            .and_then(|order| *order)
            .unwrap_or(Order::Discard)
    }

    async fn wait(&self, what: &str, until: impl FnMut(&Progress) -> bool) -> Progress {
        let mut progress = self.0.progress.subscribe();
        let Ok(seen) = tokio::time::timeout(PATIENCE, progress.wait_for(until)).await else {
            panic!("{:?} of {:?} {what} within {PATIENCE:?}", self.0.fault, self.0.step);
        };
        seen.expect("the sender lives in `self`").clone()
    }
}
