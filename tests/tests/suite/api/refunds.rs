//! What is given back of a payment, over HTTP.

mod bad_input;
mod too_early;

use serde_json::{Value, json};
use tests::api::{ApiRequest, ApiResponse};
use tests::cloud::Cloud;
use uuid::Uuid;

use super::books::Books;
use super::merchant::{Merchant, id};

const REFUNDS: &str = "POST /v1/payments/{payment_id}/refunds";
const REVERSAL: &str = "POST /v1/payments/{payment_id}/reversal";
const LIST: &str = "GET /v1/payments/{payment_id}/refunds";

fn correcting(route: &str, payment: impl ToString, body: &Value) -> ApiRequest {
    ApiRequest::to(route)
        .path("payment_id", payment)
        .key(Uuid::new_v4())
        .json(body)
}

/// A merchant, and the id of a payment of 1000 that was posted.
async fn paid(cloud: &Cloud) -> (Merchant, Uuid) {
    let us = Merchant::onboard(cloud).await;
    us.deposit(us.buyer, 1000).await;
    let payment = pay(&us, 1000).await;
    (us, id(&payment))
}

async fn pay(us: &Merchant, amount: i64) -> ApiResponse {
    us.send(
        &ApiRequest::to("POST /v1/payments")
            .key(Uuid::new_v4())
            .json(&us.payment(amount)),
    )
    .await
}

async fn listed(us: &Merchant, payment: Uuid) -> Value {
    let list = us.send(&ApiRequest::to(LIST).path("payment_id", payment)).await;
    assert_eq!(list.status, 200, "{list:?}");
    list.json()
}

#[tokio::test]
async fn a_refund_gives_a_part_back_and_a_second_one_the_rest() {
    let cloud = Cloud::running();
    let (us, payment) = paid(&cloud).await;
    let part = json!({"amount": 300, "description": "A torn cover", "metadata": {"zeta": "1", "alpha": "2"}});
    let refund = us.send(&correcting(REFUNDS, payment, &part)).await;
    assert_eq!(
        (refund.status, refund.header("content-type")),
        (201, Some("application/json"))
    );
    let mut shown = refund.json();
    let created_at = shown["created_at"].take();
    assert!(created_at.is_string());
    assert_eq!(
        shown,
        json!({
            "id": id(&refund), "object": "refund", "status": "posted", "payment": payment, "source": us.seller,
            "destination": us.buyer, "amount": 300, "currency": "EUR", "description": "A torn cover",
            "metadata": {"alpha": "2", "zeta": "1"}, "created_at": null,
        })
    );
    assert_eq!((us.balance(us.buyer).await, us.balance(us.seller).await), (300, 700));
    let rest = us.send(&correcting(REFUNDS, payment, &json!({}))).await;
    assert_eq!((rest.status, &rest.json()["amount"]), (201, &json!(700)));
    assert_eq!((us.balance(us.buyer).await, us.balance(us.seller).await), (1000, 0));

    let list = listed(&us, payment).await;
    assert_eq!(
        list,
        json!({
            "payment": payment, "amount": 1000, "currency": "EUR", "refunded": 1000, "left": 0,
            "object": "list", "data": [rest.json(), refund.json()], "next": null,
        })
    );
}

/// Byte for byte as it was: a correction changes nothing of what it corrects.
#[tokio::test]
async fn a_payment_reads_the_same_after_it_was_refunded() {
    let cloud = Cloud::running();
    let us = Merchant::onboard(&cloud).await;
    us.deposit(us.buyer, 1000).await;
    let paid = pay(&us, 1000).await;
    let refund = us.send(&correcting(REFUNDS, id(&paid), &json!({}))).await;
    assert_eq!(refund.status, 201);
    let by_id = ApiRequest::to("GET /v1/payments/{payment_id}");
    let read = us.send(&by_id.clone().path("payment_id", id(&paid))).await;
    assert_eq!((read.status, &read.body), (200, &paid.body));
    let read = us.send(&by_id.path("payment_id", id(&refund))).await;
    assert_eq!((read.status, &read.body), (200, &refund.body));
}

