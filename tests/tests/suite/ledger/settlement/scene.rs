//! A settlement of its own for every test, and the statements that its functions and its operators send.

use domain::ids::{LedgerKey, TenantId};
use domain::justification::Act;
use domain::settlement::log::{StepLog, StepOutcome};
use domain::settlement::status::Status;
use domain::settlement::step::{Action, Resolution, Step, Undo};
use serde_json::{Map, Value, json};
use tests::cloud::Cloud;
use time::OffsetDateTime;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Error, Row};
use uuid::Uuid;

use super::super::justified::{justified, statement};
use super::super::merchant::Merchant;
use super::super::statements::{Posting, balance, count, sum_of_entries, untimed_key};

/// What is asked of a settlement once it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    Step(Step),
    /// With the provider's answer.
    Verify(StepOutcome),
    Burn,
    Undo(Undo),
    Park,
    Limbo,
    Await,
    Resolve(Resolution),
}

/// Every call there is, but for what is asked of steps by other names.
pub const CALLS: [Call; 14] = [
    Call::Step(Step::Hold),
    Call::Verify(StepOutcome::Approved),
    Call::Verify(StepOutcome::Rejected),
    Call::Step(Step::Release),
    Call::Step(Step::CollectFee),
    Call::Burn,
    Call::Undo(Undo::CollectFee),
    Call::Undo(Undo::Release),
    Call::Undo(Undo::Hold),
    Call::Park,
    Call::Limbo,
    Call::Await,
    Call::Resolve(Resolution::Release),
    Call::Resolve(Resolution::CollectFee),
];

/// The course to a settlement that is settled.
pub const FORWARD: [Call; 4] = [
    Call::Step(Step::Hold),
    Call::Verify(StepOutcome::Approved),
    Call::Step(Step::Release),
    Call::Step(Step::CollectFee),
];

/// A `ledger.settlement_answer`, whose log can have come about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub verdict: String,
    pub outcome: Option<StepOutcome>,
    pub status: Status,
    pub log: StepLog,
    pub decision: Option<String>,
}

impl Answer {
    fn read(row: &Row) -> Self {
        let text = |column| row.get::<_, Option<String>>(column);
        let rows: Value = row.get("log");
        let fee: i64 = row.get("fee");
        Self {
            verdict: row.get("verdict"),
            outcome: text("outcome").map(|outcome| outcome.parse().unwrap()),
            status: row.get::<_, String>("status").parse().unwrap(),
            log: read_log(fee > 0, rows.as_object().unwrap()),
            decision: text("decision"),
        }
    }
}

fn read_log(has_fee: bool, rows: &Map<String, Value>) -> StepLog {
    let rows = rows.iter().map(|(action, outcome)| {
        let outcome = outcome.as_str().unwrap().parse().unwrap();
        (action.parse::<Action>().unwrap(), outcome)
    });
    StepLog::read(has_fee, rows).unwrap_or_else(|impossible| panic!("the ledger holds an impossible log: {impossible}"))
}

/// One settlement in EUR.
#[derive(Clone, Debug)]
pub struct Settlement {
    pub request: Posting,
    /// What the caller derives: `ledger.decide_settlement`.
    pub terms: Value,
    pub fee: i64,
    pub escrow: Uuid,
    pub platform: Uuid,
}

impl Settlement {
    /// Not yet asked for.
    pub fn new(merchant: &Merchant, buyer: Uuid, till: Uuid, amount: i64, fee: i64) -> Self {
        let request = Posting {
            kind: "settlement",
            ..merchant.payment(buyer, till, amount)
        };
        let [escrow, platform] = [merchant.escrows[0], merchant.platforms[0]];
        let mut settlement = Self {
            request,
            terms: json!({"fee": fee, "escrow": escrow, "platform": platform}),
            fee,
            escrow,
            platform,
        };
        settlement.terms["keys"] = settlement.keys();
        settlement
    }

    /// Of a buyer with 1,000 and a merchant's account without a floor: 400, with a fee of 10; accepted.
    pub async fn accepted(cloud: &Cloud) -> (Merchant, Self) {
        let merchant = Merchant::onboard(cloud).await;
        let (buyer, till) = (merchant.buyer(1000).await, merchant.till().await);
        let settlement = Self::new(&merchant, buyer, till, 400, 10);
        settlement.ask(&cloud.pooled_as("poster").await).await;
        (merchant, settlement)
    }

