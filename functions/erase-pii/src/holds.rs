//! Legal holds: set, lifted, listed.

use adapters::erasures::{Erasures, Held, Lifted};
use adapters::http::{Call, Success};
use domain::erasure::Whom;
use domain::intent::ReasonRequest;
use domain::principal::Principal;
use domain::problem::Problem;
use domain::problem_body::ProblemBody;
use serde_json::json;

use crate::document::HoldDocument;
use crate::routes::told;

pub(crate) async fn set(erasures: &Erasures, actor: &Principal, call: &Call) -> Result<Success, ProblemBody> {
    let (whom, ReasonRequest { reason }) = (whom(call)?, ReasonRequest::parse(call.json()?)?);
    match erasures
        .hold(&call.asked_by(actor.as_str()), whom, &reason)
        .await
        .map_err(told)?
    {
        Held::Holds(hold) => Ok(Success::json(200, &HoldDocument::of(&hold))?),
        Held::Erased => Err(Problem::CustomerErased.into()),
        Held::Nobody => Err(Problem::NotFound.into()),
    }
}

pub(crate) async fn lift(erasures: &Erasures, actor: &Principal, call: &Call) -> Result<Success, ProblemBody> {
    let (whom, ReasonRequest { reason }) = (whom(call)?, ReasonRequest::parse(call.json()?)?);
    match erasures
        .lift(&call.asked_by(actor.as_str()), whom, &reason)
        .await
        .map_err(told)?
    {
        Lifted::Done => Ok(Success::json(200, &HoldDocument::lifted(whom))?),
        Lifted::Nobody => Err(Problem::NotFound.into()),
    }
}

/// All of a tenant's: people set them, one at a time, and they are few.
pub(crate) async fn list(erasures: &Erasures, actor: &Principal, call: &Call) -> Result<Success, ProblemBody> {
    let holds = erasures.holds(actor.as_str(), call.id("tenant_id")?).await;
    let holds: Vec<_> = holds.map_err(told)?.iter().map(HoldDocument::of).collect();
    Ok(Success::json(200, &json!({ "object": "list", "data": holds }))?)
}

fn whom(call: &Call) -> Result<Whom, Problem> {
    let is_of_a_customer = call.route().ends_with("/{customer_id}");
    Ok(Whom {
        tenant: call.id("tenant_id")?,
        customer: is_of_a_customer.then(|| call.id("customer_id")).transpose()?,
    })
}
