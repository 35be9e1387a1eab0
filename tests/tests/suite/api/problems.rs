//! The table of problems in the documentation.

use std::collections::BTreeMap;

use domain::problem::Problem;

#[test]
fn the_documented_table_is_the_problems_there_are() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/problems.md");
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let rows: Vec<(String, u16)> = text.lines().filter_map(row).collect();
    let documented: BTreeMap<String, u16> = rows.iter().cloned().collect();
    assert_eq!(documented.len(), rows.len(), "a slug is documented twice");
    let actual: BTreeMap<String, u16> = Problem::ALL
        .iter()
        .map(|problem| (problem.slug().to_owned(), problem.status()))
        .collect();
    assert_eq!(documented, actual);
}

/// Reads "| `slug` | status | …".
fn row(line: &str) -> Option<(String, u16)> {
    let mut cells = line.strip_prefix('|')?.split('|').map(str::trim);
    let slug = cells.next()?.strip_prefix('`')?.strip_suffix('`')?;
    Some((slug.to_owned(), cells.next()?.parse().ok()?))
}
