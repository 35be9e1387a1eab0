//! The ledger: PostgreSQL behind a pooler that lends a connection per transaction.
//!
//! Every request is one unnamed statement that calls one function: one round trip, its own transaction, no session
//! state that would pin the connection ([`Query`]). One connection per environment, made anew when it has gone.

#[macro_use]
mod query;

pub mod accounts;
pub mod audit;
pub mod balances;
pub mod breaks;
pub mod compliance;
mod connection;
pub mod corrections;
pub mod dead_letters;
pub mod entries;
pub mod freezes;
pub mod halts;
mod leaves;
pub mod limbo;
pub mod outbox;
pub mod posting;
pub mod resume;
pub mod settlements;
pub mod statements;
pub mod transactions;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio_postgres::error::Severity;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row};

pub use self::query::Query;
use crate::environment;

/// How long to wait for a statement's answer: a little over the server's own limit for it, so that its word comes first.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(domain::gate::STATEMENT_TIMEOUT_SECONDS * 1000 + 500);

/// Why the ledger did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// There is no connection; nothing was sent.
    #[error("no connection to the ledger: {0}")]
    Unreachable(String),
    /// The statement failed and was rolled back: it changed nothing.
    #[error("the ledger refused: {code} {name} {message}")]
    Failed {
        /// SQLSTATE.
        code: String,
        /// The constraint's name, or the name given to `ledger.refuse`; empty for other errors.
        name: String,
        /// For the log alone.
        message: String,
    },
    /// The statement was sent and its end is not known: it may have committed, it may still run.
    #[error("the ledger's answer was lost: {0}")]
    Unknown(String),
    /// The answer holds what this version cannot read.
    #[error("the ledger's answer cannot be read: {0}")]
    Unreadable(String),
}

impl LedgerError {
    /// The name that the database gave to the failure.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Failed { name, .. } => Some(name),
            Self::Unreachable(_) | Self::Unknown(_) | Self::Unreadable(_) => None,
        }
    }

    /// Whether the same statement may well succeed a moment later: the server was busy, waiting or going down.
    #[must_use]
    pub fn passing(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Unknown(_) => true,
            // A writer that was demoted, serialization failure and deadlock, resources, lock not available, cancelled by a timeout or an operator.
            Self::Failed { code, .. } => ["25006", "40", "53", "55P03", "57"]
                .iter()
                .any(|class| code.starts_with(class)),
            Self::Unreadable(_) => false,
        }
    }

    /// Whether the connection leads nowhere any more: it is lost, is being closed, or its end is a writer no longer.
    fn ends_the_connection(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Unknown(_) => true,
            Self::Failed { code, .. } => [DEMOTED, PROTOCOL_VIOLATION].contains(&code.as_str()),
            Self::Unreadable(_) => false,
        }
    }
}

/// Read-only: said by a writer that was demoted, and by what it has become.
const DEMOTED: &str = "25006";
/// Said of a statement that does not fit its parameters, and by poolers of almost anything.
const PROTOCOL_VIOLATION: &str = "08P01";

/// Whether a SQLSTATE speaks of a connection, be it the client's or one behind that: it is broken, or going. No word on
/// what became of the statement.
fn is_about_connections(code: &str) -> bool {
    code.starts_with("08") && code != PROTOCOL_VIOLATION || ["57P01", "57P02", "57P03"].contains(&code)
}

impl From<tokio_postgres::Error> for LedgerError {
    fn from(error: tokio_postgres::Error) -> Self {
        match error.as_db_error() {
            // An ERROR is the server's word that the transaction was rolled back. FATAL and PANIC are not: a backend that
            // is told to go while it waits for a standby has committed already. The pooler speaks in FATAL too; and
            // whoever stands in between and has lost the server knows no more than we do, however it puts that.
            Some(refused)
                if refused.parsed_severity() == Some(Severity::Error)
                    && !is_about_connections(refused.code().code()) =>
            {
                Self::Failed {
                    code: refused.code().code().to_owned(),
                    name: refused.constraint().unwrap_or_default().to_owned(),
                    message: refused.message().to_owned(),
                }
            }
            Some(_) | None => Self::Unknown(connection::with_causes(&error)),
        }
    }
}

