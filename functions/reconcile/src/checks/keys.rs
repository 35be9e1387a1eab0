//! Which keys were seen, in as little memory as tells them apart.

use domain::ids::LedgerKey;

use super::CheckError;

/// How many keys are remembered: 80 MB of them, and two days of 58 requests a second.
const MOST: usize = 10_000_000;

/// The last 64 bits of ledger keys, of which 62 are hash: among ten million, one that is missing is taken for one that is
/// there once in many thousand years of nights.
#[derive(Debug, Default)]
pub(crate) struct Keys(Vec<u64>);

impl Keys {
    /// # Errors
    /// [`CheckError::TooMany`]
    pub(crate) fn add(&mut self, key: LedgerKey) -> Result<(), CheckError> {
        if self.0.len() == MOST {
            return Err(CheckError::TooMany {
                what: "keys to remember",
                limit: MOST,
            });
        }
        self.0.push(last_half(key));
        Ok(())
    }

    /// No more are added, and each can be found.
    pub(crate) fn close(mut self) -> Closed {
        self.0.sort_unstable();
        Closed(self.0)
    }
}

/// All of them.
#[derive(Debug)]
pub(crate) struct Closed(Vec<u64>);

impl Closed {
    pub(crate) fn contains(&self, key: LedgerKey) -> bool {
        self.0.binary_search(&last_half(key)).is_ok()
    }
}

fn last_half(key: LedgerKey) -> u64 {
    let (_, half) = key.uuid().as_u64_pair();
    half
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn what_was_added_is_found_and_nothing_else() {
        let key = |number: u128| LedgerKey::from(Uuid::from_u128((number << 80) | (number * 7919)));
        let mut keys = Keys::default();
        for number in (0..1000).rev().step_by(2) {
            keys.add(key(number)).unwrap();
        }
        let keys = keys.close();
        for number in 0..1000 {
            assert_eq!(keys.contains(key(number)), number % 2 == 1, "{number}");
        }
    }

    #[test]
    fn more_than_can_be_remembered_is_an_error_and_not_a_guess() {
        let mut keys = Keys(vec![0; MOST]);
        let error = keys.add(LedgerKey::from(Uuid::nil())).unwrap_err();
        assert_eq!(error.to_string(), "there are more than 10000000 keys to remember");
    }
}
