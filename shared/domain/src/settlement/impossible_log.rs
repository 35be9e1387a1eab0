//! Which logs cannot have come about.

use super::log::{Holder, StepLog};
use super::outcome::StepOutcome;
use super::step::{Action, Resolution, Step, Undo};

/// No course of events leaves these rows: a defect, or somebody has tampered with them. Nothing may be decided on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ImpossibleLog {
    /// Keys are unique.
    #[error("{0} stands twice")]
    Twice(Action),
    /// Such as a rejected hold, or an undo that was refused. Nor is anything refused because an account is frozen: it
    /// waits, and records nothing.
    #[error("{action} cannot be {outcome}")]
    Outcome {
        /// Whose row it is.
        action: Action,
        /// What it says.
        outcome: StepOutcome,
    },
    /// A settlement without a fee has no such row.
    #[error("{0} in a settlement without a fee")]
    NoFee(Action),
    /// A step is recorded only after all before it have succeeded.
    #[error("{0} was recorded before its turn")]
    OutOfOrder(Step),
    /// All keys that are free are burnt in one commit.
    #[error("others are burnt, and the key of {0} is free")]
    BurntInPart(Step),
    /// Only what was posted is undone.
    #[error("{0} undoes what was never posted")]
    UndoneUnposted(Undo),
    /// Nothing is undone while a step may still come, nor when all have succeeded.
    #[error("{0} undoes a settlement that had not failed for good")]
    UndoneUnfailed(Undo),
    /// Newest first.
    #[error("{0} was undone before what came after it")]
    UndoneOutOfOrder(Undo),
    /// A resolution posts from where the money is, and only when the steps themselves no longer can.
    #[error("{0} was not there to be resolved")]
    Unresolvable(Resolution),
}

impl StepLog {
    /// Whether the rows fit each other; [`StepLog::read`] has seen to each alone.
    pub(super) fn check(&self) -> Result<(), ImpossibleLog> {
        self.check_steps()?;
        self.check_undos()?;
        self.check_resolutions()
    }

    fn check_steps(&self) -> Result<(), ImpossibleLog> {
        let mut all_before_succeeded = true;
        let mut any_burnt = false;
        for step in self.steps() {
            let outcome = self.outcome(step);
            let is_burnt = outcome == Some(StepOutcome::Burnt);
            if outcome.is_some() && !is_burnt && !all_before_succeeded {
                return Err(ImpossibleLog::OutOfOrder(step));
            }
            all_before_succeeded &= outcome.is_some_and(StepOutcome::succeeded);
            any_burnt |= is_burnt;
        }
        match self.free().next() {
            Some(step) if any_burnt => Err(ImpossibleLog::BurntInPart(step)),
            Some(_) | None => Ok(()),
        }
    }

    fn check_undos(&self) -> Result<(), ImpossibleLog> {
        let mut newer_stands = false;
        for undo in Undo::ALL {
            if self.outcome(undo).is_some() {
                if self.outcome(undo.step()) != Some(StepOutcome::Posted) {
                    return Err(ImpossibleLog::UndoneUnposted(undo));
                }
                if !self.has_failed_for_good() {
                    return Err(ImpossibleLog::UndoneUnfailed(undo));
                }
                if newer_stands {
                    return Err(ImpossibleLog::UndoneOutOfOrder(undo));
                }
            }
            newer_stands |= self.stands(undo);
        }
        Ok(())
    }

    fn check_resolutions(&self) -> Result<(), ImpossibleLog> {
        let in_escrow_without_it = self.stands(Undo::Hold) && !self.stands(Undo::Release);
        for (resolution, money_was_there) in [
            (Resolution::Release, in_escrow_without_it),
            (Resolution::CollectFee, self.holder() == Holder::Merchant),
        ] {
            if self.outcome(resolution).is_some() && !(self.has_failed_for_good() && money_was_there) {
                return Err(ImpossibleLog::Unresolvable(resolution));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The model shows that exactly the logs which can come about are read; this, that each refusal is told by name.
    #[test]
    fn impossible_logs_are_told_apart() {
        let failed = "hold=posted verify=approved release=posted collect_fee=burnt";
        let table = [
            ("hold=posted hold=posted", "hold stands twice"),
            ("hold=approved", "hold cannot be approved"),
            ("verify=posted", "verify cannot be posted"),
            ("hold=account_frozen", "hold cannot be account_frozen"),
            ("hold=fee_above_amount", "hold cannot be fee_above_amount"),
            ("hold=refund_above_payment", "hold cannot be refund_above_payment"),
            (
                "hold=payment_already_corrected",
                "hold cannot be payment_already_corrected",
            ),
            ("hold=payment_never_posted", "hold cannot be payment_never_posted"),
            ("hold=not_reversible", "hold cannot be not_reversible"),
            ("hold=not_a_payment", "hold cannot be not_a_payment"),
            ("undo_hold=burnt", "undo_hold cannot be burnt"),
            (
                "resolve_fee=insufficient_funds",
                "resolve_fee cannot be insufficient_funds",
            ),
            ("verify=approved", "verify was recorded before its turn"),
            (
                "hold=insufficient_funds verify=approved",
                "verify was recorded before its turn",
            ),
            (
                "hold=posted verify=rejected release=posted",
                "release was recorded before its turn",
            ),
            (
                "hold=burnt verify=burnt release=posted",
                "release was recorded before its turn",
            ),
            (
                "hold=posted verify=burnt release=burnt",
                "others are burnt, and the key of collect_fee is free",
            ),
            ("undo_hold=posted", "undo_hold undoes what was never posted"),
            (
                "hold=posted verify=rejected undo_hold=posted",
                "undo_hold undoes a settlement that had not failed for good",
            ),
            (
                "hold=posted verify=approved release=posted collect_fee=posted undo_collect_fee=posted",
                "undo_collect_fee undoes a settlement that had not failed for good",
            ),
            (
                &format!("{failed} undo_hold=posted"),
                "undo_hold was undone before what came after it",
            ),
            (
                &format!("{failed} resolve_release=posted"),
                "resolve_release was not there to be resolved",
            ),
            (
                &format!("{failed} undo_release=posted resolve_fee=posted"),
                "resolve_fee was not there to be resolved",
            ),
            (
                &format!("{failed} undo_release=posted undo_hold=posted resolve_release=posted"),
                "resolve_release was not there to be resolved",
            ),
        ];
        for (rows, reason) in table {
            assert_eq!(StepLog::of(true, rows).unwrap_err().to_string(), reason, "{rows}");
        }
        for fee in ["collect_fee=burnt", "undo_collect_fee=posted", "resolve_fee=posted"] {
            let name = fee.split('=').next().unwrap();
            let reason = format!("{name} in a settlement without a fee");
            assert_eq!(StepLog::of(false, fee).unwrap_err().to_string(), reason);
        }
    }
}
