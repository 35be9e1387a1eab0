//! A settlement as the ledger holds it.

use domain::ids::{AccountId, LedgerKey, TenantId};
use domain::money::{Amount, Currency};
use domain::settlement::course::{self, Course, Decision, Limbo};
use domain::settlement::log::{StepLog, StepOutcome};
use domain::settlement::status::Status;
use domain::settlement::step::Action;
use serde::Deserialize;
use serde_json::Value;
use time::OffsetDateTime;
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};
use uuid::Uuid;

use super::answer::limbo;
use super::{known, optional_word, read_log};
use crate::ledger::{Ledger, LedgerError, column, word};

/// One settlement with its log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// The ledger key of its request, and its public id.
    pub id: LedgerKey,
    /// Whose it is.
    pub tenant: TenantId,
    /// Who pays.
    pub buyer: AccountId,
    /// Where the money waits.
    pub escrow: AccountId,
    /// Who is paid.
    pub merchant: AccountId,
    /// Who takes the fee. The one account that is not the tenant's.
    pub platform: AccountId,
    /// What the buyer pays.
    pub amount: Amount,
    /// What the platform takes of it, in minor units; 0: nothing.
    pub fee: i64,
    /// Of both.
    pub currency: Currency,
    /// How it stands.
    pub status: Status,
    /// When it was accepted.
    pub created_at: OffsetDateTime,
    /// When it last changed its status or its log.
    pub changed_at: OffsetDateTime,
    /// Since when people have to decide, and why; also when they have.
    pub limbo_since: Option<(OffsetDateTime, String)>,
    /// When it was settled or compensated.
    pub ended_at: Option<OffsetDateTime>,
    /// What two people have decided.
    pub decision: Option<Decision>,
    /// The rows of its log, in the order of [`Action::ALL`].
    pub rows: Vec<ActionRow>,
    /// What the rows say together.
    pub log: StepLog,
}

/// One row of a settlement's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionRow {
    /// What was done.
    pub action: Action,
    /// What became of it.
    pub outcome: StepOutcome,
    /// Its own key: the transaction's id.
    pub ledger_key: LedgerKey,
    /// Who was debited, or would have been.
    pub source: AccountId,
    /// Who was credited, or would have been.
    pub destination: AccountId,
    /// How much, in minor units.
    pub amount: Amount,
    /// Such as `{"below_floor": true}`.
    pub details: Value,
    /// When it was written.
    pub created_at: OffsetDateTime,
}

/// A row in the ledger's JSON.
#[derive(Deserialize)]
struct Told {
    action: String,
    outcome: String,
    ledger_key: LedgerKey,
    source: AccountId,
    destination: AccountId,
    amount: i64,
    details: Value,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
}

queries! {
    const SETTLEMENT: Query = "-- settlement
SELECT * FROM ledger.settlement($1, $2)";
}

impl Ledger {
    /// The settlement of that id. `None`: this tenant has none.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn settlement(&self, tenant: TenantId, settlement: LedgerKey) -> Result<Option<Settlement>, LedgerError> {
        let parameters: [(&(dyn ToSql + Sync), Type); 2] =
            [(&tenant.uuid(), Type::UUID), (&settlement.uuid(), Type::UUID)];
        let rows = self.call(SETTLEMENT, &parameters).await?;
        rows.first().map(Settlement::read).transpose()
    }
}

impl Settlement {
    /// Whether people have to decide, or have.
    #[must_use]
    pub const fn limbo(&self) -> Limbo {
        limbo(self.status, self.decision)
    }

    /// Where an execution goes from here.
    #[must_use]
    pub fn course(&self) -> Course {
        course::course(&self.log, self.limbo())
    }

    /// Reads the settlement's columns, whichever statement they come from.
    pub(in crate::ledger) fn read(row: &Row) -> Result<Self, LedgerError> {
        let account = |name| column::<Uuid>(row, name).map(AccountId::from);
        let fee = column(row, "fee")?;
        let rows: Vec<Told> = serde_json::from_value(column(row, "log")?).map_err(|error| unreadable("log", &error))?;
        let rows: Vec<_> = rows.into_iter().map(ActionRow::read).collect::<Result<_, _>>()?;
        let limbo_at: Option<OffsetDateTime> = column(row, "limbo_at")?;
        Ok(Self {
            id: LedgerKey::from(column::<Uuid>(row, "settlement_id")?),
            tenant: TenantId::from(column::<Uuid>(row, "tenant_id")?),
            buyer: account("buyer")?,
            escrow: account("escrow")?,
            merchant: account("merchant")?,
            platform: account("platform")?,
            amount: amount(column(row, "amount")?)?,
            fee,
            currency: word(row, "currency")?,
            status: word(row, "status")?,
            created_at: column(row, "created_at")?,
            changed_at: column(row, "changed_at")?,
            limbo_since: limbo_at.zip(column(row, "limbo_cause")?),
            ended_at: column(row, "ended_at")?,
            decision: optional_word(row, "decision")?,
            log: read_log(fee, rows.iter().map(|row| Ok((row.action, row.outcome))))?,
            rows,
        })
    }
}

impl ActionRow {
    fn read(told: Told) -> Result<Self, LedgerError> {
        Ok(Self {
            action: known("log", &told.action)?,
            outcome: known("log", &told.outcome)?,
            ledger_key: told.ledger_key,
            source: told.source,
            destination: told.destination,
            amount: amount(told.amount)?,
            details: told.details,
            created_at: told.created_at,
        })
    }
}

/// An amount as the ledger holds it, in minor units.
pub(in crate::ledger) fn amount(minor: i64) -> Result<Amount, LedgerError> {
    Amount::new(minor).map_err(|error| unreadable("amount", &error))
}

fn unreadable(name: &str, error: &dyn std::fmt::Display) -> LedgerError {
    LedgerError::Unreadable(format!("{name}: {error}"))
}
