//! `PUT /v1/merchants/{merchant_id}`

use serde_json::Value;

use super::checks::{currency, email_address};
use super::fields::{self, nullable};
use super::invalid::{Checked, FieldError, Invalid, refuse, within};
use crate::email_address::EmailAddress;
use crate::money::Currency;

const MOST_CURRENCIES: usize = 32;

/// The platform takes a merchant on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MerchantRequest {
    /// What the merchant trades in: 1 to 32 currencies, none of them twice.
    pub currencies: Vec<Currency>,
    /// Where it is told of what was posted.
    pub contact: Contact,
}

/// What becomes of the address that a merchant is written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Contact {
    /// The field is absent: it stays as it is.
    Kept,
    /// The field is null: there is none from now on.
    Removed,
    /// This one, from now on.
    Named(EmailAddress),
}

impl MerchantRequest {
    /// Reads the body of the request.
    ///
    /// # Errors
    /// [`Invalid`], with every field that is wrong.
    pub fn parse(body: &[u8]) -> Result<Self, Invalid> {
        fields::read(body, |fields| {
            let currencies = fields.required("currencies", currencies);
            let contact = fields.present("contact_email", |value| nullable(value, email_address));
            Ok(Self {
                currencies: currencies?,
                contact: match contact? {
                    None => Contact::Kept,
                    Some(None) => Contact::Removed,
                    Some(Some(address)) => Contact::Named(address),
                },
            })
        })
    }
}

fn currencies(value: &Value) -> Checked<Vec<Currency>> {
    let items = match value.as_array() {
        Some(items) if (1..=MOST_CURRENCIES).contains(&items.len()) => items,
        Some(_) | None => {
            return refuse(format!("must be an array of 1 to {MOST_CURRENCIES} currency codes"));
        }
    };
    let mut currencies = Vec::new();
    let mut errors: Vec<FieldError> = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let fresh = |code| {
            if currencies.contains(&code) {
                refuse("must not be named twice")
            } else {
                Ok(code)
            }
        };
        match currency(item).and_then(fresh) {
            Ok(currency) => currencies.push(currency),
            Err(wrong) => errors.extend(wrong.into_iter().map(|error| within(&index.to_string(), error))),
        }
    }
    if errors.is_empty() { Ok(currencies) } else { Err(errors) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(currencies: &Value) -> Result<Vec<&'static str>, Vec<(String, String)>> {
        match MerchantRequest::parse(json!({ "currencies": currencies }).to_string().as_bytes()) {
            Ok(request) => Ok(request.currencies.into_iter().map(Currency::code).collect()),
            Err(Invalid::Fields(errors)) => Err(errors.into_iter().map(|e| (e.pointer, e.detail)).collect()),
            Err(other @ (Invalid::MalformedJson | Invalid::CardNumber)) => panic!("{other}"),
        }
    }

    #[test]
    fn a_merchant_trades_in_the_currencies_named() {
        assert_eq!(parse(&json!(["EUR", "USD"])), Ok(vec!["EUR", "USD"]));
    }

    #[test]
    fn a_contact_is_left_alone_removed_or_one_address() {
        let read = |body: Value| MerchantRequest::parse(body.to_string().as_bytes()).map(|request| request.contact);
        let contact = |contact: Value| read(json!({ "currencies": ["EUR"], "contact_email": contact }));
        assert_eq!(read(json!({ "currencies": ["EUR"] })), Ok(Contact::Kept));
        assert_eq!(contact(Value::Null), Ok(Contact::Removed));
        let address = "billing@example.com";
        assert_eq!(contact(json!(address)), Ok(Contact::Named(address.parse().unwrap())));
        for wrong in [json!(""), json!("billing"), json!([address]), json!(1)] {
            let Err(Invalid::Fields(errors)) = contact(wrong.clone()) else {
                panic!("{wrong} is taken for an address");
            };
            assert_eq!((errors.len(), errors[0].pointer.as_str()), (1, "/contact_email"));
        }
    }

    #[test]
    fn no_currency_and_too_many_are_refused() {
        let detail = "must be an array of 1 to 32 currency codes".to_owned();
        for currencies in [json!([]), json!("EUR"), json!(vec!["EUR"; 33])] {
            assert_eq!(
                parse(&currencies),
                Err(vec![("/currencies".to_owned(), detail.clone())])
            );
        }
    }

    #[test]
    fn a_repeated_and_an_unknown_currency_are_pointed_at() {
        let errors = parse(&json!(["EUR", "eur", "EUR", 1])).unwrap_err();
        let pointers: Vec<&str> = errors.iter().map(|(pointer, _)| pointer.as_str()).collect();
        assert_eq!(pointers, ["/currencies/1", "/currencies/2", "/currencies/3"]);
        assert_eq!(errors[1].1, "must not be named twice");
    }
}
