//! How much is too much, and for how long.

use super::window::Counts;

/// What a breaker goes by. All environments that share one have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How many calls may be on their way at a time while it is closed.
    pub in_flight: usize,
    /// It does not open for fewer failures than this in the window.
    pub minimum: u32,
    /// Nor before this many of a hundred calls in the window have failed.
    pub failure_percent: u32,
    /// How long a bucket of the window counts, in milliseconds.
    pub bucket_ms: i64,
    /// How many buckets the window has.
    pub buckets: i64,
    /// How long it stays open before the next probe, in milliseconds.
    pub open_ms: i64,
    /// How long a permit lasts, in milliseconds: longer than a call can take, with all that goes before it.
    pub lease_ms: i64,
}

/// Such a breaker would never call, never open, or open at nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a breaker's counts and times are positive, and its percentage is 1 to 100")]
pub struct Unsound;

impl Settings {
    /// The settings themselves.
    ///
    /// # Errors
    /// [`Unsound`]
    pub fn checked(self) -> Result<Self, Unsound> {
        let times = [self.bucket_ms, self.buckets, self.open_ms, self.lease_ms];
        let positive = self.in_flight > 0 && self.minimum > 0 && times.into_iter().all(|time| time > 0);
        if positive && (1..=100).contains(&self.failure_percent) {
            Ok(self)
        } else {
            Err(Unsound)
        }
    }

    /// The number of the bucket that a moment is in.
    #[must_use]
    pub const fn bucket(&self, now_ms: i64) -> i64 {
        now_ms.div_euclid(self.bucket_ms)
    }

    pub(super) fn is_too_much(&self, counts: Counts) -> bool {
        let (failed, all) = (counts.failed, counts.failed + counts.served);
        // Of failures, so that no success ever opens it.
        failed >= i64::from(self.minimum) && failed * 100 >= i64::from(self.failure_percent) * all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOUND: Settings = Settings {
        in_flight: 32,
        minimum: 10,
        failure_percent: 50,
        bucket_ms: 2000,
        buckets: 5,
        open_ms: 8000,
        lease_ms: 8000,
    };

    #[test]
    fn a_rate_is_too_much_from_the_minimum_on() {
        for (served, failed, too_much) in [
            (0, 9, false),
            (0, 10, true),
            (9, 9, false),
            (10, 10, true),
            (11, 10, false),
            (90, 90, true),
        ] {
            assert_eq!(
                SOUND.is_too_much(Counts { served, failed }),
                too_much,
                "{served} and {failed}"
            );
        }
    }

    #[test]
    fn settings_that_would_not_protect_are_refused() {
        assert_eq!(SOUND.checked(), Ok(SOUND));
        let unsound = [
            Settings { open_ms: 0, ..SOUND },
            Settings { in_flight: 0, ..SOUND },
            Settings { minimum: 0, ..SOUND },
            Settings {
                failure_percent: 0,
                ..SOUND
            },
            Settings {
                failure_percent: 101,
                ..SOUND
            },
            Settings { bucket_ms: 0, ..SOUND },
            Settings { buckets: 0, ..SOUND },
            Settings { lease_ms: 0, ..SOUND },
        ];
        for settings in unsound {
            assert_eq!(settings.checked(), Err(Unsound), "{settings:?}");
        }
    }
}
