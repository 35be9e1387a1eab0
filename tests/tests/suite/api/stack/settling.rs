//! The way of a settlement: the rule, the machines, what they may do, and the net beneath them.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{SseStatus, TimeToLiveStatus};
use serde_json::{Value, json};
use tests::cloud::Cloud;

/// Each machine as deployed, with what its role allows.
const MACHINES: &str = r#"
states, iam, logs = client("stepfunctions"), client("iam"), client("logs")
def machine(arn):
    found = states.describe_state_machine(stateMachineArn=arn)
    role = found["roleArn"].rpartition("/")[2]
    policy = lambda name: iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]["Statement"]
    trust = iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]["Statement"]
    logging = found["loggingConfiguration"]
    (destination,) = logging["destinations"]
    group = destination["cloudWatchLogsLogGroup"]["logGroupArn"].split(":log-group:")[1].removesuffix(":*")
    policies = iam.list_role_policies(RoleName=role)["PolicyNames"]
    return {
        "type": found["type"], "definition": json.loads(found["definition"]), "trust": trust,
        "level": [logging["level"], logging["includeExecutionData"]], "policies": policies,
        "tasks": [each for name in sorted(policies, reverse=True) if name != "log" for each in policy(name)], "logs": [each["logGroupName"] for each in logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]],
    }
told = {name: machine(given[name]) for name in ["SettlementShort", "SettlementLong", "Reconciliation"]}
"#;

async fn machines(cloud: &Cloud) -> Value {
    cloud.ask(MACHINES, &json!(cloud.resources)).await
}

fn function_arn(cloud: &Cloud, logical: &str) -> String {
    format!(
        "arn:aws:lambda:{}:000000000000:function:{}",
        cloud.aws.region, cloud.functions[logical].name
    )
}

fn queue_arn(cloud: &Cloud, logical: &str) -> String {
    let name = cloud.resource(logical).rsplit('/').next().unwrap();
    format!("arn:aws:sqs:{}:000000000000:{name}", cloud.aws.region)
}

fn key_arn(cloud: &Cloud, logical: &str) -> String {
    let id = cloud.resource(logical);
    format!("arn:aws:kms:{}:000000000000:key/{id}", cloud.aws.region)
}

#[tokio::test]
async fn the_machines_are_those_of_the_repository_and_log_errors_without_what_they_carry() {
    let cloud = Cloud::running();
    let told = machines(&cloud).await;
    let substitutes = BTreeMap::from([
        ("Partition", "aws".to_owned()),
        ("SettleStep", function_arn(&cloud, "SettleStep")),
        ("Compensate", function_arn(&cloud, "Compensate")),
        ("AwaitDecision", function_arn(&cloud, "AwaitDecision")),
        ("SettlementLong", cloud.resource("SettlementLong").to_owned()),
        ("Reconcile", function_arn(&cloud, "Reconcile")),
        ("ParkedQueue", cloud.resource("ParkedQueue").to_owned()),
        ("Pager", cloud.resource("Pager").to_owned()),
    ]);
    for (logical, file, kind) in [
        ("SettlementShort", "settlement-short", "EXPRESS"),
        ("SettlementLong", "settlement-long", "STANDARD"),
        ("Reconciliation", "reconciliation", "STANDARD"),
    ] {
        let machine = &told[logical];
        assert_eq!(machine["type"], kind, "{logical}");
        assert_eq!(machine["level"], json!(["ERROR", false]), "{logical}");
        assert_eq!(machine["logs"].as_array().map(Vec::len), Some(1), "{logical}");
        let path = format!("{}/../statemachines/{file}.asl.json", env!("CARGO_MANIFEST_DIR"));
        let mut written = std::fs::read_to_string(path).unwrap();
        for (name, value) in &substitutes {
            written = written.replace(&format!("${{{name}}}"), value);
        }
        assert!(!written.contains("${"), "{logical}: something is not substituted");
        assert_eq!(
            machine["definition"],
            serde_json::from_str::<Value>(&written).unwrap(),
            "{logical}"
        );
    }
}

