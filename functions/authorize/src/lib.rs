//! `POST /v1/payments`: authorizes a payment once.

use adapters::http;
use adapters::once::Once;
use domain::intent::{Intent, Payment};
use lambda_http::{Body, Request, Response};

/// Moves the amount from the source to the destination, or repeats what was answered under the key.
pub async fn handle(once: &Once, request: Request) -> Response<Body> {
    http::answer(request, async |call| {
        let (tenant, body) = (call.tenant()?, call.json()?);
        let key = call.idempotency_key()?;
        let payment = Intent::Payment(Payment::parse(body)?);
        Ok(once.run(tenant, key, &payment).await?.into())
    })
    .await
}
