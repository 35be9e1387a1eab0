//! What should not last: queues that do not move, settlements in limbo, freezes, accounts below their floors, months that run out.

use tokio_postgres::types::{ToSql, Type};

use super::Wrong;
use crate::ledger::{Ledger, LedgerError, Query, column};

/// How long the oldest waits, in whole seconds, and how many do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queue {
    /// Of the oldest; 0: none waits.
    pub oldest_seconds: i64,
    /// How many.
    pub length: i64,
}

queries! {
    const OUTBOX_QUEUE: Query = "-- outbox_queue
SELECT coalesce(ceil(extract(epoch FROM now() - min(written_at))), 0)::bigint AS oldest, count(*) AS length FROM ledger.outbox";

    const OPEN_LETTERS: Query = "-- open_letters
SELECT 'dead_letter_open' AS what, id::text AS subject,
       format('tenant %s, %s of %s, since %s: %s', tenant_id, event_type, ledger_key, died_at, left(last_error, 200)) AS detail
  FROM ledger.dead_letters WHERE resolution IS NULL ORDER BY id LIMIT 1000";

    /// As the proved balances say: below every transaction that runs.
    const BELOW_FLOOR: Query = "-- below_floor
SELECT 'account_below_floor' AS what, a.account_id::text AS subject,
       format('tenant %s: %s %s, its floor is %s', a.tenant_id, p.balance, a.currency, a.floor) AS detail
  FROM ledger.proved_balances p JOIN ledger.accounts a USING (account_id)
 WHERE p.proved_to > $1 AND p.balance < a.floor ORDER BY a.account_id LIMIT 1000";

    const IN_LIMBO: Query = "-- in_limbo
SELECT CASE WHEN limbo_at < now() - interval '1 day' THEN 'limbo_for_days' ELSE 'limbo' END AS what, settlement_id::text AS subject,
       format('tenant %s, since %s: %s', tenant_id, limbo_at, limbo_cause) AS detail
  FROM ledger.settlements WHERE ended_at IS NULL AND status = 'limbo' ORDER BY limbo_at LIMIT 1000";

    /// An account is shown as frozen while one of its freezes is open: both change in one transaction.
    const FREEZES: Query = "-- open_freezes
SELECT * FROM (
    SELECT CASE WHEN a.frozen_at IS NULL THEN 'freeze_without_effect'
                WHEN f.since < now() - interval '7 days' THEN 'frozen_for_long' ELSE 'frozen' END AS what,
           f.account_id::text AS subject,
           format('tenant %s, since %s, by %s: %s', f.tenant_id, f.since, coalesce(f.frozen_by, f.reference::text), f.reason) AS detail
      FROM ledger.freezes f LEFT JOIN ledger.accounts a USING (account_id) WHERE f.ended_at IS NULL
    UNION ALL
    SELECT 'frozen_without_freeze', a.account_id::text, format('tenant %s, since %s', a.tenant_id, a.frozen_at)
      FROM ledger.accounts a
     WHERE a.frozen_at IS NOT NULL AND NOT EXISTS (SELECT FROM ledger.freezes f WHERE f.account_id = a.account_id AND f.ended_at IS NULL)
) AS found ORDER BY what, subject LIMIT 1000";

    /// Of each partitioned table, where its last partition ends; the least of them.
    const MONTHS_LEFT: Query = r"-- months_left
SELECT count(*) AS partitions,
       floor((min(ends.at) - extract(epoch FROM now()) * 1000) / (30.5 * 86400000))::bigint AS months
  FROM (
    SELECT i.inhparent,
           max(('x' || translate(left(substring(pg_get_expr(c.relpartbound, c.oid) FROM 'TO \(''([0-9a-f-]{36})''\)'), 13), '-', ''))::bit(48)::bigint) AS at
      FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
     WHERE i.inhparent IN ('ledger.ledger_transactions'::regclass, 'ledger.ledger_entries'::regclass)
     GROUP BY i.inhparent
  ) AS ends";

    const OPEN_BREAKS: Query = "-- open_breaks
SELECT CASE WHEN opened_at < now() - interval '3 days' THEN 'break_open_for_days' ELSE 'break_open' END AS what, break_id::text AS subject,
       format('%s of %s, %s line %s, since %s, assigned to %s', kind, provider, object, coalesce(line::text, 'none'), opened_at,
              coalesce(assignee, 'nobody')) AS detail
  FROM ledger.shown_breaks WHERE resolved_at IS NULL ORDER BY break_id LIMIT 1000";

    /// A day is left for the next file to come, behind the day on which its period ends.
    const LATE_STATEMENTS: Query = "-- late_statements
SELECT 'statement_late' AS what, provider AS subject,
       format('the last file, %s, ends at %s, and the next was due %s days later', object, period_to, every_days) AS detail
  FROM (SELECT DISTINCT ON (provider) * FROM ledger.statements ORDER BY provider, period_to DESC, statement_id DESC) AS newest
 WHERE period_to + make_interval(days => every_days + 1) < now() ORDER BY provider LIMIT 1000";

    const HALTS: Query = "-- open_halts
SELECT 'halted' AS what, scope::text AS subject, format('since %s, by %s: %s', since, halted_by, reason) AS detail
  FROM ledger.halts ORDER BY since LIMIT 1000";
}

