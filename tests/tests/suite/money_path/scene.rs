//! One payment under one key, its accounts, and what the gate and the ledger hold of it.

mod asked;
mod takeover;

use std::time::{Duration, SystemTime};

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use tests::api::{ApiRequest, ApiResponse};
use tests::cloud::Cloud;
use tests::fault::Faults;
use tests::lambda::{Function, Setup};
use tests::patience::until;
use tests::token::Scope;
use tokio_postgres::Client;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use self::asked::Asked;
use super::merchant::Merchant;

/// The lease of the functions under test, in seconds: the least that outlasts a timeout of 1 s and a statement's 4 s.
pub const LEASE_SECONDS: u64 = 6;

/// What every payment here is of, in minor units.
pub const AMOUNT: i64 = 1999;

/// The function decided now.
pub const DECIDED: &str = "decided";
/// The gate had kept the answer.
pub const BY_GATE: &str = "replayed_by_gate";
/// The ledger had, and the gate had not.
pub const BY_LEDGER: &str = "replayed_by_ledger";

/// A buyer about to pay a till, or a till about to give back.
pub struct Scene {
    pub cloud: Cloud,
    pub merchant: Merchant,
    pub superuser: Client,
    pub source: Uuid,
    pub destination: Uuid,
    pub key: Uuid,
    /// The source's balance before, in minor units.
    pub funds: i64,
    asked: Asked,
    gate: aws_sdk_dynamodb::Client,
}

impl Scene {
    /// The buyer can pay, once or more often: a second posting would not be stopped by an empty account.
    pub async fn affordable() -> Self {
        Self::with_funds(10 * AMOUNT).await
    }

    /// The buyer holds this much.
    pub async fn with_funds(funds: i64) -> Self {
        let cloud = Cloud::running();
        let merchant = Merchant::onboarded(&cloud).await;
        Self {
            superuser: cloud.superuser().await,
            source: merchant.buyer(funds).await,
            destination: merchant.till().await,
            key: Uuid::now_v7(),
            funds,
            asked: Asked::Payment,
            gate: cloud.dynamodb(),
            merchant,
            cloud,
        }
    }

    /// The payment as its client sends it, every time the same.
    pub fn payment(&self) -> ApiRequest {
        self.request(&self.body())
    }

    /// Another intent under the same key.
    pub fn other_payment(&self) -> ApiRequest {
        let mut body = self.body();
        body["amount"] = json!(AMOUNT + 1);
        self.request(&body)
    }

    /// Any body under the key.
    pub fn request(&self, body: &Value) -> ApiRequest {
        self.asked
            .request()
            .from_tenant(self.merchant.tenant, Scope::Merchant)
            .key(self.key)
            .json(body)
    }

    /// The payment's body.
    pub fn body(&self) -> Value {
        self.asked.body(self.source, self.destination)
    }

    /// `authorize`, or `correct-payment` for a refund, with a short lease.
    pub fn setup(&self) -> Setup {
        Function::of(&self.cloud, self.asked.function())
            .set("LEASE_SECONDS", LEASE_SECONDS)
            .set("FUNCTION_TIMEOUT_SECONDS", 1)
    }

    /// A fresh process with nothing in its way.
    pub async fn authorize(&self) -> Function {
        self.setup().start().await.unwrap()
    }

    /// A fresh process behind proxies of its own.
    pub async fn authorize_through_faults(&self) -> (Function, Faults) {
        let faults = Faults::between(&self.cloud).await;
        let function = self.setup().through(&faults).start().await.unwrap();
        (function, faults)
    }

    /// Sends the payment again as a client does: as often as the answer is 409, after the time it names. Returns the first other
    /// answer, and whether any was 409.
    pub async fn retried(&self, function: &Function) -> (ApiResponse, bool) {
        let mut waited = false;
        loop {
            let answer = function.call(&self.payment()).await.unwrap();
            if answer.status != 409 {
                return (answer, waited);
            }
            assert!(!waited, "the lease had ended: {answer:?}");
            assert_eq!(answer.problem(), "in-progress");
            let pause = retry_after(&answer);
            assert!((1..=LEASE_SECONDS).contains(&pause), "{answer:?}");
            // That it need not come a third time is what the named time promises.
            tokio::time::sleep(Duration::from_secs(pause)).await;
            waited = true;
        }
    }

