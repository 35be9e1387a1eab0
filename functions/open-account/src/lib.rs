//! `POST /v1/accounts`: opens a buyer's or merchant's account.
//!
//! No gate: the account's id is derived from the client's key, so that a repeat finds the account it opened.

use adapters::http::{self, Success};
use adapters::ledger::accounts::Opening;
use adapters::ledger::{Ledger, LedgerError};
use domain::answer::timestamp;
use domain::ids::AccountId;
use domain::intent::AccountRequest;
use domain::money::Currency;
use domain::problem::Problem;
use domain::problem_body::ProblemBody;
use lambda_http::{Body, Request, Response};
use serde::Serialize;

#[derive(Serialize)]
struct Account {
    id: AccountId,
    object: &'static str,
    kind: String,
    currency: Currency,
    floor: Option<i64>,
    created_at: String,
}

/// Answers 201 with the account, also to a repeat.
pub async fn handle(ledger: &Ledger, request: Request) -> Response<Body> {
    http::answer(request, async |call| {
        let (tenant, body) = (call.tenant()?, call.json()?);
        let id = AccountId::opened_with(tenant, call.idempotency_key()?);
        let request = AccountRequest::parse(body)?;
        let opening = ledger.open_account(tenant, id, &request).await.map_err(refusal)?;
        match opening {
            Opening::Mismatched => Err(Problem::IdempotencyKeyReused.into()),
            Opening::Opened { account, replayed } => {
                let account = Account {
                    id: account.id,
                    object: "account",
                    kind: account.purpose,
                    currency: account.currency,
                    floor: account.floor,
                    created_at: timestamp(account.created_at),
                };
                Ok(Success::json(201, &account)?.replayed(replayed))
            }
        }
    })
    .await
}

fn refusal(error: LedgerError) -> ProblemBody {
    match error.name() {
        Some("currency_not_enabled") => Problem::CurrencyNotEnabled.into(),
        Some(_) | None => error.into(),
    }
}
