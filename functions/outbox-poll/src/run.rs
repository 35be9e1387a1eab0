//! One run, round by round, from its start to shortly before its deadline.

mod settle;

use std::time::{Duration, Instant};

use adapters::bus::{BusError, ENTRIES};
use adapters::ledger::outbox::Leased;
use adapters::metrics;
use tokio::time::sleep;

use crate::became::Became;
use crate::blame::Blame;
use crate::cleaning::Cleaning;
use crate::copies::Copies;
use crate::pause::{BackOff, Idle};
use crate::publish::publish;
use crate::tally::Tally;
use crate::{Poller, Trouble};

/// Rows of one lease.
const BATCH: i32 = 500;
/// A lease of as many leaves more behind: all but the newest's share.
const FULL: usize = 450;
/// How long a lease lasts, in seconds. A poller that dies delays what it held by as much.
const LEASE_SECONDS: u16 = 30;
/// No round begins later than this before the deadline: a lease (3 s, and mostly milliseconds), a call (5 s) and what
/// follows it ([`SETTLING`](crate::publish::SETTLING), 7 s). With a timeout of 75 s a run lasts a minute, until the
/// next one begins.
const STOP_BEFORE: Duration = Duration::from_secs(15);

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
    /// When the bus last took something.
    accepted: Option<Instant>,
    copies: Copies,
    cleaning: Cleaning,
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
        Self {
            poller,
            deadline,
            bus_verified: false,
            worked: false,
            unmarked: Vec::new(),
            accepted: None,
            // An earlier run may have died between a letter and its copy.
            copies: Copies::due(),
            cleaning: Cleaning::begin(Instant::now()),
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
            // Each pause has its reason where it is made; one past the last moment for a round would end the run late.
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
        self.copies.send(self.poller).await;
        let leased = self.poller.ledger.lease_outbox(BATCH, LEASE_SECONDS).await?;
        self.ledger_back_off = BackOff::default();
        let became = Became::of(&leased, self.announce(&leased).await);
        let pause = self.pause(&leased, &became);
        let published = became.accepted.len();
        self.settle(&leased, became).await?;
        self.cleaning.after(published, self.poller).await;
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

    /// None while there is more than one lease takes; a little, when that is all; ever more, while the bus fails or
    /// refuses what it is given.
    fn pause(&mut self, leased: &Leased, became: &Became) -> Duration {
        if !became.accepted.is_empty() {
            self.accepted = Some(Instant::now());
            self.idle = Idle::default();
        }
        let refuses = became.accepted.is_empty() && became.refused.len() >= ENTRIES;
        if became.bus_failure.is_some() || refuses {
            tracing::warn!(
                error = became.bus_failure,
                outbox.given_back = became.given_back.len(),
                outbox.refused = became.refused.len(),
                "the bus fails"
            );
            self.tally.back_offs += 1;
            return self.bus_back_off.pause(|below| fastrand::u64(..below));
        }
        if !became.accepted.is_empty() {
            self.bus_back_off = BackOff::default();
        }
        if leased.rows.len() >= FULL {
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
