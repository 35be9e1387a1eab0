//! What moves money at a client's word: the claim at the gate.

use serde_json::{Value, json};
use tests::api::{ApiRequest, ApiResponse};
use tests::cloud::Cloud;
use tests::lambda::{Function, Setup};
use tests::token::Scope;
use tokio_postgres::Client;
use uuid::Uuid;

use super::role::Role;
use crate::ledger::statements::count;
use crate::money_path::scene::{LEASE_SECONDS, Scene, assert_unavailable, is_replay, retry_after};

const AT_THE_GATE: [&str; 2] = ["dynamodb:PutItem Gate", "dynamodb:UpdateItem Gate"];

/// A function, the route it serves, what a first answer of it is, and what it is asked.
type Asking = (&'static str, &'static str, u16, Value);

/// How many intents, entries and events a tenant has.
async fn written(superuser: &Client, tenant: Uuid) -> [i64; 3] {
    let rows = async |table| {
        let sql = format!("SELECT count(*) FROM ledger.{table} WHERE tenant_id = $1");
        count(superuser, &sql, tenant).await
    };
    [
        rows("ledger_transactions").await,
        rows("ledger_entries").await,
        rows("outbox").await,
    ]
}

fn hurried(cloud: &Cloud, function: &str) -> Setup {
    Function::of(cloud, function)
        .set("LEASE_SECONDS", LEASE_SECONDS)
        .set("FUNCTION_TIMEOUT_SECONDS", 1)
}

/// Asks until the answer is no longer that somebody else is at it: a lease lasts a few seconds.
async fn insisted(function: &Function, request: &ApiRequest) -> ApiResponse {
    loop {
        let answer = function.call(request).await.unwrap();
        if answer.status != 409 {
            return answer;
        }
        tokio::time::sleep(std::time::Duration::from_secs(retry_after(&answer))).await;
    }
}

#[tokio::test]
async fn without_leave_for_any_write_at_the_gate_no_money_moves_and_with_it_once() {
    let scene = Scene::affordable().await;
    let (cloud, superuser, tenant) = (&scene.cloud, &scene.superuser, scene.merchant.tenant);
    let (buyer, till) = (scene.source, scene.destination);
    let paid = scene.authorize().await.call(&scene.payment()).await.unwrap();
    let paid = paid.json()["id"].as_str().unwrap().to_owned();
    let pay = json!({"source": buyer, "destination": till, "amount": 100, "currency": "EUR"});
    let deposit = json!({"destination": buyer, "amount": 100, "currency": "EUR"});
    let asked: [Asking; 4] = [
        ("authorize", "POST /v1/payments", 201, pay.clone()),
        ("deposit", "POST /v1/deposits", 201, deposit),
        (
            "correct-payment",
            "POST /v1/payments/{payment_id}/refunds",
            201,
            json!({"amount": 100}),
        ),
        ("request-settlement", "POST /v1/settlements", 202, pay),
    ];
    for (function, route, first, body) in asked {
        let role = Role::of(cloud, function, &[]).await;
        assert_eq!(
            role.permissions(),
            AT_THE_GATE,
            "{function}: say what happens without it"
        );
        let whole = role.binding(hurried(cloud, function)).start().await.unwrap();
        for permission in AT_THE_GATE {
            let label = format!("{function} without {permission}");
            let request = ApiRequest::to(route)
                .path("payment_id", &paid)
                .from_tenant(tenant, Scope::Merchant)
                .key(Uuid::now_v7())
                .json(&body);
            let before = written(superuser, tenant).await;
            let bound = role.binding_without(permission, hurried(cloud, function));
            let bound = bound.start().await.unwrap();
            for _ in 0..2 {
                let answer = bound.call(&request).await.unwrap();
                // The second time, its own claim may stand in the way.
                if answer.status != 409 {
                    assert_unavailable(&answer, "gate-unavailable");
                }
            }
            assert!(bound.output().contains("AccessDenied"), "{label}: {}", bound.output());
            assert_eq!(written(superuser, tenant).await, before, "{label}");

            let done = insisted(&whole, &request).await;
            assert_eq!((done.status, is_replay(&done)), (first, false), "{label}: {done:?}");
            let after = written(superuser, tenant).await;
            assert_eq!((after[0], after[2]), (before[0] + 1, before[2] + 1), "{label}");
            let again = whole.call(&request).await.unwrap();
            assert!(is_replay(&again), "{label}: {again:?}");
            assert_eq!((again.status, again.body), (first, done.body), "{label}");
            assert_eq!(written(superuser, tenant).await, after, "{label}");
        }
    }
}
