//! What must hold in every state, on every edge between two, and at the end.

use std::collections::BTreeSet;

use domain::settlement::log::{Holder, StepOutcome};
use domain::settlement::plan;
use domain::settlement::status::Status;
use domain::settlement::step::{Action, Party, Step, Sum, Undo};

use crate::state::{Decision, Execution, State, at};
use crate::world::{Switch, World};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Violation {
    /// The entries do not sum to zero.
    NotZeroSum,
    /// An action has moved its money more than once.
    PostedTwice,
    /// Money has moved under a key that says it did not: burnt or refused; or it has not where it says so.
    PostedUnderAnotherOutcome,
    /// An undo without what it undoes.
    ReversedWithoutPosting,
    /// A row was replaced.
    RowChanged,
    /// The merchant was paid, and the verification on record is not an approval.
    ReleasedUnapproved,
    /// Escrow has paid more than it got: with the money of other settlements.
    EscrowOverdrawn,
    /// An account has more or less than the log says.
    MoneyElsewhere,
    /// The log is one that cannot come about.
    ImpossibleLog,
    /// Something was recorded after the end.
    FinalChanged,
    /// Both executions have ended, and the settlement is neither settled nor compensated.
    EndedUnfinished,
    /// Both executions have ended, and escrow still has, or lacks, this settlement's money.
    EscrowNotEmpty,
    /// People have decided, and it ended the other way.
    DecisionOverridden,
    /// No end can be reached any more.
    DeadEnd,
}

const AMOUNT: i64 = 100;
const FEE: i64 = 3;

/// Both executions have ended, and nothing waits for people.
pub fn is_terminal(world: World, state: &State) -> bool {
    let waits_for_people = state.limbo && !world.log(state).is_ok_and(|log| plan::status(&log).is_final());
    state.executions == [Execution::Ended; 2] && !waits_for_people
}

pub fn broken_in(world: World, state: &State) -> BTreeSet<Violation> {
    let fee = if world.has_fee { FEE } else { 0 };
    let balance = |party| balance(state, party, fee);
    let balances = [Party::Buyer, Party::Escrow, Party::Merchant, Party::Platform].map(balance);
    let log = world.log(state);
    let mut broken = BTreeSet::new();
    let mut unless = |holds: bool, violation| {
        if !holds {
            broken.insert(violation);
        }
    };

    unless(balances.iter().sum::<i64>() == 0, Violation::NotZeroSum);
    unless(state.moved.iter().all(|times| *times <= 1), Violation::PostedTwice);
    unless(balance(Party::Escrow) >= 0, Violation::EscrowOverdrawn);
    for action in Action::ALL {
        let says_posted = state.row(action) == Some(StepOutcome::Posted);
        unless(
            says_posted == (state.moved[at(action)] > 0),
            Violation::PostedUnderAnotherOutcome,
        );
    }
    for undo in Undo::ALL {
        let (undone, done) = (state.moved[at(undo.into())], state.moved[at(undo.step().into())]);
        unless(undone <= done, Violation::ReversedWithoutPosting);
    }
    let released = state.moved[at(Step::Release.into())] > 0;
    unless(
        !released || state.row(Step::Verify) == Some(StepOutcome::Approved),
        Violation::ReleasedUnapproved,
    );
    // Without burning no log is complete, so only the money can show the harm.
    if world.switch != Some(Switch::NoBurning) {
        unless(log.is_ok(), Violation::ImpossibleLog);
    }
    if let Ok(log) = &log {
        let status = plan::status(log);
        let fee_collected = if status == Status::Settled { fee } else { 0 };
        let expected = match log.holder() {
            Holder::Buyer => [0, 0, 0, 0],
            Holder::Escrow => [-AMOUNT, AMOUNT, 0, 0],
            Holder::Merchant => [-AMOUNT, 0, AMOUNT - fee_collected, fee_collected],
        };
        unless(balances == expected, Violation::MoneyElsewhere);
        if status.is_final() {
            let decided = match state.decision {
                Some(Decision::Release) => Some(Status::Settled),
                Some(Decision::Refund) => Some(Status::Compensated),
                None => None,
            };
            unless(
                decided.is_none_or(|decided| decided == status),
                Violation::DecisionOverridden,
            );
        }
    }
    if is_terminal(world, state) {
        unless(balance(Party::Escrow) == 0, Violation::EscrowNotEmpty);
        let is_whole = balances == [0; 4] || balances == [-AMOUNT, 0, AMOUNT - fee, fee];
        let is_final = log.is_ok_and(|log| plan::status(&log).is_final()) || world.switch == Some(Switch::NoBurning);
        unless(is_whole && is_final, Violation::EndedUnfinished);
    }
    broken
}

pub fn broken_between(world: World, before: &State, after: &State) -> BTreeSet<Violation> {
    let mut broken = BTreeSet::new();
    let kept = before
        .rows
        .iter()
        .zip(&after.rows)
        .all(|(row, now)| row.is_none() || row == now);
    if !kept {
        broken.insert(Violation::RowChanged);
    }
    let was_final = world.log(before).is_ok_and(|log| plan::status(&log).is_final());
    if was_final && (before.rows, before.moved) != (after.rows, after.moved) {
        broken.insert(Violation::FinalChanged);
    }
    broken
}

fn balance(state: &State, party: Party, fee: i64) -> i64 {
    let legs = Action::ALL
        .into_iter()
        .filter_map(|action| Some((state.moved[at(action)], action.leg()?)));
    legs.map(|(times, leg)| {
        let sum = match leg.sum {
            Sum::Amount => AMOUNT,
            Sum::Fee => fee,
        };
        i64::from(times) * sum * (i64::from(leg.to == party) - i64::from(leg.from == party))
    })
    .sum()
}
