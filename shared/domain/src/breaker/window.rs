//! How the last calls ended, counted by time.

use std::collections::BTreeMap;

use super::{Ended, Settings};

/// So many calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Counts {
    /// That were answered.
    pub served: i64,
    /// That were not.
    pub failed: i64,
}

/// Counts by the number of their bucket ([`Settings::bucket`]). Whoever adds to one removes those that have passed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Window {
    /// A bucket that is not there counts nothing.
    pub buckets: BTreeMap<i64, Counts>,
}

impl Window {
    pub(super) const EMPTY: Self = Self {
        buckets: BTreeMap::new(),
    };

    /// What counts now. A bucket from a clock that runs ahead counts as well.
    #[must_use]
    pub fn counts(&self, settings: &Settings, now_ms: i64) -> Counts {
        let counting = self.buckets.range(oldest(settings, now_ms)..);
        counting.fold(Counts::default(), |sum, (_, counts)| Counts {
            served: sum.served + counts.served,
            failed: sum.failed + counts.failed,
        })
    }

    /// The buckets that count no longer.
    pub(super) fn past(&self, settings: &Settings, now_ms: i64) -> Vec<i64> {
        let past = self.buckets.range(..oldest(settings, now_ms));
        past.map(|(bucket, _)| *bucket).collect()
    }

    pub(super) fn count(&mut self, bucket: i64, ended: Ended) {
        let counts = self.buckets.entry(bucket).or_default();
        match ended {
            Ended::Served => counts.served += 1,
            Ended::Failed => counts.failed += 1,
        }
    }
}

fn oldest(settings: &Settings, now_ms: i64) -> i64 {
    settings.bucket(now_ms) - settings.buckets + 1
}
