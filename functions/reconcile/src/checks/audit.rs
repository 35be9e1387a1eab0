//! What people decided was signed before it was done, and the audit says what was signed.
//!
//! By the numbers of the transactions that wrote its rows, as the books: a row whose transaction commits late has a number at or
//! above the horizon, and is the next run's. By ids one that was given out early and committed late would be passed over.

use domain::justification::{Flaw, Recorded};
use domain::reconciliation::report::Slice;
use domain::reconciliation::{Budget, Check, Finding, Section, Severity};
use domain::signature::PublicKey;

use super::CheckError;
use crate::Run;

pub(crate) const CHECK: Check = Check {
    name: "audit",
    title: "Who decided what, against what was signed",
    severity: Severity::Critical,
    budget: Budget {
        statements: 5_000,
        seconds: 20,
    },
    reads: &["audit"],
};

/// # Errors
/// [`CheckError`]
pub(crate) async fn run(run: &Run<'_>) -> Result<Section, CheckError> {
    let mut section = Section::of(&CHECK);
    let window = run.window()?;
    let key = run.reach.audit_key.public_key().await?;
    for slice in window.slices() {
        section.count("slices");
        look_at(run, (slice, false), &key, &mut section).await?;
    }
    // By itself, since there may be no slice: a transaction that runs for long keeps the horizon where it was.
    if window.reaches_the_end() {
        let to = window.slice.to;
        look_at(run, (Slice { from: to, to }, true), &key, &mut section).await?;
    }
    Ok(section)
}

async fn look_at(
    run: &Run<'_>,
    (slice, and_the_future): (Slice, bool),
    key: &PublicKey,
    section: &mut Section,
) -> Result<(), CheckError> {
    let mut after = i64::MIN;
    loop {
        let rows = run.reach.ledger.decided_in(slice, and_the_future, after).await?;
        let Some((last, _)) = rows.last() else { return Ok(()) };
        after = *last;
        section.read += rows.len() as u64;
        for (id, row) in &rows {
            if let Some(flaw) = row.flaw(key) {
                section.find(finding(*id, row, flaw));
            }
        }
    }
}

fn finding(id: i64, row: &Recorded, flaw: Flaw) -> Finding {
    let (severity, what) = match flaw {
        // As it has to be if nothing could be signed. Whether that was so, people know.
        Flaw::Unsigned => (Severity::Warning, "audit_unsigned"),
        Flaw::Unjustified | Flaw::Forged(_) => (Severity::Critical, "audit_forged"),
        Flaw::Differs(_) | Flaw::OutOfPlace => (Severity::Critical, "audit_differs"),
        Flaw::Repeated => (Severity::Critical, "audit_repeated"),
    };
    Finding {
        severity,
        what,
        subject: id.to_string(),
        detail: format!(
            "{} of {} by {}, at {}: {flaw}",
            row.act,
            row.subject.as_deref().unwrap_or("nothing"),
            row.actor,
            row.at
        ),
    }
}
