//! Folding: turning an account's newest deltas into its next checkpoint.

use domain::ids::AccountId;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::{Ledger, LedgerError, column};

queries! {
    const ACCOUNTS_TO_FOLD: Query = "-- accounts_to_fold
SELECT account_id FROM ledger.accounts_to_fold($1, $2) AS account_id";
    const FOLD: Query = "-- fold
SELECT ledger.fold($1) AS folded";
}

impl Ledger {
    /// The accounts with at least that many deltas, longest tail first.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn accounts_to_fold(&self, at_least: i32, most: i32) -> Result<Vec<AccountId>, LedgerError> {
        let rows = self
            .call(ACCOUNTS_TO_FOLD, &[(&at_least, Type::INT4), (&most, Type::INT4)])
            .await?;
        rows.iter()
            .map(|row| Ok(AccountId::from(column::<Uuid>(row, "account_id")?)))
            .collect()
    }

    /// Folds one account in a transaction of its own. Returns how many deltas that took. Safe to repeat.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn fold(&self, account: AccountId) -> Result<i32, LedgerError> {
        let rows = self.call(FOLD, &[(&account.uuid(), Type::UUID)]).await?;
        let row = rows
            .first()
            .ok_or_else(|| LedgerError::Unreadable("a fold answers with one row".to_owned()))?;
        column(row, "folded")
    }
}