#[tokio::test]
async fn a_reversal_gives_all_back_once() {
    let cloud = Cloud::running();
    let (us, payment) = paid(&cloud).await;
    let reversal = us
        .send(&correcting(REVERSAL, payment, &json!({"description": "Ordered twice"})))
        .await;
    let shown = reversal.json();
    assert_eq!(
        (reversal.status, &shown["object"], &shown["amount"]),
        (201, &json!("reversal"), &json!(1000))
    );
    assert_eq!((us.balance(us.buyer).await, us.balance(us.seller).await), (1000, 0));
    for (route, body, slug) in [
        (REVERSAL, json!({}), "payment-already-corrected"),
        (REFUNDS, json!({}), "payment-already-corrected"),
        (REFUNDS, json!({"amount": 1}), "refund-above-payment"),
    ] {
        refused_for_good(&cloud, &us, &correcting(route, payment, &body), slug).await;
    }
    assert_eq!(listed(&us, payment).await["data"], json!([shown]));
}

/// Recorded, and replayed in the same bytes.
async fn refused_for_good(cloud: &Cloud, us: &Merchant, request: &ApiRequest, slug: &str) {
    let before = Books::of(cloud, &[us.tenant]).await;
    let refused = us.send(request).await;
    assert_eq!((refused.status, refused.problem().as_str()), (422, slug), "{request:?}");
    let again = us.send(request).await;
    assert_eq!((again.status, &again.body), (422, &refused.body));
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(Books::of(cloud, &[us.tenant]).await, before.with_refusal());
}

#[tokio::test]
async fn a_retry_gets_the_same_bytes_whatever_was_refunded_since() {
    let cloud = Cloud::running();
    let (us, payment) = paid(&cloud).await;
    let request = correcting(REFUNDS, payment, &json!({"amount": 400}));
    let first = us.send(&request).await;
    assert_eq!(first.status, 201);
    us.send(&correcting(REFUNDS, payment, &json!({}))).await;
    let before = Books::of(&cloud, &[us.tenant]).await;
    let again = us.send(&request).await;
    assert_eq!((again.status, &again.body), (201, &first.body));
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    let other = us.send(&request.json(&json!({"amount": 401}))).await;
    assert_eq!(
        (other.status, other.problem().as_str()),
        (422, "idempotency-key-reused")
    );
    assert_eq!(Books::of(&cloud, &[us.tenant]).await, before);
}

/// A key is one intent's, whatever the route.
#[tokio::test]
async fn a_payment_s_key_refunds_nothing() {
    let cloud = Cloud::running();
    let us = Merchant::onboard(&cloud).await;
    us.deposit(us.buyer, 1000).await;
    let key = Uuid::new_v4();
    let paid = us
        .send(&ApiRequest::to("POST /v1/payments").key(key).json(&us.payment(100)))
        .await;
    let reused = us.send(&correcting(REFUNDS, id(&paid), &json!({})).key(key)).await;
    assert_eq!(
        (reused.status, reused.problem().as_str()),
        (422, "idempotency-key-reused")
    );
    assert_eq!(us.balance(us.seller).await, 100);
}

#[tokio::test]
async fn refunds_are_listed_in_pages() {
    let cloud = Cloud::running();
    let (us, payment) = paid(&cloud).await;
    let mut refunds = Vec::new();
    for amount in 1..=5 {
        let refund = us.send(&correcting(REFUNDS, payment, &json!({"amount": amount}))).await;
        refunds.insert(0, refund.json());
    }
    let (mut walked, mut cursor) = (Vec::new(), None::<i64>);
    loop {
        let list = ApiRequest::to(LIST).path("payment_id", payment).query("limit", 2);
        let list = cursor.iter().fold(list, |list, cursor| list.query("cursor", cursor));
        let page = us.send(&list).await.json();
        assert_eq!((&page["refunded"], &page["left"]), (&json!(15), &json!(985)));
        walked.extend_from_slice(page["data"].as_array().unwrap());
        cursor = page["next"].as_i64();
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(walked, refunds);
}
