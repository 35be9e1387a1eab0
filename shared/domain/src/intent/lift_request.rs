//! `POST /v1/operator/halts/{scope}/lift`

use time::OffsetDateTime;

use super::checks::{reason, time};
use super::fields;
use super::invalid::Invalid;

/// An operator ends one halt, and no other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiftRequest {
    /// Which: the one that has held since then, as the answer to it and the list show it. A scope alone would not do: it may
    /// have been lifted and halted anew by the time this is read.
    pub since: OffsetDateTime,
    /// Why, for the audit: see [`super::ReasonRequest`].
    pub reason: String,
}

impl LiftRequest {
    /// Reads the body of the request.
    ///
    /// # Errors
    /// [`Invalid`], with every field that is wrong.
    pub fn parse(body: &[u8]) -> Result<Self, Invalid> {
        fields::read(body, |fields| {
            let since = fields.required("since", time);
            let reason = fields.required("reason", reason);
            Ok(Self {
                since: since?,
                reason: reason?,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use time::macros::datetime;

    use super::*;
    use crate::answer::timestamp;
    use crate::intent::FieldError;

    fn parse(body: &Value) -> Result<LiftRequest, Invalid> {
        LiftRequest::parse(body.to_string().as_bytes())
    }

    #[test]
    fn a_lift_names_its_halt_as_it_was_shown() {
        let since = datetime!(2026-11-23 03:12:09.000_120 UTC);
        for shown in [timestamp(since), "2026-11-23T04:12:09.00012+01:00".to_owned()] {
            let request = parse(&json!({"since": shown, "reason": "the books add up"}));
            let reason = "the books add up".to_owned();
            assert_eq!(request, Ok(LiftRequest { since, reason }), "{shown}");
        }
    }

    #[test]
    fn a_lift_of_whatever_holds_is_none() {
        let refused = |detail: &str| {
            let errors = [("/since", detail), ("/reason", "is required")];
            Err(Invalid::Fields(
                errors.map(|(at, what)| FieldError::new(at, what)).to_vec(),
            ))
        };
        assert_eq!(parse(&json!({})), refused("is required"));
        assert_eq!(parse(&json!({"since": null})), refused("is required"));
        assert_eq!(parse(&json!({"since": 1_795_403_529})), refused("must be a string"));
        let told = "must be a time as RFC 3339 writes it, such as 2026-11-22T10:00:00.000000Z";
        for wrong in ["", "now", "2026-11-23", "2026-11-23T03:12:09"] {
            assert_eq!(parse(&json!({"since": wrong})), refused(told), "{wrong}");
        }
    }
}
