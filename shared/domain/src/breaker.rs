//! A circuit breaker that all environments share: whether a call to an endpoint may be made, decided on one record.
//!
//! A call is made only by who holds a *permit*: an entry in the record under a token of its own, with an end. So there
//! are never more calls than entries, a caller that dies leaves one that ends by itself, and a permit is also what a
//! result is known by.
//!
//! | the record is | a permit is entered | a result |
//! |---|---|---|
//! | closed | beside fewer than [`Settings::in_flight`] | is counted; enough failures in the window open it |
//! | open | never | is void |
//! | half-open: open, and its time is over | beside no other: the probe's | of the probe closes it or opens it anew |
//!
//! **What a provider that never answers costs:** fewer than [`Settings::minimum`] failures are counted before it opens,
//! and [`Settings::in_flight`] calls are on their way, so `in_flight + minimum - 1` calls; after that a probe per
//! [`Settings::open_ms`]. With `s` successes in the window when it falls silent, read the larger of `minimum` and `s`
//! for `minimum`; they leave the window with time.
//!
//! Every change is one conditional write ([`change`]). Nothing here reads a clock: times are Unix milliseconds, by the
//! clock of whoever asks, and a lease outlasts its call by more than clocks differ.

pub mod change;
mod outlook;
mod settings;
mod window;

use std::collections::BTreeMap;

use crate::ids::Owner;
use change::Change;
pub use outlook::Outlook;
pub use settings::{Settings, Unsound};
pub use window::{Counts, Window};

/// The record of one endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Breaker {
    /// Grows with every failure that is counted and every opening and closing. Who acts on what it has read names the
    /// epoch it has read, so that no call is admitted past a failure its caller has not seen.
    pub epoch: i64,
    /// Until when no call is made at all; `None` while closed.
    pub open_until_ms: Option<i64>,
    /// The permits, and when each ends.
    pub calls: BTreeMap<Owner, i64>,
    /// How the calls of this closed period ended.
    pub window: Window,
}

/// How an endpoint stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// It is called.
    Closed,
    /// It may be called once, to see.
    HalfOpen,
    /// It is left alone.
    Open,
}

/// How a call ended, as far as the endpoint's health goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ended {
    /// It answered as it should, whatever it said.
    Served,
    /// It did not.
    Failed,
}

/// Why no call may be made now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refused {
    /// The endpoint is left alone until then.
    #[error("the breaker is open")]
    Open {
        /// In Unix milliseconds.
        until_ms: i64,
    },
    /// It is half-open, and another is the one to see.
    #[error("the breaker is half-open, and another call probes")]
    Probed,
    /// As many calls as there may be are on their way.
    #[error("as many calls as allowed are on their way")]
    Busy,
}

/// The right to make one call, once the change that came with it is made.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Permit {
    /// The token it is known by.
    pub owner: Owner,
    /// When it ends, in Unix milliseconds. The call has to end before.
    pub until_ms: i64,
    /// Whether it is for the one call that is to see.
    pub is_probe: bool,
    /// Buckets that have passed, to be removed when the call is counted.
    pub forget: Vec<i64>,
}

/// What there is to do for whoever wants to make a call.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Ask {
    /// Make the change. Once it is made, so may be the call; if it cannot be made, ask again.
    Enter(Permit, Change),
    /// Make the change, and ask again, whether or not it could be made.
    First(Change),
    /// Make no call.
    Refused(Refused),
}

impl Breaker {
    /// The record of an endpoint that has none: closed. An epoch that is a time stays greater than any that a record
    /// before it had, should that have been lost.
    #[must_use]
    pub const fn new(now_ms: i64) -> Self {
        Self {
            epoch: now_ms,
            open_until_ms: None,
            calls: BTreeMap::new(),
            window: Window::EMPTY,
        }
    }

    /// How it stands now.
    #[must_use]
    pub const fn standing(&self, now_ms: i64) -> Standing {
        match self.open_until_ms {
            None => Standing::Closed,
            Some(until_ms) if now_ms < until_ms => Standing::Open,
            Some(_) => Standing::HalfOpen,
        }
    }

    /// What whoever wants to make a call has to do. `owner` is a token that was never used before.
    #[must_use]
    pub fn ask(&self, settings: &Settings, owner: Owner, now_ms: i64) -> Ask {
        if let Some(open) = self.due(settings, now_ms) {
            return Ask::First(open);
        }
        let is_probe = match self.open_until_ms {
            None => false,
            Some(until_ms) if now_ms < until_ms => return Ask::Refused(Refused::Open { until_ms }),
            Some(_) => true,
        };
        let limit = if is_probe { 1 } else { settings.in_flight };
        if self.calls.len() < limit {
            let until_ms = now_ms.saturating_add(settings.lease_ms);
            let forget = self.window.past(settings, now_ms);
            let admit = Change::Admit {
                epoch: self.epoch,
                limit,
                owner,
                until_ms,
            };
            let permit = Permit {
                owner,
                until_ms,
                is_probe,
                forget,
            };
            return Ask::Enter(permit, admit);
        }
        let dead = self.calls.iter().filter(|(_, until_ms)| **until_ms <= now_ms);
        let dead: Vec<_> = dead.map(|(owner, _)| *owner).collect();
        if dead.is_empty() {
            Ask::Refused(if is_probe { Refused::Probed } else { Refused::Busy })
        } else {
            Ask::First(Change::Sweep { dead })
        }
    }

    /// The opening, if enough calls have failed. Whoever sees it makes it: who counted the last failure may be dead.
    #[must_use]
    pub fn due(&self, settings: &Settings, now_ms: i64) -> Option<Change> {
        let is_due = self.open_until_ms.is_none() && settings.is_too_much(self.window.counts(settings, now_ms));
        is_due.then(|| Change::Open {
            epoch: self.epoch,
            until_ms: now_ms.saturating_add(settings.open_ms),
        })
    }
}

impl Permit {
    /// The change that gives the permit back and says how the call ended. If it cannot be made, what came of the call
    /// no longer matters; a permit that is still there is then given back by [`Change::Sweep`].
    #[must_use]
    pub fn end(self, ended: Ended, settings: &Settings, now_ms: i64) -> Change {
        let Self { owner, .. } = self;
        match (self.is_probe, ended) {
            (false, ended) => Change::Count {
                owner,
                ended,
                bucket: settings.bucket(now_ms),
                forget: self.forget,
            },
            (true, Ended::Served) => Change::Close { owner },
            (true, Ended::Failed) => Change::Reopen {
                owner,
                until_ms: now_ms.saturating_add(settings.open_ms),
            },
        }
    }
}
