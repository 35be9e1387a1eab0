//! An account's entries, page by page.

use domain::ids::{AccountId, LedgerKey, TenantId};
use domain::money::Currency;
use time::OffsetDateTime;
use tokio_postgres::Row;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::{Ledger, LedgerError, column, word};

/// One side of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number; pages go down by it.
    pub id: i64,
    /// The transaction it is a side of: a payment's or deposit's id.
    pub transaction: LedgerKey,
    /// `DEBIT` or `CREDIT`.
    pub entry_type: String,
    /// Minor units, positive.
    pub amount: i64,
    /// The account's currency.
    pub currency: Currency,
    /// When its transaction began.
    pub created_at: OffsetDateTime,
}

/// Which page is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageRequest {
    /// Only entries numbered below this. `None`: from the newest.
    pub before: Option<i64>,
    /// The horizon that the walk's first page returned; makes every page see the same set.
    pub horizon: Option<String>,
    /// Leaves out what began later.
    pub as_of: Option<OffsetDateTime>,
    /// How many entries at most.
    pub most: i32,
}

/// A page of entries, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// To be handed back with the next request.
    pub horizon: String,
    /// The entries.
    pub entries: Vec<Entry>,
}

queries! {
    const ACCOUNT_ENTRIES: Query = "-- account_entries
SELECT * FROM ledger.account_entries($1, $2, $3, $4, $5, $6)";
}

impl Ledger {
    /// A page of settled entries. `None`: this tenant has no such account.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn entries(
        &self,
        tenant: TenantId,
        account: AccountId,
        page: &PageRequest,
    ) -> Result<Option<Page>, LedgerError> {
        let rows = self
            .call(
                ACCOUNT_ENTRIES,
                &[
                    (&tenant.uuid(), Type::UUID),
                    (&account.uuid(), Type::UUID),
                    (&page.before, Type::INT8),
                    (&page.horizon, Type::TEXT),
                    (&page.as_of, Type::TIMESTAMPTZ),
                    (&page.most, Type::INT4),
                ],
            )
            .await?;
        let Some(first) = rows.first() else {
            return Ok(None);
        };
        let entries = rows.iter().filter_map(|row| read(row).transpose());
        Ok(Some(Page {
            horizon: column(first, "horizon")?,
            entries: entries.collect::<Result<_, _>>()?,
        }))
    }
}

/// `None` for the one row that an account without entries has.
fn read(row: &Row) -> Result<Option<Entry>, LedgerError> {
    let Some(id) = column(row, "id")? else {
        return Ok(None);
    };
    Ok(Some(Entry {
        id,
        transaction: LedgerKey::from(column::<Uuid>(row, "transaction_id")?),
        entry_type: column(row, "entry_type")?,
        amount: column(row, "amount")?,
        currency: word(row, "currency")?,
        created_at: column(row, "created_at")?,
    }))
}
