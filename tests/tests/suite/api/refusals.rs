//! Refusals that depend on the accounts: the ledger records them, and they stay the answer.

use domain::ids::{AccountId, TenantId};
use serde_json::{Value, json};
use tests::api::{ApiRequest, ApiResponse};
use tests::cloud::Cloud;
use uuid::Uuid;

use super::books::Books;
use super::merchant::Merchant;

/// A request as its body.
struct Asked {
    what: &'static str,
    route: &'static str,
    body: Value,
    status: u16,
    slug: &'static str,
}

fn payment(
    what: &'static str,
    source: Uuid,
    destination: Uuid,
    currency: &str,
    status: u16,
    slug: &'static str,
) -> Asked {
    let body = json!({"source": source, "destination": destination, "amount": 100, "currency": currency});
    Asked {
        what,
        route: "POST /v1/payments",
        body,
        status,
        slug,
    }
}

fn deposit(what: &'static str, destination: Uuid, currency: &str, slug: &'static str) -> Asked {
    let body = json!({"destination": destination, "amount": 100, "currency": currency});
    Asked {
        what,
        route: "POST /v1/deposits",
        body,
        status: 422,
        slug,
    }
}

#[tokio::test]
async fn a_refusal_moves_nothing_and_is_replayed() {
    let cloud = Cloud::running();
    let (us, other) = tokio::join!(Merchant::onboard(&cloud), Merchant::onboard(&cloud));
    us.deposit(us.buyer, 1000).await;
    other.deposit(other.buyer, 1000).await;
    let dollars = us.open(&json!({"kind": "buyer", "currency": "USD"})).await;
    let empty = us.open(&json!({"kind": "buyer", "currency": "EUR"})).await;
    let frozen = us.open(&json!({"kind": "buyer", "currency": "EUR"})).await;
    us.deposit(frozen, 1000).await;
    freeze(&cloud, frozen).await;
    let escrow = house_account(us.tenant, "escrow");
    let external = house_account(us.tenant, "external");
    let foreign_escrow = house_account(other.tenant, "escrow");
    let foreign_external = house_account(other.tenant, "external");
    let platform = house_account(TenantId::PLATFORM.uuid(), "platform");
    let (buyer, seller, nobody) = (us.buyer, us.seller, Uuid::new_v4());

    let unknown = "account-unknown";
    let not_eligible = "account-not-eligible";
    let mut cases = vec![
        payment("insufficient funds", empty, seller, "EUR", 402, "insufficient-funds"),
        payment(
            "a source in another currency",
            dollars,
            seller,
            "EUR",
            422,
            "currency-mismatch",
        ),
        payment(
            "a destination in another currency",
            buyer,
            dollars,
            "EUR",
            422,
            "currency-mismatch",
        ),
        payment(
            "both in another currency",
            buyer,
            seller,
            "USD",
            422,
            "currency-mismatch",
        ),
        deposit("a deposit in another currency", buyer, "USD", "currency-mismatch"),
        payment("a frozen source", frozen, seller, "EUR", 422, "account-frozen"),
        payment("a frozen destination", buyer, frozen, "EUR", 422, "account-frozen"),
        deposit("a deposit to a frozen account", frozen, "EUR", "account-frozen"),
        deposit("a deposit to escrow", escrow, "EUR", not_eligible),
        deposit("a deposit to the external account", external, "EUR", not_eligible),
        deposit("a deposit to nobody", nobody, "EUR", unknown),
        deposit("a deposit to a foreign account", other.buyer, "EUR", unknown),
        // The merchant was never onboarded in it, so there is no external account it could come from.
        deposit("a deposit in a currency that is not enabled", buyer, "CHF", unknown),
    ];
    for house in [escrow, external] {
        cases.push(payment("the house as source", house, seller, "EUR", 422, not_eligible));
        cases.push(payment(
            "the house as destination",
            buyer,
            house,
            "EUR",
            422,
            not_eligible,
        ));
    }
    // To a merchant the platform's accounts are another tenant's, as unknown as any.
    for foreign in [
        nobody,
        other.buyer,
        other.seller,
        foreign_escrow,
        foreign_external,
        platform,
    ] {
        cases.push(payment("a foreign source", foreign, seller, "EUR", 422, unknown));
        cases.push(payment("a foreign destination", buyer, foreign, "EUR", 422, unknown));
    }
    // Not the house, whose books other tests write in. Whatever moved would show in ours: each request names an account of ours.
    let tenants = [us.tenant, other.tenant];
    for asked in cases {
        refused_and_replayed(&cloud, &us, &tenants, asked).await;
    }
}

