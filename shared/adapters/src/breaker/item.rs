//! The item of a breaker: `pk` S the endpoint, `epoch` N, `open_until` N (absent while closed), `calls` M of permits'
//! ends by their tokens, `outcomes` M of counts by kind and bucket: `s` or `f`, and the bucket's number.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::breaker::{Breaker, Counts, Ended, Window};

use super::NoCall;

type Item = HashMap<String, AttributeValue>;

/// The name of a count in `outcomes`.
pub(super) fn outcome(ended: Ended, bucket: i64) -> String {
    match ended {
        Ended::Served => format!("s{bucket}"),
        Ended::Failed => format!("f{bucket}"),
    }
}

pub(super) fn number(value: &impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// An item with nobody's permit and nothing counted.
pub(super) fn write(key: AttributeValue, new: &Breaker) -> Item {
    let empty = || AttributeValue::M(HashMap::new());
    let item = [
        ("pk", key),
        ("epoch", number(&new.epoch)),
        ("calls", empty()),
        ("outcomes", empty()),
    ];
    item.map(|(name, value)| (name.to_owned(), value)).into()
}

pub(super) fn read(item: &Item) -> Result<Breaker, NoCall> {
    record(item).ok_or_else(|| NoCall::Unreachable("the item is not one that this version wrote".to_owned()))
}

fn record(item: &Item) -> Option<Breaker> {
    let calls = item.get("calls")?.as_m().ok()?.iter();
    let calls = calls.map(|(owner, until_ms)| Some((owner.parse().ok()?, integer(until_ms)?)));
    let mut window = Window::default();
    for (name, count) in item.get("outcomes")?.as_m().ok()? {
        let count = integer(count)?;
        let (kind, bucket) = (name.get(..1)?, name.get(1..)?.parse().ok()?);
        let counts: &mut Counts = window.buckets.entry(bucket).or_default();
        match kind {
            "s" => counts.served = count,
            "f" => counts.failed = count,
            _ => return None,
        }
    }
    Some(Breaker {
        epoch: integer(item.get("epoch")?)?,
        open_until_ms: match item.get("open_until") {
            Some(until_ms) => Some(integer(until_ms)?),
            None => None,
        },
        calls: calls.collect::<Option<_>>()?,
        window,
    })
}

fn integer(value: &AttributeValue) -> Option<i64> {
    value.as_n().ok()?.parse().ok()
}
