//! Whether people are called, know what to do, and see what it is about: each alarm, its runbook, and the dashboard. That the alarms
//! which the local cloud has are deployed as they stand is in `api/stack/alarms.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Template, list};

const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
const WATCHING: &str = "infrastructure/watching.yaml";

/// What AWS measures of its own that an alarm or the dashboard is about: namespace, metric, dimensions, and where that is written.
const MEASURED: &[(&str, &str, &[&str], &str)] = &[
    ("AWS/ApiGateway", "Count", &["ApiId"], HTTP_API),
    ("AWS/ApiGateway", "4xx", &["ApiId"], HTTP_API),
    ("AWS/ApiGateway", "5xx", &["ApiId"], HTTP_API),
    ("AWS/ApiGateway", "Latency", &["ApiId"], HTTP_API),
    ("AWS/DynamoDB", "ReadThrottleEvents", &["TableName"], DYNAMODB),
    ("AWS/DynamoDB", "WriteThrottleEvents", &["TableName"], DYNAMODB),
    (
        "AWS/DynamoDB",
        "SuccessfulRequestLatency",
        &["TableName", "Operation"],
        DYNAMODB,
    ),
    ("AWS/Events", "PutEventsApproximateThrottledCount", &[], EVENTS),
    ("AWS/Events", "PutEventsFailedEntriesCount", &[], EVENTS),
    ("AWS/Lambda", "ConcurrentExecutions", &[], LAMBDA),
    ("AWS/Lambda", "Duration", &["FunctionName"], LAMBDA),
    ("AWS/Lambda", "Errors", &["FunctionName"], LAMBDA),
    ("AWS/Lambda", "Throttles", &[], LAMBDA),
    ("AWS/Lambda", "Throttles", &["FunctionName"], LAMBDA),
    ("AWS/RDS", "ClientConnections", &["ProxyName"], PROXY),
    ("AWS/RDS", "ClientConnectionsSetupFailedAuth", &["ProxyName"], PROXY),
    ("AWS/RDS", "DatabaseConnections", &["ProxyName"], PROXY),
    ("AWS/RDS", "DatabaseConnectionsBorrowLatency", &["ProxyName"], PROXY),
    ("AWS/RDS", "DatabaseConnectionsCurrentlyBorrowed", &["ProxyName"], PROXY),
    (
        "AWS/RDS",
        "DatabaseConnectionsCurrentlySessionPinned",
        &["ProxyName"],
        PROXY,
    ),
    ("AWS/RDS", "DatabaseConnectionsSetupFailed", &["ProxyName"], PROXY),
    ("AWS/RDS", "MaxDatabaseConnectionsAllowed", &["ProxyName"], PROXY),
    ("AWS/RDS", "QueryDatabaseResponseLatency", &["ProxyName"], PROXY),
    ("AWS/RDS", "ACUUtilization", &["DBClusterIdentifier"], AURORA),
    ("AWS/RDS", "AuroraReplicaLag", &["DBClusterIdentifier", "Role"], AURORA),
    ("AWS/RDS", "CPUUtilization", &["DBClusterIdentifier", "Role"], AURORA),
    ("AWS/RDS", "DatabaseConnections", &["DBClusterIdentifier"], AURORA),
    ("AWS/RDS", "Deadlocks", &["DBClusterIdentifier"], AURORA),
    ("AWS/RDS", "EngineUptime", &["DBClusterIdentifier"], AURORA),
    (
        "AWS/RDS",
        "ServerlessDatabaseCapacity",
        &["DBClusterIdentifier"],
        AURORA,
    ),
    ("AWS/SQS", "ApproximateAgeOfOldestMessage", &["QueueName"], SQS),
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible", &["QueueName"], SQS),
    ("AWS/States", "ExecutionThrottled", &["StateMachineArn"], STATES),
    ("AWS/States", "ExecutionsAborted", &["StateMachineArn"], STATES),
    ("AWS/States", "ExecutionsFailed", &["StateMachineArn"], STATES),
    ("AWS/States", "ExecutionsStarted", &["StateMachineArn"], STATES),
    ("AWS/States", "ExecutionsTimedOut", &["StateMachineArn"], STATES),
];
const HTTP_API: &str = "API Gateway Developer Guide, Working with metrics for HTTP APIs";
const DYNAMODB: &str = "DynamoDB Developer Guide, DynamoDB metrics and dimensions";
const EVENTS: &str = "EventBridge User Guide, Monitoring: EventBridge metrics, of dimension None";
const LAMBDA: &str = "Lambda Developer Guide, Types of metrics for Lambda functions";
const PROXY: &str = "Aurora User Guide, Monitoring RDS Proxy with CloudWatch: dimension set 1";
const AURORA: &str = "Aurora User Guide, CloudWatch metrics for Aurora; CloudWatch dimensions for Aurora";
const SQS: &str = "SQS Developer Guide, Available CloudWatch metrics";
const STATES: &str = "Step Functions Developer Guide, Metrics in CloudWatch: execution metrics";

