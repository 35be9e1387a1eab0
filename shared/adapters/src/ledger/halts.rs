//! The switch that halts postings. Whatever is asked here leaves a row of the audit in the same transaction.

use domain::halt::Scope;
use domain::principal::Principal;
use time::OffsetDateTime;
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};
use uuid::Uuid;

use super::{Ledger, LedgerError, column};

/// A halt that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Halt {
    /// Since when nothing moves.
    pub since: OffsetDateTime,
    /// The ARN of the operator who halted it.
    pub halted_by: String,
    /// In that person's words.
    pub reason: String,
}

const HALT_POSTINGS: &str = "-- halt_postings
SELECT * FROM ledger.halt_postings($1, $2, $3)";
const RESUME_POSTINGS: &str = "-- resume_postings
SELECT * FROM ledger.resume_postings($1, $2, $3)";
const HALTS_THAT_HOLD: &str = "-- halts_that_hold
SELECT * FROM ledger.halts_that_hold($1, $2, $3)";

impl Ledger {
    /// Halts a scope until an operator ends that; returns the halt that holds, which may be an earlier one. `None`: there is
    /// no such merchant. Safe to repeat.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn halt_postings(
        &self,
        actor: &Principal,
        scope: Scope,
        reason: &str,
    ) -> Result<Option<Halt>, LedgerError> {
        let rows = self.turn_switch(HALT_POSTINGS, actor, scope, reason).await?;
        rows.first().map(Halt::read).transpose()
    }

    /// Ends the halt of a scope; returns whether there is such a merchant. Safe to repeat.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn resume_postings(&self, actor: &Principal, scope: Scope, reason: &str) -> Result<bool, LedgerError> {
        let rows = self.turn_switch(RESUME_POSTINGS, actor, scope, reason).await?;
        Ok(!rows.is_empty())
    }

    /// Up to `most` halts that hold, in the order of their scopes, above `after` (`None`: from the first).
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn halts_that_hold(
        &self,
        actor: &Principal,
        after: Option<Scope>,
        most: i32,
    ) -> Result<Vec<(Scope, Halt)>, LedgerError> {
        let parameters: [(&(dyn ToSql + Sync), Type); 3] = [
            (&actor.as_str(), Type::TEXT),
            (&after.map(Scope::uuid), Type::UUID),
            (&most, Type::INT4),
        ];
        let rows = self.call(HALTS_THAT_HOLD, &parameters).await?;
        rows.iter()
            .map(|row| Ok((Scope::from(column::<Uuid>(row, "scope")?), Halt::read(row)?)))
            .collect()
    }

    async fn turn_switch(
        &self,
        statement: &str,
        actor: &Principal,
        scope: Scope,
        reason: &str,
    ) -> Result<Vec<Row>, LedgerError> {
        let parameters: [(&(dyn ToSql + Sync), Type); 3] = [
            (&actor.as_str(), Type::TEXT),
            (&scope.uuid(), Type::UUID),
            (&reason, Type::TEXT),
        ];
        self.call(statement, &parameters).await
    }
}

impl Halt {
    fn read(row: &Row) -> Result<Self, LedgerError> {
        Ok(Self {
            since: column(row, "since")?,
            halted_by: column(row, "halted_by")?,
            reason: column(row, "reason")?,
        })
    }
}
