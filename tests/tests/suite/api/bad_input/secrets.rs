//! What is sent and must not be kept: card numbers anywhere, and anything at all in a log.

use serde_json::{Value, json};
use tests::api::ApiRequest;
use tests::lambda::Function;
use tests::token::Scope;
use uuid::Uuid;

use super::super::books::Books;
use super::{funded, with, written};

/// Passes Luhn; no card of anyone's.
const CARD: &str = "4111111111111111";

#[tokio::test]
async fn a_card_number_is_refused_wherever_it_stands_and_not_repeated() {
    let (cloud, us) = funded().await;
    let payment = us.payment(1);
    let cards = [
        ("description", json!(CARD)),
        ("description", json!("4111 1111 1111 1111")),
        ("description", json!("4111-1111-1111-1111")),
        ("description", json!("card 4111.1111.1111.1111 12/27, thanks")),
        ("description", json!("378282246310005")),
        ("description", json!("4222222222222")),
        ("description", json!("6304000000000000000")),
        ("description", json!("４１１１１１１１１１１１１１１１")),
        ("metadata", json!({CARD: "card"})),
        ("metadata", json!({"card": CARD})),
        ("card_token", json!(CARD)),
        ("card_token", json!("4111-1111-1111-1111")),
        ("currency", json!(CARD)),
        ("source", json!(CARD)),
        ("amount", json!(4_111_111_111_111_111_u64)),
        ("amount", json!(CARD)),
        ("card_number", json!(CARD)),
        ("card", json!({"pan": {"digits": [CARD]}})),
        ("card", json!([4_111_111_111_111_111_u64])),
        (CARD, json!("")),
    ];
    let before = Books::of(&cloud, &[us.tenant]).await;
    for route in ["POST /v1/payments", "POST /v1/deposits", "POST /v1/accounts"] {
        for (field, value) in &cards {
            let answer = us
                .send(&written(route, &with(&payment, field, &value.to_string())))
                .await;
            assert_eq!(
                (answer.status, answer.problem().as_str()),
                (400, "card-number-refused"),
                "{field}: {value}"
            );
            assert_eq!(answer.json()["errors"], Value::Null);
            assert!(!digits(&answer.text()).contains("4111"), "{}", answer.text());
        }
    }
    assert_eq!(Books::of(&cloud, &[us.tenant]).await, before);
    // What only resembles one is let through.
    let harmless = json!({"order": "4111111111111112", "account": us.buyer, "date": "2026-11-22"});
    let accepted = us
        .send(&written(
            "POST /v1/payments",
            &with(&payment, "metadata", &harmless.to_string()),
        ))
        .await;
    assert_eq!(accepted.status, 201, "{accepted:?}");
}

#[tokio::test]
async fn what_is_sent_is_in_no_log() {
    let (cloud, us) = funded().await;
    let secrets = [
        "a secret wish",
        "tok_of_a_card",
        "secret-name",
        "secret value",
        CARD,
        "Bearer ",
    ];
    let mut payment = us.payment(1);
    payment["description"] = json!(secrets[0]);
    payment["card_token"] = json!(secrets[1]);
    payment["metadata"] = json!({secrets[2]: secrets[3]});
    let mut card = payment.clone();
    card["description"] = json!(CARD);
    let key = Uuid::new_v4();
    let authorize = Function::of(&cloud, "authorize")
        .set("RUST_LOG", "trace")
        .start()
        .await
        .unwrap();
    let cases = [
        (payment.to_string(), 201),
        (payment.to_string(), 201),
        (card.to_string(), 400),
        (with(&payment, "amount", "\"secret value\""), 400),
        (payment.to_string().replace('}', ""), 400),
        (with(&payment, "amount", "2"), 422),
    ];
    for (body, status) in cases {
        let request = ApiRequest::to("POST /v1/payments")
            .from_tenant(us.tenant, Scope::Merchant)
            .header("authorization", format!("Bearer {}", us.token))
            .header("content-type", "application/json")
            .key(key)
            .text(&body);
        assert_eq!(authorize.call(&request).await.unwrap().status, status, "{body}");
    }
    let log = authorize.output();
    assert!(log.contains("\"idempotency.outcome\":\"card-number-refused\""), "{log}");
    for secret in secrets {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}
