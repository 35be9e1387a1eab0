//! The outbox: what is still to be announced, in a poller's hands. See `migrations/0008_announcements.sql`.

use std::time::{Duration, Instant};

use domain::event::{Announced, Event, EventId, EventType};
use domain::ids::{AccountId, LedgerKey, TenantId};
use domain::money::Amount;
use time::OffsetDateTime;
use tokio_postgres::Row;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::{Ledger, LedgerError, column};

/// Rows that nobody else publishes for a while.
#[derive(Clone, Debug)]
pub struct Leased {
    /// Minted for this lease alone.
    token: Uuid,
    /// When others may take up what is left of them. By this machine's clock, and early: counted from before the
    /// request.
    pub until: Instant,
    /// In the order of their numbers, which are theirs until they are given back or fail.
    pub rows: Vec<OutboxRow>,
}

/// One row of the outbox.
#[derive(Clone, Debug)]
pub struct OutboxRow {
    /// Its number.
    pub id: i64,
    /// How many failures of its own were counted.
    pub attempts: i16,
    /// What it announces.
    pub event: Result<Event, Unannounceable>,
}

/// Why a row gives no event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unannounceable {
    /// A later version wrote it, and can announce it. The row is not at fault.
    #[error("this version does not know {0:?}")]
    NotKnownHere(String),
    /// The ledger does not say what it would announce, which is tampering: the two were written in one commit.
    #[error("the ledger does not bear it out: {0}")]
    Unfounded(String),
}

/// A dead letter whose copy has not reached the queue.
#[derive(Clone, Debug)]
pub struct Unqueued {
    /// The row's number when it was in the outbox.
    pub id: i64,
    /// The id its event would have had; `None`: its sequence is none.
    pub event_id: Option<EventId>,
    /// As the row had it; this version need not know it.
    pub event_type: String,
    /// Whose event it is.
    pub tenant: TenantId,
    /// The intent it was to announce.
    pub ledger_key: LedgerKey,
    /// 1, 2, 3 … within the intent, unless it was tampered with.
    pub sequence: i32,
    /// How often it failed.
    pub attempts: i16,
    /// Why it failed last.
    pub last_error: String,
    /// When it was given up.
    pub died_at: OffsetDateTime,
}

/// How the outbox is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutboxHealth {
    /// How long its oldest row has waited, in whole seconds, rounded up; 0: none waits.
    pub oldest_seconds: i64,
    /// Dead letters that no operator has decided on.
    pub open_dead_letters: i64,
}

/// How much of an error is kept, in characters.
const ERROR_LENGTH: usize = 500;

queries! {
    const LEASE_OUTBOX: Query = "-- lease_outbox
SELECT * FROM ledger.lease_outbox($1, $2, $3)";
    const MARK_PUBLISHED: Query = "-- mark_published
SELECT ledger.mark_published($1)";
    const GIVE_BACK: Query = "-- give_back
SELECT ledger.give_back($1, $2, $3)";
    const COUNT_FAILURES: Query = "-- count_failures
SELECT dead FROM ledger.count_failures($1, $2, $3, $4) AS dead";
    const DEAD_LETTERS_TO_QUEUE: Query = "-- dead_letters_to_queue
SELECT * FROM ledger.dead_letters_to_queue($1)";
    const MARK_QUEUED: Query = "-- mark_queued
SELECT ledger.mark_queued($1)";
    const REMOVE_PUBLISHED: Query = "-- remove_published
SELECT ledger.remove_published($1, $2)";
    const OUTBOX_HEALTH: Query = "-- outbox_health
SELECT * FROM ledger.outbox_health()";
}

