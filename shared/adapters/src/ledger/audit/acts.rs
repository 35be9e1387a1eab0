//! The rows of the audit that are justified, or should be.

use domain::justification::{Act, Justification, Recorded};
use domain::reconciliation::report::Slice;
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

use crate::ledger::{Ledger, LedgerError, column};

queries! {
    /// Also those that bear a statement and need none. A row with a number that nobody was given yet is in no slice before the ledger
    /// gets there: such are asked for by themselves.
    const DECIDED_IN: Query = "-- decided_in
SELECT a.id, a.at, a.actor, a.act, a.subject, a.terms, a.reason, a.statement, a.signature, a.key_id,
       EXISTS (SELECT FROM ledger.audit b WHERE b.statement = a.statement AND b.id <> a.id) AS is_repeated
  FROM ledger.audit a
 WHERE (a.written_in::text::bigint >= $1 AND a.written_in::text::bigint < $2
        OR $5 AND a.written_in::text::bigint >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint)
   AND a.id > $3 AND (a.statement IS NOT NULL OR a.act = ANY ($4))
 ORDER BY a.id LIMIT 1000";
}

impl Ledger {
    /// Up to a thousand of a slice, numbered above `after`, in the order of their numbers; with `and_the_future` also
    /// those that pretend to be of it.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn decided_in(
        &self,
        slice: Slice,
        and_the_future: bool,
        after: i64,
    ) -> Result<Vec<(i64, Recorded)>, LedgerError> {
        let acts = Act::ALL.map(Act::as_str);
        let parameters: [(&(dyn ToSql + Sync), Type); 5] = [
            (&slice.from, Type::INT8),
            (&slice.to, Type::INT8),
            (&after, Type::INT8),
            (&acts.as_slice(), Type::TEXT_ARRAY),
            (&and_the_future, Type::BOOL),
        ];
        let rows = self.call(DECIDED_IN, &parameters).await?;
        rows.iter().map(|row| Ok((column(row, "id")?, read(row)?))).collect()
    }
}

fn read(row: &Row) -> Result<Recorded, LedgerError> {
    let statement: Option<String> = column(row, "statement")?;
    let (signature, key_id) = (column(row, "signature")?, column(row, "key_id")?);
    Ok(Recorded {
        at: column(row, "at")?,
        actor: column(row, "actor")?,
        act: column(row, "act")?,
        subject: column(row, "subject")?,
        terms: column(row, "terms")?,
        reason: column(row, "reason")?,
        justification: statement.map(|statement| Justification::kept(statement, signature, key_id)),
        is_repeated: column(row, "is_repeated")?,
    })
}
