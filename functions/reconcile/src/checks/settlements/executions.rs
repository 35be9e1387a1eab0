//! The executions that run, and those among them whose settlement has ended.

use std::collections::HashSet;

use domain::ids::LedgerKey;
use domain::reconciliation::settlements::waiting::{Orphan, settlement_of};
use domain::reconciliation::{Finding, Section, Severity};

use super::{MOST, PAGE};
use crate::Run;
use crate::checks::CheckError;

/// Whose settlements' executions run. One that bears no settlement's name is a finding.
pub(super) async fn running(run: &Run<'_>, section: &mut Section) -> Result<HashSet<LedgerKey>, CheckError> {
    let mut running = HashSet::new();
    let mut next = None;
    loop {
        let page = run.reach.executions.running(&run.reach.machine, next).await?;
        for name in page.names {
            section.read += 1;
            section.count("running");
            match settlement_of(&name) {
                Some(settlement) => {
                    running.insert(settlement);
                }
                None => section.find(Finding {
                    severity: Severity::Warning,
                    what: "execution_of_no_settlement",
                    subject: name,
                    detail: "its name is no settlement's".to_owned(),
                }),
            }
        }
        if running.len() > MOST {
            return Err(CheckError::TooMany {
                what: "running executions",
                limit: MOST,
            });
        }
        next = page.next;
        if next.is_none() {
            return Ok(running);
        }
    }
}

/// Says which run on although their settlement has ended, or that there is none.
pub(super) async fn look_at_orphans(
    run: &Run<'_>,
    unfinished: &HashSet<LedgerKey>,
    running: &HashSet<LedgerKey>,
    section: &mut Section,
) -> Result<(), CheckError> {
    let others: Vec<LedgerKey> = running.difference(unfinished).copied().collect();
    for ids in others.chunks(usize::try_from(PAGE).unwrap_or(usize::MAX)) {
        let mut unknown: HashSet<_> = ids.iter().copied().collect();
        for end in run.reach.ledger.ends_of(ids).await? {
            unknown.remove(&end.id);
            let Some((ended, orphan)) = end.ended.and_then(|ended| Some((ended, Orphan::after(ended)?))) else {
                continue;
            };
            section.find(Finding {
                severity: match orphan {
                    Orphan::Orphan => Severity::Notice,
                    Orphan::Stray => Severity::Warning,
                },
                what: "execution_orphaned",
                subject: end.id.to_string(),
                detail: format!("an execution runs on, {ended} s after its settlement has ended"),
            });
        }
        for id in unknown {
            section.find(Finding {
                severity: Severity::Warning,
                what: "execution_of_no_settlement",
                subject: id.to_string(),
                detail: "the ledger has no such settlement".to_owned(),
            });
        }
    }
    Ok(())
}
