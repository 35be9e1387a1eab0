//! `PUT /v1/customers/{customer_id}`

use std::collections::BTreeMap;

use serde_json::Value;

use super::checks::{email_address, metadata, string, text};
use super::fields::{self, nullable};
use super::invalid::{Checked, FieldError, Invalid, refuse, within};
use crate::customer::{Address, Customer};

const NAME_CHARS: usize = 256;
const LINE_CHARS: usize = 128;
const MOST_LINES: usize = 4;
const POSTAL_CODE_CHARS: usize = 16;
/// The members of an address.
const ADDRESS: [&str; 5] = ["lines", "city", "postal_code", "region", "country"];

/// A merchant describes a customer, whole: what is left out is not known any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomerRequest {
    /// What is known from now on.
    pub customer: Customer,
}

impl CustomerRequest {
    /// Reads the body of the request.
    ///
    /// # Errors
    /// [`Invalid`], with every field that is wrong. Never repeats what was sent.
    pub fn parse(body: &[u8]) -> Result<Self, Invalid> {
        let is_spared = |name: &str, value: &Value| name == "phone" && value.as_str().is_some_and(is_no_card);
        fields::read_sparing(body, is_spared, |fields| {
            let name = fields.required("name", |value| text(value, 1, NAME_CHARS));
            let email = fields.optional("email", email_address);
            let phone = fields.optional("phone", phone);
            let address = fields.optional("address", address);
            let details = fields.optional("details", metadata);
            Ok(Self {
                customer: Customer {
                    name: name?,
                    email: email?.map(|address| address.as_str().to_owned()),
                    phone: phone?,
                    address: address?,
                    details: details?.unwrap_or_else(BTreeMap::new),
                },
            })
        })
    }
}

/// A number of at most 13 digits after its `+` calls somebody. Cards have not been so short since the 1990s, and one in
/// ten of such numbers passes their check by chance: those people would have no telephone.
fn is_no_card(phone: &str) -> bool {
    is_e164(phone) && phone.len() <= 14
}

