//! `/v1/operator/halts`, and `…/{scope}/halt` and `…/{scope}/lift`: an operator stops all money of a merchant, or of everybody,
//! and lets it go on.
//!
//! The gateway lets only signed requests of principals through whose policies allow it; who it was is in the audit.

mod page;

use adapters::http::{self, Success};
use adapters::ledger::Ledger;
use adapters::ledger::halts::Halt;
use domain::answer::timestamp;
use domain::halt::Scope;
use domain::intent::ReasonRequest;
use domain::problem::Problem;
use lambda_http::{Body, Request, Response};
use serde::Serialize;

/// Answers 200; 404 if there is no such merchant. What is halted already, or not at all, stays so.
pub async fn handle(ledger: &Ledger, request: Request) -> Response<Body> {
    http::answer(request, async |call| {
        let actor = call.operator()?;
        let halts = match call.route() {
            "GET /v1/operator/halts" => return page::show(ledger, &actor, &call).await,
            "POST /v1/operator/halts/{scope}/halt" => true,
            "POST /v1/operator/halts/{scope}/lift" => false,
            _ => return Err(Problem::NotFound.into()),
        };
        let ReasonRequest { reason } = ReasonRequest::parse(call.json()?)?;
        let scope = call.id("scope")?;
        let stands = if halts {
            let halt = ledger.halt_postings(&actor, scope, &reason).await?;
            Line::of(scope, halt.ok_or(Problem::NotFound)?)
        } else if ledger.resume_postings(&actor, scope, &reason).await? {
            Line::lifted(scope)
        } else {
            return Err(Problem::NotFound.into());
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
