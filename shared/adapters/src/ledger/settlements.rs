//! The actions of a settlement, each one statement and one commit, and the settlement itself.
//!
//! All of them may be asked again, at any time and by anybody: the ledger judges by its log whether it is an action's
//! turn, and says what stands if it is not.

mod answer;
pub mod list;
pub mod place;
pub mod settlement;

use std::str::FromStr;

use domain::ids::{LedgerKey, TenantId};
use domain::settlement::log::{StepLog, StepOutcome};
use domain::settlement::step::{Action, Resolution, Step, Undo};
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

pub use self::answer::{SettlementAnswer, Verdict};
use super::{Ledger, LedgerError, Query, column};

queries! {
    const SETTLE_STEP: Query = "-- settle_step
SELECT * FROM ledger.settle_step($1, $2, $3)";
    const RECORD_VERIFICATION: Query = "-- settle_step
SELECT * FROM ledger.settle_step($1, $2, 'verify', $3)";
    const BURN_STEPS: Query = "-- burn_steps
SELECT * FROM ledger.burn_steps($1, $2)";
    const UNDO_STEP: Query = "-- undo_step
SELECT * FROM ledger.undo_step($1, $2, $3)";
    const RESOLVE_STEP: Query = "-- resolve_step
SELECT * FROM ledger.resolve_step($1, $2, $3)";
    const PARK: Query = "-- park
SELECT * FROM ledger.park($1, $2)";
    const MARK_LIMBO: Query = "-- mark_limbo
SELECT * FROM ledger.mark_limbo($1, $2, $3)";
    const AWAIT_DECISION: Query = "-- await_decision
SELECT * FROM ledger.await_decision($1, $2)";
}

/// Each of these may be asked again, also after [`LedgerError::Unknown`]: the log decides.
impl Ledger {
    /// Carries out a step that moves money.
    ///
    /// # Errors
    /// [`LedgerError`]; of [`Step::Verify`], for which [`Ledger::record_verification`] is there, `Failed` too.
    pub async fn settle_step(
        &self,
        tenant: TenantId,
        settlement: LedgerKey,
        step: Step,
    ) -> Result<SettlementAnswer, LedgerError> {
        self.act(SETTLE_STEP, tenant, settlement, Some(step.as_str())).await
    }

    /// Records what the provider said of the merchant. What is recorded first stands.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn record_verification(
        &self,
        tenant: TenantId,
        settlement: LedgerKey,
        is_approved: bool,
    ) -> Result<SettlementAnswer, LedgerError> {
        let answer = if is_approved {
            StepOutcome::Approved
        } else {
            StepOutcome::Rejected
        };
        self.act(RECORD_VERIFICATION, tenant, settlement, Some(answer.as_str()))
            .await
    }

    /// Takes the keys of all steps that have no row. From then on none of them can commit.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn burn_steps(&self, tenant: TenantId, settlement: LedgerKey) -> Result<SettlementAnswer, LedgerError> {
        self.act(BURN_STEPS, tenant, settlement, None).await
    }

    /// Undoes a step that was posted, of a settlement that has failed for good.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn undo_step(
        &self,
        tenant: TenantId,
        settlement: LedgerKey,
        undo: Undo,
    ) -> Result<SettlementAnswer, LedgerError> {
        self.act(UNDO_STEP, tenant, settlement, Some(undo.as_str())).await
    }

    /// Posts what people have decided to release.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn resolve_step(
        &self,
        tenant: TenantId,
        settlement: LedgerKey,
        resolution: Resolution,
    ) -> Result<SettlementAnswer, LedgerError> {
        self.act(RESOLVE_STEP, tenant, settlement, Some(resolution.as_str()))
            .await
    }

    /// Says that a verification waits for its provider.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn park(&self, tenant: TenantId, settlement: LedgerKey) -> Result<SettlementAnswer, LedgerError> {
        self.act(PARK, tenant, settlement, None).await
    }

    /// Calls for people, since `cause` keeps failing, and freezes the merchant; unless there is nothing to decide.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn mark_limbo(
        &self,
        tenant: TenantId,
        settlement: LedgerKey,
        cause: &str,
    ) -> Result<SettlementAnswer, LedgerError> {
        self.act(MARK_LIMBO, tenant, settlement, Some(cause)).await
    }

    /// Says that an execution waits for people from now on, and learns whether they have decided already.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn await_decision(
        &self,
        tenant: TenantId,
        settlement: LedgerKey,
    ) -> Result<SettlementAnswer, LedgerError> {
        self.act(AWAIT_DECISION, tenant, settlement, None).await
    }

    async fn act(
        &self,
        statement: Query,
        tenant: TenantId,
        settlement: LedgerKey,
        argument: Option<&str>,
    ) -> Result<SettlementAnswer, LedgerError> {
        let (tenant, settlement) = (tenant.uuid(), settlement.uuid());
        let mut parameters: Vec<(&(dyn ToSql + Sync), Type)> = vec![(&tenant, Type::UUID), (&settlement, Type::UUID)];
        parameters.extend(argument.iter().map(|it| (it as _, Type::TEXT)));
        let rows = self.call(statement, &parameters).await?;
        let [row] = rows.as_slice() else {
            return Err(LedgerError::Unreadable("an action answers with one row".to_owned()));
        };
        SettlementAnswer::read(row)
    }
}

fn read_log(
    fee: i64,
    rows: impl Iterator<Item = Result<(Action, StepOutcome), LedgerError>>,
) -> Result<StepLog, LedgerError> {
    let rows: Vec<_> = rows.collect::<Result<_, _>>()?;
    StepLog::read(fee > 0, rows).map_err(|impossible| LedgerError::Unreadable(format!("log: {impossible}")))
}

/// A text of the domain's own vocabulary, from the column or member of that name.
pub(super) fn known<T: FromStr>(name: &str, text: &str) -> Result<T, LedgerError> {
    text.parse()
        .map_err(|_| LedgerError::Unreadable(format!("{name}: {text:?} is not known")))
}

pub(super) fn optional_word<T: FromStr>(row: &Row, name: &str) -> Result<Option<T>, LedgerError> {
    let text: Option<&str> = column(row, name)?;
    text.map(|text| known(name, text)).transpose()
}
