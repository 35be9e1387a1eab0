//! Erases what the vault keeps of a person, or of all persons of a tenant: asked for by people who sign (`routes`) or by
//! an event, carried out by whoever the event comes to, as often as it takes (`carry_out`). The clock looks for those that
//! nobody carries out.

pub mod carry_out;
mod document;
mod holds;
pub mod routes;

use adapters::delivery::Batch;
use serde::Deserialize;
use serde_json::value::RawValue;

use self::carry_out::{Look, Wanted};

/// What the function is called with.
#[derive(Debug)]
pub enum Call {
    /// A request of the gateway.
    Request,
    /// By the queue: erasures that were asked for.
    Queue(Batch),
    /// By the clock: those that stand still should go on.
    Clock(Look),
    /// By hand: one that is there, and should go on.
    Hand(Wanted),
}

/// What a call is told by.
#[derive(Deserialize)]
struct Shape<'a> {
    #[serde(rename = "requestContext", borrow)]
    request: Option<&'a RawValue>,
    #[serde(rename = "Records", borrow)]
    records: Option<&'a RawValue>,
    #[serde(borrow)]
    still_for_seconds: Option<&'a RawValue>,
}

impl Call {
    /// Tells by its shape what it is.
    ///
    /// # Errors
    /// If it is none of the four.
    pub fn read(payload: &RawValue) -> serde_json::Result<Self> {
        let shape: Shape = serde_json::from_str(payload.get())?;
        match (shape.request, shape.records, shape.still_for_seconds) {
            (Some(_), _, _) => Ok(Self::Request),
            (None, Some(_), _) => serde_json::from_str(payload.get()).map(Self::Queue),
            (None, None, Some(_)) => serde_json::from_str(payload.get()).map(Self::Clock),
            (None, None, None) => serde_json::from_str(payload.get()).map(Self::Hand),
        }
    }
}
