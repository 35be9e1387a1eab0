//! `/v1/dead-letters`: what an operator does about the events that could not be published.
//!
//! They belong to all merchants, so the gateway lets only the operator's scope through; who it was is in the audit.

mod page;

use adapters::http::{self, Call, Success};
use adapters::justifier::Justifier;
use adapters::ledger::Ledger;
use adapters::ledger::dead_letters::{DeadLetter, Resolution};
use domain::answer::timestamp;
use domain::ids::{EventId, LedgerKey, TenantId};
use domain::intent::ReasonRequest;
use domain::justification::{Act, Statement};
use domain::problem::Problem;
use domain::problem_body::ProblemBody;
use lambda_http::{Body, Request, Response};
use serde::Serialize;

/// Answers 200; 404 if there is no such letter, 409 if it was resolved the other way.
pub async fn handle(ledger: &Ledger, justifier: &Justifier, request: Request) -> Response<Body> {
    http::answer(request, async |call| {
        let actor = call.actor()?;
        if !call.has_path_parameters() {
            return page::show(ledger, &actor, &call).await;
        }
        let id = call.id("dead_letter_id")?;
        match call.route().rsplit('/').next() {
            Some("replay") => resolve((ledger, justifier), &actor, id, Resolution::Replayed, &call).await,
            Some("discard") => resolve((ledger, justifier), &actor, id, Resolution::Discarded, &call).await,
            Some(_) | None => {
                let letter = ledger.dead_letter(&actor, id).await?.ok_or(Problem::NotFound)?;
                Ok(Success::json(200, &Letter::from(letter))?)
            }
        }
    })
    .await
}

async fn resolve(
    (ledger, justifier): (&Ledger, &Justifier),
    actor: &str,
    id: i64,
    resolution: Resolution,
    call: &Call,
) -> Result<Success, ProblemBody> {
    let ReasonRequest { reason } = ReasonRequest::parse(call.json()?)?;
    let act = match resolution {
        Resolution::Replayed => Act::DeadLetterReplayed,
        Resolution::Discarded => Act::DeadLetterDiscarded,
    };
    let statement = Statement::of(act, id, &reason, &call.asked_by(actor));
    let justification = justifier.justify(&statement).await?;
    let letter = ledger
        .resolve_dead_letter(actor, id, resolution, &justification)
        .await?
        .ok_or(Problem::NotFound)?;
    match letter.resolved {
        Some((decided, _)) if decided == resolution => {
            let event = letter.event;
            tracing::info!(dead_letter.id = id, dead_letter.resolution = %resolution, event.id = %event, "resolved");
            Ok(Success::json(200, &Letter::from(letter))?)
        }
        Some(_) | None => Err(Problem::DeadLetterResolved.into()),
    }
}

/// A dead letter on the wire.
#[derive(Serialize)]
struct Letter {
    id: i64,
    object: &'static str,
    /// `open`, `replayed` or `discarded`.
    status: &'static str,
    event_id: EventId,
    event_type: String,
    tenant_id: TenantId,
    transaction: LedgerKey,
    sequence: u32,
    attempts: i16,
    error: String,
    died_at: String,
    queued_at: Option<String>,
    resolved_at: Option<String>,
}

impl From<DeadLetter> for Letter {
    fn from(letter: DeadLetter) -> Self {
        Self {
            id: letter.id,
            object: "dead_letter",
            status: letter.resolved.map_or("open", |(resolution, _)| resolution.as_str()),
            event_id: letter.event,
            event_type: letter.event_type,
            tenant_id: letter.tenant,
            transaction: letter.transaction,
            sequence: letter.sequence,
            attempts: letter.attempts,
            error: letter.error,
            died_at: timestamp(letter.died_at),
            queued_at: letter.queued_at.map(timestamp),
            resolved_at: letter.resolved.map(|(_, at)| timestamp(at)),
        }
    }
}
