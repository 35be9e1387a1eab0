//! What a privileged act is justified by: a text that says who does what to what, and why, signed before it is done, and kept
//! in the row of the audit (`ledger.audit`).

mod act;
mod recorded;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

pub use self::act::{Act, UnknownAct};
pub use self::recorded::{Flaw, Recorded};
use crate::answer::timestamp;
use crate::document;
use crate::signature::{ALGORITHM, Forged, PublicKey, Signature, read};

/// Of the text. Another one is written under another number, and old ones stay readable.
pub const VERSION: u8 = 1;

/// Who asks for an act, by which request, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asker {
    /// The verified token's subject, or the ARN that signed the request.
    pub actor: String,
    /// The gateway's id of the request, by which its log has it; of an erasure that an event asked for, the erasure's.
    pub request_id: String,
    /// By the clock of the function that carries it out.
    pub at: OffsetDateTime,
}

/// What is signed, in the order in which it stands in the text: JSON without white space.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// [`VERSION`]
    pub version: u8,
    /// What is to be done.
    pub act: Act,
    /// To what, as the audit names it.
    pub subject: String,
    /// What else is decided, if act and subject do not say it all: see [`Act`].
    pub terms: Option<String>,
    /// By whom.
    pub actor: String,
    /// Why, in the actor's words.
    pub reason: String,
    /// When it was signed; RFC 3339 in UTC, six decimals.
    pub at: String,
    /// By which request: see [`Asker::request_id`].
    pub request_id: String,
}

impl Statement {
    /// That somebody does this to that, and why.
    #[must_use]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "an id or a word: references to those read worse"
    )]
    pub fn of(act: Act, subject: impl ToString, reason: &str, asking: &Asker) -> Self {
        Self {
            version: VERSION,
            act,
            subject: subject.to_string(),
            terms: None,
            actor: asking.actor.clone(),
            reason: reason.to_owned(),
            at: timestamp(asking.at),
            request_id: asking.request_id.clone(),
        }
    }

    /// The same, with what else is decided.
    #[must_use]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "an id or a word: references to those read worse"
    )]
    pub fn with_terms(mut self, terms: impl ToString) -> Self {
        self.terms = Some(terms.to_string());
        self
    }

    /// The text that is signed.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&document::write(self)).into_owned()
    }

    const fn is_known(&self) -> bool {
        self.version == VERSION
    }
}

/// A statement with its signature, as the ledger takes it (`ledger.justification`) and the audit keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Justification {
    statement: String,
    /// In DER, as base64, by [`ALGORITHM`].
    signature: Option<String>,
    /// Who signed: the key's ARN. For people; the key that it is checked with is known otherwise.
    key_id: Option<String>,
}

impl Justification {
    /// A statement, and the signature under its text.
    #[must_use]
    pub fn signed(statement: &Statement, signature: Signature) -> Self {
        Self {
            statement: statement.text(),
            signature: Some(signature.base64),
            key_id: Some(signature.key_id),
        }
    }

    /// A statement that could not be signed. The ledger takes it for an act that only stops money, and for no other.
    #[must_use]
    pub fn unsigned(statement: &Statement) -> Self {
        Self {
            statement: statement.text(),
            signature: None,
            key_id: None,
        }
    }

    /// As it was kept.
    #[must_use]
    pub const fn kept(statement: String, signature: Option<String>, key_id: Option<String>) -> Self {
        Self {
            statement,
            signature,
            key_id,
        }
    }

    /// Whether there is a signature, whatever it is worth.
    #[must_use]
    pub const fn is_signed(&self) -> bool {
        self.signature.is_some()
    }

    /// The statement, if this key signed it; one that is not signed, if it can be read.
    ///
    /// # Errors
    /// [`Forged`]
    pub fn open(&self, key: &PublicKey) -> Result<Statement, Forged> {
        match &self.signature {
            Some(signature) => key.open(&self.statement, ALGORITHM, signature, Statement::is_known),
            None => read(&self.statement, Statement::is_known),
        }
    }
}

#[cfg(test)]
mod tests;
