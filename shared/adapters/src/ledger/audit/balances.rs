//! The proving of balances: `ledger.proved_balances`.

use serde::Deserialize;
use tokio_postgres::types::Type;
use uuid::Uuid;

use crate::ledger::{Ledger, LedgerError, column};

/// An account that holds something else than its entries' sum. In minor units, as decimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Differing {
    /// Which.
    pub account: Uuid,
    /// The sum of its entries, as it was proved night by night.
    pub proved: String,
    /// Its last checkpoint and the tail.
    pub held: String,
    /// Since when this is known.
    pub since: String,
}

/// Some of the accounts that were compared.
#[derive(Clone, Debug)]
pub struct Compared {
    /// How many.
    pub accounts: i64,
    /// The last of them. `None`: there are no more.
    pub last: Option<Uuid>,
    /// Those that differ.
    pub differing: Vec<Differing>,
}

queries! {
    const PROVED_TO: Query = "-- proved_to
SELECT coalesce(max(proved_to), 0) AS proved_to FROM ledger.proved_balances";
    const PROVE_BALANCES: Query = "-- prove_balances
SELECT ledger.prove_balances($1) AS entries";
    const COMPARE_BALANCES: Query = "-- compare_balances
SELECT * FROM ledger.compare_balances($1, $2, $3)";
}

impl Ledger {
    /// Up to which number the balances are proved; 0: none is.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn balances_proved_to(&self) -> Result<i64, LedgerError> {
        let rows = self.call(PROVED_TO, &[]).await?;
        column(super::one(&rows)?, "proved_to")
    }

    /// Takes the entries up to that number into the proved balances; returns how many there were.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn prove_balances(&self, to: i64) -> Result<i64, LedgerError> {
        let rows = self.call(PROVE_BALANCES, &[(&to, Type::INT8)]).await?;
        column(super::one(&rows)?, "entries")
    }

    /// Compares up to `most` accounts behind `after` and not behind `until`.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn compare_balances(&self, after: Uuid, until: Uuid, most: i32) -> Result<Compared, LedgerError> {
        let parameters: &[_] = &[
            (&after as &(dyn tokio_postgres::types::ToSql + Sync), Type::UUID),
            (&until, Type::UUID),
            (&most, Type::INT4),
        ];
        let rows = self.call(COMPARE_BALANCES, parameters).await?;
        let row = super::one(&rows)?;
        let differing = serde_json::from_value(column(row, "differing")?)
            .map_err(|error| LedgerError::Unreadable(format!("differing: {error}")))?;
        Ok(Compared {
            accounts: column(row, "compared")?,
            last: column(row, "last_account")?,
            differing,
        })
    }
}
