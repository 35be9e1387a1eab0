//! Operators at work, and settlements that wait for them.

use aws_sdk_dynamodb::types::AttributeValue::S;
use domain::justification::{Justification, Recorded};
use serde_json::{Value, json};
use tests::api::{ApiRequest, ApiResponse};
use tests::cloud::Cloud;
use tests::patience::until;
use tests::signature::Keys;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::ledger::settlement::scene::{Call, FORWARD, Settlement};

pub const SETTLEMENTS: &str = "GET /v1/operator/settlements";
pub const SETTLEMENT: &str = "GET /v1/operator/settlements/{settlement_id}";
pub const STOP: &str = "POST /v1/operator/settlements/{settlement_id}/limbo";
pub const PROPOSALS: &str = "POST /v1/operator/settlements/{settlement_id}/proposals";
pub const APPROVAL: &str = "POST /v1/operator/settlements/{settlement_id}/proposals/{proposal_id}/approval";

/// Begins the long machine's execution of a settlement.
const BEGIN: &str = r#"
names = {"tenant_id": given["tenant_id"], "settlement_id": given["settlement_id"]}
machine, name = given["machine"], given["settlement_id"]
begun = client("stepfunctions").start_execution(stateMachineArn=machine, name=name, input=json.dumps(names))
told = begun["executionArn"]
"#;

/// Somebody who signs.
#[derive(Debug, Clone)]
pub struct Operator {
    cloud: Cloud,
    pub keys: Keys,
}

impl Operator {
    /// One of the cloud's own.
    pub fn named(cloud: &Cloud, name: &str) -> Self {
        let keys = cloud.operators[name].clone();
        Self::with(cloud, keys)
    }

    /// The two of them.
    pub fn both(cloud: &Cloud) -> (Self, Self) {
        (Self::named(cloud, "ada"), Self::named(cloud, "grace"))
    }

    pub fn with(cloud: &Cloud, keys: Keys) -> Self {
        let cloud = cloud.clone();
        Self { cloud, keys }
    }

    pub fn arn(&self) -> &str {
        &self.keys.arn
    }

    pub async fn send(&self, request: ApiRequest) -> ApiResponse {
        request.send_signed(&self.cloud, &self.keys).await.unwrap()
    }

    pub async fn inspect(&self, settlement: Uuid) -> ApiResponse {
        self.send(ApiRequest::to(SETTLEMENT).path("settlement_id", settlement))
            .await
    }

    /// The settlement as it has ended: somebody else is at work on it.
    pub async fn ended(&self, settlement: Uuid) -> Value {
        until(
            async || Some(self.inspect(settlement).await.json()).filter(|shown| shown["ended_at"].is_string()),
            || "it has not gone on".to_owned(),
        )
        .await
    }

    pub async fn stop(&self, settlement: Uuid) -> ApiResponse {
        self.send(stopping(settlement, &json!({"reason": "it goes nowhere"})))
            .await
    }

    pub async fn propose(&self, settlement: Uuid, decision: &str) -> ApiResponse {
        self.send(proposing(
            settlement,
            &json!({"decision": decision, "reason": "it was looked into"}),
        ))
        .await
    }

    /// The number of a proposal that was taken.
    pub async fn proposal(&self, settlement: Uuid, decision: &str) -> i64 {
        let proposed = self.propose(settlement, decision).await;
        assert_eq!(proposed.status, 201, "{proposed:?}");
        proposed.json()["id"].as_i64().unwrap()
    }

    pub async fn approve(&self, settlement: Uuid, proposal: i64) -> ApiResponse {
        self.send(approving(settlement, proposal, &json!({"reason": "seen too"})))
            .await
    }

    /// Freezes or unfreezes: `freeze`, `unfreeze`.
    pub async fn turn(&self, how: &str, account: Uuid) -> ApiResponse {
        self.send(turning(how, account, &json!({"reason": "a complaint"})))
            .await
    }
}

pub fn stopping(settlement: impl ToString, body: &Value) -> ApiRequest {
    ApiRequest::to(STOP).path("settlement_id", settlement).json(body)
}

