//! What a run has done, for the metrics and for its answer.

use adapters::ledger::outbox::OutboxHealth;
use adapters::metrics::{Metric, Unit};

/// Counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Events that the bus accepted.
    pub published: usize,
    /// Events that failed for a reason of their own, or that this version could not announce.
    pub failures: usize,
    /// Times that the poller waited for the bus to recover.
    pub back_offs: usize,
    /// Events that were given up.
    pub dead_letters: usize,
    /// Events whose failure was not counted, because too many would have been given up.
    pub withheld: usize,
}

impl Tally {
    /// Adds what another has counted.
    pub fn add(&mut self, other: Self) {
        self.published += other.published;
        self.failures += other.failures;
        self.back_offs += other.back_offs;
        self.dead_letters += other.dead_letters;
        self.withheld += other.withheld;
    }

    /// The counts as metrics, and how the outbox is doing if that is known.
    #[must_use]
    pub fn metrics(&self, health: Option<OutboxHealth>) -> Vec<Metric> {
        let counts = [
            ("EventsPublished", self.published),
            ("EventFailures", self.failures),
            ("BusBackoffs", self.back_offs),
            ("DeadLetters", self.dead_letters),
            ("EventsWithheld", self.withheld),
        ];
        let counts = counts.map(|(name, count)| (name, Unit::Count, i64::try_from(count).unwrap_or(i64::MAX)));
        let health = health.map(|health| {
            [
                ("OutboxOldestSeconds", Unit::Seconds, health.oldest_seconds),
                ("OpenDeadLetters", Unit::Count, health.open_dead_letters),
            ]
        });
        counts.into_iter().chain(health.into_iter().flatten()).collect()
    }
}
