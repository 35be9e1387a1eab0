//! What was given back against what is noted of it, and against what there was to give back.

use domain::reconciliation::report::Slice;
use tokio_postgres::types::Type;

use super::Wrong;
use crate::ledger::{Ledger, LedgerError};

queries! {
    /// Each refund and reversal that has an entry in the slice must be noted, or the next one is decided without it. Of every payment
    /// that one of them is noted of, all that was ever noted is read, each beside its intent: how much was given back, by whichever of
    /// the two says more, and how much there was to give back. That is nothing of what never moved.
    ///
    /// LIMIT and OFFSET are fences: each row is looked up by its key, and no plan reads all that was ever corrected.
    const MISCORRECTIONS_OF: Query = "-- miscorrections_of
WITH touched AS MATERIALIZED (
    SELECT DISTINCT transaction_id FROM ledger.ledger_entries WHERE posted_in::text::bigint >= $1 AND posted_in::text::bigint < $2
),
posted AS MATERIALIZED (
    SELECT t.ledger_key, t.tenant_id, t.kind, t.amount, t.currency, t.details ->> 'payment' AS payment, c.original
      FROM touched p
           JOIN LATERAL (SELECT * FROM ledger.ledger_transactions t WHERE t.ledger_key = p.transaction_id LIMIT 1) t
             ON t.outcome = 'posted' AND t.kind IN ('refund', 'reversal')
           LEFT JOIN LATERAL (SELECT original FROM ledger.corrections c WHERE c.ledger_key = t.ledger_key LIMIT 1) c ON true
),
noted AS MATERIALIZED (
    SELECT c.ledger_key, c.original, c.tenant_id, c.kind, c.amount, greatest(c.amount, t.amount) AS given,
           coalesce(CASE o.kind
               WHEN 'payment' THEN CASE o.outcome WHEN 'posted' THEN o.amount END
               WHEN 'settlement' THEN (SELECT o.amount FROM ledger.settlements s WHERE s.settlement_id = o.ledger_key AND s.status = 'settled')
           END, 0) AS there_was,
           (t.outcome = 'posted' AND t.kind = c.kind AND t.amount = c.amount AND t.details ->> 'payment' = c.original::text
            AND t.tenant_id = c.tenant_id AND o.tenant_id = c.tenant_id AND t.currency = o.currency
            AND t.source = o.destination AND t.destination = o.source) IS TRUE AS agrees
      FROM (SELECT DISTINCT original FROM posted WHERE original IS NOT NULL) p
           CROSS JOIN LATERAL (SELECT * FROM ledger.corrections c WHERE c.original = p.original OFFSET 0) c
           LEFT JOIN LATERAL (SELECT * FROM ledger.ledger_transactions t WHERE t.ledger_key = c.ledger_key LIMIT 1) t ON true
           LEFT JOIN LATERAL (SELECT * FROM ledger.ledger_transactions o WHERE o.ledger_key = c.original LIMIT 1) o ON true
)
SELECT 'correction_missing' AS what, ledger_key::text AS subject,
       format('tenant %s, %s of %s %s, of %s', tenant_id, kind, amount, currency, payment) AS detail
  FROM posted WHERE original IS NULL
UNION ALL
SELECT 'correction_differs', ledger_key::text, format('tenant %s, noted as %s of %s, of %s', tenant_id, kind, amount, original)
  FROM noted WHERE NOT agrees
UNION ALL
SELECT 'corrected_above_payment', original::text,
       format('tenant %s, %s given back in %s corrections, of %s', min(tenant_id::text), sum(given), count(*), min(there_was))
  FROM noted GROUP BY original HAVING sum(given) > min(there_was)
 ORDER BY what, subject LIMIT 1000";
}

/// What `miscorrections_of` finds.
const MISCORRECTIONS: [&str; 3] = ["correction_missing", "correction_differs", "corrected_above_payment"];

impl Ledger {
    /// The first thousand things that are wrong with what a slice gave back.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn miscorrections_of(&self, slice: Slice) -> Result<Vec<Wrong>, LedgerError> {
        let rows = self
            .call(MISCORRECTIONS_OF, &[(&slice.from, Type::INT8), (&slice.to, Type::INT8)])
            .await?;
        rows.iter().map(|row| Wrong::read(row, &MISCORRECTIONS)).collect()
    }
}
