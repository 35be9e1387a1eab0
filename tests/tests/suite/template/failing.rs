//! What nobody waits for ends somewhere when it fails: in a dead letter queue that is kept and looked at, or in an alarm.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Template, arn, list, referred};

/// Fourteen days, the longest there is.
const LONGEST: u64 = 1_209_600;

/// The queue that is named, by its ARN, as the end of what fails. Panics if there is none.
fn dead_letters<'a>(template: &Template, named: &'a Value, of: &str) -> &'a str {
    let queue = referred(named).unwrap_or_else(|| panic!("{of} drops what fails: {named}"));
    assert_eq!(template.0[queue]["Type"], "AWS::SQS::Queue", "{of}");
    assert_eq!(template.properties(queue)["MessageRetentionPeriod"], LONGEST, "{queue}");
    queue
}

fn may(template: &Template, role: &Value, action: &str, resource: &Value) -> bool {
    let leave = template.leave(referred(role).unwrap());
    leave.iter().any(|statement| {
        statement["Effect"] == "Allow"
            && list(&statement["Action"]).contains(&&json!(action))
            && list(&statement["Resource"]).contains(&resource)
    })
}

#[tokio::test]
async fn what_a_rule_cannot_deliver_is_kept() {
    let template = Template::in_production().await;
    for (rule, properties) in template.of("AWS::Events::Rule") {
        let targets = list(&properties["Targets"]);
        assert!(!targets.is_empty(), "{rule}");
        for target in targets {
            let tries = &target["RetryPolicy"];
            assert!(
                tries["MaximumRetryAttempts"].is_u64() && tries["MaximumEventAgeInSeconds"].is_u64(),
                "{rule}"
            );
            let queue = dead_letters(&template, &target["DeadLetterConfig"]["Arn"], rule);
            let statements = template.statements("AWS::SQS::QueuePolicy", "Queues", queue);
            let lets_it = |statement: &&&Value| {
                statement["Principal"] == json!({"Service": "events.amazonaws.com"})
                    && list(&statement["Condition"]["ArnEquals"]["aws:SourceArn"]).contains(&&arn(rule))
            };
            assert_eq!(
                statements.iter().filter(lets_it).count(),
                1,
                "{queue} does not take what {rule} sends"
            );
        }
    }
}

#[tokio::test]
async fn what_a_schedule_cannot_start_is_kept_and_so_is_what_it_started_and_failed() {
    let template = Template::in_production().await;
    for (schedule, properties) in template.of("AWS::Scheduler::Schedule") {
        let target = &properties["Target"];
        let tries = &target["RetryPolicy"];
        assert!(
            tries["MaximumRetryAttempts"].is_u64() && tries["MaximumEventAgeInSeconds"].is_u64(),
            "{schedule}"
        );
        let kept = &target["DeadLetterConfig"]["Arn"];
        dead_letters(&template, kept, schedule);
        assert!(
            may(&template, &target["RoleArn"], "sqs:SendMessage", kept),
            "{schedule} may not keep it"
        );
        let called = referred(&target["Arn"]).unwrap();
        match template.0[called]["Type"].as_str().unwrap() {
            "AWS::Lambda::Function" => is_kept(&template, called, "$LATEST"),
            "AWS::Lambda::Alias" => {
                let alias = template.properties(called);
                is_kept(
                    &template,
                    referred(&alias["FunctionName"]).unwrap(),
                    alias["Name"].as_str().unwrap(),
                );
            }
            "AWS::StepFunctions::StateMachine" => {} // the next test's
            other => panic!("{schedule}: what becomes of a {other} that fails?"),
        }
    }
}

/// That what fails of the function's asynchronous calls, by this name of it, is kept.
fn is_kept(template: &Template, function: &str, qualifier: &str) {
    let configured = template
        .of("AWS::Lambda::EventInvokeConfig")
        .into_iter()
        .find(|(_, properties)| {
            referred(&properties["FunctionName"]) == Some(function) && properties["Qualifier"] == qualifier
        });
    let (_, configured) = configured.unwrap_or_else(|| panic!("{function}:{qualifier} drops what fails"));
    assert!(configured["MaximumRetryAttempts"].is_u64(), "{function}");
    assert!(configured["MaximumEventAgeInSeconds"].is_u64(), "{function}");
    let kept = &configured["DestinationConfig"]["OnFailure"]["Destination"];
    dead_letters(template, kept, function);
    let role = &template.properties(function)["Role"];
    assert!(
        may(template, role, "sqs:SendMessage", kept),
        "{function} may not keep it"
    );
}

