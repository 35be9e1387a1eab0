//! Fifty settlements of the same accounts at once, two executions each, with payments, folds and freezes in between.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use domain::settlement::log::StepOutcome;
use domain::settlement::plan::{self, Next, NextRelease, NextUndo};
use domain::settlement::status::Status;
use domain::settlement::step::Step;
use tests::cloud::Cloud;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_postgres::Client;

use super::super::merchant::Merchant;
use super::super::statements::{count, fold, name_of};
use super::scene::{Answer, Call, Settlement, turn_freeze};

const SETTLEMENTS: u64 = 50;

/// Marsaglia's xorshift: what happens is random, and the same in every run but for who comes first.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: u64) -> u64 {
        for shift in [13_i32, -7, 17] {
            self.0 ^= if shift > 0 { self.0 << shift } else { self.0 >> -shift };
        }
        self.0 % sides
    }
}

/// The call's answer; `None` if it waited too long for a lock. Anything else, a deadlock above all, fails the test.
async fn patiently(settlement: &Settlement, settler: &Client, call: Call) -> Option<Answer> {
    match settlement.try_call(settler, call).await {
        Ok(answer) => Some(answer),
        Err(error) => {
            assert_eq!(name_of(&error), "55P03", "{call:?}: {error:?}");
            None
        }
    }
}

/// One execution: forwards until it gives up, then backwards, into limbo now and then, until the settlement has ended.
async fn run(cloud: Cloud, settlement: Settlement, mut dice: Dice) -> Status {
    let (settler, operator) = (cloud.pooled_as("settler").await, cloud.pooled_as("operator").await);
    let mut gave_up = false;
    let mut answer = None;
    for _ in 0..2000 {
        let Some(seen) = answer.take() else {
            // Nothing is known: a call that changes nothing tells.
            answer = patiently(&settlement, &settler, Call::Step(Step::Hold)).await;
            continue;
        };
        let seen: Answer = seen;
        if seen.status.is_final() {
            return seen.status;
        }
        gave_up |= dice.throw(8) == 0;
        let calls = match plan::next_step(&seen.log) {
            _ if seen.status == Status::Limbo => {
                let decision = ["release", "refund"][usize::try_from(dice.throw(2)).unwrap()];
                if let (_, Some(proposal)) = settlement.propose(&operator, "anna", decision).await {
                    settlement.approve(&operator, "ben", proposal).await;
                }
                after_the_decision(&seen)
            }
            Next::Step(Step::Verify) if !gave_up => {
                let answers = [StepOutcome::Approved, StepOutcome::Approved, StepOutcome::Rejected];
                vec![Call::Verify(answers[usize::try_from(dice.throw(3)).unwrap()])]
            }
            Next::Step(step) if !gave_up => vec![Call::Step(step)],
            Next::Step(_) | Next::Settled | Next::Compensate => match plan::next_undo(&seen.log) {
                _ if dice.throw(10) == 0 => vec![Call::Limbo],
                NextUndo::Burn => vec![Call::Burn],
                NextUndo::Undo(undo) => vec![Call::Undo(undo)],
                NextUndo::Compensated | NextUndo::Settled | NextUndo::Released => Vec::new(),
            },
        };
        for call in calls {
            answer = patiently(&settlement, &settler, call).await;
            if answer.as_ref().is_some_and(|answer| answer.verdict == "waits") {
                // For a frozen account, which is free again sooner: asking on and on would use up the attempts.
                sleep(Duration::from_millis(20)).await;
            }
        }
    }
    panic!("{} has not ended: {answer:?}", settlement.id());
}

/// Whichever was decided, the other is told so.
fn after_the_decision(seen: &Answer) -> Vec<Call> {
    let mut calls = Vec::new();
    if let NextUndo::Undo(undo) = plan::next_undo(&seen.log) {
        calls.push(Call::Undo(undo));
    }
    if let NextRelease::Post(resolution) = plan::next_release(&seen.log) {
        calls.push(Call::Resolve(resolution));
    }
    calls
}

