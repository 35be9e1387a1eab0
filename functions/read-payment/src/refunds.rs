//! What was given back of a payment, newest first, and what is left.

use adapters::http::page::{Limit, Page, Query};
use adapters::http::{Call, Success};
use adapters::ledger::Ledger;
use domain::answer;
use domain::ids::{LedgerKey, TenantId};
use domain::intent::Invalid;
use domain::money::Currency;
use domain::problem::Problem;
use domain::problem_body::ProblemBody;
use serde::Serialize;

#[derive(Serialize)]
struct Refunds<L> {
    payment: LedgerKey,
    /// The payment's, in minor units.
    amount: i64,
    currency: Currency,
    /// By all refunds and a reversal, in minor units.
    refunded: i64,
    /// What can still be refunded, in minor units.
    left: i64,
    #[serde(flatten)]
    page: Page<L, i32>,
}

pub(crate) async fn show(ledger: &Ledger, tenant: TenantId, call: &Call) -> Result<Success, ProblemBody> {
    let (before, limit) = read(call)?;
    let payment = call.id("payment_id")?;
    let found = ledger.corrections_of(tenant, payment, before, limit.to_find()).await?;
    let found = found.ok_or(Problem::NotFound)?;
    let page = limit.page(&found.page, |(number, _)| *number);
    let refunds = Refunds {
        payment,
        amount: found.amount,
        currency: found.currency,
        refunded: found.refunded,
        left: found.left,
        page: page.map(|(_, recorded)| answer::shown(recorded)),
    };
    Ok(Success::json(200, &refunds)?)
}

/// Reads `cursor` and `limit`.
fn read(call: &Call) -> Result<(Option<i32>, Limit), Invalid> {
    let mut query = Query::of(call);
    let before = query.cursor("cursor", |text| text.parse().ok());
    let limit = query.limit();
    query.checked((before, limit))
}
