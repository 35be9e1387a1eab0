//! What became of a lease.

use adapters::ledger::outbox::{Leased, Unannounceable};

use crate::blame::Blame;

/// Rows by their number, with why each of them failed.
pub type Failures = Vec<(i64, String)>;

/// What became of the rows of one lease.
#[derive(Debug, Default)]
pub struct Became {
    /// The bus has them.
    pub accepted: Vec<i64>,
    /// For a reason of their own, says the bus, and which.
    pub refused: Failures,
    /// For a reason of their own, seen here.
    pub unfounded: Failures,
    /// A later version's.
    pub not_known: Vec<i64>,
    /// Through no fault of theirs.
    pub given_back: Vec<i64>,
    /// One of the bus's failures, if there were any.
    pub bus_failure: Option<String>,
}

impl Became {
    /// Sorts the rows of a lease by what became of their events.
    #[must_use]
    pub fn of(leased: &Leased, blames: Vec<(i64, Blame)>) -> Self {
        let mut became = Self::default();
        for row in &leased.rows {
            match &row.event {
                Ok(_) => {}
                Err(Unannounceable::NotKnownHere(_)) => became.not_known.push(row.id),
                Err(unfounded @ Unannounceable::Unfounded(_)) => became.unfounded.push((row.id, unfounded.to_string())),
            }
        }
        for (id, blame) in blames {
            match blame {
                Blame::Accepted => became.accepted.push(id),
                Blame::Event(why) => became.refused.push((id, why)),
                Blame::Bus(why) | Blame::Unclear(why) => {
                    became.given_back.push(id);
                    became.bus_failure = Some(why);
                }
                Blame::Unsent => became.given_back.push(id),
            }
        }
        became
    }
}
