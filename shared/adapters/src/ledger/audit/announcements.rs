//! What was announced, and what must have been.

use domain::ids::LedgerKey;
use domain::settlement::step::Action;
use time::OffsetDateTime;
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};
use uuid::Uuid;

use crate::ledger::{Ledger, LedgerError, Query, column};

/// An event, by what it is of and which of its events it is.
pub type Announced = (LedgerKey, i32);

queries! {
    const WAITING: Query = "-- waiting_announcements
SELECT ledger_key, sequence FROM ledger.outbox";
    const PUBLISHED_BETWEEN: Query = "-- published_between
SELECT ledger_key, sequence FROM ledger.published_events WHERE published_at >= $1 AND published_at < $2";
    const DEAD_SINCE: Query = "-- dead_since
SELECT ledger_key, sequence FROM ledger.dead_letters WHERE died_at >= $1";

    /// Whatever was posted, but by a settlement's action; every settlement's request and end, and that it stopped in limbo: the
    /// last event but its end. $3: what was announced before is not looked for.
    const TO_ANNOUNCE_BETWEEN: Query = "-- to_announce_between
SELECT ledger_key, 1 AS sequence FROM ledger.ledger_transactions
 WHERE created_at >= $1 AND created_at < $2 AND (outcome = 'accepted' OR outcome = 'posted' AND kind <> ALL ($4))
UNION ALL
SELECT settlement_id, events FROM ledger.settlements WHERE ended_at >= $1 AND ended_at < $2
UNION ALL
SELECT settlement_id, events - 1 FROM ledger.settlements WHERE ended_at >= $1 AND ended_at < $2 AND limbo_at >= $3
UNION ALL
SELECT settlement_id, events FROM ledger.settlements
 WHERE ended_at IS NULL AND status = 'limbo' AND limbo_at >= $1 AND limbo_at < $2";

    /// In one snapshot: an event goes from the one table to the other in one transaction.
    const NOT_ANNOUNCED: Query = "-- not_announced
SELECT asked.ledger_key, asked.sequence FROM unnest($1::uuid[], $2::integer[]) AS asked (ledger_key, sequence)
 WHERE NOT EXISTS (SELECT FROM ledger.outbox o WHERE o.ledger_key = asked.ledger_key AND o.sequence = asked.sequence)
   AND NOT EXISTS (SELECT FROM ledger.published_events p
                    WHERE p.published_at >= $3 AND p.ledger_key = asked.ledger_key AND p.sequence = asked.sequence)
   AND NOT EXISTS (SELECT FROM ledger.dead_letters d WHERE d.ledger_key = asked.ledger_key AND d.sequence = asked.sequence)";
}

impl Ledger {
    /// All that waits in the outbox.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn waiting_announcements(&self) -> Result<Vec<Announced>, LedgerError> {
        self.announced(WAITING, &[]).await
    }

    /// What was published in that time.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn published_between(
        &self,
        since: OffsetDateTime,
        until: OffsetDateTime,
    ) -> Result<Vec<Announced>, LedgerError> {
        let parameters: [(&(dyn ToSql + Sync), Type); 2] = [(&since, Type::TIMESTAMPTZ), (&until, Type::TIMESTAMPTZ)];
        self.announced(PUBLISHED_BETWEEN, &parameters).await
    }

    /// What became a dead letter since, open or resolved.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn dead_since(&self, since: OffsetDateTime) -> Result<Vec<Announced>, LedgerError> {
        self.announced(DEAD_SINCE, &[(&since, Type::TIMESTAMPTZ)]).await
    }

    /// What happened in that time and must be announced. `oldest`: a settlement that stopped in limbo before is not told of.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn to_announce_between(
        &self,
        since: OffsetDateTime,
        until: OffsetDateTime,
        oldest: OffsetDateTime,
    ) -> Result<Vec<Announced>, LedgerError> {
        let actions: Vec<&str> = Action::ALL.iter().map(|action| action.as_str()).collect();
        let parameters: [(&(dyn ToSql + Sync), Type); 4] = [
            (&since, Type::TIMESTAMPTZ),
            (&until, Type::TIMESTAMPTZ),
            (&oldest, Type::TIMESTAMPTZ),
            (&actions, Type::TEXT_ARRAY),
        ];
        self.announced(TO_ANNOUNCE_BETWEEN, &parameters).await
    }

    /// Which of these are nowhere: neither in the outbox, nor published since, nor dead letters.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn not_announced(
        &self,
        events: &[Announced],
        since: OffsetDateTime,
    ) -> Result<Vec<Announced>, LedgerError> {
        let (keys, sequences): (Vec<Uuid>, Vec<i32>) =
            events.iter().map(|(key, sequence)| (key.uuid(), *sequence)).unzip();
        let parameters: [(&(dyn ToSql + Sync), Type); 3] = [
            (&keys, Type::UUID_ARRAY),
            (&sequences, Type::INT4_ARRAY),
            (&since, Type::TIMESTAMPTZ),
        ];
        self.announced(NOT_ANNOUNCED, &parameters).await
    }

    async fn announced(
        &self,
        statement: Query,
        parameters: &[(&(dyn ToSql + Sync), Type)],
    ) -> Result<Vec<Announced>, LedgerError> {
        let read = |row: &Row| {
            Ok((
                LedgerKey::from(column::<Uuid>(row, "ledger_key")?),
                column(row, "sequence")?,
            ))
        };
        self.call(statement, parameters).await?.iter().map(read).collect()
    }
}
