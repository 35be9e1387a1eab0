//! What can be seen of a breaker by whoever sends callers its way and does not call.

use super::{Breaker, Refused, Settings};

/// How many calls would be let in now, if they came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outlook {
    /// So many, and that is not none.
    Calls(usize),
    /// One, to see.
    Probe,
    /// None.
    Refused(Refused),
}

impl Breaker {
    /// The outlook now. Nothing is kept for whoever goes by it: callers may come from elsewhere.
    #[must_use]
    pub fn outlook(&self, settings: &Settings, now_ms: i64) -> Outlook {
        if self.due(settings, now_ms).is_some() {
            // Whoever calls next opens it.
            let until_ms = now_ms.saturating_add(settings.open_ms);
            return Outlook::Refused(Refused::Open { until_ms });
        }
        let on_their_way = self.calls.values().filter(|end_ms| **end_ms > now_ms).count();
        match self.open_until_ms {
            Some(until_ms) if now_ms < until_ms => Outlook::Refused(Refused::Open { until_ms }),
            Some(_) if on_their_way == 0 => Outlook::Probe,
            Some(_) => Outlook::Refused(Refused::Probed),
            None => match settings.in_flight.saturating_sub(on_their_way) {
                0 => Outlook::Refused(Refused::Busy),
                room => Outlook::Calls(room),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use uuid::Uuid;

    use super::super::{Ask, Counts, Window};
    use super::*;
    use crate::ids::Owner;

    const SETTINGS: Settings = Settings {
        in_flight: 3,
        minimum: 2,
        failure_percent: 50,
        bucket_ms: 10,
        buckets: 3,
        open_ms: 40,
        lease_ms: 20,
    };
    const NOW: i64 = 100;

    fn owner(id: u128) -> Owner {
        Owner::from(Uuid::from_u128(id))
    }

    /// Makes what has to be made first, as a caller does. Returns the record after it entered, and whether it probes.
    fn asked(mut record: Breaker, by: Owner) -> Result<(Breaker, bool), Refused> {
        loop {
            match record.ask(&SETTINGS, by, NOW) {
                Ask::Enter(permit, admit) => return Ok((admit.applied_to(&record).unwrap(), permit.is_probe)),
                Ask::First(change) => record = change.applied_to(&record).unwrap(),
                Ask::Refused(refused) => return Err(refused),
            }
        }
    }

    fn records() -> impl Strategy<Value = Breaker> {
        let calls = prop::collection::vec(NOW - 5..NOW + 5, 0..5);
        let counts = (0..3_i64, 0..3_i64).prop_map(|(served, failed)| Counts { served, failed });
        let open_until_ms = prop::option::of(NOW - 5..NOW + 5);
        (calls, counts, open_until_ms).prop_map(|(calls, counts, open_until_ms)| Breaker {
            epoch: 7,
            open_until_ms,
            calls: (0..).map(owner).zip(calls).collect(),
            window: Window {
                buckets: BTreeMap::from([(SETTINGS.bucket(NOW), counts)]),
            },
        })
    }

    proptest! {
        #[test]
        fn as_many_as_it_says_are_let_in_and_the_next_is_refused(record in records()) {
            let outlook = record.outlook(&SETTINGS, NOW);
            let (mut record, mut let_in, mut probes) = (record, 0, 0);
            let mut callers = (1000..).map(owner);
            let refused = loop {
                match asked(record, callers.next().unwrap()) {
                    Ok((after, is_probe)) => {
                        record = after;
                        let_in += 1;
                        probes += usize::from(is_probe);
                    }
                    Err(refused) => break refused,
                }
            };
            match outlook {
                Outlook::Calls(room) => prop_assert_eq!((let_in, probes, refused), (room, 0, Refused::Busy)),
                Outlook::Probe => prop_assert_eq!((let_in, probes, refused), (1, 1, Refused::Probed)),
                Outlook::Refused(why) => prop_assert_eq!((let_in, refused), (0, why)),
            }
        }
    }
}
