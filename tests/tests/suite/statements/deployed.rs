//! The whole way as deployed: a file is put into the bucket, and people deal with what it differs in.

use serde_json::{Value, json};
use tests::api::ApiRequest;
use tests::cloud::Cloud;
use tests::patience::until;
use uuid::Uuid;

use super::scene::{file, mapping, right};
use crate::api::operators::scene::{Operator, act, asked_about};
use crate::buckets::put;

const LIST: &str = "GET /v1/operator/breaks";
const BREAK: &str = "GET /v1/operator/breaks/{break_id}";

/// A provider of the test's own, whose file names this many payments that nobody has made, on a day on which its only
/// merchant did nothing.
async fn with_breaks(cloud: &Cloud, ada: &Operator, count: usize) -> (String, Vec<Value>) {
    let provider = format!("p{}", &Uuid::new_v4().simple().to_string()[..20]);
    let mut covering = mapping(&provider);
    covering["covers"]["tenants"] = json!([Uuid::new_v4()]);
    let bucket = cloud.resource("Statements");
    let lines: Vec<_> = (0..count).map(|_| right(&Uuid::new_v4())).collect();
    put(
        cloud,
        bucket,
        &format!("mappings/{provider}.json"),
        covering.to_string(),
    )
    .await;
    put(cloud, bucket, &format!("{provider}/2026-05-22.csv"), file(&lines)).await;
    let breaks = until(
        async || Some(listed(ada, &provider, &[]).await).filter(|breaks| breaks.len() == count),
        || "the file was not taken".to_owned(),
    )
    .await;
    (provider, breaks)
}

async fn listed(who: &Operator, provider: &str, query: &[(&str, &str)]) -> Vec<Value> {
    let request = ApiRequest::to(LIST).query("provider", provider);
    let request = query
        .iter()
        .fold(request, |request, (name, value)| request.query(name, value));
    let page = who.send(request).await;
    assert_eq!(page.status, 200, "{page:?}");
    page.json()["data"].as_array().unwrap().clone()
}

fn acting(how: &str, id: impl ToString, body: &Value) -> ApiRequest {
    ApiRequest::to(&format!("POST /v1/operator/breaks/{{break_id}}/{how}"))
        .path("break_id", id)
        .json(body)
}

#[tokio::test]
async fn a_break_is_found_assigned_and_resolved_by_people_who_say_why() {
    let cloud = Cloud::running();
    let (ada, grace) = Operator::both(&cloud);
    let (provider, breaks) = with_breaks(&cloud, &ada, 1).await;
    let id = breaks[0]["id"].as_i64().unwrap();
    let inspected = grace.send(ApiRequest::to(BREAK).path("break_id", id)).await.json();
    assert_eq!(inspected, breaks[0]);
    assert_eq!(inspected["statement"]["key"], format!("{provider}/2026-05-22.csv"));
    let mut shown = inspected.clone();
    for name in ["id", "statement", "opened_at", "theirs"] {
        shown.as_object_mut().unwrap().remove(name).unwrap();
    }
    let expected = json!({
        "object": "break", "kind": "missing_here", "status": "open", "provider": provider, "defect": null, "ours": null,
        "assignment": null, "resolution": null,
    });
    assert_eq!(shown, expected);
    assert_eq!(inspected["theirs"]["amount"], 100);
    assert_eq!(inspected["theirs"]["date"], "2026-05-22");

    let to_grace = json!({"assignee": "grace", "reason": "she knows them"});
    let assigned = ada.send(acting("assignment", id, &to_grace)).await;
    assert_eq!((assigned.status, &assigned.json()["status"]), (200, &json!("assigned")));
    assert_eq!(assigned.json()["assignment"]["assigned_by"], ada.arn());
    assert_eq!(
        ada.send(acting("assignment", id, &to_grace)).await.json(),
        assigned.json()
    );
    let to_ada = json!({"assignee": "ada", "reason": "grace is away"});
    let moved = grace.send(acting("assignment", id, &to_ada)).await.json();
    assert_eq!(moved["assignment"]["assignee"], "ada");

    let why = json!({"reason": "they corrected it"});
    let resolved = grace.send(acting("resolution", id, &why)).await;
    assert_eq!((resolved.status, &resolved.json()["status"]), (200, &json!("resolved")));
    assert_eq!(resolved.json()["resolution"]["resolved_by"], grace.arn());
    assert_eq!(resolved.json()["resolution"]["reason"], "they corrected it");
    assert_eq!(
        grace
            .send(acting("resolution", id, &json!({"reason": "again"})))
            .await
            .json(),
        resolved.json()
    );
    for refused in [acting("resolution", id, &why), acting("assignment", id, &to_grace)] {
        let answer = ada.send(refused).await;
        assert_eq!((answer.status, answer.problem().as_str()), (409, "break-resolved"));
    }
    assert_eq!(listed(&ada, &provider, &[("open", "true")]).await, [Value::Null; 0]);
    assert_eq!(listed(&ada, &provider, &[]).await, [resolved.json()]);

    let mut asked = asked_about(&cloud, id).await;
    asked.retain(|(_, name, ..)| name.starts_with("break"));
    assert_eq!(
        asked,
        [
            act(&grace, "break_inspected", "done", None),
            act(&ada, "break_assigned", "done", Some("she knows them")),
            act(&ada, "break_assigned", "repeated", Some("she knows them")),
            act(&grace, "break_assigned", "done", Some("grace is away")),
            act(&grace, "break_resolved", "done", Some("they corrected it")),
            act(&grace, "break_resolved", "repeated", Some("again")),
            act(&ada, "break_resolved", "refused", Some("they corrected it")),
            act(&ada, "break_assigned", "refused", Some("she knows them")),
        ]
    );
}

