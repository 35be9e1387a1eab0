//! What a run looks at, in pieces that a statement can read within its time.

use adapters::ledger::audit::proofs::Window as Proved;
use adapters::ledger::{Ledger, LedgerError};
use domain::reconciliation::report::Slice;
use serde::{Deserialize, Serialize};
use time::serde::rfc3339;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// How many numbers of transactions a statement looks at.
const NUMBERS: i64 = 50_000;
/// How many, at most, one invocation. The slowest of its checks takes half a minute for them.
const NUMBERS_A_PART: i64 = 500_000;
/// How much time, at least, and in how many pieces at most: each looks into every partition.
const TIME: Duration = Duration::hours(1);
const PIECES: i32 = 30;
/// How long before its commit an intent may have been written: it bears the time at which its transaction began. Many times what
/// a statement of ours may take.
const OVERLAP: Duration = Duration::hours(1);
/// How far ahead a time can be that somebody has written.
const AHEAD: Duration = Duration::days(36_525);

/// What is new since the last run that proved the books; of a full run, a part of all there ever was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    /// By numbers. What is at its end or above may still be added to.
    pub(crate) slice: Slice,
    /// By time, for what bears no number.
    pub(crate) since: OffsetDateTime,
    /// And before this.
    until: OffsetDateTime,
    /// When the run began, by the database's clock.
    pub(crate) now: OffsetDateTime,
    /// Of a full run.
    pub(crate) part: Option<Part>,
    /// Whether nothing can be older: then what bears an older number or time than anything ought to is looked at as well.
    is_first: bool,
    /// Whether nothing can be younger, but what bears a time that is yet to come.
    is_last: bool,
    /// Whether there is more that is new than one run looks at.
    pub(crate) has_more: bool,
}

/// A part of all there ever was: an even share of its numbers, of its time and of the ids of accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Part {
    /// From 0.
    pub(crate) number: u32,
    /// How many there are.
    pub(crate) of: u32,
    /// All numbers are of this and above.
    from: i64,
    /// And below this.
    to: i64,
    /// All time is since this.
    #[serde(with = "rfc3339")]
    since: OffsetDateTime,
    /// And before this.
    #[serde(with = "rfc3339")]
    until: OffsetDateTime,
}

impl Part {
    /// The first part of a window over everything.
    pub(crate) fn first(whole: &Window) -> Self {
        let numbers = (whole.slice.to - whole.slice.from).max(1);
        Self {
            number: 0,
            of: u32::try_from((numbers - 1) / NUMBERS_A_PART + 1).unwrap_or(u32::MAX),
            from: whole.slice.from,
            to: whole.slice.to,
            since: whole.since,
            until: whole.now,
        }
    }

    /// `None`: this is the last.
    pub(crate) const fn next(self) -> Option<Self> {
        let number = self.number + 1;
        if number < self.of {
            Some(Self { number, ..self })
        } else {
            None
        }
    }

    /// Its accounts are those behind the one id, up to the other.
    pub(crate) fn accounts(self) -> (Uuid, Uuid) {
        let ids = u128::MAX / u128::from(self.of);
        let border = |number: u32| {
            Uuid::from_u128(if number == self.of {
                u128::MAX
            } else {
                ids * u128::from(number)
            })
        };
        (border(self.number), border(self.number + 1))
    }

    fn window(self, now: OffsetDateTime) -> Window {
        let number = |number: u32| {
            let share = i128::from(self.to - self.from) * i128::from(number) / i128::from(self.of);
            self.from + i64::try_from(share).unwrap_or_default()
        };
        let time = |number: u32| {
            let share = (self.until - self.since).whole_nanoseconds() * i128::from(number) / i128::from(self.of);
            self.since + Duration::nanoseconds_i128(share)
        };
        let next = self.number + 1;
        Window {
            slice: Slice {
                from: number(self.number),
                to: number(next),
            },
            since: time(self.number),
            // Exactly: what was computed may be a nanosecond short.
            until: if next == self.of { self.until } else { time(next) },
            now,
            part: Some(self),
            is_first: self.number == 0,
            is_last: next == self.of,
            has_more: false,
        }
    }
}

