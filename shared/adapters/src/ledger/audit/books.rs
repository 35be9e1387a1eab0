//! Entries against each other and against their intents.

use std::time::Duration;

use domain::reconciliation::report::Slice;
use time::OffsetDateTime;
use tokio_postgres::types::{ToSql, Type};
use uuid::Uuid;

use super::Wrong;
use crate::ledger::{Ledger, LedgerError, column};

/// A slice's entries in one currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sums {
    /// ISO 4217.
    pub currency: String,
    /// How many entries.
    pub entries: i64,
    /// Of how many transactions.
    pub transactions: i64,
    /// Of all of them, in minor units, as decimal digits: it may be anything.
    pub sum: String,
    /// The first hundred transactions that do not sum to zero, each with its sum.
    pub wrong: Vec<String>,
    /// How many there are in all.
    pub wrong_total: i64,
}

queries! {
    const SUMS_OF: Query = "-- sums_of
WITH of_transactions AS (
    SELECT transaction_id, currency, sum(CASE entry_type WHEN 'CREDIT' THEN amount ELSE -amount END) AS signed, count(*) AS entries
      FROM ledger.ledger_entries
     WHERE posted_in::text::bigint >= $1 AND posted_in::text::bigint < $2
     GROUP BY transaction_id, currency
)
SELECT currency::text, sum(entries)::bigint AS entries, count(*) AS transactions, sum(signed)::text AS sum,
       coalesce((array_agg(transaction_id::text || ' ' || signed ORDER BY transaction_id) FILTER (WHERE signed <> 0))[1:100], '{}') AS wrong,
       count(*) FILTER (WHERE signed <> 0) AS wrong_total
  FROM of_transactions GROUP BY currency ORDER BY currency";

    /// What accounts hold, and what is proved of their entries, must be nothing in sum: what one has another has not. Each of the
    /// two in one snapshot.
    const SUMS_OF_BALANCES: Query = "-- sums_of_balances
SELECT a.currency::text,
       sum(coalesce((SELECT c.balance FROM ledger.balance_checkpoints c
                      WHERE c.account_id = a.account_id ORDER BY c.checkpoint_no DESC LIMIT 1), 0)
           + coalesce(t.delta, 0))::text AS held,
       sum(coalesce(p.balance, 0))::text AS proved
  FROM ledger.accounts a
       LEFT JOIN (SELECT account_id, sum(delta) AS delta FROM ledger.balance_tail GROUP BY account_id) t USING (account_id)
       LEFT JOIN ledger.proved_balances p USING (account_id)
 GROUP BY a.currency ORDER BY a.currency";

    /// All entries of each transaction that has one in the slice, against its intent. What is added to an old one is seen with what
    /// was there.
    const MISMATCHES_OF: Query = "-- mismatches_of
WITH touched AS MATERIALIZED (
    SELECT DISTINCT transaction_id FROM ledger.ledger_entries WHERE posted_in::text::bigint >= $1 AND posted_in::text::bigint < $2
)
SELECT w.what, p.transaction_id::text AS subject,
       format('%s, %s entries', CASE WHEN t.kind IS NULL THEN 'no intent'
                                     ELSE format('tenant %s, %s %s of %s %s', t.tenant_id, t.kind, t.outcome, t.amount, t.currency) END, e.entries) AS detail
  FROM touched p
       LEFT JOIN LATERAL (SELECT * FROM ledger.ledger_transactions t WHERE t.ledger_key = p.transaction_id LIMIT 1) t ON true,
       LATERAL (
        SELECT count(*) AS entries,
               count(*) FILTER (WHERE e.entry_type = 'DEBIT' AND e.account_id = t.source) AS debits,
               count(*) FILTER (WHERE e.entry_type = 'CREDIT' AND e.account_id = t.destination) AS credits,
               bool_and(e.amount = t.amount AND e.currency = t.currency) AS same_money,
               bool_and(EXISTS (SELECT FROM ledger.accounts a
                                 WHERE a.account_id = e.account_id AND a.tenant_id = e.tenant_id AND a.currency = e.currency OFFSET 0)) AS right_owner
          FROM ledger.ledger_entries e
         WHERE e.idempotency_key = p.transaction_id
       ) e,
       LATERAL (SELECT CASE
            WHEN t.ledger_key IS NULL THEN 'entries_without_intent'
            WHEN t.outcome <> 'posted' THEN 'entries_of_unposted_intent'
            WHEN e.entries <> 2 THEN 'entries_not_two'
            WHEN e.debits <> 1 OR e.credits <> 1 OR NOT e.same_money THEN 'entries_differ_from_intent'
            WHEN NOT e.right_owner THEN 'entries_of_wrong_account' END AS what) w
 WHERE w.what IS NOT NULL
UNION ALL
SELECT DISTINCT 'entries_under_another_key', transaction_id::text, format('its key is %s', idempotency_key)
  FROM ledger.ledger_entries
 WHERE posted_in::text::bigint >= $1 AND posted_in::text::bigint < $2 AND transaction_id <> idempotency_key
 ORDER BY subject LIMIT 1000";

    const WITHOUT_ENTRIES: Query = "-- without_entries
SELECT 'intent_without_entries' AS what, t.ledger_key::text AS subject,
       format('tenant %s, %s of %s %s', t.tenant_id, t.kind, t.amount, t.currency) AS detail
  FROM ledger.ledger_transactions t,
       LATERAL (SELECT count(*) AS entries FROM ledger.ledger_entries e WHERE e.idempotency_key = t.ledger_key) e
 WHERE t.created_at >= $1 AND t.created_at < $2 AND t.outcome = 'posted' AND e.entries = 0
 ORDER BY t.ledger_key LIMIT 1000";

    const HELD_BACK: Query = "-- held_back
SELECT count(*) AS entries FROM ledger.ledger_entries
 WHERE posted_in::text::bigint >= $1 AND created_at < now() - $2 * interval '1 second'";

    /// Whatever a statement sees has a number that was given before it: the guards write the number of the transaction itself.
    const OF_THE_FUTURE: Query = "-- of_the_future
SELECT transaction_id::text AS subject, 'entry_of_the_future' AS what, format('%s entries, the last of number %s', count(*), max(posted_in::text::bigint)) AS detail
  FROM ledger.ledger_entries WHERE posted_in::text::bigint >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint
 GROUP BY transaction_id ORDER BY transaction_id LIMIT 1000";

    /// The entries of the page's accounts in one look into each partition, instead of one for each account.
    const EVERY_BALANCE: Query = "-- every_balance
WITH page AS MATERIALIZED (SELECT account_id, tenant_id FROM ledger.accounts WHERE account_id > $1 AND account_id <= $2 ORDER BY account_id LIMIT $3),
of_entries AS MATERIALIZED (
    SELECT account_id, sum(signed) AS all_entries, coalesce(sum(signed) FILTER (WHERE number < b.proved_to), 0) AS proved_entries
      FROM (SELECT account_id, CASE entry_type WHEN 'CREDIT' THEN amount ELSE -amount END AS signed, posted_in::text::bigint AS number
              FROM ledger.ledger_entries
             WHERE account_id > $1 AND account_id <= (SELECT p.account_id FROM page p ORDER BY p.account_id DESC LIMIT 1)) e
           LEFT JOIN ledger.proved_balances b USING (account_id)
     GROUP BY account_id
),
told AS MATERIALIZED (
    SELECT p.account_id, p.tenant_id, coalesce(e.all_entries, 0) AS all_entries, coalesce(e.proved_entries, 0) AS proved_entries,
           b.balance AS proved,
           coalesce((SELECT c.balance FROM ledger.balance_checkpoints c
                      WHERE c.account_id = p.account_id ORDER BY c.checkpoint_no DESC LIMIT 1), 0)
           + (SELECT coalesce(sum(t.delta), 0) FROM ledger.balance_tail t WHERE t.account_id = p.account_id) AS held
      FROM page p LEFT JOIN of_entries e USING (account_id) LEFT JOIN ledger.proved_balances b USING (account_id)
)
SELECT account_id, CASE WHEN held <> all_entries THEN 'balance_differs' WHEN proved <> proved_entries THEN 'proved_balance_differs' END AS what,
       account_id::text AS subject,
       format('tenant %s: entries %s, checkpoint and tail %s, proved %s of %s', tenant_id, all_entries, held, proved, proved_entries) AS detail
  FROM told ORDER BY account_id";
}

