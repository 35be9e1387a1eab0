//! Settlements that people have to decide about. Whatever is asked here leaves a row of the audit in the same
//! transaction.

mod rows;
pub(super) mod stop;

use domain::ids::{LedgerKey, TenantId};
use domain::justification::Justification;
use domain::money::{Amount, Currency};
use domain::principal::Principal;
use domain::settlement::course::Decision;
use domain::settlement::status::Status;
use time::OffsetDateTime;
use tokio_postgres::types::{Json, Type};

use super::settlements::place::Place;
use super::settlements::settlement::Settlement;
use super::{Ledger, LedgerError};

pub use stop::Stop;

/// A settlement of any tenant that has not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// Its public id.
    pub id: LedgerKey,
    /// Whose it is.
    pub tenant: TenantId,
    /// What the buyer pays.
    pub amount: Amount,
    /// What the platform takes of it, in minor units.
    pub fee: i64,
    /// Of both.
    pub currency: Currency,
    /// How it stands.
    pub status: Status,
    /// When it was accepted. Pages go up by it.
    pub created_at: OffsetDateTime,
    /// When it last changed its status or its log.
    pub changed_at: OffsetDateTime,
    /// Since when people have to decide, and why.
    pub limbo_since: Option<(OffsetDateTime, String)>,
    /// What two people have decided.
    pub decision: Option<Decision>,
}

impl Unfinished {
    /// Where it stands in the list.
    #[must_use]
    pub const fn place(&self) -> Place {
        Place {
            created_at: self.created_at,
            id: self.id,
        }
    }
}

/// Which page of unfinished settlements is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// How they stand: nothing is found for one that is final.
    pub status: Status,
    /// Only those above this one. `None`: from the one that waits longest.
    pub after: Option<Place>,
    /// How many at most.
    pub most: i32,
}

/// A settlement as an operator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// The settlement with its log.
    pub settlement: Settlement,
    /// What was proposed about it, oldest first.
    pub proposals: Vec<Proposal>,
    /// The proposal that was approved.
    pub resolution: Option<Resolution>,
}

/// What one person proposes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// Its number.
    pub id: i64,
    /// What is proposed.
    pub decision: Decision,
    /// Why, in that person's words.
    pub reason: String,
    /// The ARN that signed it.
    pub proposed_by: String,
    /// When.
    pub proposed_at: OffsetDateTime,
}

/// What two people decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolution {
    /// The proposal that was approved.
    pub proposal: i64,
    /// What was decided.
    pub decision: Decision,
    /// Why it was approved, in the second person's words.
    pub reason: String,
    /// The ARN that signed the proposal.
    pub proposed_by: String,
    /// The ARN that signed the approval.
    pub approved_by: String,
    /// When.
    pub approved_at: OffsetDateTime,
}

/// What became of a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proposed {
    /// It has this number, and waits for a second person.
    Proposed(i64),
    /// There is nothing to decide.
    NotInLimbo,
    /// This was decided before.
    Decided(Decision),
}

/// What became of an approval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Approval {
    /// The proposal is what two people decided, by this call or before it.
    Stands {
        /// What they decided.
        decision: Decision,
        /// The second of them.
        approved_by: String,
    },
    /// Another proposal, of this decision, was approved before.
    DecidedOtherwise(Decision),
    /// Whoever proposed it wants to approve it: nothing is decided.
    SamePerson,
}

queries! {
    const UNFINISHED: Query = "-- unfinished_settlements
SELECT * FROM ledger.unfinished_settlements($1, $2, $3, $4, $5)";
    const INSPECT: Query = "-- inspect_settlement
SELECT * FROM ledger.inspect_settlement($1, $2)";
    const PROPOSE: Query = "-- propose_resolution
SELECT * FROM ledger.propose_resolution($1, $2, $3, $4)";
    const APPROVE: Query = "-- approve_resolution
SELECT * FROM ledger.approve_resolution($1, $2, $3, $4)";
}

impl Ledger {
    /// A page of settlements, those that wait longest first.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn unfinished_settlements(
        &self,
        actor: &Principal,
        page: &PageRequest,
    ) -> Result<Vec<Unfinished>, LedgerError> {
        let (after, after_id) = page.after.map(|place| (place.created_at, place.id.uuid())).unzip();
        let rows = self
            .call(
                UNFINISHED,
                &[
                    (&actor.as_str(), Type::TEXT),
                    (&page.status.as_str(), Type::TEXT),
                    (&after, Type::TIMESTAMPTZ),
                    (&after_id, Type::UUID),
                    (&page.most, Type::INT4),
                ],
            )
            .await?;
        rows.iter().map(Unfinished::read).collect()
    }

    /// One settlement, and what people have said about it. `None`: there is none of that id.
    ///
    /// # Errors
    /// [`LedgerError`]; `Unreadable` for a log that cannot have come about.
    pub async fn inspect_settlement(
        &self,
        actor: &Principal,
        settlement: LedgerKey,
    ) -> Result<Option<Inspection>, LedgerError> {
        let rows = self
            .call(
                INSPECT,
                &[(&actor.as_str(), Type::TEXT), (&settlement.uuid(), Type::UUID)],
            )
            .await?;
        rows.first().map(Inspection::read).transpose()
    }

    /// Proposes what to do about a settlement in limbo. `None`: there is none of that id. A proposal made twice is two,
    /// either of which can be approved.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn propose_resolution(
        &self,
        actor: &Principal,
        settlement: LedgerKey,
        decision: Decision,
        justification: &Justification,
    ) -> Result<Option<Proposed>, LedgerError> {
        let rows = self
            .call(
                PROPOSE,
                &[
                    (&actor.as_str(), Type::TEXT),
                    (&settlement.uuid(), Type::UUID),
                    (&decision.as_str(), Type::TEXT),
                    (&Json(justification), Type::JSONB),
                ],
            )
            .await?;
        rows.first().map(Proposed::read).transpose()
    }

    /// Approves a proposal about this settlement; what was decided before stands. `None`: there is no such proposal
    /// about it. Safe to repeat.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn approve_resolution(
        &self,
        actor: &Principal,
        settlement: LedgerKey,
        proposal: i64,
        justification: &Justification,
    ) -> Result<Option<Approval>, LedgerError> {
        let rows = self
            .call(
                APPROVE,
                &[
                    (&actor.as_str(), Type::TEXT),
                    (&settlement.uuid(), Type::UUID),
                    (&proposal, Type::INT8),
                    (&Json(justification), Type::JSONB),
                ],
            )
            .await?;
        rows.first().map(|row| Approval::read(row, proposal)).transpose()
    }
}
