//! The whole way, as deployed: signed over HTTP, through bus and queue, by the function in its role.

use domain::erasure::certificate::Certified;
use serde_json::json;
use tests::api::ApiRequest;
use tests::cloud::Cloud;
use tests::patience::until;
use uuid::Uuid;

use super::scene::{ERASURE, ERASURES, acts, audited, public_key, wanted};
use crate::api::operators::scene::Operator;
use crate::vault::scene::{linking, over_http, person, with_customer};

#[tokio::test]
async fn an_erasure_asked_for_over_http_is_carried_out_and_certified() {
    let cloud = Cloud::running();
    let (ada, key) = (Operator::named(&cloud, "ada"), public_key(&cloud).await);
    let (merchant, customer) = with_customer(&cloud).await;
    assert_eq!(merchant.send(&linking(customer, merchant.buyer)).await.status, 200);
    let mut erased = Vec::new();
    for whom in [Some(customer), None] {
        let id = Uuid::new_v4();
        let asked = ada
            .send(ApiRequest::to(ERASURES).key(id).json(&wanted(merchant.tenant, whom)))
            .await;
        assert_eq!(asked.status, 202, "{asked:?}");
        let inspect = || ApiRequest::to(ERASURE).path("erasure_id", id);
        let shown = until(
            async || Some(ada.send(inspect()).await.json()).filter(|shown| shown["status"] == "certified"),
            || "it was not carried out".to_owned(),
        )
        .await;
        assert_eq!(shown["asked_by"], ada.arn());
        let certificate = ApiRequest::to("GET /v1/compliance/erasures/{erasure_id}/certificate");
        let certificate = ada.send(certificate.path("erasure_id", id)).await;
        assert_eq!(certificate.status, 200, "{certificate:?}");
        let certificate = Certified::read(&certificate.body).unwrap().open(&key).unwrap();
        assert_eq!(
            (certificate.erasure_id.uuid(), certificate.asked_by.as_str()),
            (id, ada.arn())
        );
        let looks = |(act, _): &(String, String)| act != "erasure_inspected";
        let audited: Vec<_> = audited(&cloud, id).await.into_iter().filter(looks).collect();
        assert_eq!(
            audited,
            acts(&[("erasure_asked", "done"), ("erasure_certified", "done")])
        );
        erased.push(id);
        let late = merchant.send(&over_http("PUT", customer).json(&person("Ada"))).await;
        assert_eq!((late.status, late.problem().as_str()), (410, "customer-erased"));
        assert_eq!(merchant.send(&over_http("GET", customer)).await.status, 410);
    }
    let again = merchant
        .send(&over_http("PUT", Uuid::new_v4()).json(&person("Bob")))
        .await;
    assert_eq!(again.status, 410, "{again:?}");
    assert_eq!(merchant.balance(merchant.buyer).await, 0);
    let by_token = ApiRequest::to(ERASURES)
        .key(Uuid::new_v4())
        .json(&wanted(merchant.tenant, None));
    assert!([401, 403].contains(&merchant.send(&by_token).await.status));
}

#[tokio::test]
async fn a_certificate_can_be_deleted_by_nobody_before_its_time_and_is_written_once() {
    let cloud = Cloud::running();
    let script = r#"
s3, bucket = client("s3"), {"Bucket": given}
lock = s3.get_object_lock_configuration(**bucket)["ObjectLockConfiguration"]
put = s3.put_object(**bucket, Key="probe", Body=b"kept", ChecksumAlgorithm="SHA256")
try:
    s3.delete_object(**bucket, Key="probe", VersionId=put["VersionId"])
    deleted = "yes"
except s3.exceptions.ClientError as refused:
    deleted = refused.response["Error"]["Code"]
try:
    s3.put_object(**bucket, Key="probe", Body=b"other", IfNoneMatch="*")
    written = "yes"
except s3.exceptions.ClientError as refused:
    written = refused.response["Error"]["Code"]
first = s3.get_object(**bucket, Key="probe", VersionId=put["VersionId"])["Body"].read().decode()
told = [lock["ObjectLockEnabled"], lock["Rule"]["DefaultRetention"], deleted, written, first]
"#;
    let told = cloud.ask(script, &json!(cloud.resource("Certificates"))).await;
    let locked = json!({"Mode": "COMPLIANCE", "Days": 1});
    assert_eq!(
        told,
        json!(["Enabled", locked, "AccessDenied", "PreconditionFailed", "kept"])
    );
}

#[tokio::test]
async fn the_clock_looks_every_quarter_of_an_hour_and_its_failures_are_kept() {
    let cloud = Cloud::running();
    let script = r#"
scheduler, functions = client("scheduler"), client("lambda")
(named,) = [each for each in scheduler.list_schedules()["Schedules"] if given["function"] in each["Target"]["Arn"]]
schedule = scheduler.get_schedule(Name=named["Name"])
after = functions.get_function_event_invoke_config(FunctionName=given["function"], Qualifier="live")
ends = [schedule["Target"]["DeadLetterConfig"]["Arn"], after["DestinationConfig"]["OnFailure"]["Destination"]]
told = [schedule["ScheduleExpression"], schedule["Target"]["Input"], [end.endswith(":" + given["queue"]) for end in ends]]
"#;
    let queue = cloud.resource("ErasePiiDeadLetters").rsplit('/').next().unwrap();
    let given = json!({"function": cloud.function("erase-pii").name, "queue": queue});
    let told = cloud.ask(script, &given).await;
    let input = r#"{"still_for_seconds": 600}"#;
    assert_eq!(told, json!(["rate(15 minutes)", input, [true, true]]));
}

/// In its role, by the index alone.
#[tokio::test]
async fn the_clock_carries_on_as_deployed() {
    let cloud = Cloud::running();
    let script = r#"
answer = client("lambda").invoke(FunctionName=given, Payload=json.dumps({"still_for_seconds": 86400}))
told = json.loads(answer["Payload"].read())
"#;
    let told = cloud.ask(script, &json!(cloud.function("erase-pii").name)).await;
    assert_eq!(told, json!({"carried_on": 0}));
}
