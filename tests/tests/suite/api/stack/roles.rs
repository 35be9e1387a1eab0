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
        def put(*sources):
            told = {"EventBusName": name, "DetailType": "probe", "Detail": "{}"}
            return lambda: events.put_events(Entries=[told | {"Source": source} for source in sources])
        for source in ["probe", "onceledger", "onceledger.compliance"]:
            yield f"{called} put as {source}", put(source)
        yield f"{called} put as several", put("onceledger", "onceledger.compliance")
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
    def seals():
        named = {"Bucket": resource["Digests"], "Key": "seals/probe"}
        yield "seals put", lambda: s3.put_object(**named, Body=b"", IfMatch="probe")
        yield "seals get", lambda: s3.get_object(**named)
        yield "seals delete", lambda: s3.delete_object(**named)
        yield "seals list", lambda: s3.list_object_versions(Bucket=resource["Digests"])
        signs = {"MessageType": "DIGEST", "SigningAlgorithm": "ECDSA_SHA_256"}
        yield "seals sign", lambda: client("kms").sign(KeyId=resource["DigestKey"], Message=bytes(32), **signs)
        yield "seals key", lambda: client("kms").get_public_key(KeyId=resource["DigestKey"])
        yield "seals key delete", lambda: client("kms").disable_key(KeyId=resource["DigestKey"])
    def machine(name):
        named = {"stateMachineArn": resource[name], "name": context.aws_request_id, "input": "{}"}
        yield f"{name} start", lambda: states.start_execution(**named)
        yield f"{name} list", lambda: states.list_executions(stateMachineArn=resource[name])
        yield f"{name} delete", lambda: states.delete_state_machine(stateMachineArn=resource[name])
    def vault():
        kms, secrets = client("kms"), client("secretsmanager")
        key, secret = resource["VaultKey"], event["tenant_keys"] + "/" + probe
        context = {"EncryptionContext": {"tenant": probe, "subject": probe}}
        for name in ["Customers", "CustomerKeys"]:
            yield from item(name, pk=probe, sk=probe)
            check = {"TableName": resource[name], "Key": {"pk": {"S": probe}, "sk": {"S": probe}}, "ConditionExpression": "attribute_exists(pk)"}
            yield f"{name} describe", lambda name=name: dynamodb.describe_table(TableName=resource[name])
            yield f"{name} recovery", lambda name=name: dynamodb.describe_continuous_backups(TableName=resource[name])
            yield f"{name} check", lambda check=check: dynamodb.transact_write_items(TransactItems=[{"ConditionCheck": check}])
        yield "vault encrypt", lambda: kms.encrypt(KeyId=key, Plaintext=b"1", **context)
        yield "vault encrypt for nobody", lambda: kms.encrypt(KeyId=key, Plaintext=b"1")
        for name in context["EncryptionContext"]:
            half = {"EncryptionContext": {name: probe}}
            yield f"vault encrypt for a {name} alone", lambda half=half: kms.encrypt(KeyId=key, Plaintext=b"1", **half)
            yield f"vault decrypt for a {name} alone", lambda half=half: kms.decrypt(KeyId=key, CiphertextBlob=bytes(100), **half)
        yield "vault decrypt", lambda: kms.decrypt(KeyId=key, CiphertextBlob=bytes(100), **context)
        yield "vault decrypt for nobody", lambda: kms.decrypt(KeyId=key, CiphertextBlob=bytes(100))
        anew = {"SourceEncryptionContext": context["EncryptionContext"], "DestinationEncryptionContext": context["EncryptionContext"]}
        yield "vault re-encrypt", lambda: kms.re_encrypt(DestinationKeyId=key, CiphertextBlob=bytes(100), SourceKeyId=key, **anew)
        yield "vault data key", lambda: kms.generate_data_key(KeyId=key, KeySpec="AES_256", **context)
        yield "vault key delete", lambda: kms.schedule_key_deletion(KeyId=key)
        yield "vault key policy", lambda: kms.put_key_policy(KeyId=key, PolicyName="default", Policy="{}")
        yield "tenant key create", lambda: secrets.create_secret(Name=secret, SecretString="{}")
        yield "tenant key get", lambda: secrets.get_secret_value(SecretId=secret)
        yield "tenant key put", lambda: secrets.put_secret_value(SecretId=secret, SecretString="{}")
        yield "tenant key move", lambda: secrets.update_secret_version_stage(SecretId=secret, VersionStage="AWSCURRENT", MoveToVersionId=probe)
        yield "tenant key delete", lambda: secrets.delete_secret(SecretId=secret, ForceDeleteWithoutRecovery=True)
        yield "tenant key describe", lambda: secrets.describe_secret(SecretId=secret)
        yield "other secret get", lambda: secrets.get_secret_value(SecretId="probe")
    def erasures():
        kms, named = client("kms"), {"Bucket": resource["Certificates"], "Key": "certificates/probe.json"}
        yield from item("Erasures", pk=probe)
        condition = {"KeyConditionExpression": "unfinished = :value", "ExpressionAttributeValues": {":value": {"S": probe}}}
        index = {"TableName": resource["Erasures"], "IndexName": "unfinished"}
        yield "Erasures unfinished", lambda: dynamodb.query(**index, **condition)
        yield "certificates put", lambda: s3.put_object(**named, Body=b"", IfMatch="probe")
        yield "certificates get", lambda: s3.get_object(**named)
        yield "certificates delete", lambda: s3.delete_object(**named)
        yield "certificates list", lambda: s3.list_object_versions(Bucket=resource["Certificates"])
        yield "other certificates put", lambda: s3.put_object(Bucket=resource["Certificates"], Key="probe", Body=b"", IfMatch="probe")
        signs = {"MessageType": "DIGEST", "SigningAlgorithm": "ECDSA_SHA_256"}
        yield "certificates sign", lambda: kms.sign(KeyId=resource["CertificateKey"], Message=bytes(32), **signs)
        yield "certificates key", lambda: kms.get_public_key(KeyId=resource["CertificateKey"])
        yield "certificates key delete", lambda: kms.disable_key(KeyId=resource["CertificateKey"])
    def audit():
        kms, key = client("kms"), resource["AuditKey"]
        yield "audit sign", lambda: kms.sign(KeyId=key, Message=bytes(32), MessageType="DIGEST", SigningAlgorithm="ECDSA_SHA_256")
        yield "audit key", lambda: kms.get_public_key(KeyId=key)
        yield "audit key delete", lambda: kms.disable_key(KeyId=key)
    def database():
        data, named = client("rds-data"), {"resourceArn": event["cluster"], "secretArn": event["owner"]}
        yield "database begin", lambda: data.begin_transaction(**named)
        yield "database execute", lambda: data.execute_statement(**named, sql="SELECT 1", transactionId=probe)
        yield "database batch", lambda: data.batch_execute_statement(**named, sql="SELECT 1")
        yield "database commit", lambda: data.commit_transaction(**named, transactionId=probe)
        yield "database roll back", lambda: data.rollback_transaction(**named, transactionId=probe)
        yield "owner's secret get", lambda: client("secretsmanager").get_secret_value(SecretId=event["owner"])
        yield "owner's secret put", lambda: client("secretsmanager").put_secret_value(SecretId=event["owner"], SecretString="{")
        yield "cluster describe", lambda: client("rds").describe_db_clusters()
        yield "cluster delete", lambda: client("rds").delete_db_cluster(DBClusterIdentifier="probe", SkipFinalSnapshot=True)
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
    def others():
        kms, topic = client("kms"), resource["Pager"]
        yield "pager publish", lambda: client("sns").publish(TopicArn=topic, Message=probe)
        yield "pager key", lambda: kms.generate_data_key(KeyId=resource["PagerKey"], KeySpec="AES_256")
        for name in ["Authorize", "ErasePii"]:
            yield f"{name} invoke", lambda name=name: client("lambda").invoke(FunctionName=event["functions"][name], Payload=b"{}")
        yield "roles list", lambda: client("iam").list_roles()
    attempts += [*seals(), *others()]
    attempts += [*vault(), *erasures(), *audit(), *database()]
    allowed = []
    for name, attempt in attempts:
        try:
            attempt()
            allowed.append(name)
        except botocore.exceptions.ClientError as error:
            # SNS has a word of its own for it.
            if not error.response["Error"]["Code"].startswith(("AccessDenied", "AuthorizationError")):
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
#[expect(clippy::too_many_lines, reason = "a table of all functions")]
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
        "tenant_keys": cloud.function("keep-customers").environment["TENANT_KEYS"],
        "cluster": cloud.function("migrate").environment["DATABASE_CLUSTER_ARN"],
        "owner": cloud.function("migrate").environment["DATABASE_SECRET_ARN"],
    });
    let told = cloud.ask(PROBE, &given).await;
    for logical in cloud.functions.keys() {
        let needs: &[&str] = match logical.as_str() {
            "Authorize" | "CorrectPayment" | "Deposit" | "RequestSettlement" => &["Gate put", "Gate update"],
            "OnboardMerchant" => &["Contacts put", "Contacts delete"],
            "OutboxPoll" => &[
                "Events put as onceledger",
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
            "ResolveLimbo" => &["Tokens get", "SettlementLong wake", "audit sign"],
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
                "seals put",
                "seals get",
                "seals list",
                "seals sign",
                "seals key",
                "ReconcileDeadLetters send",
                "reports/probe put",
                "pager publish",
                "audit key",
            ],
            "ProveTransaction" => &["seals get", "seals key", "seals list"],
            "ResumeSettlements" => &["SettlementLong start", "ResumeSettlementsDeadLetters send"],
            "KeepCustomers" => &[
                "Customers get",
                "Customers put",
                "CustomerKeys get",
                "CustomerKeys put",
                "CustomerKeys update",
                "CustomerKeys check",
                "vault encrypt",
                "vault decrypt",
                "tenant key create",
                "tenant key get",
            ],
            "RotateKeys" => &[
                "CustomerKeys get",
                "CustomerKeys query",
                "CustomerKeys update",
                "vault encrypt",
                "vault decrypt",
                "vault re-encrypt",
                "tenant key get",
                "tenant key put",
                "tenant key move",
            ],
            "ErasePii" => &[
                "Customers get",
                "Customers delete",
                "Customers query",
                "CustomerKeys get",
                "CustomerKeys put",
                "CustomerKeys update",
                "CustomerKeys delete",
                "CustomerKeys query",
                "CustomerKeys check",
                "CustomerKeys describe",
                "CustomerKeys recovery",
                "tenant key delete",
                "tenant key describe",
                "Erasures get",
                "Erasures put",
                "Erasures update",
                "Events put as onceledger.compliance",
                "Erasures unfinished",
                "ErasePiiDeadLetters send",
                "ErasureQueue receive",
                "certificates put",
                "certificates get",
                "certificates list",
                "certificates sign",
                "certificates key",
                "audit sign",
            ],
            "Migrate" => &[
                "database begin",
                "database execute",
                "database commit",
                "database roll back",
                "owner's secret get",
            ],
            "MatchStatement" => &["StatementQueue receive", "probe.csv get", "mappings/probe.json get"],
            "Breaks" | "DeadLetters" | "FreezeAccount" | "HaltPostings" => &["audit sign"],
            "Compensate" | "OpenAccount" | "ReadAccount" | "ReadPayment" | "ReadSettlement" => &[],
            unknown => panic!("say what {unknown} needs"),
        };
        let allowed = told[logical]["allowed"].as_array();
        let allowed = allowed.unwrap_or_else(|| panic!("{logical}: {}", told[logical]));
        let allowed: BTreeSet<_> = allowed.iter().filter_map(|name| name.as_str()).collect();
        assert_eq!(allowed, needs.iter().copied().collect(), "{logical}");
        assert!(told[logical]["tried"].as_u64() > Some(50), "{logical}");
    }
}