impl Ledger {
    /// The outbox.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn outbox_queue(&self) -> Result<Queue, LedgerError> {
        let rows = self.call(OUTBOX_QUEUE, &[]).await?;
        let row = super::one(&rows)?;
        Ok(Queue {
            oldest_seconds: column(row, "oldest")?,
            length: column(row, "length")?,
        })
    }

    /// The first thousand dead letters that nobody has resolved: `dead_letter_open`.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn open_letters(&self) -> Result<Vec<Wrong>, LedgerError> {
        self.wrongs(OPEN_LETTERS, &[], &["dead_letter_open"]).await
    }

    /// The first thousand accounts that entries moved since that number and that are below their floor: `account_below_floor`.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn below_floor(&self, from: i64) -> Result<Vec<Wrong>, LedgerError> {
        self.wrongs(BELOW_FLOOR, &[(&from, Type::INT8)], &["account_below_floor"])
            .await
    }

    /// The first thousand settlements in limbo, the oldest first: `limbo`, after a day `limbo_for_days`.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn in_limbo(&self) -> Result<Vec<Wrong>, LedgerError> {
        self.wrongs(IN_LIMBO, &[], &["limbo", "limbo_for_days"]).await
    }

    /// The first thousand open freezes, and accounts that are frozen without one: `frozen`, `frozen_for_long`,
    /// `freeze_without_effect`, `frozen_without_freeze`.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn open_freezes(&self) -> Result<Vec<Wrong>, LedgerError> {
        const KINDS: [&str; 4] = [
            "frozen",
            "frozen_for_long",
            "freeze_without_effect",
            "frozen_without_freeze",
        ];
        self.wrongs(FREEZES, &[], &KINDS).await
    }

    /// The halts that hold: `halted`.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn open_halts(&self) -> Result<Vec<Wrong>, LedgerError> {
        self.wrongs(HALTS, &[], &["halted"]).await
    }

    /// The first thousand breaks that nobody has resolved, the oldest first: `break_open`, after three days
    /// `break_open_for_days`.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn open_breaks(&self) -> Result<Vec<Wrong>, LedgerError> {
        self.wrongs(OPEN_BREAKS, &[], &["break_open", "break_open_for_days"])
            .await
    }

    /// The providers whose next file should have been taken by now: `statement_late`.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn late_statements(&self) -> Result<Vec<Wrong>, LedgerError> {
        self.wrongs(LATE_STATEMENTS, &[], &["statement_late"]).await
    }

    /// How many whole months of partitions are left; `None`: there are no partitions, or their ends cannot be read.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn months_left(&self) -> Result<Option<i64>, LedgerError> {
        let rows = self.call(MONTHS_LEFT, &[]).await?;
        let row = super::one(&rows)?;
        let tables: i64 = column(row, "partitions")?;
        Ok(if tables == 2 { column(row, "months")? } else { None })
    }

    async fn wrongs(
        &self,
        statement: Query,
        parameters: &[(&(dyn ToSql + Sync), Type)],
        kinds: &[&'static str],
    ) -> Result<Vec<Wrong>, LedgerError> {
        let rows = self.call(statement, parameters).await?;
        rows.iter().map(|row| Wrong::read(row, kinds)).collect()
    }
}
