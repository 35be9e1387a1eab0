//! What the platform takes of a settlement.

use std::collections::BTreeMap;
use std::str::FromStr;

use crate::money::{Amount, Currency};

/// A share of the amount and a fixed part. The fixed part is in minor units of the currency that is settled, so a
/// schedule means something else in each: 30 is EUR 0.30 and JPY 30.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeeSchedule {
    basis_points: u16,
    fixed: i64,
}

/// A fee in minor units: from 0 to the amount it is taken of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fee(i64);

/// More than the whole amount, or less than nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a fee is 0 to 10,000 basis points and a fixed part of 0 to {} minor units", Amount::MAX.minor())]
pub struct FeeOutOfRange;

/// The schedule takes more than there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the fee is more than the amount it is taken of")]
pub struct FeeAboveAmount;

/// The schedule of each currency that settlements are made in. In text `EUR:290:30,JPY:360:0`: the currency, the basis
/// points, the fixed part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fees(BTreeMap<&'static str, FeeSchedule>);

/// The text is no list of fees.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a currency, basis points and a fixed part, such as EUR:290:30, or the currency's second")]
pub struct MalformedFees(String);

const WHOLE_BASIS_POINTS: i128 = 10_000;

impl FeeSchedule {
    /// `basis_points` in hundredths of a percent, `fixed` in minor units.
    ///
    /// # Errors
    /// [`FeeOutOfRange`] unless 0 ≤ `basis_points` ≤ 10,000 and 0 ≤ `fixed` ≤ [`Amount::MAX`].
    pub fn new(basis_points: u16, fixed: i64) -> Result<Self, FeeOutOfRange> {
        if i128::from(basis_points) <= WHOLE_BASIS_POINTS && (0..=Amount::MAX.minor()).contains(&fixed) {
            Ok(Self { basis_points, fixed })
        } else {
            Err(FeeOutOfRange)
        }
    }

    /// The share, rounded half up to the minor unit, and the fixed part.
    ///
    /// Half up, because that is how the merchant checks it with a calculator. Half to even keeps a *sum* of roundings
    /// unbiased, but nothing here adds up unrounded shares: each fee is whole when it is first known.
    ///
    /// # Errors
    /// [`FeeAboveAmount`]: a fixed part may be more than a small amount.
    pub fn fee(self, amount: Amount) -> Result<Fee, FeeAboveAmount> {
        // In 128 bits, where no product of two 64-bit factors overflows.
        let parts = i128::from(amount.minor()) * i128::from(self.basis_points);
        let share = (parts + WHOLE_BASIS_POINTS / 2) / WHOLE_BASIS_POINTS;
        let fee = i64::try_from(share + i128::from(self.fixed)).map_err(|_| FeeAboveAmount)?;
        if fee <= amount.minor() {
            Ok(Fee(fee))
        } else {
            Err(FeeAboveAmount)
        }
    }
}

impl Fees {
    /// `None`: no settlements are made in it.
    #[must_use]
    pub fn of(&self, currency: Currency) -> Option<FeeSchedule> {
        self.0.get(currency.code()).copied()
    }
}

impl FromStr for Fees {
    type Err = MalformedFees;

    fn from_str(text: &str) -> Result<Self, MalformedFees> {
        let mut fees = BTreeMap::new();
        for one in text.split(',') {
            let read = schedule(one).filter(|(currency, schedule)| fees.insert(currency.code(), *schedule).is_none());
            if read.is_none() {
                return Err(MalformedFees(one.to_owned()));
            }
        }
        Ok(Self(fees))
    }
}

fn schedule(text: &str) -> Option<(Currency, FeeSchedule)> {
    let mut parts = text.split(':');
    let (currency, basis_points, fixed) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let schedule = FeeSchedule::new(basis_points.parse().ok()?, fixed.parse().ok()?).ok()?;
    Some((currency.parse().ok()?, schedule))
}

impl Fee {
    /// In minor units, never negative.
    #[must_use]
    pub const fn minor(self) -> i64 {
        self.0
    }

