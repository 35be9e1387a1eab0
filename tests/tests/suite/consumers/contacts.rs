//! Where merchants are written to: named at onboarding, kept apart from the ledger.

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use tests::api::{ApiRequest, ApiResponse};
use tests::cloud::Cloud;
use tests::lambda::Function;
use tests::token::Scope;
use uuid::Uuid;

/// Onboards a merchant by the real function.
pub async fn onboard(cloud: &Cloud, tenant: Uuid, body: &Value) -> ApiResponse {
    let function = Function::of(cloud, "onboard-merchant").start().await.unwrap();
    function.call(&request(tenant, body)).await.unwrap()
}

fn request(tenant: Uuid, body: &Value) -> ApiRequest {
    ApiRequest::to("PUT /v1/merchants/{merchant_id}")
        .claim("scope", Scope::Platform.as_str())
        .path("merchant_id", tenant)
        .json(body)
}

async fn contact(cloud: &Cloud, tenant: Uuid) -> Option<String> {
    let table = &cloud.function("onboard-merchant").environment["CONTACTS_TABLE"];
    let key = AttributeValue::S(tenant.to_string());
    let read = cloud.dynamodb().get_item().table_name(table).key("tenant_id", key);
    let item = read.consistent_read(true).send().await.unwrap().item?;
    Some(item["email"].as_s().unwrap().clone())
}

#[tokio::test]
async fn a_merchant_has_no_contact_until_it_names_one_and_none_again_when_it_says_so() {
    let (cloud, tenant) = (Cloud::running(), Uuid::new_v4());
    assert_eq!(
        onboard(&cloud, tenant, &json!({"currencies": ["EUR"]})).await.status,
        201
    );
    assert_eq!(contact(&cloud, tenant).await, None);
    let first = json!({"currencies": ["EUR"], "contact_email": "billing@example.com"});
    let answer = onboard(&cloud, tenant, &first).await;
    assert_eq!(answer.status, 200);
    assert!(
        !answer.text().contains("billing@"),
        "personal data is not handed back: {answer:?}"
    );
    assert_eq!(contact(&cloud, tenant).await.as_deref(), Some("billing@example.com"));
    let second = json!({"currencies": ["EUR"], "contact_email": "accounts@example.com"});
    assert_eq!(onboard(&cloud, tenant, &second).await.status, 200);
    assert_eq!(contact(&cloud, tenant).await.as_deref(), Some("accounts@example.com"));
    let silent = json!({"currencies": ["EUR"]});
    assert_eq!(onboard(&cloud, tenant, &silent).await.status, 200);
    assert_eq!(contact(&cloud, tenant).await.as_deref(), Some("accounts@example.com"));
    let removing = json!({"currencies": ["EUR"], "contact_email": null});
    for _ in 0..2 {
        assert_eq!(onboard(&cloud, tenant, &removing).await.status, 200);
        assert_eq!(contact(&cloud, tenant).await, None);
    }
}

#[tokio::test]
async fn an_invalid_contact_is_refused_before_anything_is_made() {
    let (cloud, tenant) = (Cloud::running(), Uuid::new_v4());
    for email in [
        json!("billing"),
        json!(""),
        json!(7),
        json!("a@example.com\nBcc: b@example.com"),
    ] {
        let answer = onboard(&cloud, tenant, &json!({"currencies": ["EUR"], "contact_email": email})).await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (400, "invalid-request"),
            "{email}"
        );
        assert_eq!(answer.json()["errors"][0]["pointer"], "/contact_email", "{email}");
    }
    assert_eq!(contact(&cloud, tenant).await, None);
    let answer = onboard(&cloud, tenant, &json!({"currencies": ["EUR"]})).await;
    assert_eq!(answer.status, 201, "the merchant was not there before: {answer:?}");
}

#[tokio::test]
async fn a_contact_that_could_not_be_stored_is_stored_by_the_retry() {
    let (cloud, tenant) = (Cloud::running(), Uuid::new_v4());
    let body = json!({"currencies": ["EUR"], "contact_email": "billing@example.com"});
    let setup = Function::of(&cloud, "onboard-merchant").set("CONTACTS_TABLE", "no-such-table");
    let function = setup.start().await.unwrap();
    let answer = function.call(&request(tenant, &body)).await.unwrap();
    assert_eq!(
        (answer.status, answer.problem().as_str()),
        (503, "contacts-unavailable")
    );
    assert!(answer.header("retry-after").is_some(), "{answer:?}");
    assert!(!function.output().contains("billing@"), "{}", function.output());
    let answer = onboard(&cloud, tenant, &body).await;
    assert_eq!(answer.status, 200, "the ledger had it: {answer:?}");
    assert_eq!(contact(&cloud, tenant).await.as_deref(), Some("billing@example.com"));
}