fn is_e164(phone: &str) -> bool {
    phone
        .strip_prefix('+')
        .is_some_and(|digits| (5..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

fn phone(value: &Value) -> Checked<String> {
    match string(value)? {
        phone if is_e164(phone) => Ok(phone.to_owned()),
        _ => refuse("must be + and 5 to 15 digits, country code first"),
    }
}

fn address(value: &Value) -> Checked<Address> {
    let Value::Object(members) = value else {
        return refuse("must be an object");
    };
    let (mut errors, null) = (Vec::new(), Value::Null);
    let member = |name: &str| members.get(name).unwrap_or(&null);
    let lines = noted(&mut errors, "lines", lines(member("lines")));
    let city = noted(&mut errors, "city", text(member("city"), 1, LINE_CHARS));
    let postal_code = nullable(member("postal_code"), |value| text(value, 1, POSTAL_CODE_CHARS));
    let postal_code = noted(&mut errors, "postal_code", postal_code);
    let region = nullable(member("region"), |value| text(value, 1, LINE_CHARS));
    let region = noted(&mut errors, "region", region);
    let country = noted(&mut errors, "country", country(member("country")));
    for name in members.keys().filter(|name| !ADDRESS.contains(&name.as_str())) {
        errors.push(within(name, FieldError::new("", "is not a field of an address")));
    }
    match (lines, city, postal_code, region, country) {
        (Some(lines), Some(city), Some(postal_code), Some(region), Some(country)) if errors.is_empty() => Ok(Address {
            lines,
            city,
            postal_code,
            region,
            country,
        }),
        _ => Err(errors),
    }
}

/// The value, or its errors among the others, under its name.
fn noted<T>(errors: &mut Vec<FieldError>, name: &str, checked: Checked<T>) -> Option<T> {
    checked
        .map_err(|wrong| errors.extend(wrong.into_iter().map(|error| within(name, error))))
        .ok()
}

fn lines(value: &Value) -> Checked<Vec<String>> {
    let items = match value.as_array() {
        Some(items) if (1..=MOST_LINES).contains(&items.len()) => items,
        Some(_) | None => return refuse(format!("must be an array of 1 to {MOST_LINES} strings")),
    };
    let mut errors = Vec::new();
    let lines: Vec<_> = items
        .iter()
        .enumerate()
        .filter_map(|(index, item)| noted(&mut errors, &index.to_string(), text(item, 1, LINE_CHARS)))
        .collect();
    if errors.is_empty() { Ok(lines) } else { Err(errors) }
}

fn country(value: &Value) -> Checked<String> {
    match string(value)? {
        code if code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase()) => Ok(code.to_owned()),
        _ => refuse("must be a country's two upper-case letters, such as DE"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(body: &Value) -> Result<Customer, Invalid> {
        CustomerRequest::parse(body.to_string().as_bytes()).map(|request| request.customer)
    }

    fn wrong(body: &Value) -> Vec<(String, String)> {
        match parse(body) {
            Err(Invalid::Fields(errors)) => errors.into_iter().map(|error| (error.pointer, error.detail)).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_name_is_enough_and_the_rest_is_kept_as_it_was_given() {
        let least = parse(&json!({"name": "ü".repeat(256)})).unwrap();
        assert_eq!((least.email, least.phone, least.address), (None, None, None));
        let all = json!({
            "name": " Ada ", "email": "ada@example.com", "phone": "+442079460000", "details": {"size": "M"},
            "address": {"lines": ["1", "2", "3", "4"], "city": "London", "postal_code": "SW1Y 4JH", "region": "x", "country": "GB"},
        });
        let read = parse(&all).unwrap();
        assert_eq!(serde_json::to_value(read).unwrap(), all);
    }

    #[test]
    fn every_field_that_is_wrong_is_pointed_at_and_none_is_repeated() {
        let secret = "Lovelace";
        let errors = wrong(&json!({
            "email": secret, "phone": secret, "details": secret, "surname": secret,
            "address": {"lines": [secret, 1, ""], "city": "", "postal_code": "x".repeat(17), "country": secret, "street": secret},
        }));
        let pointers: Vec<_> = errors.iter().map(|(pointer, _)| pointer.as_str()).collect();
        assert_eq!(
            pointers,
            [
                "/name",
                "/email",
                "/phone",
                "/address/lines/1",
                "/address/lines/2",
                "/address/city",
                "/address/postal_code",
                "/address/country",
                "/address/street",
                "/details",
                "/surname",
            ]
        );
        assert!(errors.iter().all(|(_, detail)| !detail.contains(secret)));
    }

    #[test]
    fn an_address_has_one_to_four_lines() {
        for lines in [json!([]), json!("a"), json!(["1", "2", "3", "4", "5"]), Value::Null] {
            let errors = wrong(&json!({"name": "a", "address": {"lines": lines, "city": "b", "country": "DE"}}));
            let detail = "must be an array of 1 to 4 strings".to_owned();
            assert_eq!(errors, [("/address/lines".to_owned(), detail)]);
        }
    }

    #[test]
    fn a_telephone_number_has_a_plus_and_up_to_fifteen_digits() {
        for phone in ["+49301", "+123456789012345"] {
            assert_eq!(
                parse(&json!({"name": "a", "phone": phone})).unwrap().phone.as_deref(),
                Some(phone)
            );
        }
        for phone in [
            "",
            "+",
            "+4930",
            "030 123456",
            "+49 30 123456",
            "+1234567890123456",
            "+४९३०१२३४",
        ] {
            assert_eq!(wrong(&json!({"name": "a", "phone": phone}))[0].0, "/phone", "{phone}");
        }
    }

    #[test]
    fn a_card_number_is_refused_in_any_field_and_a_short_telephone_number_is_none() {
        const CARD: &str = "4111 1111 1111 1111";
        for body in [
            json!({"name": CARD}),
            json!({"name": "a", "email": "4111111111111111@example.com"}),
            json!({"name": "a", "phone": CARD}),
            json!({"name": "a", "phone": "+4111111111111111"}),
            // Fifteen digits, as E.164 allows and American Express has.
            json!({"name": "a", "phone": "+378282246310005"}),
            json!({"name": "a", "address": {"lines": ["b", CARD], "city": "c", "country": "DE"}}),
            json!({"name": "a", "address": {"lines": ["b"], "city": CARD, "country": "DE"}}),
            json!({"name": "a", "details": {"b": CARD}}),
            json!({"name": "a", "details": {CARD: "b"}}),
            json!({"name": "a", "phone": ["+4915112345672"], "details": {"phone": "+4222222222222"}}),
        ] {
            assert_eq!(parse(&body), Err(Invalid::CardNumber), "{body}");
        }
        // Passes a card's check, by chance.
        assert!(parse(&json!({"name": "a", "phone": "+4222222222222"})).is_ok());
    }
}
