//! The changes to a breaker's record. Each is one conditional write; the store that carries it out may lose its answer
//! and try again, and may carry it out late. Neither does harm: no token is used twice and no epoch returns.

use super::{Breaker, Ended, Window};
use crate::ids::Owner;

/// A change and its condition.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    /// Enters a permit, **if** the epoch is this and there are fewer than `limit`.
    Admit {
        /// That the decision was made in.
        epoch: i64,
        /// How many there may be with this one.
        limit: usize,
        /// Whose it is.
        owner: Owner,
        /// When it ends.
        until_ms: i64,
    },
    /// Removes permits that have ended or are given back. Nothing more can become of them, so there is no condition.
    Sweep {
        /// Whose they were.
        dead: Vec<Owner>,
    },
    /// Gives a permit back and counts its call, **if** it is there and the breaker is closed. A failure begins a new
    /// epoch. (A permit from before it was last open is never there: a probe is entered beside no other.)
    Count {
        /// Whose it is.
        owner: Owner,
        /// How the call ended.
        ended: Ended,
        /// Where it counts.
        bucket: i64,
        /// Buckets that have passed, to be removed on this occasion.
        forget: Vec<i64>,
    },
    /// Opens and forgets what was counted, **if** the epoch is this. A new epoch. The permits stay: their calls are
    /// still on their way.
    Open {
        /// That the decision was made in.
        epoch: i64,
        /// When the first probe may go out.
        until_ms: i64,
    },
    /// Gives the probe's permit back and closes, **if** it is there. A new epoch.
    Close {
        /// The probe's.
        owner: Owner,
    },
    /// Gives the probe's permit back and opens for another while, **if** it is there. A new epoch.
    Reopen {
        /// The probe's.
        owner: Owner,
        /// When the next probe may go out.
        until_ms: i64,
    },
}

impl Change {
    /// What it makes of the record; `None` if its condition does not hold. This is what a store has to do.
    #[must_use]
    pub fn applied_to(&self, record: &Breaker) -> Option<Breaker> {
        let mut after = record.clone();
        match self {
            Self::Admit {
                epoch,
                limit,
                owner,
                until_ms,
            } => {
                if record.epoch != *epoch || record.calls.len() >= *limit {
                    return None;
                }
                after.calls.insert(*owner, *until_ms);
            }
            Self::Sweep { dead } => after.calls.retain(|owner, _| !dead.contains(owner)),
            Self::Count {
                owner,
                ended,
                bucket,
                forget,
            } => {
                if record.open_until_ms.is_some() {
                    return None;
                }
                after.calls.remove(owner)?;
                after.window.buckets.retain(|bucket, _| !forget.contains(bucket));
                after.window.count(*bucket, *ended);
                match ended {
                    Ended::Served => (),
                    Ended::Failed => after.epoch += 1,
                }
            }
            Self::Open { epoch, until_ms } => {
                if record.epoch != *epoch {
                    return None;
                }
                after = after.anew(Some(*until_ms));
            }
            Self::Close { owner } => {
                after.calls.remove(owner)?;
                after = after.anew(None);
            }
            Self::Reopen { owner, until_ms } => {
                after.calls.remove(owner)?;
                after = after.anew(Some(*until_ms));
            }
        }
        Some(after)
    }
}

impl Breaker {
    /// Open or closed in a new epoch, with nothing counted.
    fn anew(self, open_until_ms: Option<i64>) -> Self {
        Self {
            epoch: self.epoch + 1,
            open_until_ms,
            window: Window::EMPTY,
            calls: self.calls,
        }
    }
}