/// Payments both ways, folds, and an operator who freezes and unfreezes.
async fn disturb(cloud: Cloud, merchant: Merchant, settlement: Settlement, over: Arc<AtomicBool>) -> i64 {
    let (poster, operator) = (cloud.pooled_as("poster").await, cloud.pooled_as("operator").await);
    let folder = cloud.pooled_as("folder").await;
    let (buyer, till) = (settlement.request.source, settlement.request.destination);
    let mut paid = 0;
    while !over.load(Ordering::Relaxed) {
        for (from, to, sign) in [(buyer, till, 1), (till, buyer, -1)] {
            match merchant.payment(from, to, 1).post(&poster).await {
                Ok(decision) if decision.outcome == "posted" => paid += sign,
                Ok(_) => {}
                Err(error) => assert_eq!(name_of(&error), "55P03", "{error:?}"),
            }
        }
        for account in [settlement.escrow, till, settlement.platform] {
            fold(&folder, account).await.unwrap();
        }
        turn_freeze(&operator, "freeze_account", settlement.escrow).await;
        // Long enough for a few calls to meet the freeze, and below four times as long for all to get on.
        sleep(Duration::from_millis(5)).await;
        turn_freeze(&operator, "unfreeze_account", settlement.escrow).await;
        sleep(Duration::from_millis(20)).await;
    }
    paid
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_settlements_of_the_same_accounts_at_once_all_end_and_the_books_are_right() {
    let cloud = Cloud::running();
    let superuser = cloud.superuser().await;
    let merchant = Merchant::onboard(&cloud).await;
    let buyer = merchant.buyer(30_000).await;
    let till = merchant.open("merchant", "EUR", Some(0)).await;
    let poster = cloud.pooled_as("poster").await;
    let first = Settlement::new(&merchant, buyer, till, 400, 10);
    first.ask(&poster).await;

    let mut settlements = vec![first.clone()];
    for _ in 1..SETTLEMENTS {
        settlements.push(first.another(&cloud).await);
    }

    let mut executions = JoinSet::new();
    for (nth, settlement) in (1..).zip(settlements) {
        for which in 0..2 {
            let dice = Dice(u64::wrapping_mul(nth, 0x9e37_79b9_7f4a_7c15) ^ which);
            executions.spawn(run(cloud.clone(), settlement.clone(), dice));
        }
    }
    let over = Arc::new(AtomicBool::new(false));
    let disturbing = tokio::spawn(disturb(cloud.clone(), merchant, first.clone(), over.clone()));
    let ends = executions.join_all().await;
    over.store(true, Ordering::Relaxed);
    let paid = disturbing.await.unwrap();

    let settled = ends.iter().filter(|status| **status == Status::Settled).count() / 2;
    let limbos = "SELECT count(limbo_at) FROM ledger.settlements WHERE tenant_id = $1";
    let limbos = count(&superuser, limbos, first.tenant()).await;
    println!("{settled} settled, {limbos} had been in limbo, {paid} paid");
    assert!(
        settled > 5 && settled < 45 && limbos > 3,
        "a crowd in which all goes one way shows little"
    );
    let settled = i64::try_from(settled).unwrap();
    let expected = [30_000 - settled * 400 - paid, 0, settled * 390 + paid, settled * 10];
    assert_eq!(first.balances(&cloud).await, expected);
    for open in [
        "SELECT count(*) FROM ledger.freezes WHERE tenant_id = $1 AND ended_at IS NULL",
        "SELECT count(frozen_at) FROM ledger.accounts WHERE tenant_id = $1",
        "SELECT count(*) FROM ledger.settlements WHERE tenant_id = $1 AND ended_at IS NULL",
        "SELECT count(*) FROM (SELECT FROM ledger.ledger_entries e JOIN ledger.ledger_transactions t ON t.ledger_key = e.transaction_id
          WHERE t.tenant_id = $1 GROUP BY e.transaction_id
         HAVING sum(CASE entry_type WHEN 'CREDIT' THEN e.amount ELSE -e.amount END) <> 0 OR count(*) <> 2) AS unbalanced",
        "SELECT count(*) FROM (SELECT FROM ledger.outbox WHERE tenant_id = $1 AND event_type LIKE 'settlement.%'
          GROUP BY ledger_key HAVING max(sequence) <> count(*) OR count(DISTINCT sequence) <> count(*)) AS gaps",
    ] {
        assert_eq!(count(&superuser, open, first.tenant()).await, 0, "{open}");
    }
}
