//! What does not move because people, or limbo, have said so; and whether accounts say the same as their freezes.

use domain::reconciliation::{Budget, Check, Section, Severity};

use super::CheckError;
use crate::Run;

pub(crate) const CHECK: Check = Check {
    name: "freezes",
    title: "Frozen accounts and halted postings",
    severity: Severity::Critical,
    budget: Budget {
        statements: 2,
        seconds: 10,
    },
    reads: &["freezes", "accounts"],
};

/// # Errors
/// [`CheckError`]
pub(crate) async fn run(run: &Run<'_>) -> Result<Section, CheckError> {
    let mut section = Section::of(&CHECK);
    super::find_all(
        &mut section,
        run.reach.ledger.open_freezes().await?,
        |what| match what {
            "frozen" => Severity::Notice,
            "frozen_for_long" => Severity::Warning,
            // Frozen in name only, or in name not at all: no version of ours writes that.
            _ => Severity::Critical,
        },
    );
    let halts = run.reach.ledger.open_halts().await?;
    super::find_all(&mut section, halts, |_| Severity::Warning);
    Ok(section)
}
