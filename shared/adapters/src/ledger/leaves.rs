//! Transactions as the digest has them.

use std::fmt::Write;

use domain::digest::leaf::{Entry, Intent, Leaf, VERSION};
use domain::ids::{LedgerKey, TenantId};
use tokio_postgres::Row;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::{Ledger, LedgerError, column};

queries! {
    const LEAVES_OF: Query = "-- leaves_of
SELECT * FROM ledger.leaves_of($1, $2)";
}

impl Ledger {
    /// The transaction of that id, as its leaf. `None`: this tenant has none, or none that moved money.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn leaf(&self, tenant: TenantId, key: LedgerKey) -> Result<Option<Leaf>, LedgerError> {
        let rows = self
            .call(LEAVES_OF, &[(&tenant.uuid(), Type::UUID), (&key.uuid(), Type::UUID)])
            .await?;
        Ok(read(&rows)?.into_iter().next())
    }
}

/// The leaves that these rows are the entries of. Entries of one number and one transaction are one leaf; leaves keep the
/// order of the rows.
pub(super) fn read(rows: &[Row]) -> Result<Vec<Leaf>, LedgerError> {
    let mut leaves: Vec<Leaf> = Vec::new();
    for row in rows {
        let (transaction_id, intent, entry) = (
            LedgerKey::from(column::<Uuid>(row, "transaction_id")?),
            intent(row)?,
            entry(row)?,
        );
        match leaves.last_mut() {
            Some(leaf) if leaf.transaction_id == transaction_id && leaf.number() == entry.posted_in => {
                leaf.intent = leaf.intent.take().or(intent);
                leaf.entries.push(entry);
            }
            Some(_) | None => leaves.push(Leaf {
                version: VERSION,
                transaction_id,
                intent,
                entries: vec![entry],
            }),
        }
    }
    leaves.iter_mut().for_each(Leaf::sort);
    Ok(leaves)
}

fn entry(row: &Row) -> Result<Entry, LedgerError> {
    Ok(Entry {
        id: column(row, "id")?,
        account_id: column::<Uuid>(row, "account_id")?.into(),
        entry_type: column(row, "entry_type")?,
        amount: column(row, "amount")?,
        currency: column(row, "currency")?,
        tenant_id: column::<Uuid>(row, "tenant_id")?.into(),
        created_at: column(row, "created_at")?,
        posted_in: number(column(row, "number")?)?,
    })
}

fn intent(row: &Row) -> Result<Option<Intent>, LedgerError> {
    let Some(tenant_id) = column::<Option<Uuid>>(row, "intent_tenant")? else {
        return Ok(None);
    };
    let fingerprint = column::<&[u8]>(row, "fingerprint")?;
    Ok(Some(Intent {
        tenant_id: tenant_id.into(),
        kind: column(row, "kind")?,
        outcome: column(row, "outcome")?,
        source: column::<Uuid>(row, "source")?.into(),
        destination: column::<Uuid>(row, "destination")?.into(),
        amount: column(row, "intent_amount")?,
        currency: column(row, "intent_currency")?,
        fingerprint: fingerprint.iter().fold(String::new(), |mut text, byte| {
            // Writing into a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        }),
        created_at: column(row, "intent_created_at")?,
    }))
}

/// The number of a database transaction, of which there are fewer than 2^63.
pub(super) fn number(number: i64) -> Result<u64, LedgerError> {
    u64::try_from(number).map_err(|_| LedgerError::Unreadable(format!("the number {number}")))
}
