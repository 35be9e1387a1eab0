//! Telling the ledger what became of a lease. What it could not be told is free again when the lease ends.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use adapters::ledger::LedgerError;
use adapters::ledger::outbox::Leased;

use super::Run;
use crate::became::{Became, Failures};
use crate::copies::Copies;

/// How many failures of its own make a dead letter of a row.
const FAILURES: i16 = 5;
/// How many rows a run, which is a minute, may give up. More are no poison: something that all of them share has
/// changed, and somebody must look.
const MOST_DEAD: usize = 100;
/// A failure is a row's own only if the bus has lately accepted something: a bus that calls everything invalid is
/// broken. Shorter than the 1 + 2 + 4 + 8 s between a row's first failure and its fifth, so that no row dies in an
/// outage alone.
const LATELY: Duration = Duration::from_secs(10);
/// When a row is tried again whose failure could not be counted, in seconds. Less than [`LATELY`], so that one
/// acceptance is enough for the next one to be.
const UNCOUNTED_SECONDS: i32 = 5;
/// When a row is tried again that would have been one dead letter too many, in seconds.
const WITHHELD_SECONDS: i32 = 60;
/// When a row is tried again that this version cannot announce, in seconds: another version may be there by then.
const NOT_KNOWN_SECONDS: i32 = 60;

impl Run<'_> {
    pub(super) async fn settle(&mut self, leased: &Leased, became: Became) -> Result<(), LedgerError> {
        self.tally.published += became.accepted.len();
        self.tally.failures += became.refused.len() + became.unfounded.len() + became.not_known.len();
        self.unmarked.extend(became.accepted);
        self.mark().await?;
        let mut own = became.unfounded;
        log(&own, "events are unfounded");
        own.extend(self.own(leased, became.refused).await?);
        self.count(leased, &own).await?;
        if let [id, ..] = became.not_known.as_slice() {
            let events = became.not_known.len();
            tracing::error!(outbox.id = id, outbox.events = events, "events are not known here");
            self.give_back(leased, &became.not_known, NOT_KNOWN_SECONDS).await?;
        }
        self.give_back(leased, &became.given_back, 0).await
    }

    /// Marks what the bus has accepted, also in rounds before, when it could not be marked.
    pub(super) async fn mark(&mut self) -> Result<(), LedgerError> {
        if !self.unmarked.is_empty() {
            self.poller.ledger.mark_published(&self.unmarked).await?;
            self.unmarked.clear();
        }
        Ok(())
    }

    /// Those of the refused that are to be counted; the others are given back.
    async fn own(&self, leased: &Leased, refused: Failures) -> Result<Failures, LedgerError> {
        log(&refused, "events fail");
        if self.accepted.is_some_and(|at: Instant| at.elapsed() < LATELY) {
            return Ok(refused);
        }
        self.give_back(leased, &ids(&refused), UNCOUNTED_SECONDS).await?;
        Ok(Failures::new())
    }

    /// Counts failures that are the rows' own, unless too many would die of it.
    async fn count(&mut self, leased: &Leased, own: &Failures) -> Result<(), LedgerError> {
        if own.is_empty() {
            return Ok(());
        }
        let last = leased.rows.iter().filter(|row| row.attempts + 1 >= FAILURES);
        let last: BTreeSet<_> = last.map(|row| row.id).collect();
        let dying = own.iter().filter(|(id, _)| last.contains(id)).count();
        let died = self.total.dead_letters + self.tally.dead_letters;
        if dying > 0 && died + dying > MOST_DEAD {
            tracing::error!(
                outbox.events = own.len(),
                dying,
                died,
                "too many events would be given up; their failures are not counted"
            );
            self.tally.withheld += own.len();
            return self.give_back(leased, &ids(own), WITHHELD_SECONDS).await;
        }
        let dead = self.poller.ledger.count_failures(leased, own, FAILURES.into()).await?;
        if dead > 0 {
            self.tally.dead_letters += dead;
            self.copies = Copies::due();
        }
        Ok(())
    }

    async fn give_back(&self, leased: &Leased, ids: &[i64], seconds: i32) -> Result<(), LedgerError> {
        if ids.is_empty() {
            return Ok(());
        }
        self.poller.ledger.give_back(leased, ids, seconds).await
    }
}

fn ids(failures: &Failures) -> Vec<i64> {
    failures.iter().map(|(id, _)| *id).collect()
}

/// One line for all of them, with the first one's reason.
fn log(failures: &Failures, message: &str) {
    if let [(id, why), ..] = failures.as_slice() {
        tracing::error!(outbox.id = id, error = why, outbox.events = failures.len(), "{message}");
    }
}
