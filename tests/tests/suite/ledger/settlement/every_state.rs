//! Every call in every state that a settlement can be in, against what `domain::settlement::plan` says of that state.
//!
//! One transaction, taken back to a savepoint after each call: the ledger's own functions are the only way from one
//! state to the next, so what they reach is all there is.

use std::collections::HashSet;

use domain::settlement::log::{Holder, StepLog, StepOutcome};
use domain::settlement::plan::{self, Next, NextRelease, NextUndo};
use domain::settlement::status::Status;
use domain::settlement::step::{Action, Party, Resolution, Step};
use tests::cloud::Cloud;
use tokio_postgres::Client;

use super::super::merchant::Merchant;
use super::super::statements::sum_of_entries;
use super::scene::{Answer, CALLS, Call, Settlement};

const AMOUNT: i64 = 400;
const FEE: i64 = 10;

/// What a settlement goes by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    log: StepLog,
    is_parked: bool,
    is_limbo: bool,
    decision: Option<&'static str>,
}

impl State {
    /// What the ledger must say to `call`.
    fn verdict(&self, call: Call) -> &'static str {
        let log = &self.log;
        let recorded_if = |is_its_turn: bool, otherwise| if is_its_turn { "recorded" } else { otherwise };
        match call {
            Call::Step(step) if log.outcome(step).is_some() => "stands",
            Call::Step(step) => recorded_if(plan::next_step(log) == Next::Step(step), "out_of_turn"),
            Call::Verify(_) => self.verdict(Call::Step(Step::Verify)),
            Call::Burn => recorded_if(log.free().next().is_some(), "stands"),
            Call::Undo(undo) if log.outcome(undo).is_some() => "stands",
            Call::Undo(undo) if plan::next_undo(log) != NextUndo::Undo(undo) => "out_of_turn",
            Call::Undo(_) => recorded_if(!self.is_limbo || self.decision == Some("refund"), "undecided"),
            Call::Park if plan::status(log) == Status::Held && !self.is_limbo => "parked",
            Call::Park => "stands",
            Call::Limbo if self.is_limbo => "stands",
            Call::Limbo => recorded_if(stands_after_burning(log), "nothing_stands"),
            Call::Await => "awaited",
            Call::Resolve(resolution) if log.outcome(resolution).is_some() => "stands",
            Call::Resolve(_) if self.decision != Some("release") => "undecided",
            Call::Resolve(resolution) => {
                recorded_if(plan::next_release(log) == NextRelease::Post(resolution), "out_of_turn")
            }
        }
    }

    fn status(&self) -> Status {
        let of_log = plan::status(&self.log);
        if of_log.is_final() {
            of_log
        } else if self.is_limbo {
            Status::Limbo
        } else if self.is_parked {
            Status::Parked
        } else {
            of_log
        }
    }

    fn after(&self, call: Call, answer: &Answer) -> Self {
        let recorded = answer.verdict == "recorded";
        Self {
            log: answer.log.clone(),
            is_parked: (self.is_parked || answer.verdict == "parked") && self.log == answer.log,
            is_limbo: self.is_limbo || call == Call::Limbo && recorded,
            decision: self.decision,
        }
    }
}

/// Whether anything would be posted and not undone if all free keys were burnt, and it would not be settled.
fn stands_after_burning(log: &StepLog) -> bool {
    log.holder() != Holder::Buyer && plan::status(log) != Status::Settled
}

struct Exploration<'a> {
    superuser: &'a Client,
    settlement: &'a Settlement,
    /// Of the buyer, before.
    funds: i64,
    seen: HashSet<State>,
    calls: usize,
}

