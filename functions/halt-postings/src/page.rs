//! A page of the halts that hold.

use adapters::http::page::{Limit, Query};
use adapters::http::{Call, Success};
use adapters::ledger::Ledger;
use domain::halt::Scope;
use domain::intent::Invalid;
use domain::principal::Principal;
use domain::problem_body::ProblemBody;

use super::Line;

pub(crate) async fn show(ledger: &Ledger, actor: &Principal, call: &Call) -> Result<Success, ProblemBody> {
    let (after, limit) = read(call)?;
    let found = ledger.halts_that_hold(actor, after, limit.to_find()).await?;
    let page = limit.page(found, |(scope, _)| scope.to_string());
    Ok(Success::json(200, &page.map(|(scope, halt)| Line::of(scope, halt)))?)
}

/// Reads `cursor` and `limit`.
fn read(call: &Call) -> Result<(Option<Scope>, Limit), Invalid> {
    let mut query = Query::of(call);
    let after = query.cursor("cursor", |text| text.parse().ok());
    let limit = query.limit();
    query.checked((after, limit))
}
