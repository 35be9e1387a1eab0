//! The real migrations on servers of a test's own, by the real function.

use serde_json::{Value, json};
use tests::custom_resource::CloudFormation;
use tests::lambda::Function;

use super::scene::Server;
use crate::ledger::roles::LOGINS;

/// Applies them by psql, as a database without a cloud gets them.
const BY_PSQL: &str = r#"
from local.migrations import migrate_empty_database
migrate_empty_database(given["port"])
told = None
"#;

/// A stack of a custom resource, a queue that waits for it, and the function in `given`; what became of it.
const STACK: &str = r#"
import io, time, zipfile
archive = io.BytesIO()
with zipfile.ZipFile(archive, "w") as packed, open(given["bootstrap"], "rb") as bootstrap:
    executable = zipfile.ZipInfo("bootstrap")
    executable.external_attr = 0o755 << 16
    packed.writestr(executable, bootstrap.read())
everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
iam, lambdas, stacks = client("iam"), client("lambda"), client("cloudformation")
name = given["name"]
role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(everything))["Role"]["Arn"]
iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=json.dumps(everything))
function = lambdas.create_function(
    FunctionName=name, Runtime="provided.al2023", Handler="bootstrap", Role=role, Timeout=60,
    Code={"ZipFile": archive.getvalue()}, Environment={"Variables": given["environment"]},
)["FunctionArn"]
def ended(of):
    while True:
        (stack,) = stacks.describe_stacks(StackName=of)["Stacks"]
        if not stack["StackStatus"].endswith("_IN_PROGRESS"):
            return stack["StackStatus"]
        time.sleep(0.1)
def deployed(of, version, act):
    migrations = {"Type": "Custom::Migrations", "Properties": {"ServiceToken": function, "ServiceTimeout": 60, "Version": version}}
    queue = {"Type": "AWS::SQS::Queue", "DependsOn": "Migrations", "Properties": {"QueueName": of}}
    outputs = {"Last": {"Value": {"Fn::GetAtt": ["Migrations", "Last"]}}}
    act(StackName=of, TemplateBody=json.dumps({"Resources": {"Migrations": migrations, "Queue": queue}, "Outputs": outputs}))
    status = ended(of)
    events = stacks.describe_stack_events(StackName=of)["StackEvents"]
    reasons = [each.get("ResourceStatusReason", "") for each in events if each["ResourceStatus"] == "CREATE_FAILED"]
    (stack,) = stacks.describe_stacks(StackName=of)["Stacks"]
    queues = client("sqs").list_queues(QueueNamePrefix=of).get("QueueUrls", [])
    return {"status": status, "reasons": reasons, "queues": len(queues), "outputs": [each["OutputValue"] for each in stack.get("Outputs", [])]}
"#;

async fn invoked(function: &Function, cloudformation: &CloudFormation, request_type: &str) -> Value {
    let answer = function.invoke(&cloudformation.event(request_type)).await.unwrap();
    // What the function says is what CloudFormation was told.
    assert_eq!(cloudformation.answers().last(), Some(&answer));
    answer
}

#[tokio::test]
async fn an_empty_database_gets_them_all_the_next_run_adds_none_and_a_deleted_stack_leaves_them() {
    let server = Server::start().await;
    let cloudformation = CloudFormation::start().await;
    let function = server.function().start().await.unwrap();
    let first = invoked(&function, &cloudformation, "Create").await;
    assert_eq!(first["Status"], "SUCCESS", "{first}");
    let last = ::migrate::migrations().pop().unwrap();
    assert_eq!(first["Data"], json!({"Last": last.file}));
    let after = server.dump().await;
    for migration in ::migrate::migrations() {
        assert!(
            after.contains(&format!("{}\t{}\t", migration.file, migration.sha256)),
            "{}",
            migration.file
        );
    }
    for request_type in ["Create", "Update", "Delete"] {
        let next = invoked(&function, &cloudformation, request_type).await;
        assert_eq!(next["Status"], "SUCCESS", "{next}");
        assert_eq!(
            next["PhysicalResourceId"], first["PhysicalResourceId"],
            "another id would replace the resource"
        );
        assert_eq!(server.dump().await, after, "{request_type}");
    }
}

/// Both ways in read one record, of the same files, in the same order.
#[tokio::test]
async fn a_database_without_a_cloud_is_the_same_as_one_that_was_deployed() {
    let (deployed, alone) = tokio::join!(Server::start(), Server::start());
    let function = deployed.function().start().await.unwrap();
    let cloudformation = CloudFormation::start().await;
    assert_eq!(invoked(&function, &cloudformation, "Create").await["Status"], "SUCCESS");
    alone.ask(BY_PSQL).await;
    // All but the time of it.
    let timeless = |dump: String| -> Vec<String> {
        let lines = dump.lines().map(|line| match line.split('\t').collect::<Vec<_>>()[..] {
            [file, sha256, _] if sha256.len() == 64 => format!("{file} {sha256}"),
            _ => line.to_owned(),
        });
        lines.collect()
    };
    assert_eq!(timeless(alone.dump().await), timeless(deployed.dump().await));

    let next = alone.function().start().await.unwrap();
    let before = alone.dump().await;
    assert_eq!(invoked(&next, &cloudformation, "Update").await["Status"], "SUCCESS");
    assert_eq!(alone.dump().await, before);
}

