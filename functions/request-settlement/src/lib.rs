//! `POST /v1/settlements`: accepts a settlement once. Its steps follow by themselves.

use adapters::http;
use adapters::once::Once;
use domain::intent::{Intent, Settlement};
use domain::settlement::fee::Fees;
use lambda_http::{Body, Request, Response};

/// Answers 202 with where to look for what becomes of it, or repeats what was answered under the key.
pub async fn handle(once: &Once, fees: &Fees, request: Request) -> Response<Body> {
    http::answer(request, async |call| {
        let (tenant, body) = (call.tenant()?, call.json()?);
        let key = call.idempotency_key()?;
        let settlement = Intent::Settlement(Settlement::parse(body, fees)?);
        Ok(once.run(tenant, key, &settlement).await?.into())
    })
    .await
}