    /// Insists on one posting and on `answer` being its answer, now and whenever the ledger is asked.
    pub async fn posted_once(&self, answer: &ApiResponse) {
        assert_eq!(answer.status, 201, "{answer:?}");
        let id: Uuid = answer.json()["id"].as_str().unwrap().parse().unwrap();
        assert_eq!(self.intents().await, [(id, "posted".to_owned())]);
        let entries = "SELECT count(*) FROM ledger.ledger_entries WHERE idempotency_key = $1";
        assert_eq!(self.number(entries, id).await, 2, "a debit and a credit under the key");
        let events = "SELECT count(*) FROM ledger.outbox WHERE ledger_key = $1";
        assert_eq!(self.number(events, id).await, 1, "one event");
        assert_eq!(self.debits().await, 1, "of the source in all");
        assert_eq!(self.balance(self.source).await, self.funds - AMOUNT);
        assert_eq!(self.balance(self.destination).await, AMOUNT);
        self.ledger_answers(answer).await;
    }

    /// Insists that the payment was declined once, that `answer` says so, and that the ledger would say it again.
    pub async fn declined_once(&self, answer: &ApiResponse) {
        assert_eq!(answer.status, 402, "{answer:?}");
        assert_eq!(answer.problem(), "insufficient-funds");
        let id: Uuid = answer.json()["id"].as_str().unwrap().parse().unwrap();
        assert_eq!(self.intents().await, [(id, "insufficient_funds".to_owned())]);
        assert_eq!(self.debits().await, 0);
        assert_eq!(self.balance(self.destination).await, 0);
        self.ledger_answers(answer).await;
    }

    /// Insists that the ledger has never heard of the payment.
    pub async fn nothing_moved(&self) {
        assert_eq!(self.intents().await, []);
        assert_eq!(self.debits().await, 0);
        assert_eq!(self.balance(self.source).await, self.funds);
        assert_eq!(self.balance(self.destination).await, 0);
    }

    /// How often the source was debited, under any key.
    pub async fn debits(&self) -> i64 {
        let sql = "SELECT count(*) FROM ledger.ledger_entries WHERE account_id = $1 AND entry_type = 'DEBIT'";
        self.number(sql, self.source).await
    }

    /// Keys and outcomes of the payments, or refunds, the tenant asked for.
    pub async fn intents(&self) -> Vec<(Uuid, String)> {
        let sql = "SELECT ledger_key, outcome FROM ledger.ledger_transactions WHERE tenant_id = $1 AND kind = $2";
        let parameters: [&(dyn ToSql + Sync); 2] = [&self.merchant.tenant, &self.asked.kind()];
        let rows = self.superuser.query(sql, &parameters).await.unwrap();
        rows.iter().map(|row| (row.get(0), row.get(1))).collect()
    }

    /// A balance as the functions read it, which must be the sum of the entries.
    pub async fn balance(&self, account: Uuid) -> i64 {
        let sql = "SELECT coalesce(sum(CASE entry_type WHEN 'CREDIT' THEN amount ELSE -amount END), 0)::bigint
                     FROM ledger.ledger_entries WHERE account_id = $1";
        let sum = self.number(sql, account).await;
        let read = "SELECT balance::bigint FROM ledger.balance_of($1)";
        assert_eq!(self.number(read, account).await, sum);
        sum
    }

    /// What the gate holds under the key.
    pub async fn gate_status(&self) -> Option<String> {
        let item = self.gate_item().await?;
        Some(item["status"].as_s().unwrap().clone())
    }

    /// Deletes what the gate holds under the key.
    pub async fn wipe_gate(&self) {
        let Some(item) = self.gate_item().await else { return };
        self.gate
            .delete_item()
            .table_name(&self.cloud.gate_table)
            .key("pk", item["pk"].clone())
            .key("sk", item["sk"].clone())
            .send()
            .await
            .unwrap();
    }

