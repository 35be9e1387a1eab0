//! `POST /v1/deposits`: brings money in from outside, once.

use adapters::http;
use adapters::once::Once;
use domain::intent::{Deposit, Intent};
use lambda_http::{Body, Request, Response};

/// Moves the amount from the tenant's external account to the destination, or repeats what was answered under the key.
pub async fn handle(once: &Once, request: Request) -> Response<Body> {
    http::answer(request, async |call| {
        let (tenant, body) = (call.tenant()?, call.json()?);
        let key = call.idempotency_key()?;
        let deposit = Intent::Deposit(Deposit::parse(body)?);
        Ok(once.run(tenant, key, &deposit).await?.into())
    })
    .await
}
