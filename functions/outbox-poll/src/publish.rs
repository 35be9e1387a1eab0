//! Sending leased events to the bus, and finding out what became of each.

use std::time::{Duration, Instant};

use adapters::bus::{self, Bus};
use domain::event::Event;
use futures_util::{StreamExt, stream};

use crate::blame::{Blame, Ruling, cleared, rule};

/// How many calls are on their way at once: a full lease's.
const SIDE_BY_SIDE: usize = 50;
/// What is kept free at the end of a lease and of the run, to tell the ledger what became of the rows: a connection
/// (2 s) and a statement's answer (4.5 s).
pub const SETTLING: Duration = Duration::from_secs(7);

/// An event by its row's number.
pub type Numbered<'a> = (i64, &'a Event);

/// Sends each event once, or more often if its call must be split. Begins no call that could leave less than
/// [`SETTLING`] before `until`. Returns what became of every one of them, in no order.
pub async fn publish(bus: &Bus, events: &[Numbered<'_>], until: Instant) -> Vec<(i64, Blame)> {
    let calls = stream::iter(calls(events)).map(|call| publish_call(bus, call, until));
    calls.buffer_unordered(SIDE_BY_SIDE).collect::<Vec<_>>().await.concat()
}

/// Deals the rows out instead of cutting them into runs: what one bad row spoils is other rows every round, and never
/// again its neighbours.
fn calls<T: Copy>(rows: &[T]) -> Vec<Vec<T>> {
    let count = rows.len().div_ceil(bus::ENTRIES);
    (0..count)
        .map(|nth| rows.iter().skip(nth).step_by(count).copied().collect())
        .collect()
}

async fn publish_call(bus: &Bus, call: Vec<Numbered<'_>>, until: Instant) -> Vec<(i64, Blame)> {
    let (mut parts, mut became) = (vec![call.as_slice()], Vec::with_capacity(call.len()));
    while let Some(part) = parts.pop() {
        let ruling = if Instant::now() + bus::CALL_TIMEOUT + SETTLING <= until {
            let events: Vec<_> = part.iter().map(|(_, event)| *event).collect();
            rule(part.len(), bus.put(&events).await)
        } else {
            Ruling::Each(vec![Blame::Unsent; part.len()])
        };
        match ruling {
            Ruling::Each(blames) => became.extend(part.iter().map(|(id, _)| *id).zip(blames)),
            Ruling::Split => parts.extend(<[_; 2]>::from(part.split_at(part.len() / 2))),
        }
    }
    cleared(became)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_in_one_call_of_at_most_ten() {
        for rows in [0_usize, 1, 9, 10, 11, 15, 100, 499, 500] {
            let calls = calls(&(0..rows).collect::<Vec<_>>());
            assert_eq!(calls.len(), rows.div_ceil(10));
            assert!(calls.iter().all(|call| (1..=10).contains(&call.len())), "{rows}");
            let mut all = calls.concat();
            all.sort_unstable();
            assert_eq!(all, (0..rows).collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_oldest_rows_go_out_in_different_calls() {
        let calls = calls(&(0..100).collect::<Vec<_>>());
        assert!(calls.iter().all(|call| call[0] < 10 && call[1] >= 10));
    }
}
