//! `/v1/operator/breaks`: what operators make of the differences between providers' files and the ledger.
//!
//! The gateway lets only signed requests of principals through whose policies allow it; who it was is in the audit.

mod page;
mod shown;

use adapters::http::{self, Call, Success};
use adapters::justifier::Justifier;
use adapters::ledger::Ledger;
use adapters::ledger::breaks::Acted;
use domain::intent::{AssignmentRequest, ReasonRequest};
use domain::justification::{Act, Statement};
use domain::principal::Principal;
use domain::problem::Problem;
use domain::problem_body::ProblemBody;
use lambda_http::{Body, Request, Response};

use crate::shown::Shown;

/// Answers 200; 404 if there is no such break, 409 if it was resolved before.
pub async fn handle(ledger: &Ledger, justifier: &Justifier, request: Request) -> Response<Body> {
    http::answer(request, async |call| {
        let actor = call.operator()?;
        match call.route() {
            "GET /v1/operator/breaks" => page::show(ledger, &actor, &call).await,
            "GET /v1/operator/breaks/{break_id}" => inspect(ledger, &actor, &call).await,
            "POST /v1/operator/breaks/{break_id}/assignment" => {
                let AssignmentRequest { assignee, reason } = AssignmentRequest::parse(call.json()?)?;
                let id: i64 = call.id("break_id")?;
                let statement = Statement::of(Act::BreakAssigned, id, &reason, &call.asked_by(actor.as_str()));
                let justification = justifier.justify(&statement.with_terms(&assignee)).await?;
                let given = ledger.assign_break(&actor, id, &assignee, &justification);
                Ok(acted(given.await?)?)
            }
            "POST /v1/operator/breaks/{break_id}/resolution" => {
                let ReasonRequest { reason } = ReasonRequest::parse(call.json()?)?;
                let id: i64 = call.id("break_id")?;
                let statement = Statement::of(Act::BreakResolved, id, &reason, &call.asked_by(actor.as_str()));
                let justification = justifier.justify(&statement).await?;
                Ok(acted(ledger.resolve_break(&actor, id, &justification).await?)?)
            }
            _ => Err(Problem::NotFound.into()),
        }
    })
    .await
}

async fn inspect(ledger: &Ledger, actor: &Principal, call: &Call) -> Result<Success, ProblemBody> {
    let found = ledger.inspect_break(actor, call.id("break_id")?).await?;
    Ok(Success::json(200, &Shown::from(found.ok_or(Problem::NotFound)?))?)
}

fn acted(acted: Option<Acted>) -> Result<Success, Problem> {
    match acted.ok_or(Problem::NotFound)? {
        Acted { is_done: true, shown } => Success::json(200, &Shown::from(shown)),
        Acted { is_done: false, .. } => Err(Problem::BreakResolved),
    }
}
