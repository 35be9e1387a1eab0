//! Every minute, and for most of one: wakes the verifications that are parked, once their provider is back.
//!
//! The breaker says when: while it is half-open one of them, to see, and the others when that one was answered; while
//! it is closed all of them, at a bounded rate. They ask the breaker again themselves, so that whoever is woken in vain
//! is parked once more.
//!
//! Nothing is held here. A message that was received and not deleted comes back; an execution that was woken already,
//! has gone on by itself or has ended is not woken again. So it may be killed at any moment, and two may run at once.
//!
//! [`run`] goes round by round; [`allowance`] decides how many.

pub mod allowance;
pub mod run;

use std::num::NonZeroU16;
use std::time::{Duration, Instant, SystemTime};

use adapters::breaker::{self, Breaker, NoCall};
use adapters::environment;
use adapters::executions::{Executions, ExecutionsError};
use adapters::parked::{ParkedError, ParkedQueue};
use domain::breaker::Unsound;
use lambda_runtime::Diagnostic;
use serde_json::{Value, json};

use run::Run;

/// What wakes reaches.
#[derive(Debug)]
pub struct Waker {
    /// The provider's.
    pub breaker: Breaker,
    /// Where the parked wait.
    pub queue: ParkedQueue,
    /// Where they are woken.
    pub executions: Executions,
    /// How many a second, at most.
    pub per_second: NonZeroU16,
}

impl Waker {
    /// Connects to nothing yet.
    ///
    /// # Errors
    /// [`Unsound`]: such a breaker would not protect anybody.
    pub async fn open(breaker: &environment::Breaker, waking: &environment::Waking) -> Result<Self, Unsound> {
        // It makes no call, so that it does not matter how long one takes.
        let settings = breaker::settings(breaker, Duration::ZERO)?;
        Ok(Self {
            breaker: Breaker::open(breaker, &waking.origin.to_string(), settings).await,
            queue: ParkedQueue::open(waking).await,
            executions: Executions::open().await,
            per_second: waking.per_second,
        })
    }
}

/// Why a round came to nothing. Nothing parked is lost by it.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The breaker.
    #[error(transparent)]
    Breaker(#[from] NoCall),
    /// The queue.
    #[error(transparent)]
    Queue(#[from] ParkedError),
    /// The state machines. None of those who waited was woken.
    #[error(transparent)]
    Executions(#[from] ExecutionsError),
    /// The function's time-out is not long enough for a single round.
    #[error("the deadline leaves no time for a round")]
    NoTime,
}

impl From<Trouble> for Diagnostic {
    fn from(trouble: Trouble) -> Self {
        let name = match &trouble {
            Trouble::Breaker(_) => "BreakerUnreachable",
            Trouble::Queue(_) => "ParkedQueueUnavailable",
            Trouble::Executions(_) => "ExecutionsUnavailable",
            Trouble::NoTime => "TimeoutTooShort",
        };
        Self {
            error_type: name.to_owned(),
            error_message: trouble.to_string(),
        }
    }
}

/// Wakes until shortly before `deadline`; returns `{"woken": n, "expired": n}`: how many waited still, and how many
/// waited no longer.
///
/// # Errors
/// [`Trouble`] if no round of the run came to an end.
pub async fn handle(waker: &Waker, deadline: SystemTime) -> Result<Value, Trouble> {
    let left = deadline.duration_since(SystemTime::now()).unwrap_or_default();
    let total = Run::new(waker, Instant::now() + left).to_its_end().await?;
    tracing::info!(parked.woken = total.woken, parked.expired = total.expired, "woke");
    Ok(json!({ "woken": total.woken, "expired": total.expired }))
}