    /// What is to be collected. `None` for a fee of zero: nothing moves, so there is no step and no row.
    #[must_use]
    pub fn to_collect(self) -> Option<Amount> {
        Amount::new(self.0).ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fee(basis_points: u16, fixed: i64, amount: i64) -> Result<i64, FeeAboveAmount> {
        let schedule = FeeSchedule::new(basis_points, fixed).unwrap();
        schedule.fee(Amount::new(amount).unwrap()).map(Fee::minor)
    }

    #[test]
    fn a_half_is_rounded_up_and_less_is_rounded_down() {
        for (amount, rounded) in [(49, 0), (50, 1), (51, 1), (149, 1), (150, 2), (250, 3)] {
            assert_eq!(fee(100, 0, amount), Ok(rounded), "1% of {amount}");
        }
        assert_eq!(fee(290, 30, 1999), Ok(88), "2.9% of 19.99 is 0.57971, and 0.30");
    }

    #[test]
    fn a_fee_of_zero_has_nothing_to_collect() {
        for (basis_points, amount) in [(0, 1999), (1, 4999)] {
            let schedule = FeeSchedule::new(basis_points, 0).unwrap();
            let fee = schedule.fee(Amount::new(amount).unwrap()).unwrap();
            assert_eq!((fee.minor(), fee.to_collect()), (0, None));
        }
    }

    #[test]
    fn a_fee_may_take_all_but_not_more() {
        assert_eq!(fee(0, 30, 30), Ok(30));
        assert_eq!(fee(0, 30, 29), Err(FeeAboveAmount));
        assert_eq!(fee(10_000, 0, 1999), Ok(1999));
        assert_eq!(fee(10_000, 1, 1999), Err(FeeAboveAmount));
        let largest = Amount::MAX.minor();
        assert_eq!(fee(10_000, 0, largest), Ok(largest));
        assert_eq!(fee(10_000, largest, largest), Err(FeeAboveAmount));
    }

    #[test]
    fn a_schedule_takes_neither_less_than_nothing_nor_more_than_the_whole() {
        for (basis_points, fixed) in [(10_001, 0), (0, -1), (0, Amount::MAX.minor() + 1), (u16::MAX, i64::MAX)] {
            assert_eq!(FeeSchedule::new(basis_points, fixed), Err(FeeOutOfRange));
        }
    }

    #[test]
    fn each_currency_has_a_schedule_of_its_own_or_none() {
        let fees: Fees = "EUR:290:30,JPY:360:0".parse().unwrap();
        assert_eq!(fees.of("EUR".parse().unwrap()), FeeSchedule::new(290, 30).ok());
        assert_eq!(fees.of("JPY".parse().unwrap()), FeeSchedule::new(360, 0).ok());
        assert_eq!(fees.of("USD".parse().unwrap()), None);
    }

    #[test]
    fn a_list_of_fees_that_is_wrong_anywhere_is_refused_whole() {
        for (text, wrong) in [
            ("", ""),
            ("EUR:290:30,", ""),
            ("EUR", "EUR"),
            ("EUR:290", "EUR:290"),
            ("EUR:290:30:1", "EUR:290:30:1"),
            ("eur:290:30", "eur:290:30"),
            ("EUR:2.9:30", "EUR:2.9:30"),
            ("EUR:10001:0", "EUR:10001:0"),
            ("EUR:290:-1", "EUR:290:-1"),
            ("EUR:290:30,EUR:0:0", "EUR:0:0"),
        ] {
            assert_eq!(text.parse::<Fees>(), Err(MalformedFees(wrong.to_owned())), "{text}");
        }
    }

    proptest! {
        /// The only whole number in (share - 1/2, share + 1/2], both sides times 20,000.
        #[test]
        fn the_share_is_rounded_half_up(basis_points in 0..=10_000u16, amount in 1..=Amount::MAX.minor()) {
            let rounded = fee(basis_points, 0, amount).unwrap();
            let error = 20_000 * i128::from(rounded) - 2 * i128::from(amount) * i128::from(basis_points);
            prop_assert!(-10_000 < error && error <= 10_000, "{error}");
        }

        /// What the seller owes never falls because a sale is larger; and it is never more than the sale.
        #[test]
        fn a_larger_amount_never_has_a_smaller_fee(
            basis_points in 0..=10_000u16, fixed in 0..1000i64, amount in 1..Amount::MAX.minor(),
        ) {
            match (fee(basis_points, fixed, amount), fee(basis_points, fixed, amount + 1)) {
                (Ok(fee), Ok(larger)) => prop_assert!(fee <= amount && fee <= larger && larger <= amount + 1),
                (Err(FeeAboveAmount), _) => {}
                (Ok(_), Err(FeeAboveAmount)) => prop_assert!(false, "only the larger amount is too small for its fee"),
            }
        }

        #[test]
        fn the_fixed_part_is_added_whole(
            basis_points in 0..=10_000u16, fixed in 0..=Amount::MAX.minor(), amount in 1..=Amount::MAX.minor(),
        ) {
            let expected = fee(basis_points, 0, amount).unwrap() + fixed;
            let allowed = (expected <= amount).then_some(expected).ok_or(FeeAboveAmount);
            prop_assert_eq!(fee(basis_points, fixed, amount), allowed);
        }
    }
}
