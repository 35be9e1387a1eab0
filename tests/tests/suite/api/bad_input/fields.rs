//! Fields that are wrong: every one of them is named.

use serde_json::{Value, json};
use tests::api::ApiResponse;
use uuid::Uuid;

use super::super::books::Books;
use super::{account, deposit, funded, with, written};

#[tokio::test]
async fn every_wrong_field_is_named_and_nothing_is_repeated() {
    let (cloud, us) = funded().await;
    let buyer = us.buyer.to_string();
    let long = |chars: usize| json!("é".repeat(chars)).to_string();
    let pairs: Value = (0..21)
        .map(|n| (format!("name{n}"), json!("value")))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let amounts = [
        "-1",
        "0",
        "-0",
        "1000000000000",
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551616",
        "1e30",
        "-1e30",
        "1.5",
        "0.1",
        "1.0",
        "1e2",
        "\"100\"",
        "true",
        "null",
        "[1]",
        "{}",
    ];
    let mut wrong: Vec<(&str, String, &str)> = amounts
        .iter()
        .map(|amount| ("amount", (*amount).to_owned(), "/amount"))
        .collect();
    for currency in [
        "\"eur\"", "\"EURO\"", "\"ZZZ\"", "\"XXX\"", "\"XAU\"", "\"\"", "978", "null",
    ] {
        wrong.push(("currency", currency.to_owned(), "/currency"));
    }
    for account in ["\"buyer\"", "\"\"", "1", "null"] {
        wrong.push(("source", account.to_owned(), "/source"));
        wrong.push(("destination", account.to_owned(), "/destination"));
    }
    wrong.extend([
        ("destination", json!(buyer).to_string(), "/destination"),
        ("destination", json!(buyer.to_uppercase()).to_string(), "/destination"),
        ("source", json!(us.buyer.simple().to_string()).to_string(), "/source"),
        ("description", long(257), "/description"),
        ("description", "\"a\\u0000b\"".to_owned(), "/description"),
        ("description", "\"a\\nb\"".to_owned(), "/description"),
        ("description", "1".to_owned(), "/description"),
        ("metadata", "[]".to_owned(), "/metadata"),
        ("metadata", "{\"order\":1}".to_owned(), "/metadata/order"),
        ("metadata", "{\"order\":null}".to_owned(), "/metadata/order"),
        ("metadata", "{\"a\\u0000b\":\"1\"}".to_owned(), "/metadata/a\0b"),
        ("metadata", format!("{{\"order\":{}}}", long(501)), "/metadata/order"),
        ("metadata", "{\"\":\"1\"}".to_owned(), "/metadata/"),
        ("metadata", pairs.to_string(), "/metadata"),
        ("card_token", "\"tok en\"".to_owned(), "/card_token"),
        ("card_token", "\"\"".to_owned(), "/card_token"),
        ("card_token", json!("t".repeat(129)).to_string(), "/card_token"),
        ("tip", "1".to_owned(), "/tip"),
        ("Amount", "1".to_owned(), "/Amount"),
        ("a/b~c", "1".to_owned(), "/a~1b~0c"),
        ("tenant_id", json!(Uuid::new_v4()).to_string(), "/tenant_id"),
        ("idempotency_key", json!(Uuid::new_v4()).to_string(), "/idempotency_key"),
    ]);
    let before = Books::of(&cloud, &[us.tenant]).await;
    for (field, value, pointer) in wrong {
        let request = written("POST /v1/payments", &with(&us.payment(1), field, &value));
        let answer = us.send(&request).await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (400, "invalid-request"),
            "{field}: {value}: {answer:?}"
        );
        assert_eq!(pointers(&answer), [pointer], "{field}: {value}");
        assert_eq!(answer.header("idempotent-replayed"), None);
        assert!(!answer.text().contains(&us.seller.to_string()), "{field}: {value}");
    }
    assert_eq!(Books::of(&cloud, &[us.tenant]).await, before);

    let nothing = us.send(&written("POST /v1/payments", "{}")).await;
    assert_eq!(pointers(&nothing), ["/source", "/destination", "/amount", "/currency"]);
    for body in ["[]", "null", "1", "\"text\""] {
        assert_eq!(
            pointers(&us.send(&written("POST /v1/payments", body)).await),
            [""],
            "{body}"
        );
    }
}

#[tokio::test]
async fn wrong_fields_are_named_on_every_route_that_takes_a_body() {
    let (cloud, us) = funded().await;
    let before = Books::of(&cloud, &[us.tenant]).await;
    for (field, value, pointer) in [
        ("amount", "0", "/amount"),
        ("amount", "1.5", "/amount"),
        ("amount", "1e30", "/amount"),
        ("currency", "\"ZZZ\"", "/currency"),
        ("destination", "1", "/destination"),
        ("description", "\"\\u0000\"", "/description"),
        ("card_token", "\"tok\"", "/card_token"),
    ] {
        let answer = us
            .send(&written("POST /v1/deposits", &with(&deposit(&us), field, value)))
            .await;
        assert_eq!(
            (answer.status, pointers(&answer)),
            (400, vec![pointer.to_owned()]),
            "{field}: {value}"
        );
    }
    for (field, value, pointer) in [
        ("kind", "\"escrow\"", "/kind"),
        ("kind", "\"external\"", "/kind"),
        ("kind", "\"platform\"", "/kind"),
        ("currency", "\"eur\"", "/currency"),
        ("floor", "\"0\"", "/floor"),
        ("floor", "0.5", "/floor"),
        ("floor", "1000000000000", "/floor"),
        ("floor", "-1000000000000", "/floor"),
        ("floor", "1e30", "/floor"),
        ("balance", "1", "/balance"),
    ] {
        let answer = us
            .send(&written("POST /v1/accounts", &with(&account(), field, value)))
            .await;
        assert_eq!(
            (answer.status, pointers(&answer)),
            (400, vec![pointer.to_owned()]),
            "{field}: {value}"
        );
    }
    // A deposit names no source: it always comes from the merchant's own external account.
    let named = us.send(&written("POST /v1/deposits", &us.payment(1).to_string())).await;
    assert_eq!(pointers(&named), ["/source"]);
    assert_eq!(Books::of(&cloud, &[us.tenant]).await, before);
}

fn pointers(answer: &ApiResponse) -> Vec<String> {
    assert_eq!(answer.problem(), "invalid-request");
    let problem = answer.json();
    let errors = problem["errors"].as_array().expect("the errors are named");
    assert!(
        errors
            .iter()
            .all(|error| error["detail"].as_str().is_some_and(|detail| !detail.is_empty()))
    );
    errors
        .iter()
        .map(|error| error["pointer"].as_str().unwrap_or_default().to_owned())
        .collect()
}
