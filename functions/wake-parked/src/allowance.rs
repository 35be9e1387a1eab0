//! How many of the parked may be woken now.

use std::num::NonZeroU16;
use std::time::{Duration, Instant};

use domain::breaker::{Outlook, Refused};

/// How long after it was woken a probe is expected to have entered the breaker: it looks at its settlement first, and
/// both functions may have to start. If nobody has entered by then, another is woken.
const ON_ITS_WAY: Duration = Duration::from_secs(10);

/// What the breaker has shown so far.
#[derive(Debug)]
pub struct Allowance {
    per_second: usize,
    /// When the probe was woken whose outcome is still to come.
    probe: Option<Instant>,
}

impl Allowance {
    /// Nobody was woken yet.
    #[must_use]
    pub fn new(per_second: NonZeroU16) -> Self {
        Self {
            per_second: usize::from(per_second.get()),
            probe: None,
        }
    }

    /// How many may be woken at `now`, when the breaker shows this: no more than there is room for, and one second's
    /// share.
    pub fn of(&mut self, outlook: Outlook, now: Instant) -> usize {
        match outlook {
            Outlook::Calls(room) => {
                self.probe = None;
                room.min(self.per_second)
            }
            Outlook::Probe => usize::from(self.probe.is_none_or(|woken| now >= woken + ON_ITS_WAY)),
            Outlook::Refused(Refused::Probed) => 0,
            Outlook::Refused(Refused::Open { .. } | Refused::Busy) => {
                self.probe = None;
                0
            }
        }
    }

    /// Some were woken at `now`, on this outlook.
    pub fn woken(&mut self, outlook: Outlook, now: Instant) {
        match outlook {
            Outlook::Probe => self.probe = Some(now),
            Outlook::Calls(_) | Outlook::Refused(_) => (),
        }
    }

    /// How long `count` of them are one's share of, at this rate.
    #[must_use]
    pub fn time_of(&self, count: usize) -> Duration {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        let per_second = u32::try_from(self.per_second).unwrap_or(u32::MAX);
        Duration::from_secs(1) * count / per_second
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: Outlook = Outlook::Refused(Refused::Open { until_ms: 7 });
    const PROBED: Outlook = Outlook::Refused(Refused::Probed);

    fn of_five() -> (Allowance, Instant) {
        (Allowance::new(NonZeroU16::new(5).unwrap()), Instant::now())
    }

    #[test]
    fn while_the_breaker_is_closed_as_many_are_woken_as_there_is_room_for_and_the_rate_allows() {
        let (mut allowance, now) = of_five();
        for (outlook, most) in [
            (Outlook::Calls(32), 5),
            (Outlook::Calls(5), 5),
            (Outlook::Calls(2), 2),
            (Outlook::Refused(Refused::Busy), 0),
            (OPEN, 0),
            (PROBED, 0),
        ] {
            assert_eq!(allowance.of(outlook, now), most, "{outlook:?}");
            allowance.woken(outlook, now);
        }
    }

    #[test]
    fn of_a_half_open_breaker_s_one_is_woken_until_it_shows_what_came_of_it() {
        for (shown, most) in [(Outlook::Calls(32), 5), (OPEN, 0)] {
            let (mut allowance, now) = of_five();
            assert_eq!(allowance.of(Outlook::Probe, now), 1);
            allowance.woken(Outlook::Probe, now);
            assert_eq!(allowance.of(Outlook::Probe, now), 0, "it has not got there yet");
            assert_eq!(allowance.of(PROBED, now), 0, "it is there");
            assert_eq!(allowance.of(shown, now), most);
            assert_eq!(allowance.of(Outlook::Probe, now), 1, "half-open anew");
        }
    }

    #[test]
    fn another_is_woken_when_the_first_waited_no_longer_or_never_got_there() {
        let (mut allowance, now) = of_five();
        assert_eq!(allowance.of(Outlook::Probe, now), 1);
        assert_eq!(allowance.of(Outlook::Probe, now), 1, "nobody was woken");
        allowance.woken(Outlook::Probe, now);
        assert_eq!(allowance.of(Outlook::Probe, now + ON_ITS_WAY / 2), 0);
        assert_eq!(allowance.of(Outlook::Probe, now + ON_ITS_WAY), 1);
    }

    #[test]
    fn a_share_of_the_rate_takes_its_share_of_a_second() {
        let (allowance, _) = of_five();
        let times = [0, 1, 5, 10].map(|count| allowance.time_of(count).as_millis());
        assert_eq!(times, [0, 200, 1000, 2000]);
    }
}