/// Whose silence is as bad as their word: something tells of itself all the time.
const HEARTBEATS: [&str; 5] = [
    "BooksNotProved",
    "BooksNotSealed",
    "ErasureStandsStill",
    "OutboxStalled",
    "SettlementsOverdue",
];

/// They turn a deployment back, and what they are about calls people by others.
const TURNING_BACK: [&str; 4] = ["ApiFails", "ApiIsSlow", "OperatingBreaks", "PayingBreaks"];

/// Every alarm as it stands in AWS, by its logical name.
async fn alarms() -> BTreeMap<String, Value> {
    let mut alarms = BTreeMap::new();
    for file in ["template.yaml", WATCHING] {
        for (name, properties) in Template::of_file(file).await.of("AWS::CloudWatch::Alarm") {
            let twin = alarms.insert(name.to_owned(), properties.clone());
            assert_eq!(twin, None, "{name} is there twice");
        }
    }
    alarms
}

/// Namespace, name and dimensions' names of what is measured.
type Metric = (String, String, Vec<String>);

/// What an alarm watches: one metric, or those of its expression.
fn watched(alarm: &Value) -> Vec<Metric> {
    let metric = |of: &Value| {
        let dimensions = list(&of["Dimensions"]).into_iter().map(|each| text(&each["Name"]));
        (text(&of["Namespace"]), text(&of["MetricName"]), dimensions.collect())
    };
    if alarm["Metrics"].is_null() {
        return vec![metric(alarm)];
    }
    let inputs = list(&alarm["Metrics"])
        .into_iter()
        .map(|each| &each["MetricStat"]["Metric"]);
    inputs.filter(|input| !input.is_null()).map(metric).collect()
}

fn is_measured(metric: &Metric) -> bool {
    MEASURED.iter().any(|(namespace, name, dimensions, source)| {
        assert!(!source.is_empty());
        (*namespace, *name) == (metric.0.as_str(), metric.1.as_str()) && metric.2 == *dimensions
    })
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is no text"))
        .to_owned()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All files below a directory of the repository that end so.
fn files(directory: &str, ending: &str) -> Vec<PathBuf> {
    let (mut found, mut left) = (Vec::new(), vec![Path::new(REPOSITORY).join(directory)]);
    while let Some(directory) = left.pop() {
        for entry in std::fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                left.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                found.push(path);
            }
        }
    }
    assert!(!found.is_empty(), "no {ending} in {directory}");
    found
}

#[tokio::test]
async fn every_alarm_calls_the_people_on_duty_and_says_what_silence_means() {
    let alarms = alarms().await;
    assert!(alarms.len() > 40, "{}", alarms.len());
    for (name, alarm) in &alarms {
        let actions = alarm["AlarmActions"].to_string();
        let calls = actions.contains(r#"{"Ref":"Pager"}"#);
        assert!(calls || TURNING_BACK.contains(&name.as_str()), "{name}: {actions}");
        let silence = text(&alarm["TreatMissingData"]);
        if HEARTBEATS.contains(&name.as_str()) {
            assert_eq!(silence, "breaching", "{name}");
        } else {
            assert!(
                ["notBreaching", "ignore"].contains(&silence.as_str()),
                "{name}: {silence}"
            );
        }
    }
    for heartbeat in HEARTBEATS {
        assert!(alarms.contains_key(heartbeat), "{heartbeat}");
    }
}

/// Where the alarm's description says that its runbook is.
fn runbook_of(name: &str, alarm: &Value) -> String {
    let description = text(&alarm["AlarmDescription"]["Fn::Sub"]);
    assert!(description.len() < 1024, "{name}: CloudWatch takes no more");
    let (_, page) = description
        .trim_end()
        .rsplit_once(" Runbook: ${Runbooks}/")
        .unwrap_or_else(|| panic!("{name} names no runbook: {description}"));
    page.to_owned()
}

/// The runbooks by the names of their files, less the one that leads to them.
fn runbooks() -> BTreeMap<String, String> {
    let files = files("docs/runbooks", ".md").into_iter();
    let named = files.map(|path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (name, read(&path))
    });
    named.collect()
}

