//! Payments as they are read later.

use serde_json::{Value, json};
use tests::api::ApiRequest;
use tests::cloud::Cloud;
use uuid::Uuid;

use super::merchant::{Merchant, id};

fn by_id(payment: impl ToString) -> ApiRequest {
    ApiRequest::to("GET /v1/payments/{payment_id}").path("payment_id", payment)
}

fn by_key(key: impl ToString) -> ApiRequest {
    ApiRequest::to("GET /v1/payments").query("idempotency_key", key)
}

#[tokio::test]
async fn a_posted_payment_reads_as_it_was_answered_byte_for_byte() {
    let cloud = Cloud::running();
    let us = Merchant::onboard(&cloud).await;
    us.deposit(us.buyer, 1000).await;
    let mut noted = us.payment(100);
    noted["description"] = json!("Ein Buch, „gebraucht“ \u{1f4d6}");
    noted["metadata"] = json!({"zeta": "1", "Alpha": "2", "order": ""});
    noted["card_token"] = json!("tok_1");
    for body in [us.payment(100), noted] {
        let key = Uuid::new_v4();
        let paid = us.send(&ApiRequest::to("POST /v1/payments").key(key).json(&body)).await;
        assert_eq!(
            (paid.status, paid.header("content-type")),
            (201, Some("application/json"))
        );
        for member in [
            "source",
            "destination",
            "amount",
            "currency",
            "description",
            "card_token",
        ] {
            assert_eq!(
                paid.json()[member],
                body.get(member).cloned().unwrap_or_default(),
                "{member}"
            );
        }
        assert_eq!(paid.json()["status"], "posted");
        let spellings = [
            by_id(id(&paid)),
            by_id(id(&paid).to_string().to_uppercase()),
            by_key(key),
            by_key(key.to_string().to_uppercase()),
        ];
        for request in spellings {
            let read = us.send(&request).await;
            assert_eq!((read.status, &read.body), (200, &paid.body), "{request:?}");
            assert_eq!(read.header("content-type"), Some("application/json"));
        }
    }
}

#[tokio::test]
async fn a_refused_payment_reads_as_refused_and_why() {
    let cloud = Cloud::running();
    let us = Merchant::onboard(&cloud).await;
    let (key, nobody) = (Uuid::new_v4(), Uuid::new_v4());
    let refused = us
        .send(&ApiRequest::to("POST /v1/payments").key(key).json(&us.payment(100)))
        .await;
    assert_eq!(refused.status, 402);
    for request in [by_id(id(&refused)), by_key(key)] {
        let read = us.send(&request).await;
        assert_eq!(read.status, 200, "{read:?}");
        let shown = ["id", "object", "status", "reason", "amount"].map(|name| read.json()[name].clone());
        assert_eq!(
            json!(shown),
            json!([id(&refused), "payment", "refused", "insufficient-funds", 100])
        );
    }
    let body = json!({"source": nobody, "destination": us.seller, "amount": 1, "currency": "EUR"});
    let unknown = us
        .send(&ApiRequest::to("POST /v1/payments").key(Uuid::new_v4()).json(&body))
        .await;
    let read = us.send(&by_id(id(&unknown))).await.json();
    assert_eq!(
        (&read["reason"], &read["source"]),
        (&json!("account-unknown"), &json!(nobody))
    );
}

/// Whoever has lost an answer finds it by the key, whatever it was asked for: "not found" is taken for "nothing was decided".
#[tokio::test]
async fn what_else_was_decided_under_a_key_is_found_as_well() {
    let cloud = Cloud::running();
    let us = Merchant::onboard(&cloud).await;
    us.deposit(us.buyer, 200).await;
    let to = |route| ApiRequest::to(route).key(Uuid::new_v4());
    let mut payments = Vec::new();
    for _ in 0..2 {
        let paid = us.send(&to("POST /v1/payments").json(&us.payment(100))).await;
        payments.push(id(&paid));
    }
    let deposit = json!({"destination": us.buyer, "amount": 1, "currency": "EUR"});
    let correcting = |route, payment: usize| to(route).path("payment_id", payments[payment]);
    let refunds = "POST /v1/payments/{payment_id}/refunds";
    for (asked, object, status) in [
        (to("POST /v1/deposits").json(&deposit), "deposit", 201),
        (correcting(refunds, 0).json(&json!({"amount": 40})), "refund", 201),
        (correcting(refunds, 0).json(&json!({"amount": 61})), "refund", 422),
        (
            correcting("POST /v1/payments/{payment_id}/reversal", 1).json(&json!({})),
            "reversal",
            201,
        ),
    ] {
        let key = Uuid::new_v4();
        let unasked = us.send(&by_key(key)).await;
        assert_eq!((unasked.status, unasked.problem().as_str()), (404, "not-found"));
        let answer = us.send(&asked.key(key)).await;
        assert_eq!(answer.status, status, "{answer:?}");
        for request in [by_id(id(&answer)), by_key(key)] {
            let read = us.send(&request).await;
            assert_eq!((read.status, &read.json()["object"]), (200, &json!(object)));
            if status == 201 {
                assert_eq!(read.body, answer.body, "{request:?}");
            } else {
                let why = ["status", "reason"].map(|name| read.json()[name].clone());
                assert_eq!(json!(why), json!(["refused", "refund-above-payment"]));
            }
        }
    }
}

#[tokio::test]
async fn where_nothing_was_decided_nothing_is_found() {
    let cloud = Cloud::running();
    let us = Merchant::onboard(&cloud).await;
    let deposit = us.deposit(us.buyer, 1).await;
    for request in [
        by_id(Uuid::new_v4()),
        by_key(Uuid::new_v4()),
        by_id("payment"),
        by_id(deposit.simple()),
        by_id("%00"),
    ] {
        let answer = us.send(&request).await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (404, "not-found"),
            "{request:?}"
        );
        assert_eq!(answer.json().get("id"), None::<&Value>);
    }
    for malformed in ["payment", "1", "00000000-0000-0000-0000-000000000000"] {
        let answer = us.send(&by_key(malformed)).await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (400, "idempotency-key-malformed"),
            "{malformed}"
        );
    }
    let answer = us.send(&ApiRequest::to("GET /v1/payments")).await;
    assert_eq!(
        (answer.status, answer.problem().as_str()),
        (400, "idempotency-key-missing")
    );
}
