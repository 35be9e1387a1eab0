//! What the ledger says to an action of a settlement.

use std::str::FromStr;

use domain::settlement::course::{self, Course, Decision, Limbo};
use domain::settlement::failure::StepFailure;
use domain::settlement::log::{StepLog, StepOutcome};
use domain::settlement::status::Status;
use serde_json::{Map, Value};
use tokio_postgres::Row;

use super::{known, optional_word, read_log};
use crate::ledger::{LedgerError, column, word};

/// What the ledger says to an action, and how the settlement then stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettlementAnswer {
    /// What became of the action.
    pub verdict: Verdict,
    /// What stands under the action's key. `None`: nothing, or it has none.
    pub outcome: Option<StepOutcome>,
    /// How the settlement stands.
    pub status: Status,
    /// Every row of it.
    pub log: StepLog,
    /// Whether people have to decide, or have.
    pub limbo: Limbo,
}

/// What became of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// This call did it.
    Recorded,
    /// It was done before, or there is nothing to do.
    Stands,
    /// An account is frozen, or postings are halted: nothing was done, and nothing has failed.
    Waits,
    /// Something else comes first, or comes instead.
    OutOfTurn,
    /// People have not decided so.
    Undecided,
    /// It waits for the provider.
    Parked,
    /// There is nothing for people to decide: it is settled, or compensated.
    NothingStands,
    /// It waits for people, or they have decided already.
    Awaited,
}

/// The ledger holds a verdict that this version does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownVerdict;

impl Verdict {
    const ALL: [Self; 8] = [
        Self::Recorded,
        Self::Stands,
        Self::Waits,
        Self::OutOfTurn,
        Self::Undecided,
        Self::Parked,
        Self::NothingStands,
        Self::Awaited,
    ];

    /// The ledger's name for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Recorded => "recorded",
            Self::Stands => "stands",
            Self::Waits => "waits",
            Self::OutOfTurn => "out_of_turn",
            Self::Undecided => "undecided",
            Self::Parked => "parked",
            Self::NothingStands => "nothing_stands",
            Self::Awaited => "awaited",
        }
    }
}

impl FromStr for Verdict {
    type Err = UnknownVerdict;

    fn from_str(name: &str) -> Result<Self, UnknownVerdict> {
        let known = Self::ALL.into_iter().find(|verdict| verdict.as_str() == name);
        known.ok_or(UnknownVerdict)
    }
}

impl SettlementAnswer {
    /// Where an execution goes from here.
    #[must_use]
    pub fn course(&self) -> Course {
        match self.verdict {
            Verdict::Waits => Course::Wait,
            Verdict::Recorded
            | Verdict::Stands
            | Verdict::OutOfTurn
            | Verdict::Undecided
            | Verdict::Parked
            | Verdict::NothingStands
            | Verdict::Awaited => course::course(&self.log, self.limbo),
        }
    }

    pub(super) fn read(row: &Row) -> Result<Self, LedgerError> {
        let status = word(row, "status")?;
        let outcomes: Map<String, Value> = object(column(row, "log")?)?;
        let rows = outcomes.iter().map(|(action, outcome)| {
            Ok((
                known("log", action)?,
                known("log", outcome.as_str().unwrap_or_default())?,
            ))
        });
        Ok(Self {
            verdict: word(row, "verdict")?,
            outcome: optional_word(row, "outcome")?,
            status,
            log: read_log(column(row, "fee")?, rows)?,
            limbo: limbo(status, optional_word(row, "decision")?),
        })
    }
}

/// The classes of SQLSTATE that speak of what was asked and of the rows it is about: `ledger.refuse`, data, integrity.
const OWN_FAULT: [&str; 3] = ["OL", "22", "23"];

/// What a failure of the ledger's means for the task that met it. A defect gives a settlement up, or stops it: only what the
/// ledger has against this very settlement is one. A lost right, a function that a migration has changed, a word that a later
/// version wrote are everybody's, and pass when somebody has put them right.
impl From<&LedgerError> for StepFailure {
    fn from(error: &LedgerError) -> Self {
        match error {
            LedgerError::Unknown(_) | LedgerError::Unreadable(_) => Self::OutcomeUnknown,
            LedgerError::Failed { name, .. } if name == "settlement_unknown" => Self::SettlementUnknown,
            LedgerError::Failed { code, .. } if OWN_FAULT.iter().any(|class| code.starts_with(class)) => Self::Defect,
            LedgerError::Unreachable(_) | LedgerError::Failed { .. } => Self::LedgerUnavailable,
        }
    }
}

/// Of the status alone: it leaves limbo when it ends, and the decision stays.
pub(super) const fn limbo(status: Status, decision: Option<Decision>) -> Limbo {
    match (status, decision) {
        (Status::Limbo, None) => Limbo::Undecided,
        (Status::Limbo, Some(decision)) => Limbo::Decided(decision),
        (
            Status::Accepted
            | Status::Held
            | Status::Parked
            | Status::Verified
            | Status::Released
            | Status::Settled
            | Status::Compensating
            | Status::Compensated,
            _,
        ) => Limbo::No,
    }
}

fn object(value: Value) -> Result<Map<String, Value>, LedgerError> {
    match value {
        Value::Object(members) => Ok(members),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err(LedgerError::Unreadable("log: it is no object".to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(code: &str, name: &str) -> LedgerError {
        LedgerError::Failed {
            code: code.to_owned(),
            name: name.to_owned(),
            message: "settlement_unknown, said the message".to_owned(),
        }
    }

    #[test]
    fn only_what_the_ledger_has_against_the_settlement_is_a_defect() {
        let lost = || "lost".to_owned();
        for (error, failure) in [
            (LedgerError::Unreachable(lost()), StepFailure::LedgerUnavailable),
            (LedgerError::Unknown(lost()), StepFailure::OutcomeUnknown),
            (LedgerError::Unreadable(lost()), StepFailure::OutcomeUnknown),
            (failed("57014", ""), StepFailure::LedgerUnavailable),
            (failed("40P01", ""), StepFailure::LedgerUnavailable),
            (failed("OL001", "settlement_unknown"), StepFailure::SettlementUnknown),
            (failed("OL001", "settlement_action_unknown"), StepFailure::Defect),
            (failed("23505", "transactions_one_per_key"), StepFailure::Defect),
            (failed("42501", ""), StepFailure::LedgerUnavailable),
            (failed("42883", ""), StepFailure::LedgerUnavailable),
            (failed("58030", ""), StepFailure::LedgerUnavailable),
            (failed("XX000", ""), StepFailure::LedgerUnavailable),
        ] {
            assert_eq!(StepFailure::from(&error), failure, "{error}");
        }
    }

    #[test]
    fn a_verdict_reads_back_what_the_ledger_writes() {
        for verdict in Verdict::ALL {
            assert_eq!(verdict.as_str().parse(), Ok(verdict));
        }
        assert_eq!("replayed".parse::<Verdict>(), Err(UnknownVerdict));
    }
}
