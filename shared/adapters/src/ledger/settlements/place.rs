//! A settlement's place in a list: where one page ends, and the next begins.

use std::fmt;
use std::str::FromStr;

use domain::ids::LedgerKey;
use time::OffsetDateTime;

const NANOS_PER_MICRO: i128 = 1000;

/// When a settlement was accepted, and its id. In text `1763879147123456.0192f0c1-…`: microseconds since 1970, as the ledger
/// counts, and the id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// To the microsecond.
    pub created_at: OffsetDateTime,
    /// Its public id.
    pub id: LedgerKey,
}

/// The text is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a settlement's place in a list")]
pub struct NotAPlace;

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.created_at.unix_timestamp_nanos() / NANOS_PER_MICRO;
        write!(f, "{micros}.{}", self.id)
    }
}

impl FromStr for Place {
    type Err = NotAPlace;

    fn from_str(text: &str) -> Result<Self, NotAPlace> {
        let (micros, id) = text.split_once('.').ok_or(NotAPlace)?;
        let micros: i64 = micros.parse().map_err(|_| NotAPlace)?;
        let created_at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * NANOS_PER_MICRO);
        Ok(Self {
            created_at: created_at.map_err(|_| NotAPlace)?,
            id: id.parse().map_err(|_| NotAPlace)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_place_reads_back_what_it_writes_and_nothing_else() {
        let id: LedgerKey = "0192f0c1-2b3a-8c4d-8e5f-60718293a4b5".parse().unwrap();
        for created_at in [
            datetime!(2026-11-23 06:25:47.123456 UTC),
            datetime!(2026-11-23 0:00 UTC),
        ] {
            let place = Place { created_at, id };
            assert_eq!(place.to_string().parse(), Ok(place));
        }
        let beyond_time = format!("{}.{id}", i64::MAX);
        for text in ["", "1", ".", "1.", &format!(".{id}"), "1.5.6", &beyond_time] {
            assert_eq!(text.parse::<Place>(), Err(NotAPlace), "{text}");
        }
    }
}