    /// Another of the same accounts, accepted.
    pub async fn another(&self, cloud: &Cloud) -> Self {
        let other = self.clone().with_key(untimed_key());
        other.ask(&cloud.pooled_as("poster").await).await;
        other
    }

    pub fn with_key(mut self, key: Uuid) -> Self {
        self.request.key = key;
        self.terms["keys"] = self.keys();
        self
    }

    fn keys(&self) -> Value {
        let of = |action: Action| (action.to_string(), json!(self.key(action)));
        Value::Object(Action::ALL.map(of).into_iter().collect())
    }

    pub fn id(&self) -> Uuid {
        self.request.key
    }

    pub fn tenant(&self) -> Uuid {
        self.request.tenant
    }

    pub fn key(&self, action: impl Into<Action>) -> Uuid {
        let tenant = TenantId::from(self.tenant());
        LedgerKey::of_action(tenant, self.id().into(), action.into()).uuid()
    }

    /// Sends the request; returns verdict and outcome.
    pub async fn post(&self, poster: &Client) -> Result<(String, String), Error> {
        let sql = "SELECT verdict, outcome FROM ledger.post($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
        let request = &self.request;
        let parameters: [(&(dyn ToSql + Sync), Type); 11] = [
            (&request.tenant, Type::UUID),
            (&request.key, Type::UUID),
            (&request.kind, Type::TEXT),
            (&request.fingerprint, Type::BYTEA),
            (&request.source, Type::UUID),
            (&request.destination, Type::UUID),
            (&request.amount, Type::INT8),
            (&request.currency, Type::TEXT),
            (&json!({"fee": self.fee}), Type::JSONB),
            (&1_i16, Type::INT2),
            (&self.terms, Type::JSONB),
        ];
        let rows = poster.query_typed(sql, &parameters).await?;
        Ok((rows[0].get(0), rows[0].get(1)))
    }

    /// Sends the request and insists that it is accepted for the first time.
    pub async fn ask(&self, poster: &Client) {
        let told = self.post(poster).await.unwrap();
        assert_eq!(told, ("recorded".to_owned(), "accepted".to_owned()));
    }

    pub async fn try_call(&self, settler: &Client, call: Call) -> Result<Answer, Error> {
        let (function, argument, answer) = match call {
            Call::Step(step) => ("settle_step($1, $2, $3)", Some(step.to_string()), None),
            Call::Verify(answer) => (
                "settle_step($1, $2, $3, $4)",
                Some("verify".to_owned()),
                Some(answer.to_string()),
            ),
            Call::Burn => ("burn_steps($1, $2)", None, None),
            Call::Undo(undo) => ("undo_step($1, $2, $3)", Some(undo.to_string()), None),
            Call::Park => ("park($1, $2)", None, None),
            Call::Limbo => ("mark_limbo($1, $2, $3)", Some("ledger_unavailable".to_owned()), None),
            Call::Await => ("await_decision($1, $2)", None, None),
            Call::Resolve(resolution) => ("resolve_step($1, $2, $3)", Some(resolution.to_string()), None),
        };
        let (tenant, id) = (self.tenant(), self.id());
        let mut parameters: Vec<(&(dyn ToSql + Sync), Type)> = vec![(&tenant, Type::UUID), (&id, Type::UUID)];
        parameters.extend(argument.iter().map(|it| (it as _, Type::TEXT)));
        parameters.extend(answer.iter().map(|it| (it as _, Type::TEXT)));
        let sql = format!("SELECT * FROM ledger.{function}");
        let rows = settler.query_typed(&sql, &parameters).await?;
        Ok(Answer::read(&rows[0]))
    }

    pub async fn call(&self, settler: &Client, call: Call) -> Answer {
        let answer = self.try_call(settler, call).await;
        answer.unwrap_or_else(|error| panic!("{call:?} was not decided: {error:?}"))
    }

    /// Makes calls that must each be recorded.
    pub async fn course(&self, settler: &Client, calls: &[Call]) {
        for call in calls {
            let answer = self.call(settler, *call).await;
            assert_eq!(answer.verdict, "recorded", "{call:?} {answer:?}");
        }
    }

    /// Two people decide; returns the verdict on the approval.
    pub async fn decide(&self, operator: &Client, decision: &str) -> String {
        let (_, proposal) = self.propose(operator, "anna", decision).await;
        self.approve(operator, "ben", proposal.unwrap()).await.0
    }

