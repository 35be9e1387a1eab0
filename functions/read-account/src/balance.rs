//! An account with its balance.

use adapters::http::Success;
use adapters::ledger::Ledger;
use domain::answer::timestamp;
use domain::ids::{AccountId, TenantId};
use domain::money::Currency;
use domain::problem::Problem;
use domain::problem_body::ProblemBody;
use serde::Serialize;

#[derive(Serialize)]
struct Account {
    id: AccountId,
    object: &'static str,
    kind: String,
    currency: Currency,
    /// Minor units: credits less debits.
    balance: i64,
    /// Minor units; null: none.
    floor: Option<i64>,
    frozen: bool,
    created_at: String,
}

pub(crate) async fn show(ledger: &Ledger, tenant: TenantId, id: AccountId) -> Result<Success, ProblemBody> {
    let standing = ledger.account(tenant, id).await?.ok_or(Problem::NotFound)?;
    let account = Account {
        id: standing.account.id,
        object: "account",
        kind: standing.account.purpose,
        currency: standing.account.currency,
        balance: standing.balance,
        floor: standing.account.floor,
        frozen: standing.frozen,
        created_at: timestamp(standing.account.created_at),
    };
    Ok(Success::json(200, &account)?)
}
