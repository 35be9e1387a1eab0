//! Sealing what is new, and comparing all there is with its seals, one after another.

use std::time::{Duration, Instant, SystemTime};

use adapters::digest::Ended;
use adapters::metrics::{self, Unit};
use domain::reconciliation::{Budget, Check, Section, Severity};
use lambda_runtime::Error;

use crate::checks::CheckError;
use crate::checks::seals::finding;
use crate::event::Seals;
use crate::{Reconciler, Run};

pub(crate) const CHECK: Check = Check {
    name: "sealing",
    title: "Sealing what is new",
    severity: Severity::Critical,
    // All the time that is left: see STOP_BEFORE.
    budget: Budget {
        statements: 100_000,
        seconds: 840,
    },
    reads: &["ledger_entries", "ledger_transactions"],
};

/// No slice is begun later than this before the deadline: what is sealed has to be signed and kept, and the report written.
const STOP_BEFORE: Duration = Duration::from_mins(1);

/// Seals up to the horizon, as far as time allows; the rest is the next run's. Its counts are `seals`, `transactions`, and one of
/// `nothing_new`, `stands` (another run was first) and `out_of_time` if it ended by that. Only who comes to the end of what is new
/// tells the alarm that the books are sealed.
///
/// # Errors
/// [`CheckError`]: what was sealed before it is sealed.
pub(crate) async fn run(run: &Run<'_>) -> Result<Section, CheckError> {
    let until = until(run.deadline);
    let mut section = Section::of(&CHECK);
    loop {
        match run.reach.digest.seal(&run.reach.ledger, until).await? {
            Ended::Sealed { seal, has_more } => {
                tracing::info!(
                    seal.number = seal.number,
                    seal.day = seal.day,
                    seal.transactions = seal.transactions,
                    "sealed"
                );
                let transactions = i64::try_from(seal.transactions).unwrap_or(i64::MAX);
                metrics::emit(&[("TransactionsSealed", Unit::Count, transactions)]);
                section.read += seal.entries;
                section.count("seals");
                section.add("transactions", seal.transactions);
                if !has_more {
                    break;
                }
                if Instant::now() >= until {
                    section.count("out_of_time");
                    return Ok(section);
                }
            }
            Ended::NothingNew => {
                section.count("nothing_new");
                break;
            }
            Ended::Stands => {
                section.count("stands");
                return Ok(section);
            }
        }
    }
    metrics::emit(&[("BooksSealed", Unit::Count, 1)]);
    Ok(section)
}

/// Of the comparison of the ledger with its seals.
const COMPARISON: Check = Check {
    name: "sealed_rows",
    title: "The ledger's rows are what was sealed",
    severity: Severity::Critical,
    budget: CHECK.budget,
    reads: CHECK.reads,
};

/// Compares seal after seal with the one before it and with the ledger's rows, the first that differs first. Its counts are
/// `compared`, of how many (`of`), and `transactions`. Returns what is left besides.
///
/// # Errors
/// [`DigestError`], or that rows are hidden: it could not be compared, which is no word about it.
pub(crate) async fn compare(
    reconciler: &Reconciler,
    mut seals: Seals,
    deadline: SystemTime,
) -> Result<(Section, Option<Seals>), Error> {
    if let Some(table) = reconciler.ledger.hidden_table(COMPARISON.reads, None).await? {
        return Err(CheckError::Hidden(table).into());
    }
    let (since, sent) = (Instant::now(), reconciler.ledger.sent());
    let until = until(deadline);
    let (mut section, mut most) = (Section::of(&COMPARISON), seals.most);
    let mut chain = reconciler.digest.chain().await?;
    if seals.done == 0 {
        chain.listed_flaws().for_each(|flaw| section.find(finding(flaw)));
    }
    while seals.done < chain.len() && most > 0 && (Instant::now() < until || most == seals.most) {
        let link = chain.link(seals.done).await?;
        let mut flaws = Vec::from_iter(link.flaw);
        if let Some(signed) = link.signed {
            flaws.extend(reconciler.digest.compare(&reconciler.ledger, &signed.seal).await?);
            section.read += signed.seal.entries;
        }
        for flaw in flaws {
            section.find(finding(flaw));
        }
        seals.done += 1;
        most -= 1;
    }
    let left = seals.done < chain.len();
    section.add("of", chain.len() as u64);
    section.add("compared", seals.done as u64);
    section.statements = reconciler.ledger.sent() - sent;
    section.took_ms = crate::millis(since);
    Ok((section, left.then_some(seals)))
}

/// Nothing is begun later than this.
pub(crate) fn until(deadline: SystemTime) -> Instant {
    let left = deadline.duration_since(SystemTime::now()).unwrap_or_default();
    Instant::now() + left.saturating_sub(STOP_BEFORE)
}
