//! A page of an account's entries, newest first.

use std::time::Duration;

use adapters::http::page::{Limit, Query};
use adapters::http::{Call, Success};
use adapters::ledger::Ledger;
use adapters::ledger::entries::{Entry, PageRequest};
use domain::answer::timestamp;
use domain::ids::{AccountId, LedgerKey, TenantId};
use domain::intent::Invalid;
use domain::money::Currency;
use domain::problem::Problem;
use domain::problem_body::ProblemBody;
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A moment is settled once no transaction that began before it can still commit. Those end within seconds.
const SETTLES_AFTER: Duration = Duration::from_mins(1);

#[derive(Serialize)]
struct Line {
    id: i64,
    transaction: LedgerKey,
    #[serde(rename = "type")]
    entry_type: String,
    amount: i64,
    currency: Currency,
    created_at: String,
}

impl From<Entry> for Line {
    fn from(entry: Entry) -> Self {
        Self {
            id: entry.id,
            transaction: entry.transaction,
            entry_type: entry.entry_type,
            amount: entry.amount,
            currency: entry.currency,
            created_at: timestamp(entry.created_at),
        }
    }
}

pub(crate) async fn page(
    ledger: &Ledger,
    tenant: TenantId,
    account: AccountId,
    call: &Call,
) -> Result<Success, ProblemBody> {
    let (wanted, limit) = read(call)?;
    let found = ledger
        .entries(tenant, account, &wanted)
        .await?
        .ok_or(Problem::NotFound)?;
    let lines = found.entries.into_iter().map(Line::from);
    let page = limit.page(lines, |last| format!("{}.{}", last.id, found.horizon));
    Ok(Success::json(200, &page)?)
}

/// Reads `limit`, `cursor` and `as_of`.
fn read(call: &Call) -> Result<(PageRequest, Limit), Invalid> {
    let mut query = Query::of(call);
    let limit = query.limit();
    let (before, horizon) = query.cursor("cursor", place).unzip();
    let as_of = query.read("as_of", settled);
    let wanted = PageRequest {
        before,
        horizon,
        as_of,
        most: limit.to_find(),
    };
    query.checked((wanted, limit))
}

/// The entry that a page ended with, and the horizon of its walk.
fn place(cursor: &str) -> Option<(i64, String)> {
    let (before, horizon) = cursor.split_once('.')?;
    let horizon: u64 = horizon.parse().ok()?;
    Some((before.parse().ok()?, horizon.to_string()))
}

fn settled(as_of: &str) -> Result<OffsetDateTime, &'static str> {
    match OffsetDateTime::parse(as_of, &Rfc3339) {
        Ok(at) if at <= OffsetDateTime::now_utc() - SETTLES_AFTER => Ok(at),
        Ok(_) => Err("must lie at least 60 seconds back: a later moment is not settled"),
        Err(_) => Err("must be a time as RFC 3339 writes it, such as 2026-11-22T10:00:00Z"),
    }
}
