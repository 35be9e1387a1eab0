//! Events as a queue hands them to a consumer, and what the consumers' memory holds of them.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::event::{Announced, Event, EventType};
use domain::money::Amount;
use serde_json::{Value, json};
use tests::cloud::Cloud;
use tests::lambda::{Function, Setup};
use tests::patience::until;
use time::OffsetDateTime;
use time::macros::datetime;
use uuid::Uuid;

/// How long a claim of the consumers under test lasts, in seconds: the function's timeout here, and five.
pub const FUNCTION_TIMEOUT_SECONDS: u64 = 20;

/// A payment of EUR 12.50 of this merchant's, that nobody has heard of.
pub fn payment(tenant: Uuid) -> Event {
    event(tenant, EventType::PaymentPosted, datetime!(2026-02-03 04:05:06 UTC))
}

/// An event of EUR 12.50 that nobody has heard of.
pub fn event(tenant: Uuid, event_type: EventType, occurred_at: OffsetDateTime) -> Event {
    Event::from(Announced {
        tenant: tenant.into(),
        ledger_key: Uuid::new_v4().into(),
        sequence: 1,
        event_type,
        source: Uuid::new_v4().into(),
        destination: Uuid::new_v4().into(),
        amount: Amount::new(1250).unwrap(),
        currency: "EUR".parse().unwrap(),
        fee: 0,
        payment: Uuid::new_v4().into(),
        occurred_at,
    })
}

/// What the bus makes of an event.
pub fn delivery(event: &Event) -> Value {
    json!({
        "version": "0",
        "id": Uuid::new_v4(),
        "detail-type": event.event_type().as_str(),
        "source": Event::SOURCE,
        "account": "123456789012",
        "time": "2026-02-03T04:05:06Z",
        "region": "eu-west-1",
        "resources": [],
        "detail": event,
    })
}

/// A batch of these messages; their ids are `0`, `1`, `2` …
pub fn batch(bodies: &[String]) -> Value {
    let record = |(index, body): (usize, &String)| {
        json!({
            "messageId": index.to_string(),
            "receiptHandle": "handle",
            "body": body,
            "attributes": {"ApproximateReceiveCount": "1"},
            "messageAttributes": {},
            "eventSource": "aws:sqs",
        })
    };
    json!({ "Records": bodies.iter().enumerate().map(record).collect::<Vec<_>>() })
}

/// A batch of these events.
pub fn batch_of(events: &[&Event]) -> Value {
    let bodies: Vec<_> = events.iter().map(|event| delivery(event).to_string()).collect();
    batch(&bodies)
}

/// Ten messages, the payments of `tenant` but for those at the indices given with a body of their own.
pub fn ten_with(tenant: Uuid, others: &[(usize, String)]) -> (Vec<Event>, Value) {
    let payments: Vec<_> = (0..10).map(|_| payment(tenant)).collect();
    let mut bodies: Vec<_> = payments.iter().map(|event| delivery(event).to_string()).collect();
    for (index, body) in others {
        bodies[*index].clone_from(body);
    }
    (payments, batch(&bodies))
}

/// Messages that are no events of ours, by what is wrong with them.
pub fn poisons(tenant: Uuid) -> [(&'static str, String); 6] {
    let changed = |path: &str, value: Value| {
        let mut body = delivery(&payment(tenant));
        *body.pointer_mut(path).unwrap() = value;
        body.to_string()
    };
    [
        ("no JSON", "payment".to_owned()),
        ("no delivery", json!({"message": "hello"}).to_string()),
        ("another source", changed("/source", json!("elsewhere"))),
        ("no event", changed("/detail", json!({"status": "paid"}))),
        ("no id", changed("/detail/event_id", json!("1"))),
        (
            "another type than the bus went by",
            changed("/detail-type", json!("deposit.posted.v1")),
        ),
    ]
}

/// The messages that an answer brings again, by their ids.
pub fn failed(answer: &Value) -> Vec<&str> {
    let failures = answer["batchItemFailures"]
        .as_array()
        .unwrap_or_else(|| panic!("{answer}"));
    let mut ids: Vec<_> = failures
        .iter()
        .map(|failure| failure["itemIdentifier"].as_str().unwrap())
        .collect();
    ids.sort_unstable();
    ids
}

/// A consumer as deployed, but for its time-out.
pub fn consumer(cloud: &Cloud, name: &str) -> Setup {
    Function::of(cloud, name).set("FUNCTION_TIMEOUT_SECONDS", FUNCTION_TIMEOUT_SECONDS)
}

/// Waits until the process has written this. A line is written before the answer, but read from a pipe beside it.
pub async fn says(function: &Function, text: &str) {
    let said = || async { function.output().contains(text).then_some(()) };
    until(said, || format!("{text:?} in:\n{}", function.output())).await;
}

/// What a consumer remembers of events.
pub struct Memory {
    client: aws_sdk_dynamodb::Client,
    table: String,
    consumer: &'static str,
}

impl Memory {
    /// The deployed table, as a consumer uses it.
    pub fn of(cloud: &Cloud, consumer: &'static str) -> Self {
        Self {
            client: cloud.dynamodb(),
            table: cloud.function(consumer).environment["CONSUMED_TABLE"].clone(),
            consumer,
        }
    }

    /// Whether the consumer holds the event for done; `None` if it has never heard of it.
    pub async fn done(&self, event: &Event) -> Option<bool> {
        Some(self.item(event).await?.contains_key("done_at"))
    }

    /// Ends the lease of whoever is at the event, as time would.
    pub async fn end_lease(&self, event: &Event) {
        let mut item = self.item(event).await.expect("the event is claimed");
        item.insert("lease_until".to_owned(), AttributeValue::N("0".to_owned()));
        self.put(item).await;
    }

    /// Leaves what a kill before the mark would have left, with the lease over.
    pub async fn forget_done(&self, event: &Event) {
        let mut item = self.item(event).await.expect("the event is claimed");
        item.remove("done_at").expect("the event is done");
        item.insert("lease_until".to_owned(), AttributeValue::N("0".to_owned()));
        self.put(item).await;
    }

    /// Unix seconds after which the table may delete what it knows of the event.
    pub async fn expires_at(&self, event: &Event) -> i64 {
        let item = self.item(event).await.expect("the event is known");
        item["expires_at"].as_n().unwrap().parse().unwrap()
    }

    async fn item(&self, event: &Event) -> Option<HashMap<String, AttributeValue>> {
        let key = AttributeValue::S(format!("{}#{}", self.consumer, event.id()));
        let read = self.client.get_item().table_name(&self.table).key("pk", key);
        read.consistent_read(true).send().await.unwrap().item
    }

    async fn put(&self, item: HashMap<String, AttributeValue>) {
        let write = self.client.put_item().table_name(&self.table);
        write.set_item(Some(item)).send().await.unwrap();
    }
}
