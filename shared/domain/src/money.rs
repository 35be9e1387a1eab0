//! Money in minor units. Nothing here is ever a float, and nothing ever wraps.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An ISO 4217 currency that has a minor unit. What the standard lists beside currencies (metals, units of account,
/// the testing code, "no currency") cannot be paid in. Reads and writes as its three upper-case letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(inline, extend("pattern" = "^[A-Z]{3}$")))]
pub struct Currency(iso_currency::Currency);

/// The text is not the upper-case ISO 4217 code of a currency with a minor unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the upper-case ISO 4217 code of a currency with a minor unit")]
pub struct UnknownCurrency;

impl Currency {
    /// The three upper-case letters.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// How many decimals its major unit has: 2 for EUR, 0 for JPY, 3 for KWD.
    #[must_use]
    pub fn decimals(self) -> u32 {
        // `from_str` admits no currency without.
        self.0.exponent().map_or(0, u32::from)
    }
}

impl FromStr for Currency {
    type Err = UnknownCurrency;

    fn from_str(code: &str) -> Result<Self, UnknownCurrency> {
        iso_currency::Currency::from_code(code)
            .filter(|currency| !currency.is_special())
            .map(Self)
            .ok_or(UnknownCurrency)
    }
}

impl TryFrom<String> for Currency {
    type Error = UnknownCurrency;

    fn try_from(code: String) -> Result<Self, UnknownCurrency> {
        code.parse()
    }
}

impl From<Currency> for &'static str {
    fn from(currency: Currency) -> Self {
        currency.code()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// What one payment or deposit moves: 1 to 999,999,999,999 minor units.
///
/// The bound has two reasons: no amount has the 13 digits of a card number, and nine million of the largest still
/// sum within an `i64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(inline, extend("minimum" = 1, "maximum" = Self::MAX.0)))]
pub struct Amount(i64);

/// Outside 1 to 999,999,999,999 minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an amount is a whole number of minor units between 1 and {}", Amount::MAX.0)]
pub struct AmountOutOfRange;

impl Amount {
    /// The largest payable amount, in minor units.
    pub const MAX: Self = Self(999_999_999_999);

    /// `minor` in minor units.
    ///
    /// # Errors
    /// [`AmountOutOfRange`] unless 1 ≤ `minor` ≤ [`Amount::MAX`].
    pub fn new(minor: i64) -> Result<Self, AmountOutOfRange> {
        if (1..=Self::MAX.0).contains(&minor) {
            Ok(Self(minor))
        } else {
            Err(AmountOutOfRange)
        }
    }

    /// In minor units, always positive.
    #[must_use]
    pub const fn minor(self) -> i64 {
        self.0
    }

    /// The same amount, able to be added up.
    #[must_use]
    pub const fn of(self, currency: Currency) -> Money {
        Money {
            minor: self.0,
            currency,
        }
    }
}

impl TryFrom<i64> for Amount {
    type Error = AmountOutOfRange;

    fn try_from(minor: i64) -> Result<Self, AmountOutOfRange> {
        Self::new(minor)
    }
}

impl From<Amount> for i64 {
    fn from(amount: Amount) -> Self {
        amount.0
    }
}

/// A sum of money: a balance or a delta, of either sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    /// In the currency's minor unit.
    pub minor: i64,
    /// What it is a sum of.
    pub currency: Currency,
}

/// Two sums that cannot be added or subtracted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Sums of different currencies have no sum.
    #[error("{left} and {right} cannot be added up")]
    CurrencyMismatch {
        /// The currency of the first operand.
        left: Currency,
        /// The currency of the second operand.
        right: Currency,
    },
    /// The result does not fit in 64 bits of minor units.
    #[error("the result does not fit in 64 bits of minor units")]
    Overflow,
}

impl Money {
    /// # Errors
    /// [`MoneyError`] when the currencies differ or the sum overflows.
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        self.combine(other, i64::checked_add)
    }

    /// # Errors
    /// [`MoneyError`] when the currencies differ or the difference overflows.
    pub fn checked_sub(self, other: Self) -> Result<Self, MoneyError> {
        self.combine(other, i64::checked_sub)
    }

    fn combine(self, other: Self, apply: fn(i64, i64) -> Option<i64>) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::CurrencyMismatch {
                left: self.currency,
                right: other.currency,
            });
        }
        let minor = apply(self.minor, other.minor).ok_or(MoneyError::Overflow)?;
        Ok(Self { minor, ..self })
    }
}

