//! Metrics in CloudWatch's embedded format: a line of JSON on standard output, which the log service turns into
//! metrics. Nothing is called, so nothing can fail or wait.
//!
//! Format: the CloudWatch User Guide, "Specification: Embedded metric format".

use std::env;
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
}

impl Unit {
    /// The name that CloudWatch knows it by.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::Seconds => "Seconds",
        }
    }
}

/// Name, unit and value of one metric.
pub type Metric = (&'static str, Unit, i64);

/// Writes the metrics as of now, under the dimension `Function`: the deployed function's own name.
pub fn emit(metrics: &[Metric]) {
    let function = env::var("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default();
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_millis();
    println!("{}", line(&function, None, now, metrics));
}

/// As [`emit`], under a second dimension besides: `("Check", "gate")`.
pub fn emit_of(dimension: (&str, &str), metrics: &[Metric]) {
    let function = env::var("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default();
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_millis();
    println!("{}", line(&function, Some(dimension), now, metrics));
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
