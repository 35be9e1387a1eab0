//! What a queue hands to a consumer, a batch of messages, each an event as the bus wrapped it; and what the consumer
//! answers, the messages to bring again: one bad message fails alone.

use domain::event::{Event, EventId};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use time::OffsetDateTime;

use crate::metrics::{self, Unit};

/// A batch of an SQS queue.
#[derive(Debug, Deserialize)]
pub struct Batch {
    /// In no order.
    #[serde(rename = "Records")]
    pub messages: Vec<Message>,
}

/// One message.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// The queue's own id.
    pub message_id: String,
    body: String,
}

/// The message is no event of ours, or none of the bucket's. It will not become one: after a few more deliveries it is a dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotOurs {
    /// It is not what the bus delivers.
    #[error("the message is not what the bus delivers")]
    NoDelivery,
    /// It came from elsewhere.
    #[error("the message has another source")]
    Source,
    /// Its detail is no event that this consumer can read, or its type is not the one that the bus went by.
    #[error("the message's detail is not an event of a known shape")]
    Detail,
}

/// What the bus wraps around an event, as far as it matters here.
#[derive(Deserialize)]
struct Delivery<'a> {
    #[serde(rename = "detail-type")]
    detail_type: String,
    source: String,
    #[serde(borrow)]
    detail: &'a RawValue,
}

/// An object that was put into a bucket, as S3 tells the default bus. Its other members do not matter here.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "ObjectCreated")]
pub struct Object {
    /// The bucket's name.
    pub bucket: String,
    /// The object's key, as it was given.
    pub key: String,
}

#[derive(Deserialize)]
struct ObjectCreated {
    bucket: Bucket,
    object: Key,
}

#[derive(Deserialize)]
struct Bucket {
    name: String,
}

#[derive(Deserialize)]
struct Key {
    key: String,
}

impl From<ObjectCreated> for Object {
    fn from(created: ObjectCreated) -> Self {
        Self {
            bucket: created.bucket.name,
            key: created.object.key,
        }
    }
}

/// What any event of ours says, be its type known here or not.
#[derive(Debug, Deserialize)]
pub struct Header {
    /// The id to deduplicate by.
    pub event_id: EventId,
    /// Its type.
    pub event_type: String,
    /// When it happened.
    #[serde(with = "time::serde::rfc3339")]
    pub occurred_at: OffsetDateTime,
}

impl Message {
    /// The event, of a type that is known here.
    ///
    /// # Errors
    /// [`NotOurs`]
    pub fn event(&self) -> Result<Event, NotOurs> {
        let (_, detail) = self.verbatim()?;
        read(detail.get())
    }

    /// The event of any type: its header, and its JSON as it came.
    ///
    /// # Errors
    /// [`NotOurs`]
    pub fn verbatim(&self) -> Result<(Header, &RawValue), NotOurs> {
        let delivery = self.delivery_of(Event::SOURCE)?;
        let header: Header = read(delivery.detail.get())?;
        if header.event_type == delivery.detail_type {
            Ok((header, delivery.detail))
        } else {
            Err(NotOurs::Detail)
        }
    }

    /// The object that S3 tells of.
    ///
    /// # Errors
    /// [`NotOurs`]
    pub fn object(&self) -> Result<Object, NotOurs> {
        let delivery = self.delivery_of("aws.s3")?;
        if delivery.detail_type == "Object Created" {
            read(delivery.detail.get())
        } else {
            Err(NotOurs::Detail)
        }
    }

    /// The detail of an event of that source and type, whatever is in it.
    ///
    /// # Errors
    /// [`NotOurs`]
    pub fn detail(&self, source: &str, detail_type: &str) -> Result<&RawValue, NotOurs> {
        let delivery = self.delivery_of(source)?;
        if delivery.detail_type == detail_type {
            Ok(delivery.detail)
        } else {
            Err(NotOurs::Detail)
        }
    }

    fn delivery_of(&self, source: &str) -> Result<Delivery<'_>, NotOurs> {
        let delivery: Delivery = serde_json::from_str(&self.body).map_err(|_| NotOurs::NoDelivery)?;
        if delivery.source == source {
            Ok(delivery)
        } else {
            Err(NotOurs::Source)
        }
    }
}

/// Its errors would repeat what they stumbled over: they are not passed on.
fn read<T: DeserializeOwned>(detail: &str) -> Result<T, NotOurs> {
    serde_json::from_str(detail).map_err(|_| NotOurs::Detail)
}

