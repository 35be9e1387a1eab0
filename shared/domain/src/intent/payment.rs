//! `POST /v1/payments`

use std::collections::BTreeMap;

use serde_json::Value;

use super::checks::{account, amount, card_token, currency, description, metadata};
use super::fields::{Fields, Refused};
use super::{Operation, details};
use crate::canonical::Canonical;
use crate::fingerprint::Fingerprint;
use crate::ids::AccountId;
use crate::money::{Amount, Currency};

/// A buyer pays a merchant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// The account to debit. Never the destination.
    pub source: AccountId,
    /// The account to credit.
    pub destination: AccountId,
    /// How much.
    pub amount: Amount,
    /// Of what; both accounts must hold it.
    pub currency: Currency,
    /// Free text of at most 256 characters.
    pub description: Option<String>,
    /// At most 20 pairs; names of 1 to 40 characters, values of at most 500.
    pub metadata: BTreeMap<String, String>,
    /// The card vault's token for the card, of at most 128 letters, digits, dots, dashes and underscores.
    pub card_token: Option<String>,
}

impl Payment {
    /// The fields of a payment, be it of one that moves at once or of a settlement.
    pub(super) fn read(fields: &mut Fields<'_>) -> Result<Self, Refused> {
        let source = fields.required("source", account);
        let destination = fields.required("destination", account);
        let amount = fields.required("amount", amount);
        let currency = fields.required("currency", currency);
        let description = fields.optional("description", description);
        let metadata = fields.optional("metadata", metadata);
        let card_token = fields.optional("card_token", card_token);
        if source.is_ok() && source == destination {
            fields.refuse("destination", "must differ from the source");
        }
        Ok(Self {
            source: source?,
            destination: destination?,
            amount: amount?,
            currency: currency?,
            description: description?,
            metadata: metadata?.unwrap_or_default(),
            card_token: card_token?,
        })
    }

    /// See [`super::Intent::details`].
    pub(super) fn details(&self) -> Value {
        details(self.description.as_deref(), &self.metadata, self.card_token.as_deref())
    }

    /// Names every field, so that a field added later cannot be forgotten here.
    pub(super) fn fingerprint(&self, operation: Operation) -> Fingerprint {
        let Self {
            source,
            destination,
            amount,
            currency,
            description,
            metadata,
            card_token,
        } = self;
        Fingerprint::of(operation.as_str())
            .uuid(source.uuid())
            .uuid(destination.uuid())
            .integer(amount.minor())
            .text(currency.code())
            .all(description.as_deref().into_iter(), Canonical::text)
            .all(metadata.iter(), |hash, (name, value)| hash.text(name).text(value))
            .all(card_token.as_deref().into_iter(), Canonical::text)
            .into()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, json};

    use super::*;
    use crate::intent::{FieldError, Intent, Invalid};
    use crate::settlement::fee::Fees;

    fn valid() -> Value {
        json!({
            "source": "0192f0c1-2b3a-7c4d-8e5f-60718293a4b5",
            "destination": "0192F0C1-2B3A-7C4D-8E5F-60718293A4B6",
            "amount": 1999,
            "currency": "EUR",
            "description": "Two espressi",
            "metadata": {"order": "0192f0c1-2b3a-7c4d-8e5f-60718293a4b7"},
            "card_token": "tok_visa-1.a",
        })
    }

    fn with(name: &str, value: Value) -> Value {
        let mut body = valid();
        body[name] = value;
        body
    }

    fn parse(body: &Value) -> Result<Payment, Invalid> {
        parse_text(body.to_string().as_bytes())
    }

    fn parse_text(body: &[u8]) -> Result<Payment, Invalid> {
        match Intent::payment(body, &Fees::default())? {
            Intent::Payment(payment) => Ok(payment),
            Intent::Deposit(_) | Intent::Settlement(_) | Intent::Correction(_) => {
                panic!("a payment that does not ask to be settled")
            }
        }
    }

    fn errors(body: &Value) -> Vec<(String, String)> {
        match parse(body) {
            Err(Invalid::Fields(errors)) => errors.into_iter().map(|e| (e.pointer, e.detail)).collect(),
            Ok(_) | Err(Invalid::MalformedJson | Invalid::CardNumber) => {
                panic!("{body} has no field errors")
            }
        }
    }

