//! What waits for people, and for how long.

use domain::reconciliation::{Budget, Check, Section, Severity};

use super::CheckError;
use crate::Run;

pub(crate) const CHECK: Check = Check {
    name: "limbo",
    title: "Settlements in limbo",
    severity: Severity::Warning,
    budget: Budget {
        statements: 1,
        seconds: 10,
    },
    reads: &["settlements"],
};

/// # Errors
/// [`CheckError`]
pub(crate) async fn run(run: &Run<'_>) -> Result<Section, CheckError> {
    let mut section = Section::of(&CHECK);
    super::find_all(&mut section, run.reach.ledger.in_limbo().await?, |what| match what {
        "limbo" => Severity::Notice,
        _ => Severity::Warning,
    });
    Ok(section)
}