impl Exploration<'_> {
    async fn explore(&mut self, from: State) {
        if !self.seen.insert(from.clone()) {
            return;
        }
        self.check(&from).await;
        for call in CALLS {
            self.run("SAVEPOINT before").await;
            let answer = self.settlement.call(self.superuser, call).await;
            self.calls += 1;
            assert_eq!(answer.verdict, from.verdict(call), "{call:?} in {from:#?}");
            let after = from.after(call, &answer);
            assert_eq!(answer.status, after.status(), "{call:?} in {from:#?}");
            assert_eq!(answer.decision.as_deref(), from.decision, "{call:?} in {from:#?}");
            if !["recorded", "parked", "nothing_stands"].contains(&&*answer.verdict) {
                assert_eq!(after, from, "{call:?}");
            }
            Box::pin(self.explore(after)).await;
            self.run("ROLLBACK TO before; RELEASE before").await;
        }
        for decision in ["release", "refund"] {
            self.run("SAVEPOINT before").await;
            let (verdict, _) = self.settlement.propose(self.superuser, "anna", decision).await;
            let expected = match (from.decision, from.status()) {
                (Some(_), _) => "decided",
                (None, Status::Limbo) => "proposed",
                (None, _) => "not_in_limbo",
            };
            assert_eq!(verdict, expected, "{from:#?}");
            if expected == "proposed" {
                assert_eq!(self.settlement.decide(self.superuser, decision).await, "approved");
                let decided = State {
                    decision: Some(decision),
                    ..from.clone()
                };
                Box::pin(self.explore(decided)).await;
            }
            self.run("ROLLBACK TO before; RELEASE before").await;
        }
    }

    /// The books, the freezes and the events of a state.
    async fn check(&self, state: &State) {
        let settlement = self.settlement;
        let log = &state.log;
        let of_fee = [Step::CollectFee.into(), Action::from(Resolution::CollectFee)];
        let is_paid = of_fee.map(|it| log.outcome(it)).contains(&Some(StepOutcome::Posted));
        let fee = if is_paid { FEE } else { 0 };
        let (buyer, escrow, merchant) = match log.holder() {
            Holder::Buyer => (self.funds, 0, 0),
            Holder::Escrow => (self.funds - AMOUNT, AMOUNT, 0),
            Holder::Merchant => (self.funds - AMOUNT, 0, AMOUNT - fee),
        };
        let request = &settlement.request;
        for (account, expected) in [
            (request.source, buyer),
            (settlement.escrow, escrow),
            (request.destination, merchant),
            (settlement.platform, fee),
        ] {
            let sum = sum_of_entries(self.superuser, account).await;
            assert_eq!(sum, expected, "{state:#?}");
        }

        self.check_rows(log).await;

        let ended = state.status().is_final();
        let sql = "SELECT array_agg(frozen_at IS NOT NULL ORDER BY purpose) FROM ledger.accounts
                    WHERE account_id = ANY ($1)";
        let accounts = vec![request.source, settlement.escrow, request.destination];
        let frozen: Vec<bool> = self.superuser.query_one(sql, &[&accounts]).await.unwrap().get(0);
        let is_frozen = state.is_limbo && !ended;
        assert_eq!(
            frozen,
            [false, is_frozen, is_frozen],
            "buyer, escrow, merchant: {state:#?}"
        );

        let mut expected = vec!["settlement.requested.v1".to_owned()];
        expected.extend(state.is_limbo.then(|| "settlement.limbo.v1".to_owned()));
        expected.extend(ended.then(|| format!("settlement.{}.v1", state.status())));
        let expected: Vec<_> = (1..).zip(expected).collect();
        assert_eq!(settlement.events(self.superuser).await, expected, "{state:#?}");
    }

    /// Each action's row stands under its own key and says what the action moves.
    async fn check_rows(&self, log: &StepLog) {
        let settlement = self.settlement;
        let account = |party| match party {
            Party::Buyer => settlement.request.source,
            Party::Escrow => settlement.escrow,
            Party::Merchant => settlement.request.destination,
            Party::Platform => settlement.platform,
        };
        let sql =
            "SELECT kind, outcome, source, destination, amount FROM ledger.ledger_transactions WHERE ledger_key = $1";
        for action in Action::ALL {
            let row = self.superuser.query_opt(sql, &[&settlement.key(action)]).await.unwrap();
            let found = row
                .as_ref()
                .map(|row| (row.get(0), row.get(1), row.get(2), row.get(3), row.get(4)));
            // A verification moves nothing, and names whom it is about.
            let leg = action.leg().or(Action::from(Step::Release).leg()).unwrap();
            let amount = if action.is_of_fee() { FEE } else { AMOUNT };
            let outcome = log.outcome(action).map(StepOutcome::as_str);
            let expected = outcome.map(|it| (action.as_str(), it, account(leg.from), account(leg.to), amount));
            assert_eq!(found, expected);
        }
    }

    async fn run(&self, sql: &str) {
        self.superuser.batch_execute(sql).await.unwrap();
    }
}

/// Returns how many states there are.
async fn explore(fee: i64, funds: i64) -> usize {
    let cloud = Cloud::running();
    let (poster, superuser) = (cloud.pooled_as("poster").await, cloud.superuser().await);
    let merchant = Merchant::onboard(&cloud).await;
    let (buyer, till) = (merchant.buyer(funds).await, merchant.till().await);
    let settlement = Settlement::new(&merchant, buyer, till, AMOUNT, fee);
    settlement.ask(&poster).await;

    let mut exploration = Exploration {
        superuser: &superuser,
        settlement: &settlement,
        funds,
        seen: HashSet::new(),
        calls: 0,
    };
    exploration.run("BEGIN").await;
    let start = State {
        log: StepLog::read(fee > 0, []).unwrap(),
        is_parked: false,
        is_limbo: false,
        decision: None,
    };
    exploration.explore(start).await;
    exploration.run("ROLLBACK").await;
    let (states, calls) = (exploration.seen.len(), exploration.calls);
    println!("fee {fee}, funds {funds}: {states} states, {calls} calls");
    states
}

#[tokio::test]
async fn every_call_in_every_state_is_answered_as_the_plan_says() {
    assert!(explore(FEE, 1000).await > 30);
}

#[tokio::test]
async fn every_call_in_every_state_without_a_fee_is_answered_as_the_plan_says() {
    assert!(explore(0, 1000).await > 20);
}

#[tokio::test]
async fn every_call_in_every_state_without_funds_is_answered_as_the_plan_says() {
    assert!(explore(FEE, 399).await > 2);
}
