//! `/v1/operator/halts`, and `…/{scope}/halt` and `…/{scope}/lift`: an operator stops all money of a merchant, or of everybody,
//! and lets it go on.
//!
//! The gateway lets only signed requests of principals through whose policies allow it; who it was is in the audit.

mod page;

use adapters::http::{self, Success};
use adapters::justifier::Justifier;
use adapters::ledger::Ledger;
use adapters::ledger::halts::Lift;
use domain::answer::timestamp;
use domain::halt::{Halt, Scope};
use domain::intent::{LiftRequest, ReasonRequest};
use domain::justification::{Act, Statement};
use domain::problem::Problem;
use domain::problem_body::ProblemBody;
use lambda_http::{Body, Request, Response};
use serde::Serialize;

/// Answers 200; 404 if there is no such merchant; 409 to a lift if another halt holds than the one it names. What is halted
/// already, or not at all, stays so.
pub async fn handle(ledger: &Ledger, justifier: &Justifier, request: Request) -> Response<Body> {
    http::answer(request, async |call| {
        let actor = call.operator()?;
        let stands = match call.route() {
            "GET /v1/operator/halts" => return page::show(ledger, &actor, &call).await,
            "POST /v1/operator/halts/{scope}/halt" => {
                let ReasonRequest { reason } = ReasonRequest::parse(call.json()?)?;
                let scope: Scope = call.id("scope")?;
                let statement = Statement::of(Act::PostingsHalted, scope, &reason, &call.asked_by(actor.as_str()));
                let justification = justifier.justify(&statement).await?;
                let halt = ledger.halt_postings(&actor, scope, &justification).await?;
                Line::of(scope, halt.ok_or(Problem::NotFound)?)
            }
            "POST /v1/operator/halts/{scope}/lift" => {
                let LiftRequest { since, reason } = LiftRequest::parse(call.json()?)?;
                let scope: Scope = call.id("scope")?;
                let statement = Statement::of(Act::PostingsResumed, scope, &reason, &call.asked_by(actor.as_str()));
                let justification = justifier.justify(&statement.with_terms(timestamp(since))).await?;
                let lift = ledger.resume_postings(&actor, scope, since, &justification).await?;
                match lift.ok_or(Problem::NotFound)? {
                    Lift::Lifted => Line::lifted(scope),
                    Lift::Stands(halt) => return Err(ProblemBody::from(Problem::AnotherHaltHolds).with_halt(halt)),
                }
            }
            _ => return Err(Problem::NotFound.into()),
        };
        Ok(Success::json(200, &stands)?)
    })
    .await
}

/// A halt on the wire.
#[derive(Serialize)]
struct Line {
    object: &'static str,
    /// `all`, or a merchant's id.
    scope: String,
    halted: bool,
    /// Also which halt it is: a lift names it.
    since: Option<String>,
    halted_by: Option<String>,
    reason: Option<String>,
}

impl Line {
    fn of(scope: Scope, halt: Halt) -> Self {
        Self {
            halted: true,
            since: Some(timestamp(halt.since)),
            halted_by: Some(halt.halted_by),
            reason: Some(halt.reason),
            ..Self::lifted(scope)
        }
    }

    fn lifted(scope: Scope) -> Self {
        Self {
            object: "halt",
            scope: scope.to_string(),
            halted: false,
            since: None,
            halted_by: None,
            reason: None,
        }
    }
}
