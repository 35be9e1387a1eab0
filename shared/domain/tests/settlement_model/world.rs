//! What can happen next: what executions and people do of their own accord.

use domain::settlement::log::{ImpossibleLog, StepLog, StepOutcome};
use domain::settlement::plan::{self, Next, NextRelease, NextUndo};
use domain::settlement::step::{Action, Step, Undo};

use crate::state::{Call, Decision, Event, Execution, State};

/// Impossible only where a guard is gone.
type Log = Result<StepLog, ImpossibleLog>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct World {
    pub has_fee: bool,
    pub switch: Option<Switch>,
}

/// A guard that is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    /// What was posted is posted again when its call is repeated.
    NoStepKey,
    /// Compensation behaves as if the keys were burnt, and does not take them.
    NoBurning,
    /// A verification replaces the outcome that is recorded.
    LastAnswerWins,
    /// The oldest posting is undone first.
    OldestFirst,
    /// The commit of a refund does not look for a release, nor that of a release for a refund.
    RefundAndReleaseTogether,
    /// The commit checks that the key is free, that refund and release exclude each other, and nothing else.
    PlansAreTrusted,
}

impl World {
    pub fn is(self, switch: Switch) -> bool {
        self.switch == Some(switch)
    }

    pub fn steps(self) -> impl Iterator<Item = Step> {
        Step::ALL
            .into_iter()
            .filter(move |step| self.has_fee || *step != Step::CollectFee)
    }

    pub fn log(self, state: &State) -> Log {
        StepLog::read(
            self.has_fee,
            Action::ALL
                .into_iter()
                .filter_map(|action| Some((action, state.row(action)?))),
        )
    }

    /// The log as whoever compensates sees it. Without burning, it only believes that nothing more will come.
    fn log_to_compensate(self, state: &State) -> Log {
        let mut seen = *state;
        if self.is(Switch::NoBurning) {
            self.burn(&mut seen);
        }
        self.log(&seen)
    }

    pub fn successors(self, state: &State) -> Vec<(Event, State)> {
        let log = &self.log(state);
        let executions = (0..2).flat_map(|execution| match state.executions[execution] {
            Execution::Running => run(state, log, execution),
            Execution::Compensating => self.compensate(state, log, execution),
            // A start is delivered again.
            Execution::Ended => vec![state.turn(execution, Execution::Running)],
        });
        let delivered = state.issued().flat_map(|call| self.deliver(state, call));
        executions.chain(self.people(state, log)).chain(delivered).collect()
    }

    fn compensate(self, state: &State, log: &Log, execution: usize) -> Vec<(Event, State)> {
        let seen = if self.is(Switch::NoBurning) {
            &self.log_to_compensate(state)
        } else {
            log
        };
        let next = match seen.as_ref().map(plan::next_undo) {
            Ok(NextUndo::Compensated | NextUndo::Settled | NextUndo::Released) => {
                Some(state.turn(execution, Execution::Ended))
            }
            // Nothing is retried by itself any more.
            Ok(NextUndo::Burn | NextUndo::Undo(_)) if state.limbo => Some(state.turn(execution, Execution::Ended)),
            Ok(NextUndo::Burn) => Some(state.issue(Call::Burn)),
            Ok(NextUndo::Undo(newest)) => Some(state.issue(Call::Undo(self.choose(state, newest)))),
            Err(_) => None,
        };
        let crashes = state.turn(execution, Execution::Running);
        let keeps_failing = state.issue(Call::Limbo);
        [crashes, keeps_failing].into_iter().chain(next).collect()
    }

    fn choose(self, state: &State, newest: Undo) -> Undo {
        if self.is(Switch::OldestFirst) {
            Undo::ALL.into_iter().rev().find(|undo| state.stands(*undo)).unwrap()
        } else {
            newest
        }
    }

    /// Two of them decide, and a third execution, which has no memory at all, carries out what they decided.
    fn people(self, state: &State, log: &Log) -> Vec<(Event, State)> {
        let (true, Ok(log)) = (state.limbo, log) else {
            return Vec::new();
        };
        let call = match state.decision {
            None => {
                return [Decision::Release, Decision::Refund]
                    .map(|it| state.decide(it))
                    .to_vec();
            }
            Some(Decision::Refund) => match plan::next_undo(log) {
                NextUndo::Burn => Call::Burn,
                NextUndo::Undo(newest) => Call::Undo(self.choose(state, newest)),
                NextUndo::Compensated | NextUndo::Settled | NextUndo::Released => return Vec::new(),
            },
            Some(Decision::Release) => match plan::next_release(log) {
                NextRelease::Burn => Call::Burn,
                NextRelease::Post(resolution) => Call::Resolve(resolution),
                NextRelease::Settled | NextRelease::Compensated => return Vec::new(),
            },
        };
        vec![state.issue(call)]
    }
}

fn run(state: &State, log: &Log, execution: usize) -> Vec<(Event, State)> {
    let retries_run_out = state.turn(execution, Execution::Compensating);
    let next = match log.as_ref().map(plan::next_step) {
        Ok(Next::Step(Step::Verify)) => {
            let answers = [StepOutcome::Approved, StepOutcome::Rejected];
            answers.map(|answer| state.issue(Call::Verify(answer))).to_vec()
        }
        Ok(Next::Step(step @ (Step::Hold | Step::Release | Step::CollectFee))) => vec![state.issue(Call::Post(step))],
        Ok(Next::Settled) => vec![state.turn(execution, Execution::Ended)],
        // It compensates, as when its retries run out.
        Ok(Next::Compensate) | Err(_) => Vec::new(),
    };
    [retries_run_out].into_iter().chain(next).collect()
}
