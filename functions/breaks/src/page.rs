//! A page of breaks, newest first.

use adapters::http::page::{Limit, Query};
use adapters::http::{Call, Success};
use adapters::ledger::Ledger;
use adapters::ledger::breaks::PageRequest;
use domain::intent::Invalid;
use domain::principal::Principal;
use domain::problem_body::ProblemBody;

use crate::shown::Shown;

pub(crate) async fn show(ledger: &Ledger, actor: &Principal, call: &Call) -> Result<Success, ProblemBody> {
    let (wanted, limit) = read(call)?;
    let found = ledger.breaks(actor, &wanted).await?;
    let breaks = found.into_iter().map(Shown::from);
    Ok(Success::json(200, &limit.page(breaks, |last| last.id))?)
}

/// Reads `open`, `provider`, `before` and `limit`.
fn read(call: &Call) -> Result<(PageRequest, Limit), Invalid> {
    let mut query = Query::of(call);
    let open_only = query.parsed("open", "must be true or false").unwrap_or_default();
    let provider = query.parsed("provider", "must be 1 to 40 small letters, digits and dashes");
    let before = query.cursor("before", |text| text.parse().ok());
    let limit = query.limit();
    let wanted = PageRequest {
        open_only,
        provider,
        before,
        most: limit.to_find(),
    };
    query.checked((wanted, limit))
}
