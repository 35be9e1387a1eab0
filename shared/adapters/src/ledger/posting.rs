//! The posting: the one statement by which money moves.

use domain::answer::ANSWER_VERSION;
use domain::fingerprint::Fingerprint;
use domain::ids::{AccountId, LedgerKey, TenantId};
use domain::intent::Intent;
use domain::money::Amount;
use domain::recorded::Recorded;
use tokio_postgres::types::Type;

use super::{Ledger, LedgerError, transactions, word};

/// What the ledger said to a posting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posting {
    /// Who decided.
    pub verdict: Verdict,
    /// What was decided, and for what.
    pub recorded: Recorded,
}

/// Who decided what the ledger holds under the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// This statement.
    Recorded,
    /// An earlier one, for the same request.
    Replayed,
    /// An earlier one, for another request.
    Mismatched,
}

impl std::str::FromStr for Verdict {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        match name {
            "recorded" => Ok(Self::Recorded),
            "replayed" => Ok(Self::Replayed),
            "mismatched" => Ok(Self::Mismatched),
            _ => Err(()),
        }
    }
}

queries! {
    const POST: Query = "-- post
SELECT * FROM ledger.post($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
}

impl Ledger {
    /// Posts an intent under its key, or says what was decided under that key before.
    ///
    /// Asking again is always safe, also after [`LedgerError::Unknown`]: the key decides once.
    ///
    /// # Errors
    /// [`LedgerError`]; `Failed` by the names that `ledger.post` documents.
    pub async fn post(
        &self,
        tenant: TenantId,
        key: LedgerKey,
        intent: &Intent,
        fingerprint: Fingerprint,
    ) -> Result<Posting, LedgerError> {
        // NULL for what a correction leaves to the payment it corrects.
        let accounts = [intent.source(tenant), intent.destination()].map(|account| account.map(AccountId::uuid));
        let rows = self
            .call(
                POST,
                &[
                    (&tenant.uuid(), Type::UUID),
                    (&key.uuid(), Type::UUID),
                    (&intent.operation(), Type::TEXT),
                    (&fingerprint.as_bytes().as_slice(), Type::BYTEA),
                    (&accounts[0], Type::UUID),
                    (&accounts[1], Type::UUID),
                    (&intent.amount().map(Amount::minor), Type::INT8),
                    (
                        &intent.currency().map(|currency| currency.code().to_owned()),
                        Type::TEXT,
                    ),
                    (&intent.details(), Type::JSONB),
                    (&ANSWER_VERSION, Type::INT2),
                    (&intent.terms(tenant, key), Type::JSONB),
                ],
            )
            .await?;
        let [row] = rows.as_slice() else {
            return Err(LedgerError::Unreadable("a posting answers with one row".to_owned()));
        };
        Ok(Posting {
            verdict: word(row, "verdict")?,
            recorded: transactions::read(tenant, row)?,
        })
    }
}
