//! One moment of a settlement: the ledger, what is on its way to it, and who works on it.

use domain::outcome::Refusal;
use domain::settlement::log::StepOutcome;
use domain::settlement::step::{Action, Resolution, Step, Undo};

/// One refusal stands for all.
pub const REFUSED: StepOutcome = StepOutcome::Refused(Refusal::AccountUnknown);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Execution {
    Running,
    Compensating,
    Ended,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Decision {
    Release,
    Refund,
}

/// A statement on its way to the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    Post(Step),
    /// With the provider's answer.
    Verify(StepOutcome),
    /// Takes every key that is free.
    Burn,
    Undo(Undo),
    /// Burns, and marks that people have to decide: one commit.
    Limbo,
    Resolve(Resolution),
}

/// Their places are the bits of [`State::issued`].
const CALLS: [Call; 12] = [
    Call::Post(Step::Hold),
    Call::Verify(StepOutcome::Approved),
    Call::Verify(StepOutcome::Rejected),
    Call::Post(Step::Release),
    Call::Post(Step::CollectFee),
    Call::Burn,
    Call::Undo(Undo::CollectFee),
    Call::Undo(Undo::Release),
    Call::Undo(Undo::Hold),
    Call::Limbo,
    Call::Resolve(Resolution::Release),
    Call::Resolve(Resolution::CollectFee),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// What stands under each key.
    pub rows: [Option<StepOutcome>; 9],
    /// How often each action has moved its money.
    pub moved: [u8; 9],
    /// All calls ever issued: any of them may still be delivered.
    issued: u16,
    /// Which of the two is which makes no difference: sorted.
    pub executions: [Execution; 2],
    pub limbo: bool,
    pub decision: Option<Decision>,
}

/// The place of an action in [`State::rows`].
pub const fn at(action: Action) -> usize {
    match action {
        Action::Step(step) => step as usize,
        Action::Undo(undo) => 4 + undo as usize,
        Action::Resolve(resolution) => 7 + resolution as usize,
    }
}

#[derive(Clone, Copy, Debug)]
#[expect(dead_code, reason = "read by people, in the course that is printed with a violation")]
pub enum Event {
    Issued(Call),
    Delivered(Call),
    Refused(Step),
    Became(Execution),
    Decided(Decision),
}

impl State {
    pub const START: Self = Self {
        rows: [None; 9],
        moved: [0; 9],
        issued: 0,
        executions: [Execution::Running; 2],
        limbo: false,
        decision: None,
    };

    pub fn row(&self, action: impl Into<Action>) -> Option<StepOutcome> {
        self.rows[at(action.into())]
    }

    pub fn is_posted(&self, action: impl Into<Action>) -> bool {
        self.row(action) == Some(StepOutcome::Posted)
    }

    pub fn stands(&self, undo: Undo) -> bool {
        self.is_posted(undo.step()) && self.row(undo).is_none()
    }

    pub fn is_being_released(&self) -> bool {
        Resolution::ALL
            .into_iter()
            .any(|resolution| self.row(resolution).is_some())
    }

    pub fn set(&mut self, action: impl Into<Action>, outcome: StepOutcome) {
        let place = at(action.into());
        self.rows[place] = Some(outcome);
        self.moved[place] += u8::from(outcome == StepOutcome::Posted);
    }

    pub fn issue(mut self, call: Call) -> (Event, Self) {
        let bit = CALLS.iter().position(|it| *it == call).unwrap();
        self.issued |= 1 << bit;
        (Event::Issued(call), self)
    }

    pub fn turn(mut self, execution: usize, next: Execution) -> (Event, Self) {
        self.executions[execution] = next;
        self.executions.sort_unstable();
        (Event::Became(next), self)
    }

    pub fn decide(&self, decision: Decision) -> (Event, Self) {
        let decided = Self {
            decision: Some(decision),
            ..*self
        };
        (Event::Decided(decision), decided)
    }

    pub fn issued(&self) -> impl Iterator<Item = Call> {
        let issued = self.issued;
        CALLS
            .into_iter()
            .enumerate()
            .filter(move |(bit, _)| issued >> bit & 1 == 1)
            .map(|(_, call)| call)
    }
}
