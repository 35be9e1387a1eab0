//! The one place that renders `application/problem+json`.

use serde::Serialize;

use crate::answer::{Answer, timestamp};
use crate::client_key::ClientKeyError;
use crate::document;
use crate::gate::STATEMENT_TIMEOUT_SECONDS;
use crate::halt::Halt;
use crate::ids::LedgerKey;
use crate::intent::{FieldError, Invalid};
use crate::problem::{Class, Problem};
use crate::settlement::course::Decision;

/// The body of a failure. Made of a [`Problem`]'s own texts and of what is known not to be internal: no error of a
/// lower layer ever enters it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProblemBody {
    #[serde(skip)]
    problem: Problem,
    #[serde(rename = "type")]
    type_uri: String,
    title: &'static str,
    status: u16,
    detail: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<LedgerKey>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decision: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    halt: Option<Standing>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
}

/// The halt that holds in place of the one that was to be lifted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Standing {
    since: String,
    halted_by: String,
    reason: String,
}

impl ProblemBody {
    /// The media type of every failure.
    pub const CONTENT_TYPE: &str = "application/problem+json";

    /// The id of the refused intent, for refusals that the ledger holds.
    #[must_use]
    pub fn with_id(mut self, id: LedgerKey) -> Self {
        self.id = Some(id);
        self
    }

    /// What people decided before about the settlement in question.
    #[must_use]
    pub fn with_decision(mut self, decision: Decision) -> Self {
        self.decision = Some(decision.as_str());
        self
    }

    /// Which halt holds, for whoever came to lift another.
    #[must_use]
    pub fn with_halt(mut self, halt: Halt) -> Self {
        self.halt = Some(Standing {
            since: timestamp(halt.since),
            halted_by: halt.halted_by,
            reason: halt.reason,
        });
        self
    }

    /// The pause in seconds after which to ask again, in place of the problem's own.
    #[must_use]
    pub fn with_retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// The value of the `Retry-After` header, in seconds. Present on everything that is retryable.
    #[must_use]
    pub const fn retry_after(&self) -> Option<u64> {
        self.retry_after
    }

    /// Which problem it is the body of.
    #[must_use]
    pub const fn problem(&self) -> Problem {
        self.problem
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// Status, media type and bytes. The same body always gives the same bytes.
    #[must_use]
    pub fn answer(&self) -> Answer {
        Answer {
            status: self.status,
            content_type: Self::CONTENT_TYPE.to_owned(),
            body: document::write(self),
        }
    }
}

impl From<Problem> for ProblemBody {
    fn from(problem: Problem) -> Self {
        Self {
            problem,
            type_uri: problem.type_uri(),
            title: problem.title(),
            status: problem.status(),
            detail: problem.detail(),
            id: None,
            decision: None,
            halt: None,
            errors: Vec::new(),
            retry_after: pause(problem),
        }
    }
}

impl From<Invalid> for ProblemBody {
    fn from(invalid: Invalid) -> Self {
        let body = Self::from(invalid.problem());
        match invalid {
            Invalid::MalformedJson | Invalid::CardNumber => body,
            Invalid::Fields(errors) => Self { errors, ..body },
        }
    }
}

impl From<ClientKeyError> for ProblemBody {
    fn from(error: ClientKeyError) -> Self {
        Problem::from(error).into()
    }
}

/// After an unknown outcome, asking before the last statement can have ended would only meet it again.
const fn pause(problem: Problem) -> Option<u64> {
    match (problem, problem.class()) {
        (Problem::OutcomeUnknown, _) => Some(STATEMENT_TIMEOUT_SECONDS + 1),
        // People halt postings, and people end that.
        (Problem::PostingsHalted, _) => Some(60),
        // Sealing comes once a day.
        (Problem::NotSealedYet, _) => Some(3600),
        (_, Class::Unavailable | Class::InProgress) => Some(1),
        (_, Class::Rejected | Class::Conflict | Class::Internal) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(body: &ProblemBody) -> String {
        String::from_utf8(body.answer().body).unwrap()
    }

    #[test]
    fn a_plain_problem_has_four_members() {
        assert_eq!(
            text(&Problem::NotFound.into()),
            r#"{"type":"urn:onceledger:problem:not-found","title":"Not found","status":404,"detail":"There is nothing here that this token may see."}"#
        );
    }

    #[test]
    fn an_invalid_request_lists_its_errors() {
        let errors = vec![
            FieldError::new("/amount", "is required"),
            FieldError::new("/currency", "is required"),
        ];
        let body = ProblemBody::from(Invalid::Fields(errors));
        assert!(text(&body).ends_with(
            r#","errors":[{"pointer":"/amount","detail":"is required"},{"pointer":"/currency","detail":"is required"}]}"#
        ));
    }

    #[test]
    fn a_decision_that_stands_is_told() {
        let body = ProblemBody::from(Problem::SettlementDecided).with_decision(Decision::Refund);
        assert!(text(&body).ends_with(r#","decision":"refund"}"#));
    }

    #[test]
    fn the_pause_is_told_in_the_body_and_can_be_made_precise() {
        let body = ProblemBody::from(Problem::InProgress).with_retry_after(7);
        assert!(text(&body).ends_with(r#","retry_after":7}"#));
    }

    #[test]
    fn whatever_is_retryable_says_when() {
        for problem in Problem::ALL {
            assert_eq!(
                ProblemBody::from(*problem).retry_after().is_some(),
                problem.retryable(),
                "{problem}"
            );
        }
    }

    #[test]
    fn an_answer_is_problem_json_with_the_status_of_the_problem() {
        for problem in Problem::ALL {
            let answer = ProblemBody::from(*problem).answer();
            assert_eq!(
                (answer.status, answer.content_type.as_str()),
                (problem.status(), "application/problem+json")
            );
        }
    }
}
