//! `/v1/compliance`: people ask for erasures, see what became of them, and set and lift legal holds.
//!
//! The gateway lets only signed requests of principals through whose policies allow it; who it was is in the audit.

use adapters::erasures::{Asking, ErasureError, Erasures};
use adapters::http::{self, Call, Success};
use domain::erasure::{Asked, Erasure};
use domain::ids::ErasureId;
use domain::intent::ErasureRequest;
use domain::principal::Principal;
use domain::problem::Problem;
use domain::problem_body::ProblemBody;
use lambda_http::{Body, Request, Response};

use crate::document::Document;
use crate::holds;

/// Answers 202 to who asks for an erasure, also again; 200 otherwise; 404 for what is not there, 410 for a hold on who is
/// erased.
pub async fn handle(erasures: &Erasures, request: Request) -> Response<Body> {
    http::answer(request, async |call| {
        let actor = call.operator()?;
        match call.route() {
            "POST /v1/compliance/erasures" => ask(erasures, &actor, &call).await,
            "GET /v1/compliance/erasures/{erasure_id}" => {
                let erasure = find(erasures, &actor, &call).await?;
                Ok(Success::json(200, &Document::from(&erasure))?)
            }
            "GET /v1/compliance/erasures/{erasure_id}/certificate" => {
                let erasure = find(erasures, &actor, &call).await?;
                let kept = erasures.certificate(&erasure).await.map_err(told)?;
                Ok(Success::rendered(200, kept.ok_or(Problem::NotFound)?))
            }
            "GET /v1/compliance/holds/{tenant_id}" => holds::list(erasures, &actor, &call).await,
            "PUT /v1/compliance/holds/{tenant_id}" | "PUT /v1/compliance/holds/{tenant_id}/{customer_id}" => {
                holds::set(erasures, &actor, &call).await
            }
            "DELETE /v1/compliance/holds/{tenant_id}" | "DELETE /v1/compliance/holds/{tenant_id}/{customer_id}" => {
                holds::lift(erasures, &actor, &call).await
            }
            _ => Err(Problem::NotFound.into()),
        }
    })
    .await
}

async fn ask(erasures: &Erasures, actor: &Principal, call: &Call) -> Result<Success, ProblemBody> {
    let id = ErasureId::from(call.idempotency_key()?.uuid());
    let ErasureRequest { whom, reason } = ErasureRequest::parse(call.json()?)?;
    let by = call.asked_by(actor.as_str());
    let asked = Asked {
        whom,
        by: actor.to_string(),
        reason,
        at: by.at,
    };
    let (erasure, is_repeated) = match erasures.ask(id, asked, &by).await.map_err(told)? {
        Asking::New(erasure) => (erasure, false),
        Asking::Repeated(erasure) => (erasure, true),
        Asking::Different => return Err(Problem::IdempotencyKeyReused.into()),
    };
    let accepted = Success::json(202, &Document::from(&erasure))?;
    Ok(accepted
        .at(format!("/v1/compliance/erasures/{id}"))
        .replayed(is_repeated))
}

async fn find(erasures: &Erasures, actor: &Principal, call: &Call) -> Result<Erasure, ProblemBody> {
    let found = erasures.inspect(actor.as_str(), call.id("erasure_id")?).await;
    Ok(found.map_err(told)?.ok_or(Problem::NotFound)?)
}

/// What a route says when it is failed.
pub(crate) fn told(error: ErasureError) -> ProblemBody {
    if let ErasureError::NotSigned(error) = error {
        return error.into();
    }
    if error.is_defect() {
        tracing::error!(%error, "a request about erasures cannot be answered");
        return Problem::Internal.into();
    }
    tracing::warn!(%error, "a request about erasures was failed");
    Problem::VaultUnavailable.into()
}