/// Fifteen of them succeed, one fails: the role that it makes is there already.
#[tokio::test]
async fn one_that_fails_rolls_the_stack_back_and_leaves_the_database_as_it_was() {
    let server = Server::start().await;
    let superuser = server.cloud.superuser().await;
    superuser
        .batch_execute("CREATE ROLE ledger_matching NOLOGIN")
        .await
        .unwrap();
    let before = server.dump().await;
    let name = format!("own-{}", uuid::Uuid::new_v4());
    let given = json!({
        "name": name, "environment": server.environment(), "bootstrap": server.cloud.function("migrate").bootstrap,
    });
    let script = format!("{STACK}\ntold = deployed(name, '1', stacks.create_stack)");
    let told = server.cloud.ask(&script, &given).await;
    assert_eq!(told["status"], "ROLLBACK_COMPLETE", "{told}");
    assert_eq!(told["queues"], 0, "what waits for the migrations was made without them");
    let reason = told["reasons"].to_string();
    for part in [
        "migrations/0015_statements.sql failed",
        "nothing was changed",
        "ledger_matching",
        "SQLState: 42710",
    ] {
        assert!(reason.contains(part), "{reason}");
    }
    assert_eq!(server.dump().await, before);

    superuser.batch_execute("DROP ROLE ledger_matching").await.unwrap();
    let again = given_another_name(&given);
    // The first, another version of the same, and the stack's end.
    let script = format!(
        "{STACK}
told = [deployed(name, '1', stacks.create_stack), deployed(name, '2', stacks.update_stack)]
stacks.delete_stack(StackName=name)
stacks.get_waiter('stack_delete_complete').wait(StackName=name, WaiterConfig={{'Delay': 1}})"
    );
    let told = server.cloud.ask(&script, &again).await;
    let last = ::migrate::migrations().pop().unwrap().file;
    for (which, status) in [(0, "CREATE_COMPLETE"), (1, "UPDATE_COMPLETE")] {
        assert_eq!(
            (&told[which]["status"], &told[which]["queues"]),
            (&json!(status), &json!(1)),
            "{told}"
        );
        assert_eq!(told[which]["outputs"], json!([last]));
    }
    let applied = superuser
        .query("SELECT FROM public.applied_migrations", &[])
        .await
        .unwrap();
    assert_eq!(applied.len(), ::migrate::migrations().len());
}

fn given_another_name(given: &Value) -> Value {
    let mut another = given.clone();
    another["name"] = json!(format!("own-{}", uuid::Uuid::new_v4()));
    another
}

#[tokio::test]
async fn the_functions_roles_may_sign_in_by_iam_exactly_where_there_is_such_a_thing() {
    let server = Server::start().await;
    let cloudformation = CloudFormation::start().await;
    let function = server.function().start().await.unwrap();
    assert_eq!(invoked(&function, &cloudformation, "Create").await["Status"], "SUCCESS");
    let superuser = server.cloud.superuser().await;
    // As in AWS, whose master user hands it out by another role, and a person's own login that must keep its password.
    let aws = "CREATE ROLE rds_iam NOLOGIN; CREATE ROLE rds_superuser NOLOGIN; GRANT rds_iam TO rds_superuser WITH ADMIN OPTION, INHERIT FALSE;
        GRANT rds_superuser TO ledger_owner; CREATE ROLE ada LOGIN; GRANT auditor TO ada";
    superuser.batch_execute(aws).await.unwrap();
    for _ in 0..2 {
        assert_eq!(invoked(&function, &cloudformation, "Update").await["Status"], "SUCCESS");
        let sql = "SELECT member::regrole::text FROM pg_auth_members WHERE roleid = 'rds_iam'::regrole ORDER BY 1";
        let rows = superuser.query(sql, &[]).await.unwrap();
        let members: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        let mut expected: Vec<_> = LOGINS.into_iter().chain(["rds_superuser"]).collect();
        expected.sort_unstable();
        assert_eq!(members, expected);
    }

    // Whose schema is up to date but whose functions cannot sign in is not ready.
    superuser
        .batch_execute("REVOKE rds_iam FROM poster CASCADE; REVOKE ADMIN OPTION FOR rds_iam FROM rds_superuser CASCADE")
        .await
        .unwrap();
    let failed = invoked(&function, &cloudformation, "Update").await;
    assert_eq!(failed["Status"], "FAILED", "{failed}");
    assert!(failed["Reason"].to_string().contains("rds_iam"), "{failed}");
}
