//! Payments between a buyer and a till, in a ledger and at a gate that no other test knows.

use std::collections::HashMap;
use std::time::SystemTime;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::ids::LedgerKey;
use domain::ledger_key::Step as Of;
use serde_json::{Value, json};
use tests::api::{ApiRequest, ApiResponse};
use tests::cloud::Cloud;
use tests::fault::{Fault, Faults, Step};
use tests::lambda::{Function, Setup, Unanswered};
use tests::token::Scope;
use tokio_postgres::Client;
use uuid::Uuid;

use crate::ledger::merchant::Merchant;
use crate::ledger::scratch::in_scratch_database;
use crate::reconcile::scene::{NO_MACHINE, Said, reconciler};

pub type Item = HashMap<String, AttributeValue>;

pub struct Scene {
    pub cloud: Cloud,
    pub superuser: Client,
    pub table: String,
    pub tenant: Uuid,
    pub buyer: Uuid,
    pub till: Uuid,
    gate: aws_sdk_dynamodb::Client,
}

/// Runs a test in a scene of its own: the buyer has 1,000,000, deposited past the gate.
pub async fn in_scene<F, T>(test: F)
where
    F: FnOnce(Scene) -> T + Send + 'static,
    T: Future<Output = ()> + Send + 'static,
{
    in_scratch_database(async move |cloud| {
        let merchant = Merchant::onboard(&cloud).await;
        let gate = cloud.dynamodb();
        let scene = Scene {
            superuser: cloud.superuser().await,
            table: cloud.another_gate().await,
            tenant: merchant.tenant,
            buyer: merchant.buyer(1_000_000).await,
            till: merchant.till().await,
            gate,
            cloud,
        };
        test(scene).await;
    })
    .await;
}

impl Scene {
    /// A payment under that client key.
    pub fn payment(&self, key: Uuid, amount: i64) -> ApiRequest {
        ApiRequest::to("POST /v1/payments")
            .from_tenant(self.tenant, Scope::Merchant)
            .key(key)
            .json(&json!({"source": self.buyer, "destination": self.till, "amount": amount, "currency": "EUR"}))
    }

    /// The row that a client key stands for.
    pub fn id(&self, key: Uuid) -> String {
        LedgerKey::derive(self.tenant.into(), key.into(), Of::Request).to_string()
    }

    pub fn authorize(&self) -> Setup {
        Function::of(&self.cloud, "authorize")
            .set("DATABASE_NAME", &self.cloud.postgres.database)
            .set("GATE_TABLE", &self.table)
            .set("LEASE_SECONDS", 6)
            .set("FUNCTION_TIMEOUT_SECONDS", 1)
    }

    pub fn reconciler(&self) -> Setup {
        reconciler(&self.cloud, &self.table, NO_MACHINE)
    }

    /// What the gate's check says of a fresh process.
    pub async fn reconciled(&self) -> Said {
        Said::by(&self.reconciler().start().await.unwrap(), "gate").await
    }

    /// Pays 1 under a new key; returns the key and the answer.
    pub async fn paid(&self, authorize: &Function) -> (Uuid, ApiResponse) {
        let key = Uuid::now_v7();
        let answer = authorize.call(&self.payment(key, 1)).await.unwrap();
        assert_eq!(answer.status, 201, "{answer:?}");
        (key, answer)
    }

    /// Leaves the item of a process that was killed on its way through `request`, with the message of this step held and
    /// then let go; a minute's margin ago.
    pub async fn died_at(&self, request: &ApiRequest, step: Step, fault: Fault) {
        let faults = Faults::between(&self.cloud).await;
        let doomed = self.authorize().through(&faults).start().await.unwrap();
        let held = faults.script.arm(step, fault);
        let call = doomed.call(request);
        held.reached().await;
        doomed.kill().await;
        assert!(matches!(call.await, Err(Unanswered::Died { .. })));
        held.release().await;
        self.age().await;
    }

    /// Lets the leases of all items be over for two minutes.
    pub async fn age(&self) {
        self.lease_until(-120).await;
    }

    /// Lets the leases of all items end that many seconds from now; negative: ago.
    pub async fn lease_until(&self, seconds: i64) {
        let now = i64::try_from(SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap();
        for item in self.items().await {
            self.set(&item, "lease_until", number(now + seconds * 1000)).await;
        }
    }

    /// Lets all that clients asked for be two minutes older. Their answers tell: no item may be judged after this.
    pub async fn age_intents(&self) {
        let sql = "ALTER TABLE ledger.ledger_transactions DISABLE TRIGGER append_only;
                   UPDATE ledger.ledger_transactions SET created_at = created_at - interval '120 s';
                   ALTER TABLE ledger.ledger_transactions ENABLE ALWAYS TRIGGER append_only";
        self.superuser.batch_execute(sql).await.unwrap();
    }

    /// Lets nobody have asked for anything that the gate does not know: the buyer's money came past it.
    pub async fn forget_deposits(&self) {
        let sql = "ALTER TABLE ledger.ledger_transactions DISABLE TRIGGER append_only;
                   UPDATE ledger.ledger_transactions SET created_at = created_at - interval '60 days' WHERE kind = 'deposit';
                   ALTER TABLE ledger.ledger_transactions ENABLE ALWAYS TRIGGER append_only";
        self.superuser.batch_execute(sql).await.unwrap();
    }

    pub async fn items(&self) -> Vec<Item> {
        let scan = self.gate.scan().table_name(&self.table).consistent_read(true);
        scan.send().await.unwrap().items.unwrap_or_default()
    }

    /// The item of a client key.
    pub async fn item(&self, key: Uuid) -> Item {
        let sort = AttributeValue::S(format!("key#{key}"));
        let items = self.items().await;
        items.into_iter().find(|item| item["sk"] == sort).unwrap()
    }

    pub async fn set(&self, item: &Item, attribute: &str, value: AttributeValue) {
        self.gate
            .update_item()
            .table_name(&self.table)
            .key("pk", item["pk"].clone())
            .key("sk", item["sk"].clone())
            .update_expression("SET #attribute = :value")
            .expression_attribute_names("#attribute", attribute)
            .expression_attribute_values(":value", value)
            .send()
            .await
            .unwrap();
    }

    pub async fn put(&self, item: Item) {
        let put = self.gate.put_item().table_name(&self.table).set_item(Some(item));
        put.send().await.unwrap();
    }

    pub async fn remove(&self, item: &Item) {
        let delete = self.gate.delete_item().table_name(&self.table);
        let delete = delete.key("pk", item["pk"].clone()).key("sk", item["sk"].clone());
        delete.send().await.unwrap();
    }

    pub async fn wipe(&self) {
        for item in self.items().await {
            self.remove(&item).await;
        }
    }

    /// How often the buyer was debited.
    pub async fn debits(&self) -> i64 {
        let sql = "SELECT count(*) FROM ledger.ledger_entries WHERE account_id = $1 AND entry_type = 'DEBIT'";
        self.superuser.query_one(sql, &[&self.buyer]).await.unwrap().get(0)
    }
}

pub fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

pub fn number(value: impl Into<i128>) -> AttributeValue {
    AttributeValue::N(value.into().to_string())
}

pub fn bytes(value: &[u8]) -> AttributeValue {
    AttributeValue::B(Blob::new(value))
}

/// The body that an item keeps.
pub fn kept(item: &Item) -> Value {
    serde_json::from_slice(item["response_body"].as_b().unwrap().as_ref()).unwrap()
}
