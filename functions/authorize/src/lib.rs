//! `POST /v1/payments`: authorizes a payment once, or accepts it to be settled.

use adapters::http;
use adapters::once::Once;
use domain::intent::Intent;
use domain::settlement::fee::Fees;
use lambda_http::{Body, Request, Response};

/// Moves the amount from the source to the destination, or repeats what was answered under the key. A payment that asks to
/// be settled moves nothing yet: it is answered 202, with where to look for what becomes of it.
pub async fn handle(once: &Once, fees: &Fees, request: Request) -> Response<Body> {
    http::answer(request, async |call| {
        let (tenant, body) = (call.tenant()?, call.json()?);
        let key = call.idempotency_key()?;
        let intent = Intent::payment(body, fees)?;
        Ok(once.run(tenant, key, &intent).await?.into())
    })
    .await
}
