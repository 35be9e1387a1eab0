//! `POST /v1/accounts`

use std::fmt;
use std::str::FromStr;

use serde_json::Value;

use super::checks::{currency, floor, string};
use super::fields::{self, nullable};
use super::invalid::{Checked, Invalid, refuse};
use crate::canonical::Canonical;
use crate::fingerprint::Fingerprint;
use crate::money::Currency;

/// The kinds of account a merchant may open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AccountKind {
    /// Holds what a buyer may spend at this merchant.
    Buyer,
    /// Holds what the merchant earned.
    Merchant,
}

/// The name is not that of a kind of account a merchant may open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a kind of account is buyer or merchant")]
pub struct UnknownAccountKind;

impl AccountKind {
    /// The name on the wire and in the ledger.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Buyer => "buyer",
            Self::Merchant => "merchant",
        }
    }
}

impl FromStr for AccountKind {
    type Err = UnknownAccountKind;

    fn from_str(name: &str) -> Result<Self, UnknownAccountKind> {
        [Self::Buyer, Self::Merchant]
            .into_iter()
            .find(|kind| kind.as_str() == name)
            .ok_or(UnknownAccountKind)
    }
}

impl fmt::Display for AccountKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A merchant opens an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountRequest {
    /// Whose money it holds.
    pub kind: AccountKind,
    /// The one currency it holds.
    pub currency: Currency,
    /// The least balance, in minor units, that a debit may leave. `None` is no floor, asked for by null; an absent
    /// field is 0.
    pub floor: Option<i64>,
}

impl AccountRequest {
    /// Reads the body of the request.
    ///
    /// # Errors
    /// [`Invalid`], with every field that is wrong.
    pub fn parse(body: &[u8]) -> Result<Self, Invalid> {
        fields::read(body, |fields| {
            let kind = fields.required("kind", kind);
            let currency = fields.required("currency", currency);
            let floor = fields.present("floor", |value| nullable(value, floor));
            Ok(Self {
                kind: kind?,
                currency: currency?,
                floor: floor?.unwrap_or(Some(0)),
            })
        })
    }

    /// See [`Fingerprint`]. Names every field, so that a field added later cannot be forgotten here.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        let Self { kind, currency, floor } = self;
        Fingerprint::of("account")
            .text(kind.as_str())
            .text(currency.code())
            .all(floor.iter().copied(), Canonical::integer)
            .into()
    }
}

fn kind(value: &Value) -> Checked<AccountKind> {
    match string(value)?.parse() {
        Ok(kind) => Ok(kind),
        Err(UnknownAccountKind) => refuse("must be buyer or merchant"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intent::FieldError;

    fn floor_of(member: &str) -> Result<Option<i64>, Invalid> {
        let body = format!(r#"{{"kind":"buyer","currency":"EUR"{member}}}"#);
        AccountRequest::parse(body.as_bytes()).map(|request| request.floor)
    }

    #[test]
    fn the_floor_is_0_unless_given_and_null_is_none() {
        assert_eq!(floor_of(""), Ok(Some(0)));
        assert_eq!(floor_of(r#","floor":null"#), Ok(None));
        assert_eq!(floor_of(r#","floor":-500"#), Ok(Some(-500)));
        assert_eq!(floor_of(r#","floor":999999999999"#), Ok(Some(999_999_999_999)));
    }

    #[test]
    fn a_floor_is_as_large_as_an_amount_at_most() {
        let range = "must be a whole number of minor units between -999999999999 and 999999999999";
        for floor in ["1000000000000", "-1000000000000", "1e300"] {
            let expected = Err(Invalid::Fields(vec![FieldError::new("/floor", range)]));
            assert_eq!(floor_of(&format!(r#","floor":{floor}"#)), expected);
        }
    }

    #[test]
    fn only_a_buyer_or_merchant_account_is_opened_by_request() {
        for kind in ["escrow", "external", "platform", "Buyer", ""] {
            let body = format!(r#"{{"kind":"{kind}","currency":"EUR"}}"#);
            let expected = Err(Invalid::Fields(vec![FieldError::new(
                "/kind",
                "must be buyer or merchant",
            )]));
            assert_eq!(AccountRequest::parse(body.as_bytes()), expected, "{kind}");
        }
    }

    #[test]
    fn every_field_changes_the_fingerprint() {
        let request = |kind: &str, code: &str, floor| {
            AccountRequest {
                kind: kind.parse().unwrap(),
                currency: code.parse().unwrap(),
                floor,
            }
            .fingerprint()
        };
        let original = request("buyer", "EUR", Some(0));
        assert_eq!(original, request("buyer", "EUR", Some(0)));
        for other in [
            request("merchant", "EUR", Some(0)),
            request("buyer", "USD", Some(0)),
            request("buyer", "EUR", Some(1)),
            request("buyer", "EUR", None),
        ] {
            assert_ne!(original, other);
        }
    }
}
