//! What of the ledger a file is compared to: the transactions that its lines name, and those that it should name.

use std::collections::{BTreeMap, BTreeSet};

use adapters::ledger::Ledger;
use adapters::ledger::statements::File;
use domain::ids::LedgerKey;
use domain::statement::file::Lines;
use domain::statement::line::Reference;
use domain::statement::mapping::Covers;
use domain::statement::matching::Row;
use time::{Duration, OffsetDateTime};

use crate::Refused;

/// The most transactions of a period. A file has half as many lines, and what it lacks is a break each.
pub(crate) const MOST: usize = 200_000;
/// How many ids are asked for at a time: each statement has little time (`ALTER ROLE matcher`).
const AT_A_TIME: usize = 5000;
/// A period is read an hour at a time, or in so many parts if it is long.
const MOST_PARTS: i32 = 48;

pub(crate) async fn of(
    ledger: &Ledger,
    file: &File<'_>,
    lines: &Lines,
    covers: &Covers,
) -> Result<BTreeMap<LedgerKey, Row>, Refused> {
    let mut rows = BTreeMap::new();
    for keys in named(lines).chunks(AT_A_TIME) {
        let found = ledger.statement_named(file.provider, covers, keys).await?;
        rows.extend(found.into_iter().map(|row| (row.key, row)));
    }
    let mut due = 0;
    for part in parts(file.from, file.to) {
        let most = i32::try_from(MOST - due + 1).unwrap_or(i32::MAX);
        let found = ledger.statement_due(file.provider, covers, part, most).await?;
        due += found.len();
        if due > MOST {
            return Err(Refused::TooManyRows);
        }
        rows.extend(found.into_iter().map(|row| (row.key, row)));
    }
    Ok(rows)
}

/// The transactions that the lines name, each once.
fn named(lines: &Lines) -> Vec<LedgerKey> {
    let references = lines
        .compared
        .iter()
        .filter_map(|line| Some(&line.said.as_ref().ok()?.reference));
    let ids = references.filter_map(|reference| match reference {
        Reference::Id(key) => Some(*key),
        Reference::Other(_) => None,
    });
    ids.collect::<BTreeSet<_>>().into_iter().collect()
}

/// The period in parts, none longer than needed, without a gap.
fn parts(from: OffsetDateTime, to: OffsetDateTime) -> Vec<(OffsetDateTime, OffsetDateTime)> {
    let length = Duration::HOUR.max((to - from) / MOST_PARTS + Duration::SECOND);
    let mut parts = Vec::new();
    let mut begins = from;
    while begins < to {
        let ends = to.min(begins.saturating_add(length));
        parts.push((begins, ends));
        begins = ends;
    }
    parts
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_period_is_covered_by_its_parts_and_none_overlap() {
        let from = datetime!(2026-03-28 23:00 UTC);
        for (days, count) in [(1, 24), (2, 48), (31, 48), (366, 48)] {
            let to = from + Duration::days(days);
            let parts = parts(from, to);
            assert_eq!((parts[0].0, parts[parts.len() - 1].1), (from, to));
            assert!(parts.windows(2).all(|pair| pair[0].1 == pair[1].0));
            assert_eq!(parts.len(), count, "{days}");
        }
    }
}
