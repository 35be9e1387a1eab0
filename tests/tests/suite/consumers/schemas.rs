//! The published schemas, held against events that were really rendered by a validator that is not ours.

use std::path::Path;

use domain::event::EventType;
use serde_json::{Value, json};
use tests::cloud::Cloud;
use time::macros::datetime;
use uuid::Uuid;

use super::scene::event;

/// The JSON paths at which each document is not what its schema says.
async fn wrong(pairs: &[(Value, Value)]) -> Vec<Vec<String>> {
    let script = "
from jsonschema import Draft202012Validator as Validator
told = []
for schema, document in given:
    Validator.check_schema(schema)
    validator = Validator(schema, format_checker=Validator.FORMAT_CHECKER)
    told.append([error.json_path for error in validator.iter_errors(document)])
";
    let told = Cloud::running().ask(script, &json!(pairs)).await;
    serde_json::from_value(told).unwrap()
}

fn schema(event_type: EventType) -> Value {
    let directory = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../events/schemas"));
    serde_json::from_slice(&std::fs::read(directory.join(format!("{event_type}.json"))).unwrap()).unwrap()
}

fn rendered(event_type: EventType) -> Value {
    let at = datetime!(2026-02-03 04:05:06.5 UTC);
    serde_json::to_value(event(Uuid::new_v4(), event_type, at)).unwrap()
}

#[tokio::test]
async fn every_event_that_is_rendered_is_what_its_schema_says() {
    let pairs = EventType::ALL.map(|event_type| (schema(event_type), rendered(event_type)));
    assert_eq!(wrong(&pairs).await, [[""; 0]; EventType::ALL.len()]);
}

#[tokio::test]
async fn additions_pass_and_changes_do_not() {
    let changed = |path: &str, value: Value| {
        let mut event = rendered(EventType::PaymentPosted);
        *event.pointer_mut(path).unwrap() = value;
        (schema(EventType::PaymentPosted), event)
    };
    let mut pairs = vec![
        changed("/event_id", json!("one")),
        changed("/event_type", json!("deposit.posted.v1")),
        changed("/sequence", json!(0)),
        changed("/payment/amount", json!("1250")),
        changed("/payment/amount", json!(12.5)),
        changed("/payment/amount", json!(0)),
        changed("/payment/currency", json!("eur")),
        changed("/payment", json!({})),
        (schema(EventType::PaymentPosted), rendered(EventType::DepositPosted)),
    ];
    let refused = pairs.len();
    let mut added = rendered(EventType::PaymentPosted);
    added["region"] = json!("eu-west-1");
    added["payment"]["fee"] = json!(12);
    pairs.push((schema(EventType::PaymentPosted), added));
    let told = wrong(&pairs).await;
    for (index, (_, event)) in pairs.iter().enumerate() {
        assert_eq!(told[index].is_empty(), index >= refused, "{event}: {:?}", told[index]);
    }
}