async fn refused_and_replayed(cloud: &Cloud, us: &Merchant, tenants: &[Uuid], asked: Asked) {
    let before = Books::of(cloud, tenants).await;
    let request = ApiRequest::to(asked.route).key(Uuid::new_v4()).json(&asked.body);
    let first = us.send(&request).await;
    assert_eq!(
        (first.status, first.problem().as_str()),
        (asked.status, asked.slug),
        "{}: {first:?}",
        asked.what
    );
    assert_eq!(first.header("idempotent-replayed"), None, "{}", asked.what);
    let again = us.send(&request).await;
    assert_eq!(
        (again.status, &again.body),
        (asked.status, &first.body),
        "{}",
        asked.what
    );
    assert_eq!(again.header("idempotent-replayed"), Some("true"), "{}", asked.what);
    assert_eq!(
        again.header("content-type"),
        Some("application/problem+json"),
        "{}",
        asked.what
    );
    let after = Books::of(cloud, tenants).await;
    assert_eq!(after, before.with_refusal(), "{}", asked.what);
}

#[tokio::test]
async fn another_merchant_s_account_is_answered_as_no_account_is() {
    let cloud = Cloud::running();
    let (us, other) = tokio::join!(Merchant::onboard(&cloud), Merchant::onboard(&cloud));
    us.deposit(us.buyer, 1000).await;
    other.deposit(other.buyer, 1000).await;
    let ask = |source, destination| {
        let asked = payment("", source, destination, "EUR", 422, "account-unknown");
        let request = ApiRequest::to(asked.route).key(Uuid::new_v4()).json(&asked.body);
        let us = us.clone();
        async move { besides_its_id(&us.send(&request).await) }
    };
    let nobody = ask(Uuid::new_v4(), us.seller).await;
    assert_eq!(nobody.1["status"], 422);
    assert_eq!(ask(other.buyer, us.seller).await, nobody);
    assert_eq!(ask(us.buyer, Uuid::new_v4()).await, nobody);
    assert_eq!(ask(us.buyer, other.seller).await, nobody);
    assert_eq!(ask(other.buyer, other.seller).await, nobody);
}

/// Headers that tell of the answer, and the body without the one member that differs by the request's key.
fn besides_its_id(answer: &ApiResponse) -> (Vec<Option<String>>, Value) {
    let mut body = answer.json();
    let id = body.as_object_mut().expect("a problem is an object").remove("id");
    assert!(id.is_some_and(|id| id.is_string()), "{answer:?}");
    let told = [
        "content-type",
        "cache-control",
        "retry-after",
        "idempotent-replayed",
        "content-length",
    ];
    (told.map(|name| answer.header(name).map(str::to_owned)).to_vec(), body)
}

#[tokio::test]
async fn insufficient_funds_stay_the_answer_after_a_deposit() {
    let cloud = Cloud::running();
    let us = Merchant::onboard(&cloud).await;
    let request = ApiRequest::to("POST /v1/payments")
        .key(Uuid::new_v4())
        .json(&us.payment(100));
    let refused = us.send(&request).await;
    assert_eq!(
        (refused.status, refused.problem().as_str()),
        (402, "insufficient-funds")
    );
    us.deposit(us.buyer, 1000).await;
    let again = us.send(&request).await;
    assert_eq!((again.status, &again.body), (402, &refused.body));
    assert_eq!((us.balance(us.buyer).await, us.balance(us.seller).await), (1000, 0));
    let anew = us.send(&request.key(Uuid::new_v4())).await;
    assert_eq!(anew.status, 201, "{anew:?}");
    assert_eq!((us.balance(us.buyer).await, us.balance(us.seller).await), (900, 100));
}

#[tokio::test]
async fn a_key_stands_for_one_intent_whatever_became_of_it() {
    let cloud = Cloud::running();
    let us = Merchant::onboard(&cloud).await;
    us.deposit(us.buyer, 150).await;
    let (posted, refused) = (Uuid::new_v4(), Uuid::new_v4());
    let pay = |key: Uuid, body: &Value| ApiRequest::to("POST /v1/payments").key(key).json(body);
    assert_eq!(us.send(&pay(posted, &us.payment(100))).await.status, 201);
    assert_eq!(us.send(&pay(refused, &us.payment(100))).await.status, 402);
    let before = Books::of(&cloud, &[us.tenant]).await;
    for key in [posted, refused] {
        let mut noted = us.payment(100);
        noted["description"] = json!("another");
        let deposit = json!({"destination": us.seller, "amount": 100, "currency": "EUR"});
        let others = [
            pay(key, &us.payment(10)),
            pay(key, &noted),
            ApiRequest::to("POST /v1/deposits").key(key).json(&deposit),
        ];
        for other in others {
            let answer = us.send(&other).await;
            assert_eq!(
                (answer.status, answer.problem().as_str()),
                (422, "idempotency-key-reused"),
                "{other:?}"
            );
        }
    }
    assert_eq!(Books::of(&cloud, &[us.tenant]).await, before);
}

/// In EUR. Derived as onboarding derives it: the house has other accounts of that kind here, of tests of the ledger alone.
fn house_account(tenant: Uuid, purpose: &str) -> Uuid {
    AccountId::of_purpose(tenant.into(), purpose, "EUR".parse().unwrap()).uuid()
}

async fn freeze(cloud: &Cloud, account: Uuid) {
    let sql = "UPDATE ledger.accounts SET frozen_at = now() WHERE account_id = $1";
    assert_eq!(cloud.superuser().await.execute(sql, &[&account]).await.unwrap(), 1);
}
