//! Dead letters in an operator's hands. Whatever is asked here leaves a row of the audit in the same transaction.

use std::fmt;
use std::str::FromStr;

use domain::ids::{EventId, LedgerKey, TenantId};
use domain::justification::Justification;
use time::OffsetDateTime;
use tokio_postgres::Row;
use tokio_postgres::types::{Json, Type};
use uuid::Uuid;

use super::{Ledger, LedgerError, column};

/// An event that the bus refused for a reason of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its number; pages go down by it.
    pub id: i64,
    /// The id that its event was, and will be, published under.
    pub event: EventId,
    /// `payment.posted.v1`, …; perhaps one that this version does not know.
    pub event_type: String,
    /// The merchant it belongs to.
    pub tenant: TenantId,
    /// The intent it announces: a payment's or deposit's id.
    pub transaction: LedgerKey,
    /// Its place among the events of that intent, from 1.
    pub sequence: u32,
    /// How often the bus refused it.
    pub attempts: i16,
    /// What the bus said the last time.
    pub error: String,
    /// When it was given up.
    pub died_at: OffsetDateTime,
    /// When its copy reached the queue. `None`: not yet.
    pub queued_at: Option<OffsetDateTime>,
    /// What an operator decided, and when. `None`: it is open.
    pub resolved: Option<(Resolution, OffsetDateTime)>,
}

/// What an operator can make of a dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// Its event went back into the outbox.
    Replayed,
    /// Its event was given up.
    Discarded,
}

/// The ledger holds a resolution that this version does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownResolution;

impl Resolution {
    /// The name in the ledger and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Replayed => "replayed",
            Self::Discarded => "discarded",
        }
    }
}

impl FromStr for Resolution {
    type Err = UnknownResolution;

    fn from_str(name: &str) -> Result<Self, UnknownResolution> {
        [Self::Replayed, Self::Discarded]
            .into_iter()
            .find(|resolution| resolution.as_str() == name)
            .ok_or(UnknownResolution)
    }
}

impl fmt::Display for Resolution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which page of dead letters is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PageRequest {
    /// Leaves out what is resolved.
    pub open_only: bool,
    /// Only letters numbered below this. `None`: from the newest.
    pub before: Option<i64>,
    /// How many at most.
    pub most: i32,
}

queries! {
    const DEAD_LETTERS: Query = "-- dead_letters
SELECT * FROM ledger.dead_letters($1, $2, $3, $4)";
    const DEAD_LETTER: Query = "-- dead_letter
SELECT * FROM ledger.dead_letter($1, $2)";
    const RESOLVE: Query = "-- resolve_dead_letter
SELECT * FROM ledger.resolve_dead_letter($1, $2, $3, $4)";
}

impl Ledger {
    /// A page of dead letters, newest first.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn dead_letters(&self, actor: &str, page: &PageRequest) -> Result<Vec<DeadLetter>, LedgerError> {
        let rows = self
            .call(
                DEAD_LETTERS,
                &[
                    (&actor, Type::TEXT),
                    (&page.open_only, Type::BOOL),
                    (&page.before, Type::INT8),
                    (&page.most, Type::INT4),
                ],
            )
            .await?;
        rows.iter().map(read).collect()
    }

    /// One dead letter. `None`: there is none of that number.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn dead_letter(&self, actor: &str, id: i64) -> Result<Option<DeadLetter>, LedgerError> {
        let rows = self
            .call(DEAD_LETTER, &[(&actor, Type::TEXT), (&id, Type::INT8)])
            .await?;
        rows.first().map(read).transpose()
    }

    /// Resolves an open dead letter; one that was resolved before stays as it was. Returns it as it then stands, so that
    /// the caller sees which of the two it is. `None`: there is none of that number. Safe to repeat.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn resolve_dead_letter(
        &self,
        actor: &str,
        id: i64,
        resolution: Resolution,
        justification: &Justification,
    ) -> Result<Option<DeadLetter>, LedgerError> {
        let rows = self
            .call(
                RESOLVE,
                &[
                    (&actor, Type::TEXT),
                    (&id, Type::INT8),
                    (&resolution.as_str(), Type::TEXT),
                    (&Json(justification), Type::JSONB),
                ],
            )
            .await?;
        rows.first().map(read).transpose()
    }
}

fn read(row: &Row) -> Result<DeadLetter, LedgerError> {
    let transaction = LedgerKey::from(column::<Uuid>(row, "ledger_key")?);
    let sequence = u32::try_from(column::<i32>(row, "sequence")?)
        .map_err(|error| LedgerError::Unreadable(format!("sequence: {error}")))?;
    Ok(DeadLetter {
        id: column(row, "id")?,
        event: EventId::of(transaction, sequence),
        event_type: column(row, "event_type")?,
        tenant: TenantId::from(column::<Uuid>(row, "tenant_id")?),
        transaction,
        sequence,
        attempts: column(row, "attempts")?,
        error: column(row, "last_error")?,
        died_at: column(row, "died_at")?,
        queued_at: column(row, "queued_at")?,
        resolved: resolved(row)?,
    })
}

fn resolved(row: &Row) -> Result<Option<(Resolution, OffsetDateTime)>, LedgerError> {
    let Some(name) = column::<Option<&str>>(row, "resolution")? else {
        return Ok(None);
    };
    let resolution = name
        .parse()
        .map_err(|UnknownResolution| LedgerError::Unreadable(format!("resolution: {name:?} is not known")))?;
    Ok(Some((resolution, column(row, "resolved_at")?)))
}