    #[test]
    fn a_valid_payment_is_read_whole() {
        let payment = parse(&valid()).unwrap();
        assert_eq!(payment.destination.to_string(), "0192f0c1-2b3a-7c4d-8e5f-60718293a4b6");
        assert_eq!((payment.amount.minor(), payment.currency.code()), (1999, "EUR"));
        assert_eq!(
            Intent::Payment(payment).details(),
            json!({"description": "Two espressi", "card_token": "tok_visa-1.a",
                   "metadata": {"order": "0192f0c1-2b3a-7c4d-8e5f-60718293a4b7"}})
        );
    }

    #[test]
    fn optional_fields_may_be_absent_or_null() {
        let mut short = valid();
        for name in ["description", "metadata", "card_token"] {
            short.as_object_mut().unwrap().remove(name);
        }
        let absent = parse(&short).unwrap();
        for name in ["description", "metadata", "card_token"] {
            short[name] = Value::Null;
        }
        assert_eq!(parse(&short).unwrap(), absent);
        assert_eq!(Intent::Payment(absent).details(), json!({"metadata": {}}));
    }

    #[test]
    fn each_wrong_field_is_told_what_it_must_be() {
        let range = "must be a whole number of minor units between 1 and 999999999999";
        let whole = "must be a whole number of minor units, without a decimal point or an exponent";
        let number = "must be a JSON number, not a string or anything else";
        let uuid = "must be a UUID in its hyphenated form";
        let code = "must be the upper-case ISO 4217 code of a currency with a minor unit, such as EUR";
        let token = "must be 1 to 128 letters, digits, dots, dashes or underscores";
        let pairs: Map<_, _> = (0..21).map(|i| (i.to_string(), json!(""))).collect();
        let cases = [
            ("amount", json!(0), range),
            ("amount", json!(-1), range),
            ("amount", json!(1_000_000_000_000_i64), range),
            ("amount", json!(i64::MIN), range),
            ("amount", json!(u64::MAX), range),
            ("amount", json!(1e300), range),
            ("amount", json!(1.5), whole),
            ("amount", json!(1.0), whole),
            ("amount", json!("1999"), number),
            ("amount", json!([1999]), number),
            ("amount", Value::Null, "is required"),
            ("source", json!("me"), uuid),
            ("source", json!("0192f0c12b3a7c4d8e5f60718293a4b5"), uuid),
            ("source", json!(1), "must be a string"),
            ("destination", valid()["source"].clone(), "must differ from the source"),
            ("currency", json!("eur"), code),
            ("currency", json!("XXX"), code),
            ("currency", json!("ZZZ"), code),
            ("currency", json!(978), "must be a string"),
            (
                "description",
                json!("x".repeat(257)),
                "must be a string that has 0 to 256 characters",
            ),
            (
                "description",
                json!("a\u{0}b"),
                "must be a string that has no control characters",
            ),
            ("description", json!({}), "must be a string"),
            ("metadata", json!([]), "must be an object of strings"),
            ("metadata", json!(pairs), "must have at most 20 members"),
            ("card_token", json!(""), token),
            ("card_token", json!("t".repeat(129)), token),
            ("card_token", json!("tok visa"), token),
            ("card_tokens", json!("tok"), "is not a field of this request"),
        ];
        for (name, value, detail) in cases {
            assert_eq!(errors(&with(name, value)), [(format!("/{name}"), detail.to_owned())]);
        }
    }

    #[test]
    fn each_wrong_pair_of_metadata_is_pointed_at() {
        let body = with(
            "metadata",
            json!({"": "x", "a/b": 1, "c\u{7f}": "x", "long": "é".repeat(501), "ok": ""}),
        );
        let expected = [
            ("/metadata/", "must have a name that has 1 to 40 characters"),
            ("/metadata/a~1b", "must be a string"),
            ("/metadata/c\u{7f}", "must have a name that has no control characters"),
            ("/metadata/long", "must be a string that has 0 to 500 characters"),
        ];
        assert_eq!(
            errors(&body),
            expected.map(|(pointer, detail)| (pointer.to_owned(), detail.to_owned()))
        );
    }

    #[test]
    fn limits_count_characters_and_include_the_last() {
        let metadata: Map<_, _> = (10..30)
            .map(|i| ("é".repeat(38) + &i.to_string(), json!("é".repeat(500))))
            .collect();
        let mut body = with("metadata", json!(metadata));
        body["description"] = "é".repeat(256).into();
        body["card_token"] = "t".repeat(128).into();
        assert!(parse(&body).is_ok());
    }

