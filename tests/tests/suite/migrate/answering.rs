//! A deployment waits for its answer, so there is one, or an end.

use std::time::{Duration, Instant};

use serde_json::json;
use tests::cloud::Cloud;
use tests::custom_resource::{CloudFormation, Manner};
use tests::fault::{DataApiProxy, Fate};
use tests::lambda::{Function, Unanswered};

use super::scene::in_empty_database;

/// For the function, instead of its five minutes.
const TIME: Duration = Duration::from_secs(8);

#[tokio::test]
async fn an_answer_that_nobody_takes_is_given_up_in_time_and_a_refused_one_is_tried_again() {
    let cloud = Cloud::running();
    for manner in [Manner::Refuse, Manner::Ignore] {
        let cloudformation = CloudFormation::start().await;
        cloudformation.behave(manner);
        let function = Function::of(&cloud, "migrate").deadline(TIME).start().await.unwrap();
        let began = Instant::now();
        let failed = function.invoke(&cloudformation.event("Update")).await;
        assert!(matches!(failed, Err(Unanswered::Failed(_))), "{manner:?}: {failed:?}");
        assert!(began.elapsed() < TIME, "the function would have been cut off");
        let arrived = cloudformation.answers();
        assert!(arrived.len() > 1, "{manner:?}: {}", arrived.len());
        assert!(arrived.iter().all(|answer| answer["Status"] == "SUCCESS"));
        // Whoever reads the log must not be able to answer.
        assert!(!function.output().contains("Signature"), "{}", function.output());

        // It was done all the same, and is not done twice.
        cloudformation.behave(Manner::Take);
        let answer = function.invoke(&cloudformation.event("Update")).await.unwrap();
        assert_eq!(answer["Status"], "SUCCESS", "{answer}");
    }
}

#[tokio::test]
async fn a_data_api_that_says_nothing_is_given_up_in_time_for_an_answer() {
    let cloud = Cloud::running();
    let cloudformation = CloudFormation::start().await;
    let proxy = DataApiProxy::start(&cloud, |_, _| Fate::Hold).await;
    let function = Function::of(&cloud, "migrate")
        .set("AWS_ENDPOINT_URL", proxy.url())
        .deadline(TIME);
    let function = function.start().await.unwrap();
    let answer = function.invoke(&cloudformation.event("Update")).await.unwrap();
    assert_eq!(answer["Status"], "FAILED", "{answer}");
    assert_eq!(cloudformation.answers(), [answer]);
}

#[tokio::test]
async fn a_stack_that_is_deleted_asks_nothing_of_the_database() {
    let cloud = Cloud::running();
    let cloudformation = CloudFormation::start().await;
    let proxy = DataApiProxy::start(&cloud, |_, _| Fate::Pass).await;
    let function = Function::of(&cloud, "migrate").set("AWS_ENDPOINT_URL", proxy.url());
    let function = function.start().await.unwrap();
    let answer = function.invoke(&cloudformation.event("Delete")).await.unwrap();
    assert_eq!((&answer["Status"], &answer["Data"]), (&json!("SUCCESS"), &json!({})));
    assert_eq!(proxy.seen(), [""; 0]);
}

/// In the empty database of a server whose roles are there already, the first migration fails.
#[tokio::test]
async fn a_failure_is_answered_with_its_migration_and_without_a_secret() {
    in_empty_database(async |empty| {
        let before = empty.dump().await;
        let cloudformation = CloudFormation::start().await;
        let function = empty.function().start().await.unwrap();
        let answer = function.invoke(&cloudformation.event("Create")).await.unwrap();
        assert_eq!(answer["Status"], "FAILED", "{answer}");
        let reason = answer["Reason"].as_str().unwrap();
        assert!(reason.contains("migrations/0001_roles.sql") && reason.contains("SQLState: 42710"), "{reason}");
        assert!(answer.to_string().len() <= 4096);
        let script = r#"told = json.loads(client("secretsmanager").get_secret_value(SecretId=given)["SecretString"])["password"]"#;
        let secret = &empty.cloud.function("migrate").environment["DATABASE_SECRET_ARN"];
        let password = empty.cloud.ask(script, &json!(secret)).await;
        for told in [answer.to_string(), function.output()] {
            assert!(!told.contains(password.as_str().unwrap()));
        }
        assert_eq!(empty.dump().await, before);
    })
    .await;
}
