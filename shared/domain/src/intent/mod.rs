//! The requests, parsed: a value of these types has passed every check that needs no look at the ledger.

mod account_request;
mod assignment_request;
mod checks;
mod correction;
mod customer_request;
mod deposit;
mod erasure_request;
mod fields;
mod invalid;
mod lift_request;
mod merchant_request;
mod payment;
mod proposal_request;
mod reason_request;
mod settlement;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde_json::{Value, json};

pub use account_request::{AccountKind, AccountRequest};
pub use assignment_request::AssignmentRequest;
pub use correction::{Correction, CorrectionKind};
pub use customer_request::CustomerRequest;
pub use deposit::Deposit;
pub use erasure_request::{ErasureEvent, ErasureRequest};
pub use invalid::{FieldError, Invalid};
pub use lift_request::LiftRequest;
pub use merchant_request::{Contact, MerchantRequest};
pub use payment::Payment;
pub use proposal_request::ProposalRequest;
pub use reason_request::ReasonRequest;
pub use settlement::Settlement;

use crate::fingerprint::Fingerprint;
use crate::ids::{AccountId, LedgerKey, TenantId};
use crate::money::{Amount, Currency};

/// What moves money under a client's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Intent {
    /// From a buyer's account to a merchant's.
    Payment(Payment),
    /// From outside to an account.
    Deposit(Deposit),
    /// From a buyer's account to a merchant's, in steps.
    Settlement(Settlement),
    /// Back the way a payment came.
    Correction(Correction),
}

/// The kind of an [`Intent`], as the ledger stores it and the answer names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// See [`Payment`].
    Payment,
    /// See [`Deposit`].
    Deposit,
    /// See [`Settlement`].
    Settlement,
    /// See [`CorrectionKind::Refund`].
    Refund,
    /// See [`CorrectionKind::Reversal`].
    Reversal,
}

/// The ledger holds a kind of intent that this version does not know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown operation {0:?}")]
pub struct UnknownOperation(String);

impl Operation {
    /// Every operation there is.
    pub const ALL: [Self; 5] = [
        Self::Payment,
        Self::Deposit,
        Self::Settlement,
        Self::Refund,
        Self::Reversal,
    ];

    /// The name the ledger stores.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Payment => "payment",
            Self::Deposit => "deposit",
            Self::Settlement => "settlement",
            Self::Refund => "refund",
            Self::Reversal => "reversal",
        }
    }
}

impl FromStr for Operation {
    type Err = UnknownOperation;

    fn from_str(name: &str) -> Result<Self, UnknownOperation> {
        let known = Self::ALL.into_iter().find(|operation| operation.as_str() == name);
        known.ok_or_else(|| UnknownOperation(name.to_owned()))
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Intent {
    /// `payment`, `deposit`, `settlement`, `refund` or `reversal`: see [`Operation`].
    #[must_use]
    pub const fn operation(&self) -> &'static str {
        match self {
            Self::Payment(_) => Operation::Payment.as_str(),
            Self::Deposit(_) => Operation::Deposit.as_str(),
            Self::Settlement(_) => Operation::Settlement.as_str(),
            Self::Correction(correction) => correction.operation().as_str(),
        }
    }

    /// The account to debit, which of a deposit is the tenant's external account. `None` for a correction: the ledger takes
    /// it from the payment.
    #[must_use]
    pub fn source(&self, tenant: TenantId) -> Option<AccountId> {
        match self {
            Self::Payment(payment) | Self::Settlement(Settlement { payment, .. }) => Some(payment.source),
            Self::Deposit(deposit) => Some(AccountId::of_purpose(tenant, "external", deposit.currency)),
            Self::Correction(_) => None,
        }
    }

    /// The account to credit; `None` for a correction.
    #[must_use]
    pub const fn destination(&self) -> Option<AccountId> {
        match self {
            Self::Payment(Payment { destination, .. })
            | Self::Deposit(Deposit { destination, .. })
            | Self::Settlement(Settlement {
                payment: Payment { destination, .. },
                ..
            }) => Some(*destination),
            Self::Correction(_) => None,
        }
    }

    /// How much to move; `None` for a correction of all that there is.
    #[must_use]
    pub const fn amount(&self) -> Option<Amount> {
        match self {
            Self::Payment(Payment { amount, .. })
            | Self::Deposit(Deposit { amount, .. })
            | Self::Settlement(Settlement {
                payment: Payment { amount, .. },
                ..
            }) => Some(*amount),
            Self::Correction(correction) => correction.amount(),
        }
    }

    /// The currency that both accounts must hold; `None` for a correction.
    #[must_use]
    pub const fn currency(&self) -> Option<Currency> {
        match self {
            Self::Payment(Payment { currency, .. })
            | Self::Deposit(Deposit { currency, .. })
            | Self::Settlement(Settlement {
                payment: Payment { currency, .. },
                ..
            }) => Some(*currency),
            Self::Correction(_) => None,
        }
    }

    /// See [`Fingerprint`].
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        match self {
            Self::Payment(payment) => payment.fingerprint(Operation::Payment),
            Self::Deposit(deposit) => deposit.fingerprint(),
            // Not of the fee: it is ours to change, and a retry is a retry all the same.
            Self::Settlement(settlement) => settlement.payment.fingerprint(Operation::Settlement),
            Self::Correction(correction) => correction.fingerprint(),
        }
    }

    /// What the ledger keeps only to render its answer: `description` and `card_token` where given, `metadata`; of a
    /// settlement also its `fee`, null for one that is refused for it; of a correction the `payment`.
    #[must_use]
    pub fn details(&self) -> Value {
        match self {
            Self::Payment(payment) => payment.details(),
            Self::Deposit(Deposit {
                description, metadata, ..
            }) => details(description.as_deref(), metadata, None),
            Self::Settlement(settlement) => settlement.details(),
            Self::Correction(correction) => correction.details(),
        }
    }

    /// What the ledger has to know of a settlement or a correction beside the rest, and cannot derive; `None` for all
    /// others. `key` is the intent's own.
    #[must_use]
    pub fn terms(&self, tenant: TenantId, key: LedgerKey) -> Option<Value> {
        match self {
            Self::Payment(_) | Self::Deposit(_) => None,
            Self::Settlement(settlement) => Some(settlement.terms(tenant, key)),
            Self::Correction(correction) => Some(correction.terms()),
        }
    }
}

fn details(description: Option<&str>, metadata: &BTreeMap<String, String>, card_token: Option<&str>) -> Value {
    let mut details = json!({ "metadata": metadata });
    for (name, text) in [("description", description), ("card_token", card_token)] {
        if let Some(text) = text {
            details[name] = text.into();
        }
    }
    details
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_reads_back_what_it_writes_and_nothing_else() {
        for operation in Operation::ALL {
            assert_eq!(operation.to_string().parse(), Ok(operation));
        }
        assert_eq!(
            "chargeback".parse::<Operation>(),
            Err(UnknownOperation("chargeback".to_owned()))
        );
    }
}