impl Window {
    /// What is new since the last run that proved the books; if nothing was proved before, all there is.
    ///
    /// # Errors
    /// Why it cannot be learnt, in words for the report.
    pub(crate) async fn of_what_is_new(ledger: &Ledger) -> Result<Self, String> {
        let proved = proved(ledger).await?;
        let Some(since) = proved.since else {
            return Ok(Self::of_everything(ledger, &proved).await?.within_a_run());
        };
        let window = Self {
            slice: proved.slice,
            since: since - OVERLAP,
            until: proved.now,
            now: proved.now,
            part: None,
            is_first: false,
            is_last: false,
            has_more: false,
        };
        Ok(window.within_a_run())
    }

    /// As much of it as one run can look at.
    fn within_a_run(mut self) -> Self {
        let most = self.slice.from + NUMBERS_A_PART;
        self.has_more = self.slice.to > most;
        self.slice.to = self.slice.to.min(most);
        self
    }

    /// Whether nothing of what is asked for is left to a later invocation.
    pub(crate) fn reaches_the_end(&self) -> bool {
        !self.has_more && self.part.is_none_or(|part| part.next().is_none())
    }

    /// This part of everything, or the first.
    ///
    /// # Errors
    /// Why it cannot be learnt, in words for the report.
    pub(crate) async fn of_part(ledger: &Ledger, part: Option<Part>) -> Result<Self, String> {
        let proved = proved(ledger).await?;
        if let Some(part) = part {
            return Ok(part.window(proved.now));
        }
        let whole = Self::of_everything(ledger, &proved).await?;
        Ok(Part::first(&whole).window(whole.now))
    }

    async fn of_everything(ledger: &Ledger, proved: &Proved) -> Result<Self, String> {
        let (to, now) = (proved.slice.to, proved.now);
        let (number, at) = ledger.beginning().await.map_err(text)?;
        Ok(Self::whole(number.unwrap_or(to).min(to), to, at.unwrap_or(now), now))
    }

    pub(crate) const fn whole(from: i64, to: i64, since: OffsetDateTime, now: OffsetDateTime) -> Self {
        Self {
            slice: Slice { from, to },
            since,
            until: now,
            now,
            part: None,
            is_first: true,
            is_last: true,
            has_more: false,
        }
    }

