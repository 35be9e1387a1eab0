//! Accounts that were moved and are below their floor: what a settlement itself debits may take them there. The check of
//! balances has proved them before.

use domain::reconciliation::{Budget, Check, Section, Severity};

use super::CheckError;
use crate::Run;

pub(crate) const CHECK: Check = Check {
    name: "floors",
    title: "Accounts below their floor",
    severity: Severity::Notice,
    budget: Budget {
        statements: 1,
        seconds: 30,
    },
    reads: &["accounts", "proved_balances"],
};

/// # Errors
/// [`CheckError`]
pub(crate) async fn run(run: &Run<'_>) -> Result<Section, CheckError> {
    let mut section = Section::of(&CHECK);
    let below = run.reach.ledger.below_floor(run.window()?.slice.from).await?;
    super::find_all(&mut section, below, |_| Severity::Notice);
    Ok(section)
}
