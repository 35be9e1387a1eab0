//! Knowing the merchant: what is asked of the provider, and what its answer is worth.
//!
//! An answer counts only if nothing about it is odd. Everything else is [`Verdict::Unavailable`] with a name for why:
//! not an outcome of the settlement, which waits or is tried again.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::breaker::{Ended, Refused};
use crate::document;
use crate::ids::{AccountId, LedgerKey, TenantId};

/// The most that is read of an answer. One of ours has some hundred bytes.
pub const MAX_ANSWER_BYTES: usize = 16 * 1024;

/// The only media type of an answer, and of the question.
pub const MEDIA_TYPE: &str = "application/json";

/// One question. Nothing in it is personal: the provider knows the merchant by the ids it was registered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// The ledger key of the settlement's verification, and the idempotency key of the call: asked again, it is the
    /// same question. The answer repeats it.
    pub reference: LedgerKey,
    /// The merchant.
    #[serde(rename = "merchant_id")]
    pub tenant: TenantId,
    /// The account that is to be paid.
    #[serde(rename = "account_id")]
    pub account: AccountId,
}

/// What is known of the merchant after asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It may be paid.
    Approved,
    /// It may not.
    Rejected,
    /// The provider leaves it to people.
    NeedsReview,
    /// Nothing.
    Unavailable(Unavailable),
}

/// Why nothing is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unavailable {
    /// It was not asked: the breaker is open, or half-open and another asks.
    BreakerOpen,
    /// It was not asked: as many calls as it is sent at a time are on their way.
    Busy,
    /// It was not asked: whether it may be is not known.
    BreakerUnreachable,
    /// There was no connection, or not one that could be trusted.
    Unreachable,
    /// It took longer than it may.
    TimedOut,
    /// The connection ended, or broke the protocol, before the answer was whole.
    Lost,
    /// The status was not 200. A redirection is one of these: none is followed.
    Status(u16),
    /// The answer was not said to be [`MEDIA_TYPE`], that and nothing more.
    MediaType,
    /// It was longer than [`MAX_ANSWER_BYTES`].
    TooLong,
    /// It was not an answer in JSON.
    Malformed,
    /// It was the answer to another question.
    OtherReference,
    /// It was in a word that is not known here.
    UnknownVerdict,
}

/// Its name, for logs.
impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BreakerOpen => "breaker_open",
            Self::Busy => "busy",
            Self::BreakerUnreachable => "breaker_unreachable",
            Self::Unreachable => "unreachable",
            Self::TimedOut => "timed_out",
            Self::Lost => "lost",
            Self::Status(status) => return write!(f, "status_{status}"),
            Self::MediaType => "media_type",
            Self::TooLong => "too_long",
            Self::Malformed => "malformed",
            Self::OtherReference => "other_reference",
            Self::UnknownVerdict => "unknown_verdict",
        })
    }
}

impl From<Refused> for Unavailable {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Open { .. } | Refused::Probed => Self::BreakerOpen,
            Refused::Busy => Self::Busy,
        }
    }
}

/// An answer as it came.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// Of the response.
    pub status: u16,
    /// The `Content-Type`; `None` if there is none, or more than one.
    pub media_type: Option<&'a [u8]>,
    /// At most [`MAX_ANSWER_BYTES`] and one, when there was more.
    pub body: &'a [u8],
}

/// What we read of the body. Members that we do not know are the provider's to add.
#[derive(Deserialize)]
struct Said {
    reference: LedgerKey,
    verdict: String,
}

impl Verification {
    /// The question in JSON.
    #[must_use]
    pub fn body(&self) -> Vec<u8> {
        document::write(self)
    }

    /// What the answer to this question is worth.
    #[must_use]
    pub fn verdict(&self, answer: &Answer<'_>) -> Verdict {
        self.read(answer).unwrap_or_else(Verdict::Unavailable)
    }

    fn read(&self, answer: &Answer<'_>) -> Result<Verdict, Unavailable> {
        if answer.status != 200 {
            return Err(Unavailable::Status(answer.status));
        }
        let is_ours = |media_type: &[u8]| media_type.eq_ignore_ascii_case(MEDIA_TYPE.as_bytes());
        if !answer.media_type.is_some_and(is_ours) {
            return Err(Unavailable::MediaType);
        }
        if answer.body.len() > MAX_ANSWER_BYTES {
            return Err(Unavailable::TooLong);
        }
        let document: Value = document::read(answer.body).map_err(|_| Unavailable::Malformed)?;
        let said: Said = serde_json::from_value(document).map_err(|_| Unavailable::Malformed)?;
        if said.reference != self.reference {
            return Err(Unavailable::OtherReference);
        }
        match said.verdict.as_str() {
            "approved" => Ok(Verdict::Approved),
            "rejected" => Ok(Verdict::Rejected),
            "needs_review" => Ok(Verdict::NeedsReview),
            _ => Err(Unavailable::UnknownVerdict),
        }
    }
}

