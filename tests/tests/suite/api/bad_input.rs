//! Requests that are refused before the ledger is asked: they leave no trace, and their keys stay unused.

mod bodies;
mod fields;
mod keys;
mod secrets;

use serde_json::{Value, json};
use tests::api::ApiRequest;
use tests::cloud::Cloud;
use uuid::Uuid;

use super::books::Books;
use super::merchant::Merchant;

/// What is wrong with a request, the request, and the status and slug it is answered with.
type Case = (String, ApiRequest, u16, &'static str);

async fn funded() -> (Cloud, Merchant) {
    let cloud = Cloud::running();
    let us = Merchant::onboard(&cloud).await;
    us.deposit(us.buyer, 1000).await;
    (cloud, us)
}

async fn refused_without_a_trace(cloud: &Cloud, us: &Merchant, cases: Vec<Case>) {
    let before = Books::of(cloud, &[us.tenant]).await;
    for (what, request, status, slug) in cases {
        let answer = us.send(&request).await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (status, slug),
            "{what}: {answer:?}"
        );
        assert_eq!(answer.json()["status"], status, "{what}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{what}");
        assert_eq!(Books::of(cloud, &[us.tenant]).await, before, "{what}");
    }
}

fn account() -> Value {
    json!({"kind": "buyer", "currency": "EUR"})
}

fn deposit(us: &Merchant) -> Value {
    json!({"destination": us.buyer, "amount": 1, "currency": "EUR"})
}

/// A request with a body as it is written, under a new key.
fn written(route: &str, body: &str) -> ApiRequest {
    ApiRequest::to(route)
        .key(Uuid::new_v4())
        .header("content-type", "application/json")
        .text(body)
}

/// The body with one member set to a value as it is written, which need not be one that JSON libraries produce.
fn with(body: &Value, field: &str, value: &str) -> String {
    let mut members = body.as_object().expect("a body is an object").clone();
    members.remove(field);
    let rest = Value::Object(members).to_string();
    format!("{},{}:{value}}}", rest.trim_end_matches('}'), json!(field))
}
