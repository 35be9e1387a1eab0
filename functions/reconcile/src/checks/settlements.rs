//! Settlements against their logs, their entries and their executions.
//!
//! What has not ended is looked at whole, of what has ended the last two days; a full run looks at all.

mod executions;

use std::collections::HashSet;

use adapters::ledger::audit::settlements::Audited;
use domain::ids::LedgerKey;
use domain::reconciliation::settlements::waiting::{Neglect, Waiting};
use domain::reconciliation::{Budget, Check, Finding, Section, Severity};
use time::{Duration, OffsetDateTime};

use super::CheckError;
use crate::Run;

pub(crate) const CHECK: Check = Check {
    name: "settlements",
    title: "Settlements against their logs, entries and executions",
    severity: Severity::Critical,
    budget: Budget {
        statements: 20_000,
        seconds: 120,
    },
    reads: &["settlements", "ledger_transactions", "ledger_entries"],
};

/// How many settlements are read at a time.
const PAGE: i64 = 200;

/// How long ago those ended that are looked at: a night that was missed is made up for.
const LOOK_BACK: Duration = Duration::hours(48);

/// How many that have not ended, and how many executions, are remembered.
const MOST: usize = 200_000;

/// # Errors
/// [`CheckError`]
pub(crate) async fn run(run: &Run<'_>) -> Result<Section, CheckError> {
    let began = OffsetDateTime::now_utc();
    let mut section = Section::of(&CHECK);
    if run.is_full {
        // Who waits, and for what, is each night's.
        let window = run.window()?;
        if window.reaches_the_end() {
            look_at_unfinished(run, &mut section).await?;
        }
        let (since, until) = window.ends();
        look_at_ended(run, since, until, &mut section).await?;
        return Ok(section);
    }
    let unfinished = look_at_unfinished(run, &mut section).await?;
    let running = executions::running(run, &mut section).await?;
    look_at_waiting(run, &unfinished, &running, &mut section).await?;
    executions::look_at_orphans(run, &unfinished.ids, &running, &mut section).await?;
    look_at_ended(run, began - LOOK_BACK, began + LOOK_BACK, &mut section).await?;
    let is_blind = unfinished.ids.is_empty()
        && !section.counts.contains_key("ended")
        && run.reach.ledger.has_accepted(began - LOOK_BACK).await?;
    if is_blind {
        return Err(CheckError::Blind("settlements"));
    }
    Ok(section)
}

/// What has not ended.
#[derive(Default)]
struct Unfinished {
    ids: HashSet<LedgerKey>,
    /// Those of which there may be something to say.
    waiting: Vec<(LedgerKey, Waiting)>,
}

async fn look_at_unfinished(run: &Run<'_>, section: &mut Section) -> Result<Unfinished, CheckError> {
    let mut unfinished = Unfinished::default();
    let mut last: Option<Audited> = None;
    loop {
        let page = run.reach.ledger.unfinished_books(last.as_ref(), PAGE).await?;
        for audited in &page {
            let id = audited.books.settlement;
            // One that changes its status meanwhile may come twice.
            if !unfinished.ids.insert(id) {
                continue;
            }
            if unfinished.ids.len() > MOST {
                return Err(CheckError::TooMany {
                    what: "unfinished settlements",
                    limit: MOST,
                });
            }
            section.count("unfinished");
            look_at_books(audited, section);
            let waiting = waiting(audited, true);
            if waiting.needs_execution() || waiting.neglects().next().is_some() {
                unfinished.waiting.push((id, waiting));
            }
        }
        last = page.into_iter().next_back();
        if last.is_none() {
            return Ok(unfinished);
        }
    }
}

/// Says who is neglected. Who seems to have no execution is read again after the list of those was: it may have ended, or
/// been resumed, between the one and the other.
async fn look_at_waiting(
    run: &Run<'_>,
    unfinished: &Unfinished,
    running: &HashSet<LedgerKey>,
    section: &mut Section,
) -> Result<(), CheckError> {
    let (mut carried, mut alone) = (Vec::new(), Vec::new());
    for (id, waiting) in &unfinished.waiting {
        if running.contains(id) || !waiting.needs_execution() {
            carried.push((*id, *waiting));
        } else {
            alone.push((*id, *waiting));
        }
    }
    for chunk in alone.chunks(usize::try_from(PAGE).unwrap_or(usize::MAX)) {
        let ids: Vec<_> = chunk.iter().map(|(id, _)| *id).collect();
        for audited in run.reach.ledger.books_of(&ids).await? {
            let before = chunk.iter().find(|(id, _)| *id == audited.books.settlement);
            let now = waiting(&audited, false);
            // Time has passed. If less of it has since it lapsed, somebody has attended to it.
            let is_left_alone = before.is_some_and(|(_, before)| now.lapsed >= before.lapsed);
            if audited.ended_at.is_none() && is_left_alone {
                carried.push((audited.books.settlement, now));
            }
        }
    }
    for (id, waiting) in carried {
        for neglect in waiting.neglects() {
            section.find(Finding {
                severity: match neglect {
                    Neglect::Stuck | Neglect::Lost => Severity::Warning,
                    Neglect::Unattended => Severity::Critical,
                },
                what: neglect.as_str(),
                subject: id.to_string(),
                detail: format!(
                    "{}, asked for {} s ago, unchanged for {} s",
                    waiting.status, waiting.age, waiting.unchanged
                ),
            });
        }
    }
    Ok(())
}

async fn look_at_ended(
    run: &Run<'_>,
    since: OffsetDateTime,
    until: OffsetDateTime,
    section: &mut Section,
) -> Result<(), CheckError> {
    let mut last: Option<Audited> = None;
    loop {
        let page = run.reach.ledger.ended_books(since, until, last.as_ref(), PAGE).await?;
        for audited in &page {
            section.count("ended");
            look_at_books(audited, section);
        }
        last = page.into_iter().next_back();
        if last.is_none() {
            return Ok(());
        }
    }
}

fn look_at_books(audited: &Audited, section: &mut Section) {
    section.read += 1;
    let books = &audited.books;
    for fault in books.faults() {
        section.find(Finding {
            severity: Severity::Critical,
            what: fault.as_str(),
            subject: books.settlement.to_string(),
            detail: format!("tenant {}, {}: {fault}", books.tenant, books.status),
        });
    }
}

const fn waiting(audited: &Audited, is_running: bool) -> Waiting {
    Waiting {
        status: audited.books.status,
        age: audited.age,
        unchanged: audited.unchanged,
        lapsed: audited.lapsed,
        is_running,
    }
}