    #[test]
    fn all_errors_are_collected_at_once() {
        let pointers: Vec<String> = errors(&json!({"amount": "1", "tip": 1}))
            .into_iter()
            .map(|e| e.0)
            .collect();
        assert_eq!(pointers, ["/source", "/destination", "/amount", "/currency", "/tip"]);
    }

    #[test]
    fn a_body_full_of_nonsense_is_not_answered_by_a_larger_one() {
        let nonsense: Map<_, _> = (0..1000).map(|i| (format!("f{i}"), json!(i))).collect();
        assert_eq!(errors(&json!(nonsense)).len(), Invalid::MOST_ERRORS);
    }

    #[test]
    fn errors_by_descending_precedence() {
        let repeated = br#"{"amount":1,"amount":1,"note":"4111 1111 1111 1111"}"#;
        assert_eq!(parse_text(repeated), Err(Invalid::MalformedJson));
        assert_eq!(parse_text(b"\xff"), Err(Invalid::MalformedJson));
        assert_eq!(parse_text(br#"{"amount":1e999}"#), Err(Invalid::MalformedJson));
        assert_eq!(
            parse(&json!({"unknown": ["4111-1111-1111-1111"]})),
            Err(Invalid::CardNumber)
        );
        assert_eq!(parse(&json!("4111111111111111")), Err(Invalid::CardNumber));
        for body in [json!([]), json!("x"), json!(1), Value::Null] {
            assert_eq!(
                parse(&body),
                Err(Invalid::Fields(vec![FieldError::new("", "must be a JSON object")]))
            );
        }
    }

    fn payments() -> impl Strategy<Value = Payment> {
        (
            (1..u128::MAX, 1..u128::MAX).prop_filter("two accounts", |(a, b)| a != b),
            1..=Amount::MAX.minor(),
            prop::sample::select(vec!["EUR", "USD", "JPY"]),
            prop::option::of("[a-z é]{0,8}"),
            prop::collection::btree_map("[a-z]{1,3}", "[a-z]{0,3}", 0..4),
            prop::option::of("[a-z]{1,8}"),
        )
            .prop_map(
                |((source, destination), minor, code, description, metadata, card_token)| Payment {
                    source: uuid::Uuid::from_u128(source).into(),
                    destination: uuid::Uuid::from_u128(destination).into(),
                    amount: Amount::new(minor).unwrap(),
                    currency: code.parse().unwrap(),
                    description,
                    metadata,
                    card_token,
                },
            )
    }

    /// The payment as JSON, its members in the order of `rank` and in a generous layout.
    fn written(payment: &Payment, rank: &[u8]) -> String {
        let mut members = [
            ("source", json!(payment.source)),
            ("destination", json!(payment.destination.to_string().to_uppercase())),
            ("amount", json!(payment.amount)),
            ("currency", json!(payment.currency)),
            ("description", json!(payment.description)),
            ("metadata", json!(payment.metadata)),
            ("card_token", json!(payment.card_token)),
        ];
        members.sort_by_key(|(name, _)| rank[name.len() % rank.len()]);
        let lines: Vec<String> = members
            .iter()
            .map(|(name, value)| format!("\t\"{name}\" :\r\n {value:#}"))
            .collect();
        format!(" {{{}\n}} ", lines.join(" ,\n"))
    }

    proptest! {
        #[test]
        fn layout_and_order_do_not_change_the_fingerprint(payment in payments(), rank: [u8; 7]) {
            prop_assume!(!crate::card_number::find_in(&json!([payment.source, payment.destination])));
            let read = parse_text(written(&payment, &rank).as_bytes()).unwrap();
            prop_assert_eq!(read.fingerprint(Operation::Payment), payment.fingerprint(Operation::Payment));
            prop_assert_eq!(read, payment);
        }

        #[test]
        fn any_difference_changes_the_fingerprint(one in payments(), other in payments()) {
            let Payment { source, destination, amount, currency, description, metadata, card_token } = other.clone();
            let altered = [
                Payment { source, ..one.clone() },
                Payment { destination, ..one.clone() },
                Payment { amount, ..one.clone() },
                Payment { currency, ..one.clone() },
                Payment { description, ..one.clone() },
                Payment { metadata, ..one.clone() },
                Payment { card_token, ..one.clone() },
                Payment { source: one.destination, destination: one.source, ..one.clone() },
                Payment { description: one.card_token.clone(), card_token: one.description.clone(), ..one.clone() },
                other,
            ];
            for altered in altered {
                prop_assert_eq!(altered.fingerprint(Operation::Payment) == one.fingerprint(Operation::Payment), altered == one);
            }
        }
    }
}
