//! The ledger as reconciliation reads it: all tenants, in statements that may take long, as `auditor`, who writes nothing
//! but what it has proved.

pub mod acts;
pub mod announcements;
pub mod balances;
pub mod books;
pub mod corrections;
pub mod gate;
pub mod house;
pub mod proofs;
pub mod settlements;
pub mod slices;

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio_postgres::Row;

use super::{Ledger, LedgerError, column};
use crate::environment;

/// Something that is not as it should be, as a statement found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// Its kind.
    pub what: &'static str,
    /// Which row: an id.
    pub subject: String,
    /// For people.
    pub detail: String,
}

impl Wrong {
    /// A row of three texts; the first is one of `kinds`.
    fn read(row: &Row, kinds: &[&'static str]) -> Result<Self, LedgerError> {
        let what: &str = column(row, "what")?;
        let known = kinds.iter().find(|kind| **kind == what);
        Ok(Self {
            what: known.ok_or_else(|| LedgerError::Unreadable(format!("what: {what:?} is not known")))?,
            subject: column(row, "subject")?,
            detail: column(row, "detail")?,
        })
    }
}

/// The first row of a statement that always has one.
fn one(rows: &[Row]) -> Result<&Row, LedgerError> {
    rows.first()
        .ok_or_else(|| LedgerError::Unreadable("no row where there is always one".to_owned()))
}

/// A little over `auditor`'s own limit for a statement, so that the server's word comes first.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(60_500);

impl Ledger {
    /// As [`Ledger::at`], with the patience that an audit needs.
    #[must_use]
    pub fn auditing(database: &environment::Database) -> Self {
        Self::answering_within(ANSWER_TIMEOUT, database)
    }

    /// How many statements were sent so far.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Gives the connection up, with whatever still runs on it: the next request must not wait for that.
    pub async fn forget(&self) {
        *self.client.lock().await = None;
    }
}
