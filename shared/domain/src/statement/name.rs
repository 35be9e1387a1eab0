//! Whose file it is and which days it is about, as its name says: `acme/2026-05-22.csv`.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use time::{Date, OffsetDateTime, Time, UtcOffset};

use super::date::DateForm;

/// A payment provider or a bank: 1 to 40 small letters, digits and dashes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Provider(String);

/// The days that a file is about, the first and the last of them included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    first: Date,
    last: Date,
}

/// What the name of a file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementName {
    /// Whose it is.
    pub provider: Provider,
    /// What it is about.
    pub period: Period,
}

/// The text is no provider's name, or not the name of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misnamed {
    /// See [`Provider`].
    #[error("a provider is 1 to 40 small letters, digits and dashes")]
    Provider,
    /// See [`StatementName::from_str`].
    #[error("a statement is called <provider>/<day>.csv or <provider>/<day>_<day>.csv, with days such as 2026-05-22")]
    Name,
    /// Its last day lies before its first, or more than a year after it.
    #[error("a statement is about a day, or some days in a row, 366 at most")]
    Period,
}

impl Provider {
    const LONGEST: usize = 40;

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Where its mapping is: `mappings/<provider>.json`.
    #[must_use]
    pub fn mapping_key(&self) -> String {
        format!("mappings/{self}.json")
    }
}

impl FromStr for Provider {
    type Err = Misnamed;

    fn from_str(name: &str) -> Result<Self, Misnamed> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if (1..=Self::LONGEST).contains(&name.len()) && name.bytes().all(allowed) {
            Ok(Self(name.to_owned()))
        } else {
            Err(Misnamed::Provider)
        }
    }
}

impl TryFrom<String> for Provider {
    type Error = Misnamed;

    fn try_from(name: String) -> Result<Self, Misnamed> {
        name.parse()
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Period {
    const LONGEST_DAYS: i64 = 366;

    /// From the first day to the last one.
    ///
    /// # Errors
    /// [`Misnamed::Period`]
    pub fn new(first: Date, last: Date) -> Result<Self, Misnamed> {
        let days = (last - first).whole_days() + 1;
        // The day after the last one is where it ends, and there must be one.
        if (1..=Self::LONGEST_DAYS).contains(&days) && last.next_day().is_some() {
            Ok(Self { first, last })
        } else {
            Err(Misnamed::Period)
        }
    }

    /// Whether this day is one of them.
    #[must_use]
    pub fn holds(self, day: Date) -> bool {
        (self.first..=self.last).contains(&day)
    }

    /// When it begins where days begin by this offset.
    #[must_use]
    pub const fn from(self, offset: UtcOffset) -> OffsetDateTime {
        midnight(self.first, offset)
    }

    /// When it is over: the first moment that is not in it any more.
    #[must_use]
    pub fn to(self, offset: UtcOffset) -> OffsetDateTime {
        midnight(self.last.next_day().unwrap_or(Date::MAX), offset)
    }
}

const fn midnight(day: Date, offset: UtcOffset) -> OffsetDateTime {
    OffsetDateTime::new_in_offset(day, Time::MIDNIGHT, offset)
}

/// Reads `<provider>/<day>.csv` or `<provider>/<first>_<last>.csv`. What follows the days after a dot, as in
/// `2026-05-22.again.csv`, is for the sender.
impl FromStr for StatementName {
    type Err = Misnamed;

    fn from_str(key: &str) -> Result<Self, Misnamed> {
        let (provider, name) = key.split_once('/').ok_or(Misnamed::Name)?;
        let name = name.strip_suffix(".csv").ok_or(Misnamed::Name)?;
        let days = name.split_once('.').map_or(name, |(days, _)| days);
        let (first, last) = days.split_once('_').unwrap_or((days, days));
        let day = |text: &str| DateForm::Iso.exactly(text).ok_or(Misnamed::Name);
        Ok(Self {
            provider: provider.parse()?,
            period: Period::new(day(first)?, day(last)?)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use time::macros::{date, datetime, offset};

    use super::*;

    #[test]
    fn a_name_says_whose_it_is_and_which_days_it_is_about() {
        let may = |first, last| Period::new(first, last).unwrap();
        for (key, period) in [
            ("acme/2026-05-22.csv", may(date!(2026 - 05 - 22), date!(2026 - 05 - 22))),
            (
                "acme/2026-05-22.again.csv",
                may(date!(2026 - 05 - 22), date!(2026 - 05 - 22)),
            ),
            (
                "acme/2026-05-01_2026-05-31.csv",
                may(date!(2026 - 05 - 01), date!(2026 - 05 - 31)),
            ),
        ] {
            let name: StatementName = key.parse().unwrap();
            assert_eq!((name.provider.as_str(), name.period), ("acme", period), "{key}");
        }
    }

    #[test]
    fn any_other_name_is_refused() {
        for (key, why) in [
            ("2026-05-22.csv", Misnamed::Name),
            ("acme/2026-05-22.CSV", Misnamed::Name),
            ("acme/2026-05-22.json", Misnamed::Name),
            ("acme/may.csv", Misnamed::Name),
            ("acme/2026-5-22.csv", Misnamed::Name),
            ("acme/2026-02-30.csv", Misnamed::Name),
            ("acme/2026-05-22T00:00.csv", Misnamed::Name),
            ("acme/deeper/2026-05-22.csv", Misnamed::Name),
            ("Acme/2026-05-22.csv", Misnamed::Provider),
            ("/2026-05-22.csv", Misnamed::Provider),
            ("../2026-05-22.csv", Misnamed::Provider),
            ("acme/2026-05-22_2026-05-21.csv", Misnamed::Period),
            ("acme/2026-01-01_2027-01-02.csv", Misnamed::Period),
            ("acme/9999-12-31.csv", Misnamed::Period),
        ] {
            assert_eq!(key.parse::<StatementName>(), Err(why), "{key}");
        }
    }

    #[test]
    fn a_period_ends_where_the_next_day_begins_by_the_provider_s_clock() {
        let period = Period::new(date!(2026 - 05 - 22), date!(2026 - 05 - 23)).unwrap();
        assert_eq!(period.from(offset!(+02:00)), datetime!(2026-05-21 22:00 UTC));
        assert_eq!(period.to(offset!(+02:00)), datetime!(2026-05-23 22:00 UTC));
        let holds = [21, 22, 23, 24].map(|day| period.holds(date!(2026 - 05 - 01).replace_day(day).unwrap()));
        assert_eq!(holds, [false, true, true, false]);
    }
}
