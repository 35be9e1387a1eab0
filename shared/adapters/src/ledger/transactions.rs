//! Intents as the ledger holds them.

use domain::fingerprint::Fingerprint;
use domain::ids::{AccountId, LedgerKey, TenantId};
use domain::money::Amount;
use domain::recorded::Recorded;
use tokio_postgres::Row;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::{Ledger, LedgerError, column, word};

queries! {
    const TRANSACTION: Query = "-- transaction
SELECT * FROM ledger.transaction($1, $2)";
}

impl Ledger {
    /// The intent of that id. `None`: this tenant has none.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn transaction(&self, tenant: TenantId, key: LedgerKey) -> Result<Option<Recorded>, LedgerError> {
        let parameters: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 2] =
            [(&tenant.uuid(), Type::UUID), (&key.uuid(), Type::UUID)];
        let rows = self.call(TRANSACTION, &parameters).await?;
        rows.first().map(|row| read(tenant, row)).transpose()
    }
}

/// Reads the intent's columns, whichever statement they come from.
pub(super) fn read(tenant: TenantId, row: &Row) -> Result<Recorded, LedgerError> {
    let id = |name| column::<Uuid>(row, name);
    let unreadable = |name: &str| LedgerError::Unreadable(name.to_owned());
    Ok(Recorded {
        ledger_key: LedgerKey::from(id("ledger_key")?),
        tenant,
        operation: word(row, "kind")?,
        fingerprint: Fingerprint::try_from(column::<&[u8]>(row, "fingerprint")?)
            .map_err(|_| unreadable("fingerprint"))?,
        outcome: word(row, "outcome")?,
        source: AccountId::from(id("source")?),
        destination: AccountId::from(id("destination")?),
        amount: Amount::try_from(column::<i64>(row, "amount")?).map_err(|_| unreadable("amount"))?,
        currency: word(row, "currency")?,
        details: column(row, "details")?,
        answer_version: column(row, "answer_version")?,
        created_at: column(row, "created_at")?,
    })
}
