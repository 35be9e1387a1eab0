//! Settlements with their logs and what their entries moved, each in one statement: what was read at two moments would
//! differ for good reasons.

use domain::ids::{LedgerKey, TenantId};
use domain::reconciliation::settlements::books::{Books, Moved, Row};
use serde::Deserialize;
use time::OffsetDateTime;
use tokio_postgres::types::{ToSql, Type};
use uuid::Uuid;

use crate::ledger::settlements::settlement::amount;
use crate::ledger::{Ledger, LedgerError, Query, column, word};

/// A settlement as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audited {
    /// Its log and its money.
    pub books: Books,
    /// When it was asked for.
    pub created_at: OffsetDateTime,
    /// When it ended.
    pub ended_at: Option<OffsetDateTime>,
    /// Since it was asked for, in whole seconds.
    pub age: i64,
    /// Since its status or log changed, in whole seconds.
    pub unchanged: i64,
    /// Since somebody should have attended to it, in whole seconds; negative: there is time yet.
    pub lapsed: i64,
}

/// When a settlement ended, for whom it is not known by another way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// Which.
    pub id: LedgerKey,
    /// For how long, in whole seconds; `None`: it has not.
    pub ended: Option<i64>,
}

/// The books of a page of settlements. The actions' keys share the settlement's first 48 bits; said as a range, so that
/// one partition is looked at.
macro_rules! books {
    ($name:literal, $page:literal) => {
        concat!(
            "-- ",
            $name,
            "
WITH page AS MATERIALIZED (SELECT * FROM ledger.settlements s WHERE ",
            $page,
            ")
SELECT p.settlement_id, p.tenant_id, p.status, p.limbo_at IS NOT NULL AS was_in_limbo, p.amount, p.fee, p.created_at, p.ended_at,
       floor(extract(epoch FROM now() - p.created_at))::bigint AS age,
       floor(extract(epoch FROM now() - p.changed_at))::bigint AS unchanged,
       floor(extract(epoch FROM now() - p.attend_by))::bigint AS lapsed,
       log.rows, moved.*
  FROM page p,
       LATERAL (SELECT left(p.settlement_id::text, 14) AS place) AS at,
       LATERAL (
        SELECT coalesce(jsonb_agg(jsonb_build_object('key', t.ledger_key, 'kind', t.kind, 'outcome', t.outcome)), '[]') AS rows
          FROM ledger.ledger_transactions t
         WHERE t.ledger_key BETWEEN (at.place || '0000-0000-000000000000')::uuid AND (at.place || 'ffff-ffff-ffffffffffff')::uuid
           AND t.ledger_key = ANY (p.action_keys)
       ) AS log,
       LATERAL (
        SELECT coalesce(sum(e.signed) FILTER (WHERE e.account_id = p.buyer), 0)::bigint AS buyer,
               coalesce(sum(e.signed) FILTER (WHERE e.account_id = p.escrow), 0)::bigint AS escrow,
               coalesce(sum(e.signed) FILTER (WHERE e.account_id = p.merchant), 0)::bigint AS merchant,
               coalesce(sum(e.signed) FILTER (WHERE e.account_id = p.platform), 0)::bigint AS platform,
               count(*) FILTER (WHERE e.currency <> p.currency
                                   OR e.account_id NOT IN (p.buyer, p.escrow, p.merchant, p.platform)) AS elsewhere
          FROM (
            SELECT account_id, currency, CASE entry_type WHEN 'CREDIT' THEN amount ELSE -amount END AS signed
              FROM ledger.ledger_entries
             WHERE idempotency_key BETWEEN (at.place || '0000-0000-000000000000')::uuid AND (at.place || 'ffff-ffff-ffffffffffff')::uuid
               AND idempotency_key = ANY (p.action_keys)
          ) AS e
       ) AS moved"
        )
    };
}

queries! {
    const UNFINISHED_BOOKS: Query = books!(
        "unfinished_books",
        "s.ended_at IS NULL AND (s.status, s.created_at, s.settlement_id) > ($1, $2, $3)
      ORDER BY s.status, s.created_at, s.settlement_id LIMIT $4"
    );
    const ENDED_BOOKS: Query = books!(
        "ended_books",
        "s.ended_at IS NOT NULL AND (s.ended_at, s.settlement_id) > ($1, $2) AND s.ended_at < $3
      ORDER BY s.ended_at, s.settlement_id LIMIT $4"
    );
    const BOOKS_OF: Query = books!("books_of", "s.settlement_id = ANY ($1)");
    const ENDS_OF: Query = "-- ends_of
SELECT settlement_id, floor(extract(epoch FROM now() - ended_at))::bigint AS ended
  FROM ledger.settlements WHERE settlement_id = ANY ($1)";
    const HAS_ACCEPTED: Query = "-- has_accepted
SELECT EXISTS (SELECT FROM ledger.ledger_transactions WHERE created_at >= $1 AND outcome = 'accepted') AS accepted";
}

impl Ledger {
    /// Up to `most` settlements of any tenant that have not ended, behind `after` (`None`: from the first). One that changes
    /// its status between two pages may be on both, or on neither.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn unfinished_books(&self, after: Option<&Audited>, most: i64) -> Result<Vec<Audited>, LedgerError> {
        let (status, created_at, id) = after.map_or(("", OffsetDateTime::UNIX_EPOCH, Uuid::nil()), |last| {
            (last.books.status.as_str(), last.created_at, last.id())
        });
        self.books(
            UNFINISHED_BOOKS,
            &[
                (&status, Type::TEXT),
                (&created_at, Type::TIMESTAMPTZ),
                (&id, Type::UUID),
                (&most, Type::INT8),
            ],
        )
        .await
    }

    /// Up to `most` settlements of any tenant that ended at `since` or later, before `until` and behind `after` (`None`: from
    /// the first), those first that ended first.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn ended_books(
        &self,
        since: OffsetDateTime,
        until: OffsetDateTime,
        after: Option<&Audited>,
        most: i64,
    ) -> Result<Vec<Audited>, LedgerError> {
        let last = after.and_then(|last| last.ended_at.zip(Some(last.id())));
        let (ended_at, id) = last.unwrap_or((since, Uuid::nil()));
        self.books(
            ENDED_BOOKS,
            &[
                (&ended_at, Type::TIMESTAMPTZ),
                (&id, Type::UUID),
                (&until, Type::TIMESTAMPTZ),
                (&most, Type::INT8),
            ],
        )
        .await
    }

    /// These settlements as they stand now. One that does not exist is not in the answer.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn books_of(&self, settlements: &[LedgerKey]) -> Result<Vec<Audited>, LedgerError> {
        self.books(BOOKS_OF, &[(&uuids(settlements), Type::UUID_ARRAY)]).await
    }

    /// Whether and since when these have ended. One that does not exist is not in the answer.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn ends_of(&self, settlements: &[LedgerKey]) -> Result<Vec<End>, LedgerError> {
        let rows = self.call(ENDS_OF, &[(&uuids(settlements), Type::UUID_ARRAY)]).await?;
        rows.iter().map(End::read).collect()
    }

    /// Whether any settlement was accepted at `since` or later, by the requests and not by the settlements.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn has_accepted(&self, since: OffsetDateTime) -> Result<bool, LedgerError> {
        let rows = self.call(HAS_ACCEPTED, &[(&since, Type::TIMESTAMPTZ)]).await?;
        let row = rows
            .first()
            .ok_or_else(|| LedgerError::Unreadable("a yes or no is one row".to_owned()))?;
        column(row, "accepted")
    }

    async fn books(
        &self,
        statement: Query,
        parameters: &[(&(dyn ToSql + Sync), Type)],
    ) -> Result<Vec<Audited>, LedgerError> {
        let rows = self.call(statement, parameters).await?;
        rows.iter().map(Audited::read).collect()
    }
}

