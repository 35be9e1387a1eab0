//! Stopping a settlement at an operator's word.

use domain::ids::LedgerKey;
use domain::justification::Justification;
use domain::principal::Principal;
use domain::settlement::status::Status;
use tokio_postgres::Row;
use tokio_postgres::types::{Json, Type};

use super::rows::unknown;
use crate::ledger::{Ledger, LedgerError, column, word};

/// What became of stopping a settlement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// By this call: it waits for people, in this status.
    Stopped(Status),
    /// It was in limbo before, and is.
    Stands(Status),
    /// There is nothing to decide: it has ended, or ended by this, since no money had moved.
    NothingStands,
}

queries! {
    const STOP: Query = "-- stop_settlement
SELECT * FROM ledger.stop_settlement($1, $2, $3)";
}

impl Ledger {
    /// Stops a settlement that has not ended: none of its steps can be carried out any more, and people decide. `None`:
    /// there is none of that id. Safe to repeat.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn stop_settlement(
        &self,
        actor: &Principal,
        settlement: LedgerKey,
        justification: &Justification,
    ) -> Result<Option<Stop>, LedgerError> {
        let rows = self
            .call(
                STOP,
                &[
                    (&actor.as_str(), Type::TEXT),
                    (&settlement.uuid(), Type::UUID),
                    (&Json(justification), Type::JSONB),
                ],
            )
            .await?;
        rows.first().map(Stop::read).transpose()
    }
}

impl Stop {
    fn read(row: &Row) -> Result<Self, LedgerError> {
        match column(row, "verdict")? {
            "stopped" => Ok(Self::Stopped(word(row, "status")?)),
            "stands" => Ok(Self::Stands(word(row, "status")?)),
            "nothing_stands" => Ok(Self::NothingStands),
            verdict => Err(unknown(verdict)),
        }
    }
}
