//! Whatever was posted, and whatever became of settlements, is in the outbox, published, or a dead letter.

use adapters::ledger::audit::announcements::Announced;
use domain::ids::LedgerKey;
use domain::reconciliation::{Budget, Check, Finding, Section, Severity};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::CheckError;
use super::keys::Keys;
use crate::Run;

pub(crate) const CHECK: Check = Check {
    name: "announcements",
    title: "Everything that was posted is announced",
    severity: Severity::Critical,
    budget: Budget {
        statements: 5_000,
        seconds: 60,
    },
    reads: &[
        "ledger_transactions",
        "settlements",
        "outbox",
        "published_events",
        "dead_letters",
    ],
};

/// What was published longer ago may have been removed (`KEEP_PUBLISHED_HOURS`: 72).
const KEPT: Duration = Duration::hours(70);
/// How many that seem to be nowhere are looked for at a time.
const MOST: usize = 1000;

/// # Errors
/// [`CheckError`]
pub(crate) async fn run(run: &Run<'_>) -> Result<Section, CheckError> {
    let mut section = Section::of(&CHECK);
    let (ledger, window) = (&run.reach.ledger, run.window()?);
    let oldest = window.since.max(window.now - KEPT);
    if oldest > window.since && window.part.is_none() {
        section.find(Finding {
            severity: Severity::Notice,
            what: "announcements_not_kept",
            subject: oldest.to_string(),
            detail: "what was posted before that cannot be compared: what is published is kept for three days"
                .to_owned(),
        });
    }
    // The outbox first: what leaves it meanwhile is found where it went.
    let mut announced = Keys::default();
    for event in ledger.waiting_announcements().await? {
        announced.add(one_key(event))?;
    }
    for (since, until) in window.hours_from(oldest) {
        for event in ledger.published_between(since, until).await? {
            announced.add(one_key(event))?;
        }
    }
    for event in ledger.dead_since(oldest).await? {
        announced.add(one_key(event))?;
    }
    let announced = announced.close();
    for (since, until) in window.hours_from(oldest) {
        let events = ledger.to_announce_between(since, until, oldest).await?;
        section.read += u64::try_from(events.len()).unwrap_or_default();
        let missing: Vec<_> = events
            .into_iter()
            .filter(|event| !announced.contains(one_key(*event)))
            .collect();
        look_again(run, &missing, oldest, &mut section).await?;
    }
    Ok(section)
}

/// What was posted, or went from one table to the other, while those were read is found by now.
async fn look_again(
    run: &Run<'_>,
    missing: &[Announced],
    oldest: OffsetDateTime,
    section: &mut Section,
) -> Result<(), CheckError> {
    for some in missing.chunks(MOST) {
        for (key, sequence) in run.reach.ledger.not_announced(some, oldest).await? {
            section.find(Finding {
                severity: Severity::Critical,
                what: "not_announced",
                subject: key.to_string(),
                detail: format!("its event {sequence} is neither in the outbox, nor published, nor a dead letter"),
            });
        }
    }
    Ok(())
}

/// A key that stands for one event: the last bits of the ledger's keys are hash, and sequences are small.
fn one_key((key, sequence): Announced) -> LedgerKey {
    let sequence = u128::try_from(sequence).unwrap_or_default();
    LedgerKey::from(Uuid::from_u128(key.uuid().as_u128() ^ sequence))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_event_of_a_settlement_has_a_key_of_its_own() {
        let key = LedgerKey::from(Uuid::from_u128(0x0192_f0c1_2b3a_8731_8a54_b40d_c9b8_b89e));
        assert_ne!(one_key((key, 1)), one_key((key, 2)));
    }
}