impl Ledger {
    /// Takes up to `most` rows that nobody holds for `seconds`: the first in the queue, and for a tenth the newest of those
    /// that were never tried.
    ///
    /// # Errors
    /// [`LedgerError`]; after `Unknown` rows may be leased, and are free again when the lease ends.
    pub async fn lease_outbox(&self, most: i32, seconds: u16) -> Result<Leased, LedgerError> {
        let token = Uuid::new_v4();
        let until = Instant::now() + Duration::from_secs(seconds.into());
        let parameters: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 3] = [
            (&token, Type::UUID),
            (&most, Type::INT4),
            (&i32::from(seconds), Type::INT4),
        ];
        let rows = self.call(LEASE_OUTBOX, &parameters).await?;
        Ok(Leased {
            token,
            until,
            rows: rows.iter().map(outbox_row).collect::<Result<_, _>>()?,
        })
    }

    /// Says that the bus accepted these rows: a fact, whoever holds their lease by now. Safe to repeat.
    ///
    /// # Errors
    /// [`LedgerError`]; rows that stay unmarked are announced once more, under the same event id.
    pub async fn mark_published(&self, ids: &[i64]) -> Result<(), LedgerError> {
        self.call(MARK_PUBLISHED, &[(&ids, Type::INT8_ARRAY)]).await?;
        Ok(())
    }

    /// Puts these rows at the end of the queue, for anyone to take after `seconds`. No failure is counted.
    ///
    /// # Errors
    /// [`LedgerError`]; they are free when the lease ends.
    pub async fn give_back(&self, leased: &Leased, ids: &[i64], seconds: i32) -> Result<(), LedgerError> {
        self.call(
            GIVE_BACK,
            &[
                (&leased.token, Type::UUID),
                (&ids, Type::INT8_ARRAY),
                (&seconds, Type::INT4),
            ],
        )
        .await?;
        Ok(())
    }

    /// Counts a failure of each of these rows, with what was wrong (kept as far as it can be, and shortened); the
    /// `most`-th makes a dead letter of it. Returns how many became one. A row whose lease has passed to another poller is left to it.
    ///
    /// # Errors
    /// [`LedgerError`]; a failure that was not counted shows again.
    pub async fn count_failures(
        &self,
        leased: &Leased,
        failures: &[(i64, String)],
        most: i32,
    ) -> Result<usize, LedgerError> {
        let (ids, errors): (Vec<_>, Vec<_>) = failures.iter().map(|(id, error)| (*id, storable(error))).unzip();
        let dead = self
            .call(
                COUNT_FAILURES,
                &[
                    (&leased.token, Type::UUID),
                    (&ids, Type::INT8_ARRAY),
                    (&errors, Type::TEXT_ARRAY),
                    (&most, Type::INT4),
                ],
            )
            .await?;
        Ok(dead.len())
    }

    /// Dead letters whose copy has not reached the queue, oldest first.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn dead_letters_to_queue(&self, most: i32) -> Result<Vec<Unqueued>, LedgerError> {
        let rows = self.call(DEAD_LETTERS_TO_QUEUE, &[(&most, Type::INT4)]).await?;
        rows.iter().map(unqueued).collect()
    }

    /// Says that the copies of these dead letters are in the queue. Safe to repeat.
    ///
    /// # Errors
    /// [`LedgerError`]; what stays unmarked is copied once more.
    pub async fn mark_queued(&self, ids: &[i64]) -> Result<(), LedgerError> {
        self.call(MARK_QUEUED, &[(&ids, Type::INT8_ARRAY)]).await?;
        Ok(())
    }

    /// Removes up to `most` rows of what was published more than `keep_hours` ago, oldest first.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn remove_published(&self, keep_hours: i32, most: i32) -> Result<(), LedgerError> {
        self.call(REMOVE_PUBLISHED, &[(&keep_hours, Type::INT4), (&most, Type::INT4)])
            .await?;
        Ok(())
    }

    /// How the outbox is doing.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn outbox_health(&self) -> Result<OutboxHealth, LedgerError> {
        let rows = self.call(OUTBOX_HEALTH, &[]).await?;
        let row = rows
            .first()
            .ok_or_else(|| LedgerError::Unreadable("the outbox's health is one row".to_owned()))?;
        Ok(OutboxHealth {
            oldest_seconds: column(row, "oldest_seconds")?,
            open_dead_letters: column(row, "open_dead_letters")?,
        })
    }
}

/// A row that gives no event is read all the same: it must not stand in the way of the others.
fn outbox_row(row: &Row) -> Result<OutboxRow, LedgerError> {
    Ok(OutboxRow {
        id: column(row, "id")?,
        attempts: column(row, "attempts")?,
        event: event(row)?,
    })
}

