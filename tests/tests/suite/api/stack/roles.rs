//! What an execution role lets its function do, tried out: with the role, from inside a function.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use tests::cloud::Cloud;
use uuid::Uuid;

/// A function of the test's own is given each deployed role in turn and tries everything. What is refused for any other
/// reason than the role's was let through.
const PROBE: &str = r#"
import io, zipfile
code = io.BytesIO()
with zipfile.ZipFile(code, "w") as archive:
    archive.writestr("index.py", '''
import boto3, botocore.exceptions
def handler(event, context):
    resource, probe = event["resources"], event["probe"]
    def client(service):
        return boto3.client(service, endpoint_url=event["endpoint"])
    dynamodb, events, sqs, s3, ses, states = map(client, ["dynamodb", "events", "sqs", "s3", "sesv2", "stepfunctions"])
    def item(table, **key):
        named = {"TableName": resource[table]}
        typed = {name: {"S": value} for name, value in key.items()}
        yield f"{table} put", lambda: dynamodb.put_item(**named, Item=typed)
        yield f"{table} update", lambda: dynamodb.update_item(**named, Key=typed)
        yield f"{table} get", lambda: dynamodb.get_item(**named, Key=typed)
        yield f"{table} delete", lambda: dynamodb.delete_item(**named, Key=typed)
        yield f"{table} scan", lambda: dynamodb.scan(**named, Limit=1)
        name, value = next(iter(typed.items()))
        condition = {"KeyConditionExpression": name + " = :value", "ExpressionAttributeValues": {":value": value}}
        yield f"{table} query", lambda: dynamodb.query(**named, **condition)
    def queue(name):
        yield f"{name} send", lambda: sqs.send_message(QueueUrl=resource[name], MessageBody="")
        yield f"{name} receive", lambda: sqs.receive_message(QueueUrl=resource[name], VisibilityTimeout=0)
        yield f"{name} purge", lambda: sqs.purge_queue(QueueUrl=resource[name])
    def bus(called, name):
        entry = {"EventBusName": name, "Source": "probe", "DetailType": "probe", "Detail": "{}"}
        yield f"{called} put", lambda: events.put_events(Entries=[entry])
        yield f"{called} describe", lambda: events.describe_event_bus(Name=name)
    def mail(called, sender):
        content = {"Simple": {"Subject": {"Data": probe}, "Body": {"Text": {"Data": probe}}}}
        to = {"ToAddresses": ["probe@example.com"]}
        yield f"{called} send", lambda: ses.send_email(FromEmailAddress=sender, Destination=to, Content=content)
    def bucket(key, name="Archive"):
        named = {"Bucket": resource[name], "Key": key}
        yield f"{key} put", lambda: s3.put_object(**named, Body=b"")
        yield f"{key} get", lambda: s3.get_object(**named)
        yield f"{key} delete", lambda: s3.delete_object(**named)
    def machine(name):
        named = {"stateMachineArn": resource[name], "name": context.aws_request_id, "input": "{}"}
        yield f"{name} start", lambda: states.start_execution(**named)
        yield f"{name} list", lambda: states.list_executions(stateMachineArn=resource[name])
        yield f"{name} delete", lambda: states.delete_state_machine(stateMachineArn=resource[name])
    attempts = [*item("Gate", pk=probe, sk="key#probe"), *item("Contacts", tenant_id=probe)]
    attempts += [*item("Tokens", pk=probe), *item("Breakers", pk=probe)]
    attempts += [*machine("SettlementShort"), *machine("SettlementLong")]
    attempts += [*bus("Events", resource["Events"]), *bus("default", "default")]
    for consumer in ["notify", "analytics"]:
        attempts += [(f"{consumer}: {name}", attempt) for name, attempt in item("Consumed", pk=f"{consumer}#{probe}")]
    for name in event["queues"]:
        attempts += queue(name)
    attempts += [*mail("ours", event["sender"]), *mail("another", "another@" + event["sender"].partition("@")[2])]
    attempts += [*bucket("events/probe"), *bucket("probe"), *bucket("reports/probe", "Reports")]
    attempts.append(("Archive list", lambda: s3.list_objects_v2(Bucket=resource["Archive"])))
    attempts += [*bucket("probe.csv", "Statements"), *bucket("mappings/probe.json", "Statements")]
    attempts.append(("Statements list", lambda: s3.list_objects_v2(Bucket=resource["Statements"])))
    allowed = []
    for name, attempt in attempts:
        try:
            attempt()
            allowed.append(name)
        except botocore.exceptions.ClientError as error:
            if not error.response["Error"]["Code"].startswith("AccessDenied"):
                allowed.append(name)
    return {"tried": len(attempts), "allowed": allowed}
''')
functions = client("lambda")
told = {}
for name, function in given["functions"].items():
    role = functions.get_function_configuration(FunctionName=function)["Role"]
    probe = f"probe-{name}-{given['probe'][-8:]}"
    made = {"Runtime": "python3.12", "Handler": "index.handler", "Timeout": 60, "Code": {"ZipFile": code.getvalue()}}
    functions.create_function(FunctionName=probe, Role=role, **made)
    try:
        answer = functions.invoke(FunctionName=probe, Payload=json.dumps(given | {"endpoint": endpoint}))
        told[name] = json.loads(answer["Payload"].read())
        # A token is authorized on its machine, and there is none to be had here: the policies are asked instead.
        for machine in ["SettlementShort", "SettlementLong"]:
            asked = {"ActionNames": ["states:SendTaskSuccess"], "ResourceArns": [given["resources"][machine]]}
            (result,) = client("iam").simulate_principal_policy(PolicySourceArn=role, **asked)["EvaluationResults"]
            if result["EvalDecision"] == "allowed":
                told[name]["allowed"].append(f"{machine} wake")
    finally:
        functions.delete_function(FunctionName=probe)
