//! An erasure as it stands in its table: `pk` is `erasure#<id>`. As long as there is something to do for it, it has the attribute
//! `unfinished`, and so lies in the index of that name, in the order of `moved_at`: when it last came further.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::answer::timestamp;
use domain::digest::hash::Hash;
use domain::erasure::{Asked, Count, Erasure, Hold, Scope, Standing, Status, Whom};
use domain::ids::{CustomerId, ErasureId};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// An item of the table.
pub(super) type Item = HashMap<String, AttributeValue>;

/// The item cannot be read: this version did not write it. By the attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} of an erasure cannot be read")]
pub(super) struct Unreadable(pub(super) &'static str);

pub(super) fn key(id: ErasureId) -> Item {
    Item::from([("pk".to_owned(), text(&format!("erasure#{id}")))])
}

/// The index of those that have not ended, and the attribute that has them in it.
pub(super) const UNFINISHED: &str = "unfinished";

/// The id under which an item lies.
pub(super) fn id(item: &Item) -> Result<ErasureId, Unreadable> {
    let id = string(item, "pk")?.strip_prefix("erasure#").map(str::parse);
    id.and_then(Result::ok).ok_or(Unreadable("pk"))
}

pub(super) fn text(value: &impl ToString) -> AttributeValue {
    AttributeValue::S(value.to_string())
}

/// A new erasure.
pub(super) fn write(id: ErasureId, asked: &Asked) -> Item {
    let mut item = key(id);
    let values = [
        ("scope", text(&asked.whom.scope().as_str())),
        ("tenant", text(&asked.whom.tenant)),
        ("asked_by", text(&asked.by)),
        ("asked_at", text(&timestamp(asked.at))),
        ("reason", text(&asked.reason)),
        ("status", text(&Status::Asked.as_str())),
        (UNFINISHED, text(&UNFINISHED)),
        ("moved_at", text(&timestamp(asked.at))),
    ];
    item.extend(values.map(|(name, value)| (name.to_owned(), value)));
    if let Some(customer) = asked.whom.customer {
        item.insert("customer".to_owned(), text(&customer));
    }
    item
}

/// The attributes of a hold that blocks.
pub(super) fn write_hold(hold: &Hold) -> Vec<(&'static str, AttributeValue)> {
    let mut values = vec![
        ("held_by", text(&hold.by)),
        ("held_reason", text(&hold.reason)),
        ("held_since", text(&timestamp(hold.at))),
    ];
    if let Some(customer) = hold.whom.customer {
        values.push(("held_customer", text(&customer)));
    }
    values
}

/// The attributes of a count.
pub(super) fn write_count(count: &Count) -> Vec<(&'static str, AttributeValue)> {
    let number = |number: u64| AttributeValue::N(number.to_string());
    let mut values = vec![
        ("counted", number(count.customers)),
        ("counted_before", number(count.erased_before)),
        ("counted_chain", text(&count.chain)),
    ];
    values.extend(count.last.map(|last| ("counted_to", text(&last))));
    values
}

fn read_count(item: &Item) -> Result<Count, Unreadable> {
    let Some(last) = optional(item, "counted_to")? else {
        return Ok(Count::none());
    };
    Ok(Count {
        last: Some(last),
        customers: number(item, "counted")?,
        erased_before: number(item, "counted_before")?,
        chain: parsed(item, "counted_chain")?,
    })
}

pub(super) fn read(id: ErasureId, item: &Item) -> Result<Erasure, Unreadable> {
    let scope = parsed::<Scope>(item, "scope")?;
    let whom = Whom {
        tenant: parsed(item, "tenant")?,
        customer: optional(item, "customer")?,
    };
    if whom.scope() != scope {
        return Err(Unreadable("scope"));
    }
    let standing = match parsed(item, "status")? {
        Status::Asked => Standing::Asked,
        Status::Unknown => Standing::Unknown,
        Status::Blocked => Standing::Blocked(Hold {
            whom: Whom {
                tenant: whom.tenant,
                customer: optional::<CustomerId>(item, "held_customer")?,
            },
            by: string(item, "held_by")?.to_owned(),
            reason: string(item, "held_reason")?.to_owned(),
            at: moment(item, "held_since")?,
        }),
        Status::Repeated => Standing::Repeated {
            of: parsed(item, "repeats")?,
            swept: optional(item, "swept")?,
        },
        Status::Erasing => Standing::Erasing {
            at: item
                .contains_key("erased_at")
                .then(|| moment(item, "erased_at"))
                .transpose()?,
            swept: optional(item, "swept")?,
        },
        Status::Erased => Standing::Erased {
            at: moment(item, "erased_at")?,
            count: read_count(item)?,
        },
        Status::Certified => Standing::Certified {
            at: moment(item, "erased_at")?,
            sha256: parsed::<Hash>(item, "certificate_sha256")?,
        },
    };
    Ok(Erasure {
        id,
        asked: Asked {
            whom,
            by: string(item, "asked_by")?.to_owned(),
            reason: string(item, "reason")?.to_owned(),
            at: moment(item, "asked_at")?,
        },
        standing,
    })
}

fn string<'a>(item: &'a Item, name: &'static str) -> Result<&'a str, Unreadable> {
    match item.get(name) {
        Some(AttributeValue::S(value)) => Ok(value),
        _ => Err(Unreadable(name)),
    }
}

fn parsed<T: std::str::FromStr>(item: &Item, name: &'static str) -> Result<T, Unreadable> {
    string(item, name)?.parse().map_err(|_| Unreadable(name))
}

fn optional<T: std::str::FromStr>(item: &Item, name: &'static str) -> Result<Option<T>, Unreadable> {
    item.contains_key(name).then(|| parsed(item, name)).transpose()
}

fn number(item: &Item, name: &'static str) -> Result<u64, Unreadable> {
    match item.get(name) {
        Some(AttributeValue::N(value)) => value.parse().map_err(|_| Unreadable(name)),
        _ => Err(Unreadable(name)),
    }
}

pub(super) fn moment(item: &Item, name: &'static str) -> Result<OffsetDateTime, Unreadable> {
    OffsetDateTime::parse(string(item, name)?, &Rfc3339).map_err(|_| Unreadable(name))
}
