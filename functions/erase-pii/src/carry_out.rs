//! Carrying erasures out.

use std::time::{Duration, SystemTime};

use adapters::delivery::{Batch, Failures, Message};
use adapters::erasures::{Carried, ErasureError, Erasures, REQUESTED, SOURCE};
use adapters::metrics::{self, Unit};
use domain::erasure::{Asked, Erasure};
use domain::ids::ErasureId;
use domain::intent::ErasureEvent;
use lambda_runtime::Error;
use serde::Deserialize;
use serde_json::{Value, json};
use time::OffsetDateTime;

/// Nothing further of a tenant is begun later than this before the deadline: a page of it takes a few seconds.
const STOP_BEFORE: Duration = Duration::from_secs(15);

/// An erasure that should go on.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    erasure_id: ErasureId,
}

/// The clock wants to know which erasures stand still, and that they go on.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Look {
    /// Those that have stood still for so long are carried on. The messages of all others will see to them.
    still_for_seconds: u32,
}

/// Carries out what the messages ask for; returns those that should come again.
pub async fn batch(erasures: &Erasures, batch: &Batch, deadline: SystemTime) -> Failures {
    let mut again = Vec::new();
    for message in &batch.messages {
        if !is_dealt_with(erasures, message, deadline).await {
            again.push(message.message_id.clone());
        }
    }
    Failures::counted(again)
}

/// Carries out one that is there; returns its id and how far it has come.
///
/// # Errors
/// [`ErasureError`]
pub async fn by_hand(erasures: &Erasures, wanted: Wanted, deadline: SystemTime) -> Result<Value, Error> {
    let carried = carry_out(erasures, wanted.erasure_id, deadline).await;
    let erasure = carried.inspect_err(|error| failed(wanted.erasure_id, error))?;
    let status = erasure.standing.status().as_str();
    Ok(json!({ "erasure_id": erasure.id, "status": status }))
}

/// Carries on whatever stands still, whatever became of its message: it was never sent, or is lost, or lies dead. Tells how long
/// the longest has stood; returns `{"carried_on": n}`.
///
/// # Errors
/// [`ErasureError`] if it cannot be known which stand still. Those that fail are logged and counted each.
pub async fn standing_still(erasures: &Erasures, look: Look, deadline: SystemTime) -> Result<Value, Error> {
    let (until, now) = (until(deadline), OffsetDateTime::now_utc());
    let unfinished = erasures.standing_still().await?;
    let longest = unfinished
        .first()
        .map_or(0, |(_, since)| (now - *since).whole_seconds().max(0));
    metrics::emit(&[("LongestStillSeconds", Unit::Seconds, longest)]);
    let since = now - Duration::from_secs(look.still_for_seconds.into());
    let mut carried_on = 0;
    for (id, _) in unfinished.into_iter().take_while(|(_, moved_at)| *moved_at <= since) {
        if SystemTime::now() >= until {
            break;
        }
        match carry_out(erasures, id, deadline).await {
            Ok(_) => carried_on += 1,
            Err(error) => failed(id, &error),
        }
    }
    Ok(json!({ "carried_on": carried_on }))
}

async fn is_dealt_with(erasures: &Erasures, message: &Message, deadline: SystemTime) -> bool {
    let detail = message.detail(SOURCE, REQUESTED).ok();
    let Some(Ok(event)) = detail.map(|detail| ErasureEvent::parse(detail.get().as_bytes())) else {
        // What it says is not repeated: somebody may have put a name into it. It becomes a dead letter.
        tracing::error!(
            message.id = message.message_id,
            "what asks for an erasure cannot be read"
        );
        return false;
    };
    let (id, asked) = (event.erasure_id, asked(&event));
    match erasures.accept(id, asked).await {
        Ok(true) => match carry_out(erasures, id, deadline).await {
            Ok(_) => true,
            Err(error) => {
                failed(id, &error);
                false
            }
        },
        Ok(false) => {
            tracing::error!(erasure.id = %id, "an event asks for something else under the id of an erasure");
            false
        }
        Err(error) => {
            failed(id, &error);
            false
        }
    }
}

async fn carry_out(erasures: &Erasures, id: ErasureId, deadline: SystemTime) -> Result<Erasure, ErasureError> {
    let Carried { erasure, is_through } = erasures.carry_out(id, until(deadline)).await?;
    let status = erasure.standing.status();
    if !is_through {
        erasures.hand_on(&erasure).await?;
    }
    tracing::info!(
        erasure.id = %id,
        erasure.status = status.as_str(),
        erasure.scope = erasure.asked.whom.scope().as_str(),
        tenant.id = %erasure.asked.whom.tenant,
        "an erasure was carried out, as far as it goes"
    );
    Ok(erasure)
}

fn until(deadline: SystemTime) -> SystemTime {
    deadline.checked_sub(STOP_BEFORE).unwrap_or(deadline)
}

fn asked(event: &ErasureEvent) -> Asked {
    Asked {
        whom: event.request.whom,
        by: event.asked_by.to_string(),
        reason: event.request.reason.clone(),
        at: OffsetDateTime::now_utc(),
    }
}

/// Logged once, and counted: a defect calls people at once, all else when it lasts.
fn failed(id: ErasureId, error: &ErasureError) {
    if error.is_defect() {
        tracing::error!(erasure.id = %id, %error, "an erasure cannot go on");
        metrics::emit(&[("ErasuresFailed", Unit::Count, 1)]);
    } else {
        tracing::warn!(erasure.id = %id, %error, "an erasure will be tried again");
    }
}
