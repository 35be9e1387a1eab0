//! What the documents name is there.

use std::path::{Path, PathBuf};

const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A file by its place in the repository, or among the tests.
fn place(name: &str) -> Option<PathBuf> {
    let places = [
        Path::new(REPOSITORY).join(name),
        Path::new(REPOSITORY).join("tests/tests/suite").join(name),
    ];
    places.into_iter().find(|path| path.is_file())
}

/// What stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Why what is named is not there. `None`: it is there, or it is no name of something here.
fn missing(name: &str) -> Option<String> {
    let kinds = ["rs", "sql", "yaml", "json", "md", "py", "toml", "lock"];
    let is_file = |name: &str| {
        let named = name.rsplit_once('.').is_some_and(|(_, kind)| kinds.contains(&kind));
        named && !name.contains(' ')
    };
    if let Some((file, test)) = name.split_once(".rs::") {
        let found = place(&format!("{file}.rs")).map(|path| read(&path));
        let there = found.is_some_and(|text| has_test(&text, test));
        return (!there).then(|| format!("there is no test {name}"));
    }
    if let Some((file, logical)) = name.split_once(".yaml#") {
        let found = place(&format!("{file}.yaml")).map(|path| read(&path));
        let there = found.is_some_and(|text| text.lines().any(|line| line.starts_with(&format!("  {logical}:"))));
        return (!there).then(|| format!("{file}.yaml has no {logical}"));
    }
    (is_file(name) && place(name).is_none()).then(|| format!("there is no file {name}"))
}

/// Whether a source has a test of this name. What else is said of it stands in lines of their own, before or after `test`.
fn has_test(source: &str, test: &str) -> bool {
    let mut is_test = false;
    for line in source.lines() {
        if line.starts_with("#[") {
            is_test |= line.ends_with("test]") || line.starts_with("#[tokio::test(");
        } else {
            let called = line.trim_start_matches("async ").trim_start_matches("fn ");
            if is_test && called.strip_prefix(test).is_some_and(|rest| rest.starts_with('(')) {
                return true;
            }
            is_test = false;
        }
    }
    false
}

/// Where the links of a document of docs/ lead to that are files.
fn linked(text: &str) -> impl Iterator<Item = &str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let files = targets.filter(|target| !target.contains("://"));
    files
        .filter_map(|target| target.split('#').next())
        .filter(|file| !file.is_empty())
}

#[test]
fn what_is_named_exists() {
    let text = read(&Path::new(REPOSITORY).join("docs/security.md"));
    let named: Vec<_> = quoted(&text).collect();
    assert!(
        named.iter().filter(|name| name.contains(".rs::")).count() > 40,
        "{}",
        named.len()
    );
    assert!(
        named.iter().filter(|name| name.contains(".yaml#")).count() > 20,
        "{}",
        named.len()
    );
    let gone: Vec<_> = named.into_iter().filter_map(missing).collect();
    assert_eq!(gone, [""; 0]);
    for file in linked(&text) {
        assert!(
            Path::new(REPOSITORY).join("docs").join(file).is_file(),
            "{file} is linked to"
        );
    }
}

#[test]
fn what_is_not_there_is_missed() {
    for name in [
        "ledger/roles.rs::no_such_test",
        "ledger/no_such.rs::a_test",
        "documents.rs::has_test",
        "template.yaml#NoSuch",
        "docs/no_such.md",
    ] {
        assert!(missing(name).is_some(), "{name}");
    }
    for name in [
        "documents.rs::what_is_not_there_is_missed",
        "api/stack/roles.rs::a_role_lets_its_function_do_what_it_needs_and_no_more",
        "template.yaml#Gate",
        "template.yaml",
        "onceledger/merchant",
    ] {
        assert_eq!(missing(name), None, "{name}");
    }
}
