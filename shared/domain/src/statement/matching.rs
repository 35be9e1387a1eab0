//! Each line against the ledger's row it names: which class each belongs to. Every line and every row is in exactly one.

use std::collections::{BTreeMap, BTreeSet};

use super::breaks::{Break, Differs};
use super::file::Numbered;
use super::line::{Line, Reference};
use crate::ids::{LedgerKey, TenantId};
use crate::money::Money;

/// A transaction that the mapping covers, as the ledger holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its id.
    pub key: LedgerKey,
    /// Whose it is.
    pub tenant: TenantId,
    /// What moved.
    pub money: Money,
    /// Whether an earlier file of this provider had it, and was right.
    pub is_matched: bool,
}

/// What came of a file. A row that is named by no line, and that an earlier file had, is in neither list: it is settled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matching {
    /// Lines that say what the ledger holds: the line's number and the transaction.
    pub matches: Vec<(i32, LedgerKey)>,
    /// All that differs, in the order of the lines; what is missing there comes last, by its id.
    pub breaks: Vec<Break>,
}

/// How well a line fits the row it names; the best of several is the one that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Matches,
    AmountDiffers,
    CurrencyDiffers,
}

impl Fit {
    fn of(theirs: Money, ours: Money) -> Self {
        if theirs == ours {
            Self::Matches
        } else if theirs.currency == ours.currency {
            Self::AmountDiffers
        } else {
            Self::CurrencyDiffers
        }
    }
}

impl Matching {
    /// Compares a file's lines to the rows of its period and to those that its lines name.
    ///
    /// Of several lines with one reference, the one that fits best stands for it, whichever comes first; the others are
    /// duplicates. So the order of lines does not matter.
    #[must_use]
    pub fn of(lines: &[Numbered], rows: &BTreeMap<LedgerKey, Row>) -> Self {
        let mut matching = Self::default();
        let mut references: BTreeMap<&Reference, Vec<(i32, &Line)>> = BTreeMap::new();
        for Numbered { number, said } in lines {
            match said {
                Ok(line) => references.entry(&line.reference).or_default().push((*number, line)),
                Err(defect) => matching.breaks.push(Break::Unreadable {
                    line: *number,
                    defect: *defect,
                }),
            }
        }
        let mut named = BTreeSet::new();
        for (reference, lines) in references {
            let ours = match reference {
                Reference::Id(key) => rows.get(key),
                Reference::Other(_) => None,
            };
            named.extend(ours.map(|row| row.key));
            matching.reference(lines, ours);
        }
        matching.matches.sort_unstable();
        matching.breaks.sort_by_key(Break::line);
        let missing = rows.values().filter(|row| !row.is_matched && !named.contains(&row.key));
        matching
            .breaks
            .extend(missing.map(|row| Break::MissingThere { ours: *row }));
        matching
    }

