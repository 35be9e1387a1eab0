//! The requests, parsed: a value of these types has passed every check that needs no look at the ledger.

mod account_request;
mod checks;
mod deposit;
mod fields;
mod invalid;
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
pub use deposit::Deposit;
pub use invalid::{FieldError, Invalid};
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
}

/// The ledger holds a kind of intent that this version does not know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown operation {0:?}")]
pub struct UnknownOperation(String);

impl Operation {
    /// Every operation there is.
    pub const ALL: [Self; 3] = [Self::Payment, Self::Deposit, Self::Settlement];

    /// The name the ledger stores.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Payment => "payment",
            Self::Deposit => "deposit",
            Self::Settlement => "settlement",
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
    /// `payment`, `deposit` or `settlement`: see [`Operation`].
    #[must_use]
    pub const fn operation(&self) -> &'static str {
        match self {
            Self::Payment(_) => Operation::Payment.as_str(),
            Self::Deposit(_) => Operation::Deposit.as_str(),
            Self::Settlement(_) => Operation::Settlement.as_str(),
        }
    }

    /// The account to debit; `None` for a deposit, whose source is the tenant's external account.
    #[must_use]
    pub const fn source(&self) -> Option<AccountId> {
        match self {
            Self::Payment(payment) | Self::Settlement(Settlement { payment, .. }) => Some(payment.source),
            Self::Deposit(_) => None,
        }
    }

    /// The account to credit.
    #[must_use]
    pub const fn destination(&self) -> AccountId {
        match self {
            Self::Payment(Payment { destination, .. })
            | Self::Deposit(Deposit { destination, .. })
            | Self::Settlement(Settlement {
                payment: Payment { destination, .. },
                ..
            }) => *destination,
        }
    }

    /// How much to move.
    #[must_use]
    pub const fn amount(&self) -> Amount {
        match self {
            Self::Payment(Payment { amount, .. })
            | Self::Deposit(Deposit { amount, .. })
            | Self::Settlement(Settlement {
                payment: Payment { amount, .. },
                ..
            }) => *amount,
        }
    }

    /// The currency that both accounts must hold.
    #[must_use]
    pub const fn currency(&self) -> Currency {
        match self {
            Self::Payment(Payment { currency, .. })
            | Self::Deposit(Deposit { currency, .. })
            | Self::Settlement(Settlement {
                payment: Payment { currency, .. },
                ..
            }) => *currency,
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
        }
    }

    /// What the ledger keeps only to render its answer: `description` and `card_token` where given, `metadata`; of a
    /// settlement also its `fee`, null for one that is refused for it.
    #[must_use]
    pub fn details(&self) -> Value {
        match self {
            Self::Payment(payment) => payment.details(),
            Self::Deposit(Deposit {
                description, metadata, ..
            }) => details(description.as_deref(), metadata, None),
            Self::Settlement(settlement) => settlement.details(),
        }
    }

    /// What the ledger has to know of a settlement beside the rest, and cannot derive; `None` for what moves money at
    /// once. `key` is the intent's own.
    #[must_use]
    pub fn terms(&self, tenant: TenantId, key: LedgerKey) -> Option<Value> {
        match self {
            Self::Payment(_) | Self::Deposit(_) => None,
            Self::Settlement(settlement) => Some(settlement.terms(tenant, key)),
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
            "refund".parse::<Operation>(),
            Err(UnknownOperation("refund".to_owned()))
        );
    }
}
