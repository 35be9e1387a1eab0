//! Bodies that are too large, or not JSON, or not said to be.

use tests::api::ApiRequest;
use uuid::Uuid;

use super::{Case, funded, refused_without_a_trace, written};

const LARGEST_BODY: usize = 16 * 1024;

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

fn shown(body: &str) -> String {
    body.chars().take(400).collect()
}
