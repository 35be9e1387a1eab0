//! Requests that are refused before the ledger is asked: they leave no trace, and their keys stay unused.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use tests::api::{ApiRequest, ApiResponse};
use tests::cloud::Cloud;
use tests::lambda::Function;
use tests::token::Scope;
use uuid::{NoContext, Timestamp, Uuid};

use super::books::Books;
use super::merchant::Merchant;

/// Passes Luhn; no card of anyone's.
const CARD: &str = "4111111111111111";
const LARGEST_BODY: usize = 16 * 1024;

/// What is wrong with a request, the request, and the status and slug it is answered with.
type Case = (String, ApiRequest, u16, &'static str);

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

#[tokio::test]
async fn a_body_may_have_16_kib_and_no_byte_more() {
    let (cloud, us) = funded().await;
    let padded = |length: usize| format!("{:length$}", us.payment(1).to_string());
    let request = |length| written("POST /v1/payments", &padded(length));
    let cases = vec![
        ("a byte more".into(), request(LARGEST_BODY + 1), 413, "body-too-large"),
        ("a lot more".into(), request(3 * LARGEST_BODY), 413, "body-too-large"),
        (
            "a deposit".into(),
            written("POST /v1/deposits", &padded(LARGEST_BODY + 1)),
            413,
            "body-too-large",
        ),
        (
            "an account".into(),
            written("POST /v1/accounts", &padded(LARGEST_BODY + 1)),
            413,
            "body-too-large",
        ),
    ];
    refused_without_a_trace(&cloud, &us, cases).await;
    let largest = us.send(&request(LARGEST_BODY)).await;
    assert_eq!(largest.status, 201, "{largest:?}");
}

#[tokio::test]
async fn a_body_that_is_not_one_json_document_is_refused() {
    let (cloud, us) = funded().await;
    let payment = us.payment(1).to_string();
    let inside = payment.trim_end_matches('}');
    let malformed = [
        String::new(),
        "null garbage".to_owned(),
        inside.to_owned(),
        format!("{payment}{payment}"),
        format!("{inside},}}"),
        payment.replace('"', "'"),
        format!("{inside},\"amount\":1}}"),
        format!("{inside},\"metadata\":{{\"a\":\"1\",\"a\":\"1\"}}}}"),
        format!("{inside},\"amou\\u006et\":2}}"),
        payment.replace("\"amount\":1", "\"amount\":01"),
        payment.replace("\"amount\":1", "\"amount\":+1"),
        payment.replace("\"amount\":1", "\"amount\":NaN"),
        payment.replace("\"amount\":1", "\"amount\":1e999"),
        format!("{inside},\"description\":\"\\ud800\"}}"),
        format!("{inside},\"metadata\":{}1{}}}", "[".repeat(200), "]".repeat(200)),
    ];
    let cases = malformed
        .iter()
        .map(|body| (shown(body), written("POST /v1/payments", body), 400, "malformed-json"))
        .collect();
    refused_without_a_trace(&cloud, &us, cases).await;
}

#[tokio::test]
async fn a_body_that_is_not_declared_as_json_is_refused() {
    let (cloud, us) = funded().await;
    let undeclared = ApiRequest::to("POST /v1/payments")
        .key(Uuid::new_v4())
        .text(&us.payment(1).to_string());
    let mut cases: Vec<Case> = vec![("none".into(), undeclared.clone(), 415, "unsupported-media-type")];
    for media_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonp",
        "application/problem+json",
        "json",
    ] {
        let request = undeclared.clone().header("content-type", media_type);
        cases.push((media_type.into(), request, 415, "unsupported-media-type"));
    }
    refused_without_a_trace(&cloud, &us, cases).await;
    let declared = undeclared.header("content-type", "Application/JSON; charset=utf-8");
    let accepted = us.send(&declared).await;
    assert_eq!(accepted.status, 201, "{accepted:?}");
}

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
            (answer.status, answer.problem().as_str()),
            (400, "invalid-request"),
            "{field}: {value}"
        );
        assert_eq!(pointers(&answer), [pointer]);
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
            (answer.status, answer.problem().as_str()),
            (400, "invalid-request"),
            "{field}: {value}"
        );
        assert_eq!(pointers(&answer), [pointer]);
    }
    // A deposit names no source: it always comes from the merchant's own external account.
    let named = us.send(&written("POST /v1/deposits", &us.payment(1).to_string())).await;
    assert_eq!(pointers(&named), ["/source"]);
    assert_eq!(Books::of(&cloud, &[us.tenant]).await, before);
}

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

fn key_at(time: SystemTime) -> Uuid {
    let since = time
        .duration_since(SystemTime::UNIX_EPOCH)
        .expect("the time is past 1970");
    Uuid::new_v7(Timestamp::from_unix(NoContext, since.as_secs(), since.subsec_nanos()))
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

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

fn shown(body: &str) -> String {
    body.chars().take(400).collect()
}
