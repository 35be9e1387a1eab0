//! A page of an account's freezes, newest first, open and ended.

use adapters::http::page::{Limit, Query};
use adapters::http::{Call, Success};
use adapters::ledger::Ledger;
use adapters::ledger::freezes::{Cause, Freeze};
use domain::answer::timestamp;
use domain::ids::LedgerKey;
use domain::intent::Invalid;
use domain::principal::Principal;
use domain::problem::Problem;
use domain::problem_body::ProblemBody;
use serde::Serialize;

#[derive(Serialize)]
struct Line {
    id: i64,
    object: &'static str,
    /// `operator` or `limbo`.
    cause: &'static str,
    frozen_by: Option<String>,
    settlement_id: Option<LedgerKey>,
    reason: String,
    since: String,
    ended_at: Option<String>,
}

impl From<Freeze> for Line {
    fn from(freeze: Freeze) -> Self {
        let (cause, frozen_by, settlement_id) = match freeze.cause {
            Cause::Operator(arn) => ("operator", Some(arn), None),
            Cause::Limbo(settlement) => ("limbo", None, Some(settlement)),
        };
        Self {
            id: freeze.id,
            object: "freeze",
            cause,
            frozen_by,
            settlement_id,
            reason: freeze.reason,
            since: timestamp(freeze.since),
            ended_at: freeze.ended_at.map(timestamp),
        }
    }
}

pub(crate) async fn show(ledger: &Ledger, actor: &Principal, call: &Call) -> Result<Success, ProblemBody> {
    let (before, limit) = read(call)?;
    let account = call.id("account_id")?;
    let found = ledger.freezes_of(actor, account, before, limit.to_find()).await?;
    let lines = found.ok_or(Problem::NotFound)?.into_iter().map(Line::from);
    Ok(Success::json(200, &limit.page(lines, |last| last.id))?)
}

/// Reads `before` and `limit`.
fn read(call: &Call) -> Result<(Option<i64>, Limit), Invalid> {
    let mut query = Query::of(call);
    let before = query.cursor("before", |text| text.parse().ok());
    let limit = query.limit();
    query.checked((before, limit))
}
