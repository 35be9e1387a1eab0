//! What providers said and the ledger does not, and what they should have said by now.

use domain::reconciliation::{Budget, Check, Section, Severity};

use super::CheckError;
use crate::Run;

pub(crate) const CHECK: Check = Check {
    name: "statements",
    title: "Providers' files, and breaks that nobody has resolved",
    severity: Severity::Warning,
    budget: Budget {
        statements: 2,
        seconds: 10,
    },
    reads: &["statements", "breaks", "break_assignments"],
};

/// # Errors
/// [`CheckError`]
pub(crate) async fn run(run: &Run<'_>) -> Result<Section, CheckError> {
    let mut section = Section::of(&CHECK);
    super::find_all(&mut section, run.reach.ledger.open_breaks().await?, |what| match what {
        "break_open" => Severity::Notice,
        _ => Severity::Warning,
    });
    let late = run.reach.ledger.late_statements().await?;
    super::find_all(&mut section, late, |_| Severity::Warning);
    Ok(section)
}
