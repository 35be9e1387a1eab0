//! `POST /v1/deposits`

use std::collections::BTreeMap;

use super::Operation;
use super::checks::{account, amount, currency, description, metadata};
use super::fields;
use super::invalid::Invalid;
use crate::canonical::Canonical;
use crate::fingerprint::Fingerprint;
use crate::ids::AccountId;
use crate::money::{Amount, Currency};

/// Money comes in from outside, out of the tenant's external account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deposit {
    /// The account to credit.
    pub destination: AccountId,
    /// How much.
    pub amount: Amount,
    /// Of what; the account must hold it.
    pub currency: Currency,
    /// Free text of at most 256 characters.
    pub description: Option<String>,
    /// At most 20 pairs; names of 1 to 40 characters, values of at most 500.
    pub metadata: BTreeMap<String, String>,
}

impl Deposit {
    /// Reads the body of the request.
    ///
    /// # Errors
    /// [`Invalid`], with every field that is wrong.
    pub fn parse(body: &[u8]) -> Result<Self, Invalid> {
        fields::read(body, |fields| {
            let destination = fields.required("destination", account);
            let amount = fields.required("amount", amount);
            let currency = fields.required("currency", currency);
            let description = fields.optional("description", description);
            let metadata = fields.optional("metadata", metadata);
            Ok(Self {
                destination: destination?,
                amount: amount?,
                currency: currency?,
                description: description?,
                metadata: metadata?.unwrap_or_default(),
            })
        })
    }

    /// Names every field, so that a field added later cannot be forgotten here.
    pub(super) fn fingerprint(&self) -> Fingerprint {
        let Self {
            destination,
            amount,
            currency,
            description,
            metadata,
        } = self;
        Fingerprint::of(Operation::Deposit.as_str())
            .uuid(destination.uuid())
            .integer(amount.minor())
            .text(currency.code())
            .all(description.as_deref().into_iter(), Canonical::text)
            .all(metadata.iter(), |hash, (name, value)| hash.text(name).text(value))
            .into()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::intent::{FieldError, Intent};

    fn deposit(changes: &[(&str, Value)]) -> Result<Deposit, Invalid> {
        let mut body = json!({"destination": "0192f0c1-2b3a-7c4d-8e5f-60718293a4b5", "amount": 5, "currency": "EUR"});
        for (name, value) in changes {
            body[*name] = value.clone();
        }
        Deposit::parse(body.to_string().as_bytes())
    }

    #[test]
    fn a_deposit_names_only_where_the_money_goes() {
        let intent = Intent::Deposit(deposit(&[]).unwrap());
        let tenant = uuid::Uuid::from_u128(7).into();
        let external = AccountId::of_purpose(tenant, "external", "EUR".parse().unwrap());
        assert_eq!((intent.operation(), intent.source(tenant)), ("deposit", Some(external)));
        assert_eq!(intent.details(), json!({"metadata": {}}));
    }

    #[test]
    fn the_fields_only_a_payment_has_are_unknown() {
        for name in ["source", "card_token"] {
            let unknown = FieldError::new(format!("/{name}"), "is not a field of this request");
            assert_eq!(deposit(&[(name, json!("x"))]), Err(Invalid::Fields(vec![unknown])));
        }
    }

    #[test]
    fn every_field_changes_the_fingerprint() {
        let changes = [
            ("destination", json!("0192f0c1-2b3a-7c4d-8e5f-60718293a4b6")),
            ("amount", json!(6)),
            ("currency", json!("USD")),
            ("description", json!("")),
            ("metadata", json!({"a": ""})),
        ];
        let original = deposit(&[]).unwrap().fingerprint();
        for (name, value) in changes {
            assert_ne!(deposit(&[(name, value)]).unwrap().fingerprint(), original, "{name}");
        }
    }
}
