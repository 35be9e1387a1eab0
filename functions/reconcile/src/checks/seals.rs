//! The seals of a night: each signed and behind the one before, the rows what they were when they were sealed, and none late.
//!
//! All seals and their rows are compared behind a full run ([`crate::seal::compare`]).

use std::sync::Arc;
use std::time::{Duration, Instant};

use adapters::digest::{Chain, DigestError, Flaw, Signed};
use adapters::ledger::audit::slices::Horizon;
use domain::reconciliation::{Budget, Check, Finding, Section, Severity};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::CheckError;
use crate::Run;
use crate::seal::until;

pub(crate) const CHECK: Check = Check {
    name: "seals",
    title: "The newest seals, and what they cover",
    severity: Severity::Critical,
    budget: Budget {
        statements: 1_000,
        seconds: 60,
    },
    reads: &["ledger_entries", "ledger_transactions", "proofs"],
};

/// Of the budget; the rest is for reading the seals.
const COMPARED_WITHIN: Duration = Duration::from_secs(45);
/// Seals that are younger are compared with the rows every night: those of the last one, which itself is a little more than a day old.
const YOUNG: time::Duration = time::Duration::hours(26);
/// How late after the first proof the first seal may be: reconciliation and sealing begin together, or a night apart.
const BEGINNING: time::Duration = time::Duration::days(2);
/// What was put among the seals cannot be taken away, and a chain that began late stays so. Once somebody has had the time to look into
/// it, it is only to be known: an alarm that rings for ever is one that nobody hears.
const LOOKED_INTO: time::Duration = time::Duration::days(7);
/// What was posted since the last sealing is a day old at most when this runs, since it runs before the night's own. Half a day more
/// allows for a run that is late, or repeated; a night that is left out is longer.
const LATE: Duration = Duration::from_hours(36);

/// # Errors
/// [`CheckError`]
pub(crate) async fn run(run: &Run<'_>) -> Result<Section, CheckError> {
    // The check's own time, but not beyond the function's.
    let until = until(run.deadline).min(Instant::now() + COMPARED_WITHIN);
    let (digest, ledger) = (&run.reach.digest, &run.reach.ledger);
    let mut section = Section::of(&CHECK);
    let mut chain = digest.chain().await?;
    let horizon = ledger.horizon().await?;
    chain.listed_flaws().for_each(|flaw| section.find(finding(flaw)));
    Box::pin(look_at_the_ends(run, &mut chain, &horizon, &mut section)).await?;

    let mut left = 0;
    for seal in Box::pin(young(&mut chain, horizon.at, &mut section)).await? {
        let compared = tokio::time::timeout_at(until.into(), digest.compare(ledger, &seal.seal)).await;
        let Ok(flaws) = compared else {
            // Its last statement may still run. What comes next must not wait for that.
            ledger.forget().await;
            left += 1;
            continue;
        };
        flaws?.into_iter().for_each(|flaw| section.find(finding(flaw)));
        section.count("compared");
        section.read += seal.seal.entries;
    }
    if left > 0 {
        section.add("left_out", left);
        section.find(Finding {
            severity: Severity::Warning,
            what: "seals_not_compared",
            subject: left.to_string(),
            detail: "the time was over before these newest seals were compared with the ledger's rows".to_owned(),
        });
    }
    Ok(section)
}

/// The seals of the last night, the newest and all that lies behind it: finds what is wrong with each, and returns those that our
/// key signed, the oldest first. Those before are seen to be linked by the first of them, as far as the next one back.
async fn young(
    chain: &mut Chain<'_>,
    now: OffsetDateTime,
    section: &mut Section,
) -> Result<Vec<Arc<Signed>>, DigestError> {
    let newest = chain.newest(u64::MAX).await?.map_or(0, |(at, _)| at);
    let mut signed = Vec::new();
    for at in 0..chain.len() {
        if at < newest && !chain.is_since(at, now - YOUNG) {
            continue;
        }
        let link = chain.link(at).await?;
        section.read += 1;
        link.flaw.into_iter().for_each(|flaw| section.find(finding(flaw)));
        signed.extend(link.signed);
    }
    Ok(signed)
}

/// Whether the chain begins with the books and reaches up to now.
async fn look_at_the_ends(
    run: &Run<'_>,
    chain: &mut Chain<'_>,
    horizon: &Horizon,
    section: &mut Section,
) -> Result<(), CheckError> {
    let ledger = &run.reach.ledger;
    let first_proof = ledger.first_proof().await?;
    let first = chain.first().await?;
    if let Some((at, first)) = &first {
        let sealed_at = OffsetDateTime::parse(&first.seal.sealed_at, &Rfc3339).ok();
        if let Some(since) = first_proof
            && sealed_at.is_none_or(|at| at > since + BEGINNING)
        {
            let detail = format!(
                "{}, sealed at {}; the books are proved since {since}",
                first.seal, first.seal.sealed_at
            );
            let is_known = sealed_at.is_some_and(|at| at < horizon.at - LOOKED_INTO);
            section.find(Finding {
                severity: if is_known { Severity::Notice } else { Severity::Critical },
                what: "chain_begins_late",
                subject: first.seal.from_transaction.to_string(),
                detail,
            });
        }
        // A young one is looked at with the others.
        if !chain.is_since(*at, horizon.at - YOUNG)
            && let Some(flaw) = chain.link(*at).await?.flaw
        {
            section.find(finding(flaw));
        }
    } else if let Some(since) = first_proof
        && since < horizon.at - BEGINNING
    {
        let detail = format!("there is no seal, and the books are proved since {since}");
        section.critical("nothing_sealed", String::new(), detail);
    }
    let Some((_, newest)) = chain.newest(u64::MAX).await? else {
        return Ok(());
    };
    let end = newest.seal.to_transaction;
    if horizon.number < end {
        let detail = format!("behind {}, which ends at {end}", newest.seal);
        section.critical("numbers_began_anew", horizon.number.to_string(), detail);
    }
    let late = ledger.held_back(end.cast_signed(), LATE).await?;
    if late > 0 {
        let hours = LATE.as_secs() / 3600;
        let detail = format!(
            "{late} entries older than {hours} hours are not sealed: {} is the newest, of {}",
            newest.seal, newest.seal.sealed_at
        );
        section.critical("sealing_stalled", end.to_string(), detail);
    }
    Ok(())
}

/// Whatever does not hold of a seal is critical: nothing but tampering makes it so.
pub(crate) fn finding(flaw: Flaw) -> Finding {
    let known_since = OffsetDateTime::now_utc() - LOOKED_INTO;
    Finding {
        severity: if flaw.put_at.is_some_and(|at| at < known_since) {
            Severity::Notice
        } else {
            Severity::Critical
        },
        what: flaw.what,
        subject: flaw.subject,
        detail: flaw.detail,
    }
}
