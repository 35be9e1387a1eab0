//! The switch that halts postings. Whatever is asked here leaves a row of the audit in the same transaction.

use domain::halt::{Halt, Scope};
use domain::justification::Justification;
use domain::principal::Principal;
use time::OffsetDateTime;
use tokio_postgres::Row;
use tokio_postgres::types::{Json, ToSql, Type};
use uuid::Uuid;

use super::{Ledger, LedgerError, column};

/// What became of a lift.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lift {
    /// The scope is not halted, be it by this lift or before it.
    Lifted,
    /// Not the halt that it named holds, but this one.
    Stands(Halt),
}

queries! {
    const HALT_POSTINGS: Query = "-- halt_postings
SELECT * FROM ledger.halt_postings($1, $2, $3)";
    const RESUME_POSTINGS: Query = "-- resume_postings
SELECT * FROM ledger.resume_postings($1, $2, $3, $4)";
    const HALTS_THAT_HOLD: Query = "-- halts_that_hold
SELECT * FROM ledger.halts_that_hold($1, $2, $3)";
}

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
        justification: &Justification,
    ) -> Result<Option<Halt>, LedgerError> {
        let parameters: [(&(dyn ToSql + Sync), Type); 3] = [
            (&actor.as_str(), Type::TEXT),
            (&scope.uuid(), Type::UUID),
            (&Json(justification), Type::JSONB),
        ];
        let rows = self.call(HALT_POSTINGS, &parameters).await?;
        rows.first().map(halt).transpose()
    }

    /// Ends the halt of a scope that has held since then, and no other. `None`: there is no such merchant. Safe to repeat.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn resume_postings(
        &self,
        actor: &Principal,
        scope: Scope,
        since: OffsetDateTime,
        justification: &Justification,
    ) -> Result<Option<Lift>, LedgerError> {
        let parameters: [(&(dyn ToSql + Sync), Type); 4] = [
            (&actor.as_str(), Type::TEXT),
            (&scope.uuid(), Type::UUID),
            (&since, Type::TIMESTAMPTZ),
            (&Json(justification), Type::JSONB),
        ];
        let rows = self.call(RESUME_POSTINGS, &parameters).await?;
        rows.first().map(lift).transpose()
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
            .map(|row| Ok((Scope::from(column::<Uuid>(row, "scope")?), halt(row)?)))
            .collect()
    }
}

fn halt(row: &Row) -> Result<Halt, LedgerError> {
    Ok(Halt {
        since: column(row, "since")?,
        halted_by: column(row, "halted_by")?,
        reason: column(row, "reason")?,
    })
}

fn lift(row: &Row) -> Result<Lift, LedgerError> {
    match column(row, "verdict")? {
        "resumed" | "repeated" => Ok(Lift::Lifted),
        "stands" => Ok(Lift::Stands(halt(row)?)),
        other => Err(LedgerError::Unreadable(format!("verdict: {other:?} is not known"))),
    }
}
