//! Up to where the books are proved, and whether the ledger shows itself whole.

use domain::reconciliation::report::Slice;
use time::OffsetDateTime;
use tokio_postgres::types::Type;

use crate::ledger::{Ledger, LedgerError, column};

/// What is to be proved next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// By numbers: what is looked at of the entries. Its end may lie below its beginning, if the database's numbers began
    /// anew.
    pub slice: Slice,
    /// By time: since when it looks at intents. `None`: nothing was proved before.
    pub since: Option<OffsetDateTime>,
    /// Now, by the database's clock.
    pub now: OffsetDateTime,
}

queries! {
    const WINDOW: Query = "-- proof_window
SELECT coalesce((SELECT to_transaction FROM ledger.proofs ORDER BY proof_no DESC LIMIT 1), 0) AS last,
       (SELECT began_at FROM ledger.proofs ORDER BY proof_no DESC LIMIT 1) AS since,
       pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS horizon,
       clock_timestamp() AS now";

    /// Where the first run began. Until there was one, every entry is looked at.
    const BEGINNING: Query = "-- beginning
SELECT coalesce((SELECT from_transaction FROM ledger.proofs ORDER BY proof_no LIMIT 1),
                (SELECT min(posted_in::text::bigint) FROM ledger.ledger_entries)) AS number,
       (SELECT min(created_at) FROM ledger.accounts) AS at";

    const FIRST_PROOF: Query = "-- first_proof
SELECT (SELECT began_at FROM ledger.proofs ORDER BY proof_no LIMIT 1) AS at";

    const RECORD_PROOF: Query = "-- record_proof
SELECT ledger.record_proof($1, $2, $3) AS recorded";

    /// A table shows itself whole to a role if it has no policies, or one for it that lets everything through and none that
    /// narrows it; and if it is a table, and no view that took its name. Reading it would say nothing: hidden rows are no error.
    const HIDDEN: Query = "-- hidden
SELECT t.name, r.rolname::text AS role
  FROM unnest($1::text[]) AS t (name), pg_roles r, pg_class c
 WHERE r.rolname = ANY (CASE WHEN $2 = '' THEN ARRAY[current_user::text] ELSE ARRAY[$2] END)
   AND c.oid = ('ledger.' || t.name)::regclass
   AND (c.relkind NOT IN ('r', 'p') OR c.relrowsecurity AND NOT coalesce((
        SELECT bool_or(p.polpermissive AND pg_get_expr(p.polqual, p.polrelid) = 'true') AND bool_and(p.polpermissive)
          FROM pg_policy p
         WHERE p.polrelid = c.oid AND p.polcmd IN ('r', '*')
           AND EXISTS (SELECT FROM unnest(p.polroles) AS of_role WHERE of_role = 0 OR pg_has_role(r.oid, of_role, 'USAGE'))
       ), false))
 LIMIT 1";

    /// What has been proved was there.
    const EMPTIED: Query = "-- emptied
SELECT name FROM (VALUES ('ledger_entries', EXISTS (SELECT FROM ledger.ledger_entries)),
                         ('ledger_transactions', EXISTS (SELECT FROM ledger.ledger_transactions)),
                         ('accounts', EXISTS (SELECT FROM ledger.accounts))) AS t (name, has_rows)
 WHERE NOT has_rows AND name = ANY ($1) AND EXISTS (SELECT FROM ledger.proved_balances) LIMIT 1";
}

impl Ledger {
    /// What was not proved yet, up to the number of the oldest transaction that runs.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn proof_window(&self) -> Result<Window, LedgerError> {
        let rows = self.call(WINDOW, &[]).await?;
        let row = super::one(&rows)?;
        Ok(Window {
            slice: Slice {
                from: column(row, "last")?,
                to: column(row, "horizon")?,
            },
            since: column(row, "since")?,
            now: column(row, "now")?,
        })
    }

    /// The number that the first transaction of entries has, and when the first account was opened: nothing that moves
    /// money is older. `None`: there is none.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn beginning(&self) -> Result<(Option<i64>, Option<OffsetDateTime>), LedgerError> {
        let rows = self.call(BEGINNING, &[]).await?;
        let row = super::one(&rows)?;
        Ok((column(row, "number")?, column(row, "at")?))
    }

    /// When the first run began that proved anything. `None`: none has yet.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn first_proof(&self) -> Result<Option<OffsetDateTime>, LedgerError> {
        let rows = self.call(FIRST_PROOF, &[]).await?;
        column(super::one(&rows)?, "at")
    }

    /// Writes down that this is proved. `false`: another run was faster.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn record_proof(&self, slice: Slice, began: OffsetDateTime) -> Result<bool, LedgerError> {
        let parameters: &[_] = &[
            (&slice.from as &(dyn tokio_postgres::types::ToSql + Sync), Type::INT8),
            (&slice.to, Type::INT8),
            (&began, Type::TIMESTAMPTZ),
        ];
        let rows = self.call(RECORD_PROOF, parameters).await?;
        column(super::one(&rows)?, "recorded")
    }

    /// One of these tables that is empty, though the books were proved when it was not. What a check says of it would be of
    /// nothing.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn emptied_table(&self, tables: &[&str]) -> Result<Option<String>, LedgerError> {
        let rows = self.call(EMPTIED, &[(&tables, Type::TEXT_ARRAY)]).await?;
        rows.first().map(|row| column(row, "name")).transpose()
    }

    /// One of these tables that does not show all its rows to `role` (`None`: to whom this connection belongs), if there is
    /// one.
    ///
    /// # Errors
    /// [`LedgerError`]: among others when one of the tables does not exist.
    pub async fn hidden_table(&self, tables: &[&str], role: Option<&str>) -> Result<Option<String>, LedgerError> {
        let role = role.unwrap_or_default();
        let rows = self
            .call(HIDDEN, &[(&tables, Type::TEXT_ARRAY), (&role, Type::TEXT)])
            .await?;
        rows.first().map(|row| column(row, "name")).transpose()
    }
}