#[tokio::test]
async fn a_machine_may_do_what_its_tasks_do_and_no_more() {
    let cloud = Cloud::running();
    let told = machines(&cloud).await;
    let allow = |actions: &str, resource: Value| {
        let actions = match actions.split(' ').collect::<Vec<_>>().as_slice() {
            [one] => json!(one),
            several => json!(several),
        };
        json!({"Effect": "Allow", "Action": actions, "Resource": resource})
    };
    let invoke = |functions: &[&str]| -> Value {
        functions
            .iter()
            .map(|name| function_arn(&cloud, name))
            .collect::<Vec<_>>()
            .into()
    };
    let expected = [
        (
            "SettlementShort",
            json!([
                allow("lambda:InvokeFunction", json!(function_arn(&cloud, "SettleStep"))),
                allow("states:StartExecution", json!(cloud.resource("SettlementLong"))),
            ]),
        ),
        (
            "SettlementLong",
            json!([
                allow(
                    "lambda:InvokeFunction",
                    invoke(&["SettleStep", "Compensate", "AwaitDecision"])
                ),
                allow("sqs:SendMessage", json!(queue_arn(&cloud, "ParkedQueue"))),
                allow("sns:Publish", json!(cloud.resource("Pager"))),
                allow("kms:Decrypt kms:GenerateDataKey*", json!(key_arn(&cloud, "PagerKey"))),
            ]),
        ),
        (
            "Reconciliation",
            json!([allow("lambda:InvokeFunction", json!(function_arn(&cloud, "Reconcile")))]),
        ),
    ];
    for (logical, tasks) in expected {
        let machine = &told[logical];
        assert_eq!(machine["tasks"], tasks, "{logical}");
        let mut policies: Vec<_> = machine["policies"]
            .as_array()
            .unwrap()
            .iter()
            .map(|name| name.as_str().unwrap())
            .collect();
        policies.sort_unstable();
        // Who calls people has that in a policy of its own.
        policies.retain(|name| logical != "SettlementLong" || *name != "calling");
        assert_eq!(policies, ["log", "tasks"], "{logical}");
        assert_eq!(
            machine["trust"],
            json!([{
                "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "states.amazonaws.com"},
                "Condition": {"StringEquals": {"aws:SourceAccount": "000000000000"}},
            }])
        );
    }
}

#[tokio::test]
async fn a_settlement_that_was_requested_starts_the_short_machine_or_is_kept() {
    let cloud = Cloud::running();
    let script = r#"
events, iam = client("events"), client("iam")
named = {"EventBusName": given["Events"]}
rule = events.describe_rule(Name=given["SettlementRule"], **named)
(target,) = events.list_targets_by_rule(Rule=given["SettlementRule"], **named)["Targets"]
role = target["RoleArn"].rpartition("/")[2]
(policy,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
leave = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]["Statement"]
told = {"pattern": json.loads(rule["EventPattern"]), "state": rule["State"], "target": target, "leave": leave}
"#;
    let told = cloud.ask(script, &json!(cloud.resources)).await;
    let requested = domain::event::EventType::SettlementRequested;
    assert_eq!(
        told["pattern"],
        json!({"source": [domain::event::Event::SOURCE], "detail-type": [requested.as_str()]})
    );
    let (target, machine) = (&told["target"], cloud.resource("SettlementShort"));
    assert_eq!((&told["state"], &target["Arn"]), (&json!("ENABLED"), &json!(machine)));
    assert_eq!(target["DeadLetterConfig"]["Arn"], queue_arn(&cloud, "RuleDeadLetters"));
    assert_eq!(
        target["RetryPolicy"],
        json!({"MaximumRetryAttempts": 185, "MaximumEventAgeInSeconds": 86400})
    );
    assert_eq!(
        told["leave"],
        json!([{"Effect": "Allow", "Action": "states:StartExecution", "Resource": machine}])
    );
}

