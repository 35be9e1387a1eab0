//! Intents as the gate is compared with them.

use domain::ids::{LedgerKey, TenantId};
use domain::recorded::Recorded;
use domain::settlement::step::Action;
use domain::window::{AHEAD_SECONDS, BACK_SECONDS};
use time::{Duration, OffsetDateTime};
use tokio_postgres::Row;
use tokio_postgres::types::Type;
use uuid::Uuid;

use crate::ledger::{Ledger, LedgerError, column, transactions};

/// What the ledger holds under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The key.
    pub key: LedgerKey,
    /// Its row; `None` if this version cannot read it.
    pub row: Option<Recorded>,
}

queries! {
    const TRANSACTIONS_OF: Query = "-- transactions_of
SELECT ledger_key, tenant_id, kind, fingerprint, outcome, source, destination, amount, currency::text AS currency, details,
       answer_version, created_at
  FROM ledger.ledger_transactions
 WHERE ledger_key = ANY ($1)";

    /// Two places: below all times, and around this one. The actions of settlements have keys that no client minted.
    const REQUESTED_BETWEEN: Query = "-- requested_between
SELECT ledger_key
  FROM ledger.ledger_transactions
 WHERE created_at >= $1 AND created_at < $2
   AND (ledger_key < $3 OR ledger_key >= $4 AND ledger_key < $5)
   AND kind <> ALL ($6)";
}

/// The least key that carries a time; below it lie those that carry none.
const LEAST_TIMED: Uuid = Uuid::from_u128(1 << 120);

/// More than the database's clock and the clients' leeway differ by, and than a posting takes: what it adds to the window.
const SLACK: Duration = Duration::hours(1);

impl Ledger {
    /// The rows under these keys, of any tenant. A key without a row is not in the answer.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn transactions_of(&self, keys: &[LedgerKey]) -> Result<Vec<Found>, LedgerError> {
        let keys: Vec<Uuid> = keys.iter().map(|key| key.uuid()).collect();
        let rows = self.call(TRANSACTIONS_OF, &[(&keys, Type::UUID_ARRAY)]).await?;
        rows.iter().map(found).collect()
    }

    /// The keys of all that clients asked for and the ledger decided from `since` on and before `until`, of any tenant, in
    /// no order.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn requested_between(
        &self,
        since: OffsetDateTime,
        until: OffsetDateTime,
    ) -> Result<Vec<LedgerKey>, LedgerError> {
        // A first posting lies within its key's window: keys of that time are in few partitions.
        let least = least_key_at(since - Duration::seconds(BACK_SECONDS) - SLACK);
        let most = least_key_at(until + Duration::seconds(AHEAD_SECONDS) + SLACK);
        let actions: Vec<&str> = Action::ALL.iter().map(|action| action.as_str()).collect();
        let rows = self
            .call(
                REQUESTED_BETWEEN,
                &[
                    (&since, Type::TIMESTAMPTZ),
                    (&until, Type::TIMESTAMPTZ),
                    (&LEAST_TIMED, Type::UUID),
                    (&least, Type::UUID),
                    (&most, Type::UUID),
                    (&actions, Type::TEXT_ARRAY),
                ],
            )
            .await?;
        rows.iter().map(key).collect()
    }
}

/// The least key that carries that time, or [`LEAST_TIMED`].
fn least_key_at(at: OffsetDateTime) -> Uuid {
    let millis = u128::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or_default();
    Uuid::from_u128(millis << 80).max(LEAST_TIMED)
}

fn key(row: &Row) -> Result<LedgerKey, LedgerError> {
    column::<Uuid>(row, "ledger_key").map(LedgerKey::from)
}

fn found(row: &Row) -> Result<Found, LedgerError> {
    let tenant = TenantId::from(column::<Uuid>(row, "tenant_id")?);
    Ok(Found {
        key: key(row)?,
        row: transactions::read(tenant, row).ok(),
    })
}
