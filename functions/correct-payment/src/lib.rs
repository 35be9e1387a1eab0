//! `POST /v1/payments/{payment_id}/refunds` and `…/reversal`: gives money back the way it came, once.

use adapters::http;
use adapters::once::Once;
use domain::intent::{Correction, Intent};
use domain::problem::Problem;
use lambda_http::{Body, Request, Response};

/// Moves money from the payment's destination to its source, or repeats what was answered under the key. 404 if the tenant
/// has no such payment, 409 for a settlement that has not ended; 422 for what was refused or undone, for what is no payment,
/// and, of a reversal, for a settlement.
pub async fn handle(once: &Once, request: Request) -> Response<Body> {
    http::answer(request, async |call| {
        let (tenant, body) = (call.tenant()?, call.json()?);
        let key = call.idempotency_key()?;
        let correct = match call.route() {
            "POST /v1/payments/{payment_id}/refunds" => Correction::refund,
            "POST /v1/payments/{payment_id}/reversal" => Correction::reversal,
            _ => return Err(Problem::NotFound.into()),
        };
        let correction = Intent::Correction(correct(call.id("payment_id")?, body)?);
        Ok(once.run(tenant, key, &correction).await?.into())
    })
    .await
}
