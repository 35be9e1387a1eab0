//! Whatever was posted has its two entries, of the money and accounts that its intent names; and nothing else has any. What was
//! given back of a payment is noted, and not more than it.

use domain::reconciliation::{Budget, Check, Section, Severity};

use super::CheckError;
use crate::Run;

pub(crate) const CHECK: Check = Check {
    name: "postings",
    title: "Entries against the intents that they carry out, both ways",
    severity: Severity::Critical,
    budget: Budget {
        statements: 20_000,
        seconds: 90,
    },
    reads: &[
        "ledger_entries",
        "ledger_transactions",
        "accounts",
        "corrections",
        "settlements",
    ],
};

/// # Errors
/// [`CheckError`]
pub(crate) async fn run(run: &Run<'_>) -> Result<Section, CheckError> {
    let mut section = Section::of(&CHECK);
    let window = run.window()?;
    for slice in window.slices() {
        section.count("slices");
        super::find_all(&mut section, run.reach.ledger.mismatches_of(slice).await?, |_| {
            Severity::Critical
        });
        super::find_all(&mut section, run.reach.ledger.miscorrections_of(slice).await?, |_| {
            Severity::Critical
        });
    }
    // Intents bear no number. Entries and intent commit together, so whatever intent is seen has its entries beside it.
    for (since, until) in window.hours() {
        section.count("hours");
        super::find_all(
            &mut section,
            run.reach.ledger.without_entries(since, until).await?,
            |_| Severity::Critical,
        );
    }
    Ok(section)
}
