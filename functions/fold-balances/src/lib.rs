//! Every minute: folds the accounts whose tails have grown long, so that reading a balance stays cheap.

use adapters::ledger::{Ledger, LedgerError};
use serde_json::{Value, json};

/// A tail shorter than this costs a read less than a checkpoint costs the history.
const AT_LEAST: i32 = 64;
/// As many accounts as one run folds within its time; the longest tails go first, the rest wait a minute.
const MOST: i32 = 1000;

/// Folds each account in a transaction of its own; returns `{"accounts": n, "deltas": n}`.
///
/// # Errors
/// [`LedgerError`] at the first account that fails; what was folded stays folded, and the next run goes on.
pub async fn handle(ledger: &Ledger) -> Result<Value, LedgerError> {
    let accounts = ledger.accounts_to_fold(AT_LEAST, MOST).await?;
    let mut deltas = 0;
    for account in &accounts {
        deltas += i64::from(ledger.fold(*account).await?);
    }
    tracing::info!(fold.accounts = accounts.len(), fold.deltas = deltas, "folded");
    Ok(json!({ "accounts": accounts.len(), "deltas": deltas }))
}
