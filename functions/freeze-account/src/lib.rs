//! `/v1/operator/accounts/{account_id}/freeze`, `…/unfreeze` and `…/freezes`: an operator stops what an account does, be
//! it of any merchant.
//!
//! The gateway lets only signed requests of principals through whose policies allow it; who it was is in the audit.

mod page;

use adapters::http::{self, Success};
use adapters::ledger::Ledger;
use adapters::ledger::freezes::Frozen;
use domain::answer::timestamp;
use domain::ids::{AccountId, TenantId};
use domain::intent::ReasonRequest;
use domain::problem::Problem;
use lambda_http::{Body, Request, Response};
use serde::Serialize;

/// Answers 200; 404 if there is no such account. What is frozen already, or not at all, stays so.
pub async fn handle(ledger: &Ledger, request: Request) -> Response<Body> {
    http::answer(request, async |call| {
        let actor = call.operator()?;
        let frozen = match call.route() {
            "GET /v1/operator/accounts/{account_id}/freezes" => return page::show(ledger, &actor, &call).await,
            "POST /v1/operator/accounts/{account_id}/freeze" => {
                let ReasonRequest { reason } = ReasonRequest::parse(call.json()?)?;
                ledger.freeze_account(&actor, call.id("account_id")?, &reason).await?
            }
            "POST /v1/operator/accounts/{account_id}/unfreeze" => {
                let ReasonRequest { reason } = ReasonRequest::parse(call.json()?)?;
                ledger.unfreeze_account(&actor, call.id("account_id")?, &reason).await?
            }
            _ => None,
        };
        let account = Account::of(call.id("account_id")?, frozen.ok_or(Problem::NotFound)?);
        Ok(Success::json(200, &account)?)
    })
    .await
}

/// An account on the wire, as far as it matters here.
#[derive(Serialize)]
struct Account {
    id: AccountId,
    object: &'static str,
    tenant_id: TenantId,
    /// For whatever cause: an operator who ends a freeze does not end what a settlement in limbo froze.
    frozen: bool,
    frozen_at: Option<String>,
}

impl Account {
    fn of(id: AccountId, Frozen { tenant, frozen_at }: Frozen) -> Self {
        Self {
            id,
            object: "account",
            tenant_id: tenant,
            frozen: frozen_at.is_some(),
            frozen_at: frozen_at.map(timestamp),
        }
    }
}
