//! What a payment uses is what docs/cost.md reckons with: what was counted (docs/cost/counts.json) is still so.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Map, Value};
use tests::fault::{Faults, Step};

use super::scene::Scene;

/// DynamoDB counts a write by the kilobytes of its item.
const KILOBYTE: usize = 1024;

/// All that one event of this kind was counted to use, by name.
fn counted(event: &str) -> Map<String, Value> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/cost/counts.json");
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let counts: Value = serde_json::from_str(&text).unwrap();
    counts["events"][event].as_object().unwrap().clone()
}

/// What of it was asked of the gate's table.
fn counted_at_gate(event: &str) -> BTreeMap<String, Value> {
    let named = counted(event).into_iter().filter_map(|(name, amount)| {
        let use_of_gate = name.strip_prefix("dynamodb Gate ")?;
        Some((use_of_gate.to_owned(), amount))
    });
    named.collect()
}

/// The same, as seen on the wire: so many puts and updates, of an item of so many kilobytes in the end.
fn seen_at_gate(faults: &Faults, kilobytes: usize) -> BTreeMap<String, Value> {
    let puts = faults.script.count(Step::Claim);
    let updates = [Step::Start, Step::TakeOver, Step::Complete].map(|step| faults.script.count(step));
    let updates: usize = updates.into_iter().sum();
    let amounts = [
        ("PutItem requests", puts),
        ("PutItem write_units", puts * kilobytes),
        ("UpdateItem requests", updates),
        ("UpdateItem write_units", updates * kilobytes),
    ];
    let used = amounts.into_iter().filter(|(_, amount)| *amount > 0);
    used.map(|(name, amount)| (name.to_owned(), amount.into())).collect()
}

async fn kilobytes(scene: &Scene) -> usize {
    size(&scene.gate_item().await.expect("the gate holds the key")).div_ceil(KILOBYTE)
}

/// In bytes, or a few more: a number is stored in less than its digits.
fn size(item: &HashMap<String, AttributeValue>) -> usize {
    let values = item.iter().map(|(name, value)| {
        let text = value.as_s().or_else(|_| value.as_n()).map(String::len);
        let held = text.or_else(|_| value.as_b().map(|bytes| bytes.as_ref().len()));
        name.len() + held.expect("the gate's items hold text, numbers and bytes")
    });
    values.sum()
}

#[tokio::test]
async fn a_payment_uses_of_the_gate_and_the_ledger_what_the_cost_page_reckons_with() {
    let scene = Scene::affordable().await;
    let (function, faults) = scene.authorize_through_faults().await;
    assert_eq!(function.call(&scene.payment()).await.unwrap().status, 201);
    assert_eq!(
        counted_at_gate("payment"),
        seen_at_gate(&faults, kilobytes(&scene).await)
    );
    let payment = counted("payment");
    assert_eq!(payment["lambda Authorize invoke invocations"], 1);
    assert_eq!(payment["ledger ledger_transactions table rows"], 1);
    assert_eq!(payment["ledger ledger_entries table rows"], 2);
    let keys = payment
        .keys()
        .filter(|name| name.starts_with("kms ") || name.starts_with("secretsmanager "));
    assert_eq!(keys.collect::<Vec<_>>(), [""; 0], "a payment waits for no key");
    let answer = function.call(&scene.payment()).await.unwrap();
    scene.posted_once(&answer).await;
}

#[tokio::test]
async fn a_repeat_that_the_gate_answers_uses_what_the_cost_page_reckons_with() {
    let scene = Scene::affordable().await;
    let first = scene.authorize().await;
    assert_eq!(first.call(&scene.payment()).await.unwrap().status, 201);
    let (function, faults) = scene.authorize_through_faults().await;
    assert_eq!(function.call(&scene.payment()).await.unwrap().status, 201);
    assert_eq!(
        counted_at_gate("replay"),
        seen_at_gate(&faults, kilobytes(&scene).await)
    );
    assert_eq!(faults.ledger.round_trips(), 0);
    let replay = counted("replay");
    assert!(!replay.keys().any(|name| name.ends_with(" table rows")), "{replay:?}");
    assert!(!replay.keys().any(|name| name.starts_with("events ")), "{replay:?}");
}