impl Verdict {
    /// How the call ended for the breaker: any verdict is an answer, and so is a refusal of this very question. A provider that
    /// knows nothing of one merchant must not be taken for one that serves nobody.
    #[must_use]
    pub const fn ended(self) -> Ended {
        match self {
            // These four are about the caller, or about when: login, time-out, too early, too many.
            Self::Unavailable(Unavailable::Status(401 | 408 | 425 | 429)) => Ended::Failed,
            Self::Approved | Self::Rejected | Self::NeedsReview | Self::Unavailable(Unavailable::Status(400..=499)) => {
                Ended::Served
            }
            Self::Unavailable(_) => Ended::Failed,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Approved => f.write_str("approved"),
            Self::Rejected => f.write_str("rejected"),
            Self::NeedsReview => f.write_str("needs_review"),
            Self::Unavailable(why) => write!(f, "unavailable: {why}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    fn question() -> Verification {
        Verification {
            reference: Uuid::from_u128(1).into(),
            tenant: Uuid::from_u128(2).into(),
            account: Uuid::from_u128(3).into(),
        }
    }

    fn saying(verdict: &str) -> Vec<u8> {
        let body = json!({"reference": question().reference, "verdict": verdict, "checked_by": "somebody"});
        body.to_string().into_bytes()
    }

    fn verdict(status: u16, media_type: Option<&str>, body: &[u8]) -> Verdict {
        let media_type = media_type.map(str::as_bytes);
        question().verdict(&Answer {
            status,
            media_type,
            body,
        })
    }

    #[test]
    fn the_question_is_three_ids() {
        let body: Value = serde_json::from_slice(&question().body()).unwrap();
        let id = |last: u8| format!("00000000-0000-0000-0000-00000000000{last}");
        assert_eq!(
            body,
            json!({"reference": id(1), "merchant_id": id(2), "account_id": id(3)})
        );
    }

    #[test]
    fn an_answer_in_order_is_taken_at_its_word() {
        for (word, meaning) in [
            ("approved", Verdict::Approved),
            ("rejected", Verdict::Rejected),
            ("needs_review", Verdict::NeedsReview),
        ] {
            assert_eq!(verdict(200, Some("application/json"), &saying(word)), meaning);
            assert_eq!(meaning.to_string(), word);
            assert_eq!(meaning.ended(), Ended::Served);
        }
    }

    #[test]
    fn an_answer_that_is_odd_in_any_way_says_nothing() {
        use Unavailable::{Malformed, MediaType, OtherReference, Status, TooLong, UnknownVerdict};
        let json = Some("application/json");
        let approved = saying("approved");
        let padded = [&approved[..], &[b' '; MAX_ANSWER_BYTES]].concat();
        let other = format!(r#"{{"reference":"{}","verdict":"approved"}}"#, Uuid::from_u128(9));
        let own = format!(r#"{{"reference":"{}""#, question().reference);
        let twice = format!(r#"{own},"verdict":"rejected","verdict":"approved"}}"#);
        let list = format!(r#"{own},"verdict":["approved"]}}"#);
        let table: [(u16, Option<&str>, &[u8], Unavailable); 19] = [
            (201, json, &approved, Status(201)),
            (302, json, &approved, Status(302)),
            (404, json, &approved, Status(404)),
            (503, json, b"", Status(503)),
            (200, None, &approved, MediaType),
            (200, Some("text/html"), &approved, MediaType),
            (200, Some("application/json; charset=utf-8"), &approved, MediaType),
            (200, Some("application/jsonp"), &approved, MediaType),
            (200, Some("text/html, application/json"), &approved, MediaType),
            (200, json, &padded, TooLong),
            (200, json, b"", Malformed),
            (200, json, &approved[..approved.len() - 1], Malformed),
            (200, json, b"\"approved\"", Malformed),
            (200, json, br#"{"verdict":"approved"}"#, Malformed),
            (200, json, twice.as_bytes(), Malformed),
            (200, json, list.as_bytes(), Malformed),
            (200, json, other.as_bytes(), OtherReference),
            (200, json, &saying("Approved"), UnknownVerdict),
            (200, json, &saying(""), UnknownVerdict),
        ];
        for (status, media_type, body, why) in table {
            let said = verdict(status, media_type, body);
            assert_eq!(said, Verdict::Unavailable(why), "{status} {media_type:?}");
            let is_refusal = status == 404;
            assert_eq!(said.ended() == Ended::Served, is_refusal, "{status} {media_type:?}");
        }
    }

    #[test]
    fn what_the_provider_has_against_one_question_is_not_held_against_the_provider() {
        for (status, ended) in [
            (400, Ended::Served),
            (404, Ended::Served),
            (422, Ended::Served),
            (401, Ended::Failed),
            (408, Ended::Failed),
            (425, Ended::Failed),
            (429, Ended::Failed),
            (500, Ended::Failed),
            (503, Ended::Failed),
            (302, Ended::Failed),
        ] {
            assert_eq!(
                Verdict::Unavailable(Unavailable::Status(status)).ended(),
                ended,
                "{status}"
            );
        }
    }

    proptest! {
        /// Byte by byte around a good answer: nothing but the words themselves ever means anything.
        #[test]
        fn a_damaged_answer_never_approves(place in 0..110usize, byte in any::<u8>()) {
            let mut body = saying("rejected");
            let place = place % body.len();
            body[place] = byte;
            prop_assert_ne!(verdict(200, Some("application/json"), &body), Verdict::Approved);
        }
    }
}
