//! A merchant's settlements.

use domain::ids::{AccountId, LedgerKey, TenantId};
use domain::money::{Amount, Currency};
use domain::settlement::status::Status;
use time::OffsetDateTime;
use tokio_postgres::Row;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::place::Place;
use super::settlement::amount;
use crate::ledger::{Ledger, LedgerError, column, word};

/// Which page of settlements is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// How they stand. `None`: however.
    pub status: Option<Status>,
    /// Only those below this one. `None`: from the newest.
    pub before: Option<Place>,
    /// How many at most.
    pub most: i32,
}

/// A settlement without its log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its public id.
    pub id: LedgerKey,
    /// Who pays.
    pub buyer: AccountId,
    /// Who is paid.
    pub merchant: AccountId,
    /// What the buyer pays.
    pub amount: Amount,
    /// What the platform takes of it, in minor units.
    pub fee: i64,
    /// Of both.
    pub currency: Currency,
    /// How it stands.
    pub status: Status,
    /// When it was accepted.
    pub created_at: OffsetDateTime,
    /// When it last changed its status or its log.
    pub changed_at: OffsetDateTime,
}

queries! {
    const SETTLEMENTS: Query = "-- settlements
SELECT * FROM ledger.settlements($1, $2, $3, $4, $5)";
}

impl Ledger {
    /// A page of a tenant's settlements, newest first.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn settlements(&self, tenant: TenantId, page: &PageRequest) -> Result<Vec<Listed>, LedgerError> {
        let rows = self
            .call(
                SETTLEMENTS,
                &[
                    (&tenant.uuid(), Type::UUID),
                    (&page.status.map(Status::as_str), Type::TEXT),
                    (&page.before.map(|place| place.created_at), Type::TIMESTAMPTZ),
                    (&page.before.map(|place| place.id.uuid()), Type::UUID),
                    (&page.most, Type::INT4),
                ],
            )
            .await?;
        rows.iter().map(read).collect()
    }
}

impl Listed {
    /// Where it stands in the list.
    #[must_use]
    pub const fn place(&self) -> Place {
        Place {
            created_at: self.created_at,
            id: self.id,
        }
    }
}

fn read(row: &Row) -> Result<Listed, LedgerError> {
    Ok(Listed {
        id: LedgerKey::from(column::<Uuid>(row, "settlement_id")?),
        buyer: AccountId::from(column::<Uuid>(row, "buyer")?),
        merchant: AccountId::from(column::<Uuid>(row, "merchant")?),
        amount: amount(column(row, "amount")?)?,
        fee: column(row, "fee")?,
        currency: word(row, "currency")?,
        status: word(row, "status")?,
        created_at: column(row, "created_at")?,
        changed_at: column(row, "changed_at")?,
    })
}