/// As people read it: `EUR 12.50`, `JPY 1250`, `EUR -0.05`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { minor, currency } = *self;
        let sign = if minor < 0 { "-" } else { "" };
        let (decimals, magnitude) = (currency.decimals(), minor.unsigned_abs());
        let unit = 10_u64.pow(decimals);
        write!(f, "{currency} {sign}{}", magnitude / unit)?;
        match usize::try_from(decimals) {
            Ok(width @ 1..) => write!(f, ".{:0width$}", magnitude % unit),
            Ok(0) | Err(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn euros(minor: i64) -> Money {
        Money {
            minor,
            currency: "EUR".parse().unwrap(),
        }
    }

    #[test]
    fn only_upper_case_codes_with_a_minor_unit_are_currencies() {
        for code in ["EUR", "USD", "JPY", "KWD"] {
            assert_eq!(code.parse::<Currency>().unwrap().to_string(), code);
        }
        for code in [
            "eur", "Eur", "EU", "EURO", "", "XXX", "XTS", "XAU", "XDR", "XAD", "ZZZ", "978",
        ] {
            assert_eq!(code.parse::<Currency>(), Err(UnknownCurrency), "{code}");
        }
    }

    #[test]
    fn every_currency_has_a_minor_unit_and_no_unit_of_account_is_one() {
        let listed = (0..1000).filter_map(iso_currency::Currency::from_numeric);
        let (currencies, others): (Vec<_>, Vec<_>) =
            listed.partition(|listed| listed.code().parse::<Currency>().is_ok());
        assert!(currencies.iter().all(|currency| currency.exponent().is_some()));
        assert!(others.iter().all(|other| other.code().starts_with('X')));
    }

    #[test]
    fn a_currency_reads_back_what_it_writes() {
        let euro: Currency = serde_json::from_str("\"EUR\"").unwrap();
        assert_eq!(serde_json::to_string(&euro).unwrap(), "\"EUR\"");
        assert!(serde_json::from_str::<Currency>("\"eur\"").is_err());
    }

    #[test]
    fn money_is_shown_with_the_decimals_of_its_currency() {
        let shown = |minor, code: &str| {
            let currency = code.parse().unwrap();
            Money { minor, currency }.to_string()
        };
        assert_eq!(shown(1250, "EUR"), "EUR 12.50");
        assert_eq!(shown(5, "EUR"), "EUR 0.05");
        assert_eq!(shown(-5, "EUR"), "EUR -0.05");
        assert_eq!(shown(1250, "JPY"), "JPY 1250");
        assert_eq!(shown(1250, "KWD"), "KWD 1.250");
        assert_eq!(shown(i64::MIN, "USD"), "USD -92233720368547758.08");
    }

    #[test]
    fn an_amount_lies_between_one_and_twelve_nines() {
        for minor in [1, 999_999_999_999] {
            assert_eq!(Amount::new(minor).map(Amount::minor), Ok(minor));
        }
        for minor in [0, -1, 1_000_000_000_000, i64::MIN, i64::MAX] {
            assert_eq!(Amount::new(minor), Err(AmountOutOfRange), "{minor}");
        }
    }

    #[test]
    fn nine_million_of_the_largest_amounts_still_add_up() {
        assert!(Amount::MAX.minor().checked_mul(9_000_000).is_some());
    }

    #[test]
    fn currencies_never_mix() {
        let yen = Money {
            minor: 1,
            currency: "JPY".parse().unwrap(),
        };
        let mismatch = MoneyError::CurrencyMismatch {
            left: euros(1).currency,
            right: yen.currency,
        };
        assert_eq!(euros(1).checked_add(yen), Err(mismatch));
        assert_eq!(euros(1).checked_sub(yen), Err(mismatch));
    }

    proptest! {
        #[test]
        fn arithmetic_is_exact_or_refused(left: i64, right: i64) {
            let exact = |wide: i128| i64::try_from(wide).map(euros).map_err(|_| MoneyError::Overflow);
            prop_assert_eq!(euros(left).checked_add(euros(right)), exact(i128::from(left) + i128::from(right)));
            prop_assert_eq!(euros(left).checked_sub(euros(right)), exact(i128::from(left) - i128::from(right)));
        }
    }
}
