//! What is sent to the ledger: texts that stand in this program, and of which none makes the proxy keep a connection for one client.
//!
//! RDS Proxy lends a connection for a transaction. After some statements it cannot take it back: it *pins* the session. One
//! such text, sent at the peak, would use up all connections. So the compiler refuses it, and nothing else is ever sent.

/// The text of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Query(&'static str);

impl Query {
    pub(in crate::ledger) const fn new(text: &'static str) -> Self {
        assert!(!pins(text), "this statement would pin its session to one connection");
        Self(text)
    }

    /// As it is sent. Begins with a line that names it.
    #[must_use]
    pub const fn text(self) -> &'static str {
        self.0
    }
}

/// The statements of a module, and `QUERIES`, which holds all of them: who forgets to hand that list on is told so by the compiler.
macro_rules! queries {
    ($($(#[$doc:meta])* $seen:vis const $name:ident: Query = $text:expr;)+) => {
        $($(#[$doc])* $seen const $name: $crate::ledger::Query = $crate::ledger::Query::new($text);)+

        pub(in crate::ledger) const QUERIES: &[$crate::ledger::Query] = &[$($name),+];
    };
}

/// What is longer pins, in bytes.
const LONGEST: usize = 16 * 1024;

/// Words that pin, or that could only stand beside such. As they stand in AWS's list of what makes RDS Proxy pin a session to
/// PostgreSQL; functions that a statement calls do not count, whatever they do inside.
const PINNING: [&str; 26] = [
    // Settings. The tenant is set inside the functions, for the transaction only.
    "set",
    "reset",
    "set_config",
    "discard",
    // Statements with names.
    "prepare",
    "execute",
    "deallocate",
    // What lives as long as the session.
    "temp",
    "temporary",
    "declare",
    "cursor",
    "fetch",
    "listen",
    "unlisten",
    "load",
    // Sequences.
    "nextval",
    "setval",
    "currval",
    "lastval",
    // Locks of the session. Those of the transaction (…_xact_lock) do not pin.
    "pg_advisory_lock",
    "pg_advisory_lock_shared",
    "pg_try_advisory_lock",
    "pg_try_advisory_lock_shared",
    "pg_advisory_unlock",
    "pg_advisory_unlock_all",
    "pg_advisory_unlock_shared",
];

/// Whether the proxy would pin a session for this, or it is more than one statement.
const fn pins(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let length = word(bytes, at);
        if bytes[at] == b';' || is_pinning(bytes.split_at(at).1.split_at(length).0) {
            return true;
        }
        at += if length == 0 { 1 } else { length };
    }
    bytes.len() > LONGEST
}

/// How long the word is that begins there, in bytes; 0: none does.
const fn word(bytes: &[u8], from: usize) -> usize {
    let mut to = from;
    while to < bytes.len() && (bytes[to].is_ascii_alphanumeric() || bytes[to] == b'_') {
        to += 1;
    }
    to - from
}

const fn is_pinning(word: &[u8]) -> bool {
    let mut nth = 0;
    while nth < PINNING.len() {
        if word.eq_ignore_ascii_case(PINNING[nth].as_bytes()) {
            return true;
        }
        nth += 1;
    }
    false
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::ledger::queries;

    #[test]
    fn what_would_pin_is_known_by_its_text() {
        for text in [
            "SET app.tenant_id = 'a'",
            "-- a\nset local app.tenant_id = 'a'",
            "RESET ALL",
            "SELECT set_config('app.tenant_id', $1, true)",
            "SELECT pg_catalog.set_config('app.tenant_id', $1, true), 1",
            "DISCARD ALL",
            "PREPARE posting AS SELECT 1",
            "EXECUTE posting(1)",
            "DEALLOCATE posting",
            "CREATE TEMP TABLE of_mine (id bigint)",
            "CREATE TEMPORARY SEQUENCE of_mine",
            "SELECT 1 INTO TEMP of_mine",
            "DECLARE rows CURSOR FOR SELECT 1",
            "FETCH 10 FROM rows",
            "LISTEN outbox",
            "LOAD 'auto_explain'",
            "SELECT nextval('ledger.ledger_entries_id_seq')",
            "SELECT\tSetVal($1, 1)",
            "SELECT pg_advisory_lock(1)",
            "SELECT pg_try_advisory_lock_shared($1)",
            "SELECT 1; SELECT 2",
            "SELECT 1;",
        ] {
            assert!(pins(text), "{text}");
        }
        let long = |bytes| format!("SELECT {}", "1".repeat(bytes - "SELECT ".len()));
        assert!(pins(&long(LONGEST + 1)));
        assert!(!pins(&long(LONGEST)));
    }

    #[test]
    fn what_does_not_pin_is_let_through() {
        for text in [
            "-- settle_step\nSELECT * FROM ledger.settle_step($1, $2)",
            "SELECT current_setting('app.tenant_id', true)",
            "SELECT pg_advisory_xact_lock(1)",
            "SELECT reason FROM ledger.settlements OFFSET 1",
            "SELECT template, temporal, a_cursor FROM executed",
            "SELECT is_called FROM ledger.ledger_entries_id_seq",
            "",
        ] {
            assert!(!pins(text), "{text}");
        }
    }

    /// All that the functions send, held against the rules once more, and in other words than the compiler's.
    #[test]
    fn no_statement_pins_its_session() {
        let mut texts = BTreeSet::new();
        for query in queries() {
            let text = query.text();
            assert!(texts.insert(text), "twice: {text}");
            let (name, statement) = text.split_once('\n').unwrap();
            assert!(name.starts_with("-- "), "{text}");
            let first = statement.split_whitespace().next().unwrap();
            assert!(["SELECT", "WITH"].contains(&first), "{text}");
            assert!(text.len() <= 16 * 1024, "{text}");
            let words: BTreeSet<_> = text
                .split(|character: char| !character.is_ascii_alphanumeric() && character != '_')
                .map(str::to_lowercase)
                .collect();
            for word in PINNING {
                assert!(!words.contains(word), "{word} is in {text}");
            }
            let session_lock = |word: &String| word.contains("advisory") && !word.contains("xact");
            assert!(!words.iter().any(session_lock), "{text}");
            assert!(!text.contains(';'), "{text}");
        }
        assert!(texts.len() > 90, "{}", texts.len());
    }

    /// Every source of this crate and of the functions, but this one.
    fn sources() -> Vec<(PathBuf, String)> {
        let mut left = vec![
            Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../functions"),
        ];
        let mut found = Vec::new();
        while let Some(path) = left.pop() {
            if path.is_dir() {
                left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            } else if path.extension().is_some_and(|kind| kind == "rs") && !path.ends_with("ledger/query.rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
        assert!(found.len() > 100, "{}", found.len());
        found
    }

    /// Where a client of the driver is held, and what of it is called.
    #[test]
    fn nothing_is_sent_but_by_the_ledger_and_unnamed() {
        let holding = |text: &str| {
            let named = text.lines().filter(|line| line.contains("tokio_postgres"));
            let words =
                named.flat_map(|line| line.split(|character: char| !character.is_alphanumeric() && character != '_'));
            words
                .filter(|word| ["Client", "GenericClient", "Transaction", "Statement"].contains(word))
                .count()
        };
        let (mut holders, mut sends) = (Vec::new(), 0);
        for (path, text) in sources() {
            assert!(!text.contains("Query::new("), "{}", path.display());
            sends += text.matches(".query_typed(").count();
            if holding(&text) > 0 {
                holders.push(path.file_name().unwrap().to_owned());
            }
            for other in [
                "simple_query(",
                "batch_execute(",
                "query_raw(",
                "query_typed_raw(",
                "prepare_typed(",
                "copy_in(",
            ] {
                assert!(!text.contains(other), "{} calls {other}", path.display());
            }
        }
        holders.sort();
        assert_eq!(holders, ["connection.rs", "ledger.rs"]);
        assert_eq!(sends, 1);
    }
}