    /// Verdict and the proposal's id.
    pub async fn propose(&self, operator: &Client, actor: &str, decision: &str) -> (String, Option<i64>) {
        let rows = self
            .proposing(operator, actor, decision, "it was looked into")
            .await
            .unwrap();
        (rows[0].get("verdict"), rows[0].get("proposal_id"))
    }

    /// The rows that the ledger answers a proposal with.
    pub async fn proposing(
        &self,
        operator: &Client,
        actor: &str,
        decision: &str,
        why: &str,
    ) -> Result<Vec<Row>, Error> {
        let why = statement(Act::ResolutionProposed, self.id(), actor, why).with_terms(decision);
        let sql = "SELECT * FROM ledger.propose_resolution($1, $2, $3, $4)";
        let parameters: [(&(dyn ToSql + Sync), Type); 4] = [
            (&actor, Type::TEXT),
            (&self.id(), Type::UUID),
            (&decision, Type::TEXT),
            (&justified(&why), Type::JSONB),
        ];
        operator.query_typed(sql, &parameters).await
    }

    /// Verdict, and the decision that stands.
    pub async fn approve(&self, operator: &Client, actor: &str, proposal: i64) -> (String, Option<String>) {
        let why = statement(Act::ResolutionApproved, self.id(), actor, "seen too").with_terms(proposal);
        let sql = "SELECT verdict, decision FROM ledger.approve_resolution($1, $2, $3, $4)";
        let parameters: [(&(dyn ToSql + Sync), Type); 4] = [
            (&actor, Type::TEXT),
            (&self.id(), Type::UUID),
            (&proposal, Type::INT8),
            (&justified(&why), Type::JSONB),
        ];
        let rows = operator.query_typed(sql, &parameters).await.unwrap();
        (rows[0].get(0), rows[0].get(1))
    }

    /// Balances in minor units, from the tail and from the entries alike, of buyer, escrow, merchant and platform.
    pub async fn balances(&self, cloud: &Cloud) -> [i64; 4] {
        let (reader, superuser) = (cloud.pooled_as("reader").await, cloud.superuser().await);
        let request = &self.request;
        let platform = TenantId::PLATFORM.uuid();
        let mut balances = [0; 4];
        let owned = [
            (self.tenant(), request.source),
            (self.tenant(), self.escrow),
            (self.tenant(), request.destination),
            (platform, self.platform),
        ];
        for (place, (owner, account)) in balances.iter_mut().zip(owned) {
            *place = balance(&reader, owner, account).await.unwrap();
            assert_eq!(*place, sum_of_entries(&superuser, account).await);
        }
        balances
    }

    /// Sequence and type of each of its events, in order.
    pub async fn events(&self, superuser: &Client) -> Vec<(i32, String)> {
        let sql = "SELECT sequence, event_type FROM ledger.outbox WHERE ledger_key = $1 ORDER BY sequence";
        let rows = superuser.query(sql, &[&self.id()]).await.unwrap();
        rows.iter().map(|row| (row.get(0), row.get(1))).collect()
    }
}

/// The verdict on an operator's freezing or unfreezing (`freeze_account`, `unfreeze_account`), and whether it is frozen now.
pub async fn turn_freeze(operator: &Client, function: &str, account: Uuid) -> (String, bool) {
    let rows = turning_freeze(operator, function, account).await;
    (
        rows[0].get("verdict"),
        rows[0].get::<_, Option<OffsetDateTime>>("frozen_at").is_some(),
    )
}

/// The rows that the ledger answers it with.
pub async fn turning_freeze(operator: &Client, function: &str, account: Uuid) -> Vec<Row> {
    let act = match function {
        "freeze_account" => Act::AccountFrozen,
        _ => Act::AccountUnfrozen,
    };
    let sql = format!("SELECT * FROM ledger.{function}('anna', $1, $2)");
    let why = justified(&statement(act, account, "anna", "a complaint"));
    let parameters: [(&(dyn ToSql + Sync), Type); 2] = [(&account, Type::UUID), (&why, Type::JSONB)];
    operator.query_typed(&sql, &parameters).await.unwrap()
}

/// How many rows the log of a settlement has.
pub async fn rows_of(superuser: &Client, settlement: &Settlement) -> i64 {
    let sql = "SELECT count(*) FROM ledger.ledger_transactions WHERE details ->> 'settlement_id' = $1::uuid::text";
    count(superuser, sql, settlement.id()).await
}
