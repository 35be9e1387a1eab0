//! Days as providers write them.

use serde::Deserialize;
use time::Date;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

/// How the day of a line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
pub enum DateForm {
    /// `2026-05-22`
    #[serde(rename = "YYYY-MM-DD")]
    Iso,
    /// `20260522`
    #[serde(rename = "YYYYMMDD")]
    Compact,
    /// `22.05.2026`
    #[serde(rename = "DD.MM.YYYY")]
    Dotted,
    /// `22/05/2026`
    #[serde(rename = "DD/MM/YYYY")]
    Slashed,
    /// `05/22/2026`
    #[serde(rename = "MM/DD/YYYY")]
    MonthFirst,
}

impl DateForm {
    const fn items(self) -> &'static [BorrowedFormatItem<'static>] {
        match self {
            Self::Iso => format_description!("[year]-[month]-[day]"),
            Self::Compact => format_description!("[year][month][day]"),
            Self::Dotted => format_description!("[day].[month].[year]"),
            Self::Slashed => format_description!("[day]/[month]/[year]"),
            Self::MonthFirst => format_description!("[month]/[day]/[year]"),
        }
    }

    /// How many characters it has.
    const fn length(self) -> usize {
        match self {
            Self::Compact => 8,
            Self::Iso | Self::Dotted | Self::Slashed | Self::MonthFirst => 10,
        }
    }

    /// A day and nothing else.
    #[must_use]
    pub fn exactly(self, text: &str) -> Option<Date> {
        // A sign in front of the year would be read too.
        (text.len() == self.length()).then(|| Date::parse(text, self.items()).ok())?
    }

    /// A day, perhaps with a time of that day behind it, after a blank or a `T`. The time is not looked at: which day it
    /// is has been said.
    #[must_use]
    pub fn read(self, text: &str) -> Option<Date> {
        match text.split_once(['T', ' ']) {
            Some((day, time)) if time.starts_with(|char: char| char.is_ascii_digit()) => self.exactly(day),
            Some(_) => None,
            None => self.exactly(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    #[test]
    fn a_day_is_read_in_its_own_form_and_in_no_other() {
        let forms = [
            (DateForm::Iso, "2026-05-22"),
            (DateForm::Compact, "20260522"),
            (DateForm::Dotted, "22.05.2026"),
            (DateForm::Slashed, "22/05/2026"),
            (DateForm::MonthFirst, "05/22/2026"),
        ];
        for (form, _) in forms {
            for (written_in, text) in forms {
                let expected = (form == written_in).then_some(date!(2026 - 05 - 22));
                assert_eq!(form.read(text), expected, "{form:?} {text}");
            }
        }
    }

    #[test]
    fn a_time_may_follow_and_nothing_else() {
        for text in ["2026-05-22T23:59:59Z", "2026-05-22 23:59"] {
            assert_eq!(DateForm::Iso.read(text), Some(date!(2026 - 05 - 22)), "{text}");
        }
        for text in [
            "",
            "2026-05-22 ",
            "2026-05-22T",
            "2026-05-22x",
            "2026-5-22",
            "2026-02-29",
            "+026-05-22",
            "=DATE()",
        ] {
            assert_eq!(DateForm::Iso.read(text), None, "{text}");
        }
    }
}
