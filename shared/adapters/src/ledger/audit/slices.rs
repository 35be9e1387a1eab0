//! The ledger by the numbers of the database transactions that wrote it: read in slices that each take a moment, however
//! the numbers lie.

use domain::digest::leaf::Leaf;
use domain::digest::seal::Sealing;
use time::OffsetDateTime;
use tokio_postgres::types::Type;

use crate::ledger::leaves::{number, read};
use crate::ledger::{Ledger, LedgerError, column};

/// As many entries as one statement reads, unless one number has more.
const MOST: i64 = 40_000;
/// Fewer than this, and the next slice takes in more numbers.
const FEW: i64 = 10_000;
/// How many numbers the first slice takes in.
const BEGIN_WITH: u64 = 1 << 14;
/// How many a slice takes in at most.
const WIDEST: u64 = 1 << 40;

queries! {
    // Every database transaction below has ended, and what it wrote is there for good; whatever is written from now on has this number or
    // a higher one. Numbers have fewer than 63 bits.
    const HORIZON: Query = "-- horizon
SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS horizon, clock_timestamp() AS at";

    // The index knows the pages, not the rows, so that this costs a look at each of those pages; but it stops when it has seen enough.
    const SLICE_SIZE: Query = "-- slice_size
SELECT count(*) AS size FROM (
    SELECT FROM ledger.ledger_entries e
     WHERE e.posted_in::text::bigint >= $1 AND e.posted_in::text::bigint < $2 LIMIT $3) AS seen";

    // Entries are numbered by postings and never removed: a number was given, so there are some, or else the only posting ever failed.
    const SHOWS_NONE: Query = "-- shows_none
SELECT is_called AND NOT EXISTS (SELECT FROM ledger.ledger_entries) AS shows_none FROM ledger.ledger_entries_id_seq";

    /// The rows of the view `ledger.leaves`, from the tables and with nothing but what is built in: a view or a function of the
    /// ledger's can be replaced by who changes its rows, with one that shows what was sealed. A test holds the two together.
    ///
    /// `$1`: from this number; `$2`: to below this one. OFFSET 0 keeps the intents a look-up by key.
    pub const SLICE: Query = "-- slice
SELECT e.posted_in::text::bigint AS number, e.idempotency_key AS ledger_key, e.id, e.account_id, e.entry_type::text AS entry_type,
       e.amount, e.currency::text AS currency, e.tenant_id,
       CASE WHEN e.created_at >= '0001-01-01Z' AND e.created_at < '10000-01-01Z'
            THEN pg_catalog.to_char(e.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') ELSE '' END AS created_at,
       e.transaction_id,
       t.tenant_id AS intent_tenant, t.kind, t.outcome, t.source, t.destination, t.amount AS intent_amount,
       t.currency::text AS intent_currency, t.fingerprint,
       CASE WHEN t.created_at >= '0001-01-01Z' AND t.created_at < '10000-01-01Z'
            THEN pg_catalog.to_char(t.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') ELSE '' END AS intent_created_at
  FROM ledger.ledger_entries e
  LEFT JOIN LATERAL (SELECT * FROM ledger.ledger_transactions t WHERE t.ledger_key = e.transaction_id OFFSET 0) t ON true
 WHERE e.posted_in::text::bigint >= $1 AND e.posted_in::text::bigint < $2
 ORDER BY number, transaction_id, account_id, entry_type, id";
}

/// Up to where the ledger is final.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Horizon {
    /// Every transaction with a lower number has ended.
    pub number: u64,
    /// When that was, by the database's clock.
    pub at: OffsetDateTime,
}

/// Goes through the numbers from one to another.
#[derive(Clone, Debug)]
pub struct Walk {
    at: u64,
    to: u64,
    width: u64,
}

/// Some leaves, in the digest's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    /// They are all below this number that the slices before did not have.
    pub to: u64,
    /// The leaves.
    pub leaves: Vec<Leaf>,
}

impl Walk {
    /// Through the numbers from `from` up to below `to`.
    #[must_use]
    pub const fn through(from: u64, to: u64) -> Self {
        Self {
            at: from,
            to,
            width: BEGIN_WITH,
        }
    }

    /// The next slice. `None`: it is at the end.
    ///
    /// # Errors
    /// [`LedgerError`]: it stays where it is.
    pub async fn next(&mut self, ledger: &Ledger) -> Result<Option<Slice>, LedgerError> {
        if self.at >= self.to {
            return Ok(None);
        }
        let (to, size) = loop {
            let to = self.at.saturating_add(self.width).min(self.to);
            let size = ledger.slice_size(self.at, to).await?;
            if size <= MOST || to == self.at + 1 {
                break (to, size);
            }
            self.width = (to - self.at) / 2;
        };
        let leaves = if size == 0 {
            Vec::new()
        } else {
            ledger.slice(self.at, to).await?
        };
        self.at = to;
        if size < FEW {
            self.width = (self.width * 4).min(WIDEST);
        }
        Ok(Some(Slice { to, leaves }))
    }
}

impl Ledger {
    /// Up to where the ledger is final now.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn horizon(&self) -> Result<Horizon, LedgerError> {
        let rows = self.call(HORIZON, &[]).await?;
        let row = rows
            .first()
            .ok_or_else(|| LedgerError::Unreadable("horizon".to_owned()))?;
        Ok(Horizon {
            number: number(column(row, "horizon")?)?,
            at: column(row, "at")?,
        })
    }

    /// Whether what went into `sealing` is so little that rows must have been kept back: transactions without a single intent,
    /// or none at all from a ledger that has posted and shows no entry of any time.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn is_blind(&self, sealing: &Sealing) -> Result<bool, LedgerError> {
        if sealing.transactions() > 0 {
            return Ok(!sealing.has_intents());
        }
        let rows = self.call(SHOWS_NONE, &[]).await?;
        let row = rows
            .first()
            .ok_or_else(|| LedgerError::Unreadable("shows_none".to_owned()))?;
        column(row, "shows_none")
    }

    /// How many entries there are from `from` up to below `to`; one more than [`MOST`] stands for any more.
    async fn slice_size(&self, from: u64, to: u64) -> Result<i64, LedgerError> {
        let most = MOST + 1;
        let (from, to) = (from.cast_signed(), to.cast_signed());
        let rows = self
            .call(
                SLICE_SIZE,
                &[(&from, Type::INT8), (&to, Type::INT8), (&most, Type::INT8)],
            )
            .await?;
        let row = rows.first().ok_or_else(|| LedgerError::Unreadable("size".to_owned()))?;
        column(row, "size")
    }

    async fn slice(&self, from: u64, to: u64) -> Result<Vec<Leaf>, LedgerError> {
        let (from, to) = (from.cast_signed(), to.cast_signed());
        read(&self.call(SLICE, &[(&from, Type::INT8), (&to, Type::INT8)]).await?)
    }
}
