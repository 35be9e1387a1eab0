//! Two people decide: one proposes, another approves. Then the execution that waits for them is told to go on.

use std::error::Error;
use std::time::Duration;

use adapters::executions::Sent;
use adapters::http::{Call, Success};
use adapters::ledger::limbo::{Approval, Proposed};
use domain::ids::LedgerKey;
use domain::intent::{ProposalRequest, ReasonRequest};
use domain::justification::{Act, Statement};
use domain::principal::Principal;
use domain::problem::Problem;
use domain::problem_body::ProblemBody;
use domain::settlement::course::Decision;
use serde::Serialize;
use tokio::time::timeout;

use crate::Resolving;

/// How long whoever approves waits for an execution to be told. Signing may have had 3 of the function's 13 seconds, the ledger 6.5.
const TELLING: Duration = Duration::from_secs(3);

#[derive(Serialize)]
struct Proposal<'a> {
    id: i64,
    object: &'static str,
    settlement_id: LedgerKey,
    decision: &'static str,
    reason: &'a str,
    proposed_by: &'a str,
}

#[derive(Serialize)]
struct Resolution {
    object: &'static str,
    settlement_id: LedgerKey,
    proposal_id: i64,
    decision: &'static str,
    approved_by: String,
    /// Whether an execution that waited was told to go on. If none was, one is under way, or the schedule that looks after
    /// settlements nobody attends to begins one within two minutes.
    resumed: bool,
}

pub(crate) async fn propose(resolving: &Resolving, actor: &Principal, call: &Call) -> Result<Success, ProblemBody> {
    let ProposalRequest { decision, reason } = ProposalRequest::parse(call.json()?)?;
    let settlement_id: LedgerKey = call.id("settlement_id")?;
    let statement = Statement::of(
        Act::ResolutionProposed,
        settlement_id,
        &reason,
        &call.asked_by(actor.as_str()),
    );
    let justification = resolving.justifier.justify(&statement.with_terms(decision)).await?;
    let proposed = resolving
        .ledger
        .propose_resolution(actor, settlement_id, decision, &justification)
        .await?;
    match proposed.ok_or(Problem::NotFound)? {
        Proposed::Proposed(id) => Ok(Success::json(
            201,
            &Proposal {
                id,
                object: "proposal",
                settlement_id,
                decision: decision.as_str(),
                reason: &reason,
                proposed_by: actor.as_str(),
            },
        )?),
        Proposed::NotInLimbo => Err(Problem::NotInLimbo.into()),
        Proposed::Decided(stands) => Err(decided(stands)),
    }
}

/// Asked again for what stands, it tells the execution again: the way of an operator whose answer was lost.
pub(crate) async fn approve(resolving: &Resolving, actor: &Principal, call: &Call) -> Result<Success, ProblemBody> {
    let ReasonRequest { reason } = ReasonRequest::parse(call.json()?)?;
    let (settlement_id, proposal_id): (LedgerKey, i64) = (call.id("settlement_id")?, call.id("proposal_id")?);
    let statement = Statement::of(
        Act::ResolutionApproved,
        settlement_id,
        &reason,
        &call.asked_by(actor.as_str()),
    );
    let justification = resolving.justifier.justify(&statement.with_terms(proposal_id)).await?;
    let approval = resolving
        .ledger
        .approve_resolution(actor, settlement_id, proposal_id, &justification)
        .await?;
    match approval.ok_or(Problem::NotFound)? {
        Approval::Stands { decision, approved_by } => {
            let resumed = resume(resolving, settlement_id).await;
            tracing::info!(settlement.id = %settlement_id, settlement.decision = %decision, resumed, "decided");
            Ok(Success::json(
                200,
                &Resolution {
                    object: "resolution",
                    settlement_id,
                    proposal_id,
                    decision: decision.as_str(),
                    approved_by,
                    resumed,
                },
            )?)
        }
        Approval::DecidedOtherwise(stands) => Err(decided(stands)),
        Approval::SamePerson => Err(Problem::SamePerson.into()),
    }
}

/// The decision is in the ledger, which is looked at soon in any case: whatever fails here costs a minute or two.
async fn resume(resolving: &Resolving, settlement: LedgerKey) -> bool {
    let told = async {
        let Some(token) = resolving.tokens.get(settlement).await? else {
            return Ok(false);
        };
        Ok(resolving.executions.send_success(&token).await? == Sent::Sent)
    };
    let told: Result<bool, Box<dyn Error + Send + Sync>> = match timeout(TELLING, told).await {
        Ok(told) => told,
        Err(late) => Err(late.into()),
    };
    told.unwrap_or_else(|error| {
        tracing::error!(settlement.id = %settlement, error = %error, "a decision waits for the schedule");
        false
    })
}

fn decided(stands: Decision) -> ProblemBody {
    ProblemBody::from(Problem::SettlementDecided).with_decision(stands)
}
