//! What a run looks at, in pieces that a statement can read within its time.

use adapters::ledger::{Ledger, LedgerError};
use domain::reconciliation::report::Slice;
use time::{Duration, OffsetDateTime};

/// How many numbers of transactions a statement looks at.
const NUMBERS: i64 = 50_000;
/// How much time, at least, and in how many pieces at most: each looks into every partition.
const TIME: Duration = Duration::hours(1);
const PIECES: i32 = 30;
/// How long before its commit an intent may have been written: it bears the time at which its transaction began. Many times what
/// a statement of ours may take.
const OVERLAP: Duration = Duration::hours(1);

/// What is new since the last run that proved the books; of a full run, all there ever was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    /// By numbers. What is at its end or above may still be added to.
    pub(crate) slice: Slice,
    /// By time, for what bears no number.
    pub(crate) since: OffsetDateTime,
    /// When the run began, by the database's clock.
    pub(crate) now: OffsetDateTime,
}

impl Window {
    /// # Errors
    /// Why it cannot be learnt, in words for the report.
    pub(crate) async fn of(ledger: &Ledger, is_full: bool) -> Result<Self, String> {
        let text = |error: LedgerError| error.to_string();
        let proved = ledger.proof_window().await.map_err(text)?;
        let (mut slice, now) = (proved.slice, proved.now);
        if slice.to < slice.from {
            // Moved to another server, or restored: entries may bear numbers that were proved before, and would be passed over.
            return Err(format!(
                "the books are proved up to {}, and the database counts from {}: its numbers began anew",
                slice.from, slice.to
            ));
        }
        let since = match proved.since {
            Some(since) if !is_full => since - OVERLAP,
            Some(_) | None => {
                let (number, at) = ledger.beginning().await.map_err(text)?;
                if proved.since.is_none() || is_full {
                    slice.from = number.unwrap_or(slice.to).min(slice.to);
                }
                at.unwrap_or(now)
            }
        };
        Ok(Self { slice, since, now })
    }

    /// All of it, in pieces.
    pub(crate) fn slices(&self) -> impl Iterator<Item = Slice> + use<> {
        self.slices_from(self.slice.from)
    }

    /// What is not below that number, in pieces.
    pub(crate) fn slices_from(&self, from: i64) -> impl Iterator<Item = Slice> + use<> {
        let mut next = from.max(self.slice.from);
        let end = self.slice.to;
        std::iter::from_fn(move || {
            let from = next;
            next = end.min(from + NUMBERS);
            (from < end).then_some(Slice { from, to: next })
        })
    }

    /// Its time, in pieces, up to now.
    pub(crate) fn hours(&self) -> impl Iterator<Item = (OffsetDateTime, OffsetDateTime)> + use<> {
        self.hours_from(self.since)
    }

    /// The time since then, in pieces, up to now.
    pub(crate) fn hours_from(
        &self,
        since: OffsetDateTime,
    ) -> impl Iterator<Item = (OffsetDateTime, OffsetDateTime)> + use<> {
        let mut next = since;
        let end = self.now;
        let piece = TIME.max((end - since) / PIECES);
        std::iter::from_fn(move || {
            let from = next;
            next = end.min(from + piece);
            (from < end).then_some((from, next))
        })
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn the_pieces_are_the_whole_and_do_not_overlap() {
        let window = Window {
            slice: Slice { from: 7, to: 120_007 },
            since: datetime!(2026-01-01 00:00 UTC),
            now: datetime!(2026-01-01 02:30 UTC),
        };
        let ends: Vec<_> = window.slices().map(|slice| (slice.from, slice.to)).collect();
        assert_eq!(ends, [(7, 50_007), (50_007, 100_007), (100_007, 120_007)]);
        assert_eq!(window.slices_from(119_000).count(), 1);
        assert_eq!(window.slices_from(120_007).count(), 0);
        let hours: Vec<_> = window.hours().collect();
        assert_eq!(hours.len(), 3);
        assert!(hours.windows(2).all(|pair| pair[0].1 == pair[1].0));
        assert_eq!((hours[0].0, hours[2].1), (window.since, window.now));
        let years = window.hours_from(datetime!(2016-01-01 00:00 UTC));
        assert!(
            years.count() <= 31,
            "a statement for every hour of ten years would not end in a night"
        );
    }
}
