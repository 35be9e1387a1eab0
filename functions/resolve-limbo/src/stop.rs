//! Stops a settlement that goes nowhere by itself, so that two people can decide about it.

use adapters::http::{Call, Success};
use adapters::ledger::limbo::Stop;
use domain::ids::LedgerKey;
use domain::intent::ReasonRequest;
use domain::justification::{Act, Statement};
use domain::principal::Principal;
use domain::problem::Problem;
use domain::problem_body::ProblemBody;
use serde::Serialize;

use crate::Resolving;

#[derive(Serialize)]
struct Answer {
    object: &'static str,
    id: LedgerKey,
    status: &'static str,
    /// Whether it was this request that stopped it.
    stopped: bool,
}

/// Tells no execution: whichever attends to the settlement looks at it within minutes, and finds that it has to wait.
pub(crate) async fn stop(resolving: &Resolving, actor: &Principal, call: &Call) -> Result<Success, ProblemBody> {
    let ReasonRequest { reason } = ReasonRequest::parse(call.json()?)?;
    let id: LedgerKey = call.id("settlement_id")?;
    let statement = Statement::of(Act::SettlementStopped, id, &reason, &call.asked_by(actor.as_str()));
    let justification = resolving.justifier.justify(&statement).await?;
    let stop = resolving.ledger.stop_settlement(actor, id, &justification).await?;
    let (status, stopped) = match stop.ok_or(Problem::NotFound)? {
        Stop::Stopped(status) => (status, true),
        Stop::Stands(status) => (status, false),
        Stop::NothingStands => return Err(Problem::SettlementEnded.into()),
    };
    tracing::info!(settlement.id = %id, settlement.status = %status, stopped, "stopped by hand");
    Ok(Success::json(
        200,
        &Answer {
            object: "settlement",
            id,
            status: status.as_str(),
            stopped,
        },
    )?)
}
