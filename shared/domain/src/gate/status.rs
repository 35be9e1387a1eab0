//! How far the work on a key has come.

use std::fmt;
use std::str::FromStr;

/// The status of a gate record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// Claimed. Its owner has not asked the ledger yet.
    Pending,
    /// Its owner may have asked the ledger: only the ledger knows what came of it.
    Processing,
    /// The answer is here.
    Complete,
}

/// What the holder of a record, or its successor, does to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// The owner is about to ask the ledger.
    Start,
    /// The owner stores the ledger's answer.
    Complete,
    /// A successor finds the lease expired and begins anew as the owner.
    TakeOver,
    /// Reconciliation finds the lease long expired and the ledger's answer there, and stores it.
    Repair,
}

/// The record is not in a status where this can happen to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{event:?} cannot happen to a gate record that is {from}")]
pub struct IllegalTransition {
    /// The status that stays.
    pub from: Status,
    /// What was tried.
    pub event: Event,
}

/// The gate holds a status that this version does not know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown gate status {0:?}")]
pub struct UnknownStatus(String);

impl Status {
    /// The status after the event.
    ///
    /// # Errors
    /// [`IllegalTransition`] if the event cannot happen now. Nothing ever happens to a complete record.
    pub const fn next(self, event: Event) -> Result<Self, IllegalTransition> {
        match (self, event) {
            (Self::Pending | Self::Processing, Event::TakeOver) => Ok(Self::Pending),
            (Self::Pending, Event::Start) => Ok(Self::Processing),
            (Self::Processing, Event::Complete) | (Self::Pending | Self::Processing, Event::Repair) => {
                Ok(Self::Complete)
            }
            (Self::Pending, Event::Complete)
            | (Self::Processing, Event::Start)
            | (Self::Complete, Event::Start | Event::Complete | Event::TakeOver | Event::Repair) => {
                Err(IllegalTransition { from: self, event })
            }
        }
    }

    /// The name the gate stores.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Processing => "PROCESSING",
            Self::Complete => "COMPLETE",
        }
    }
}

impl FromStr for Status {
    type Err = UnknownStatus;

    fn from_str(name: &str) -> Result<Self, UnknownStatus> {
        let known = [Self::Pending, Self::Processing, Self::Complete]
            .into_iter()
            .find(|it| it.as_str() == name);
        known.ok_or_else(|| UnknownStatus(name.to_owned()))
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_of_status_and_event_has_one_result() {
        let table = [
            (Status::Pending, Event::Start, Some(Status::Processing)),
            (Status::Pending, Event::Complete, None),
            (Status::Pending, Event::TakeOver, Some(Status::Pending)),
            (Status::Pending, Event::Repair, Some(Status::Complete)),
            (Status::Processing, Event::Start, None),
            (Status::Processing, Event::Complete, Some(Status::Complete)),
            (Status::Processing, Event::TakeOver, Some(Status::Pending)),
            (Status::Processing, Event::Repair, Some(Status::Complete)),
            (Status::Complete, Event::Start, None),
            (Status::Complete, Event::Complete, None),
            (Status::Complete, Event::TakeOver, None),
            (Status::Complete, Event::Repair, None),
        ];
        for (from, event, expected) in table {
            assert_eq!(from.next(event), expected.ok_or(IllegalTransition { from, event }));
        }
    }

    #[test]
    fn a_status_reads_back_what_it_writes_and_nothing_else() {
        for status in [Status::Pending, Status::Processing, Status::Complete] {
            assert_eq!(status.to_string().parse(), Ok(status));
        }
        assert_eq!("pending".parse::<Status>(), Err(UnknownStatus("pending".to_owned())));
    }
}
