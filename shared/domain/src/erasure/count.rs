//! Counting whom the erasure of a tenant has erased: one after the other in the order of their ids, in as many runs as it takes.

use crate::digest::hash::Hash;
use crate::ids::{CustomerId, ErasureId};

/// What is left of an erased customer: its fingerprints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    /// Who was erased.
    pub customer: CustomerId,
    /// By which erasure.
    pub erasure: ErasureId,
    /// The SHA-256 of the wrapped key.
    pub wrapped: Hash,
    /// The SHA-256 of the sealed record; `None`: there was none any more.
    pub sealed: Option<Hash>,
}

/// Those who were counted. It depends on who they are alone, and not on how they were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// The last of them; `None`: none yet.
    pub last: Option<CustomerId>,
    /// How many.
    pub customers: u64,
    /// How many of those another erasure had come to before.
    pub erased_before: u64,
    /// A chain over them: see [`Count::with`].
    pub chain: Hash,
}

impl Count {
    /// Nobody. The chain begins with the SHA-256 of nothing.
    #[must_use]
    pub fn none() -> Self {
        Self {
            last: None,
            customers: 0,
            erased_before: 0,
            chain: Hash::of(b""),
        }
    }

    /// One more, whom the erasure `by` has counted. The chain goes on with the SHA-256 of the line
    /// `<chain so far> <id> <wrapped key's SHA-256> <ciphertext's, or ->`, without an end of line.
    #[must_use]
    pub fn with(self, left: &Left, by: ErasureId) -> Self {
        let Left {
            customer,
            erasure,
            wrapped,
            sealed,
        } = left;
        let sealed = sealed.map_or_else(|| "-".to_owned(), |sealed| sealed.to_string());
        let line = format!("{} {customer} {wrapped} {sealed}", self.chain);
        Self {
            last: Some(*customer),
            customers: self.customers + 1,
            erased_before: self.erased_before + u64::from(*erasure != by),
            chain: Hash::of(line.as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn left(customer: u128, erasure: u128, sealed: Option<Hash>) -> Left {
        Left {
            customer: Uuid::from_u128(customer).into(),
            erasure: Uuid::from_u128(erasure).into(),
            wrapped: Hash::of(&customer.to_be_bytes()),
            sealed,
        }
    }

    #[test]
    fn each_is_counted_and_chained_to_those_before() {
        let by = Uuid::from_u128(9).into();
        let (first, second) = (left(1, 9, Some(Hash::of(b"sealed"))), left(2, 8, None));
        let count = Count::none().with(&first, by).with(&second, by);
        assert_eq!((count.customers, count.erased_before), (2, 1));
        assert_eq!(count.last, Some(second.customer));
        let one = format!(
            "{} {} {} {}",
            Hash::of(b""),
            first.customer,
            first.wrapped,
            Hash::of(b"sealed")
        );
        let two = format!("{} {} {} -", Hash::of(one.as_bytes()), second.customer, second.wrapped);
        assert_eq!(count.chain, Hash::of(two.as_bytes()));
    }

    #[test]
    fn anybody_who_is_missing_or_different_or_in_another_place_changes_the_chain() {
        let by = Uuid::from_u128(9).into();
        let (first, second) = (left(1, 9, None), left(2, 9, None));
        let chain = |of: &[Left]| of.iter().fold(Count::none(), |count, left| count.with(left, by)).chain;
        let whole = chain(&[first, second]);
        for other in [
            chain(&[]),
            chain(&[first]),
            chain(&[second]),
            chain(&[second, first]),
            chain(&[first, left(2, 9, Some(Hash::of(b"")))]),
            chain(&[first, left(3, 9, None)]),
        ] {
            assert_ne!(other, whole);
        }
    }
}
