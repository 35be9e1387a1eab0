//! How long the oldest event has waited.

use domain::reconciliation::{Budget, Check, Finding, Section, Severity};

use super::CheckError;
use crate::Run;

pub(crate) const CHECK: Check = Check {
    name: "outbox",
    title: "Events do not wait in the outbox",
    severity: Severity::Critical,
    budget: Budget {
        statements: 1,
        seconds: 10,
    },
    reads: &["outbox"],
};

/// How long an event may wait, in seconds; the alarm `OutboxStalled` has called long before.
const LATE: i64 = 300;
const LOST: i64 = 3600;

/// # Errors
/// [`CheckError`]
pub(crate) async fn run(run: &Run<'_>) -> Result<Section, CheckError> {
    let mut section = Section::of(&CHECK);
    let queue = run.reach.ledger.outbox_queue().await?;
    section.read = u64::try_from(queue.length).unwrap_or_default();
    if queue.oldest_seconds > LATE {
        section.find(Finding {
            severity: if queue.oldest_seconds > LOST {
                Severity::Critical
            } else {
                Severity::Warning
            },
            what: "outbox_late",
            subject: "outbox".to_owned(),
            detail: format!(
                "{} events wait, the oldest for {} s",
                queue.length, queue.oldest_seconds
            ),
        });
    }
    Ok(section)
}
