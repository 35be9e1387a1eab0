//! `POST /v1/operator/settlements/{settlement_id}/proposals`

use serde_json::Value;

use super::checks::{reason, string};
use super::fields;
use super::invalid::{Checked, Invalid, refuse};
use crate::settlement::course::Decision;

/// The first of two people says what should become of a settlement in limbo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProposalRequest {
    /// Whether the merchant is paid or the buyer.
    pub decision: Decision,
    /// Why, for the second one and for the audit: see [`super::ReasonRequest`].
    pub reason: String,
}

impl ProposalRequest {
    /// Reads the body of the request.
    ///
    /// # Errors
    /// [`Invalid`], with every field that is wrong.
    pub fn parse(body: &[u8]) -> Result<Self, Invalid> {
        fields::read(body, |fields| {
            let decision = fields.required("decision", decision);
            let reason = fields.required("reason", reason);
            Ok(Self {
                decision: decision?,
                reason: reason?,
            })
        })
    }
}

fn decision(value: &Value) -> Checked<Decision> {
    match string(value)?.parse() {
        Ok(decision) => Ok(decision),
        Err(_) => refuse("must be release or refund"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::intent::FieldError;

    fn parse(body: &Value) -> Result<ProposalRequest, Invalid> {
        ProposalRequest::parse(body.to_string().as_bytes())
    }

    #[test]
    fn a_proposal_is_a_decision_and_a_reason() {
        for decision in Decision::ALL {
            let body = json!({"decision": decision.as_str(), "reason": "it was looked into"});
            let reason = "it was looked into".to_owned();
            assert_eq!(parse(&body), Ok(ProposalRequest { decision, reason }));
        }
    }

    #[test]
    fn everything_that_is_wrong_with_it_is_told() {
        let refused = |errors: [(&str, &str); 2]| {
            let errors = errors.map(|(pointer, detail)| FieldError::new(pointer, detail));
            Err(Invalid::Fields(errors.to_vec()))
        };
        assert_eq!(
            parse(&json!({})),
            refused([("/decision", "is required"), ("/reason", "is required")])
        );
        for decision in [json!("Refund"), json!("hold"), json!("")] {
            let told = [("/decision", "must be release or refund"), ("/reason", "must say why")];
            assert_eq!(parse(&json!({"decision": decision, "reason": " "})), refused(told));
        }
    }
}