#[tokio::test]
async fn what_is_parked_or_lost_is_looked_after_every_minute_one_run_at_a_time_unless_it_is_switched_off() {
    let cloud = Cloud::running();
    let script = r#"
scheduler, functions = client("scheduler"), client("lambda")
def scheduled(function, queue):
    (named,) = [each for each in scheduler.list_schedules()["Schedules"] if function in each["Target"]["Arn"]]
    schedule = scheduler.get_schedule(Name=named["Name"])
    retries = functions.get_function_event_invoke_config(FunctionName=function, Qualifier="$LATEST")
    return [
        schedule["State"], schedule["ScheduleExpression"], schedule["Target"]["DeadLetterConfig"]["Arn"] == queue,
        functions.get_function_concurrency(FunctionName=function)["ReservedConcurrentExecutions"],
        retries["MaximumRetryAttempts"], retries["DestinationConfig"]["OnFailure"]["Destination"] == queue,
    ]
told = [scheduled(*each) for each in given]
"#;
    let given = ["WakeParked", "ResumeSettlements"].map(|logical| {
        json!([
            cloud.functions[logical].name,
            queue_arn(&cloud, &format!("{logical}DeadLetters"))
        ])
    });
    // Switched off, because here the tests say when.
    let expected = json!(["DISABLED", "rate(1 minute)", true, 1, 0, true]);
    assert_eq!(cloud.ask(script, &json!(given)).await, json!([expected, expected]));
    for logical in ["WakeParked", "ResumeSettlements"] {
        assert!(
            cloud.functions[logical].timeout_seconds <= 60,
            "the next run begins then"
        );
    }
}

#[tokio::test]
async fn tokens_are_forgotten_in_time_and_both_tables_are_encrypted() {
    let cloud = Cloud::running();
    let dynamodb = cloud.dynamodb();
    for (logical, expires) in [("Tokens", Some("expires_at")), ("Breakers", None)] {
        let table = cloud.resource(logical);
        let lifetime = dynamodb.describe_time_to_live().table_name(table).send().await.unwrap();
        let lifetime = lifetime.time_to_live_description().unwrap();
        let enabled = lifetime.time_to_live_status() == Some(&TimeToLiveStatus::Enabled);
        assert_eq!(
            enabled.then(|| lifetime.attribute_name().unwrap()),
            expires,
            "{logical}"
        );
        let described = dynamodb.describe_table().table_name(table).send().await.unwrap();
        let encryption = described.table().unwrap().sse_description().unwrap();
        assert_eq!(encryption.status(), Some(&SseStatus::Enabled), "{logical}");
    }
}

/// Two functions that disagree about a breaker would not share one.
#[tokio::test]
async fn who_asks_the_provider_and_who_wakes_the_parked_see_the_same_breaker() {
    let cloud = Cloud::running();
    let (step, wake) = (
        &cloud.function("settle-step").environment,
        &cloud.function("wake-parked").environment,
    );
    for name in [
        "KYC_ORIGIN",
        "BREAKER_TABLE",
        "BREAKER_IN_FLIGHT",
        "BREAKER_OPEN_SECONDS",
    ] {
        assert_eq!(step[name], wake[name], "{name}");
    }
    assert_eq!(step["KYC_ORIGIN"], cloud.kyc_origin);
    assert_eq!(step["BREAKER_TABLE"], cloud.resource("Breakers"));
    // An answer is waited for, and recorded, within the function's own time.
    let patience: u64 = step["KYC_TIMEOUT_SECONDS"].parse().unwrap();
    assert!(2 * patience < cloud.function("settle-step").timeout_seconds);
    let same = [("authorize", "FEES"), ("request-settlement", "FEES")]
        .map(|(function, name)| &cloud.function(function).environment[name]);
    assert_eq!(
        same[0], same[1],
        "a payment that is settled costs what a settlement costs"
    );
}