pub fn proposing(settlement: impl ToString, body: &Value) -> ApiRequest {
    ApiRequest::to(PROPOSALS).path("settlement_id", settlement).json(body)
}

pub fn approving(settlement: impl ToString, proposal: impl ToString, body: &Value) -> ApiRequest {
    ApiRequest::to(APPROVAL)
        .path("settlement_id", settlement)
        .path("proposal_id", proposal)
        .json(body)
}

pub fn turning(how: &str, account: impl ToString, body: &Value) -> ApiRequest {
    ApiRequest::to(&format!("POST /v1/operator/accounts/{{account_id}}/{how}"))
        .path("account_id", account)
        .json(body)
}

/// Of 400 with a fee of 10, held and then given up, which could not be undone.
pub async fn in_limbo(cloud: &Cloud) -> Settlement {
    stuck_after(cloud, &FORWARD[..1]).await
}

/// The same, with these steps done before it was given up.
pub async fn stuck_after(cloud: &Cloud, done: &[Call]) -> Settlement {
    let settler = cloud.pooled_as("settler").await;
    let (_, settlement) = Settlement::accepted(cloud).await;
    settlement.course(&settler, done).await;
    settlement.course(&settler, &[Call::Limbo]).await;
    settlement
}

/// Begins an execution of a settlement that is in limbo, and lets it come to where it waits for people.
pub async fn await_people(cloud: &Cloud, settlement: &Settlement) {
    let (id, machine) = (settlement.id(), cloud.resource("SettlementLong"));
    let given = json!({"tenant_id": settlement.tenant(), "settlement_id": id, "machine": machine});
    cloud.ask(BEGIN, &given).await;
    until(|| token_of(cloud, id), || "nobody waits for a decision".to_owned()).await;
}

async fn token_of(cloud: &Cloud, settlement: Uuid) -> Option<String> {
    let get = cloud.dynamodb().get_item().table_name(cloud.resource("Tokens"));
    let found = get.key("pk", S(settlement.to_string())).send().await.unwrap();
    found.item?.get("token")?.as_s().ok().cloned()
}

/// Who asked what about this, with which outcome and reason, oldest first: what the audit holds.
pub async fn asked_about(cloud: &Cloud, subject: impl ToString) -> Vec<Act> {
    let sql = "SELECT actor, act, outcome, reason FROM ledger.audit WHERE subject = $1 ORDER BY id";
    let auditor = cloud.as_role("auditor").await;
    let rows = auditor.query(sql, &[&subject.to_string()]).await.unwrap();
    let act = |row: &Row| (row.get(0), row.get(1), row.get(2), row.get(3));
    rows.iter().map(act).collect()
}

/// What the audit holds of acts on this that are justified, oldest first.
pub async fn recorded_of(cloud: &Cloud, subject: impl ToString) -> Vec<Recorded> {
    let sql = "SELECT at, actor, act, subject, terms, reason, statement, signature, key_id
                 FROM ledger.audit WHERE subject = $1 AND statement IS NOT NULL ORDER BY id";
    let auditor = cloud.as_role("auditor").await;
    let rows = auditor.query(sql, &[&subject.to_string()]).await.unwrap();
    let recorded = |row: &Row| Recorded {
        at: row.get("at"),
        actor: row.get("actor"),
        act: row.get("act"),
        subject: row.get("subject"),
        terms: row.get("terms"),
        reason: row.get("reason"),
        justification: Some(Justification::kept(
            row.get("statement"),
            row.get("signature"),
            row.get("key_id"),
        )),
        is_repeated: false,
    };
    rows.iter().map(recorded).collect()
}

/// Actor, act, outcome and reason.
pub type Act = (String, String, String, Option<String>);

pub fn act(who: &Operator, name: &str, outcome: &str, reason: Option<&str>) -> Act {
    let reason = reason.map(str::to_owned);
    (who.arn().to_owned(), name.to_owned(), outcome.to_owned(), reason)
}
