//! Who may call what: the gateway checks the token and its scope, the functions take the tenant from it alone.

use serde_json::{Value, json};
use tests::api::ApiRequest;
use tests::cloud::Cloud;
use tests::token;
use uuid::Uuid;

use super::books::Books;
use super::merchant::{Merchant, id, platform_token};

/// A sound request to every route of `us`; the last is the platform's.
fn every_route(us: &Merchant, payment: Uuid, key: Uuid) -> [ApiRequest; 8] {
    let deposit = json!({"destination": us.buyer, "amount": 1, "currency": "EUR"});
    [
        ApiRequest::to("POST /v1/accounts")
            .key(Uuid::new_v4())
            .json(&json!({"kind": "buyer", "currency": "EUR"})),
        ApiRequest::to("GET /v1/accounts/{account_id}").path("account_id", us.buyer),
        ApiRequest::to("GET /v1/accounts/{account_id}/entries").path("account_id", us.buyer),
        ApiRequest::to("POST /v1/payments")
            .key(Uuid::new_v4())
            .json(&us.payment(1)),
        ApiRequest::to("GET /v1/payments/{payment_id}").path("payment_id", payment),
        ApiRequest::to("GET /v1/payments").query("idempotency_key", key),
        ApiRequest::to("POST /v1/deposits").key(Uuid::new_v4()).json(&deposit),
        ApiRequest::to("PUT /v1/merchants/{merchant_id}")
            .path("merchant_id", us.tenant)
            .json(&json!({"currencies": ["CHF"]})),
    ]
}

/// A merchant with money and one payment made, and that payment's id and key.
async fn with_a_payment(cloud: &Cloud) -> (Merchant, Uuid, Uuid) {
    let us = Merchant::onboard(cloud).await;
    us.deposit(us.buyer, 1000).await;
    let key = Uuid::new_v4();
    let paid = us
        .send(&ApiRequest::to("POST /v1/payments").key(key).json(&us.payment(100)))
        .await;
    assert_eq!(paid.status, 201, "{paid:?}");
    (us, id(&paid), key)
}

#[tokio::test]
async fn a_token_that_does_not_verify_is_turned_away_by_the_gateway() {
    let cloud = Cloud::running();
    let (us, payment, key) = with_a_payment(&cloud).await;
    let other = Uuid::new_v4();
    let forgeries = [
        ("missing", None),
        ("garbage", Some("garbage".to_owned())),
        ("three parts of garbage", Some("a.b.c".to_owned())),
        ("expired", Some(token::expired(&cloud, other).await)),
        ("unsigned", Some(token::unsigned(&us.token))),
        ("alg none", Some(token::alg_none(&us.token))),
        (
            "another tenant",
            Some(token::tampered(&us.token, "tenant_id", &other.to_string())),
        ),
        (
            "another scope",
            Some(token::tampered(&us.token, "scope", "onceledger/platform")),
        ),
        (
            "another issuer",
            Some(token::tampered(&us.token, "iss", "https://issuer.example.com")),
        ),
    ];
    let before = Books::of(&cloud, &[us.tenant, other]).await;
    for (forgery, token) in forgeries {
        for request in every_route(&us, payment, key) {
            let answer = request.send(&cloud, token.as_deref()).await.unwrap();
            assert_eq!(answer.status, 401, "{forgery}: {request:?}: {answer:?}");
            assert_eq!(
                answer.json(),
                json!({"message": "Unauthorized"}),
                "{forgery}: {request:?}"
            );
        }
    }
    assert_eq!(Books::of(&cloud, &[us.tenant, other]).await, before);
}

#[tokio::test]
async fn a_token_opens_only_the_routes_of_its_scope() {
    let cloud = Cloud::running();
    let (us, payment, key) = with_a_payment(&cloud).await;
    let before = Books::of(&cloud, &[us.tenant]).await;
    let platform = platform_token(&cloud).await;
    let [merchant_routes @ .., platform_route] = every_route(&us, payment, key);
    for request in merchant_routes {
        let answer = request.send(&cloud, Some(&platform)).await.unwrap();
        assert_eq!(answer.status, 403, "{request:?}: {answer:?}");
        assert_eq!(answer.json(), json!({"message": "Forbidden"}), "{request:?}");
    }
    let answer = us.send(&platform_route).await;
    assert_eq!(answer.status, 403, "{answer:?}");
    assert_eq!(Books::of(&cloud, &[us.tenant]).await, before);
}

#[tokio::test]
async fn a_token_without_a_usable_tenant_is_refused_by_every_function() {
    let cloud = Cloud::running();
    let (us, payment, key) = with_a_payment(&cloud).await;
    let house = domain::ids::TenantId::PLATFORM.uuid();
    let before = Books::of(&cloud, &[us.tenant]).await;
    for token in [token::tenantless(&cloud).await, token::merchant(&cloud, house).await] {
        let [merchant_routes @ .., _] = every_route(&us, payment, key);
        for request in merchant_routes {
            let answer = request.send(&cloud, Some(&token)).await.unwrap();
            assert_eq!(
                (answer.status, answer.problem().as_str()),
                (403, "tenant-missing"),
                "{request:?}"
            );
        }
    }
    assert_eq!(Books::of(&cloud, &[us.tenant]).await, before);
}