/// The files that a document links to, as it names them.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let files = targets.filter(|target| !target.contains("://"));
    files
        .filter_map(|target| target.split('#').next())
        .filter(|file| !file.is_empty())
}

#[tokio::test]
async fn every_alarm_ends_with_a_runbook_that_knows_it_and_every_runbook_is_reached_from_one() {
    let runbooks = runbooks();
    let mut reached = BTreeSet::new();
    for (name, alarm) in alarms().await {
        let page = runbook_of(&name, &alarm);
        let runbook = runbooks
            .get(&page)
            .unwrap_or_else(|| panic!("{name}: there is no {page}"));
        assert!(
            runbook.contains(&format!("`{name}`")),
            "{page} does not say what {name} is"
        );
        reached.insert(page);
    }
    let named: Vec<_> = reached.iter().cloned().collect();
    for page in named {
        let linked = links(&runbooks[&page]).filter(|link| runbooks.contains_key(*link));
        reached.extend(linked.map(str::to_owned));
    }
    let index = &runbooks["README.md"];
    for page in runbooks.keys().filter(|page| *page != "README.md") {
        assert!(reached.contains(page), "no alarm leads to {page}");
        assert!(index.contains(&format!("]({page})")), "the index leaves out {page}");
    }
}

#[test]
fn what_a_runbook_links_to_is_there() {
    for (page, runbook) in runbooks() {
        for link in links(&runbook) {
            let path = Path::new(REPOSITORY).join("docs/runbooks").join(link);
            assert!(path.exists(), "{page} links to {link}");
        }
    }
}

/// At night nobody should have to guess what a log group is called.
#[tokio::test]
async fn what_a_runbooks_commands_name_is_in_the_stack() {
    let template = Template::read().await;
    let mut named = 0;
    for (page, runbook) in runbooks() {
        for block in runbook.split("```").skip(1).step_by(2) {
            let words: Vec<_> = block
                .split(|c: char| !(c.is_alphanumeric() || "-_".contains(c)))
                .collect();
            for pair in words.windows(2) {
                let begins_like_one = pair[1].starts_with(|first: char| first.is_ascii_uppercase());
                if ["name", "errors", "redrive"].contains(&pair[0]) && begins_like_one {
                    assert!(template.0.contains_key(pair[1]), "{page}: there is no {}", pair[1]);
                    named += 1;
                }
            }
        }
    }
    assert!(named > 20, "{named}");
}

/// The logical names of alarms that tests say they provoke: see `tests::alarms`.
fn provoked() -> BTreeSet<String> {
    let mut provoked = BTreeSet::new();
    for path in files("tests/tests/suite", ".rs") {
        let source = read(&path);
        for call in ["breaches(", "tells("] {
            for rest in source.split(call).skip(1) {
                let named = rest.split(')').next().and_then(|arguments| arguments.split('"').nth(1));
                provoked.extend(named.map(str::to_owned));
            }
        }
    }
    provoked
}

#[tokio::test]
async fn every_alarm_over_a_metric_of_ours_is_provoked_by_a_test_and_every_other_is_over_one_of_aws() {
    let provoked = provoked();
    let mut ours = 0;
    for (name, alarm) in alarms().await {
        for metric in watched(&alarm) {
            if metric.0 == "Onceledger" {
                assert_eq!(metric.2, ["Function"], "{name}");
                assert!(is_emitted(&metric.1), "{name}: nothing writes {}", metric.1);
                assert!(provoked.contains(&name), "no test provokes {name}");
                ours += 1;
            } else {
                assert!(is_measured(&metric), "{name}: is {metric:?} measured?");
            }
        }
    }
    assert!(ours >= 20, "{ours}");
}

/// Whether a function writes a metric of that name: it stands in the source of one, or of what they share.
fn is_emitted(name: &str) -> bool {
    let literal = format!("\"{name}\"");
    let mut sources = files("functions", ".rs")
        .into_iter()
        .chain(files("shared/adapters/src", ".rs"));
    sources.any(|path| {
        let source = read(&path);
        let code = source.split("#[cfg(test)]").next().unwrap_or_default();
        code.contains(&literal)
    })
}

