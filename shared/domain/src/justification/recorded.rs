//! Whether a row of the audit is what was signed.

use time::{Duration, OffsetDateTime};

use super::{Act, Justification, Statement};
use crate::answer::timestamp;
use crate::signature::{Forged, PublicKey};

/// How far the clocks of a function and of the ledger, and the time between signing and recording, may lie apart. A
/// justification is made for the act at hand: one that was kept for later is somebody else's.
const APART: Duration = Duration::minutes(5);

/// A row of the audit about an act that is justified, or that bears a justification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// When, by the ledger's clock.
    pub at: OffsetDateTime,
    /// By whom.
    pub actor: String,
    /// What was done.
    pub act: String,
    /// To what.
    pub subject: Option<String>,
    /// What else was decided.
    pub terms: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// What justifies it.
    pub justification: Option<Justification>,
    /// Whether another row has the same statement.
    pub is_repeated: bool,
}

/// What does not hold of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// It only stops money, and nothing signed could be had: it was done all the same.
    #[error("it could not be signed when it was done")]
    Unsigned,
    /// It is an act that nobody does without a signed statement, and there is none.
    #[error("there is no signed statement")]
    Unjustified,
    /// There is a statement where none belongs.
    #[error("it bears a statement, and is no act that has one")]
    OutOfPlace,
    /// The statement is not what our key signed.
    #[error("its statement: {0}")]
    Forged(#[from] Forged),
    /// The statement says something else of this.
    #[error("its statement says another {0}")]
    Differs(&'static str),
    /// The statement is another row's as well.
    #[error("its statement justifies another row")]
    Repeated,
}

impl Recorded {
    /// What is wrong with it, by the key that justifications are signed with. `None`: nothing.
    #[must_use]
    pub fn flaw(&self, key: &PublicKey) -> Option<Flaw> {
        self.checked(key).err()
    }

    fn checked(&self, key: &PublicKey) -> Result<(), Flaw> {
        let (act, justification) = match (self.act.parse::<Act>(), &self.justification) {
            (Ok(act), Some(justification)) => (act, justification),
            (Ok(_), None) => return Err(Flaw::Unjustified),
            (Err(_), Some(_)) => return Err(Flaw::OutOfPlace),
            (Err(_), None) => return Ok(()),
        };
        if !justification.is_signed() && !act.only_stops() {
            return Err(Flaw::Unjustified);
        }
        self.agrees(&justification.open(key)?)?;
        if self.is_repeated {
            return Err(Flaw::Repeated);
        }
        if justification.is_signed() {
            Ok(())
        } else {
            Err(Flaw::Unsigned)
        }
    }

    fn agrees(&self, statement: &Statement) -> Result<(), Flaw> {
        let same = [
            ("act", statement.act.as_str() == self.act),
            ("subject", Some(&statement.subject) == self.subject.as_ref()),
            ("terms", statement.terms == self.terms),
            ("actor", statement.actor == self.actor),
            ("reason", Some(&statement.reason) == self.reason.as_ref()),
            ("time", self.is_about(&statement.at)),
        ];
        let other = same.into_iter().find(|(_, is_same)| !is_same);
        other.map_or(Ok(()), |(what, _)| Err(Flaw::Differs(what)))
    }

    /// Times that are written alike are in the order of their texts.
    fn is_about(&self, at: &str) -> bool {
        let (earliest, latest) = (timestamp(self.at - APART), timestamp(self.at + APART));
        at.len() == earliest.len() && (earliest.as_str()..=latest.as_str()).contains(&at)
    }
}
