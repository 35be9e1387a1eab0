//! `POST /v1/operator/breaks/{break_id}/assignment`

use super::checks::{assignee, reason};
use super::fields;
use super::invalid::Invalid;

/// An operator says who looks into a break.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssignmentRequest {
    /// Whom people know it by, as the operator writes it: 1 to 64 characters, not all of them blank.
    pub assignee: String,
    /// Why, for that person and for the audit: see [`super::ReasonRequest`].
    pub reason: String,
}

impl AssignmentRequest {
    /// Reads the body of the request.
    ///
    /// # Errors
    /// [`Invalid`], with every field that is wrong.
    pub fn parse(body: &[u8]) -> Result<Self, Invalid> {
        fields::read(body, |fields| {
            let assignee = fields.required("assignee", assignee);
            let reason = fields.required("reason", reason);
            Ok(Self {
                assignee: assignee?,
                reason: reason?,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::intent::FieldError;

    #[test]
    fn an_assignment_names_somebody_and_says_why() {
        let longest = "ü".repeat(64);
        for assignee in ["grace", "the desk at acme", longest.as_str()] {
            let body = json!({"assignee": assignee, "reason": "it is theirs"}).to_string();
            let expected = AssignmentRequest {
                assignee: assignee.to_owned(),
                reason: "it is theirs".to_owned(),
            };
            assert_eq!(AssignmentRequest::parse(body.as_bytes()), Ok(expected));
        }
    }

    #[test]
    fn everything_that_is_wrong_with_it_is_told() {
        let length = "must be a string that has 1 to 64 characters";
        for (assignee, detail) in [
            (json!(null), "is required"),
            (json!(""), length),
            (json!("x".repeat(65)), length),
            (json!(" "), "must name somebody"),
            (json!(7), "must be a string"),
        ] {
            let body = json!({"assignee": assignee, "reason": " "}).to_string();
            let errors = [("/assignee", detail), ("/reason", "must say why")];
            let errors = errors.map(|(pointer, detail)| FieldError::new(pointer, detail));
            assert_eq!(
                AssignmentRequest::parse(body.as_bytes()),
                Err(Invalid::Fields(errors.to_vec())),
                "{assignee}"
            );
        }
    }
}
