//! Settlements as a merchant asks for them and reads them. What becomes of them is in `settlement`.

use serde_json::{Value, json};
use tests::api::{ApiRequest, ApiResponse};
use tests::cloud::Cloud;
use uuid::Uuid;

use super::merchant::{Merchant, id};

async fn ask(us: &Merchant, key: Uuid, body: &Value) -> ApiResponse {
    us.send(&ApiRequest::to("POST /v1/settlements").key(key).json(body))
        .await
}

async fn read(us: &Merchant, settlement: Uuid) -> ApiResponse {
    let request = ApiRequest::to("GET /v1/settlements/{settlement_id}").path("settlement_id", settlement);
    us.send(&request).await
}

/// A merchant whose buyer has money, and who gets the fee of the deployed schedule taken: 2.9 % and 30.
async fn onboarded() -> Merchant {
    let cloud = Cloud::running();
    let us = Merchant::onboard(&cloud).await;
    us.deposit(us.buyer, 10_000).await;
    us
}

#[tokio::test]
async fn a_settlement_is_accepted_once_and_says_where_to_look() {
    let us = onboarded().await;
    let (key, mut body) = (Uuid::new_v4(), us.payment(1999));
    body["metadata"] = json!({"order": "A-7"});
    let accepted = ask(&us, key, &body).await;
    assert_eq!(
        (accepted.status, accepted.header("content-type")),
        (202, Some("application/json"))
    );
    let place = format!("/v1/settlements/{}", id(&accepted));
    assert_eq!(accepted.header("location"), Some(&*place));
    let shown = ["object", "status", "amount", "fee", "metadata"].map(|name| accepted.json()[name].clone());
    assert_eq!(
        json!(shown),
        json!(["settlement", "accepted", 1999, 88, {"order": "A-7"}])
    );

    let again = ask(&us, key, &body).await;
    assert_eq!((again.status, &again.body), (202, &accepted.body));
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(again.header("location"), Some(&*place));
    for route in ["POST /v1/settlements", "POST /v1/payments"] {
        let reused = us.send(&ApiRequest::to(route).key(key).json(&us.payment(1))).await;
        assert_eq!(
            (reused.status, reused.problem()),
            (422, "idempotency-key-reused".to_owned())
        );
    }
}

#[tokio::test]
async fn a_payment_that_asks_to_be_settled_is_the_same_settlement() {
    let us = onboarded().await;
    let (key, body) = (Uuid::new_v4(), us.payment(1999));
    let mut settle = body.clone();
    settle["settle"] = json!(true);
    let accepted = us
        .send(&ApiRequest::to("POST /v1/payments").key(key).json(&settle))
        .await;
    assert_eq!(accepted.status, 202, "{accepted:?}");
    let place = format!("/v1/settlements/{}", id(&accepted));
    assert_eq!(accepted.header("location"), Some(&*place));
    let again = ask(&us, key, &body).await;
    assert_eq!((again.status, again.body), (202, accepted.body.clone()));
    assert_eq!(read(&us, id(&accepted)).await.status, 200);
    let as_payment = ApiRequest::to("GET /v1/payments/{payment_id}").path("payment_id", id(&accepted));
    let by_key = ApiRequest::to("GET /v1/payments").query("idempotency_key", key);
    for request in [as_payment, by_key] {
        let found = us.send(&request).await;
        assert_eq!((found.status, &found.body), (200, &accepted.body), "as it was accepted");
    }
}

#[tokio::test]
async fn what_cannot_be_settled_is_refused_with_a_reason_and_reads_so() {
    let us = onboarded().await;
    let key = Uuid::new_v4();
    let refused = ask(&us, key, &us.payment(30)).await;
    assert_eq!(
        (refused.status, refused.problem()),
        (422, "fee-above-amount".to_owned())
    );
    assert_eq!(refused.header("location"), None);
    assert_eq!(ask(&us, key, &us.payment(30)).await.body, refused.body);
    let shown = read(&us, id(&refused)).await;
    assert_eq!(shown.status, 200);
    assert_eq!(
        json!([shown.json()["status"], shown.json()["reason"], shown.json()["object"]]),
        json!(["refused", "fee-above-amount", "settlement"])
    );
    let mut dollars = us.payment(1999);
    dollars["currency"] = json!("USD");
    let refused = ask(&us, Uuid::new_v4(), &dollars).await;
    assert_eq!(
        (refused.status, refused.problem()),
        (422, "currency-mismatch".to_owned())
    );
    let mut francs = us.payment(1999);
    francs["currency"] = json!("CHF");
    let invalid = ask(&us, Uuid::new_v4(), &francs).await;
    assert_eq!((invalid.status, invalid.problem()), (400, "invalid-request".to_owned()));
    assert_eq!(invalid.json()["errors"][0]["pointer"], "/currency");
}

#[tokio::test]
async fn nobody_else_s_settlement_is_found_and_nothing_else_is_one() {
    let us = onboarded().await;
    let them = Merchant::onboard(&Cloud::running()).await;
    let settlement = id(&ask(&us, Uuid::new_v4(), &us.payment(1999)).await);
    assert_eq!(read(&us, settlement).await.status, 200);
    let deposit = us.deposit(us.buyer, 1).await;
    for (reader, id) in [(&them, settlement), (&us, deposit), (&us, Uuid::new_v4())] {
        let found = read(reader, id).await;
        assert_eq!((found.status, found.problem()), (404, "not-found".to_owned()));
    }
    let list = ApiRequest::to("GET /v1/settlements");
    assert_eq!(them.send(&list).await.json()["data"], json!([]));
}

#[tokio::test]
async fn pages_go_from_the_newest_to_the_oldest_and_miss_none() {
    let us = onboarded().await;
    let mut asked = Vec::new();
    for _ in 0..5 {
        asked.insert(0, id(&ask(&us, Uuid::new_v4(), &us.payment(1999)).await));
    }
    let (mut seen, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let mut request = ApiRequest::to("GET /v1/settlements").query("limit", 2);
        if let Some(cursor) = &cursor {
            request = request.query("cursor", cursor);
        }
        let page = us.send(&request).await;
        assert_eq!(page.status, 200, "{page:?}");
        let page = page.json();
        seen.extend(page["data"].as_array().unwrap().iter().map(|it| it["id"].clone()));
        match page["next"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => break,
        }
    }
    assert_eq!(json!(seen), json!(asked));
    for (parameter, value) in [("status", "posted"), ("cursor", "1"), ("limit", "0")] {
        let refused = us
            .send(&ApiRequest::to("GET /v1/settlements").query(parameter, value))
            .await;
        assert_eq!(refused.status, 400, "{parameter}");
        assert_eq!(refused.json()["errors"][0]["pointer"], format!("?{parameter}"));
    }
    let none_yet = us
        .send(&ApiRequest::to("GET /v1/settlements").query("status", "limbo"))
        .await;
    assert_eq!(none_yet.json()["data"], json!([]));
}
