//! What is known of a person. Personal data: it shows in no log, not even by mistake, and lies nowhere unsealed.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::answer::timestamp;
use crate::document;
use crate::ids::{AccountId, CustomerId};

/// The most accounts that one customer has.
pub const MOST_ACCOUNTS: usize = 100;

/// A customer as the merchant described one; [`crate::intent::CustomerRequest`] has checked it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    /// What the person is called.
    pub name: String,
    /// An e-mail address of the plain kind.
    pub email: Option<String>,
    /// `+` and the digits of E.164.
    pub phone: Option<String>,
    /// Where the person lives.
    pub address: Option<Address>,
    /// Whatever else the merchant keeps.
    pub details: BTreeMap<String, String>,
}

/// Where a person lives.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// Street and number, or what stands for them: 1 to 4 lines.
    pub lines: Vec<String>,
    /// The city.
    pub city: String,
    /// The postal code, where there is one.
    pub postal_code: Option<String>,
    /// The state or province, where it matters.
    pub region: Option<String>,
    /// The country, as two upper-case letters of ISO 3166-1.
    pub country: String,
}

/// The bytes that were unsealed are not a customer's: this version did not write them. Says nothing of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("what was unsealed is no customer")]
pub struct NotACustomer;

impl Customer {
    /// The bytes to seal: JSON, UTF-8.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        document::write(self)
    }

    /// Reads what [`Customer::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`NotACustomer`]
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, NotACustomer> {
        serde_json::from_slice(bytes).map_err(|_| NotACustomer)
    }
}

/// Withholds everything.
impl fmt::Debug for Customer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Customer(…)")
    }
}

/// Withholds everything.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Address(…)")
    }
}

/// A customer on the wire, to its own merchant.
#[derive(Serialize)]
pub struct Document<'a> {
    id: CustomerId,
    object: &'static str,
    #[serde(flatten)]
    customer: &'a Customer,
    accounts: &'a [AccountId],
    version: u64,
    updated_at: String,
}

impl<'a> Document<'a> {
    /// `version` counts the replacements from 1; `updated_at` is when the last of them was stored.
    #[must_use]
    pub fn of(
        id: CustomerId,
        customer: &'a Customer,
        accounts: &'a [AccountId],
        version: u64,
        updated_at: OffsetDateTime,
    ) -> Self {
        Self {
            id,
            object: "customer",
            customer,
            accounts,
            version,
            updated_at: timestamp(updated_at),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use time::macros::datetime;
    use uuid::Uuid;

    use super::*;

    fn customer() -> Customer {
        Customer {
            name: "Ada Lovelace".to_owned(),
            email: Some("ada@example.com".to_owned()),
            phone: None,
            address: Some(Address {
                lines: vec!["12 St James's Square".to_owned()],
                city: "London".to_owned(),
                postal_code: Some("SW1Y 4JH".to_owned()),
                region: None,
                country: "GB".to_owned(),
            }),
            details: BTreeMap::from([("size".to_owned(), "M".to_owned())]),
        }
    }

    #[test]
    fn what_is_sealed_reads_back_and_nothing_else_does() {
        let customer = customer();
        assert_eq!(Customer::from_bytes(&customer.to_bytes()), Ok(customer));
        for other in [&b""[..], b"{}", b"[]", br#"{"name":1}"#] {
            assert_eq!(Customer::from_bytes(other), Err(NotACustomer));
        }
    }

    #[test]
    fn nothing_of_a_person_shows_where_it_is_printed() {
        let customer = customer();
        let shown = format!("{customer:?} {:?}", customer.address);
        assert_eq!(shown, "Customer(…) Some(Address(…))");
    }

    #[test]
    fn a_customer_is_shown_with_its_accounts() {
        let (id, account) = (
            CustomerId::from(Uuid::from_u128(7)),
            AccountId::from(Uuid::from_u128(8)),
        );
        let (customer, accounts) = (customer(), [account]);
        let shown = Document::of(id, &customer, &accounts, 3, datetime!(2026-11-23 10:00 UTC));
        assert_eq!(
            serde_json::to_value(shown).unwrap(),
            json!({
                "id": id, "object": "customer", "name": "Ada Lovelace", "email": "ada@example.com", "phone": null,
                "address": {"lines": ["12 St James's Square"], "city": "London", "postal_code": "SW1Y 4JH",
                            "region": null, "country": "GB"},
                "details": {"size": "M"}, "accounts": [account], "version": 3,
                "updated_at": "2026-11-23T10:00:00.000000Z",
            })
        );
    }
}
