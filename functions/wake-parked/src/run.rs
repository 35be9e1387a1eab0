//! One run, round by round, from its start to shortly before its deadline.

use std::time::{Duration, Instant};

use adapters::executions::{ExecutionsError, Sent};
use adapters::metrics::{self, Unit};
use adapters::parked::Received;
use futures_util::future::join_all;
use tokio::time::sleep;

use crate::allowance::Allowance;
use crate::{Trouble, Waker};

/// No round begins later than this before the deadline, so that it comes to its end unless much of it fails at once.
const STOP_BEFORE: Duration = Duration::from_secs(10);
/// Between two looks at a breaker that lets nobody in, or at a queue that was empty for a second.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// After a failure: what failed has a while to recover, and messages that came in vain have not come too often by then.
const AFTER_TROUBLE: Duration = Duration::from_secs(5);

/// What a run has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many were woken.
    pub woken: usize,
    /// How many waited no longer.
    pub expired: usize,
}

/// A run under way.
#[derive(Debug)]
pub struct Run<'a> {
    waker: &'a Waker,
    deadline: Instant,
    allowance: Allowance,
    /// Whether any round came to an end.
    worked: bool,
    total: Tally,
}

impl<'a> Run<'a> {
    /// A run that has not begun.
    #[must_use]
    pub fn new(waker: &'a Waker, deadline: Instant) -> Self {
        Self {
            waker,
            deadline,
            allowance: Allowance::new(waker.per_second),
            worked: false,
            total: Tally::default(),
        }
    }

    /// Goes on until the deadline is near. Returns what was done.
    ///
    /// # Errors
    /// [`Trouble`]: no round came to an end for that reason.
    pub async fn to_its_end(mut self) -> Result<Tally, Trouble> {
        let mut last = Trouble::NoTime;
        while let Some(left) = self.deadline.checked_duration_since(Instant::now() + STOP_BEFORE) {
            let pause = match self.round().await {
                Ok(pause) => {
                    self.worked = true;
                    pause
                }
                Err(trouble) => {
                    tracing::error!(error = %trouble, "a round came to nothing");
                    last = trouble;
                    AFTER_TROUBLE
                }
            };
            // A pause keeps the rate, gives what failed time to recover, or spares an idle queue: `round` says which. It never
            // outlasts the time in which a round may still begin.
            sleep(pause.min(left)).await;
        }
        if self.worked { Ok(self.total) } else { Err(last) }
    }

    /// Looks at the breaker and wakes as many as it allows. Returns how long to wait before the next round.
    async fn round(&mut self) -> Result<Duration, Trouble> {
        let outlook = self.waker.breaker.outlook().await?;
        let most = self.allowance.of(outlook, Instant::now());
        if most == 0 {
            return Ok(LOOK_AGAIN);
        }
        let received = self.waker.queue.receive(most).await?;
        if received.is_empty() {
            return Ok(LOOK_AGAIN);
        }
        let began = Instant::now();
        let count = received.len();
        let (done, woken, failure) = self.wake(received).await;
        if woken > 0 {
            self.allowance.woken(outlook, began);
        }
        let tally = Tally {
            woken,
            expired: done.len() - woken,
        };
        self.tell(tally);
        self.waker.queue.delete(&done).await?;
        match failure {
            Some(failure) if done.is_empty() => Err(failure.into()),
            Some(_) | None => Ok(self.allowance.time_of(count).saturating_sub(began.elapsed())),
        }
    }

    /// Side by side. Returns the messages that are dealt with, how many of them woke somebody, and a failure if there
    /// was one: what it was about comes back.
    async fn wake(&self, received: Vec<Received>) -> (Vec<Received>, usize, Option<ExecutionsError>) {
        let executions = &self.waker.executions;
        let sent = received.into_iter().map(async |message| {
            let sent = executions.send_success(&message.parked.task_token).await;
            (message, sent)
        });
        let (mut done, mut woken, mut failure) = (Vec::new(), 0, None);
        for (message, sent) in join_all(sent).await {
            let settlement = message.parked.settlement;
            match sent {
                Ok(Sent::Sent) => {
                    woken += 1;
                    done.push(message);
                }
                Ok(Sent::Gone) => {
                    tracing::info!(settlement.id = %settlement, "a parked execution waits no longer");
                    done.push(message);
                }
                Err(error) => {
                    tracing::error!(settlement.id = %settlement, %error, "a parked execution is not known to be woken");
                    failure = Some(error);
                }
            }
        }
        (done, woken, failure)
    }

    fn tell(&mut self, tally: Tally) {
        self.total.woken += tally.woken;
        self.total.expired += tally.expired;
        let counts = [("ParkedWoken", tally.woken), ("ParkedExpired", tally.expired)];
        metrics::emit(&counts.map(|(name, count)| (name, Unit::Count, i64::try_from(count).unwrap_or(i64::MAX))));
    }
}
