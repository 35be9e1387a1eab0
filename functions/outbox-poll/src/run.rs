//! One run, round by round, from its start to shortly before its deadline.

use std::time::{Duration, Instant};

use adapters::bus::BusError;
use adapters::ledger::LedgerError;
use adapters::ledger::outbox::Leased;
use adapters::metrics;
use tokio::time::sleep;

use crate::became::{Became, Failures};
use crate::blame::Blame;
use crate::copies::Copies;
use crate::pause::{BackOff, Idle};
use crate::publish::publish;
use crate::tally::Tally;
use crate::{Poller, Trouble};

/// Rows of one lease.
const BATCH: i32 = 500;
/// How long a lease lasts, in seconds. A poller that dies delays what it held by as much.
const LEASE_SECONDS: u16 = 30;
/// No round begins later than this before the deadline: a lease (3 s, and mostly milliseconds), a call (5 s) and what
/// follows it ([`SETTLING`](crate::publish::SETTLING), 7 s). With a timeout of 75 s a run lasts a minute, until the
/// next one begins.
const STOP_BEFORE: Duration = Duration::from_secs(15);

/// How many failures of its own make a dead letter of a row.
const FAILURES: i32 = 5;
/// A failure is a row's own only if the bus has lately accepted something: a bus that calls everything invalid is
/// broken. Shorter than the 1 + 2 + 4 + 8 s between a row's first failure and its fifth, so that no row dies in an
/// outage alone.
const LATELY: Duration = Duration::from_secs(10);
/// When a row is tried again whose failure could not be counted, in seconds. Less than [`LATELY`], so that one
/// acceptance is enough for the next one to be.
const UNCOUNTED_SECONDS: i32 = 5;
/// When a row is tried again that this version cannot announce, in seconds: another version may be there by then.
const NOT_KNOWN_SECONDS: i32 = 60;

/// How often what was published long ago is removed while nothing is published.
const CLEAN_EVERY: Duration = Duration::from_secs(5);
/// How often metrics are written.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// A run under way.
#[derive(Debug)]
pub struct Run<'a> {
    poller: &'a Poller,
    deadline: Instant,
    bus_verified: bool,
    /// Whether any round came to an end.
    worked: bool,
    /// Accepted by the bus; the ledger does not know yet.
    unmarked: Vec<i64>,
    last_accepted: Option<Instant>,
    copies: Copies,
    cleaned: Instant,
    told: Option<Instant>,
    idle: Idle,
    bus_back_off: BackOff,
    ledger_back_off: BackOff,
    /// Not yet in the metrics.
    tally: Tally,
    /// In the metrics.
    total: Tally,
}

impl<'a> Run<'a> {
    /// A run that has not begun.
    #[must_use]
    pub fn new(poller: &'a Poller, deadline: Instant) -> Self {
        let now = Instant::now();
        Self {
            poller,
            deadline,
            bus_verified: false,
            worked: false,
            unmarked: Vec::new(),
            last_accepted: None,
            // An earlier run may have died between a letter and its copy.
            copies: Copies::due(),
            cleaned: now,
            told: None,
            idle: Idle::default(),
            bus_back_off: BackOff::default(),
            ledger_back_off: BackOff::default(),
            tally: Tally::default(),
            total: Tally::default(),
        }
    }

    /// Goes on until the deadline is near. Returns what was done.
    ///
    /// # Errors
    /// [`Trouble`]: the bus is not there, or no round came to an end for that reason.
    pub async fn to_its_end(mut self) -> Result<Tally, Trouble> {
        let mut last = Trouble::NoTime;
        while let Some(left) = self.time_left() {
            let pause = match self.round().await {
                Ok(pause) => {
                    self.worked = true;
                    pause
                }
                Err(missing @ Trouble::Bus(BusError::Missing(_))) => {
                    last = missing;
                    break;
                }
                Err(trouble) => {
                    tracing::error!(error = %trouble, "a round came to nothing");
                    let pause = self.back_off(&trouble);
                    last = trouble;
                    pause
                }
            };
            self.tell(TELL_EVERY).await;
            sleep(pause.min(left)).await;
        }
        if let Err(error) = self.mark().await {
            tracing::error!(error = %error, outbox.events = self.unmarked.len(), "announced, and will be again");
        }
        self.tell(Duration::ZERO).await;
        if self.worked { Ok(self.total) } else { Err(last) }
    }

    /// `None`: no round may begin any more.
    fn time_left(&self) -> Option<Duration> {
        self.deadline.checked_duration_since(Instant::now() + STOP_BEFORE)
    }

    /// Leases rows, publishes them and says what became of them. Returns how long to wait before the next round.
    async fn round(&mut self) -> Result<Duration, Trouble> {
        if !self.bus_verified {
            self.poller.bus.verify().await?;
            self.bus_verified = true;
        }
        self.mark().await?;
        self.copies.send(self.poller).await?;
        let leased = self.poller.ledger.lease_outbox(BATCH, LEASE_SECONDS).await?;
        self.ledger_back_off = BackOff::default();
        let became = Became::of(&leased, self.announce(&leased).await);
        let pause = self.pause(&leased, &became);
        let marked = became.accepted.len();
        self.settle(&leased, became).await?;
        self.clean_up(marked).await?;
        Ok(pause)
    }

