//! What an event is about, by its type.

use serde::{Deserialize, Serialize};

use super::{Announced, EventType};
use crate::ids::{AccountId, LedgerKey};
use crate::money::{Amount, Currency};

/// What an event is about. Its type says which member holds it, so the two cannot disagree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event_type")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum Subject {
    /// A payment was posted: the money has moved.
    #[serde(rename = "payment.posted.v1")]
    PaymentPosted {
        /// The payment.
        payment: Payment,
    },
    /// A deposit was posted: the money has moved.
    #[serde(rename = "deposit.posted.v1")]
    DepositPosted {
        /// The deposit.
        deposit: Deposit,
    },
    /// A part of a payment, or all of it, went back.
    #[serde(rename = "refund.posted.v1")]
    RefundPosted {
        /// The refund.
        refund: Refund,
    },
    /// A payment was undone: all of it went back.
    #[serde(rename = "reversal.posted.v1")]
    ReversalPosted {
        /// The reversal.
        reversal: Reversal,
    },
    /// A settlement was accepted: nothing has moved yet.
    #[serde(rename = "settlement.requested.v1")]
    SettlementRequested {
        /// The settlement.
        settlement: Settlement,
    },
    /// A settlement stopped, and the merchant is frozen until people have decided.
    #[serde(rename = "settlement.limbo.v1")]
    SettlementLimbo {
        /// The settlement.
        settlement: Settlement,
    },
    /// A settlement ended: the merchant has the money, less the fee.
    #[serde(rename = "settlement.settled.v1")]
    SettlementSettled {
        /// The settlement.
        settlement: Settlement,
    },
    /// A settlement ended: the buyer has the money, and the fee was not taken.
    #[serde(rename = "settlement.compensated.v1")]
    SettlementCompensated {
        /// The settlement.
        settlement: Settlement,
    },
}

/// A payment, from one account of the merchant's to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Payment {
    /// The `id` of `POST /v1/payments`.
    pub payment_id: LedgerKey,
    /// The account debited.
    pub source: AccountId,
    /// The account credited.
    pub destination: AccountId,
    /// In minor units of the currency: 1250 is EUR 12.50.
    pub amount: Amount,
    /// ISO 4217.
    pub currency: Currency,
}

/// A deposit, from outside to an account of the merchant's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Deposit {
    /// The `id` of `POST /v1/deposits`.
    pub deposit_id: LedgerKey,
    /// The merchant's external account, which stands for the world outside.
    pub source: AccountId,
    /// The account credited.
    pub destination: AccountId,
    /// In minor units of the currency: 1250 is EUR 12.50.
    pub amount: Amount,
    /// ISO 4217.
    pub currency: Currency,
}

/// A refund, from where a payment or a settlement went back to where it came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Refund {
    /// The `id` of `POST /v1/payments/{payment_id}/refunds`.
    pub refund_id: LedgerKey,
    /// The payment, or the settlement, that it corrects.
    pub payment_id: LedgerKey,
    /// The account debited: the payment's destination.
    pub source: AccountId,
    /// The account credited: the payment's source.
    pub destination: AccountId,
    /// In minor units of the currency: 1250 is EUR 12.50. All refunds of a payment together are never more than it.
    pub amount: Amount,
    /// ISO 4217.
    pub currency: Currency,
}

/// A reversal, from where a payment went back to where it came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Reversal {
    /// The `id` of `POST /v1/payments/{payment_id}/reversal`.
    pub reversal_id: LedgerKey,
    /// The payment that it undoes.
    pub payment_id: LedgerKey,
    /// The account debited: the payment's destination.
    pub source: AccountId,
    /// The account credited: the payment's source.
    pub destination: AccountId,
    /// In minor units of the currency: 1250 is EUR 12.50. The payment's own.
    pub amount: Amount,
    /// ISO 4217.
    pub currency: Currency,
}

/// A settlement, from a buyer's account of the merchant's to the merchant's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Settlement {
    /// The `id` of `POST /v1/settlements`.
    pub settlement_id: LedgerKey,
    /// The buyer's account.
    pub source: AccountId,
    /// The merchant's account.
    pub destination: AccountId,
    /// In minor units of the currency: 1250 is EUR 12.50.
    pub amount: Amount,
    /// What the platform takes of that, in minor units.
    pub fee: i64,
    /// ISO 4217.
    pub currency: Currency,
}

impl From<Announced> for Subject {
    fn from(announced: Announced) -> Self {
        let Announced {
            ledger_key,
            source,
            destination,
            amount,
            currency,
            fee,
            payment,
            ..
        } = announced;
        let settlement = Settlement {
            settlement_id: ledger_key,
            source,
            destination,
            amount,
            fee,
            currency,
        };
        match announced.event_type {
            EventType::PaymentPosted => Self::PaymentPosted {
                payment: Payment {
                    payment_id: ledger_key,
                    source,
                    destination,
                    amount,
                    currency,
                },
            },
            EventType::DepositPosted => Self::DepositPosted {
                deposit: Deposit {
                    deposit_id: ledger_key,
                    source,
                    destination,
                    amount,
                    currency,
                },
            },
            EventType::RefundPosted => Self::RefundPosted {
                refund: Refund {
                    refund_id: ledger_key,
                    payment_id: payment,
                    source,
                    destination,
                    amount,
                    currency,
                },
            },
            EventType::ReversalPosted => Self::ReversalPosted {
                reversal: Reversal {
                    reversal_id: ledger_key,
                    payment_id: payment,
                    source,
                    destination,
                    amount,
                    currency,
                },
            },
            EventType::SettlementRequested => Self::SettlementRequested { settlement },
            EventType::SettlementLimbo => Self::SettlementLimbo { settlement },
            EventType::SettlementSettled => Self::SettlementSettled { settlement },
            EventType::SettlementCompensated => Self::SettlementCompensated { settlement },
        }
    }
}
