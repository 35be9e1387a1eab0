//! What is no refund, and what cannot be refunded.

use serde_json::json;
use tests::api::ApiRequest;
use tests::cloud::Cloud;
use uuid::Uuid;

use super::super::books::Books;
use super::super::merchant::id;
use super::{LIST, REFUNDS, REVERSAL, correcting, paid, pay};

#[tokio::test]
async fn what_is_no_payment_of_ours_is_not_refunded_and_leaves_the_key_free() {
    let cloud = Cloud::running();
    let (us, payment) = paid(&cloud).await;
    let (_, theirs) = paid(&cloud).await;
    let key = Uuid::new_v4();
    let before = Books::of(&cloud, &[us.tenant]).await;
    for (route, payment) in [
        (REFUNDS, Uuid::new_v4().to_string()),
        (REVERSAL, Uuid::new_v4().to_string()),
        (REFUNDS, theirs.to_string()),
        (REVERSAL, theirs.to_string()),
        (REFUNDS, payment.simple().to_string()),
        (REFUNDS, "payment".to_owned()),
    ] {
        // All under one key: it stays as unused as it was, and need not be waited for.
        let answer = us.send(&correcting(route, &payment, &json!({})).key(key)).await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (404, "not-found"),
            "{route} {payment}"
        );
        assert_eq!(answer.header("idempotent-replayed"), None);
    }
    let after = Books::of(&cloud, &[us.tenant]).await;
    assert_eq!(
        after,
        Books {
            gate_items: after.gate_items,
            ..before
        }
    );
    let at_last = us.send(&correcting(REFUNDS, payment, &json!({})).key(key)).await;
    assert_eq!(at_last.status, 201, "{at_last:?}");
    for nothing in [theirs, id(&at_last), Uuid::new_v4()] {
        let list = us.send(&ApiRequest::to(LIST).path("payment_id", nothing)).await;
        assert_eq!((list.status, list.problem().as_str()), (404, "not-found"));
    }
}

#[tokio::test]
async fn what_never_moved_is_refused_for_good() {
    let cloud = Cloud::running();
    let (us, _) = paid(&cloud).await;
    let declined = pay(&us, 5000).await;
    assert_eq!(declined.status, 402);
    let deposit = us.deposit(us.buyer, 5).await;
    let accepted = us
        .send(
            &ApiRequest::to("POST /v1/settlements")
                .key(Uuid::new_v4())
                .json(&us.payment(40)),
        )
        .await;
    assert_eq!(accepted.status, 202);
    for (route, payment, slug) in [
        (REFUNDS, id(&declined), "payment-never-posted"),
        (REVERSAL, id(&declined), "payment-never-posted"),
        (REVERSAL, id(&accepted), "not-reversible"),
        (REFUNDS, deposit, "not-a-payment"),
        (REVERSAL, deposit, "not-a-payment"),
    ] {
        let request = correcting(route, payment, &json!({}));
        let refused = us.send(&request).await;
        assert_eq!((refused.status, refused.problem().as_str()), (422, slug));
        let again = us.send(&request).await;
        assert_eq!((again.status, &again.body), (422, &refused.body));
        assert_eq!(again.header("idempotent-replayed"), Some("true"));
    }
}

#[tokio::test]
async fn a_refund_that_is_none_is_refused_without_a_trace() {
    let cloud = Cloud::running();
    let (us, payment) = paid(&cloud).await;
    let before = Books::of(&cloud, &[us.tenant]).await;
    let sound = || correcting(REFUNDS, payment, &json!({"amount": 1}));
    let mut cases = vec![
        (sound().key(""), 400, "idempotency-key-missing", ""),
        (sound().key("one"), 400, "idempotency-key-malformed", ""),
        (
            sound().header("content-type", "text/plain"),
            415,
            "unsupported-media-type",
            "",
        ),
        (sound().text("{"), 400, "malformed-json", ""),
        (sound().text(""), 400, "malformed-json", ""),
        (sound().text(r#"{"amount": 1, "amount": 2}"#), 400, "malformed-json", ""),
        (sound().text(&" ".repeat(16 * 1024 + 1)), 413, "body-too-large", ""),
        (
            sound().json(&json!({"description": "4111111111111111"})),
            400,
            "card-number-refused",
            "",
        ),
    ];
    for (body, pointer) in [
        (json!({"amount": 0}), "/amount"),
        (json!({"amount": -1}), "/amount"),
        (json!({"amount": "1"}), "/amount"),
        (json!({"amount": 1_000_000_000_000_i64}), "/amount"),
        (json!({"description": 1}), "/description"),
        (json!({"metadata": {"a": 1}}), "/metadata/a"),
        (json!({"currency": "EUR"}), "/currency"),
        (json!({"source": us.seller}), "/source"),
        (json!({"payment": payment}), "/payment"),
        (json!([]), ""),
    ] {
        cases.push((sound().json(&body), 400, "invalid-request", pointer));
    }
    let of_the_whole = correcting(REVERSAL, payment, &json!({"amount": 1000}));
    cases.push((of_the_whole, 400, "invalid-request", "/amount"));
    for (request, status, slug, pointer) in cases {
        let answer = us.send(&request).await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (status, slug),
            "{request:?}"
        );
        if slug == "invalid-request" {
            assert_eq!(answer.json()["errors"][0]["pointer"], pointer);
        }
    }
    assert_eq!(Books::of(&cloud, &[us.tenant]).await, before);
    for query in [("limit", "0"), ("limit", "201"), ("cursor", "x")] {
        let list = ApiRequest::to(LIST).path("payment_id", payment).query(query.0, query.1);
        let answer = us.send(&list).await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (400, "invalid-request"),
            "{query:?}"
        );
    }
}