    async fn announce(&self, leased: &Leased) -> Vec<(i64, Blame)> {
        let events: Vec<_> = leased
            .rows
            .iter()
            .filter_map(|row| Some((row.id, row.event.as_ref().ok()?)))
            .collect();
        publish(&self.poller.bus, &events, leased.until.min(self.deadline)).await
    }

    /// None while there is more than one lease takes; a little, if anything was accepted; ever more, if nothing was.
    fn pause(&mut self, leased: &Leased, became: &Became) -> Duration {
        if !became.accepted.is_empty() {
            self.last_accepted = Some(Instant::now());
            self.bus_back_off = BackOff::default();
            self.idle = Idle::default();
        }
        if let Some(why) = &became.bus_failure {
            tracing::warn!(error = why, outbox.events = became.given_back.len(), "the bus fails");
            self.tally.back_offs += 1;
            return self.bus_back_off.pause(|below| fastrand::u64(..below));
        }
        let full = i32::try_from(leased.rows.len()).is_ok_and(|rows| rows == BATCH);
        if full && !became.accepted.is_empty() {
            return Duration::ZERO;
        }
        self.idle.pause()
    }

    fn back_off(&mut self, trouble: &Trouble) -> Duration {
        match trouble {
            Trouble::Bus(_) => {
                self.tally.back_offs += 1;
                &mut self.bus_back_off
            }
            Trouble::Ledger(_) | Trouble::NoTime => &mut self.ledger_back_off,
        }
        .pause(|below| fastrand::u64(..below))
    }

    /// Tells the ledger. What it could not be told is free again when the lease ends.
    async fn settle(&mut self, leased: &Leased, became: Became) -> Result<(), LedgerError> {
        let ledger = &self.poller.ledger;
        self.tally.published += became.accepted.len();
        self.tally.failures += became.refused.len() + became.unfounded.len() + became.not_known.len();
        self.unmarked.extend(became.accepted);
        self.mark().await?;
        self.blame(leased, became.refused, became.unfounded).await?;
        if let [id, ..] = became.not_known.as_slice() {
            let events = became.not_known.len();
            tracing::error!(outbox.id = id, outbox.events = events, "events are not known here");
            ledger.give_back(leased, &became.not_known, NOT_KNOWN_SECONDS).await?;
        }
        if !became.given_back.is_empty() {
            ledger.give_back(leased, &became.given_back, 0).await?;
        }
        Ok(())
    }

    /// Counts the failures that are the rows' own.
    async fn blame(&mut self, leased: &Leased, refused: Failures, unfounded: Failures) -> Result<(), LedgerError> {
        let mut own = unfounded;
        if let [(id, why), ..] = own.as_slice() {
            tracing::error!(
                outbox.id = id,
                error = why,
                outbox.events = own.len(),
                "events are unfounded"
            );
        }
        if let [(id, why), ..] = refused.as_slice() {
            let (events, counted) = (
                refused.len(),
                self.last_accepted.is_some_and(|at| at.elapsed() < LATELY),
            );
            tracing::warn!(
                outbox.id = id,
                error = why,
                outbox.events = events,
                counted,
                "events fail"
            );
            if counted {
                own.extend(refused);
            } else {
                let ids: Vec<_> = refused.iter().map(|(id, _)| *id).collect();
                self.poller.ledger.give_back(leased, &ids, UNCOUNTED_SECONDS).await?;
            }
        }
        if own.is_empty() {
            return Ok(());
        }
        let dead = self.poller.ledger.count_failures(leased, &own, FAILURES).await?;
        if dead > 0 {
            self.tally.dead_letters += dead;
            self.copies = Copies::due();
        }
        Ok(())
    }

    /// Marks what the bus has accepted, also in rounds before, when it could not be marked.
    async fn mark(&mut self) -> Result<(), LedgerError> {
        if !self.unmarked.is_empty() {
            self.poller.ledger.mark_published(&self.unmarked).await?;
            self.unmarked.clear();
        }
        Ok(())
    }

    /// Removes old rows faster than new ones come, in small batches.
    async fn clean_up(&mut self, marked: usize) -> Result<(), LedgerError> {
        if marked == 0 && self.cleaned.elapsed() < CLEAN_EVERY {
            return Ok(());
        }
        self.cleaned = Instant::now();
        let most = i32::try_from(2 * marked).unwrap_or(BATCH).max(100);
        self.poller
            .ledger
            .remove_published(self.poller.keep_published_hours, most)
            .await
    }

    /// Writes the metrics, unless that was done within `interval`.
    async fn tell(&mut self, interval: Duration) {
        if self.told.is_some_and(|told| told.elapsed() < interval) {
            return;
        }
        self.told = Some(Instant::now());
        // Whatever keeps it from being known is reported by the rounds; that it is missing raises an alarm.
        let health = self.poller.ledger.outbox_health().await.ok();
        metrics::emit(&self.tally.metrics(health));
        self.total.add(std::mem::take(&mut self.tally));
    }
}
