//! What an operator decides needs nothing but a reason: `POST /v1/dead-letters/{dead_letter_id}/replay` and `…/discard`,
//! `POST /v1/operator/…/approval`, `…/limbo`, `…/freeze`, `…/unfreeze`, `…/halt` and `…/resolution`.

use super::checks::reason;
use super::fields;
use super::invalid::Invalid;

/// An operator decides what the route says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReasonRequest {
    /// Why, in the operator's words, for whoever reads the audit: 1 to 500 characters, not all of them blank.
    pub reason: String,
}

impl ReasonRequest {
    /// Reads the body of the request.
    ///
    /// # Errors
    /// [`Invalid`], with every field that is wrong.
    pub fn parse(body: &[u8]) -> Result<Self, Invalid> {
        fields::read(body, |fields| {
            let reason = fields.required("reason", reason);
            Ok(Self { reason: reason? })
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::intent::FieldError;

    fn parse(reason: &Value) -> Result<String, Invalid> {
        let body = json!({ "reason": reason }).to_string();
        ReasonRequest::parse(body.as_bytes()).map(|request| request.reason)
    }

    #[test]
    fn a_reason_is_kept_as_it_was_given() {
        let longest = "ü".repeat(500);
        for reason in ["the bus was fixed", " a ", longest.as_str()] {
            assert_eq!(parse(&json!(reason)), Ok(reason.to_owned()));
        }
    }

    #[test]
    fn no_reason_is_none() {
        let refused = |detail: &str| Err(Invalid::Fields(vec![FieldError::new("/reason", detail)]));
        assert_eq!(parse(&Value::Null), refused("is required"));
        assert_eq!(parse(&json!(7)), refused("must be a string"));
        assert_eq!(parse(&json!("  ")), refused("must say why"));
        let length = "must be a string that has 1 to 500 characters";
        assert_eq!(parse(&json!("")), refused(length));
        assert_eq!(parse(&json!("x".repeat(501))), refused(length));
    }
}
