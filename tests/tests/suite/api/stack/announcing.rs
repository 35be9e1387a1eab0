//! The way of an event: the poller's schedule, the bus, the rules, the queues.

use std::collections::BTreeSet;

use domain::event::{Event, EventType};
use serde_json::{Value, json};
use tests::cloud::Cloud;
use uuid::Uuid;

#[tokio::test]
async fn polling_starts_every_minute_and_overlaps_a_little_unless_it_is_switched_off() {
    let cloud = Cloud::running();
    let script = r#"
scheduler, functions = client("scheduler"), client("lambda")
(named,) = [each for each in scheduler.list_schedules()["Schedules"] if given["function"] in each["Target"]["Arn"]]
schedule = scheduler.get_schedule(Name=named["Name"])
retries = functions.get_function_event_invoke_config(FunctionName=given["function"], Qualifier="$LATEST")
queue = client("sqs").get_queue_attributes(QueueUrl=given["queue"], AttributeNames=["QueueArn"])["Attributes"]
told = [
    schedule["State"], schedule["ScheduleExpression"],
    schedule["Target"]["DeadLetterConfig"]["Arn"] == queue["QueueArn"],
    functions.get_function_concurrency(FunctionName=given["function"])["ReservedConcurrentExecutions"],
    retries["MaximumRetryAttempts"], retries["DestinationConfig"]["OnFailure"]["Destination"] == queue["QueueArn"],
]
"#;
    let poller = cloud.function("outbox-poll");
    let given = json!({"function": poller.name, "queue": cloud.resource("OutboxPollDeadLetters")});
    // Switched off, because here the tests say when events go out.
    let expected = json!(["DISABLED", "rate(1 minute)", true, 2, 0, true]);
    assert_eq!(cloud.ask(script, &given).await, expected);
    assert_eq!(poller.timeout_seconds, 75);
    assert_eq!(poller.environment["EVENT_BUS"], cloud.resource("Events"));
    assert_eq!(
        poller.environment["DEAD_LETTER_QUEUE_URL"],
        cloud.resource("EventDeadLetters")
    );
}

/// Attributes of each queue, its rule if it has one, and its function's event source.
const CONSUMERS: &str = r#"
sqs, events, functions = client("sqs"), client("events"), client("lambda")
def queue(name):
    attributes = sqs.get_queue_attributes(QueueUrl=given["resources"][name], AttributeNames=["All"])["Attributes"]
    return attributes | {parsed: json.loads(attributes.get(parsed, "{}")) for parsed in ["RedrivePolicy", "Policy"]}
def rule(name, bus="Events"):
    named = {"EventBusName": given["resources"].get(bus, bus)}
    found = events.describe_rule(Name=given["resources"][name], **named)
    targets = events.list_targets_by_rule(Rule=given["resources"][name], **named)["Targets"]
    pattern = json.loads(found["EventPattern"])
    return {"Arn": found["Arn"], "State": found["State"], "Pattern": pattern, "Targets": targets}
def source(name):
    (found,) = functions.list_event_source_mappings(FunctionName=given["functions"][name])["EventSourceMappings"]
    return {name: value for name, value in found.items() if name != "LastModified"}
told = {
    "queues": {name: queue(name) for name, url in given["resources"].items() if url.startswith("http")},
    "rules": {name: rule(name) for name in ["NotifyRule", "AnalyticsRule", "SettlementRule", "ErasureRule"]}
             | {"StatementRule": rule("StatementRule", "default")},
    "sources": {name: source(name) for name in ["Notify", "Analytics"]},
}
"#;

async fn consumers(cloud: &Cloud) -> Value {
    let functions = json!({"Notify": cloud.function("notify").name, "Analytics": cloud.function("analytics").name});
    let given = json!({"resources": cloud.resources, "functions": functions});
    cloud.ask(CONSUMERS, &given).await
}

