//! What the ledger decided about an intent, once and for all.

use std::fmt;
use std::str::FromStr;

use crate::problem::Problem;

/// The outcome of an intent, as its row in the ledger holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The money moved.
    Posted,
    /// It will be settled or undone; nothing has moved yet.
    Accepted,
    /// The money did not move, and never will under this key.
    Refused(Refusal),
}

/// Why the ledger refused. Depends on the state of the accounts at that moment, and stays the answer ever after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// Debiting the source would cross its floor.
    InsufficientFunds,
    /// No such account, or another tenant's: the two are never told apart.
    AccountUnknown,
    /// An account is frozen.
    AccountFrozen,
    /// An account holds another currency.
    CurrencyMismatch,
    /// The account exists but is not one that a merchant may name: escrow, external, platform.
    AccountNotEligible,
    /// What the platform takes is more than the amount.
    FeeAboveAmount,
    /// A refund is of more than is left of its payment.
    RefundAbovePayment,
    /// A payment was corrected before: it cannot be reversed, or nothing of it is left to refund.
    PaymentAlreadyCorrected,
    /// What is to be corrected never moved and never will: a payment that was refused, a settlement that was undone.
    PaymentNeverPosted,
    /// A settlement is to be reversed.
    NotReversible,
    /// What is to be corrected is no payment and never will be: a deposit, a correction, an action of a settlement.
    NotAPayment,
}

/// The ledger holds an outcome that this version does not know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown outcome {0:?}")]
pub struct UnknownOutcome(String);

impl UnknownOutcome {
    pub(crate) fn of(name: &str) -> Self {
        Self(name.to_owned())
    }
}

impl Outcome {
    /// Every outcome there is.
    pub const ALL: [Self; 13] = [
        Self::Posted,
        Self::Accepted,
        Self::Refused(Refusal::InsufficientFunds),
        Self::Refused(Refusal::AccountUnknown),
        Self::Refused(Refusal::AccountFrozen),
        Self::Refused(Refusal::CurrencyMismatch),
        Self::Refused(Refusal::AccountNotEligible),
        Self::Refused(Refusal::FeeAboveAmount),
        Self::Refused(Refusal::RefundAbovePayment),
        Self::Refused(Refusal::PaymentAlreadyCorrected),
        Self::Refused(Refusal::PaymentNeverPosted),
        Self::Refused(Refusal::NotReversible),
        Self::Refused(Refusal::NotAPayment),
    ];

    /// The name the ledger stores.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Posted => "posted",
            Self::Accepted => "accepted",
            Self::Refused(refusal) => refusal.as_str(),
        }
    }
}

impl Refusal {
    /// The name the ledger stores.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InsufficientFunds => "insufficient_funds",
            Self::AccountUnknown => "account_unknown",
            Self::AccountFrozen => "account_frozen",
            Self::CurrencyMismatch => "currency_mismatch",
            Self::AccountNotEligible => "account_not_eligible",
            Self::FeeAboveAmount => "fee_above_amount",
            Self::RefundAbovePayment => "refund_above_payment",
            Self::PaymentAlreadyCorrected => "payment_already_corrected",
            Self::PaymentNeverPosted => "payment_never_posted",
            Self::NotReversible => "not_reversible",
            Self::NotAPayment => "not_a_payment",
        }
    }

    /// How the client is told.
    #[must_use]
    pub const fn problem(self) -> Problem {
        match self {
            Self::InsufficientFunds => Problem::InsufficientFunds,
            Self::AccountUnknown => Problem::AccountUnknown,
            Self::AccountFrozen => Problem::AccountFrozen,
            Self::CurrencyMismatch => Problem::CurrencyMismatch,
            Self::AccountNotEligible => Problem::AccountNotEligible,
            Self::FeeAboveAmount => Problem::FeeAboveAmount,
            Self::RefundAbovePayment => Problem::RefundAbovePayment,
            Self::PaymentAlreadyCorrected => Problem::PaymentAlreadyCorrected,
            Self::PaymentNeverPosted => Problem::PaymentNeverPosted,
            Self::NotReversible => Problem::NotReversible,
            Self::NotAPayment => Problem::NotAPayment,
        }
    }
}

impl FromStr for Outcome {
    type Err = UnknownOutcome;

    fn from_str(name: &str) -> Result<Self, UnknownOutcome> {
        let known = Self::ALL.into_iter().find(|outcome| outcome.as_str() == name);
        known.ok_or_else(|| UnknownOutcome::of(name))
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_reads_back_what_it_writes() {
        for outcome in Outcome::ALL {
            assert_eq!(outcome.to_string().parse(), Ok(outcome));
        }
    }

    #[test]
    fn an_unknown_outcome_is_an_error_and_not_a_guess() {
        for name in ["", "Posted", "refused", "burnt"] {
            assert_eq!(name.parse::<Outcome>(), Err(UnknownOutcome(name.to_owned())));
        }
    }

    #[test]
    fn a_refusal_is_told_under_the_name_it_is_stored_under() {
        for outcome in Outcome::ALL {
            if let Outcome::Refused(refusal) = outcome {
                assert_eq!(refusal.problem().slug(), refusal.as_str().replace('_', "-"));
            }
        }
    }
}