/// The way to the ledger, with at most one connection.
#[derive(Debug)]
pub struct Ledger {
    database: environment::Database,
    answer_timeout: Duration,
    client: Mutex<Option<Client>>,
    /// How many statements were sent, for those that have a budget.
    sent: AtomicU64,
}

impl Ledger {
    /// Does not connect yet: the first request does, while it waits for the gate anyway.
    #[must_use]
    pub fn at(database: &environment::Database) -> Self {
        Self::answering_within(ANSWER_TIMEOUT, database)
    }

    fn answering_within(answer_timeout: Duration, database: &environment::Database) -> Self {
        Self {
            database: database.clone(),
            answer_timeout,
            client: Mutex::new(None),
            sent: AtomicU64::new(0),
        }
    }

    /// Makes sure that there is a connection, so that a request can begin with it.
    ///
    /// # Errors
    /// [`LedgerError::Unreachable`]
    pub async fn connect(&self) -> Result<(), LedgerError> {
        let mut slot = self.client.lock().await;
        if slot.as_ref().is_some_and(|client| !client.is_closed()) {
            return Ok(());
        }
        // On the heap: what signs and encrypts would make every future that holds this one as large.
        *slot = Some(Box::pin(connection::open(&self.database)).await?);
        Ok(())
    }

    /// Sends one statement and waits for its rows.
    async fn call(&self, query: Query, parameters: &[(&(dyn ToSql + Sync), Type)]) -> Result<Vec<Row>, LedgerError> {
        self.connect().await?;
        let mut slot = self.client.lock().await;
        let Some(client) = slot.as_ref() else {
            return Err(LedgerError::Unreachable("the connection has gone".to_owned()));
        };
        self.sent.fetch_add(1, Ordering::Relaxed);
        match tokio::time::timeout(self.answer_timeout, client.query_typed(query.text(), parameters)).await {
            Ok(Ok(rows)) => Ok(rows),
            Ok(Err(error)) => {
                let error = LedgerError::from(error);
                // A writer that was demoted stays read-only, and who is going has gone. The next request must find the new one.
                if error.ends_the_connection() {
                    *slot = None;
                }
                Err(error)
            }
            Err(_) => {
                // The answer may still come. The next request must not find it waiting in front of its own.
                *slot = None;
                Err(LedgerError::Unknown("no answer in time".to_owned()))
            }
        }
    }
}

/// Every statement that is ever sent.
pub fn queries() -> impl Iterator<Item = Query> {
    let modules = [
        accounts::QUERIES,
        audit::acts::QUERIES,
        audit::announcements::QUERIES,
        audit::balances::QUERIES,
        audit::books::QUERIES,
        audit::corrections::QUERIES,
        audit::gate::QUERIES,
        audit::house::QUERIES,
        audit::proofs::QUERIES,
        audit::settlements::QUERIES,
        audit::slices::QUERIES,
        balances::QUERIES,
        breaks::QUERIES,
        compliance::QUERIES,
        corrections::QUERIES,
        dead_letters::QUERIES,
        entries::QUERIES,
        freezes::QUERIES,
        halts::QUERIES,
        leaves::QUERIES,
        limbo::QUERIES,
        limbo::stop::QUERIES,
        outbox::QUERIES,
        posting::QUERIES,
        resume::QUERIES,
        settlements::QUERIES,
        settlements::list::QUERIES,
        settlements::settlement::QUERIES,
        statements::QUERIES,
        transactions::QUERIES,
    ];
    modules.into_iter().flatten().copied()
}

/// Reads a column, or says which could not be read.
fn column<'row, T: tokio_postgres::types::FromSql<'row>>(row: &'row Row, name: &str) -> Result<T, LedgerError> {
    row.try_get(name)
        .map_err(|error| LedgerError::Unreadable(format!("{name}: {error}")))
}

/// Reads a column that holds a text of the domain's own vocabulary.
fn word<T: std::str::FromStr>(row: &Row, name: &str) -> Result<T, LedgerError> {
    let text: &str = column(row, name)?;
    text.parse()
        .map_err(|_| LedgerError::Unreadable(format!("{name}: {text:?} is not known")))
}