fn number(value: &Value) -> u64 {
    value
        .as_u64()
        .or_else(|| value.as_str()?.parse().ok())
        .unwrap_or_else(|| panic!("{value} is no number"))
}

#[tokio::test]
async fn each_consumer_has_a_rule_a_queue_and_dead_letters_of_its_own() {
    let cloud = Cloud::running();
    let told = consumers(&cloud).await;
    let queues = &told["queues"];
    let rule_dead_letters = &queues["RuleDeadLetters"]["QueueArn"];
    for consumer in ["Notify", "Analytics"] {
        let rule = &told["rules"][format!("{consumer}Rule")];
        let (queue, dead) = (
            &queues[format!("{consumer}Queue")],
            &queues[format!("{consumer}DeadLetters")],
        );
        let hears = |event: &EventType| consumer == "Analytics" || *event != EventType::SettlementRequested;
        let types: Vec<_> = EventType::ALL
            .into_iter()
            .filter(hears)
            .map(EventType::as_str)
            .collect();
        assert_eq!(rule["State"], "ENABLED");
        assert_eq!(
            rule["Pattern"],
            json!({"source": [Event::SOURCE], "detail-type": types})
        );
        let [target] = rule["Targets"].as_array().unwrap().as_slice() else {
            panic!("{consumer}: one rule, one queue: {rule}");
        };
        assert_eq!(target["Arn"], queue["QueueArn"], "{consumer}");
        assert_eq!(target["DeadLetterConfig"]["Arn"], *rule_dead_letters, "{consumer}");
        assert_eq!(
            target["RetryPolicy"],
            json!({"MaximumRetryAttempts": 185, "MaximumEventAgeInSeconds": 86400})
        );
        assert_eq!(
            queue["RedrivePolicy"]["deadLetterTargetArn"], dead["QueueArn"],
            "{consumer}"
        );
        // Poison is out of the way in bounded time, and what SES refuses for a day, over its quota, survives it.
        let tried = number(&queue["RedrivePolicy"]["maxReceiveCount"]) * number(&queue["VisibilityTimeout"]);
        let hours = if consumer == "Notify" { 25..=25 } else { 1..=2 };
        assert!(hours.contains(&(tried / 3600)), "{consumer}: {tried} s");

        let source = &told["sources"][consumer];
        assert_eq!(source["EventSourceArn"], queue["QueueArn"], "{consumer}");
        assert_eq!(source["State"], "Enabled", "{consumer}");
        assert_eq!(
            source["FunctionResponseTypes"],
            json!(["ReportBatchItemFailures"]),
            "{consumer}"
        );
        assert!(
            number(&source["ScalingConfig"]["MaximumConcurrency"]) >= 2,
            "{consumer}"
        );
        // While a batch is being worked on, nobody else is given its messages.
        let timeout = cloud.function(consumer).timeout_seconds;
        let window = number(&source["MaximumBatchingWindowInSeconds"]);
        assert!(
            number(&queue["VisibilityTimeout"]) >= 6 * timeout + window,
            "{consumer}"
        );
    }
}

#[tokio::test]
async fn every_queue_is_encrypted_and_is_sent_to_by_its_rule_alone() {
    let cloud = Cloud::running();
    let told = consumers(&cloud).await;
    let rule = |name: &str| told["rules"][name]["Arn"].clone();
    let queues = told["queues"].as_object().unwrap();
    assert_eq!(queues.len(), 18, "{:?}", queues.keys());
    for (name, queue) in queues {
        assert_eq!(queue["SqsManagedSseEnabled"], "true", "{name}");
        // 14 days, the longest there is, since what expires is gone. A parked verification goes on without its message.
        let retained = if name == "ParkedQueue" { "900" } else { "1209600" };
        assert_eq!(queue["MessageRetentionPeriod"], retained, "{name}");
        let expected = match name.as_str() {
            "NotifyQueue" | "AnalyticsQueue" | "StatementQueue" | "ErasureQueue" => {
                rule(&name.replace("Queue", "Rule"))
            }
            "RuleDeadLetters" => json!(
                [
                    "NotifyRule",
                    "AnalyticsRule",
                    "SettlementRule",
                    "StatementRule",
                    "ErasureRule"
                ]
                .map(rule)
            ),
            _ => {
                assert_eq!(
                    queue["Policy"],
                    json!({}),
                    "{name}: nobody but functions, by their roles"
                );
                continue;
            }
        };
        let [statement] = queue["Policy"]["Statement"].as_array().unwrap().as_slice() else {
            panic!("{name}: {queue}");
        };
        assert_eq!(
            statement,
            &json!({
                "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage",
                "Resource": queue["QueueArn"], "Condition": {"ArnEquals": {"aws:SourceArn": expected}},
            })
        );
    }
}

