//! One settlement on its way, and what must be true of it wherever it ends.

use aws_sdk_sfn::types::ExecutionStatus;
use domain::settlement::log::{Holder, StepLog};
use domain::settlement::status::Status;
use domain::settlement::step::Action;
use serde_json::{Value, json};
use tests::patience::within;
use uuid::Uuid;

use super::desk::Fault;
use super::stage::{PATIENCE, Stage};
use crate::ledger::settlement::scene::{Settlement, rows_of};
use crate::ledger::statements::count;

/// Every action and the function that carries it out, as an execution may that is long past.
const ALL_ACTIONS: [(&str, &str); 12] = [
    ("settle-step", "look"),
    ("settle-step", "hold"),
    ("settle-step", "verify"),
    ("settle-step", "release"),
    ("settle-step", "collect_fee"),
    ("settle-step", "park"),
    ("compensate", "burn"),
    ("compensate", "undo_collect_fee"),
    ("compensate", "undo_release"),
    ("compensate", "undo_hold"),
    ("compensate", "resolve_release"),
    ("compensate", "resolve_fee"),
];

/// A settlement of 400 with a fee of 10, of a buyer who had 1,000.
pub struct Case<'a> {
    pub stage: &'a Stage,
    pub settlement: Settlement,
}

impl<'a> Case<'a> {
    /// Of a merchant of its own; accepted, and not begun.
    pub async fn new(stage: &'a Stage) -> Self {
        let (_, settlement) = Settlement::accepted(&stage.cloud).await;
        Self { stage, settlement }
    }

    pub fn id(&self) -> Uuid {
        self.settlement.id()
    }

    /// What its executions begin with.
    pub fn input(&self) -> Value {
        json!({"tenant_id": self.settlement.tenant(), "settlement_id": self.id()})
    }

    /// So many calls of this action go wrong so.
    pub fn plan(&self, action: &'static str, fault: Fault, times: usize) -> &Self {
        self.stage.desk.plan(self.id(), action, fault, times);
        self
    }

    /// Begins it as the event does, and waits until it has ended or waits for people. Returns its status.
    pub async fn runs(&self) -> Status {
        let short = self.stage.begin(&self.input()).await;
        self.stage.ended(&short).await;
        self.rests().await
    }

    /// Waits until nothing goes on by itself any more.
    pub async fn rests(&self) -> Status {
        self.rests_in(&self.stage.long_execution(self.id())).await
    }

    /// As [`Case::rests`], when this execution carries it on.
    pub async fn rests_in(&self, execution: &str) -> Status {
        self.rests_again(execution, 0).await
    }

    /// As [`Case::rests_in`], after it has waited for people so often.
    pub async fn rests_again(&self, execution: &str, waited: usize) -> Status {
        let rests = async || {
            let status = self.status().await;
            let at_rest = match status {
                Status::Settled | Status::Compensated => {
                    self.stage.execution(execution).await != Some(ExecutionStatus::Running)
                }
                Status::Limbo => self.stage.desk.awaits_decision(self.id()) > Some(waited),
                Status::Accepted
                | Status::Held
                | Status::Parked
                | Status::Verified
                | Status::Released
                | Status::Compensating => false,
            };
            at_rest.then_some(status)
        };
        let asked = || self.stage.desk.asked(self.id());
        within(PATIENCE, rests, || {
            format!("settlement {} at rest; asked: {:?}", self.id(), asked())
        })
        .await
    }

    pub async fn status(&self) -> Status {
        let sql = "SELECT status FROM ledger.settlements WHERE settlement_id = $1";
        let row = self.stage.superuser.query_one(sql, &[&self.id()]).await.unwrap();
        row.get::<_, String>(0).parse().unwrap()
    }

    /// Everything is done once more, and what was left for later too: it changes nothing. Then every amount is where
    /// the status says, and the log is one that can have come about.
    pub async fn holds(&self, label: &str) {
        let before = self.written().await;
        self.stage.desk.do_what_is_left(self.id()).await;
        for (function, action) in ALL_ACTIONS {
            let mut event = self.input();
            event["do"] = json!(action);
            let answer = self.stage.desk.carry_out(function, &event).await;
            answer.unwrap_or_else(|error| panic!("{label}: late {action}: {error}"));
        }
        assert_eq!(self.written().await, before, "{label}: something was written late");

        let (status, log) = (self.status().await, self.log().await);
        let balances = self.settlement.balances(&self.stage.cloud).await;
        let expected = match (status, log.holder()) {
            (Status::Settled, _) => [600, 0, 390, 10],
            (Status::Compensated, _) | (Status::Limbo, Holder::Buyer) => [1000, 0, 0, 0],
            (Status::Limbo, Holder::Escrow) => [600, 400, 0, 0],
            (Status::Limbo, Holder::Merchant) => [600, 0, 400, 0],
            (
                Status::Accepted
                | Status::Held
                | Status::Parked
                | Status::Verified
                | Status::Released
                | Status::Compensating,
                _,
            ) => panic!("{label}: {status} is no end"),
        };
        assert_eq!(
            balances, expected,
            "{label}: buyer, escrow, merchant, platform; {status}"
        );
        assert_ne!(
            (status, log.holder()),
            (Status::Limbo, Holder::Buyer),
            "{label}: nothing stands, so there is nothing to decide"
        );
        let unbalanced = "SELECT count(*) FROM (
            SELECT FROM ledger.ledger_entries WHERE idempotency_key = ANY ($1) GROUP BY idempotency_key
            HAVING sum(CASE entry_type WHEN 'DEBIT' THEN -amount ELSE amount END) <> 0) AS it";
        let unbalanced = self
            .stage
            .superuser
            .query_one(unbalanced, &[&self.keys()])
            .await
            .unwrap();
        assert_eq!(unbalanced.get::<_, i64>(0), 0, "{label}");
    }

    /// The rows of its log. Panics if they cannot have come about: an undo of what was not posted, a step after the
    /// burning.
    pub async fn log(&self) -> StepLog {
        let sql = "SELECT kind, outcome FROM ledger.ledger_transactions WHERE ledger_key = ANY ($1)";
        let rows = self.stage.superuser.query(sql, &[&self.keys()]).await.unwrap();
        let rows = rows.iter().map(|row| {
            let text = |place| row.get::<_, String>(place);
            (text(0).parse().unwrap(), text(1).parse().unwrap())
        });
        StepLog::read(true, rows).unwrap()
    }

    fn keys(&self) -> Vec<Uuid> {
        Action::ALL.map(|action| self.settlement.key(action)).into()
    }

    /// How many rows its log has, and how many entries and events its tenant.
    async fn written(&self) -> [i64; 3] {
        let (superuser, tenant) = (&self.stage.superuser, self.settlement.tenant());
        let entries = "SELECT count(*) FROM ledger.ledger_entries WHERE tenant_id = $1";
        let events = "SELECT count(*) FROM ledger.outbox WHERE tenant_id = $1";
        [
            rows_of(superuser, &self.settlement).await,
            count(superuser, entries, tenant).await,
            count(superuser, events, tenant).await,
        ]
    }
}