/// A machine keeps its failed executions itself; an express one keeps nothing but its log.
#[tokio::test]
async fn an_execution_that_fails_calls_people() {
    let template = Template::in_production().await;
    for (machine, properties) in template.of("AWS::StepFunctions::StateMachine") {
        let rings = |metric: &str| {
            let alarms = template.of("AWS::CloudWatch::Alarm").into_iter();
            let mut of_it = alarms.filter(|(_, alarm)| {
                alarm["MetricName"] == metric
                    && alarm["Dimensions"] == json!([{"Name": "StateMachineArn", "Value": {"Ref": machine}}])
            });
            of_it.any(|(_, alarm)| !list(&alarm["AlarmActions"]).is_empty())
        };
        assert!(rings("ExecutionsFailed"), "{machine}");
        // Settlements may take for ever; that is the business of SettlementsOverdue.
        assert!(machine == "SettlementLong" || rings("ExecutionsTimedOut"), "{machine}");
        assert_eq!(properties["LoggingConfiguration"]["Level"], "ERROR", "{machine}");
    }
}

#[tokio::test]
async fn every_queue_has_its_dead_letters_and_somebody_hears_of_them() {
    let template = Template::in_production().await;
    let queues = template.of("AWS::SQS::Queue");
    let mut dead = BTreeSet::new();
    for (queue, properties) in &queues {
        if !queue.ends_with("DeadLetters") {
            let redrive = &properties["RedrivePolicy"];
            assert!(redrive["maxReceiveCount"].as_u64() <= Some(1_000), "{queue}");
            let kept = dead_letters(&template, &redrive["deadLetterTargetArn"], queue);
            assert!(dead.insert(kept), "{kept} belongs to two queues: {queue} is one");
            assert!(
                properties["MessageRetentionPeriod"].as_u64() <= Some(LONGEST),
                "{queue}"
            );
        }
    }
    for (queue, properties) in &queues {
        // The ledger itself knows which of these are resolved, and the poller says how many are open.
        if queue.ends_with("DeadLetters") && *queue != "EventDeadLetters" {
            assert_eq!(properties["MessageRetentionPeriod"], LONGEST, "{queue}");
            let of_it = json!([{"Name": "QueueName", "Value": {"Fn::GetAtt": [queue, "QueueName"]}}]);
            let rings = template
                .of("AWS::CloudWatch::Alarm")
                .into_iter()
                .any(|(_, alarm)| alarm["Dimensions"] == of_it && !list(&alarm["AlarmActions"]).is_empty());
            assert!(rings, "nobody hears of what lies in {queue}");
        }
    }
    for (subscription, properties) in template.any("AWS::SNS::Subscription") {
        dead_letters(
            &template,
            &properties["RedrivePolicy"]["deadLetterTargetArn"],
            subscription,
        );
    }
}

#[tokio::test]
async fn what_a_function_receives_stays_hidden_while_it_works_and_what_failed_of_it_comes_back_alone() {
    let template = Template::in_production().await;
    for (source, mapping) in template.of("AWS::Lambda::EventSourceMapping") {
        let called = referred(&mapping["FunctionName"]).unwrap();
        let function = referred(&template.properties(called)["FunctionName"]).unwrap_or(called);
        let timeout = template.properties(function)["Timeout"].as_u64().unwrap();
        let window = mapping["MaximumBatchingWindowInSeconds"].as_u64().unwrap_or(0);
        let queue = template.properties(referred(&mapping["EventSourceArn"]).unwrap());
        assert!(
            queue["VisibilityTimeout"].as_u64() >= Some(6 * timeout + window),
            "{source}"
        );
        assert_eq!(
            mapping["FunctionResponseTypes"],
            json!(["ReportBatchItemFailures"]),
            "{source}"
        );
    }
}

/// By API Gateway and by machines, functions are called by somebody who waits. Whoever else is let in calls and goes.
#[tokio::test]
async fn nobody_else_calls_a_function_without_waiting() {
    let template = Template::in_production().await;
    for (permission, properties) in template.of("AWS::Lambda::Permission") {
        assert_eq!(properties["Principal"], "apigateway.amazonaws.com", "{permission}");
    }
    for (rule, properties) in template.of("AWS::Events::Rule") {
        for target in list(&properties["Targets"]) {
            let called = &template.0[referred(&target["Arn"]).unwrap()]["Type"];
            assert!(
                ["AWS::SQS::Queue", "AWS::StepFunctions::StateMachine"].contains(&called.as_str().unwrap()),
                "{rule}: {called}"
            );
        }
    }
    for (bucket, properties) in template.of("AWS::S3::Bucket") {
        let told = properties["NotificationConfiguration"].as_object();
        assert!(
            told.is_none_or(|told| told.keys().eq(["EventBridgeConfiguration"])),
            "{bucket}"
        );
    }
    for (topic, properties) in template.of("AWS::SNS::Topic") {
        assert!(properties["Subscription"].is_null(), "{topic}");
    }
}
