//! Making, replacing and showing a customer, over HTTP, by the deployed function in its role.

use serde_json::json;
use tests::api::ApiRequest;
use tests::cloud::Cloud;
use uuid::Uuid;

use super::scene::{document, linking, over_http, person, with_customer};
use crate::api::merchant::Merchant;

#[tokio::test]
async fn a_customer_is_made_shown_and_replaced_whole() {
    let cloud = Cloud::running();
    let (us, customer) = (Merchant::onboard(&cloud).await, Uuid::new_v4());
    let ada = person("Ada");
    let made = us.send(&over_http("PUT", customer).json(&ada)).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(made.json(), document(customer, &ada, 1, &[], &made.json()));
    let shown = us.send(&over_http("GET", customer)).await;
    assert_eq!((shown.status, shown.json()), (200, made.json()));
    assert_eq!(shown.header("cache-control"), Some("no-store"));

    let replaced = us
        .send(&over_http("PUT", customer).json(&json!({"name": "Ada King"})))
        .await;
    assert_eq!(replaced.status, 200, "{replaced:?}");
    let least = json!({"name": "Ada King", "email": null, "phone": null, "address": null, "details": {}});
    assert_eq!(replaced.json(), document(customer, &least, 2, &[], &replaced.json()));
    assert_eq!(us.send(&over_http("GET", customer)).await.json(), replaced.json());
}

#[tokio::test]
async fn anothers_customer_is_nobody_on_every_route() {
    let cloud = Cloud::running();
    let ((us, customer), them) = (with_customer(&cloud).await, Merchant::onboard(&cloud).await);
    let nobody = Uuid::new_v4();
    for request in [
        over_http("GET", customer),
        over_http("GET", nobody),
        linking(customer, them.buyer),
        linking(nobody, them.buyer),
        over_http("GET", customer).path("customer_id", "ada"),
        over_http("PUT", customer)
            .path("customer_id", "ada")
            .json(&person("Eve")),
    ] {
        let answer = them.send(&request).await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (404, "not-found"),
            "{request:?}"
        );
    }
    // An id is its merchant's own: the same one of another is somebody else.
    let made = them.send(&over_http("PUT", customer).json(&person("Eve"))).await;
    assert_eq!(made.status, 201);
    assert_eq!(
        us.send(&over_http("GET", customer)).await.json()["name"],
        "Ada Lovelace"
    );
    assert_eq!(
        them.send(&over_http("GET", customer)).await.json()["name"],
        "Eve Lovelace"
    );
}

#[tokio::test]
async fn what_is_no_customer_is_refused_and_nothing_of_it_stored() {
    let cloud = Cloud::running();
    let (us, customer) = with_customer(&cloud).await;
    let before = us.send(&over_http("GET", customer)).await.json();
    let put = || over_http("PUT", customer);
    let mut card = person("Ada");
    card["address"]["lines"][1] = json!("4111 1111 1111 1111");
    let large = format!("{:20000}", person("Ada").to_string());
    let cases: [(ApiRequest, u16, &str); 8] = [
        (put().json(&card), 400, "card-number-refused"),
        (
            put().json(&json!({"name": "a", "phone": "4111111111111111"})),
            400,
            "card-number-refused",
        ),
        (put().json(&json!({"name": ""})), 400, "invalid-request"),
        (
            put().json(&json!({"name": "a", "born": "1815"})),
            400,
            "invalid-request",
        ),
        (put().json(&json!([])), 400, "invalid-request"),
        (
            put().header("content-type", "application/json").text("{"),
            400,
            "malformed-json",
        ),
        (
            put().header("content-type", "application/json").text(&large),
            413,
            "body-too-large",
        ),
        (put().text("{}"), 415, "unsupported-media-type"),
    ];
    for (request, status, slug) in cases {
        let answer = us.send(&request).await;
        assert_eq!((answer.status, answer.problem().as_str()), (status, slug), "{answer:?}");
    }
    assert_eq!(us.send(&over_http("GET", customer)).await.json(), before);
}
