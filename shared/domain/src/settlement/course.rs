//! Where an execution goes next: the word that the state machines sequence by.

use std::fmt;
use std::str::FromStr;

use super::log::StepLog;
use super::plan::{self, Next, NextRelease, NextUndo};
use super::step::Action;

/// What people decide about a settlement in limbo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Decision {
    /// The merchant is paid after all.
    Release,
    /// The buyer gets the money back.
    Refund,
}

/// The ledger or an operator says what is no decision.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown decision {0:?}")]
pub struct UnknownDecision(String);

/// Whether a settlement goes on by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Limbo {
    /// It does.
    No,
    /// It stopped, and waits for people.
    Undecided,
    /// It stopped, and two people have decided.
    Decided(Decision),
}

/// The next state of an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Course {
    /// Carry out this action.
    Act(Action),
    /// Take the keys of all steps that have none: it is given up.
    Burn,
    /// People decide.
    AwaitDecision,
    /// An account is frozen, or postings are halted. Nothing has failed: look again later.
    Wait,
    /// The verification has no answer yet: ask again later.
    Park,
    /// The end: the merchant has the money.
    Settled,
    /// The end: the buyer has it.
    Compensated,
}

/// A state machine says what is no course.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown course {0:?}")]
pub struct UnknownCourse(String);

/// What is next by the log, and by what people have decided.
#[must_use]
pub fn course(log: &StepLog, limbo: Limbo) -> Course {
    match limbo {
        Limbo::No => match plan::next_step(log) {
            Next::Step(step) => Course::Act(step.into()),
            Next::Settled => Course::Settled,
            Next::Compensate => undoing(log),
        },
        Limbo::Undecided => Course::AwaitDecision,
        Limbo::Decided(Decision::Refund) => undoing(log),
        Limbo::Decided(Decision::Release) => releasing(log),
    }
}

fn undoing(log: &StepLog) -> Course {
    match plan::next_undo(log) {
        NextUndo::Burn => Course::Burn,
        NextUndo::Undo(undo) => Course::Act(undo.into()),
        NextUndo::Compensated => Course::Compensated,
        NextUndo::Settled => Course::Settled,
        // Begun by people, and theirs to finish.
        NextUndo::Released => releasing(log),
    }
}

fn releasing(log: &StepLog) -> Course {
    match plan::next_release(log) {
        NextRelease::Burn => Course::Burn,
        NextRelease::Post(resolution) => Course::Act(resolution.into()),
        NextRelease::Settled => Course::Settled,
        NextRelease::Compensated => Course::Compensated,
    }
}

/// How long to leave a settlement alone that waits for people to unfreeze or go on, in seconds: a tenth of its age, so that a short freeze
/// delays little and a long one costs little; from 5 seconds to 5 minutes.
#[must_use]
pub const fn wait_seconds(age_seconds: i64) -> i64 {
    match age_seconds / 10 {
        ..5 => 5,
        301.. => 300,
        tenth => tenth,
    }
}

impl Decision {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Release, Self::Refund];

    /// The name the ledger stores and operators say.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Refund => "refund",
        }
    }
}

impl Course {
    /// Every course, in the order of the state machine's states.
    pub const ALL: [Self; 15] = [
        Self::Act(Action::ALL[0]),
        Self::Act(Action::ALL[1]),
        Self::Act(Action::ALL[2]),
        Self::Act(Action::ALL[3]),
        Self::Burn,
        Self::Act(Action::ALL[4]),
        Self::Act(Action::ALL[5]),
        Self::Act(Action::ALL[6]),
        Self::Act(Action::ALL[7]),
        Self::Act(Action::ALL[8]),
        Self::AwaitDecision,
        Self::Wait,
        Self::Park,
        Self::Settled,
        Self::Compensated,
    ];

    /// The word in the state machines' `next`. Of an action, its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Act(action) => action.as_str(),
            Self::Burn => "burn",
            Self::AwaitDecision => "await_decision",
            Self::Wait => "wait",
            Self::Park => "park",
            Self::Settled => "settled",
            Self::Compensated => "compensated",
        }
    }
}

named!(Decision, UnknownDecision);
named!(Course, UnknownCourse);

#[cfg(test)]
mod tests {
    use super::*;

    fn course_of(rows: &str, limbo: Limbo) -> &'static str {
        course(&StepLog::of(true, rows).unwrap(), limbo).as_str()
    }

    #[test]
    fn courses_and_decisions_read_back_what_they_write() {
        for course in Course::ALL {
            assert_eq!(course.to_string().parse(), Ok(course));
        }
        for decision in Decision::ALL {
            assert_eq!(decision.to_string().parse(), Ok(decision));
        }
        assert_eq!(
            "refunded".parse::<Decision>(),
            Err(UnknownDecision("refunded".to_owned()))
        );
    }

    #[test]
    fn who_waits_for_a_frozen_account_waits_a_tenth_of_its_age() {
        for (age, seconds) in [
            (-3, 5),
            (0, 5),
            (59, 5),
            (60, 6),
            (600, 60),
            (3000, 300),
            (3010, 300),
            (i64::MAX, 300),
        ] {
            assert_eq!(wait_seconds(age), seconds, "{age}");
        }
    }

    #[test]
    fn a_settlement_goes_forward_until_a_step_fails_and_then_back() {
        let table = [
            ("", "hold"),
            ("hold=posted", "verify"),
            ("hold=posted verify=approved", "release"),
            ("hold=posted verify=approved release=posted", "collect_fee"),
            (
                "hold=posted verify=approved release=posted collect_fee=posted",
                "settled",
            ),
            ("hold=insufficient_funds", "burn"),
            ("hold=posted verify=rejected", "burn"),
            (
                "hold=posted verify=rejected release=burnt collect_fee=burnt",
                "undo_hold",
            ),
            (
                "hold=posted verify=approved release=posted collect_fee=burnt",
                "undo_release",
            ),
            (
                "hold=posted verify=rejected release=burnt collect_fee=burnt undo_hold=posted",
                "compensated",
            ),
        ];
        for (rows, next) in table {
            assert_eq!(course_of(rows, Limbo::No), next, "{rows}");
        }
    }

    #[test]
    fn in_limbo_nothing_is_done_but_what_people_decide() {
        let stuck = "hold=posted verify=approved release=posted collect_fee=burnt";
        let held = "hold=posted verify=rejected release=burnt collect_fee=burnt";
        let (refund, release) = (Limbo::Decided(Decision::Refund), Limbo::Decided(Decision::Release));
        for (rows, limbo, next) in [
            (stuck, Limbo::Undecided, "await_decision"),
            (stuck, refund, "undo_release"),
            (stuck, release, "resolve_fee"),
            (held, Limbo::Undecided, "await_decision"),
            (held, refund, "undo_hold"),
            (held, release, "resolve_release"),
        ] {
            assert_eq!(course_of(rows, limbo), next, "{rows} {limbo:?}");
        }
        assert_eq!(
            course_of(&format!("{held} resolve_release=posted"), release),
            "resolve_fee"
        );
        assert_eq!(
            course_of(&format!("{held} resolve_release=posted resolve_fee=posted"), release),
            "settled"
        );
        assert_eq!(course_of(&format!("{held} undo_hold=posted"), refund), "compensated");
    }
}
