//! What the money path tells of itself: each request once, by how it ended and which guard stopped it. Nobody waits for that, and nobody
//! is told whose request it was.

use std::time::Duration;

use serde_json::json;
use tests::alarms::{self, breaches, data, tells};
use tests::fault::{Fault, Step};
use tests::lambda::Function;
use tests::patience::until;
use uuid::Uuid;

use super::scene::{AMOUNT, LEASE_SECONDS, Scene};

/// What the first `count` requests have counted as, each without its time.
async fn counted(scene: &Scene, function: &Function, count: usize) -> Vec<Vec<String>> {
    let name = &scene.cloud.function("authorize").name;
    let told = || async {
        let output = function.output();
        let lines: Vec<_> = output.lines().filter(|line| line.contains("_aws")).collect();
        (lines.len() >= count).then(|| {
            let counted = lines.into_iter().map(|line| {
                let mut names = Vec::new();
                for (series, number) in data(line) {
                    assert_eq!(series.namespace, "Onceledger");
                    let dimensions: Vec<_> = series.dimensions.into_iter().collect();
                    assert_eq!(dimensions, [("Function".to_owned(), name.clone())], "and no merchant");
                    if series.metric == "DecisionMilliseconds" {
                        assert!(number >= 0);
                    } else {
                        assert_eq!(number, 1);
                        names.push(series.metric);
                    }
                }
                names
            });
            counted.collect()
        })
    };
    until(told, || format!("{count} requests in:\n{}", function.output())).await
}

#[tokio::test]
async fn each_request_counts_once_by_how_it_ended_and_a_repeat_by_the_guard_that_stopped_it() {
    let mut scene = Scene::affordable().await;
    let (function, faults) = scene.authorize_through_faults().await;
    let pay = async |scene: &Scene| function.call(&scene.payment()).await.unwrap().status;
    assert_eq!(pay(&scene).await, 201);
    assert_eq!(pay(&scene).await, 201);
    assert_eq!(function.call(&scene.other_payment()).await.unwrap().status, 422);
    scene.wipe_gate().await;
    assert_eq!(pay(&scene).await, 201);
    scene.wipe_gate().await;
    assert_eq!(function.call(&scene.other_payment()).await.unwrap().status, 422);

    scene.key = Uuid::now_v7();
    let mut declined = scene.body();
    declined["amount"] = json!(100 * AMOUNT);
    assert_eq!(function.call(&scene.request(&declined)).await.unwrap().status, 402);

    scene.key = Uuid::now_v7();
    faults.script.arm_all(Step::Claim, Fault::Refuse);
    assert_eq!(pay(&scene).await, 503);
    faults.script.disarm();
    faults.script.arm(Step::Post, Fault::DropResponse);
    assert_eq!(pay(&scene).await, 503);
    assert_eq!(pay(&scene).await, 409, "the claim is held for its lease");
    tokio::time::sleep(Duration::from_secs(LEASE_SECONDS)).await;
    assert_eq!(pay(&scene).await, 201);

    let expected = [
        &["Approved"][..],
        &["Replays", "GateHits"],
        &["Mismatches", "GateHits"],
        &["Replays", "LedgerHits"],
        &["Mismatches", "LedgerHits"],
        &["Declined"],
        &["Undecided"],
        &["OutcomesUnknown"],
        &["Conflicts", "GateHits"],
        &["Replays", "LedgerHits"],
    ];
    assert_eq!(counted(&scene, &function, expected.len()).await, expected);

    breaches(&scene.cloud, "OutcomesUnknown", &function).await;
    assert_eq!(tells(&scene.cloud, "GateForgets", &function).await, [1, 1, 1]);
    assert_eq!(
        tells(&scene.cloud, "PaymentsSlow", &function).await.len(),
        expected.len()
    );
}

/// Each is told at once that nothing moved, and eleven within a minute are a case for people.
#[tokio::test]
async fn while_the_ledger_is_away_people_are_called_by_what_stays_undecided() {
    let mut scene = Scene::affordable().await;
    let (function, faults) = scene.authorize_through_faults().await;
    faults.ledger.set_down(true);
    for _ in 0..11 {
        scene.key = Uuid::now_v7();
        assert_eq!(function.call(&scene.payment()).await.unwrap().status, 503);
    }
    breaches(&scene.cloud, "PaymentsUndecided", &function).await;
}

/// As after a deployment whose function signs in as the wrong role.
#[tokio::test]
async fn a_defect_calls_people_the_first_time() {
    let scene = Scene::affordable().await;
    let function = scene.setup().set("DATABASE_USER", "reader").start().await.unwrap();
    let answer = function.call(&scene.payment()).await.unwrap();
    assert_eq!(
        (answer.status, answer.problem().as_str()),
        (500, "internal"),
        "{answer:?}"
    );
    assert_eq!(breaches(&scene.cloud, "DecisionsFail", &function).await, [1]);
    scene.nothing_moved().await;
}

/// In AWS the log service makes metrics of such lines; here the emulator does, of the deployed function's.
#[tokio::test]
async fn what_a_deployed_function_counts_arrives_under_the_name_that_its_alarm_has() {
    let scene = Scene::affordable().await;
    let script = r#"
import datetime
now = datetime.datetime.now(datetime.timezone.utc)
asked = client("cloudwatch").get_metric_statistics(
    Namespace="Onceledger", MetricName="Approved", Dimensions=[{"Name": "Function", "Value": given}], Statistics=["Sum"], Period=3600,
    StartTime=now - datetime.timedelta(hours=2), EndTime=now + datetime.timedelta(hours=1),
)
told = int(sum(each["Sum"] for each in asked["Datapoints"]))
"#;
    let name = json!(scene.cloud.function("authorize").name);
    let approved = async || scene.cloud.ask(script, &name).await.as_i64().unwrap();
    let before = approved().await;
    let us = crate::api::merchant::Merchant::onboard(&scene.cloud).await;
    us.deposit(us.buyer, 5000).await;
    let paying = tests::api::ApiRequest::to("POST /v1/payments");
    let paid = us.send(&paying.key(Uuid::new_v4()).json(&us.payment(1250))).await;
    assert_eq!(paid.status, 201, "{paid:?}");
    let told = || async { (approved().await > before).then_some(()) };
    until(told, || "one more payment that was approved".to_owned()).await;
}

/// Who has told nothing has no series: what is looked for is what an alarm watches, to the letter.
#[tokio::test]
async fn a_number_under_another_functions_name_is_not_what_an_alarm_watches() {
    let scene = Scene::affordable().await;
    let renamed = scene
        .setup()
        .set("AWS_LAMBDA_FUNCTION_NAME", "another")
        .start()
        .await
        .unwrap();
    assert_eq!(renamed.call(&scene.payment()).await.unwrap().status, 201);
    let anything = || async { data(&renamed.output()).next() };
    let (series, _) = until(anything, || "a metric".to_owned()).await;
    assert_eq!(series.dimensions["Function"], "another");
    let mut own = series.clone();
    own.dimensions
        .insert("Function".to_owned(), scene.cloud.function("authorize").name.clone());
    assert_eq!(alarms::told(&own, &renamed.output()), [0; 0]);
}
