//! `GET /v1/settlements/{settlement_id}` and `GET /v1/settlements`: what has become of settlements.

mod document;
mod page;

use adapters::http::{self, Success};
use adapters::ledger::Ledger;
use domain::answer;
use domain::ids::{LedgerKey, TenantId};
use domain::intent::Operation;
use domain::outcome::Outcome;
use domain::problem::Problem;
use domain::problem_body::ProblemBody;
use lambda_http::{Body, Request, Response};

use self::document::Document;

/// Answers 200; 404 if the tenant has no settlement of that id.
pub async fn handle(ledger: &Ledger, request: Request) -> Response<Body> {
    http::answer(request, async |call| {
        let tenant = call.tenant()?;
        if call.has_path_parameters() {
            one(ledger, tenant, call.id("settlement_id")?).await
        } else {
            page::show(ledger, tenant, &call).await
        }
    })
    .await
}

/// What was asked for, and, unless it was refused, what was done about it.
async fn one(ledger: &Ledger, tenant: TenantId, id: LedgerKey) -> Result<Success, ProblemBody> {
    let asked = ledger.transaction(tenant, id).await?;
    let asked = asked
        .filter(|asked| asked.operation == Operation::Settlement)
        .ok_or(Problem::NotFound)?;
    match asked.outcome {
        Outcome::Refused(_) => Ok(Success::rendered(200, answer::resource(&asked))),
        Outcome::Accepted | Outcome::Posted => {
            // Accepted and opened in one commit.
            let settlement = ledger.settlement(tenant, id).await?.ok_or(Problem::Internal)?;
            Ok(Success::json(200, &Document::of(&asked, &settlement))?)
        }
    }
}
