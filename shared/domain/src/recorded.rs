//! The intent row, as the ledger returns it.

use serde_json::Value;
use time::OffsetDateTime;

use crate::fingerprint::Fingerprint;
use crate::ids::{AccountId, LedgerKey, TenantId};
use crate::intent::Operation;
use crate::money::{Amount, Currency};
use crate::outcome::Outcome;

/// What the ledger holds about one intent: all that its answer is rendered from, and nothing else is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The row's key, and the intent's public id.
    pub ledger_key: LedgerKey,
    /// Whose intent it is.
    pub tenant: TenantId,
    /// What was asked for.
    pub operation: Operation,
    /// Of the request that was recorded, which need not be the one that asks now.
    pub fingerprint: Fingerprint,
    /// What was decided.
    pub outcome: Outcome,
    /// The account debited, or that would have been.
    pub source: AccountId,
    /// The account credited, or that would have been.
    pub destination: AccountId,
    /// How much was asked for.
    pub amount: Amount,
    /// Of what.
    pub currency: Currency,
    /// `{"description"?: string, "metadata": {string: string}, "card_token"?: string, "payment"?: id}`
    pub details: Value,
    /// Which rendering the answer has, for as long as the row exists.
    pub answer_version: i16,
    /// When the row was written, by the database's clock, to the microsecond.
    pub created_at: OffsetDateTime,
}
