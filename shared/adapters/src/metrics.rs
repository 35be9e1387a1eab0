//! Metrics in CloudWatch's embedded format: a line of JSON on standard output, which the log service turns into
//! metrics. Nothing is called, so nothing can wait; and nothing fails, not even where standard output is closed.
//! Outside of Lambda, where no function would have told them, nothing is written.
//!
//! Format: the CloudWatch User Guide, "Specification: Embedded metric format".

use std::env;
use std::io::{self, Write};
use std::time::SystemTime;

use serde_json::{Map, Value, json};

/// Where all of Onceledger's metrics are.
const NAMESPACE: &str = "Onceledger";

/// What a metric's number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Things.
    Count,
    /// Whole seconds.
    Seconds,
    /// Whole milliseconds.
    Milliseconds,
}

impl Unit {
    /// The name that CloudWatch knows it by.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::Seconds => "Seconds",
            Self::Milliseconds => "Milliseconds",
        }
    }
}

/// Name, unit and value of one metric.
pub type Metric = (&'static str, Unit, i64);

/// Writes the metrics as of now, under the dimension `Function`: the deployed function's own name.
pub fn emit(metrics: &[Metric]) {
    write(None, metrics);
}

/// As [`emit`], under a second dimension besides: `("Check", "gate")`.
pub fn emit_of(dimension: (&str, &str), metrics: &[Metric]) {
    write(Some(dimension), metrics);
}

/// In one piece, so that no other line stands within this one. What cannot be told is lost: `println!` would panic, and who has
/// just moved money must not.
fn write(second: Option<(&str, &str)>, metrics: &[Metric]) {
    let Ok(function) = env::var("AWS_LAMBDA_FUNCTION_NAME") else {
        return;
    };
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_millis();
    let mut told = line(&function, second, now, metrics).to_string();
    told.push('\n');
    let _ = io::stdout().lock().write_all(told.as_bytes());
}

/// One line: the values as members beside `_aws`, which says that they are metrics. `at_ms` is Unix time.
fn line(function: &str, second: Option<(&str, &str)>, at_ms: u128, metrics: &[Metric]) -> Value {
    let definitions: Vec<_> = metrics
        .iter()
        .map(|(name, unit, _)| json!({ "Name": name, "Unit": unit.as_str() }))
        .collect();
    let values = metrics
        .iter()
        .map(|(name, _, value)| ((*name).to_owned(), json!(value)));
    let mut line: Map<_, _> = values.collect();
    line.insert("Function".to_owned(), json!(function));
    let mut dimensions = vec!["Function"];
    if let Some((name, value)) = second {
        line.insert(name.to_owned(), json!(value));
        dimensions.push(name);
    }
    line.insert(
        "_aws".to_owned(),
        json!({
            "Timestamp": u64::try_from(at_ms).unwrap_or(u64::MAX),
            "CloudWatchMetrics": [{ "Namespace": NAMESPACE, "Dimensions": [dimensions], "Metrics": definitions }],
        }),
    );
    Value::Object(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_may_have_a_second_dimension() {
        let line = line("reconcile", Some(("Check", "gate")), 1, &[("Findings", Unit::Count, 2)]);
        assert_eq!(line["Check"], "gate");
        let metrics = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(metrics["Dimensions"], json!([["Function", "Check"]]));
    }

    #[test]
    fn a_line_names_its_metrics_and_holds_their_values() {
        let metrics = [
            ("EventsPublished", Unit::Count, 12),
            ("OutboxOldestSeconds", Unit::Seconds, 3),
        ];
        assert_eq!(
            line("outbox-poll", None, 1_795_000_000_000, &metrics),
            json!({
                "_aws": {
                    "Timestamp": 1_795_000_000_000_u64,
                    "CloudWatchMetrics": [{
                        "Namespace": "Onceledger",
                        "Dimensions": [["Function"]],
                        "Metrics": [
                            { "Name": "EventsPublished", "Unit": "Count" },
                            { "Name": "OutboxOldestSeconds", "Unit": "Seconds" },
                        ],
                    }],
                },
                "Function": "outbox-poll",
                "EventsPublished": 12,
                "OutboxOldestSeconds": 3,
            })
        );
    }
}