    /// How much is left of the claim's lease; zero if nobody holds the key.
    pub async fn lease_left(&self) -> Duration {
        let Some(item) = self.gate_item().await else {
            return Duration::ZERO;
        };
        let until = Duration::from_millis(item["lease_until"].as_n().unwrap().parse().unwrap());
        until.saturating_sub(SystemTime::UNIX_EPOCH.elapsed().unwrap())
    }

    /// Ends the claim's lease now, as a clock that is ahead would.
    pub async fn end_lease(&self) {
        self.set_in_gate("lease_until", 0).await;
    }

    /// Makes the record one that the gate may have forgotten, though it has not deleted it yet.
    pub async fn expire_record(&self) {
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
        self.set_in_gate("expires_at", now - 1).await;
    }

    async fn set_in_gate(&self, attribute: &str, value: u64) {
        let item = self.gate_item().await.expect("the gate holds the key");
        self.gate
            .update_item()
            .table_name(&self.cloud.gate_table)
            .key("pk", item["pk"].clone())
            .key("sk", item["sk"].clone())
            .update_expression("SET #attribute = :value")
            .expression_attribute_names("#attribute", attribute)
            .expression_attribute_values(":value", AttributeValue::N(value.to_string()))
            .send()
            .await
            .unwrap();
    }

    /// The item, whichever shard it is in.
    pub async fn gate_item(&self) -> Option<std::collections::HashMap<String, AttributeValue>> {
        for shard in 0..16 {
            let found = self
                .gate
                .get_item()
                .table_name(&self.cloud.gate_table)
                .key("pk", text(format!("tenant#{}#shard#{shard}", self.merchant.tenant)))
                .key("sk", text(format!("key#{}", self.key)))
                .consistent_read(true)
                .send()
                .await
                .unwrap();
            if found.item.is_some() {
                return found.item;
            }
        }
        None
    }

    /// With the gate's copy gone, the ledger's own rendering is the same.
    async fn ledger_answers(&self, answer: &ApiResponse) {
        self.wipe_gate().await;
        let function = self.authorize().await;
        let rendered = function.call(&self.payment()).await.unwrap();
        assert_same(answer, &rendered);
        assert_eq!(outcomes(&function, 1).await, [BY_LEDGER]);
    }

    async fn number(&self, sql: &str, id: Uuid) -> i64 {
        self.superuser.query_one(sql, &[&id]).await.unwrap().get(0)
    }
}

fn text(value: String) -> AttributeValue {
    AttributeValue::S(value)
}

/// Insists on the same status, media type and bytes.
pub fn assert_same(one: &ApiResponse, other: &ApiResponse) {
    let media_type = |answer: &ApiResponse| answer.header("content-type").map(str::to_owned);
    assert_eq!(
        (one.status, media_type(one), one.text()),
        (other.status, media_type(other), other.text())
    );
    assert_eq!(one.body, other.body);
}

/// Whether the answer is marked as a repetition.
pub fn is_replay(answer: &ApiResponse) -> bool {
    answer.header("idempotent-replayed") == Some("true")
}

/// The pause an answer asks for, in seconds.
pub fn retry_after(answer: &ApiResponse) -> u64 {
    let header = answer.header("retry-after");
    header
        .and_then(|seconds| seconds.parse().ok())
        .unwrap_or_else(|| panic!("no Retry-After: {answer:?}"))
}

/// Insists on a problem of the service's own, which names a pause.
pub fn assert_unavailable(answer: &ApiResponse, slug: &str) {
    assert_eq!((answer.status, answer.problem().as_str()), (503, slug), "{answer:?}");
    assert!(retry_after(answer) >= 1);
}

/// `idempotency.outcome` of the first `count` requests that the process logged.
pub async fn outcomes(function: &Function, count: usize) -> Vec<String> {
    // The line is written before the answer, but read from a pipe beside it.
    let told = || async {
        let output = function.output();
        let lines = output
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let requests = lines.filter(|line| line["message"] == "request");
        let outcomes: Vec<_> = requests
            .map(|line| line["idempotency.outcome"].as_str().unwrap_or_default().to_owned())
            .collect();
        (outcomes.len() >= count).then_some(outcomes)
    };
    until(told, || format!("{count} requests in:\n{}", function.output())).await
}
