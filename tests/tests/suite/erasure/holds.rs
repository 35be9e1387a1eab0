//! What is held by law is not erased.

use serde_json::{Value, json};
use tests::api::{ApiRequest, ApiResponse};
use uuid::Uuid;

use super::scene::{ADA, Office, acts, audited};

pub fn turning(method: &str, tenant: Uuid, customer: Option<Uuid>) -> ApiRequest {
    let route = "/v1/compliance/holds/{tenant_id}";
    let request = match customer {
        Some(customer) => ApiRequest::to(&format!("{method} {route}/{{customer_id}}")).path("customer_id", customer),
        None => ApiRequest::to(&format!("{method} {route}")),
    };
    request.path("tenant_id", tenant).json(&json!({"reason": "a lawsuit"}))
}

async fn turned(office: &Office, method: &str, customer: Option<Uuid>) -> ApiResponse {
    office.ask(turning(method, office.tenant(), customer)).await
}

async fn erased(office: &Office, customer: Option<Uuid>) -> Value {
    let erasure = Uuid::new_v4();
    office.erase(erasure, customer).await;
    office.erasure(erasure).await
}

#[tokio::test]
async fn a_hold_on_a_customer_or_the_tenant_blocks_with_its_reason_and_destroys_nothing() {
    let office = Office::open().await;
    let (customer, account) = office.customer("Ada").await;
    for held in [Some(customer), None] {
        let set = turned(&office, "PUT", held).await;
        assert_eq!(set.status, 200, "{set:?}");
        // Set again, it stays as it was.
        assert_eq!(turned(&office, "PUT", held).await.json(), set.json());
        let blocked = erased(&office, Some(customer)).await;
        assert_eq!((&blocked["status"], &blocked["hold"]), (&json!("blocked"), &set.json()));
        assert_eq!(
            (&blocked["hold"]["reason"], &blocked["hold"]["held_by"]),
            (&json!("a lawsuit"), &json!(ADA))
        );
        // Nor is the tenant erased while any of its customers is held.
        assert_eq!(erased(&office, None).await["status"], "blocked");
        let shown = office.vault.shown(&office.keeper, customer).await;
        assert_eq!(
            (&shown["name"], &shown["accounts"]),
            (&json!("Ada Lovelace"), &json!([account]))
        );
        let lifted = turned(&office, "DELETE", held).await;
        assert_eq!((lifted.status, &lifted.json()["held"]), (200, &json!(false)));
        assert_eq!(turned(&office, "DELETE", held).await.status, 200);
    }
    assert_eq!(office.status(customer).await, 200);
    // Lifted and asked for again.
    assert_eq!(erased(&office, Some(customer)).await["status"], "certified");
    office.is_gone(customer, account).await;
    let held = format!("customer {customer} of tenant {}", office.tenant());
    let turns = audited(&office.cloud, &held).await;
    let turns: Vec<_> = turns.into_iter().filter(|(act, _)| act.starts_with("hold")).collect();
    assert_eq!(
        turns,
        acts(&[
            ("hold_asked", "done"),
            ("hold_set", "done"),
            ("hold_asked", "done"),
            ("hold_set", "repeated"),
            ("hold_lift_asked", "done"),
            ("hold_lifted", "done"),
            ("hold_lift_asked", "done"),
            ("hold_lifted", "repeated"),
        ])
    );
}

#[tokio::test]
async fn what_was_blocked_stays_so_and_another_erasure_must_be_asked_for() {
    let office = Office::open().await;
    let (customer, _) = office.customer("Ada").await;
    let erasure = Uuid::new_v4();
    turned(&office, "PUT", Some(customer)).await;
    office.erase(erasure, Some(customer)).await;
    turned(&office, "DELETE", Some(customer)).await;
    // A message that comes late.
    office.erase(erasure, Some(customer)).await;
    assert_eq!(office.erasure(erasure).await["status"], "blocked");
    assert_eq!(office.status(customer).await, 200);
    assert!(office.kept(erasure).await.is_empty());
    assert_eq!(
        audited(&office.cloud, erasure).await,
        acts(&[
            ("erasure_asked", "done"),
            ("erasure_blocked", "done"),
            ("erasure_inspected", "done")
        ])
    );
}

#[tokio::test]
async fn holds_are_on_who_is_there() {
    let office = Office::open().await;
    let (customer, _) = office.customer("Ada").await;
    let nobody = turned(&office, "PUT", Some(Uuid::new_v4())).await;
    assert_eq!((nobody.status, nobody.problem().as_str()), (404, "not-found"));
    let no_tenant = office.ask(turning("PUT", Uuid::new_v4(), None)).await;
    assert_eq!((no_tenant.status, no_tenant.problem().as_str()), (404, "not-found"));
    let set = turned(&office, "PUT", Some(customer)).await;
    let listed = ApiRequest::to("GET /v1/compliance/holds/{tenant_id}").path("tenant_id", office.tenant());
    assert_eq!(
        office.ask(listed.clone()).await.json(),
        json!({"object": "list", "data": [set.json()]})
    );
    turned(&office, "DELETE", Some(customer)).await;
    assert_eq!(office.ask(listed).await.json()["data"], json!([]));
    erased(&office, Some(customer)).await;
    let late = turned(&office, "PUT", Some(customer)).await;
    assert_eq!((late.status, late.problem().as_str()), (410, "customer-erased"));
}
