//! Asking for erasures: by people who sign, and by events.

use serde_json::{Value, json};
use tests::api::ApiRequest;
use tests::token::Scope;
use uuid::Uuid;

use super::scene::{ADA, ERASURE, ERASURES, Office, WHY, acts, audited, delivered, event, wanted};

fn asking(key: Uuid, body: &Value) -> ApiRequest {
    ApiRequest::to(ERASURES).key(key).json(body)
}

#[tokio::test]
async fn asked_again_with_the_same_key_it_is_the_same_erasure() {
    let office = Office::open().await;
    let (customer, _) = office.customer("Ada").await;
    // Held, so that it stays as it is whoever carries it out.
    let hold = ApiRequest::to("PUT /v1/compliance/holds/{tenant_id}").path("tenant_id", office.tenant());
    assert_eq!(office.ask(hold.json(&json!({"reason": "a lawsuit"}))).await.status, 200);
    let (key, body) = (Uuid::new_v4(), wanted(office.tenant(), Some(customer)));
    let first = office.ask(asking(key, &body)).await;
    assert_eq!(first.status, 202, "{first:?}");
    let place = format!("/v1/compliance/erasures/{key}");
    assert_eq!(first.header("location"), Some(place.as_str()));
    let told = first.json();
    assert_eq!(
        (&told["id"], &told["asked_by"], &told["reason"]),
        (&json!(key), &json!(ADA), &json!(WHY))
    );
    let again = office.ask(asking(key, &body)).await;
    assert_eq!((again.status, again.header("idempotent-replayed")), (202, Some("true")));
    assert_eq!(again.json()["asked_at"], told["asked_at"]);
    let other = office.ask(asking(key, &wanted(office.tenant(), None))).await;
    assert_eq!(
        (other.status, other.problem().as_str()),
        (422, "idempotency-key-reused")
    );
    let audited: Vec<_> = audited(&office.cloud, key).await;
    let asked: Vec<_> = audited.into_iter().filter(|(act, _)| act == "erasure_asked").collect();
    assert_eq!(
        asked,
        acts(&[
            ("erasure_asked", "done"),
            ("erasure_asked", "repeated"),
            ("erasure_asked", "refused")
        ])
    );
}

#[tokio::test]
async fn a_token_asks_for_nothing_here_and_what_is_wrong_is_said() {
    let office = Office::open().await;
    let body = wanted(office.tenant(), None);
    let by_token = asking(Uuid::new_v4(), &body).from_tenant(office.tenant(), Scope::Merchant);
    let refused = office.eraser.call(&by_token).await.unwrap();
    assert_eq!((refused.status, refused.problem().as_str()), (403, "actor-missing"));
    let keyless = office.ask(ApiRequest::to(ERASURES).json(&body)).await;
    assert_eq!(
        (keyless.status, keyless.problem().as_str()),
        (400, "idempotency-key-missing")
    );
    let mut forgotten = body.clone();
    forgotten["scope"] = json!("subject");
    for wrong in [forgotten, json!({}), json!([])] {
        let refused = office.ask(asking(Uuid::new_v4(), &wrong)).await;
        assert_eq!(
            (refused.status, refused.problem().as_str()),
            (400, "invalid-request"),
            "{wrong}"
        );
    }
    for id in [Uuid::new_v4().to_string(), "erasure".to_owned()] {
        let unknown = office.ask(ApiRequest::to(ERASURE).path("erasure_id", id)).await;
        assert_eq!((unknown.status, unknown.problem().as_str()), (404, "not-found"));
    }
}

#[tokio::test]
async fn of_whom_nothing_is_known_nothing_is_certified() {
    let office = Office::open().await;
    let erasure = Uuid::new_v4();
    office.erase(erasure, Some(Uuid::new_v4())).await;
    assert_eq!(office.erasure(erasure).await["status"], "unknown");
    assert!(office.kept(erasure).await.is_empty());
    let certificate = ApiRequest::to("GET /v1/compliance/erasures/{erasure_id}/certificate");
    assert_eq!(office.ask(certificate.path("erasure_id", erasure)).await.status, 404);
}

#[tokio::test]
async fn what_cannot_be_read_or_says_something_else_comes_again_until_people_see_it() {
    let office = Office::open().await;
    let (customer, _) = office.customer("Ada").await;
    let erasure = Uuid::new_v4();
    office.erase(erasure, Some(Uuid::new_v4())).await;
    let comes_again = json!({"batchItemFailures": [{"itemIdentifier": "1"}]});
    let mut nobody = wanted(office.tenant(), Some(customer));
    nobody["erasure_id"] = json!(Uuid::new_v4());
    let secret = "Ada Lovelace of 12 St James's Square";
    let mut wordy = nobody.clone();
    wordy["asked_by"] = json!(secret);
    for event in [
        // Another customer under an id that was used.
        event(erasure, office.tenant(), Some(customer)),
        delivered(&nobody),
        delivered(&wordy),
        delivered(&json!({})),
    ] {
        assert_eq!(office.eraser.invoke(&event).await.unwrap(), comes_again, "{event}");
    }
    assert_eq!(office.status(customer).await, 200);
    assert!(!office.eraser.output().contains(secret));
}
