//! `GET /v1/accounts/{account_id}` and `GET /v1/accounts/{account_id}/entries`: an account's balance, and its entries.

mod balance;
mod entries;

use adapters::http;
use adapters::ledger::Ledger;
use lambda_http::{Body, Request, Response};

/// Answers 200; 404 if the tenant has no such account.
pub async fn handle(ledger: &Ledger, request: Request) -> Response<Body> {
    http::answer(request, async |call| {
        let (tenant, account) = (call.tenant()?, call.id("account_id")?);
        if call.route().ends_with("/entries") {
            entries::page(ledger, tenant, account, &call).await
        } else {
            balance::show(ledger, tenant, account).await
        }
    })
    .await
}
