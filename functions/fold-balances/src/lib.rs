//! Every minute: folds the accounts whose tails have grown long, so that reading a balance stays cheap.

use adapters::ledger::{Ledger, LedgerError};
use domain::ids::AccountId;
use serde_json::{Value, json};

/// A tail shorter than this costs a read less than a checkpoint costs the history.
const AT_LEAST: i32 = 64;
/// As many accounts as one run folds within its time; the longest tails go first, the rest wait a minute.
const MOST: i32 = 1000;

/// What one fold takes at most (`ledger.fold_locked`); an account that gave as many has more.
const FULL: i32 = 20_000;

/// Folds each account in transactions of its own; returns `{"accounts": n, "deltas": n}`.
///
/// # Errors
/// The last [`LedgerError`] if any account failed. The others are folded all the same: one that cannot be must not stop
/// the house.
pub async fn handle(ledger: &Ledger) -> Result<Value, LedgerError> {
    let accounts = ledger.accounts_to_fold(AT_LEAST, MOST).await?;
    let (mut deltas, mut failed) = (0, None);
    for account in &accounts {
        match fold_whole(ledger, *account).await {
            Ok(folded) => deltas += folded,
            Err(error) => {
                tracing::error!(account.id = %account, error = %error, "an account could not be folded");
                failed = Some(error);
            }
        }
    }
    tracing::info!(fold.accounts = accounts.len(), fold.deltas = deltas, "folded");
    match failed {
        None => Ok(json!({ "accounts": accounts.len(), "deltas": deltas })),
        Some(error) => Err(error),
    }
}

async fn fold_whole(ledger: &Ledger, account: AccountId) -> Result<i64, LedgerError> {
    let mut deltas = 0;
    loop {
        let folded = ledger.fold(account).await?;
        deltas += i64::from(folded);
        if folded < FULL {
            return Ok(deltas);
        }
    }
}
