//! What every function has: its share of what runs at once, a log of its own, a trace, and the processor it was built for.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{Template, arn, list, referred};

/// Of an account that has not asked for more, and what Lambda keeps of it for functions that have none of their own.
const ACCOUNT: u64 = 1_000;
const UNRESERVED: u64 = 100;

fn reserved(template: &Template) -> BTreeMap<&str, u64> {
    let of = |(function, properties): (_, &Value)| {
        let reserved = properties["ReservedConcurrentExecutions"].as_u64();
        (
            function,
            reserved.unwrap_or_else(|| panic!("{function} can take all there are")),
        )
    };
    template.of("AWS::Lambda::Function").into_iter().map(of).collect()
}

#[tokio::test]
async fn every_function_has_its_share_and_all_of_them_fit_into_an_account() {
    let template = Template::in_production().await;
    let reserved = reserved(&template);
    for (function, share) in &reserved {
        assert!(*share > 0, "{function} never runs");
    }
    let sum: u64 = reserved.values().sum();
    assert!(sum <= ACCOUNT - UNRESERVED, "{sum}");

    let slow = 1_000 * 200 / 1_000;
    assert!(reserved["Authorize"] > slow, "a thousand a second, of 200 ms each");
    let ready = |(_, alias): (_, &Value)| {
        let ready = alias["ProvisionedConcurrencyConfig"]["ProvisionedConcurrentExecutions"].as_u64()?;
        Some((referred(&alias["FunctionName"]).unwrap().to_owned(), ready))
    };
    let ready: Vec<_> = template
        .of("AWS::Lambda::Alias")
        .into_iter()
        .filter_map(ready)
        .collect();
    let [(function, ready)] = ready.as_slice() else {
        panic!("{ready:?}");
    };
    assert!(
        function == "Authorize" && *ready <= reserved["Authorize"],
        "{function}: {ready}"
    );

    for (source, mapping) in template.of("AWS::Lambda::EventSourceMapping") {
        let called = function_of(&template, &mapping["FunctionName"]);
        let at_once = mapping["ScalingConfig"]["MaximumConcurrency"].as_u64().unwrap();
        assert!(
            at_once <= reserved[called],
            "{source}: what does not fit is received and not handled"
        );
    }
}

/// Of a function, or of an alias of it.
fn function_of<'a>(template: &'a Template, named: &'a Value) -> &'a str {
    let logical = referred(named).unwrap_or_else(|| panic!("{named} is no function"));
    match template.0[logical]["Type"].as_str() {
        Some("AWS::Lambda::Alias") => referred(&template.properties(logical)["FunctionName"]).unwrap(),
        _ => logical,
    }
}

#[tokio::test]
async fn every_function_has_a_log_of_its_own_and_writes_to_no_other() {
    let template = Template::in_production().await;
    let (mut groups, mut roles) = (BTreeSet::new(), BTreeSet::new());
    for (function, properties) in template.of("AWS::Lambda::Function") {
        let group = referred(&properties["LoggingConfig"]["LogGroup"]);
        let group = group.unwrap_or_else(|| panic!("{function} makes a log group that is kept for ever"));
        assert!(groups.insert(group), "{function} shares {group}");
        let role = referred(&properties["Role"]).unwrap();
        assert!(roles.insert(role), "{function} shares {role}");
        // What connects it to the network says nothing of logs. Any other could.
        for policy in list(&template.properties(role)["ManagedPolicyArns"]) {
            let connecting = json!({"Fn::GetAtt": ["Network", "Outputs.ConnectingFunctions"]});
            assert_eq!(*policy, connecting, "{role}");
        }
        let leave = template.leave(role);
        let of_logs = |statement: &&&Value| {
            list(&statement["Action"])
                .iter()
                .any(|action| has_prefix(action, "logs:"))
        };
        let logs: Vec<_> = leave.iter().filter(of_logs).collect();
        let writes =
            json!({"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": arn(group)});
        assert_eq!(logs, [&&writes], "{role}");
    }
    // Theirs, the machines' and the API's.
    for (group, properties) in template.of("AWS::Logs::LogGroup") {
        let days = properties["RetentionInDays"].as_u64();
        assert!(days >= Some(365), "{group} is kept for {days:?} days");
    }
    for (machine, properties) in template.of("AWS::StepFunctions::StateMachine") {
        let destination = &properties["LoggingConfiguration"]["Destinations"][0];
        let group = referred(&destination["CloudWatchLogsLogGroup"]["LogGroupArn"]).unwrap();
        assert!(template.0.contains_key(group) && groups.insert(group), "{machine}");
    }
    let (_, stage) = template.of("AWS::ApiGatewayV2::Stage").remove(0);
    assert_eq!(stage["AccessLogSettings"]["DestinationArn"], arn("ApiLog"));
}

fn has_prefix(action: &Value, prefix: &str) -> bool {
    action
        .as_str()
        .is_some_and(|action| action.starts_with(prefix) || action == "*")
}

#[tokio::test]
async fn whatever_runs_is_traced_and_may_say_so() {
    let template = Template::in_production().await;
    let mut roles = BTreeSet::new();
    for (function, properties) in template.of("AWS::Lambda::Function") {
        assert_eq!(properties["TracingConfig"]["Mode"], "Active", "{function}");
        roles.insert(referred(&properties["Role"]).unwrap());
    }
    for (machine, properties) in template.of("AWS::StepFunctions::StateMachine") {
        assert_eq!(properties["TracingConfiguration"]["Enabled"], true, "{machine}");
        roles.insert(referred(&properties["RoleArn"]).unwrap());
    }
    let may: BTreeSet<_> = list(&template.properties("Tracing")["Roles"])
        .into_iter()
        .filter_map(referred)
        .collect();
    assert_eq!(may, roles);
}

#[tokio::test]
async fn in_aws_all_code_runs_on_arm() {
    for stage in ["staging", "production"] {
        let template = Template::expanded(&[("Stage", stage), ("Release", "one")]).await;
        for (function, properties) in template.of("AWS::Lambda::Function") {
            assert_eq!(properties["Architectures"], json!(["arm64"]), "{function}");
            assert!(properties["Layers"].is_null(), "{function}: is its layer for arm?");
        }
    }
}
