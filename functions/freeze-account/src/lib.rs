//! `/v1/operator/accounts/{account_id}/freeze`, `…/unfreeze` and `…/freezes`: an operator stops what an account does, be
//! it of any merchant.
//!
//! The gateway lets only signed requests of principals through whose policies allow it; who it was is in the audit.

mod page;

use adapters::http::{self, Call, Success};
use adapters::justifier::Justifier;
use adapters::ledger::Ledger;
use adapters::ledger::freezes::Frozen;
use domain::answer::timestamp;
use domain::ids::{AccountId, TenantId};
use domain::intent::ReasonRequest;
use domain::justification::{Act, Statement};
use domain::principal::Principal;
use domain::problem::Problem;
use domain::problem_body::ProblemBody;
use lambda_http::{Body, Request, Response};
use serde::Serialize;

/// Answers 200; 404 if there is no such account. What is frozen already, or not at all, stays so.
pub async fn handle(ledger: &Ledger, justifier: &Justifier, request: Request) -> Response<Body> {
    http::answer(request, async |call| {
        let actor = call.operator()?;
        let frozen = match call.route() {
            "GET /v1/operator/accounts/{account_id}/freezes" => return page::show(ledger, &actor, &call).await,
            "POST /v1/operator/accounts/{account_id}/freeze" => {
                let (account, statement) = read(&call, &actor, Act::AccountFrozen)?;
                let justification = justifier.justify(&statement).await?;
                ledger.freeze_account(&actor, account, &justification).await?
            }
            "POST /v1/operator/accounts/{account_id}/unfreeze" => {
                let (account, statement) = read(&call, &actor, Act::AccountUnfrozen)?;
                let justification = justifier.justify(&statement).await?;
                ledger.unfreeze_account(&actor, account, &justification).await?
            }
            _ => None,
        };
        let account = Account::of(call.id("account_id")?, frozen.ok_or(Problem::NotFound)?);
        Ok(Success::json(200, &account)?)
    })
    .await
}

/// Which account, and why.
#[expect(clippy::result_large_err, reason = "it is the answer")]
fn read(call: &Call, actor: &Principal, act: Act) -> Result<(AccountId, Statement), ProblemBody> {
    let ReasonRequest { reason } = ReasonRequest::parse(call.json()?)?;
    let account: AccountId = call.id("account_id")?;
    let statement = Statement::of(act, account, &reason, &call.asked_by(actor.as_str()));
    Ok((account, statement))
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
