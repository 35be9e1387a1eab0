//! Onboarding merchants, opening accounts, and their balances.

use serde_json::{Value, json};
use tests::api::{ApiRequest, ApiResponse};
use tests::cloud::Cloud;
use tests::token;
use uuid::Uuid;

use super::books::Books;
use super::merchant::{Merchant, id, platform_token};

async fn onboard(cloud: &Cloud, merchant: impl ToString, currencies: &Value) -> ApiResponse {
    let request = ApiRequest::to("PUT /v1/merchants/{merchant_id}")
        .path("merchant_id", merchant)
        .json(&json!({"currencies": currencies}));
    request.send(cloud, Some(&platform_token(cloud).await)).await.unwrap()
}

fn house(onboarded: &ApiResponse) -> Vec<(String, String)> {
    let merchant = onboarded.json();
    let word = |account: &Value, name: &str| account[name].as_str().unwrap_or_default().to_owned();
    let accounts = merchant["accounts"].as_array().expect("a merchant has accounts");
    accounts
        .iter()
        .map(|account| (word(account, "kind"), word(account, "currency")))
        .collect()
}

#[tokio::test]
async fn onboarding_again_answers_200_and_adds_what_is_new() {
    let cloud = Cloud::running();
    let merchant = Uuid::new_v4();
    let pair = |currency: &str| {
        [
            ("escrow".to_owned(), currency.to_owned()),
            ("external".to_owned(), currency.to_owned()),
        ]
    };
    let first = onboard(&cloud, merchant, &json!(["EUR"])).await;
    assert_eq!((first.status, id(&first)), (201, merchant));
    assert_eq!(house(&first), pair("EUR"));
    let again = onboard(&cloud, merchant, &json!(["EUR"])).await;
    assert_eq!((again.status, &again.body), (200, &first.body));
    let more = onboard(&cloud, merchant, &json!(["USD", "EUR"])).await;
    assert_eq!(more.status, 200);
    assert_eq!(house(&more), [pair("EUR"), pair("USD")].concat());
    let ids = |answer: &ApiResponse| answer.json()["accounts"].as_array().expect("accounts")[..2].to_vec();
    assert_eq!(ids(&more), ids(&first), "the accounts that were there are the same");
    let fewer = onboard(&cloud, merchant, &json!(["USD"])).await;
    assert_eq!((fewer.status, fewer.body), (200, more.body));
}

#[tokio::test]
async fn a_merchant_that_cannot_be_is_not_onboarded() {
    let cloud = Cloud::running();
    let platform = domain::ids::TenantId::PLATFORM;
    for not_a_merchant in [
        platform.to_string(),
        platform.to_string().to_uppercase(),
        "shop".to_owned(),
        Uuid::new_v4().simple().to_string(),
    ] {
        let answer = onboard(&cloud, &not_a_merchant, &json!(["EUR"])).await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (404, "not-found"),
            "{not_a_merchant}"
        );
    }
    let sql = "SELECT count(*) FROM ledger.merchants WHERE tenant_id = $1";
    let row = cloud
        .superuser()
        .await
        .query_one(sql, &[&platform.uuid()])
        .await
        .unwrap();
    assert_eq!(row.get::<_, i64>(0), 0);

    let merchant = Uuid::new_v4();
    for (currencies, pointer) in [
        (json!([]), "/currencies"),
        (json!("EUR"), "/currencies"),
        (Value::Null, "/currencies"),
        (json!(["EUR", "eur"]), "/currencies/1"),
        (json!(["EUR", "EUR"]), "/currencies/1"),
        (json!(["XXX"]), "/currencies/0"),
    ] {
        let answer = onboard(&cloud, merchant, &currencies).await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (400, "invalid-request"),
            "{currencies}"
        );
        assert_eq!(answer.json()["errors"][0]["pointer"], pointer, "{currencies}");
    }
    assert_eq!(Books::of(&cloud, &[merchant]).await.accounts, 0);
}

#[tokio::test]
async fn an_account_is_opened_once_under_its_key() {
    let cloud = Cloud::running();
    let us = Merchant::onboard(&cloud).await;
    let before = Books::of(&cloud, &[us.tenant]).await.accounts;
    let key = Uuid::new_v4();
    let open = |body: Value| ApiRequest::to("POST /v1/accounts").key(key).json(&body);
    let asked = json!({"kind": "buyer", "currency": "EUR"});
    let first = us.send(&open(asked.clone())).await;
    assert_eq!((first.status, first.header("idempotent-replayed")), (201, None));
    for same in [asked, json!({"floor": 0, "currency": "EUR", "kind": "buyer"})] {
        let again = us.send(&open(same)).await;
        assert_eq!((again.status, &again.body), (201, &first.body));
        assert_eq!(again.header("idempotent-replayed"), Some("true"));
    }
    for other in [
        json!({"kind": "merchant", "currency": "EUR"}),
        json!({"kind": "buyer", "currency": "USD"}),
        json!({"kind": "buyer", "currency": "EUR", "floor": 1}),
        json!({"kind": "buyer", "currency": "EUR", "floor": null}),
    ] {
        let answer = us.send(&open(other.clone())).await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (422, "idempotency-key-reused"),
            "{other}"
        );
    }
    assert_eq!(Books::of(&cloud, &[us.tenant]).await.accounts, before + 1);
}

