//! What stands under the keys of one settlement.

use std::collections::BTreeMap;

pub use super::impossible_log::ImpossibleLog;
pub use super::outcome::StepOutcome;
use super::step::{Action, Resolution, Step, Undo};

/// The rows of a settlement: the one source of what was done of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StepLog {
    has_fee: bool,
    rows: BTreeMap<Action, StepOutcome>,
}

/// Who has the money of a settlement, but for the fee.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Holder {
    /// It was not taken, or was given back.
    Buyer,
    /// It waits.
    Escrow,
    /// It was released.
    Merchant,
}

impl StepLog {
    /// The rows in any order, read in one statement: rows that were read one after the other are no log.
    ///
    /// # Errors
    /// [`ImpossibleLog`], with the first reason found.
    pub fn read(has_fee: bool, rows: impl IntoIterator<Item = (Action, StepOutcome)>) -> Result<Self, ImpossibleLog> {
        let mut log = Self {
            has_fee,
            rows: BTreeMap::new(),
        };
        for (action, outcome) in rows {
            if !outcome.fits(action) {
                return Err(ImpossibleLog::Outcome { action, outcome });
            }
            if action.is_of_fee() && !has_fee {
                return Err(ImpossibleLog::NoFee(action));
            }
            if log.rows.insert(action, outcome).is_some() {
                return Err(ImpossibleLog::Twice(action));
            }
        }
        log.check()?;
        Ok(log)
    }

    /// What stands under the key of `action`; `None` if the key is free.
    #[must_use]
    pub fn outcome(&self, action: impl Into<Action>) -> Option<StepOutcome> {
        self.rows.get(&action.into()).copied()
    }

    /// Who has the money, but for the fee.
    #[must_use]
    pub fn holder(&self) -> Holder {
        if self.stands(Undo::Release) || self.outcome(Resolution::Release).is_some() {
            Holder::Merchant
        } else if self.stands(Undo::Hold) {
            Holder::Escrow
        } else {
            Holder::Buyer
        }
    }

    /// The steps of this settlement, in order.
    pub fn steps(&self) -> impl Iterator<Item = Step> {
        Step::ALL
            .into_iter()
            .filter(|&step| self.has_fee || !Action::from(step).is_of_fee())
    }

    /// The steps whose keys are free, in order: what burning takes.
    pub fn free(&self) -> impl Iterator<Item = Step> {
        self.steps().filter(|&step| self.outcome(step).is_none())
    }

    /// Whether a step can never succeed any more.
    pub(super) fn has_failed(&self) -> bool {
        self.steps()
            .filter_map(|step| self.outcome(step))
            .any(|outcome| !outcome.succeeded())
    }

    /// Whether what it would undo was posted and is not undone.
    pub(super) fn stands(&self, undo: Undo) -> bool {
        self.outcome(undo.step()) == Some(StepOutcome::Posted) && self.outcome(undo).is_none()
    }

    /// The last posting of a resolution in this settlement.
    pub(super) const fn last_resolution(&self) -> Resolution {
        if self.has_fee {
            Resolution::CollectFee
        } else {
            Resolution::Release
        }
    }

    /// Whether it failed and no step can come any more: only then may anything be undone or resolved. Stays true.
    pub(super) fn has_failed_for_good(&self) -> bool {
        self.has_failed() && self.free().next().is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl StepLog {
        /// From text such as `hold=posted verify=approved`.
        pub(in crate::settlement) fn of(has_fee: bool, rows: &str) -> Result<Self, ImpossibleLog> {
            let rows = rows.split_whitespace().map(|row| row.split_once('=').unwrap());
            let rows = rows.map(|(action, outcome)| (action.parse().unwrap(), outcome.parse().unwrap()));
            Self::read(has_fee, rows)
        }
    }

    #[test]
    fn the_log_says_who_has_the_money() {
        let failed = "hold=posted verify=approved release=posted collect_fee=account_unknown";
        for (rows, holder) in [
            ("", Holder::Buyer),
            ("hold=insufficient_funds", Holder::Buyer),
            ("hold=posted", Holder::Escrow),
            (failed, Holder::Merchant),
            (&format!("{failed} undo_release=posted"), Holder::Escrow),
            (&format!("{failed} undo_release=posted undo_hold=posted"), Holder::Buyer),
            (
                &format!("{failed} undo_release=posted resolve_release=posted"),
                Holder::Merchant,
            ),
        ] {
            assert_eq!(StepLog::of(true, rows).unwrap().holder(), holder, "{rows}");
        }
    }
}
