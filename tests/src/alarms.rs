//! The deployed alarms, and what functions write that they watch.
//!
//! A test that provokes what an alarm is for says so by [`breaches`] or [`tells`], with the alarm's logical name written out: `api/stack`
//! wants one such line for every alarm over a metric of our own.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::cloud::Cloud;
use crate::lambda::Function;
use crate::patience::until;

/// What an alarm is about.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Series {
    /// Whose metric it is, such as `Onceledger`.
    pub namespace: String,
    /// The metric's name.
    pub metric: String,
    /// Exactly these.
    pub dimensions: BTreeMap<String, String>,
}

/// An alarm as CloudWatch has it.
#[derive(Clone, Debug, Deserialize)]
struct Alarm {
    #[serde(flatten)]
    series: Series,
    statistic: String,
    comparison: String,
    threshold: i64,
}

const DESCRIBED: &str = r#"
(alarm,) = client("cloudwatch").describe_alarms(AlarmNames=[given])["MetricAlarms"]
told = {
    "namespace": alarm["Namespace"], "metric": alarm["MetricName"],
    "dimensions": {each["Name"]: each["Value"] for each in alarm["Dimensions"]},
    "statistic": alarm.get("ExtendedStatistic") or alarm["Statistic"],
    "comparison": alarm["ComparisonOperator"], "threshold": int(alarm["Threshold"]),
}
"#;

/// What a deployed alarm watches.
pub async fn series(cloud: &Cloud, alarm: &str) -> Series {
    described(cloud, alarm).await.series
}

/// The numbers that a function has written into an alarm's series, in order, and there is one at least: the very namespace, name and
/// dimensions that the deployed alarm has.
pub async fn tells(cloud: &Cloud, alarm: &str, function: &Function) -> Vec<i64> {
    let series = series(cloud, alarm).await;
    waiting(&series, function, |told| !told.is_empty()).await
}

/// As [`tells`], and waits until they are such that the alarm rings if they come in as many periods as it wants.
pub async fn breaches(cloud: &Cloud, alarm: &str, function: &Function) -> Vec<i64> {
    let alarm = described(cloud, alarm).await;
    waiting(&alarm.series, function, |told| alarm.is_breached_by(told)).await
}

impl Alarm {
    fn is_breached_by(&self, told: &[i64]) -> bool {
        let value = match self.statistic.as_str() {
            "Sum" => Some(told.iter().sum()),
            "Maximum" => told.iter().max().copied(),
            other => panic!("no test counts the {other} of anything"),
        };
        match self.comparison.as_str() {
            "GreaterThanThreshold" => value > Some(self.threshold),
            other => panic!("{other}: what does not come breaches it, and no test waits for that"),
        }
    }
}

async fn described(cloud: &Cloud, alarm: &str) -> Alarm {
    let told = cloud.ask(DESCRIBED, &json!(cloud.resource(alarm))).await;
    serde_json::from_value(told).unwrap_or_else(|error| panic!("{alarm}: {error}"))
}

/// A line is written before the answer, but read from a pipe beside it.
async fn waiting(series: &Series, function: &Function, is_enough: impl Fn(&[i64]) -> bool) -> Vec<i64> {
    let told = || async {
        let told = told(series, &function.output());
        is_enough(&told).then_some(told)
    };
    until(told, || format!("{series:?} in:\n{}", function.output())).await
}

/// The numbers of one series in an output, as the log service makes them of lines in the embedded metric format.
#[must_use]
pub fn told(series: &Series, output: &str) -> Vec<i64> {
    let numbers = data(output).filter(|(of, _)| of == series);
    numbers.map(|(_, number)| number).collect()
}

/// Every number in an output, and what it is of.
pub fn data(output: &str) -> impl Iterator<Item = (Series, i64)> {
    let lines = output
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.flat_map(|line| data_of(&line))
}

fn data_of(line: &Value) -> Vec<(Series, i64)> {
    let mut data = Vec::new();
    for declared in list(&line["_aws"]["CloudWatchMetrics"]) {
        for set in list(&declared["Dimensions"]) {
            let dimensions: BTreeMap<_, _> = list(set)
                .iter()
                .map(|name| (text(name), text(&line[text(name)])))
                .collect();
            for metric in list(&declared["Metrics"]) {
                let series = Series {
                    namespace: text(&declared["Namespace"]),
                    metric: text(&metric["Name"]),
                    dimensions: dimensions.clone(),
                };
                let number = line[&series.metric].as_i64();
                data.push((
                    series,
                    number.unwrap_or_else(|| panic!("a metric without its number: {line}")),
                ));
            }
        }
    }
    data
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(metric: &str, number: i64) -> Value {
        let declared = json!([{"Namespace": "Onceledger", "Dimensions": [["Function"]], "Metrics": [{"Name": metric, "Unit": "Count"}]}]);
        json!({"_aws": {"Timestamp": 1, "CloudWatchMetrics": declared}, "Function": "poller", metric: number})
    }

    fn series(metric: &str, dimensions: &[(&str, &str)]) -> Series {
        Series {
            namespace: "Onceledger".to_owned(),
            metric: metric.to_owned(),
            dimensions: dimensions
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        }
    }

    #[test]
    fn only_numbers_of_the_very_series_count() {
        let mut of_check = line("Found", 9);
        of_check["Check"] = json!("gate");
        of_check["_aws"]["CloudWatchMetrics"][0]["Dimensions"] = json!([["Function", "Check"]]);
        let output = format!(
            "no JSON\n{}\n{}\n{of_check}\n{}\n",
            line("Found", 1),
            line("Other", 5),
            line("Found", 2)
        );
        let of_poller = [("Function", "poller")];
        assert_eq!(told(&series("Found", &of_poller), &output), [1, 2]);
        assert_eq!(told(&series("Found", &[("Function", "another")]), &output), [0; 0]);
        assert_eq!(
            told(&series("Found", &[("Function", "poller"), ("Check", "gate")]), &output),
            [9]
        );
    }

    #[test]
    fn an_alarm_is_breached_by_its_own_statistic_past_its_threshold() {
        let alarm = |statistic: &str| Alarm {
            series: series("Found", &[]),
            statistic: statistic.to_owned(),
            comparison: "GreaterThanThreshold".to_owned(),
            threshold: 3,
        };
        assert!(alarm("Sum").is_breached_by(&[2, 2]) && !alarm("Sum").is_breached_by(&[2, 1]));
        assert!(alarm("Maximum").is_breached_by(&[4, 1]) && !alarm("Maximum").is_breached_by(&[3, 3]));
        assert!(!alarm("Maximum").is_breached_by(&[]));
    }
}