/// What to bring again. Everything else in the batch is done with.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failures {
    batch_item_failures: Vec<Failure>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Failure {
    item_identifier: String,
}

impl Failures {
    /// Of the messages with these ids. Counted, so that somebody is called when messages keep coming back.
    #[must_use]
    pub fn counted(ids: Vec<String>) -> Self {
        if let Ok(returned @ 1..) = i64::try_from(ids.len()) {
            metrics::emit(&[("EventsReturned", Unit::Count, returned)]);
        }
        ids.into_iter().collect()
    }
}

impl FromIterator<String> for Failures {
    /// From the ids of the messages.
    fn from_iter<Ids: IntoIterator<Item = String>>(ids: Ids) -> Self {
        Self {
            batch_item_failures: ids
                .into_iter()
                .map(|item_identifier| Failure { item_identifier })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::event::EventType;
    use serde_json::{Value, json};

    use super::*;

    const SAMPLE: &str = include_str!("../../../events/analytics.json");

    fn body() -> Value {
        let batch: Batch = serde_json::from_str(SAMPLE).unwrap();
        serde_json::from_str(&batch.messages[0].body).unwrap()
    }

    fn message(body: &Value) -> Message {
        Message {
            message_id: "1".to_owned(),
            body: body.to_string(),
        }
    }

    #[test]
    fn the_sample_is_a_batch_of_our_events() {
        let batch: Batch = serde_json::from_str(SAMPLE).unwrap();
        let types: Vec<_> = batch
            .messages
            .iter()
            .map(|message| message.event().unwrap().event_type())
            .collect();
        assert_eq!(types, EventType::ALL);
    }

    #[test]
    fn an_event_of_a_later_type_is_carried_and_not_read() {
        let mut body = body();
        body["detail-type"] = json!("payment.posted.v2");
        body["detail"]["event_type"] = json!("payment.posted.v2");
        body["detail"]["payment"]["amount"] = json!("beyond");
        let mut message = message(&body);
        // A number that fits no integer of ours, and would be rounded on the way through one.
        message.body = message.body.replace("\"beyond\"", "12345678901234567890123");
        let (header, detail) = message.verbatim().unwrap();
        assert_eq!(header.event_type, "payment.posted.v2");
        assert!(detail.get().contains("12345678901234567890123"));
        assert_eq!(message.event(), Err(NotOurs::Detail));
    }

    #[test]
    fn what_is_no_event_of_ours_is_told() {
        let changed = |path: &str, value: Value| {
            let mut body = body();
            *body.pointer_mut(path).unwrap() = value;
            message(&body).verbatim().map(|_| ()).unwrap_err()
        };
        assert_eq!(changed("/source", json!("elsewhere")), NotOurs::Source);
        assert_eq!(changed("/detail", json!("text")), NotOurs::Detail);
        assert_eq!(changed("/detail/event_id", json!("text")), NotOurs::Detail);
        assert_eq!(changed("/detail-type", json!("deposit.posted.v1")), NotOurs::Detail);
        assert_eq!(message(&json!("text")).event(), Err(NotOurs::NoDelivery));
    }

    #[test]
    fn an_object_that_was_put_is_told_of_by_its_bucket_and_key() {
        let batch: Batch = serde_json::from_str(include_str!("../../../events/match-statement.json")).unwrap();
        let object = batch.messages[0].object().unwrap();
        let expected = ("onceledger-statements", "acme/2026-05-22.csv");
        assert_eq!((object.bucket.as_str(), object.key.as_str()), expected);
        let changed = |path: &str, value: Value| {
            let mut body: Value = serde_json::from_str(&batch.messages[0].body).unwrap();
            *body.pointer_mut(path).unwrap() = value;
            message(&body).object().unwrap_err()
        };
        assert_eq!(changed("/source", json!("onceledger")), NotOurs::Source);
        assert_eq!(changed("/detail-type", json!("Object Deleted")), NotOurs::Detail);
        assert_eq!(changed("/detail/object", json!({})), NotOurs::Detail);
        assert_eq!(message(&body()).object(), Err(NotOurs::Source));
    }

    #[test]
    fn failures_are_told_by_the_messages_ids() {
        let failures: Failures = ["a".to_owned()].into_iter().collect();
        assert_eq!(
            serde_json::to_value(failures).unwrap(),
            json!({"batchItemFailures": [{"itemIdentifier": "a"}]})
        );
    }
}