fn uuids(keys: &[LedgerKey]) -> Vec<Uuid> {
    keys.iter().map(|key| key.uuid()).collect()
}

/// A row in the ledger's JSON.
#[derive(Deserialize)]
struct Told {
    key: LedgerKey,
    kind: String,
    outcome: String,
}

impl End {
    fn read(row: &tokio_postgres::Row) -> Result<Self, LedgerError> {
        Ok(Self {
            id: LedgerKey::from(column::<Uuid>(row, "settlement_id")?),
            ended: column(row, "ended")?,
        })
    }
}

impl Audited {
    const fn id(&self) -> Uuid {
        self.books.settlement.uuid()
    }

    fn read(row: &tokio_postgres::Row) -> Result<Self, LedgerError> {
        let rows: Vec<Told> = serde_json::from_value(column(row, "rows")?)
            .map_err(|error| LedgerError::Unreadable(format!("rows: {error}")))?;
        let told = |told: Told| Row {
            key: told.key,
            kind: told.kind,
            outcome: told.outcome,
        };
        Ok(Self {
            books: Books {
                tenant: TenantId::from(column::<Uuid>(row, "tenant_id")?),
                settlement: LedgerKey::from(column::<Uuid>(row, "settlement_id")?),
                status: word(row, "status")?,
                was_in_limbo: column(row, "was_in_limbo")?,
                amount: amount(column(row, "amount")?)?,
                fee: column(row, "fee")?,
                rows: rows.into_iter().map(told).collect(),
                moved: Moved {
                    buyer: column(row, "buyer")?,
                    escrow: column(row, "escrow")?,
                    merchant: column(row, "merchant")?,
                    platform: column(row, "platform")?,
                    elsewhere: column(row, "elsewhere")?,
                },
            },
            created_at: column(row, "created_at")?,
            ended_at: column(row, "ended_at")?,
            age: column(row, "age")?,
            unchanged: column(row, "unchanged")?,
            lapsed: column(row, "lapsed")?,
        })
    }
}
