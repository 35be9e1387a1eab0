//! A page of dead letters, newest first.

use adapters::http::page::{Limit, Query};
use adapters::http::{Call, Success};
use adapters::ledger::Ledger;
use adapters::ledger::dead_letters::PageRequest;
use domain::intent::Invalid;
use domain::problem_body::ProblemBody;

use crate::Letter;

pub(crate) async fn show(ledger: &Ledger, actor: &str, call: &Call) -> Result<Success, ProblemBody> {
    let (wanted, limit) = read(call)?;
    let found = ledger.dead_letters(actor, &wanted).await?;
    let letters = found.into_iter().map(Letter::from);
    Ok(Success::json(200, &limit.page(letters, |last| last.id))?)
}

/// Reads `open`, `before` and `limit`.
fn read(call: &Call) -> Result<(PageRequest, Limit), Invalid> {
    let mut query = Query::of(call);
    let open_only = query.parsed("open", "must be true or false").unwrap_or_default();
    let before = query.cursor("before", |text| text.parse().ok());
    let limit = query.limit();
    let wanted = PageRequest {
        open_only,
        before,
        most: limit.to_find(),
    };
    query.checked((wanted, limit))
}
