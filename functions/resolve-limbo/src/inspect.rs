//! One settlement, and all that two people have to know to decide about it: ids and minor units, and their own words.

use adapters::http::{Call, Success};
use adapters::ledger::limbo::{Inspection, Proposal, Resolution};
use adapters::ledger::settlements::settlement::{ActionRow, Settlement};
use domain::answer::timestamp;
use domain::ids::{AccountId, LedgerKey, TenantId};
use domain::money::{Amount, Currency};
use domain::principal::Principal;
use domain::problem::Problem;
use domain::problem_body::ProblemBody;
use domain::settlement::step::{Action, Party, Step};
use serde::Serialize;

use crate::{Limbo, Resolving};

pub(crate) async fn show(resolving: &Resolving, actor: &Principal, call: &Call) -> Result<Success, ProblemBody> {
    let found = resolving
        .ledger
        .inspect_settlement(actor, call.id("settlement_id")?)
        .await?;
    let inspected = found.ok_or(Problem::NotFound)?;
    Ok(Success::json(200, &Document::from(inspected))?)
}

#[derive(Serialize)]
struct Document {
    id: LedgerKey,
    object: &'static str,
    status: &'static str,
    tenant_id: TenantId,
    buyer: AccountId,
    escrow: AccountId,
    merchant: AccountId,
    platform: AccountId,
    amount: Amount,
    fee: i64,
    currency: Currency,
    limbo: Option<Limbo>,
    /// Who has how much of the amount, by the log.
    money: Vec<Share>,
    /// The actions that took effect, in order.
    committed: Vec<&'static str>,
    /// The steps that did not.
    not_committed: Vec<&'static str>,
    log: Vec<LogLine>,
    proposals: Vec<ProposalLine>,
    resolution: Option<ResolutionLine>,
    created_at: String,
    changed_at: String,
    ended_at: Option<String>,
}

#[derive(Serialize)]
struct Share {
    holder: &'static str,
    account: AccountId,
    amount: i64,
}

#[derive(Serialize)]
struct LogLine {
    action: &'static str,
    outcome: &'static str,
    transaction: LedgerKey,
    source: AccountId,
    destination: AccountId,
    amount: Amount,
    /// Whether it took an account below its floor.
    below_floor: bool,
    created_at: String,
}

#[derive(Serialize)]
struct ProposalLine {
    id: i64,
    decision: &'static str,
    reason: String,
    proposed_by: String,
    proposed_at: String,
}

#[derive(Serialize)]
struct ResolutionLine {
    proposal_id: i64,
    decision: &'static str,
    reason: String,
    proposed_by: String,
    approved_by: String,
    approved_at: String,
}

impl From<Inspection> for Document {
    fn from(inspected: Inspection) -> Self {
        let settlement = inspected.settlement;
        Self {
            money: shares(&settlement),
            committed: settlement.log.committed().map(Action::as_str).collect(),
            not_committed: settlement.log.uncommitted().map(Step::as_str).collect(),
            id: settlement.id,
            object: "settlement",
            status: settlement.status.as_str(),
            tenant_id: settlement.tenant,
            buyer: settlement.buyer,
            escrow: settlement.escrow,
            merchant: settlement.merchant,
            platform: settlement.platform,
            amount: settlement.amount,
            fee: settlement.fee,
            currency: settlement.currency,
            limbo: settlement.limbo_since.map(Limbo::of),
            log: settlement.rows.into_iter().map(LogLine::from).collect(),
            proposals: inspected.proposals.into_iter().map(ProposalLine::from).collect(),
            resolution: inspected.resolution.map(ResolutionLine::from),
            created_at: timestamp(settlement.created_at),
            changed_at: timestamp(settlement.changed_at),
            ended_at: settlement.ended_at.map(timestamp),
        }
    }
}

fn shares(settlement: &Settlement) -> Vec<Share> {
    let share = |(party, amount)| {
        let (holder, account) = match party {
            Party::Buyer => ("buyer", settlement.buyer),
            Party::Escrow => ("escrow", settlement.escrow),
            Party::Merchant => ("merchant", settlement.merchant),
            Party::Platform => ("platform", settlement.platform),
        };
        Share {
            holder,
            account,
            amount,
        }
    };
    let shares = settlement.log.shares(settlement.amount, settlement.fee);
    shares.map(share).collect()
}

impl From<ActionRow> for LogLine {
    fn from(row: ActionRow) -> Self {
        Self {
            action: row.action.as_str(),
            outcome: row.outcome.as_str(),
            transaction: row.ledger_key,
            source: row.source,
            destination: row.destination,
            amount: row.amount,
            // Nothing else of the details: they may hold the provider's words.
            below_floor: row.details["below_floor"] == true,
            created_at: timestamp(row.created_at),
        }
    }
}

impl From<Proposal> for ProposalLine {
    fn from(proposal: Proposal) -> Self {
        Self {
            id: proposal.id,
            decision: proposal.decision.as_str(),
            reason: proposal.reason,
            proposed_by: proposal.proposed_by,
            proposed_at: timestamp(proposal.proposed_at),
        }
    }
}

impl From<Resolution> for ResolutionLine {
    fn from(resolution: Resolution) -> Self {
        Self {
            proposal_id: resolution.proposal,
            decision: resolution.decision.as_str(),
            reason: resolution.reason,
            proposed_by: resolution.proposed_by,
            approved_by: resolution.approved_by,
            approved_at: timestamp(resolution.approved_at),
        }
    }
}
