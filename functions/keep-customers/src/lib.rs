//! `/v1/customers/{customer_id}` and `…/accounts/{account_id}`: what a merchant keeps of its customers, and whose
//! accounts are whose.

use adapters::http::{self, Call, Success};
use adapters::ledger::Ledger;
use adapters::vault::{Found, Known, Linked, Stored, Vault, Whose};
use domain::customer::Document;
use domain::ids::{AccountId, CustomerId};
use domain::intent::{AccountKind, CustomerRequest};
use domain::problem::Problem;
use domain::problem_body::ProblemBody;
use lambda_http::{Body, Request, Response};
use serde_json::json;
use time::OffsetDateTime;

/// Answers 201 for a customer that is new, 200 for one that was there and for an account that is the customer's; 404 if
/// the tenant has no such customer or account, 410 if the customer was erased.
pub async fn handle(ledger: &Ledger, vault: &Vault, request: Request) -> Response<Body> {
    http::answer(request, async |call| {
        let whose = Whose {
            tenant: call.tenant()?,
            customer: call.id("customer_id")?,
        };
        match call.route() {
            "GET /v1/customers/{customer_id}" => show(vault, whose).await,
            "PUT /v1/customers/{customer_id}" => store(vault, whose, &call).await,
            "PUT /v1/customers/{customer_id}/accounts/{account_id}" => {
                link(ledger, vault, whose, call.id("account_id")?).await
            }
            _ => Err(Problem::NotFound.into()),
        }
    })
    .await
}

async fn show(vault: &Vault, whose: Whose) -> Result<Success, ProblemBody> {
    match vault.find(whose).await.map_err(|error| error.told(whose))? {
        Found::Known(known) => Ok(document(200, whose.customer, &known)?),
        Found::Erased => Err(Problem::CustomerErased.into()),
        Found::Nobody => Err(Problem::NotFound.into()),
    }
}

async fn store(vault: &Vault, whose: Whose, call: &Call) -> Result<Success, ProblemBody> {
    let CustomerRequest { customer } = CustomerRequest::parse(call.json()?)?;
    let stored = vault.store(whose, customer, OffsetDateTime::now_utc()).await;
    match stored.map_err(|error| error.told(whose))? {
        Stored::Made(known) => Ok(document(201, whose.customer, &known)?),
        Stored::Replaced(known) => Ok(document(200, whose.customer, &known)?),
        Stored::Erased => Err(Problem::CustomerErased.into()),
    }
}

async fn link(ledger: &Ledger, vault: &Vault, whose: Whose, account: AccountId) -> Result<Success, ProblemBody> {
    // The ledger says whose account it is; what it says does not change.
    let standing = ledger.account(whose.tenant, account).await?;
    if standing.ok_or(Problem::NotFound)?.account.purpose != AccountKind::Buyer.as_str() {
        return Err(Problem::NotABuyersAccount.into());
    }
    match vault.link(whose, account).await.map_err(|error| error.told(whose))? {
        Linked::Done => {
            let linked = json!({ "object": "customer-account", "customer_id": whose.customer, "account_id": account });
            Ok(Success::json(200, &linked)?)
        }
        Linked::Anothers => Err(Problem::AccountLinked.into()),
        Linked::TooMany => Err(Problem::TooManyAccounts.into()),
        Linked::Erased => Err(Problem::CustomerErased.into()),
        Linked::Nobody => Err(Problem::NotFound.into()),
    }
}

fn document(status: u16, id: CustomerId, known: &Known) -> Result<Success, Problem> {
    let document = Document::of(id, &known.customer, &known.accounts, known.version, known.updated_at);
    Success::json(status, &document)
}
