//! What each kind of field must be.

use std::collections::BTreeMap;

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::invalid::{Checked, refuse, within};
use crate::email_address::EmailAddress;
use crate::ids::AccountId;
use crate::money::{Amount, Currency};

const DESCRIPTION_CHARS: usize = 256;
const METADATA_PAIRS: usize = 20;
const METADATA_NAME_CHARS: usize = 40;
const METADATA_VALUE_CHARS: usize = 500;
const CARD_TOKEN_CHARS: usize = 128;
const REASON_CHARS: usize = 500;
const ASSIGNEE_CHARS: usize = 64;

pub(super) fn account(value: &Value) -> Checked<AccountId> {
    match string(value)?.parse() {
        Ok(account) => Ok(account),
        Err(_) => refuse("must be a UUID in its hyphenated form"),
    }
}

pub(super) fn currency(value: &Value) -> Checked<Currency> {
    match string(value)?.parse() {
        Ok(currency) => Ok(currency),
        Err(_) => refuse("must be the upper-case ISO 4217 code of a currency with a minor unit, such as EUR"),
    }
}

pub(super) fn email_address(value: &Value) -> Checked<EmailAddress> {
    match string(value)?.parse() {
        Ok(address) => Ok(address),
        Err(_) => refuse("must be an e-mail address such as billing@example.com"),
    }
}

pub(super) fn amount(value: &Value) -> Checked<Amount> {
    match Amount::new(minor_units(value, 1)?) {
        Ok(amount) => Ok(amount),
        Err(_) => refuse(out_of_range(1)),
    }
}

/// A bound for a balance, of either sign; as large as an amount at most.
pub(super) fn floor(value: &Value) -> Checked<i64> {
    let most = Amount::MAX.minor();
    match minor_units(value, -most)? {
        minor if (-most..=most).contains(&minor) => Ok(minor),
        _ => refuse(out_of_range(-most)),
    }
}

pub(super) fn description(value: &Value) -> Checked<String> {
    text(value, 0, DESCRIPTION_CHARS)
}

pub(super) fn reason(value: &Value) -> Checked<String> {
    telling(value, REASON_CHARS, "must say why")
}

pub(super) fn assignee(value: &Value) -> Checked<String> {
    telling(value, ASSIGNEE_CHARS, "must name somebody")
}

pub(super) fn time(value: &Value) -> Checked<OffsetDateTime> {
    match OffsetDateTime::parse(string(value)?, &Rfc3339) {
        Ok(at) => Ok(at),
        Err(_) => refuse("must be a time as RFC 3339 writes it, such as 2026-11-22T10:00:00.000000Z"),
    }
}

/// A text that is not all blank; `blank` says what it lacks if it is.
fn telling(value: &Value, most: usize, blank: &str) -> Checked<String> {
    match text(value, 1, most)? {
        telling if telling.trim().is_empty() => refuse(blank),
        telling => Ok(telling),
    }
}

pub(super) fn metadata(value: &Value) -> Checked<BTreeMap<String, String>> {
    let Value::Object(members) = value else {
        return refuse("must be an object of strings");
    };
    if members.len() > METADATA_PAIRS {
        return refuse(format!("must have at most {METADATA_PAIRS} members"));
    }
    let mut pairs = BTreeMap::new();
    let mut errors = Vec::new();
    for (name, value) in members {
        let named = printable(name, 1, METADATA_NAME_CHARS).map_err(|what| format!("must have a name that {what}"));
        match named
            .or_else(refuse)
            .and_then(|()| text(value, 0, METADATA_VALUE_CHARS))
        {
            Ok(value) => drop(pairs.insert(name.clone(), value)),
            Err(wrong) => errors.extend(wrong.into_iter().map(|error| within(name, error))),
        }
    }
    if errors.is_empty() { Ok(pairs) } else { Err(errors) }
}

pub(super) fn boolean(value: &Value) -> Checked<bool> {
    value.as_bool().map_or_else(|| refuse("must be true or false"), Ok)
}

pub(super) fn card_token(value: &Value) -> Checked<String> {
    let allowed = |char: char| char.is_ascii_alphanumeric() || ".-_".contains(char);
    match string(value)? {
        token if (1..=CARD_TOKEN_CHARS).contains(&token.len()) && token.chars().all(allowed) => Ok(token.to_owned()),
        _ => refuse(format!(
            "must be 1 to {CARD_TOKEN_CHARS} letters, digits, dots, dashes or underscores"
        )),
    }
}

pub(super) fn string(value: &Value) -> Checked<&str> {
    value.as_str().map_or_else(|| refuse("must be a string"), Ok)
}

pub(super) fn text(value: &Value, least: usize, most: usize) -> Checked<String> {
    let text = string(value)?;
    match printable(text, least, most) {
        Ok(()) => Ok(text.to_owned()),
        Err(what) => refuse(format!("must be a string that {what}")),
    }
}

/// Lengths count Unicode scalar values. Control characters are refused: `PostgreSQL`'s jsonb cannot hold U+0000, and
/// the others forge lines in whatever shows the text.
fn printable(text: &str, least: usize, most: usize) -> Result<(), String> {
    if text.chars().any(char::is_control) {
        return Err("has no control characters".to_owned());
    }
    if !(least..=most).contains(&text.chars().count()) {
        return Err(format!("has {least} to {most} characters"));
    }
    Ok(())
}

fn minor_units(value: &Value, least: i64) -> Checked<i64> {
    let Value::Number(number) = value else {
        return refuse("must be a JSON number, not a string or anything else");
    };
    match (number.as_i64(), number.as_f64()) {
        (Some(minor), _) => Ok(minor),
        // Beyond 64 bits the library reads whole numbers as floats too: their size is then what is wrong with them.
        (None, Some(beyond)) if beyond.abs() >= 1e15 => refuse(out_of_range(least)),
        (None, _) => refuse("must be a whole number of minor units, without a decimal point or an exponent"),
    }
}

fn out_of_range(least: i64) -> String {
    format!(
        "must be a whole number of minor units between {least} and {}",
        Amount::MAX.minor()
    )
}