#[tokio::test]
async fn a_floor_is_zero_unless_one_is_named_and_none_if_it_is_null() {
    let cloud = Cloud::running();
    let us = Merchant::onboard(&cloud).await;
    for (floor, held, may_pay, may_not_pay) in [
        (None, json!(0), 100, 1),
        (Some(json!(0)), json!(0), 100, 1),
        (Some(json!(-50)), json!(-50), 150, 1),
        (Some(json!(30)), json!(30), 70, 1),
        (Some(Value::Null), Value::Null, 1000, 0),
    ] {
        let mut body = json!({"kind": "buyer", "currency": "EUR"});
        if let Some(floor) = &floor {
            body["floor"] = floor.clone();
        }
        let account = us.open(&body).await;
        assert_eq!(us.account(account).await["floor"], held, "{floor:?}");
        us.deposit(account, 100).await;
        let pay = |amount: i64| {
            let body = json!({"source": account, "destination": us.seller, "amount": amount, "currency": "EUR"});
            ApiRequest::to("POST /v1/payments").key(Uuid::new_v4()).json(&body)
        };
        assert_eq!(us.send(&pay(may_pay)).await.status, 201, "{floor:?}");
        if may_not_pay > 0 {
            assert_eq!(
                us.send(&pay(may_not_pay)).await.problem(),
                "insufficient-funds",
                "{floor:?}"
            );
        }
        assert_eq!(us.balance(account).await, 100 - may_pay, "{floor:?}");
    }
}

#[tokio::test]
async fn an_account_is_opened_only_in_a_currency_the_merchant_is_onboarded_in() {
    let cloud = Cloud::running();
    let us = Merchant::onboard(&cloud).await;
    let request = ApiRequest::to("POST /v1/accounts")
        .key(Uuid::new_v4())
        .json(&json!({"kind": "buyer", "currency": "CHF"}));
    let refused = us.send(&request).await;
    assert_eq!(
        (refused.status, refused.problem().as_str()),
        (422, "currency-not-enabled")
    );
    // Not recorded: the key opens the account once the merchant is onboarded.
    assert_eq!(onboard(&cloud, us.tenant, &json!(["CHF"])).await.status, 200);
    assert_eq!(us.send(&request).await.status, 201);

    let nobody = token::merchant(&cloud, Uuid::new_v4()).await;
    let request = ApiRequest::to("POST /v1/accounts")
        .key(Uuid::new_v4())
        .json(&json!({"kind": "buyer", "currency": "EUR"}));
    let answer = request.send(&cloud, Some(&nobody)).await.unwrap();
    assert_eq!(
        answer.problem(),
        "currency-not-enabled",
        "who is no merchant has no accounts"
    );
}

#[tokio::test]
async fn a_balance_is_what_came_in_less_what_went_out() {
    let cloud = Cloud::running();
    let us = Merchant::onboard(&cloud).await;
    let opened = us.account(us.buyer).await;
    assert_eq!(opened["id"], json!(us.buyer));
    let expected = json!(["account", "buyer", "EUR", 0, 0, false]);
    let shown = ["object", "kind", "currency", "balance", "floor", "frozen"].map(|name| opened[name].clone());
    assert_eq!(json!(shown), expected);
    for amount in [500, 250] {
        us.deposit(us.buyer, amount).await;
    }
    for amount in [100, 50, 25] {
        let paid = us
            .send(
                &ApiRequest::to("POST /v1/payments")
                    .key(Uuid::new_v4())
                    .json(&us.payment(amount)),
            )
            .await;
        assert_eq!(paid.status, 201, "{paid:?}");
    }
    assert_eq!((us.balance(us.buyer).await, us.balance(us.seller).await), (575, 175));
    let sum: i64 = Books::of(&cloud, &[us.tenant])
        .await
        .balances
        .iter()
        .map(|(_, balance)| balance.parse::<i64>().expect("a balance is a whole number"))
        .sum();
    assert_eq!(sum, 0);
}

#[tokio::test]
async fn what_is_no_account_is_not_found() {
    let cloud = Cloud::running();
    let us = Merchant::onboard(&cloud).await;
    for route in ["GET /v1/accounts/{account_id}", "GET /v1/accounts/{account_id}/entries"] {
        for account in [
            Uuid::new_v4().to_string(),
            "account".to_owned(),
            us.buyer.simple().to_string(),
            "%00".to_owned(),
        ] {
            let answer = us.send(&ApiRequest::to(route).path("account_id", &account)).await;
            assert_eq!(
                (answer.status, answer.problem().as_str()),
                (404, "not-found"),
                "{route} {account}"
            );
        }
        let upper_case = us.buyer.to_string().to_uppercase();
        assert_eq!(
            us.send(&ApiRequest::to(route).path("account_id", upper_case))
                .await
                .status,
            200
        );
    }
}