/// The dashboard's document, its names being those of the parameters.
async fn dashboard() -> Value {
    let template = Template::of_file(WATCHING).await;
    let body = text(&template.properties("Dashboard")["DashboardBody"]["Fn::Sub"][0]);
    serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body}"))
}

/// What stands between this and the next quotation mark.
fn quoted_after<'a>(expression: &'a str, begin: &str) -> Option<&'a str> {
    expression.split_once(begin)?.1.split('"').next()
}

/// What a line of a graph shows. Dimensions are `None` where a metric is searched for by its name.
fn shown(line: &Value) -> (String, String, Option<Vec<String>>) {
    if let Some(expression) = line[0]["expression"].as_str() {
        let name = quoted_after(expression, "MetricName=\"").unwrap_or_else(|| panic!("{expression}"));
        let namespace = quoted_after(expression, "Namespace=\"").unwrap_or("Onceledger");
        return (namespace.to_owned(), name.to_owned(), None);
    }
    let words: Vec<_> = list(line).into_iter().filter_map(Value::as_str).collect();
    let [namespace, name, dimensions @ ..] = words.as_slice() else {
        panic!("{line}")
    };
    assert_eq!(dimensions.len() % 2, 0, "{line}");
    let dimensions = dimensions.iter().step_by(2).map(ToString::to_string);
    ((*namespace).to_owned(), (*name).to_owned(), Some(dimensions.collect()))
}

#[tokio::test]
async fn the_dashboard_shows_nothing_that_nobody_measures_and_all_that_a_night_needs() {
    let dashboard = dashboard().await;
    let mut names = BTreeSet::new();
    for widget in list(&dashboard["widgets"]) {
        for line in list(&widget["properties"]["metrics"]) {
            let (namespace, name, dimensions) = shown(line);
            match dimensions {
                _ if namespace == "Onceledger" => assert!(is_emitted(&name), "nothing writes {name}"),
                Some(dimensions) => {
                    let metric = (namespace, name.clone(), dimensions);
                    assert!(is_measured(&metric), "is {metric:?} measured?");
                }
                None => {}
            }
            names.insert(name);
        }
    }
    for needed in [
        "Approved",
        "Replays",
        "Conflicts",
        "GateHits",
        "LedgerHits",
        "DecisionMilliseconds",
        "OutboxOldestSeconds",
        "BreakerState",
        "SettlementsInLimbo",
        "DatabaseConnectionsCurrentlySessionPinned",
        "Throttles",
        "WriteThrottleEvents",
        "ExecutionThrottled",
        "BooksSealed",
        "AuroraGlobalDBRPOLag",
    ] {
        assert!(names.contains(needed), "{needed} is not shown");
    }
    let percentiles = dashboard.to_string();
    for percentile in ["p50", "p90", "p99"] {
        assert!(
            percentiles.contains(&format!("\"stat\":\"{percentile}\"")),
            "{percentile}"
        );
    }
}

/// A widget beside the edge, or over another, is one that nobody sees.
#[tokio::test]
async fn the_dashboards_widgets_lie_side_by_side() {
    let dashboard = dashboard().await;
    let mut taken = BTreeSet::new();
    for widget in list(&dashboard["widgets"]) {
        let [x, y, width, height] = ["x", "y", "width", "height"].map(|name| widget[name].as_u64().unwrap());
        assert!(x + width <= 24, "{widget}");
        for place in (x..x + width).flat_map(|x| (y..y + height).map(move |y| (x, y))) {
            assert!(taken.insert(place), "{widget} lies over another");
        }
    }
}

/// What is measured and neither shown nor watched is a line that was forgotten somewhere.
#[tokio::test]
async fn every_metric_of_aws_that_is_listed_is_shown_or_watched() {
    let mut used: BTreeSet<Metric> = alarms().await.values().flat_map(watched).collect();
    for widget in list(&dashboard().await["widgets"]) {
        for line in list(&widget["properties"]["metrics"]) {
            if let (namespace, name, Some(dimensions)) = shown(line) {
                used.insert((namespace, name, dimensions));
            }
        }
    }
    for (namespace, name, dimensions, _) in MEASURED {
        let dimensions = dimensions.iter().map(ToString::to_string).collect();
        let metric = ((*namespace).to_owned(), (*name).to_owned(), dimensions);
        assert!(used.contains(&metric), "{metric:?}");
    }
}
