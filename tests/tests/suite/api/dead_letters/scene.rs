//! An operator, and payments whose events the bus would not have.

use serde_json::{Value, json};
use tests::api::{ApiRequest, ApiResponse};
use tests::cloud::Cloud;
use tests::token;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::api::merchant::{Merchant, id};

/// Somebody on duty whom no other test knows.
pub struct Operator {
    cloud: Cloud,
    token: String,
    /// Whom the audit names.
    sub: String,
}

impl Operator {
    pub async fn on_duty(cloud: &Cloud) -> Self {
        let token = token::operator(cloud, &Uuid::new_v4().to_string()).await;
        let sub = token::claims(&token)["sub"].as_str().unwrap().to_owned();
        Self {
            cloud: cloud.clone(),
            token,
            sub,
        }
    }

    pub async fn send(&self, request: ApiRequest) -> ApiResponse {
        request.send(&self.cloud, Some(&self.token)).await.unwrap()
    }

    pub async fn inspect(&self, letter: i64) -> ApiResponse {
        self.send(ApiRequest::to("GET /v1/dead-letters/{dead_letter_id}").path("dead_letter_id", letter))
            .await
    }

    pub async fn resolve(&self, how: &str, letter: i64) -> ApiResponse {
        self.send(resolving(how, letter, &json!({"reason": "on a hunch"})))
            .await
    }

    /// Page after page of `query`, to the last one.
    pub async fn walk(&self, query: &[(&str, &str)]) -> Vec<Value> {
        let (mut letters, mut before) = (Vec::new(), None);
        loop {
            let listing = ApiRequest::to("GET /v1/dead-letters");
            let listing = query.iter().fold(listing, |all, (name, value)| all.query(name, value));
            let listing = before.iter().fold(listing, |all, id| all.query("before", id));
            let page = self.send(listing).await;
            assert_eq!(page.status, 200, "{page:?}");
            letters.extend_from_slice(page.json()["data"].as_array().unwrap());
            before = page.json()["next"].as_i64();
            if before.is_none() {
                return letters;
            }
        }
    }

    /// What the audit holds of this operator, oldest first.
    pub async fn acts(&self) -> Vec<Act> {
        let sql = "SELECT act, outcome, subject, reason FROM ledger.audit WHERE actor = $1 ORDER BY id";
        let auditor = self.cloud.as_role("auditor").await;
        let rows = auditor.query(sql, &[&self.sub]).await.unwrap();
        let act = |row: &Row| (row.get(0), row.get(1), row.get(2), row.get(3));
        rows.iter().map(act).collect()
    }
}

/// Act, outcome, what it was about, and the reason.
pub type Act = (String, String, String, Option<String>);

pub fn resolving(how: &str, letter: impl ToString, body: &Value) -> ApiRequest {
    ApiRequest::to(&format!("POST /v1/dead-letters/{{dead_letter_id}}/{how}"))
        .path("dead_letter_id", letter)
        .json(body)
}

/// A payment whose event the bus would not have: its id, and the dead letter's.
pub async fn a_dead_payment(cloud: &Cloud, us: &Merchant) -> (Uuid, i64) {
    us.deposit(us.buyer, 10).await;
    let paid = us
        .send(
            &ApiRequest::to("POST /v1/payments")
                .key(Uuid::new_v4())
                .json(&us.payment(10)),
        )
        .await;
    let payment = id(&paid);
    let sql = "
        WITH dead AS (
            DELETE FROM ledger.outbox WHERE ledger_key = $1 RETURNING id, tenant_id, ledger_key, sequence, event_type
        )
        INSERT INTO ledger.dead_letters (id, tenant_id, ledger_key, sequence, attempts, event_type, last_error)
        SELECT id, tenant_id, ledger_key, sequence, 5, event_type, 'MalformedDetail' FROM dead RETURNING id";
    let row = cloud.superuser().await.query_one(sql, &[&payment]).await.unwrap();
    (payment, row.get(0))
}

/// How many rows of the outbox announce the payment.
pub async fn waiting(cloud: &Cloud, payment: Uuid) -> i64 {
    let sql = "SELECT count(*) FROM ledger.outbox
                WHERE ledger_key = $1 AND sequence = 1 AND event_type = 'payment.posted.v1'
                  AND attempts = 0 AND lease IS NULL";
    let row = cloud.superuser().await.query_one(sql, &[&payment]).await.unwrap();
    row.get(0)
}

pub fn act(name: &str, outcome: &str, about: &impl ToString, reason: Option<&str>) -> Act {
    let reason = reason.map(str::to_owned);
    (name.to_owned(), outcome.to_owned(), about.to_string(), reason)
}
