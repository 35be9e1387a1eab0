//! What nobody has decided about: events that could not be published, and whatever lies in a queue for what failed.

use domain::reconciliation::{Budget, Check, Finding, Section, Severity};

use super::CheckError;
use crate::Run;

pub(crate) const CHECK: Check = Check {
    name: "dead_letters",
    title: "No dead letters lie open",
    severity: Severity::Warning,
    budget: Budget {
        statements: 1,
        seconds: 20,
    },
    reads: &["dead_letters"],
};

/// # Errors
/// [`CheckError`]
pub(crate) async fn run(run: &Run<'_>) -> Result<Section, CheckError> {
    let mut section = Section::of(&CHECK);
    let open = run.reach.ledger.open_letters().await?;
    super::find_all(&mut section, open, |_| Severity::Warning);
    for (queue, length) in run.reach.queues.lengths().await? {
        section.read += 1;
        if length > 0 {
            section.find(Finding {
                severity: Severity::Warning,
                what: "dead_letter_queue_not_empty",
                subject: queue,
                detail: format!("about {length} messages lie in it"),
            });
        }
    }
    Ok(section)
}