    /// All lines with one reference, and the row they name if there is one.
    fn reference(&mut self, mut lines: Vec<(i32, &Line)>, ours: Option<&Row>) {
        lines.sort_by_key(|(number, line)| {
            let fit = ours.map(|row| Fit::of(line.money, row.money));
            (fit, line.money.currency.code(), line.money.minor, line.date, *number)
        });
        let is_taken = ours.is_some_and(|row| row.is_matched);
        for (place, (number, line)) in lines.into_iter().enumerate() {
            let theirs = line.clone();
            let found = match ours {
                _ if place > 0 || is_taken => Break::Duplicate {
                    line: number,
                    theirs,
                    ours: ours.copied(),
                },
                None => Break::MissingHere { line: number, theirs },
                Some(row) => {
                    let differs = Differs {
                        line: number,
                        theirs,
                        ours: *row,
                    };
                    match Fit::of(line.money, row.money) {
                        Fit::Matches => {
                            self.matches.push((number, row.key));
                            continue;
                        }
                        Fit::AmountDiffers => Break::AmountDiffers(differs),
                        Fit::CurrencyDiffers => Break::CurrencyDiffers(differs),
                    }
                }
            };
            self.breaks.push(found);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::date;
    use uuid::Uuid;

    use super::*;
    use crate::statement::breaks::BreakKind;
    use crate::statement::line::Defect;

    fn key(id: u8) -> LedgerKey {
        Uuid::from_u128(id.into()).into()
    }

    fn money(minor: i64, code: &str) -> Money {
        let currency = code.parse().unwrap();
        Money { minor, currency }
    }

    fn line(number: i32, reference: Reference, money: Money) -> Numbered {
        let date = date!(2026 - 05 - 22);
        let said = Ok(Line { reference, money, date });
        Numbered { number, said }
    }

    fn row(id: u8, money: Money, is_matched: bool) -> (LedgerKey, Row) {
        let (key, tenant) = (key(id), Uuid::nil().into());
        (
            key,
            Row {
                key,
                tenant,
                money,
                is_matched,
            },
        )
    }

    fn kinds(matching: &Matching) -> Vec<(Option<i32>, BreakKind)> {
        matching
            .breaks
            .iter()
            .map(|found| (found.line(), found.kind()))
            .collect()
    }

    #[test]
    fn each_class_is_told_from_the_others() {
        let rows = BTreeMap::from([
            row(1, money(100, "EUR"), false),
            row(2, money(100, "EUR"), false),
            row(3, money(100, "EUR"), false),
            row(4, money(100, "EUR"), false),
            row(5, money(100, "EUR"), true),
            row(6, money(100, "EUR"), true),
        ]);
        let lines = [
            line(2, Reference::Id(key(1)), money(100, "EUR")),
            line(3, Reference::Id(key(2)), money(101, "EUR")),
            line(4, Reference::Id(key(3)), money(100, "USD")),
            line(5, Reference::Id(key(5)), money(100, "EUR")),
            line(6, Reference::Id(key(7)), money(100, "EUR")),
            line(7, Reference::Other("payout-1".to_owned()), money(-100, "EUR")),
            Numbered {
                number: 8,
                said: Err(Defect::Amount),
            },
        ];
        let matching = Matching::of(&lines, &rows);
        assert_eq!(matching.matches, [(2, key(1))]);
        let expected = [
            (Some(3), BreakKind::AmountDiffers),
            (Some(4), BreakKind::CurrencyDiffers),
            (Some(5), BreakKind::Duplicate),
            (Some(6), BreakKind::MissingHere),
            (Some(7), BreakKind::MissingHere),
            (Some(8), BreakKind::Unreadable),
            (None, BreakKind::MissingThere),
        ];
        assert_eq!(kinds(&matching), expected);
        assert_eq!(matching.breaks[6].ours().unwrap().key, key(4));
    }

    #[test]
    fn of_several_lines_the_best_one_counts() {
        let rows = BTreeMap::from([row(1, money(100, "EUR"), false)]);
        let [worst, middle, best] = [money(1, "AED"), money(99, "EUR"), money(100, "EUR")];
        let of = |all: &[Money]| {
            let lines: Vec<_> = all
                .iter()
                .zip(2..)
                .map(|(money, number)| line(number, Reference::Id(key(1)), *money))
                .collect();
            let matching = Matching::of(&lines, &rows);
            (matching.matches.clone(), kinds(&matching))
        };
        let duplicate = |number| (Some(number), BreakKind::Duplicate);
        assert_eq!(
            of(&[worst, middle, best]),
            (vec![(4, key(1))], vec![duplicate(2), duplicate(3)])
        );
        assert_eq!(
            of(&[worst, middle]),
            (vec![], vec![duplicate(2), (Some(3), BreakKind::AmountDiffers)])
        );
        assert_eq!(of(&[best, best]), (vec![(2, key(1))], vec![duplicate(3)]));
        let nobodys = [(2, worst), (3, middle)].map(|(number, money)| line(number, Reference::Id(key(9)), money));
        let matching = Matching::of(&nobodys, &BTreeMap::new());
        assert_eq!(kinds(&matching), [(Some(2), BreakKind::MissingHere), duplicate(3)]);
    }

    fn any_line() -> impl Strategy<Value = Result<Line, Defect>> {
        let reference = prop_oneof![
            (0..8_u8).prop_map(|id| Reference::Id(key(id))),
            Just(Reference::Other("x".to_owned()))
        ];
        let said =
            (reference, 1..4_i64, prop::sample::select(vec!["EUR", "USD"])).prop_map(|(reference, minor, code)| {
                let (money, date) = (money(minor, code), date!(2026 - 05 - 22));
                Line { reference, money, date }
            });
        prop_oneof![9 => said.prop_map(Ok), 1 => prop::sample::select(Defect::ALL.to_vec()).prop_map(Err)]
    }

    fn any_rows() -> impl Strategy<Value = BTreeMap<LedgerKey, Row>> {
        let row = (
            0..8_u8,
            1..4_i64,
            prop::sample::select(vec!["EUR", "USD"]),
            any::<bool>(),
        );
        prop::collection::vec(row, 0..8).prop_map(|rows| {
            rows.into_iter()
                .map(|(id, minor, code, is_matched)| row_of(id, minor, code, is_matched))
                .collect()
        })
    }

    fn row_of(id: u8, minor: i64, code: &str, is_matched: bool) -> (LedgerKey, Row) {
        row(id, money(minor, code), is_matched)
    }

    fn numbered(said: &[Result<Line, Defect>]) -> Vec<Numbered> {
        let number = |(said, number): (&Result<Line, Defect>, i32)| Numbered {
            number,
            said: said.clone(),
        };
        said.iter().zip(2..).map(number).collect()
    }

    /// What came of it but for the numbers of lines, in an order of its own.
    fn told(matching: &Matching) -> (Vec<LedgerKey>, Vec<String>) {
        let mut matches: Vec<_> = matching.matches.iter().map(|(_, key)| *key).collect();
        let tell = |found: &Break| {
            format!(
                "{:?} {:?} {:?} {:?}",
                found.kind(),
                found.theirs(),
                found.ours(),
                found.defect()
            )
        };
        let mut breaks: Vec<_> = matching.breaks.iter().map(tell).collect();
        matches.sort_unstable();
        breaks.sort_unstable();
        (matches, breaks)
    }

    proptest! {
        #[test]
        fn every_line_and_every_row_is_in_exactly_one_class(
            said in prop::collection::vec(any_line(), 0..20),
            rows in any_rows(),
        ) {
            let lines = numbered(&said);
            let matching = Matching::of(&lines, &rows);
            let of_lines = matching.matches.iter().map(|(line, _)| *line).chain(matching.breaks.iter().filter_map(Break::line));
            let mut of_lines: Vec<_> = of_lines.collect();
            of_lines.sort_unstable();
            prop_assert_eq!(of_lines, lines.iter().map(|line| line.number).collect::<Vec<_>>());

            // A row: matched, differing or missing once; or matched by an earlier file, and then nothing of these.
            for row in rows.values() {
                let matched = matching.matches.iter().filter(|(_, key)| *key == row.key).count();
                let broken = |found: &&Break| found.kind() != BreakKind::Duplicate && found.ours().is_some_and(|ours| ours.key == row.key);
                let broken = matching.breaks.iter().filter(broken).count();
                prop_assert_eq!(matched + broken, usize::from(!row.is_matched));
            }
        }

        #[test]
        fn the_order_of_lines_does_not_matter(
            (said, shuffled) in prop::collection::vec(any_line(), 0..20).prop_flat_map(|said| (Just(said.clone()), Just(said).prop_shuffle())),
            rows in any_rows(),
        ) {
            let [one, other] = [said, shuffled].map(|said| told(&Matching::of(&numbered(&said), &rows)));
            prop_assert_eq!(one, other);
        }

        #[test]
        fn a_match_says_what_the_ledger_says(said in prop::collection::vec(any_line(), 0..20), rows in any_rows()) {
            let lines = numbered(&said);
            for (number, key) in Matching::of(&lines, &rows).matches {
                let line = lines.iter().find(|line| line.number == number).unwrap().said.as_ref().unwrap();
                prop_assert_eq!(&line.reference, &Reference::Id(key));
                prop_assert_eq!(line.money, rows[&key].money);
            }
        }
    }
}