    /// All of it, in pieces.
    pub(crate) fn slices(&self) -> impl Iterator<Item = Slice> + use<> {
        let before = Slice {
            from: 0,
            to: self.slice.from,
        };
        let before = (self.is_first && before.to > 0).then_some(before);
        before.into_iter().chain(self.slices_from(self.slice.from))
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

    /// Its time, in pieces.
    pub(crate) fn hours(&self) -> impl Iterator<Item = (OffsetDateTime, OffsetDateTime)> + use<> {
        let before = self.is_first.then_some((OffsetDateTime::UNIX_EPOCH, self.since));
        let after = self.is_last.then_some((self.until, self.now + AHEAD));
        before.into_iter().chain(pieces(self.since, self.until)).chain(after)
    }

    /// The time since then, in pieces, up to now.
    pub(crate) fn hours_from(
        &self,
        since: OffsetDateTime,
    ) -> impl Iterator<Item = (OffsetDateTime, OffsetDateTime)> + use<> {
        pieces(since, self.now)
    }

    /// The first moment of its time, and the first behind it. Of the first part and the last, as far as there may be any.
    pub(crate) fn ends(&self) -> (OffsetDateTime, OffsetDateTime) {
        let since = if self.is_first {
            OffsetDateTime::UNIX_EPOCH
        } else {
            self.since
        };
        (since, if self.is_last { self.now + AHEAD } else { self.until })
    }
}

fn pieces(
    since: OffsetDateTime,
    until: OffsetDateTime,
) -> impl Iterator<Item = (OffsetDateTime, OffsetDateTime)> + use<> {
    let mut next = since;
    let piece = TIME.max((until - since) / PIECES);
    std::iter::from_fn(move || {
        let from = next;
        next = until.min(from + piece);
        (from < until).then_some((from, next))
    })
}

async fn proved(ledger: &Ledger) -> Result<Proved, String> {
    let proved = ledger.proof_window().await.map_err(text)?;
    let slice = proved.slice;
    if slice.to < slice.from {
        // Moved to another server, or restored: entries may bear numbers that were proved before, and would be passed over.
        return Err(format!(
            "the books are proved up to {}, and the database counts from {}: its numbers began anew",
            slice.from, slice.to
        ));
    }
    Ok(proved)
}

#[expect(clippy::needless_pass_by_value, reason = "it stands behind map_err")]
fn text(error: LedgerError) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn the_pieces_are_the_whole_and_do_not_overlap() {
        let window = Window::whole(
            7,
            120_007,
            datetime!(2026-01-01 00:00 UTC),
            datetime!(2026-01-01 02:30 UTC),
        );
        let ends: Vec<_> = window.slices().map(|slice| (slice.from, slice.to)).collect();
        assert_eq!(ends, [(0, 7), (7, 50_007), (50_007, 100_007), (100_007, 120_007)]);
        assert_eq!(window.slices_from(119_000).count(), 1);
        assert_eq!(window.slices_from(120_007).count(), 0);
        let hours: Vec<_> = window.hours().collect();
        assert_eq!(hours.len(), 5);
        assert!(hours.windows(2).all(|pair| pair[0].1 == pair[1].0));
        assert_eq!((hours[1].0, hours[3].1), (window.since, window.now));
        assert_eq!((hours[0].0, hours[4].1), window.ends());
        let years = window.hours_from(datetime!(2016-01-01 00:00 UTC));
        assert!(
            years.count() <= 31,
            "a statement for every hour of ten years would not end in a night"
        );
    }

    #[test]
    fn a_night_takes_what_it_can_and_leaves_the_rest_to_the_next_run() {
        let at = datetime!(2026-01-01 00:00 UTC);
        for (to, end, has_more) in [(7, 7, false), (500_007, 500_007, false), (500_008, 500_007, true)] {
            let window = Window::whole(7, to, at, at).within_a_run();
            assert_eq!((window.slice.to, window.has_more), (end, has_more));
            assert_eq!(window.reaches_the_end(), !has_more);
        }
    }

    #[test]
    fn the_parts_are_the_whole_and_do_not_overlap() {
        for (from, to, of) in [
            (7, 7, 1),
            (7, 8, 1),
            (0, 500_000, 1),
            (0, 500_001, 2),
            (5, 3_499_999, 7),
        ] {
            let whole = Window::whole(
                from,
                to,
                datetime!(2026-01-01 00:00:00.000001 UTC),
                datetime!(2026-03-01 07:08:09.123457 UTC),
            );
            let mut parts = vec![Part::first(&whole)];
            while let Some(next) = parts[parts.len() - 1].next() {
                parts.push(next);
            }
            assert_eq!(parts.len(), of);
            let windows: Vec<_> = parts.iter().map(|part| part.window(whole.now)).collect();
            let (first, last) = (windows[0], windows[of - 1]);
            assert_eq!((first.slice.from, last.slice.to), (from, to));
            assert_eq!((first.since, last.until), (whole.since, whole.now));
            assert_eq!((first.ends().0, last.ends().1), whole.ends());
            for (one, next) in windows.iter().zip(&windows[1..]) {
                assert_eq!((one.slice.to, one.until), (next.slice.from, next.since));
            }
            let accounts: Vec<_> = parts.iter().map(|part| part.accounts()).collect();
            assert_eq!((accounts[0].0, accounts[of - 1].1), (Uuid::nil(), Uuid::max()));
            assert!(
                accounts
                    .windows(2)
                    .all(|pair| pair[0].1 == pair[1].0 && pair[0].0 < pair[0].1)
            );
        }
    }
}