#[tokio::test]
async fn breaks_come_in_pages_newest_first() {
    let cloud = Cloud::running();
    let ada = Operator::named(&cloud, "ada");
    let (provider, breaks) = with_breaks(&cloud, &ada, 3).await;
    let (mut walked, mut before) = (Vec::new(), None::<i64>);
    loop {
        let listing = ApiRequest::to(LIST)
            .query("provider", &provider)
            .query("limit", 2)
            .query("open", true);
        let listing = before.iter().fold(listing, |all, id| all.query("before", id));
        let page = ada.send(listing).await.json();
        walked.extend_from_slice(page["data"].as_array().unwrap());
        before = page["next"].as_i64();
        if before.is_none() {
            break;
        }
    }
    assert_eq!(walked, breaks);
    let lines: Vec<_> = breaks
        .iter()
        .map(|found| found["statement"]["line"].as_i64().unwrap())
        .collect();
    assert_eq!(lines, [4, 3, 2]);
}

#[tokio::test]
async fn what_is_no_break_or_says_nothing_is_refused() {
    let cloud = Cloud::running();
    let ada = Operator::named(&cloud, "ada");
    let nobodys = i64::MAX;
    for request in [
        ApiRequest::to(BREAK).path("break_id", nobodys),
        ApiRequest::to(BREAK).path("break_id", "one"),
        acting("assignment", nobodys, &json!({"assignee": "ada", "reason": "why"})),
        acting("resolution", nobodys, &json!({"reason": "why"})),
    ] {
        let answer = ada.send(request).await;
        assert_eq!((answer.status, answer.problem().as_str()), (404, "not-found"));
    }
    for (how, body) in [
        ("assignment", json!({"reason": "why"})),
        ("assignment", json!({"assignee": " ", "reason": "why"})),
        ("assignment", json!({"assignee": "ada"})),
        ("resolution", json!({})),
        ("resolution", json!({"reason": " "})),
        ("resolution", json!({"reason": "why", "amount": 1})),
    ] {
        let answer = ada.send(acting(how, nobodys, &body)).await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (400, "invalid-request"),
            "{how} {body}"
        );
    }
    for (name, value) in [("open", "maybe"), ("provider", "ACME"), ("before", "x"), ("limit", "0")] {
        let answer = ada.send(ApiRequest::to(LIST).query(name, value)).await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (400, "invalid-request"),
            "{name}"
        );
    }
    let mut unknown = asked_about(&cloud, nobodys).await;
    unknown.retain(|(_, name, ..)| name.starts_with("break"));
    assert_eq!(
        unknown
            .iter()
            .map(|(_, name, outcome, _)| (name.as_str(), outcome.as_str()))
            .collect::<Vec<_>>(),
        [
            ("break_inspected", "unknown"),
            ("break_assigned", "unknown"),
            ("break_resolved", "unknown")
        ]
    );
}