/// The ledger itself knows which of the copies in `EventDeadLetters` are resolved.
#[tokio::test]
async fn reconciliation_looks_at_all_dead_letters_but_the_copies() {
    let cloud = Cloud::running();
    let looked_at: BTreeSet<_> = cloud.function("reconcile").environment["DEAD_LETTER_QUEUES"]
        .split(',')
        .collect();
    let are_dead =
        |name: &str, id: &str| name.ends_with("DeadLetters") && name != "EventDeadLetters" && id.starts_with("http");
    let there = cloud.resources.iter().filter(|(name, id)| are_dead(name, id));
    assert_eq!(looked_at, there.map(|(_, url)| url.as_str()).collect());
}

#[tokio::test]
async fn a_rule_that_a_queue_does_not_know_sends_to_its_dead_letters_instead() {
    let cloud = Cloud::running();
    let script = r#"
events, sqs = client("events"), client("sqs")
name, bus = "probe-" + given["probe"], given["bus"]
rule = events.put_rule(Name=name, EventBusName=bus, EventPattern=json.dumps({"source": [name]}))["RuleArn"]
dead = sqs.create_queue(QueueName=name)["QueueUrl"]
arn = lambda queue: sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
leave = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage",
         "Resource": arn(dead), "Condition": {"ArnEquals": {"aws:SourceArn": rule}}}
policy = json.dumps({"Version": "2012-10-17", "Statement": [leave]})
sqs.set_queue_attributes(QueueUrl=dead, Attributes={"Policy": policy})
try:
    target = {"Id": "probe", "Arn": arn(given["queue"]), "DeadLetterConfig": {"Arn": arn(dead)}}
    events.put_targets(Rule=name, EventBusName=bus, Targets=[target])
    events.put_events(Entries=[{"EventBusName": bus, "Source": name, "DetailType": "probe", "Detail": "{}"}])
    received = sqs.receive_message(QueueUrl=dead, WaitTimeSeconds=5).get("Messages", [])
    told = [json.loads(each["Body"])["source"] == name for each in received]
finally:
    events.remove_targets(Rule=name, EventBusName=bus, Ids=["probe"])
    events.delete_rule(Name=name, EventBusName=bus)
    sqs.delete_queue(QueueUrl=dead)
"#;
    let given = json!({
        "probe": Uuid::new_v4(), "bus": cloud.resource("Events"), "queue": cloud.resource("NotifyQueue"),
    });
    assert_eq!(cloud.ask(script, &given).await, json!([true]));
}

/// An old snapshot keeps what was deleted from the outbox, and the poller reads past it again and again.
#[tokio::test]
async fn an_auditor_cannot_hold_a_snapshot_open_for_long() {
    let auditor = Cloud::running().as_role("auditor").await;
    for setting in ["statement_timeout", "idle_in_transaction_session_timeout"] {
        let row = auditor.query_one(&format!("SHOW {setting}"), &[]).await.unwrap();
        assert_eq!(row.get::<_, &str>(0), "1min", "{setting}");
    }
}
