//! Every course a settlement can take, explored state by state.
//!
//! Two executions work on one settlement, as a redelivered start or a restart would have it. Each reads the log, asks
//! `plan`, and issues one call. **A call, once issued, may take effect now, later, again or never, and its caller does
//! not wait to see.** So one rule covers a call that is lost before its effect or after it, one that times out, runs
//! twice, runs late, and any number of zombies. At any moment an execution may run out of retries and compensate, crash
//! and start again, or mark the settlement as in limbo; the provider may answer each verification either way; the
//! ledger may refuse any step; people decide a limbo either way.
//!
//! The ledger commits one call at a time. Its conditions are written out here, apart from `plan`: they are what the
//! SQL has to check. Each switch takes one guard away, and the exploration must then find the harm by name.

#![allow(
    clippy::unwrap_used,
    reason = "a model that panics has found what it was looking for"
)]

#[path = "settlement_model/explore.rs"]
mod explore;
#[path = "settlement_model/invariants.rs"]
mod invariants;
#[path = "settlement_model/ledger.rs"]
mod ledger;
#[path = "settlement_model/state.rs"]
mod state;
#[path = "settlement_model/world.rs"]
mod world;

use std::collections::BTreeSet;

use domain::settlement::log::{StepLog, StepOutcome};
use domain::settlement::plan::{self, NextUndo};
use domain::settlement::step::{Action, Step, Undo};
use explore::{Explored, explore};
use invariants::Violation::{self, *};
use world::Switch::{self, *};
use world::World;

fn found(switch: Switch) -> BTreeSet<Violation> {
    let explored = explore(World {
        has_fee: true,
        switch: Some(switch),
    });
    println!(
        "{switch:?}: {} states, {:?}",
        explored.states.len(),
        explored.violations
    );
    explored.violations
}

fn intact(has_fee: bool) -> Explored {
    let explored = explore(World { has_fee, switch: None });
    println!(
        "fee {has_fee}: {} states, {} terminal",
        explored.states.len(),
        explored.terminal
    );
    assert_eq!(explored.violations, BTreeSet::new(), "{:#?}", explored.first_course);
    explored
}

/// Every log that is not refused. One refusal stands for all.
fn all_logs(has_fee: bool) -> impl Iterator<Item = StepLog> {
    use StepOutcome::{Approved, Burnt, Posted, Rejected};
    let outcomes = |action| match action {
        Action::Step(Step::Verify) => vec![Approved, Rejected, Burnt],
        Action::Step(_) => vec![Posted, state::REFUSED, Burnt],
        Action::Undo(_) | Action::Resolve(_) => vec![Posted],
    };
    let mut combinations = vec![Vec::new()];
    for action in Action::ALL {
        let without = combinations.clone();
        for outcome in outcomes(action) {
            combinations.extend(
                without
                    .iter()
                    .map(|rows| [rows.as_slice(), &[(action, outcome)]].concat()),
            );
        }
    }
    combinations
        .into_iter()
        .filter_map(move |rows| StepLog::read(has_fee, rows).ok())
}

#[test]
fn whatever_happens_a_settlement_ends_with_its_money_in_one_place() {
    for has_fee in [true, false] {
        intact(has_fee);
    }
}

/// So what `StepLog` refuses as tampering never comes about by itself, and what it takes for sound always may have.
#[test]
fn a_log_is_read_exactly_if_it_can_come_about() {
    for has_fee in [true, false] {
        let reached = intact(has_fee).logs();
        let mut admitted = 0;
        for log in all_logs(has_fee) {
            assert!(reached.contains(&log), "admitted, and never reached: {log:?}");
            admitted += 1;
        }
        assert_eq!(reached.len(), admitted);
        println!("fee {has_fee}: {admitted} logs");
    }
}

/// Since a settlement whose last step is posted is settled.
#[test]
fn nobody_plans_to_undo_the_fee() {
    for has_fee in [true, false] {
        assert!(all_logs(has_fee).all(|log| plan::next_undo(&log) != NextUndo::Undo(Undo::CollectFee)));
    }
}

/// All conditions of a step and of an undo are of the kind that stays true, so that a stale plan does no harm. The
/// commit checks them against other writers.
#[test]
fn a_plan_that_has_gone_stale_does_no_harm() {
    assert_eq!(found(PlansAreTrusted), BTreeSet::new());
}

#[test]
fn without_a_key_of_its_own_a_repeated_step_moves_the_money_again() {
    let found = found(NoStepKey);
    assert!(found.is_superset(&[PostedTwice, EscrowOverdrawn].into()), "{found:?}");
}

#[test]
fn without_burning_a_late_step_commits_after_the_end() {
    let found = found(NoBurning);
    assert!(
        found.is_superset(&[EscrowOverdrawn, EscrowNotEmpty].into()),
        "{found:?}"
    );
}

#[test]
fn unless_the_first_answer_wins_a_merchant_is_paid_whom_the_record_rejects() {
    let found = found(LastAnswerWins);
    assert!(found.is_superset(&[RowChanged, ReleasedUnapproved].into()), "{found:?}");
}

#[test]
fn undone_oldest_first_escrow_pays_with_the_money_of_others() {
    let found = found(OldestFirst);
    assert!(found.contains(&EscrowOverdrawn), "{found:?}");
}

#[test]
fn unless_refund_and_release_exclude_each_other_in_the_commit_the_money_leaves_escrow_twice() {
    let found = found(RefundAndReleaseTogether);
    assert!(
        found.is_superset(&[EscrowOverdrawn, DecisionOverridden].into()),
        "{found:?}"
    );
}
