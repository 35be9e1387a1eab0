//! `/v1/operator/settlements`: settlements that wait for people, of all merchants, in the hands of two of them.
//!
//! The gateway lets only signed requests of principals through whose policies allow it; who it was is in the audit.

mod decide;
mod inspect;
mod page;
mod stop;

use adapters::executions::Executions;
use adapters::http;
use adapters::justifier::Justifier;
use adapters::ledger::Ledger;
use adapters::tokens::Tokens;
use domain::problem::Problem;
use lambda_http::{Body, Request, Response};
use serde::Serialize;
use time::OffsetDateTime;

/// What it takes to look at settlements and to decide about them.
#[derive(Debug)]
pub struct Resolving {
    /// Where they are, and where decisions are recorded.
    pub ledger: Ledger,
    /// Who signs why.
    pub justifier: Justifier,
    /// Who waits for a decision.
    pub tokens: Tokens,
    /// What waits.
    pub executions: Executions,
}

/// Answers 200, or 201 to a proposal; 403 to somebody who approves what the same person proposed; 404 for what there is
/// none of; 409 if there is nothing to decide, or something else was decided.
pub async fn handle(resolving: &Resolving, request: Request) -> Response<Body> {
    http::answer(request, async |call| {
        let actor = call.operator()?;
        match call.route() {
            "GET /v1/operator/settlements" => page::show(resolving, &actor, &call).await,
            "GET /v1/operator/settlements/{settlement_id}" => inspect::show(resolving, &actor, &call).await,
            "POST /v1/operator/settlements/{settlement_id}/limbo" => stop::stop(resolving, &actor, &call).await,
            "POST /v1/operator/settlements/{settlement_id}/proposals" => {
                decide::propose(resolving, &actor, &call).await
            }
            "POST /v1/operator/settlements/{settlement_id}/proposals/{proposal_id}/approval" => {
                decide::approve(resolving, &actor, &call).await
            }
            _ => Err(Problem::NotFound.into()),
        }
    })
    .await
}

/// Since when a settlement has waited for people, and why.
#[derive(Serialize)]
struct Limbo {
    since: String,
    cause: String,
}

impl Limbo {
    fn of((since, cause): (OffsetDateTime, String)) -> Self {
        let since = domain::answer::timestamp(since);
        Self { since, cause }
    }
}
