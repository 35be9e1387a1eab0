//! What the statements about limbo answer, read.

use domain::ids::{LedgerKey, TenantId};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use time::OffsetDateTime;
use tokio_postgres::Row;
use uuid::Uuid;

use super::super::settlements::settlement::{Settlement, amount};
use super::super::settlements::{known, optional_word};
use super::{Approval, Inspection, Proposal, Proposed, Resolution, Unfinished};
use crate::ledger::{LedgerError, column, word};

/// A row of `ledger.resolution_proposals` in the ledger's JSON.
#[derive(Deserialize)]
struct ToldProposal {
    proposal_id: i64,
    decision: String,
    reason: String,
    proposed_by: String,
    #[serde(with = "time::serde::rfc3339")]
    proposed_at: OffsetDateTime,
}

/// A row of `ledger.resolutions` in the ledger's JSON.
#[derive(Deserialize)]
struct ToldResolution {
    proposal_id: i64,
    decision: String,
    reason: String,
    proposed_by: String,
    approved_by: String,
    #[serde(with = "time::serde::rfc3339")]
    approved_at: OffsetDateTime,
}

impl Unfinished {
    pub(super) fn read(row: &Row) -> Result<Self, LedgerError> {
        let limbo_at: Option<OffsetDateTime> = column(row, "limbo_at")?;
        Ok(Self {
            id: LedgerKey::from(column::<Uuid>(row, "settlement_id")?),
            tenant: TenantId::from(column::<Uuid>(row, "tenant_id")?),
            amount: amount(column(row, "amount")?)?,
            fee: column(row, "fee")?,
            currency: word(row, "currency")?,
            status: word(row, "status")?,
            created_at: column(row, "created_at")?,
            changed_at: column(row, "changed_at")?,
            limbo_since: limbo_at.zip(column(row, "limbo_cause")?),
            decision: optional_word(row, "decision")?,
        })
    }
}

impl Inspection {
    pub(super) fn read(row: &Row) -> Result<Self, LedgerError> {
        let proposals: Vec<ToldProposal> = document("proposals", column(row, "proposals")?)?;
        let resolution: Option<ToldResolution> = document(
            "resolution",
            column::<Option<Value>>(row, "resolution")?.unwrap_or_default(),
        )?;
        Ok(Self {
            settlement: Settlement::read(row)?,
            proposals: proposals.into_iter().map(Proposal::read).collect::<Result<_, _>>()?,
            resolution: resolution.map(Resolution::read).transpose()?,
        })
    }
}

impl Proposal {
    fn read(told: ToldProposal) -> Result<Self, LedgerError> {
        Ok(Self {
            id: told.proposal_id,
            decision: known("decision", &told.decision)?,
            reason: told.reason,
            proposed_by: told.proposed_by,
            proposed_at: told.proposed_at,
        })
    }
}

impl Resolution {
    fn read(told: ToldResolution) -> Result<Self, LedgerError> {
        Ok(Self {
            proposal: told.proposal_id,
            decision: known("decision", &told.decision)?,
            reason: told.reason,
            proposed_by: told.proposed_by,
            approved_by: told.approved_by,
            approved_at: told.approved_at,
        })
    }
}

impl Proposed {
    pub(super) fn read(row: &Row) -> Result<Self, LedgerError> {
        match column(row, "verdict")? {
            "proposed" => Ok(Self::Proposed(column(row, "proposal_id")?)),
            "not_in_limbo" => Ok(Self::NotInLimbo),
            "decided" => Ok(Self::Decided(word(row, "decision")?)),
            verdict => Err(unknown(verdict)),
        }
    }
}

impl Approval {
    /// `asked`: the proposal that was to be approved.
    pub(super) fn read(row: &Row, asked: i64) -> Result<Self, LedgerError> {
        match column(row, "verdict")? {
            "same_person" => Ok(Self::SamePerson),
            "approved" | "decided" if column::<i64>(row, "proposal_id")? == asked => Ok(Self::Stands {
                decision: word(row, "decision")?,
                approved_by: column(row, "approved_by")?,
            }),
            "decided" => Ok(Self::DecidedOtherwise(word(row, "decision")?)),
            verdict => Err(unknown(verdict)),
        }
    }
}

fn document<T: DeserializeOwned>(name: &str, told: Value) -> Result<T, LedgerError> {
    serde_json::from_value(told).map_err(|error| LedgerError::Unreadable(format!("{name}: {error}")))
}

pub(super) fn unknown(verdict: &str) -> LedgerError {
    LedgerError::Unreadable(format!("verdict: {verdict:?} is not known"))
}
