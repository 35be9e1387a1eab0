//! Rows of the audit about erasures and legal holds, which are carried out elsewhere.

use domain::ids::ErasureId;
use domain::justification::{Justification, Statement};
use tokio_postgres::types::{Json, ToSql, Type};

use super::{Ledger, LedgerError};

/// A row of the audit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    actor: String,
    kind: &'static str,
    outcome: &'static str,
    subject: String,
    reason: Option<String>,
    justification: Option<Justification>,
}

queries! {
    const RECORD_COMPLIANCE: Query = "-- record_compliance
SELECT ledger.record_compliance($1, $2, $3, $4, $5, $6)";
}

impl Act {
    /// What a statement says, and what justifies it: somebody asked for an erasure, or wants a hold set or lifted, or that was done.
    #[must_use]
    pub fn justified(statement: &Statement, justification: Justification) -> Self {
        Self {
            justification: Some(justification),
            ..Self::about(statement.act.as_str(), &statement.actor, &statement.subject, None)
        }
    }

    /// A hold stood against an erasure.
    #[must_use]
    pub fn blocked(actor: &str, subject: &str, why: &str) -> Self {
        Self::about("erasure_blocked", actor, subject, Some(why))
    }

    /// A certificate was issued to who asked.
    #[must_use]
    pub fn certified(actor: &str, subject: &str, which: &str) -> Self {
        Self::about("erasure_certified", actor, subject, Some(which))
    }

    /// Somebody looked at an erasure, or for one.
    #[must_use]
    pub fn inspected(actor: &str, id: ErasureId, is_there: bool) -> Self {
        let act = Self::about("erasure_inspected", actor, &format!("erasure {id}"), None);
        if is_there { act } else { act.unknown() }
    }

    /// Somebody looked at a tenant's holds.
    #[must_use]
    pub fn holds_listed(actor: &str, subject: &str) -> Self {
        Self::about("holds_listed", actor, subject, None)
    }

    fn about(act: &'static str, actor: &str, subject: &str, reason: Option<&str>) -> Self {
        Self {
            actor: actor.to_owned(),
            kind: act,
            outcome: "done",
            subject: subject.to_owned(),
            reason: reason.map(str::to_owned),
            justification: None,
        }
    }

    /// It was done.
    #[must_use]
    pub fn done(self) -> Self {
        Self {
            outcome: "done",
            ..self
        }
    }

    /// It had been done before.
    #[must_use]
    pub fn repeated(self) -> Self {
        Self {
            outcome: "repeated",
            ..self
        }
    }

    /// It was not done: something else was before.
    #[must_use]
    pub fn refused(self) -> Self {
        Self {
            outcome: "refused",
            ..self
        }
    }

    /// It is about nobody.
    #[must_use]
    pub fn unknown(self) -> Self {
        Self {
            outcome: "unknown",
            ..self
        }
    }
}

impl Ledger {
    /// Writes a row of the audit. What happens to an erasure once is written once, however often it is recorded.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn record_compliance(&self, act: Act) -> Result<(), LedgerError> {
        let parameters: [(&(dyn ToSql + Sync), Type); 6] = [
            (&act.actor, Type::TEXT),
            (&act.kind, Type::TEXT),
            (&act.outcome, Type::TEXT),
            (&act.subject, Type::TEXT),
            (&act.reason, Type::TEXT),
            (&act.justification.map(Json), Type::JSONB),
        ];
        self.call(RECORD_COMPLIANCE, &parameters).await.map(|_| ())
    }
}
