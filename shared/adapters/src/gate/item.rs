//! A record as a DynamoDB item.

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::answer::Answer;
use domain::fingerprint::Fingerprint;
use domain::gate::{GateKey, Record};

use super::{Claim, GateError};

type Item = HashMap<String, AttributeValue>;

pub(super) fn text(value: &impl ToString) -> AttributeValue {
    AttributeValue::S(value.to_string())
}

pub(super) fn number(value: &impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

pub(super) fn blob(value: &[u8]) -> AttributeValue {
    AttributeValue::B(Blob::new(value))
}

/// The item of a fresh record, which has no answer yet.
pub(super) fn write(claim: &Claim, record: &Record) -> Item {
    [
        ("pk", text(&GateKey::partition(claim.tenant, claim.key))),
        ("sk", text(&GateKey::sort(claim.key))),
        ("status", text(&record.status.as_str())),
        ("owner", text(&record.owner)),
        ("lease_until", number(&record.lease_until_ms)),
        ("attempt", number(&record.attempt)),
        ("fingerprint", blob(record.fingerprint.as_bytes())),
        ("expires_at", number(&record.expires_at_s)),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

/// Reads an item back. Nothing is guessed: an attribute that is missing or malformed is an error by its name.
pub(super) fn read(item: &Item) -> Result<Record, GateError> {
    let fingerprint = bytes(item, "fingerprint")?.ok_or(GateError::Unreadable("fingerprint"))?;
    Ok(Record {
        status: string(item, "status")?
            .parse()
            .map_err(|_| GateError::Unreadable("status"))?,
        owner: string(item, "owner")?
            .parse()
            .map_err(|_| GateError::Unreadable("owner"))?,
        lease_until_ms: integer(item, "lease_until")?,
        attempt: integer(item, "attempt")?,
        fingerprint: Fingerprint::try_from(fingerprint).map_err(|_| GateError::Unreadable("fingerprint"))?,
        answer: answer(item)?,
        expires_at_s: integer(item, "expires_at")?,
    })
}

fn answer(item: &Item) -> Result<Option<Answer>, GateError> {
    let Some(body) = bytes(item, "response_body")? else {
        return Ok(None);
    };
    Ok(Some(Answer {
        status: integer(item, "response_status")?,
        content_type: string(item, "response_type")?.to_owned(),
        body: body.to_vec(),
    }))
}

pub(super) fn string<'a>(item: &'a Item, name: &'static str) -> Result<&'a str, GateError> {
    match item.get(name) {
        Some(AttributeValue::S(value)) => Ok(value),
        _ => Err(GateError::Unreadable(name)),
    }
}

fn integer<T: std::str::FromStr>(item: &Item, name: &'static str) -> Result<T, GateError> {
    match item.get(name) {
        Some(AttributeValue::N(value)) => value.parse().map_err(|_| GateError::Unreadable(name)),
        _ => Err(GateError::Unreadable(name)),
    }
}

fn bytes<'a>(item: &'a Item, name: &'static str) -> Result<Option<&'a [u8]>, GateError> {
    match item.get(name) {
        Some(AttributeValue::B(value)) => Ok(Some(value.as_ref())),
        None => Ok(None),
        Some(_) => Err(GateError::Unreadable(name)),
    }
}