#[tokio::test]
async fn a_merchant_s_token_shows_and_moves_nothing_of_another() {
    let cloud = Cloud::running();
    let ((us, payment, key), stranger) = tokio::join!(with_a_payment(&cloud), Merchant::onboard(&cloud));
    let before = Books::of(&cloud, &[us.tenant]).await;
    let theirs = Books::of(&cloud, &[stranger.tenant]).await;
    let nothing = Uuid::new_v4();
    for (route, parameter, ours) in [
        ("GET /v1/accounts/{account_id}", "account_id", us.buyer),
        ("GET /v1/accounts/{account_id}/entries", "account_id", us.buyer),
        ("GET /v1/payments/{payment_id}", "payment_id", payment),
    ] {
        let answer = stranger.send(&ApiRequest::to(route).path(parameter, ours)).await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (404, "not-found"),
            "{route}"
        );
        let unknown = stranger.send(&ApiRequest::to(route).path(parameter, nothing)).await;
        assert_eq!((unknown.status, unknown.body), (404, answer.body), "{route}");
    }
    // Keys are each tenant's own: the same one names another payment, or none.
    let by_key = stranger
        .send(&ApiRequest::to("GET /v1/payments").query("idempotency_key", key))
        .await;
    assert_eq!((by_key.status, by_key.problem().as_str()), (404, "not-found"));

    let deposit = json!({"destination": us.buyer, "amount": 1, "currency": "EUR"});
    let take = json!({"source": us.buyer, "destination": stranger.seller, "amount": 1, "currency": "EUR"});
    for (route, body) in [
        ("POST /v1/payments", us.payment(1)),
        ("POST /v1/payments", take),
        ("POST /v1/deposits", deposit),
    ] {
        let answer = stranger
            .send(&ApiRequest::to(route).key(Uuid::new_v4()).json(&body))
            .await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (422, "account-unknown"),
            "{route}"
        );
    }
    assert_eq!(Books::of(&cloud, &[us.tenant]).await, before);
    let after = Books::of(&cloud, &[stranger.tenant]).await;
    assert_eq!(after, theirs.with_refusal().with_refusal().with_refusal());
}

#[tokio::test]
async fn the_same_key_of_two_merchants_is_two_payments() {
    let cloud = Cloud::running();
    let ((us, payment, key), other) = tokio::join!(with_a_payment(&cloud), Merchant::onboard(&cloud));
    other.deposit(other.buyer, 1000).await;
    let theirs = other
        .send(&ApiRequest::to("POST /v1/payments").key(key).json(&other.payment(100)))
        .await;
    assert_eq!(theirs.status, 201, "{theirs:?}");
    assert_ne!(id(&theirs), payment);
    assert_eq!(
        (us.balance(us.buyer).await, other.balance(other.buyer).await),
        (900, 900)
    );
}

#[tokio::test]
async fn a_tenant_named_in_the_request_counts_for_nothing() {
    let cloud = Cloud::running();
    let ((us, payment, _), other) = tokio::join!(with_a_payment(&cloud), Merchant::onboard(&cloud));
    other.deposit(other.buyer, 1000).await;
    let named = |request: ApiRequest| {
        ["tenant_id", "tenant-id", "x-tenant-id", "x-amzn-tenant-id"]
            .iter()
            .fold(request, |request, name| request.header(name, other.tenant))
            .query("tenant_id", other.tenant)
            .query("tenant", other.tenant)
    };
    let buyer = |of: &Merchant| ApiRequest::to("GET /v1/accounts/{account_id}").path("account_id", of.buyer);
    assert_eq!(us.send(&named(buyer(&us))).await.status, 200);
    assert_eq!(us.send(&named(buyer(&other))).await.status, 404);
    let shown = us
        .send(&named(
            ApiRequest::to("GET /v1/payments/{payment_id}").path("payment_id", payment),
        ))
        .await;
    assert_eq!(shown.status, 200, "{shown:?}");

    let before = Books::of(&cloud, &[other.tenant]).await;
    let ours = named(ApiRequest::to("POST /v1/payments"))
        .key(Uuid::new_v4())
        .json(&us.payment(100));
    assert_eq!(us.send(&ours).await.status, 201);
    let theirs = named(ApiRequest::to("POST /v1/payments"))
        .key(Uuid::new_v4())
        .json(&other.payment(100));
    assert_eq!(us.send(&theirs).await.problem(), "account-unknown");
    for (route, body) in [
        ("POST /v1/payments", us.payment(1)),
        ("POST /v1/accounts", json!({"kind": "buyer", "currency": "EUR"})),
    ] {
        let mut claiming: Value = body;
        claiming["tenant_id"] = json!(other.tenant);
        let answer = us
            .send(&ApiRequest::to(route).key(Uuid::new_v4()).json(&claiming))
            .await;
        assert_eq!(answer.problem(), "invalid-request", "{route}");
    }
    assert_eq!(us.balance(us.buyer).await, 800);
    assert_eq!(Books::of(&cloud, &[other.tenant]).await, before);
}