///
/// # Errors
/// [`LedgerError`]: it is no row of [`LEASE_OUTBOX`] at all. That is no row's own fault.
fn event(row: &Row) -> Result<Result<Event, Unannounceable>, LedgerError> {
    let unfounded = |why: &str| Ok(Err(Unannounceable::Unfounded(why.to_owned())));
    let event_type: &str = column(row, "event_type")?;
    let Ok(known) = event_type.parse() else {
        return Ok(Err(Unannounceable::NotKnownHere(event_type.to_owned())));
    };
    let (kind, outcome): (Option<&str>, Option<&str>) = (column(row, "kind")?, column(row, "outcome")?);
    let Some(kind) = kind else {
        return unfounded("no intent");
    };
    if !event_type.starts_with(&format!("{kind}.")) {
        return unfounded("an intent of another kind");
    }
    let Some(Founded { sequence, occurred_at }) = founded(row, known, outcome)? else {
        return unfounded("it has not happened");
    };
    if column::<i32>(row, "sequence")? != i32::from(sequence) {
        return unfounded("another sequence");
    }
    let currency: &str = column(row, "currency")?;
    let Ok(currency) = currency.parse() else {
        return Ok(Err(Unannounceable::NotKnownHere(currency.to_owned())));
    };
    let Ok(amount) = Amount::try_from(column::<i64>(row, "amount")?) else {
        return unfounded("no amount");
    };
    let (ledger_key, corrects): (Uuid, Option<Uuid>) = (column(row, "ledger_key")?, column(row, "corrects")?);
    if matches!(known, EventType::RefundPosted | EventType::ReversalPosted) && corrects.is_none() {
        return unfounded("it corrects nothing");
    }
    Ok(Ok(Event::from(Announced {
        tenant: TenantId::from(column::<Uuid>(row, "tenant_id")?),
        ledger_key: LedgerKey::from(ledger_key),
        sequence: sequence.into(),
        event_type: known,
        source: AccountId::from(column::<Uuid>(row, "source")?),
        destination: AccountId::from(column::<Uuid>(row, "destination")?),
        amount,
        currency,
        fee: column::<Option<i64>>(row, "fee")?.unwrap_or_default(),
        payment: LedgerKey::from(corrects.unwrap_or(ledger_key)),
        occurred_at,
    })))
}

/// What the ledger says of an event's happening: its place within the intent, and when it was.
struct Founded {
    sequence: u16,
    occurred_at: OffsetDateTime,
}

/// `None`: what the ledger holds is not what is to be announced.
fn founded(row: &Row, event_type: EventType, outcome: Option<&str>) -> Result<Option<Founded>, LedgerError> {
    // A time that cannot be read, such as infinity, is none.
    let time = |name| column::<Option<OffsetDateTime>>(row, name).ok().flatten();
    let (recorded_at, limbo_at, ended_at) = (time("created_at"), time("limbo_at"), time("ended_at"));
    let status: Option<&str> = column(row, "status")?;
    let first_as = |expected: &str| recorded_at.filter(|_| outcome == Some(expected));
    let came_to = |expected: &str| ended_at.filter(|_| status == Some(expected));
    // Limbo comes once, and before the end.
    let last = if limbo_at.is_some() { 3 } else { 2 };
    let (sequence, happened_at) = match event_type {
        EventType::PaymentPosted | EventType::DepositPosted | EventType::RefundPosted | EventType::ReversalPosted => {
            (1, first_as("posted"))
        }
        EventType::SettlementRequested => (1, first_as("accepted")),
        EventType::SettlementLimbo => (2, limbo_at),
        EventType::SettlementSettled => (last, came_to("settled")),
        EventType::SettlementCompensated => (last, came_to("compensated")),
    };
    Ok(happened_at.map(|occurred_at| Founded { sequence, occurred_at }))
}

fn unqueued(row: &Row) -> Result<Unqueued, LedgerError> {
    let ledger_key = LedgerKey::from(column::<Uuid>(row, "ledger_key")?);
    let sequence = column(row, "sequence")?;
    Ok(Unqueued {
        id: column(row, "id")?,
        event_id: u32::try_from(sequence)
            .ok()
            .map(|sequence| EventId::of(ledger_key, sequence)),
        event_type: column(row, "event_type")?,
        tenant: TenantId::from(column::<Uuid>(row, "tenant_id")?),
        ledger_key,
        sequence,
        attempts: column(row, "attempts")?,
        last_error: column(row, "last_error")?,
        died_at: column(row, "died_at")?,
    })
}

/// What the ledger and the queue take of an error, whatever the bus put into it: no NUL, no other control character, no
/// noncharacter.
fn storable(error: &str) -> String {
    let refused = |character: &char| character.is_control() || matches!(character, '\u{fffe}' | '\u{ffff}');
    error
        .chars()
        .filter(|character| !refused(character))
        .take(ERROR_LENGTH)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_kept_without_what_neither_ledger_nor_queue_takes_and_at_most_500_characters_of_it() {
        assert_eq!(storable("Bad: a\0b\u{7}\r\n\u{fffe}ü\u{85}c"), "Bad: abüc");
        assert_eq!(storable(&"ü".repeat(1000)), "ü".repeat(500));
    }
}
