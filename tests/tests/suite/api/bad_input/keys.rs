//! Keys that are none, or come too early or too late.

use std::time::{Duration, SystemTime};

use serde_json::Value;
use tests::api::ApiRequest;
use uuid::{NoContext, Timestamp, Uuid};

use super::super::books::Books;
use super::{Case, account, deposit, funded, refused_without_a_trace};

#[tokio::test]
async fn a_key_that_is_no_uuid_is_refused() {
    let (cloud, us) = funded().await;
    let payment = ApiRequest::to("POST /v1/payments").json(&us.payment(1));
    let key = Uuid::new_v4();
    let mut cases: Vec<Case> = vec![
        ("no key".into(), payment.clone(), 400, "idempotency-key-missing"),
        (
            "an empty key".into(),
            payment.clone().key(""),
            400,
            "idempotency-key-missing",
        ),
    ];
    for malformed in [
        "order-1001".to_owned(),
        key.simple().to_string(),
        key.braced().to_string(),
        key.urn().to_string(),
        format!("\"{key}"),
        format!("{key},{key}"),
        format!("{key}, {}", Uuid::new_v4()),
        format!("{key};v=1"),
        Uuid::nil().to_string(),
        Uuid::max().to_string(),
        key.to_string().replacen('-', "g", 1),
    ] {
        let request = payment.clone().key(&malformed);
        cases.push((malformed, request, 400, "idempotency-key-malformed"));
    }
    for route in ["POST /v1/deposits", "POST /v1/accounts"] {
        let body = if route.ends_with("deposits") {
            deposit(&us)
        } else {
            account()
        };
        let request = ApiRequest::to(route).json(&body);
        cases.push((route.into(), request.clone(), 400, "idempotency-key-missing"));
        cases.push((route.into(), request.key("1"), 400, "idempotency-key-malformed"));
    }
    refused_without_a_trace(&cloud, &us, cases).await;
}

#[tokio::test]
async fn two_key_headers_are_refused() {
    let (cloud, us) = funded().await;
    let before = Books::of(&cloud, &[us.tenant]).await;
    let answer = reqwest::Client::new()
        .post(format!("{}/v1/payments", cloud.api_url))
        .bearer_auth(&us.token)
        .header("idempotency-key", Uuid::new_v4().to_string())
        .header("idempotency-key", Uuid::new_v4().to_string())
        .header("content-type", "application/json")
        .body(us.payment(1).to_string())
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 400);
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(problem["type"], "urn:onceledger:problem:idempotency-key-malformed");
    assert_eq!(Books::of(&cloud, &[us.tenant]).await, before);
}

#[tokio::test]
async fn a_key_is_the_same_in_quotes_and_in_upper_case() {
    let (_, us) = funded().await;
    let key = Uuid::new_v4();
    let payment = ApiRequest::to("POST /v1/payments").json(&us.payment(100));
    let first = us
        .send(&payment.clone().key(format!("\"{}\"", key.to_string().to_uppercase())))
        .await;
    assert_eq!(first.status, 201, "{first:?}");
    assert_eq!(first.header("idempotent-replayed"), None);
    for spelling in [key.to_string(), key.to_string().to_uppercase(), format!("\"{key}\"")] {
        let again = us.send(&payment.clone().key(&spelling)).await;
        assert_eq!((again.status, &again.body), (201, &first.body), "{spelling}");
        assert_eq!(again.header("idempotent-replayed"), Some("true"), "{spelling}");
    }
    assert_eq!(us.balance(us.buyer).await, 900);
}

#[tokio::test]
async fn a_key_from_the_future_is_refused_and_takes_nothing() {
    let (cloud, us) = funded().await;
    let before = Books::of(&cloud, &[us.tenant]).await;
    let key = key_at(SystemTime::now() + Duration::from_hours(48));
    let answer = us
        .send(&ApiRequest::to("POST /v1/payments").key(key).json(&us.payment(1)))
        .await;
    assert_eq!(
        (answer.status, answer.problem().as_str()),
        (400, "idempotency-key-too-early")
    );
    let after = Books::of(&cloud, &[us.tenant]).await;
    // The gate remembers who asked; the ledger, whose clock decides, keeps nothing.
    assert_eq!(
        after,
        Books {
            gate_items: after.gate_items,
            ..before
        }
    );
}

#[tokio::test]
async fn a_key_past_its_window_is_refused_for_good() {
    let (cloud, us) = funded().await;
    let before = Books::of(&cloud, &[us.tenant]).await;
    for route in ["POST /v1/payments", "POST /v1/deposits"] {
        let key = key_at(SystemTime::now() - Duration::from_hours(72));
        let body = if route.ends_with("payments") {
            us.payment(1)
        } else {
            deposit(&us)
        };
        let request = ApiRequest::to(route).key(key).json(&body);
        let first = us.send(&request).await;
        assert_eq!(
            (first.status, first.problem().as_str()),
            (400, "idempotency-key-expired")
        );
        let again = us.send(&request).await;
        assert_eq!((again.status, &again.body), (400, &first.body));
        assert_eq!(again.header("idempotent-replayed"), Some("true"));
    }
    let after = Books::of(&cloud, &[us.tenant]).await;
    assert_eq!(
        after,
        Books {
            gate_items: before.gate_items + 2,
            ..before
        }
    );
}

fn key_at(time: SystemTime) -> Uuid {
    let since = time
        .duration_since(SystemTime::UNIX_EPOCH)
        .expect("the time is past 1970");
    Uuid::new_v7(Timestamp::from_unix(NoContext, since.as_secs(), since.subsec_nanos()))
}