"#;

#[tokio::test]
async fn a_role_lets_its_function_do_what_it_needs_and_no_more() {
    let cloud = Cloud::running();
    let names: BTreeMap<_, _> = cloud
        .functions
        .iter()
        .map(|(logical, function)| (logical, &function.name))
        .collect();
    // No consumer's own queue is received from by a stranger: that would count as a delivery. Refusals do no harm.
    let queues: Vec<_> = cloud
        .resources
        .iter()
        .filter_map(|(logical, url)| url.starts_with("http").then_some(logical))
        .collect();
    let given = json!({
        "functions": names, "resources": cloud.resources, "queues": queues, "probe": Uuid::new_v4(),
        "sender": cloud.function("notify").environment["MAIL_FROM"],
    });
    let told = cloud.ask(PROBE, &given).await;
    for logical in cloud.functions.keys() {
        let needs: &[&str] = match logical.as_str() {
            "Authorize" | "CorrectPayment" | "Deposit" | "RequestSettlement" => &["Gate put", "Gate update"],
            "OnboardMerchant" => &["Contacts put", "Contacts delete"],
            "OutboxPoll" => &[
                "Events put",
                "Events describe",
                "EventDeadLetters send",
                "OutboxPollDeadLetters send",
            ],
            "Notify" => &[
                "Contacts get",
                "notify: Consumed put",
                "notify: Consumed update",
                "NotifyQueue receive",
                "ours send",
            ],
            "Analytics" => &[
                "analytics: Consumed put",
                "analytics: Consumed update",
                "AnalyticsQueue receive",
                "events/probe put",
            ],
            "FoldBalances" => &["FoldBalancesDeadLetters send"],
            "SettleStep" => &["Breakers get", "Breakers put", "Breakers update"],
            "AwaitDecision" => &["Tokens put", "SettlementLong wake"],
            "ResolveLimbo" => &["Tokens get", "SettlementLong wake"],
            "WakeParked" => &[
                "Breakers get",
                "ParkedQueue receive",
                "SettlementLong wake",
                "WakeParkedDeadLetters send",
            ],
            "Reconcile" => &[
                "Gate scan",
                "Gate update",
                "SettlementLong list",
                "ReconcileDeadLetters send",
                "reports/probe put",
            ],
            "ResumeSettlements" => &["SettlementLong start", "ResumeSettlementsDeadLetters send"],
            "MatchStatement" => &["StatementQueue receive", "probe.csv get", "mappings/probe.json get"],
            "Breaks" | "Compensate" | "DeadLetters" | "FreezeAccount" | "HaltPostings" | "OpenAccount"
            | "ReadAccount" | "ReadPayment" | "ReadSettlement" => &[],
            unknown => panic!("say what {unknown} needs"),
        };
        let allowed = told[logical]["allowed"].as_array();
        let allowed = allowed.unwrap_or_else(|| panic!("{logical}: {}", told[logical]));
        let allowed: BTreeSet<_> = allowed.iter().filter_map(|name| name.as_str()).collect();
        assert_eq!(allowed, needs.iter().copied().collect(), "{logical}");
        assert!(told[logical]["tried"].as_u64() > Some(50), "{logical}");
    }
}
