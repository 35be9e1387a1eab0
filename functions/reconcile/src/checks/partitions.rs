//! How many months the partitions last.

use domain::reconciliation::{Budget, Check, Finding, Section, Severity};

use super::CheckError;
use crate::Run;

pub(crate) const CHECK: Check = Check {
    name: "partitions",
    title: "There are partitions for the months to come",
    severity: Severity::Critical,
    budget: Budget {
        statements: 1,
        seconds: 10,
    },
    reads: &[],
};

/// How many months there must be.
const FEW: i64 = 12;
const TOO_FEW: i64 = 3;

/// # Errors
/// [`CheckError`]
pub(crate) async fn run(run: &Run<'_>) -> Result<Section, CheckError> {
    let mut section = Section::of(&CHECK);
    let months = run
        .reach
        .ledger
        .months_left()
        .await?
        .ok_or(CheckError::Blind("partitions"))?;
    section.add("months", u64::try_from(months).unwrap_or_default());
    if months < FEW {
        section.find(Finding {
            severity: if months < TOO_FEW {
                Severity::Critical
            } else {
                Severity::Warning
            },
            what: "months_run_out",
            subject: "ledger_entries".to_owned(),
            detail: format!("there are partitions for {months} more months; then nothing is posted any more"),
        });
    }
    Ok(section)
}
