//! The net under the settlements: those that nobody attends to, and how they all stand. See
//! `migrations/0011_limbo.sql`.

use domain::ids::{LedgerKey, TenantId};
use time::OffsetDateTime;
use tokio_postgres::Row;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::{Ledger, LedgerError, column};

/// A settlement whose execution is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lapsed {
    /// Whose it is.
    pub tenant: TenantId,
    /// The settlement.
    pub settlement: LedgerKey,
    /// When somebody should have attended to it. A loss of its execution has no other moment.
    pub lapsed_at: OffsetDateTime,
}

/// How the settlements are doing that have not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SettlementsHealth {
    /// Those that wait for their provider.
    pub parked: i64,
    /// Those that wait for people.
    pub limbo: i64,
    /// How long ago the oldest was asked for that does not wait for people, in whole seconds; 0: there is none.
    pub oldest_seconds: i64,
}

queries! {
    const LEASE_LAPSED: Query = "-- lease_lapsed
SELECT * FROM ledger.lease_lapsed($1)";
    const SETTLEMENTS_HEALTH: Query = "-- settlements_health
SELECT * FROM ledger.settlements_health()";
}

impl Ledger {
    /// Takes up to `most` settlements that nobody attended to in time, those that have waited longest first. Whoever
    /// takes one begins an execution of it; if that is lost too, it comes back.
    ///
    /// # Errors
    /// [`LedgerError`]; after `Unknown` some may be taken, and come back.
    pub async fn lease_lapsed(&self, most: i32) -> Result<Vec<Lapsed>, LedgerError> {
        let rows = self.call(LEASE_LAPSED, &[(&most, Type::INT4)]).await?;
        rows.iter().map(lapsed).collect()
    }

    /// How the settlements are doing.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn settlements_health(&self) -> Result<SettlementsHealth, LedgerError> {
        let rows = self.call(SETTLEMENTS_HEALTH, &[]).await?;
        let row = rows
            .first()
            .ok_or_else(|| LedgerError::Unreadable("the settlements' health is one row".to_owned()))?;
        Ok(SettlementsHealth {
            parked: column(row, "parked")?,
            limbo: column(row, "limbo")?,
            oldest_seconds: column(row, "oldest_seconds")?,
        })
    }
}

fn lapsed(row: &Row) -> Result<Lapsed, LedgerError> {
    Ok(Lapsed {
        tenant: TenantId::from(column::<Uuid>(row, "tenant_id")?),
        settlement: LedgerKey::from(column::<Uuid>(row, "settlement_id")?),
        lapsed_at: column(row, "lapsed_at")?,
    })
}
