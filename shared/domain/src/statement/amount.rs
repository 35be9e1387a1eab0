//! Amounts as providers write them.

use serde::Deserialize;

use crate::money::{Amount, Currency};

/// How the amount of a line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum AmountForm {
    /// In minor units: `1250` is EUR 12.50 and JPY 1250.
    Minor,
    /// In major units: `12.50`, `1,250.00`.
    Decimal {
        /// What stands in front of the decimals: `.` or `,`.
        point: char,
        /// What may stand between thousands. `None`: nothing may.
        groups: Option<char>,
    },
}

impl AmountForm {
    /// Whether its signs can be told from each other and from digits.
    pub(super) fn is_readable(self) -> bool {
        match self {
            Self::Minor => true,
            Self::Decimal { point, groups } => {
                matches!(point, '.' | ',')
                    && groups != Some(point)
                    && matches!(groups, None | Some('.' | ',' | '\'' | ' '))
            }
        }
    }

    /// In minor units of this currency, of either sign and as large as an [`Amount`] at most. `None` for what is written in
    /// any other way, or names a part of a minor unit: nothing is ever rounded.
    #[must_use]
    pub fn read(self, text: &str, currency: Currency) -> Option<i64> {
        let (sign, magnitude) = match text.as_bytes().first()? {
            b'-' => (-1, &text[1..]),
            b'+' => (1, &text[1..]),
            _ => (1, text),
        };
        let minor = match self {
            Self::Minor => digits(magnitude)?,
            Self::Decimal { point, groups } => {
                let (whole, decimals) = magnitude
                    .split_once(point)
                    .map_or((magnitude, None), |(w, d)| (w, Some(d)));
                let unit = 10_i64.checked_pow(currency.decimals())?;
                let parts = decimals.map_or(Some(0), |decimals| parts(decimals, currency))?;
                thousands(whole, groups)?.checked_mul(unit)?.checked_add(parts)?
            }
        };
        (minor <= Amount::MAX.minor()).then_some(sign * minor)
    }
}

/// A whole number in front of the point.
fn thousands(whole: &str, groups: Option<char>) -> Option<i64> {
    let Some(groups) = groups.filter(|groups| whole.contains(*groups)) else {
        return digits(whole);
    };
    let mut each = whole.split(groups);
    let is_first = each.next().is_some_and(|first| (1..=3).contains(&first.len()));
    let is_grouped = is_first && each.all(|group| group.len() == 3);
    is_grouped.then(|| digits(&whole.replace(groups, "")))?
}

/// Minor units behind the point. More decimals than the currency has must be zeros.
fn parts(decimals: &str, currency: Currency) -> Option<i64> {
    let known = usize::try_from(currency.decimals()).ok()?;
    let (counted, beyond) = decimals.split_at_checked(known.min(decimals.len()))?;
    if decimals.is_empty() || beyond.bytes().any(|byte| byte != b'0') {
        return None;
    }
    digits(&format!("{counted:0<known$}0"))?.checked_div(10)
}

/// ASCII digits alone, at least one: a library's own parser takes signs too.
fn digits(text: &str) -> Option<i64> {
    let is_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_digits.then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::money::Money;

    const PLAIN: AmountForm = AmountForm::Decimal {
        point: '.',
        groups: None,
    };
    const GERMAN: AmountForm = AmountForm::Decimal {
        point: ',',
        groups: Some('.'),
    };

    fn read(form: AmountForm, text: &str, code: &str) -> Option<i64> {
        form.read(text, code.parse().unwrap())
    }

    #[test]
    fn an_amount_has_the_decimals_of_its_currency() {
        for (text, code, minor) in [
            ("12.50", "EUR", 1250),
            ("12.5", "EUR", 1250),
            ("12", "EUR", 1200),
            ("0.05", "EUR", 5),
            ("-12.50", "EUR", -1250),
            ("+12.50", "EUR", 1250),
            ("12.500", "EUR", 1250),
            ("1250", "JPY", 1250),
            ("1250.00", "JPY", 1250),
            ("1.250", "KWD", 1250),
            ("0", "EUR", 0),
            ("9999999999.99", "EUR", 999_999_999_999),
        ] {
            assert_eq!(read(PLAIN, text, code), Some(minor), "{text} {code}");
        }
    }

    #[test]
    fn thousands_stand_in_threes() {
        assert_eq!(read(GERMAN, "1.234.567,89", "EUR"), Some(123_456_789));
        assert_eq!(read(GERMAN, "1234567,89", "EUR"), Some(123_456_789));
        for text in ["1.23,45", "12.34", "1234.567", ".123", "1..234", "1.234.", "1,234,56"] {
            assert_eq!(read(GERMAN, text, "EUR"), None, "{text}");
        }
    }

    #[test]
    fn nothing_is_rounded_guessed_or_wrapped() {
        for text in [
            "",
            "-",
            "+",
            ".",
            "1.",
            ".5",
            "1.005",
            "--1",
            "1-",
            "(1.00)",
            "1 000",
            "1,000.00",
            "1e3",
            "0x10",
            "NaN",
            "=1+1",
            "١٢",
            "10000000000.00",
            "9223372036854775808",
            "99999999999999999999999999999999",
        ] {
            assert_eq!(read(PLAIN, text, "EUR"), None, "{text}");
        }
        assert_eq!(read(PLAIN, "1250.50", "JPY"), None);
        for text in ["12.50", "1,250", "1000000000000", ""] {
            assert_eq!(read(AmountForm::Minor, text, "EUR"), None, "{text}");
        }
        assert_eq!(read(AmountForm::Minor, "1250", "EUR"), Some(1250));
    }

    #[test]
    fn a_form_tells_its_signs_apart() {
        let form = |point, groups| AmountForm::Decimal { point, groups }.is_readable();
        assert!(
            form('.', Some(','))
                && form(',', Some('.'))
                && form('.', Some('\''))
                && form(',', Some(' '))
                && form('.', None)
        );
        assert!(
            !form('.', Some('.'))
                && !form('5', None)
                && !form('.', Some('0'))
                && !form('-', None)
                && !form('.', Some('-'))
        );
    }

    proptest! {
        #[test]
        fn what_money_is_shown_as_is_read_back(minor in -999_999_999_999..=999_999_999_999_i64, code in "EUR|JPY|KWD") {
            let currency: Currency = code.parse().unwrap();
            let shown = Money { minor, currency }.to_string();
            prop_assert_eq!(PLAIN.read(&shown[4..], currency), Some(minor));
        }

        #[test]
        fn any_text_is_an_amount_or_none(text: String) {
            let euro: Currency = "EUR".parse().unwrap();
            for form in [AmountForm::Minor, PLAIN, GERMAN] {
                if let Some(minor) = form.read(&text, euro) {
                    prop_assert!(minor.abs() <= Amount::MAX.minor());
                }
            }
        }
    }
}
