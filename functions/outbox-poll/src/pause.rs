//! How long to wait before the next round.

use std::time::Duration;

/// Between rounds while there is nothing to do: 20 ms, doubling to 500 ms.
const IDLE: Doubling = Doubling::between(Duration::from_millis(20), Duration::from_millis(500));
/// After a failure of the bus or of the ledger: 200 ms, doubling to 10 s.
const TROUBLE: Doubling = Doubling::between(Duration::from_millis(200), Duration::from_secs(10));

/// A time that doubles whenever it is taken.
#[derive(Clone, Copy, Debug)]
struct Doubling {
    next: Duration,
    most: Duration,
}

impl Doubling {
    const fn between(least: Duration, most: Duration) -> Self {
        Self { next: least, most }
    }

    fn take(&mut self) -> Duration {
        let taken = self.next;
        self.next = (2 * taken).min(self.most);
        taken
    }
}

/// The pause of a poller that finds nothing: short at first, so that what comes after a lull is not late.
#[derive(Debug)]
pub struct Idle(Doubling);

impl Default for Idle {
    fn default() -> Self {
        Self(IDLE)
    }
}

impl Idle {
    /// Nothing was announced once more.
    pub fn pause(&mut self) -> Duration {
        self.0.take()
    }
}

/// The pause of a poller in trouble. With full jitter, so that several do not come back together.
#[derive(Debug)]
pub struct BackOff(Doubling);

impl Default for BackOff {
    fn default() -> Self {
        Self(TROUBLE)
    }
}

impl BackOff {
    /// It failed once more. `random` is drawn from the numbers below its argument, evenly.
    pub fn pause(&mut self, random: impl FnOnce(u64) -> u64) -> Duration {
        let whole = self.0.take();
        let millis = u64::try_from(whole.as_millis()).unwrap_or(u64::MAX - 1);
        Duration::from_millis(random(millis + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_pauses_double_from_20_ms_to_500() {
        let mut idle = Idle::default();
        let pauses: Vec<_> = (0..7).map(|_| idle.pause().as_millis()).collect();
        assert_eq!(pauses, [20, 40, 80, 160, 320, 500, 500]);
    }

    #[test]
    fn a_back_off_is_anything_up_to_a_bound_that_doubles_from_200_ms_to_10_s() {
        let mut back_off = BackOff::default();
        let longest: Vec<_> = (0..8).map(|_| back_off.pause(|below| below - 1).as_millis()).collect();
        assert_eq!(longest, [200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
        assert_eq!(back_off.pause(|_| 0), Duration::ZERO);
    }
}
