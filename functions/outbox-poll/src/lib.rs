//! Every minute, and for a little longer than one: publishes what waits in the outbox.
//!
//! At least once, under one id: a row leaves the outbox when the bus is known to have its event, and the id is that of
//! the row. Several pollers may run at once; a lease keeps a row to one of them at a time.
//!
//! [`run`] goes round by round: lease, [`publish`], say what became of each row. [`blame`] decides whose a failure is,
//! [`pause`] how long to wait.

pub mod became;
pub mod blame;
pub mod cleaning;
pub mod copies;
pub mod pause;
pub mod publish;
pub mod run;
pub mod tally;

use std::time::{Instant, SystemTime};

use adapters::bus::{Bus, BusError};
use adapters::dead_letter_queue::DeadLetterQueue;
use adapters::environment;
use adapters::ledger::{Ledger, LedgerError};
use lambda_runtime::Diagnostic;
use serde_json::{Value, json};

use run::Run;

/// What a poller reaches.
#[derive(Debug)]
pub struct Poller {
    /// Holds the outbox.
    pub ledger: Ledger,
    /// Where events go.
    pub bus: Bus,
    /// Where copies of those go that the bus refuses.
    pub queue: DeadLetterQueue,
    /// How long what was announced is kept.
    pub keep_published_hours: i32,
}

impl Poller {
    /// Connects to nothing yet.
    pub async fn open(database: &environment::Database, announcing: &environment::Announcing) -> Self {
        Self {
            ledger: Ledger::at(database),
            bus: Bus::open(announcing).await,
            queue: DeadLetterQueue::open(announcing).await,
            keep_published_hours: announcing.keep_published_hours,
        }
    }
}

/// Why a round came to nothing. No event is lost by it.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The bus.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The function's time-out is not long enough for a single round.
    #[error("the deadline leaves no time for a round")]
    NoTime,
}

impl From<Trouble> for Diagnostic {
    fn from(trouble: Trouble) -> Self {
        let name = match &trouble {
            Trouble::Bus(BusError::Missing(_)) => "EventBusMissing",
            Trouble::Bus(BusError::Unavailable(_)) => "EventBusUnavailable",
            Trouble::Ledger(_) => "LedgerUnavailable",
            Trouble::NoTime => "TimeoutTooShort",
        };
        Self {
            error_type: name.to_owned(),
            error_message: trouble.to_string(),
        }
    }
}

/// Publishes until shortly before `deadline`; returns `{"published": n, "failures": n, "dead_letters": n}`.
///
/// # Errors
/// [`Trouble`] if the bus is not there, at once; and if no round of the run came to an end.
pub async fn handle(poller: &Poller, deadline: SystemTime) -> Result<Value, Trouble> {
    let left = deadline.duration_since(SystemTime::now()).unwrap_or_default();
    let total = Run::new(poller, Instant::now() + left).to_its_end().await?;
    tracing::info!(
        outbox.published = total.published,
        outbox.failures = total.failures,
        outbox.back_offs = total.back_offs,
        outbox.dead_letters = total.dead_letters,
        "announced"
    );
    Ok(json!({ "published": total.published, "failures": total.failures, "dead_letters": total.dead_letters }))
}
