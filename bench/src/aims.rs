//! The aims beside what was measured. Missing one is a result, not a failure.

use std::fmt;

/// What was measured for each aim so far.
#[derive(Default)]
pub struct Aims(Vec<Line>);

struct Line {
    aim: String,
    measured: String,
    met: bool,
}

/// Thousandths, as a percentage with one decimal.
pub fn percent(permille: u128) -> String {
    format!("{}.{} %", permille / 10, permille % 10)
}

impl Aims {
    /// `post()`, uniform, in thousandths of the bare inserts' rate.
    pub fn of_bare(&mut self, connections: usize, permille: u128) {
        let aim = format!("post() at least 60 % of the bare inserts, {connections} connections");
        self.push(aim, percent(permille), permille >= 600);
    }

    /// One hot credited account, in thousandths of uniform.
    pub fn hot_of_uniform(&mut self, connections: usize, permille: u128) {
        let aim = format!("one hot credited account at least 90 % of uniform, {connections} connections");
        self.push(aim, percent(permille), permille >= 900);
    }

    /// Write-ahead log of one authorization in bytes, without full-page images.
    pub fn wal(&mut self, bytes: u128) {
        self.push(
            "at most 1,800 WAL bytes per authorization".into(),
            bytes.to_string(),
            bytes <= 1800,
        );
    }

    /// Round trips of `authorizations` authorizations, all together.
    pub fn round_trips(&mut self, round_trips: u128, authorizations: u128) {
        let measured = format!("{round_trips} in {authorizations}");
        self.push(
            "one round trip per authorization".into(),
            measured,
            round_trips == authorizations,
        );
    }

    /// The slowest balance read in thousandths of the one with the fewest entries.
    pub fn flat_read(&mut self, permille: u128) {
        let aim = "balance read flat from 1 k to 1 M entries (slowest at most 125 % of 1 k)".into();
        self.push(aim, percent(permille), permille <= 1250);
    }

    /// Rows a second at full tilt.
    pub fn announced(&mut self, rate: u128) {
        let aim = "at least 5,000 events/s announced at full tilt, by one poller".into();
        self.push(aim, rate.to_string(), rate >= 5000);
    }

    /// The longest that a row has waited in a minute of 1,000 a second, in milliseconds.
    pub fn backlog(&mut self, milliseconds: u128) {
        let aim = "no row older than 1 s in a minute of 1,000 a second".into();
        self.push(aim, format!("{milliseconds} ms"), milliseconds <= 1000);
    }

    fn push(&mut self, aim: String, measured: String, met: bool) {
        self.0.push(Line { aim, measured, met });
    }
}

impl fmt::Display for Aims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Aims")?;
        for Line { aim, measured, met } in &self.0 {
            writeln!(
                f,
                "  {:<74}{measured:>14}  {}",
                aim,
                if *met { "met" } else { "missed" }
            )?;
        }
        Ok(())
    }
}
