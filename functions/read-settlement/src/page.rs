//! A page of a merchant's settlements, newest first.

use adapters::http::page::{Limit, Query};
use adapters::http::{Call, Success};
use adapters::ledger::Ledger;
use adapters::ledger::settlements::list::{Listed, PageRequest};
use domain::answer::timestamp;
use domain::ids::{AccountId, LedgerKey, TenantId};
use domain::intent::Invalid;
use domain::money::{Amount, Currency};
use domain::problem_body::ProblemBody;
use serde::Serialize;

/// A settlement without its log.
#[derive(Serialize)]
struct Line {
    id: LedgerKey,
    object: &'static str,
    status: &'static str,
    source: AccountId,
    destination: AccountId,
    amount: Amount,
    currency: Currency,
    /// In minor units.
    fee: i64,
    created_at: String,
    changed_at: String,
}

impl From<&Listed> for Line {
    fn from(listed: &Listed) -> Self {
        Self {
            id: listed.id,
            object: "settlement",
            status: listed.status.as_str(),
            source: listed.buyer,
            destination: listed.merchant,
            amount: listed.amount,
            currency: listed.currency,
            fee: listed.fee,
            created_at: timestamp(listed.created_at),
            changed_at: timestamp(listed.changed_at),
        }
    }
}

pub(crate) async fn show(ledger: &Ledger, tenant: TenantId, call: &Call) -> Result<Success, ProblemBody> {
    let (wanted, limit) = read(call)?;
    let found = ledger.settlements(tenant, &wanted).await?;
    let page = limit.page(found, |last| last.place().to_string());
    Ok(Success::json(200, &page.map(|listed| Line::from(&listed)))?)
}

/// Reads `status`, `cursor` and `limit`.
fn read(call: &Call) -> Result<(PageRequest, Limit), Invalid> {
    let mut query = Query::of(call);
    let status = query.parsed(
        "status",
        "must be accepted, held, parked, verified, released, settled, compensating, compensated or limbo",
    );
    let before = query.cursor("cursor", |text| text.parse().ok());
    let limit = query.limit();
    let wanted = PageRequest {
        status,
        before,
        most: limit.to_find(),
    };
    query.checked((wanted, limit))
}
