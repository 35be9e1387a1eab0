//! `POST /v1/payments/{payment_id}/refunds` and `…/reversal`

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::checks::{amount, description, metadata};
use super::fields::{self, Fields, Refused};
use super::{Invalid, Operation, details};
use crate::canonical::Canonical;
use crate::fingerprint::Fingerprint;
use crate::ids::LedgerKey;
use crate::money::Amount;

/// Money goes back the way a payment came. Whose accounts, which currency and, unless it is said, how much, the ledger takes
/// from the payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Correction {
    /// The payment, or the settlement, that is corrected.
    pub payment: LedgerKey,
    /// All of it, or a part.
    pub kind: CorrectionKind,
    /// Free text of at most 256 characters.
    pub description: Option<String>,
    /// At most 20 pairs; names of 1 to 40 characters, values of at most 500.
    pub metadata: BTreeMap<String, String>,
}

/// How much of a payment goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CorrectionKind {
    /// This much, or all that is left of the payment; with all refunds before it never more than the payment.
    Refund(Option<Amount>),
    /// All of it: only of a payment that was not corrected before.
    Reversal,
}

impl Correction {
    /// Reads the body of `POST /v1/payments/{payment_id}/refunds`.
    ///
    /// # Errors
    /// [`Invalid`], with every field that is wrong.
    pub fn refund(payment: LedgerKey, body: &[u8]) -> Result<Self, Invalid> {
        fields::read(body, |fields| {
            let amount = fields.optional("amount", amount);
            Self::read(payment, amount.map(CorrectionKind::Refund), fields)
        })
    }

    /// Reads the body of `POST /v1/payments/{payment_id}/reversal`.
    ///
    /// # Errors
    /// [`Invalid`], with every field that is wrong.
    pub fn reversal(payment: LedgerKey, body: &[u8]) -> Result<Self, Invalid> {
        fields::read(body, |fields| Self::read(payment, Ok(CorrectionKind::Reversal), fields))
    }

    fn read(
        payment: LedgerKey,
        kind: Result<CorrectionKind, Refused>,
        fields: &mut Fields<'_>,
    ) -> Result<Self, Refused> {
        let description = fields.optional("description", description);
        let metadata = fields.optional("metadata", metadata);
        Ok(Self {
            payment,
            kind: kind?,
            description: description?,
            metadata: metadata?.unwrap_or_default(),
        })
    }

    pub(super) const fn operation(&self) -> Operation {
        match self.kind {
            CorrectionKind::Refund(_) => Operation::Refund,
            CorrectionKind::Reversal => Operation::Reversal,
        }
    }

    /// How much is asked for; `None`: all that there is.
    pub(super) const fn amount(&self) -> Option<Amount> {
        match self.kind {
            CorrectionKind::Refund(amount) => amount,
            CorrectionKind::Reversal => None,
        }
    }

    /// See [`super::Intent::details`].
    pub(super) fn details(&self) -> Value {
        let mut details = details(self.description.as_deref(), &self.metadata, None);
        details["payment"] = json!(self.payment);
        details
    }

    /// `{"corrects": the payment}`
    pub(super) fn terms(&self) -> Value {
        json!({"corrects": self.payment})
    }

    /// Names every field, so that a field added later cannot be forgotten here.
    pub(super) fn fingerprint(&self) -> Fingerprint {
        let Self {
            payment,
            kind: _,
            description,
            metadata,
        } = self;
        Fingerprint::of(self.operation().as_str())
            .uuid(payment.uuid())
            .all(self.amount().into_iter(), |hash, amount| hash.integer(amount.minor()))
            .all(description.as_deref().into_iter(), Canonical::text)
            .all(metadata.iter(), |hash, (name, value)| hash.text(name).text(value))
            .into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::TenantId;
    use crate::intent::{FieldError, Intent};

    const PAYMENT: u128 = 0x0192_f0c1_2b3a_8c4d_8e5f_6071_8293_a4b5;

    fn payment(id: u128) -> LedgerKey {
        uuid::Uuid::from_u128(id).into()
    }

    fn refund(body: &Value) -> Result<Correction, Invalid> {
        Correction::refund(payment(PAYMENT), body.to_string().as_bytes())
    }

    fn reversal(body: &Value) -> Result<Correction, Invalid> {
        Correction::reversal(payment(PAYMENT), body.to_string().as_bytes())
    }

    #[test]
    fn a_correction_names_the_payment_and_nothing_that_the_payment_says() {
        for (correction, operation, amount) in [
            (refund(&json!({"amount": 5})), "refund", Some(5)),
            (refund(&json!({})), "refund", None),
            (refund(&json!({"amount": null})), "refund", None),
            (reversal(&json!({})), "reversal", None),
        ] {
            let intent = Intent::Correction(correction.unwrap());
            let tenant = TenantId::from(uuid::Uuid::nil());
            assert_eq!(intent.operation(), operation);
            assert_eq!(intent.amount().map(Amount::minor), amount);
            assert_eq!(
                (intent.source(tenant), intent.destination(), intent.currency()),
                (None, None, None)
            );
            let id = payment(PAYMENT).to_string();
            assert_eq!(intent.terms(tenant, payment(1)), Some(json!({"corrects": id.as_str()})));
            assert_eq!(intent.details(), json!({"metadata": {}, "payment": id}));
        }
    }

    #[test]
    fn what_the_payment_says_is_no_field_of_its_correction() {
        let unknown = |name: &str| {
            Err(Invalid::Fields(vec![FieldError::new(
                format!("/{name}"),
                "is not a field of this request",
            )]))
        };
        for name in ["source", "destination", "currency", "card_token", "payment", "settle"] {
            assert_eq!(refund(&json!({ name: "x" })), unknown(name));
            assert_eq!(reversal(&json!({ name: "x" })), unknown(name));
        }
        assert_eq!(reversal(&json!({"amount": 5})), unknown("amount"), "it is of the whole");
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let Err(Invalid::Fields(errors)) = refund(&json!({"amount": 0, "description": 1, "metadata": [], "tip": 1}))
        else {
            panic!("four fields are wrong");
        };
        let pointers: Vec<_> = errors.iter().map(|error| error.pointer.as_str()).collect();
        assert_eq!(pointers, ["/amount", "/description", "/metadata", "/tip"]);
        assert_eq!(
            refund(&json!({"description": "4111 1111 1111 1111"})),
            Err(Invalid::CardNumber)
        );
    }

    #[test]
    fn every_field_changes_the_fingerprint() {
        let of = |id, body: &Value| Correction::refund(payment(id), body.to_string().as_bytes()).unwrap();
        let prints = [
            of(PAYMENT, &json!({})),
            of(PAYMENT + 1, &json!({})),
            of(PAYMENT, &json!({"amount": 5})),
            of(PAYMENT, &json!({"amount": 6})),
            of(PAYMENT, &json!({"description": ""})),
            of(PAYMENT, &json!({"metadata": {"a": ""}})),
            reversal(&json!({})).unwrap(),
        ]
        .map(|correction| *correction.fingerprint().as_bytes());
        let distinct: std::collections::BTreeSet<_> = prints.iter().collect();
        assert_eq!(distinct.len(), prints.len());
        assert_eq!(
            prints[2],
            *of(PAYMENT, &json!({"metadata": {}, "amount": 5}))
                .fingerprint()
                .as_bytes()
        );
    }
}
