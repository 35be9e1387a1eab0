//! A page of dead letters, newest first.

use adapters::http::{Call, Success};
use adapters::ledger::Ledger;
use adapters::ledger::dead_letters::PageRequest;
use domain::intent::{FieldError, Invalid};
use domain::problem_body::ProblemBody;
use serde::Serialize;

use crate::Letter;

const MOST: i32 = 200;
const USUAL: i32 = 50;

#[derive(Serialize)]
struct Page {
    object: &'static str,
    data: Vec<Letter>,
    /// To be sent as `before` for the next page; null on the last one.
    next: Option<i64>,
}

pub(crate) async fn show(ledger: &Ledger, actor: &str, call: &Call) -> Result<Success, ProblemBody> {
    let wanted = read(call)?;
    // One more than asked for tells whether there is a next page.
    let request = PageRequest {
        most: wanted.most + 1,
        ..wanted
    };
    let found = ledger.dead_letters(actor, &request).await?;
    let most = usize::try_from(wanted.most).unwrap_or_default();
    let more = found.len() > most;
    let data: Vec<Letter> = found.into_iter().take(most).map(Letter::from).collect();
    let next = data.last().filter(|_| more).map(|last| last.id);
    Ok(Success::json(
        200,
        &Page {
            object: "list",
            data,
            next,
        },
    )?)
}

/// Reads `open`, `before` and `limit`; names every one that is wrong.
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
    if let Some(open) = call.query("open") {
        match open.parse() {
            Ok(only) => page.open_only = only,
            Err(_) => wrong("open", "must be true or false"),
        }
    }
    if let Some(before) = call.query("before") {
        match before.parse() {
            Ok(id) => page.before = Some(id),
            Err(_) => wrong("before", "must be the `next` of an earlier page"),
        }
    }
    if let Some(limit) = call.query("limit") {
        match limit.parse() {
            Ok(most @ 1..=MOST) => page.most = most,
            Ok(_) | Err(_) => wrong("limit", "must be a whole number between 1 and 200"),
        }
    }
    if errors.is_empty() {
        Ok(page)
    } else {
        Err(Invalid::Fields(errors))
    }
}
