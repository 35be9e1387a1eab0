//! A merchant onboarded through the deployed API, as a test's own.

use serde_json::{Value, json};
use tests::api::{ApiRequest, ApiResponse};
use tests::cloud::Cloud;
use tests::token;
use tokio::sync::{Mutex, OnceCell};
use uuid::Uuid;

/// A fresh merchant in EUR and USD, with an account to pay from and one to be paid on.
#[derive(Debug, Clone)]
pub struct Merchant {
    pub tenant: Uuid,
    pub token: String,
    /// A buyer's account in EUR with floor 0, empty.
    pub buyer: Uuid,
    /// The merchant's own account in EUR, without a floor.
    pub seller: Uuid,
    cloud: Cloud,
}

impl Merchant {
    /// Onboards a new merchant with the platform's token and opens its accounts with its own.
    pub async fn onboard(cloud: &Cloud) -> Self {
        let (tenant, token) = newcomer(cloud).await;
        let request = ApiRequest::to("PUT /v1/merchants/{merchant_id}")
            .path("merchant_id", tenant)
            .json(&json!({"currencies": ["EUR", "USD"]}));
        let onboarded = request.send(cloud, Some(&platform_token(cloud).await)).await.unwrap();
        assert_eq!(onboarded.status, 201, "{onboarded:?}");
        let mut merchant = Self {
            tenant,
            token,
            buyer: Uuid::nil(),
            seller: Uuid::nil(),
            cloud: cloud.clone(),
        };
        merchant.buyer = merchant.open(&json!({"kind": "buyer", "currency": "EUR"})).await;
        let own = json!({"kind": "merchant", "currency": "EUR", "floor": null});
        merchant.seller = merchant.open(&own).await;
        merchant
    }

    /// Sends a request with the merchant's token.
    pub async fn send(&self, request: &ApiRequest) -> ApiResponse {
        request.send(&self.cloud, Some(&self.token)).await.unwrap()
    }

    /// Opens an account and returns its id.
    pub async fn open(&self, account: &Value) -> Uuid {
        let opened = self
            .send(&ApiRequest::to("POST /v1/accounts").key(Uuid::new_v4()).json(account))
            .await;
        assert_eq!(opened.status, 201, "{opened:?}");
        id(&opened)
    }

    /// Brings money in EUR in from outside, in minor units, and returns the deposit's id.
    pub async fn deposit(&self, account: Uuid, amount: i64) -> Uuid {
        let body = json!({"destination": account, "amount": amount, "currency": "EUR"});
        let deposited = self
            .send(&ApiRequest::to("POST /v1/deposits").key(Uuid::new_v4()).json(&body))
            .await;
        assert_eq!(deposited.status, 201, "{deposited:?}");
        id(&deposited)
    }

    /// The body of a payment in EUR from the buyer to the seller, in minor units.
    pub fn payment(&self, amount: i64) -> Value {
        json!({"source": self.buyer, "destination": self.seller, "amount": amount, "currency": "EUR"})
    }

    /// An account as the API shows it.
    pub async fn account(&self, account: Uuid) -> Value {
        let shown = self
            .send(&ApiRequest::to("GET /v1/accounts/{account_id}").path("account_id", account))
            .await;
        assert_eq!(shown.status, 200, "{shown:?}");
        shown.json()
    }

    /// An account's balance in minor units.
    pub async fn balance(&self, account: Uuid) -> i64 {
        self.account(account).await["balance"]
            .as_i64()
            .expect("a balance is a whole number")
    }
}

/// A tenant that nobody has met, and its token. Signing in takes a process of its own, so one does it for many.
async fn newcomer(cloud: &Cloud) -> (Uuid, String) {
    static WAITING: Mutex<Vec<(Uuid, String)>> = Mutex::const_new(Vec::new());
    let mut waiting = WAITING.lock().await;
    if waiting.is_empty() {
        *waiting = token::fresh(cloud, 64).await;
    }
    waiting.pop().expect("some have just arrived")
}

/// The platform's token, one for all tests: signing in sets the account's password anew, so two at once would meet.
pub async fn platform_token(cloud: &Cloud) -> String {
    static TOKEN: OnceCell<String> = OnceCell::const_new();
    TOKEN.get_or_init(|| token::platform(cloud)).await.clone()
}

/// The `id` of what an answer shows.
pub fn id(answer: &ApiResponse) -> Uuid {
    serde_json::from_value(answer.json()["id"].clone()).expect("an id is a UUID")
}
