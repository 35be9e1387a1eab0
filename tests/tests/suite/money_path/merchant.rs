//! A merchant of its own for every test, made by the real functions as the API would.

use serde_json::{Value, json};
use tests::api::{ApiRequest, ApiResponse};
use tests::cloud::Cloud;
use tests::lambda::Function;
use tests::token::Scope;
use uuid::Uuid;

/// A merchant onboarded in EUR. No other test sees it.
#[derive(Debug)]
pub struct Merchant {
    /// The tenant claim of its tokens.
    pub tenant: Uuid,
    open_account: Function,
    deposit: Function,
}

impl Merchant {
    /// Onboards a merchant and keeps the functions at hand that open and fund its accounts.
    pub async fn onboarded(cloud: &Cloud) -> Self {
        let tenant = Uuid::new_v4();
        let start = async |name| Function::of(cloud, name).start().await.unwrap();
        let onboard = start("onboard-merchant").await;
        let request = ApiRequest::to("PUT /v1/merchants/{merchant_id}")
            .claim("scope", Scope::Platform.as_str())
            .path("merchant_id", tenant)
            .json(&json!({"currencies": ["EUR"]}));
        created(&onboard.call(&request).await.unwrap());
        Self {
            tenant,
            open_account: start("open-account").await,
            deposit: start("deposit").await,
        }
    }

    /// Opens a buyer's account that may not be overdrawn, holding `balance` minor units.
    pub async fn buyer(&self, balance: i64) -> Uuid {
        let buyer = self.open(&json!({"kind": "buyer", "currency": "EUR"})).await;
        if balance > 0 {
            self.fund(buyer, balance).await;
        }
        buyer
    }

    /// Opens an account of the merchant's own, without a floor.
    pub async fn till(&self) -> Uuid {
        self.open(&json!({"kind": "merchant", "currency": "EUR", "floor": null}))
            .await
    }

    /// Deposits minor units.
    pub async fn fund(&self, account: Uuid, amount: i64) {
        let deposit = self
            .request("POST /v1/deposits")
            .json(&json!({"destination": account, "amount": amount, "currency": "EUR"}));
        created(&self.deposit.call(&deposit).await.unwrap());
    }

    /// A request of this merchant under a key of its own.
    pub fn request(&self, route_key: &str) -> ApiRequest {
        ApiRequest::to(route_key)
            .from_tenant(self.tenant, Scope::Merchant)
            .key(Uuid::now_v7())
    }

    async fn open(&self, account: &Value) -> Uuid {
        let request = self.request("POST /v1/accounts").json(account);
        let opened = created(&self.open_account.call(&request).await.unwrap());
        opened["id"].as_str().unwrap().parse().unwrap()
    }
}

fn created(answer: &ApiResponse) -> Value {
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()
}
