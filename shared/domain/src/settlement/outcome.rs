//! What became of one action.

use std::fmt;
use std::str::FromStr;

use super::step::{Action, Step};
use crate::outcome::{Outcome, Refusal, UnknownOutcome};

/// What a row of the log says, once and for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StepOutcome {
    /// The money moved.
    Posted,
    /// The ledger refused to move it.
    Refused(Refusal),
    /// The provider approves of the merchant.
    Approved,
    /// The provider does not.
    Rejected,
    /// Compensation took the key before the step came. It never will.
    Burnt,
}

impl StepOutcome {
    /// The name the ledger stores.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Posted => Outcome::Posted.as_str(),
            Self::Refused(refusal) => refusal.as_str(),
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Burnt => "burnt",
        }
    }

    /// Whether the next step may follow.
    #[must_use]
    pub const fn succeeded(self) -> bool {
        match self {
            Self::Posted | Self::Approved => true,
            Self::Refused(_) | Self::Rejected | Self::Burnt => false,
        }
    }

    /// Whether a row of `action` may say so.
    pub(super) const fn fits(self, action: Action) -> bool {
        match (action, self) {
            (Action::Step(Step::Verify), Self::Approved | Self::Rejected)
            | (Action::Step(_), Self::Burnt)
            | (
                Action::Step(Step::Hold | Step::Release | Step::CollectFee) | Action::Undo(_) | Action::Resolve(_),
                Self::Posted,
            ) => true,
            (Action::Step(Step::Hold | Step::Release | Step::CollectFee), Self::Refused(refusal)) => match refusal {
                Refusal::InsufficientFunds
                | Refusal::AccountUnknown
                | Refusal::CurrencyMismatch
                | Refusal::AccountNotEligible => true,
                // Frozen, it waits; its fee was judged before it was accepted; and it corrects no payment.
                Refusal::AccountFrozen
                | Refusal::FeeAboveAmount
                | Refusal::RefundAbovePayment
                | Refusal::PaymentAlreadyCorrected
                | Refusal::PaymentNeverPosted
                | Refusal::NotReversible
                | Refusal::NotAPayment => false,
            },
            (Action::Step(Step::Verify), Self::Posted | Self::Refused(_))
            | (Action::Step(_), Self::Approved | Self::Rejected)
            | (
                Action::Undo(_) | Action::Resolve(_),
                Self::Refused(_) | Self::Approved | Self::Rejected | Self::Burnt,
            ) => false,
        }
    }
}

impl FromStr for StepOutcome {
    type Err = UnknownOutcome;

    fn from_str(name: &str) -> Result<Self, UnknownOutcome> {
        let of_verify_or_burnt = [Self::Approved, Self::Rejected, Self::Burnt];
        match of_verify_or_burnt.into_iter().find(|outcome| outcome.as_str() == name) {
            Some(outcome) => Ok(outcome),
            None => match name.parse()? {
                Outcome::Posted => Ok(Self::Posted),
                Outcome::Refused(refusal) => Ok(Self::Refused(refusal)),
                Outcome::Accepted => Err(UnknownOutcome::of(name)),
            },
        }
    }
}

impl fmt::Display for StepOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_reads_back_what_it_writes_and_nothing_else() {
        let of_intents = Outcome::ALL.into_iter().filter(|outcome| *outcome != Outcome::Accepted);
        let of_intents: Vec<String> = of_intents.map(|outcome| outcome.to_string()).collect();
        for name in ["approved", "rejected", "burnt"]
            .into_iter()
            .chain(of_intents.iter().map(String::as_str))
        {
            assert_eq!(name.parse::<StepOutcome>().unwrap().to_string(), name);
        }
        for name in ["Burnt", "accepted"] {
            assert_eq!(name.parse::<StepOutcome>(), Err(UnknownOutcome::of(name)));
        }
    }
}
