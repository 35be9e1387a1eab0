//! `GET /v1/payments/{payment_id}` and `GET /v1/payments?idempotency_key=`: what was decided under an id or a key, as the
//! ledger holds it; and `GET /v1/payments/{payment_id}/refunds`: what was given back of a payment.

mod refunds;

use adapters::http::{self, Call, Success};
use adapters::ledger::Ledger;
use domain::answer;
use domain::ids::{ClientKey, LedgerKey, TenantId};
use domain::ledger_key::Step;
use domain::problem::Problem;
use lambda_http::{Body, Request, Response};

/// Answers 200 with the intent of that id or key, of whatever kind, posted or refused, or with a payment's corrections; 404
/// if the tenant has none.
pub async fn handle(ledger: &Ledger, request: Request) -> Response<Body> {
    http::answer(request, async |call| {
        let tenant = call.tenant()?;
        if call.route() == "GET /v1/payments/{payment_id}/refunds" {
            return refunds::show(ledger, tenant, &call).await;
        }
        // Of every kind: they share their keys, and "not found" says to whoever lost an answer that nothing was decided.
        let found = ledger.transaction(tenant, wanted(&call, tenant)?).await?;
        let recorded = found.ok_or(Problem::NotFound)?;
        Ok(Success::rendered(200, answer::resource(&recorded)))
    })
    .await
}

/// An intent's id is its ledger key, and the ledger key follows from the client's.
fn wanted(call: &Call, tenant: TenantId) -> Result<LedgerKey, Problem> {
    if call.has_path_parameters() {
        return call.id("payment_id");
    }
    let key = ClientKey::parse(call.query("idempotency_key"))?;
    Ok(LedgerKey::derive(tenant, key, Step::Request))
}
