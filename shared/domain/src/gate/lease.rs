//! How long a claim holds without its owner finishing.

/// The longest a statement of ours may run on the database, in seconds. Set there as `statement_timeout`.
pub const STATEMENT_TIMEOUT_SECONDS: u64 = 4;

/// The length of a claim. Outlasts what its owner does in all but the strangest of its deaths, so that a takeover rarely
/// meets a live owner (the ledger decides between them when it does);
/// published, because it is how long a retry may be told to wait after a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    seconds: u32,
}

/// A lease that could end while its owner is still at work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a lease of {seconds} s does not outlast a function timeout of {function_timeout_seconds} s \
     and a statement timeout of {STATEMENT_TIMEOUT_SECONDS} s"
)]
pub struct LeaseTooShort {
    seconds: u32,
    function_timeout_seconds: u32,
}

impl Lease {
    /// # Errors
    /// [`LeaseTooShort`] unless `seconds` is more than the function's timeout and [`STATEMENT_TIMEOUT_SECONDS`] together.
    pub fn new(seconds: u32, function_timeout_seconds: u32) -> Result<Self, LeaseTooShort> {
        if u64::from(seconds) > u64::from(function_timeout_seconds) + STATEMENT_TIMEOUT_SECONDS {
            Ok(Self { seconds })
        } else {
            Err(LeaseTooShort {
                seconds,
                function_timeout_seconds,
            })
        }
    }

    /// The length in seconds.
    #[must_use]
    pub const fn seconds(self) -> u32 {
        self.seconds
    }

    /// When a claim made at `now_ms` ends; both in Unix milliseconds.
    #[must_use]
    pub fn until_ms(self, now_ms: i64) -> i64 {
        now_ms.saturating_add(i64::from(self.seconds) * 1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_outlasts_function_and_statement() {
        assert_eq!(Lease::new(15, 10).unwrap().until_ms(1_000), 16_000);
        for seconds in [0, 10, 14] {
            assert!(Lease::new(seconds, 10).is_err(), "{seconds}");
        }
        assert!(Lease::new(u32::MAX, u32::MAX).is_err());
    }

    #[test]
    fn the_error_says_what_is_too_short() {
        let message = Lease::new(14, 10).unwrap_err().to_string();
        assert_eq!(
            message,
            "a lease of 14 s does not outlast a function timeout of 10 s and a statement timeout of 4 s"
        );
    }
}
