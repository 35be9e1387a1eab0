//! The function's own permissions, each taken away in turn.

use serde_json::Value;
use tests::cloud::Cloud;
use tests::custom_resource::CloudFormation;
use tests::lambda::{Function, Setup};

use super::scene::{Empty, in_empty_database};
use crate::least_privilege::role::Role;

const NEEDED: [&str; 5] = [
    "rds-data:BeginTransaction",
    "rds-data:CommitTransaction",
    "rds-data:ExecuteStatement",
    "rds-data:RollbackTransaction",
    "secretsmanager:GetSecretValue",
];

async fn updated(function: Setup) -> Value {
    let cloudformation = CloudFormation::start().await;
    let function = function.start().await.unwrap();
    function.invoke(&cloudformation.event("Update")).await.unwrap()
}

#[tokio::test]
async fn without_leave_for_any_part_of_it_nothing_is_migrated_and_with_it_all_is() {
    let cloud = Cloud::running();
    let role = Role::of(&cloud, "migrate", &[]).await;
    let permissions = role.permissions();
    let actions: Vec<_> = permissions
        .iter()
        .filter_map(|permission| permission.split(' ').next())
        .collect();
    assert_eq!(actions, NEEDED, "say what happens without it");
    for permission in permissions {
        // What it is for: below.
        if permission.starts_with(NEEDED[3]) {
            continue;
        }
        let answer = updated(role.binding_without(permission, Function::of(&cloud, "migrate"))).await;
        assert_eq!(answer["Status"], "FAILED", "{permission}");
        assert!(
            answer["Reason"].to_string().contains("AccessDenied"),
            "{permission}: {answer}"
        );
    }
    let answer = updated(role.binding(Function::of(&cloud, "migrate"))).await;
    assert_eq!(answer["Status"], "SUCCESS", "{answer}");
}

/// How many transactions have the migrations' lock.
const LOCKED: &str = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'
                         AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

/// A record of another past than ours. It is refused by the function, and not by a statement, which would end the transaction.
const ANOTHER_PAST: &str = "SET ROLE ledger_owner;
    CREATE TABLE public.applied_migrations (file text PRIMARY KEY, sha256 text NOT NULL);
    INSERT INTO public.applied_migrations VALUES ('0001_roles.sql', 'another')";

#[tokio::test]
async fn without_leave_to_roll_back_what_was_refused_keeps_its_locks_and_with_it_gives_them_up() {
    in_empty_database(async |empty: Empty| {
        let superuser = empty.cloud.superuser().await;
        superuser.batch_execute(ANOTHER_PAST).await.unwrap();
        let role = Role::of(&empty.cloud, "migrate", &[]).await;
        let permissions = role.permissions();
        let roll_back = permissions
            .iter()
            .find(|permission| permission.starts_with(NEEDED[3]))
            .unwrap();
        for (function, locked) in [
            (role.binding(empty.function()), 0),
            (role.binding_without(roll_back, empty.function()), 1),
        ] {
            let answer = updated(function).await;
            let reason = answer["Reason"].as_str().unwrap();
            assert!(reason.contains("migrations/0001_roles.sql is not the file"), "{answer}");
            assert_eq!(empty.numbers(LOCKED).await, [locked]);
        }
    })
    .await;
}
