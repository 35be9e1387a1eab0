//! A page of an account's entries, newest first.

use std::time::Duration;

use adapters::http::{Call, Success};
use adapters::ledger::Ledger;
use adapters::ledger::entries::{Entry, PageRequest};
use domain::answer::timestamp;
use domain::ids::{AccountId, LedgerKey, TenantId};
use domain::intent::{FieldError, Invalid};
use domain::money::Currency;
use domain::problem::Problem;
use domain::problem_body::ProblemBody;
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

const MOST: i32 = 200;
const USUAL: i32 = 50;
/// A moment is settled once no transaction that began before it can still commit. Those end within seconds.
const SETTLES_AFTER: Duration = Duration::from_mins(1);

#[derive(Serialize)]
struct Page {
    object: &'static str,
    data: Vec<Line>,
    /// To be sent as `cursor` for the next page; null on the last one.
    next: Option<String>,
}

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
    let wanted = read(call)?;
    // One more than asked for tells whether there is a next page.
    let most = wanted.most;
    let request = PageRequest {
        most: most + 1,
        ..wanted
    };
    let found = ledger
        .entries(tenant, account, &request)
        .await?
        .ok_or(Problem::NotFound)?;
    let mut data: Vec<Line> = found.entries.into_iter().map(Line::from).collect();
    let most = usize::try_from(most).unwrap_or_default();
    let more = data.len() > most;
    data.truncate(most);
    let next = data
        .last()
        .filter(|_| more)
        .map(|last| format!("{}.{}", last.id, found.horizon));
    Ok(Success::json(
        200,
        &Page {
            object: "list",
            data,
            next,
        },
    )?)
}

/// Reads `limit`, `cursor` and `as_of`; names every one that is wrong.
fn read(call: &Call) -> Result<PageRequest, Invalid> {
    let mut errors = Vec::new();
    let mut wrong = |name: &str, detail: &str| {
        errors.push(FieldError {
            pointer: format!("?{name}"),
            detail: detail.to_owned(),
        });
    };
    let mut page = PageRequest {
        most: USUAL,
        ..PageRequest::default()
    };
    if let Some(limit) = call.query("limit") {
        match limit.parse() {
            Ok(most @ 1..=MOST) => page.most = most,
            Ok(_) | Err(_) => wrong("limit", "must be a whole number between 1 and 200"),
        }
    }
    if let Some(cursor) = call.query("cursor") {
        match cursor
            .split_once('.')
            .map(|(before, horizon)| (before.parse(), horizon.parse::<u64>()))
        {
            Some((Ok(before), Ok(horizon))) => {
                (page.before, page.horizon) = (Some(before), Some(horizon.to_string()));
            }
            Some(_) | None => wrong("cursor", "must be the `next` of an earlier page"),
        }
    }
    if let Some(as_of) = call.query("as_of") {
        match OffsetDateTime::parse(as_of, &Rfc3339) {
            Ok(at) if at <= OffsetDateTime::now_utc() - SETTLES_AFTER => page.as_of = Some(at),
            Ok(_) => wrong(
                "as_of",
                "must lie at least 60 seconds back: a later moment is not settled",
            ),
            Err(_) => wrong(
                "as_of",
                "must be a time as RFC 3339 writes it, such as 2026-11-22T10:00:00Z",
            ),
        }
    }
    if errors.is_empty() {
        Ok(page)
    } else {
        Err(Invalid::Fields(errors))
    }
}
