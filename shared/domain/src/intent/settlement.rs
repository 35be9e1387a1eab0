//! `POST /v1/settlements`, and a payment that asks to be settled.

use serde_json::{Map, Value, json};

use super::checks::boolean;
use super::fields::{self, Fields, Refused};
use super::{Intent, Invalid, Payment};
use crate::ids::{AccountId, LedgerKey, TenantId};
use crate::settlement::fee::{Fee, Fees};
use crate::settlement::step::Action;

/// A buyer pays a merchant in steps: held, verified, released, and the platform's fee collected; or all of it undone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// Who pays whom how much.
    pub payment: Payment,
    /// What the platform takes. `None`: it would be more than the amount, and the ledger refuses the settlement.
    pub fee: Option<Fee>,
}

impl Settlement {
    /// Reads the body of `POST /v1/settlements`: that of a payment.
    ///
    /// # Errors
    /// [`Invalid`], with every field that is wrong; the currency is, if `fees` has none for it.
    pub fn parse(body: &[u8], fees: &Fees) -> Result<Self, Invalid> {
        fields::read(body, |fields| Self::of(Payment::read(fields)?, fees, fields))
    }

    fn of(payment: Payment, fees: &Fees, fields: &mut Fields<'_>) -> Result<Self, Refused> {
        match fees.of(payment.currency) {
            Some(schedule) => Ok(Self {
                fee: schedule.fee(payment.amount).ok(),
                payment,
            }),
            None => Err(fields.refuse("currency", "is not one that settlements are made in")),
        }
    }

    pub(super) fn details(&self) -> Value {
        let mut details = self.payment.details();
        details["fee"] = self.fee.map(Fee::minor).into();
        details
    }

    /// `{"fee": minor units or null, "escrow": account, "platform": account, "keys": {action: ledger key}}`
    pub(super) fn terms(&self, tenant: TenantId, settlement: LedgerKey) -> Value {
        let currency = self.payment.currency;
        let key = |action: Action| LedgerKey::of_action(tenant, settlement, action).to_string();
        let keys: Map<String, Value> = Action::ALL
            .into_iter()
            .map(|action| (action.to_string(), key(action).into()))
            .collect();
        json!({
            "fee": self.fee.map(Fee::minor),
            "escrow": AccountId::of_purpose(tenant, "escrow", currency),
            "platform": AccountId::of_purpose(TenantId::PLATFORM, "platform", currency),
            "keys": keys,
        })
    }
}

impl Intent {
    /// Reads the body of `POST /v1/payments`. With `"settle": true` it is the settlement that `POST /v1/settlements`
    /// would have made of it.
    ///
    /// # Errors
    /// [`Invalid`], with every field that is wrong.
    pub fn payment(body: &[u8], fees: &Fees) -> Result<Self, Invalid> {
        fields::read(body, |fields| {
            let settle = fields.optional("settle", boolean);
            let payment = Payment::read(fields);
            if settle?.unwrap_or_default() {
                Settlement::of(payment?, fees, fields).map(Self::Settlement)
            } else {
                payment.map(Self::Payment)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intent::FieldError;

    fn body(more: &str) -> Vec<u8> {
        let (source, destination) = (
            "0192f0c1-2b3a-7c4d-8e5f-60718293a4b5",
            "0192f0c1-2b3a-7c4d-8e5f-60718293a4b6",
        );
        let body =
            format!(r#"{{"source":"{source}","destination":"{destination}","amount":1999,"currency":"EUR"{more}}}"#);
        body.into_bytes()
    }

    fn fees(text: &str) -> Fees {
        text.parse().unwrap()
    }

    #[test]
    fn a_payment_that_asks_to_be_settled_is_the_settlement_itself() {
        let fees = fees("EUR:290:30");
        let settlement = Intent::Settlement(Settlement::parse(&body(""), &fees).unwrap());
        assert_eq!(
            Intent::payment(&body(r#","settle":true"#), &fees),
            Ok(settlement.clone())
        );
        assert_eq!(settlement.details(), json!({"fee": 88, "metadata": {}}));
        for plain in ["", r#","settle":false"#, r#","settle":null"#] {
            let payment = Intent::payment(&body(plain), &fees).unwrap();
            assert!(matches!(payment, Intent::Payment(_)), "{plain}");
            assert_ne!(payment.fingerprint(), settlement.fingerprint());
        }
    }

    #[test]
    fn a_retry_after_the_fee_was_changed_is_still_the_same_request() {
        let [before, after] =
            ["EUR:290:30", "EUR:0:2000"].map(|text| Settlement::parse(&body(""), &fees(text)).unwrap());
        assert_eq!((before.fee.map(Fee::minor), after.fee), (Some(88), None));
        assert_eq!(
            Intent::Settlement(before).fingerprint(),
            Intent::Settlement(after).fingerprint()
        );
    }

    #[test]
    fn without_a_fee_for_it_a_currency_is_not_settled_in() {
        let refused = Invalid::Fields(vec![FieldError {
            pointer: "/currency".to_owned(),
            detail: "is not one that settlements are made in".to_owned(),
        }]);
        let fees = fees("USD:290:30");
        assert_eq!(Settlement::parse(&body(""), &fees), Err(refused.clone()));
        assert_eq!(Intent::payment(&body(r#","settle":true"#), &fees), Err(refused));
        assert!(Intent::payment(&body(""), &fees).is_ok());
    }

    #[test]
    fn settle_is_true_or_false() {
        let wrong = Intent::payment(&body(r#","settle":"true""#), &fees("EUR:0:0"));
        assert!(matches!(wrong, Err(Invalid::Fields(errors)) if errors[0].pointer == "/settle"));
        assert!(Settlement::parse(&body(r#","settle":true"#), &fees("EUR:0:0")).is_err());
    }

    #[test]
    fn the_terms_name_the_two_accounts_that_nobody_may_choose_and_a_key_for_each_action() {
        let tenant: TenantId = uuid::Uuid::from_u128(7).into();
        let key: LedgerKey = uuid::Uuid::from_u128(9).into();
        let settlement = Settlement::parse(&body(""), &fees("EUR:290:30")).unwrap();
        let terms = Intent::Settlement(settlement).terms(tenant, key).unwrap();
        let eur = "EUR".parse().unwrap();
        assert_eq!(terms["escrow"], json!(AccountId::of_purpose(tenant, "escrow", eur)));
        assert_eq!(
            terms["platform"],
            json!(AccountId::of_purpose(TenantId::PLATFORM, "platform", eur))
        );
        assert_eq!(terms["fee"], json!(88));
        assert_eq!(terms["keys"].as_object().unwrap().len(), 9);
        let undo_hold = Action::ALL[6];
        assert_eq!(
            terms["keys"]["undo_hold"],
            json!(LedgerKey::of_action(tenant, key, undo_hold))
        );
    }
}
