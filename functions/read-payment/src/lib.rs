//! `GET /v1/payments/{payment_id}` and `GET /v1/payments?idempotency_key=`: a payment as the ledger holds it; and
//! `GET /v1/payments/{payment_id}/refunds`: what was given back of it.

mod refunds;

use adapters::http::{self, Call, Success};
use adapters::ledger::Ledger;
use domain::answer;
use domain::ids::{ClientKey, LedgerKey, TenantId};
use domain::intent::Operation;
use domain::ledger_key::Step;
use domain::problem::Problem;
use lambda_http::{Body, Request, Response};

/// Answers 200 with the payment, posted or refused, or its corrections; 404 if the tenant has none of that id or key.
pub async fn handle(ledger: &Ledger, request: Request) -> Response<Body> {
    http::answer(request, async |call| {
        let tenant = call.tenant()?;
        if call.route() == "GET /v1/payments/{payment_id}/refunds" {
            return refunds::show(ledger, tenant, &call).await;
        }
        let payment = ledger.transaction(tenant, wanted(&call, tenant)?).await?;
        match payment {
            Some(recorded) if recorded.operation == Operation::Payment => {
                Ok(Success::rendered(200, answer::resource(&recorded)))
            }
            // A deposit is no payment, though their ids are of one kind.
            Some(_) | None => Err(Problem::NotFound.into()),
        }
    })
    .await
}

/// The payment's id is its ledger key, and the ledger key follows from the client's.
fn wanted(call: &Call, tenant: TenantId) -> Result<LedgerKey, Problem> {
    if call.has_path_parameters() {
        return call.id("payment_id");
    }
    let key = ClientKey::parse(call.query("idempotency_key"))?;
    Ok(LedgerKey::derive(tenant, key, Step::Request))
}