/// What `mismatches_of` and `without_entries` find.
const MISMATCHES: [&str; 7] = [
    "entries_under_another_key",
    "entries_without_intent",
    "entries_of_unposted_intent",
    "entries_not_two",
    "entries_differ_from_intent",
    "entries_of_wrong_account",
    "intent_without_entries",
];

impl Ledger {
    /// The entries of a slice, by currency.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn sums_of(&self, slice: Slice) -> Result<Vec<Sums>, LedgerError> {
        let rows = self
            .call(SUMS_OF, &[(&slice.from, Type::INT8), (&slice.to, Type::INT8)])
            .await?;
        let read = |row| {
            Ok(Sums {
                currency: column(row, "currency")?,
                entries: column(row, "entries")?,
                transactions: column(row, "transactions")?,
                sum: column(row, "sum")?,
                wrong: column(row, "wrong")?,
                wrong_total: column(row, "wrong_total")?,
            })
        };
        rows.iter().map(read).collect()
    }

    /// By currency: what all accounts hold together, and what is proved of them, in minor units as decimal digits.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn sums_of_balances(&self) -> Result<Vec<(String, String, String)>, LedgerError> {
        let rows = self.call(SUMS_OF_BALANCES, &[]).await?;
        let read = |row| Ok((column(row, "currency")?, column(row, "held")?, column(row, "proved")?));
        rows.iter().map(read).collect()
    }

    /// The first thousand transactions of a slice whose entries are not their intent's.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn mismatches_of(&self, slice: Slice) -> Result<Vec<Wrong>, LedgerError> {
        let rows = self
            .call(MISMATCHES_OF, &[(&slice.from, Type::INT8), (&slice.to, Type::INT8)])
            .await?;
        rows.iter().map(|row| Wrong::read(row, &MISMATCHES)).collect()
    }

    /// The first thousand posted intents of that time that have no entry.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn without_entries(
        &self,
        since: OffsetDateTime,
        until: OffsetDateTime,
    ) -> Result<Vec<Wrong>, LedgerError> {
        let rows = self
            .call(
                WITHOUT_ENTRIES,
                &[(&since, Type::TIMESTAMPTZ), (&until, Type::TIMESTAMPTZ)],
            )
            .await?;
        rows.iter().map(|row| Wrong::read(row, &MISMATCHES)).collect()
    }

    /// How many entries are older than that and yet not below that number, because a transaction below it still runs.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn held_back(&self, horizon: i64, age: Duration) -> Result<i64, LedgerError> {
        let parameters: &[_] = &[
            (&horizon as &(dyn ToSql + Sync), Type::INT8),
            (&age.as_secs_f64(), Type::FLOAT8),
        ];
        let rows = self.call(HELD_BACK, parameters).await?;
        column(super::one(&rows)?, "entries")
    }

    /// The first thousand transactions with entries whose number was not given yet: no run would reach them for long.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn of_the_future(&self) -> Result<Vec<Wrong>, LedgerError> {
        let rows = self.call(OF_THE_FUTURE, &[]).await?;
        rows.iter()
            .map(|row| Wrong::read(row, &["entry_of_the_future"]))
            .collect()
    }
}

/// Some accounts, each from all its entries.
#[derive(Clone, Debug)]
pub struct Page {
    /// How many there are.
    pub accounts: u64,
    /// The last of them. `None`: there are no more.
    pub last: Option<Uuid>,
    /// Those that differ.
    pub wrong: Vec<Wrong>,
}

impl Ledger {
    /// Up to `most` accounts behind `after` and not behind `until`, each from all its entries.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn every_balance(&self, after: Uuid, until: Uuid, most: i64) -> Result<Page, LedgerError> {
        let rows = self
            .call(
                EVERY_BALANCE,
                &[(&after, Type::UUID), (&until, Type::UUID), (&most, Type::INT8)],
            )
            .await?;
        let mut page = Page {
            accounts: 0,
            last: None,
            wrong: Vec::new(),
        };
        for row in &rows {
            page.accounts += 1;
            page.last = Some(column(row, "account_id")?);
            if column::<Option<&str>>(row, "what")?.is_some() {
                page.wrong
                    .push(Wrong::read(row, &["balance_differs", "proved_balance_differs"])?);
            }
        }
        Ok(page)
    }
}
