//! The answer to an intent, rendered from the ledger's row alone.
//!
//! **Invariant:** a row gives the same bytes for ever. The gate's copy may be lost at any time, and a retry must not
//! be able to tell. Whatever would change the bytes is a new [`ANSWER_VERSION`] beside the old one.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use time::{OffsetDateTime, UtcOffset};

use crate::document;
use crate::ids::{AccountId, LedgerKey};
use crate::intent::Operation;
use crate::money::{Amount, Currency};
use crate::outcome::Outcome;
use crate::problem_body::ProblemBody;
use crate::recorded::Recorded;

/// The version that new rows are written with.
pub const ANSWER_VERSION: i16 = 1;

/// What a client receives, and what the gate stores of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The media type.
    pub content_type: String,
    /// The body's bytes.
    pub body: Vec<u8>,
}

/// The row was written by a later version, whose rendering is not known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown answer version {0}")]
pub struct UnknownAnswerVersion(pub i16);

impl Answer {
    /// The answer to a recorded intent, be it posted or refused.
    ///
    /// # Errors
    /// [`UnknownAnswerVersion`] if the row asks for a rendering that is not implemented here.
    pub fn of(recorded: &Recorded) -> Result<Self, UnknownAnswerVersion> {
        match recorded.answer_version {
            1 => Ok(version_1(recorded)),
            unknown => Err(UnknownAnswerVersion(unknown)),
        }
    }
}

fn version_1(recorded: &Recorded) -> Answer {
    match recorded.outcome {
        Outcome::Posted => document(201, recorded),
        // Nothing has moved yet, and something will.
        Outcome::Accepted => document(202, recorded),
        Outcome::Refused(refusal) => ProblemBody::from(refusal.problem())
            .with_id(recorded.ledger_key)
            .answer(),
    }
}

fn document(status: u16, recorded: &Recorded) -> Answer {
    Answer {
        status,
        content_type: "application/json".to_owned(),
        body: resource(recorded),
    }
}

/// The intent as a JSON document, for whoever reads it later: a posted one in the bytes of its answer, a refused one with
/// the reason by the problem's slug.
#[must_use]
pub fn resource(recorded: &Recorded) -> Vec<u8> {
    document::write(&shown(recorded))
}

/// The same, to be a part of another document.
#[must_use]
pub fn shown(recorded: &Recorded) -> impl Serialize {
    // Indexing gives null for what is absent.
    let details = &recorded.details;
    Resource {
        id: recorded.ledger_key,
        object: recorded.operation.as_str(),
        status: match recorded.outcome {
            Outcome::Posted => "posted",
            Outcome::Accepted => "accepted",
            Outcome::Refused(_) => "refused",
        },
        reason: match recorded.outcome {
            Outcome::Posted | Outcome::Accepted => None,
            Outcome::Refused(refusal) => Some(refusal.problem().slug()),
        },
        payment: match recorded.operation {
            Operation::Refund | Operation::Reversal => Some(&details["payment"]),
            Operation::Payment | Operation::Settlement | Operation::Deposit => None,
        },
        source: recorded.source,
        destination: recorded.destination,
        amount: recorded.amount,
        currency: recorded.currency,
        description: &details["description"],
        metadata: details["metadata"].as_object().into_iter().flatten().collect(),
        card_token: match recorded.operation {
            Operation::Payment | Operation::Settlement => Some(&details["card_token"]),
            Operation::Deposit | Operation::Refund | Operation::Reversal => None,
        },
        fee: match recorded.operation {
            Operation::Settlement => Some(&details["fee"]),
            Operation::Payment | Operation::Deposit | Operation::Refund | Operation::Reversal => None,
        },
        created_at: timestamp(recorded.created_at),
    }
}

/// The members in the order of the bytes. What was not given is null, so that every answer has the same members.
#[derive(Serialize)]
struct Resource<'a> {
    id: LedgerKey,
    object: &'static str,
    status: &'static str,
    /// The slug of the problem it was answered with; a member of refused intents only.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    /// What it corrects; a member of refunds and reversals only.
    #[serde(skip_serializing_if = "Option::is_none")]
    payment: Option<&'a Value>,
    source: AccountId,
    destination: AccountId,
    amount: Amount,
    currency: Currency,
    description: &'a Value,
    /// Sorted by name: jsonb and the map it is read into each have an order of their own.
    metadata: BTreeMap<&'a String, &'a Value>,
    /// A member of payments and settlements only.
    #[serde(skip_serializing_if = "Option::is_none")]
    card_token: Option<&'a Value>,
    /// In minor units; a member of settlements only.
    #[serde(skip_serializing_if = "Option::is_none")]
    fee: Option<&'a Value>,
    created_at: String,
}

/// RFC 3339 in UTC with exactly six decimals. Well-known formats drop trailing zeros, and so would not keep a length.
#[must_use]
pub fn timestamp(at: OffsetDateTime) -> String {
    let at = at.to_offset(UtcOffset::UTC);
    let ((year, month, day), (hour, minute, second, micro)) = (at.to_calendar_date(), at.to_hms_micro());
    let month = u8::from(month);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micro:06}Z")
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use time::macros::datetime;
    use uuid::uuid;

    use super::*;
    use crate::fingerprint::Fingerprint;
    use crate::outcome::Refusal;

    fn recorded(operation: Operation, outcome: Outcome) -> Recorded {
        Recorded {
            ledger_key: uuid!("0192f0c1-2b3a-8c4d-8e5f-60718293a4b5").into(),
            tenant: uuid!("0192f0c1-2b3a-7c4d-8e5f-000000000000").into(),
            operation,
            fingerprint: Fingerprint::from([7; 32]),
            outcome,
            source: uuid!("0192f0c1-2b3a-7c4d-8e5f-000000000001").into(),
            destination: uuid!("0192f0c1-2b3a-7c4d-8e5f-000000000002").into(),
            amount: Amount::new(1999).unwrap(),
            currency: "EUR".parse().unwrap(),
            details: json!({
                "metadata": {"zone": "b", "order": "ü\"/1"},
                "description": "Two espressi",
                "card_token": "tok_1",
            }),
            answer_version: ANSWER_VERSION,
            created_at: datetime!(2026-02-03 04:05:06.7 +02:00),
        }
    }

    fn text(recorded: &Recorded) -> (u16, String, String) {
        let Answer {
            status,
            content_type,
            body,
        } = Answer::of(recorded).unwrap();
        (status, content_type, String::from_utf8(body).unwrap())
    }

    #[test]
    fn golden_bytes_of_a_posted_payment() {
        let (status, content_type, body) = text(&recorded(Operation::Payment, Outcome::Posted));
        assert_eq!((status, content_type.as_str()), (201, "application/json"));
        assert_eq!(
            body,
            concat!(
                r#"{"id":"0192f0c1-2b3a-8c4d-8e5f-60718293a4b5","object":"payment","status":"posted","#,
                r#""source":"0192f0c1-2b3a-7c4d-8e5f-000000000001","#,
                r#""destination":"0192f0c1-2b3a-7c4d-8e5f-000000000002","#,
                r#""amount":1999,"currency":"EUR","description":"Two espressi","#,
                r#""metadata":{"order":"ü\"/1","zone":"b"},"card_token":"tok_1","#,
                r#""created_at":"2026-02-03T02:05:06.700000Z"}"#,
            )
        );
    }

    #[test]
    fn golden_bytes_of_a_posted_deposit_with_nothing_optional() {
        let details = json!({"metadata": {}});
        let (_, _, body) = text(&Recorded {
            details,
            ..recorded(Operation::Deposit, Outcome::Posted)
        });
        assert_eq!(
            body,
            concat!(
                r#"{"id":"0192f0c1-2b3a-8c4d-8e5f-60718293a4b5","object":"deposit","status":"posted","#,
                r#""source":"0192f0c1-2b3a-7c4d-8e5f-000000000001","#,
                r#""destination":"0192f0c1-2b3a-7c4d-8e5f-000000000002","#,
                r#""amount":1999,"currency":"EUR","description":null,"metadata":{},"#,
                r#""created_at":"2026-02-03T02:05:06.700000Z"}"#,
            )
        );
    }

    #[test]
    fn golden_bytes_of_an_accepted_settlement() {
        let details = json!({"metadata": {}, "fee": 88});
        let (status, content_type, body) = text(&Recorded {
            details,
            ..recorded(Operation::Settlement, Outcome::Accepted)
        });
        assert_eq!((status, content_type.as_str()), (202, "application/json"));
        assert_eq!(
            body,
            concat!(
                r#"{"id":"0192f0c1-2b3a-8c4d-8e5f-60718293a4b5","object":"settlement","status":"accepted","#,
                r#""source":"0192f0c1-2b3a-7c4d-8e5f-000000000001","#,
                r#""destination":"0192f0c1-2b3a-7c4d-8e5f-000000000002","#,
                r#""amount":1999,"currency":"EUR","description":null,"metadata":{},"card_token":null,"fee":88,"#,
                r#""created_at":"2026-02-03T02:05:06.700000Z"}"#,
            )
        );
    }

    #[test]
    fn golden_bytes_of_a_posted_refund_and_of_a_reversal() {
        for (operation, object) in [(Operation::Refund, "refund"), (Operation::Reversal, "reversal")] {
            let details = json!({"metadata": {"why": "torn"}, "payment": "0192f0c1-2b3a-8c4d-8e5f-000000000009"});
            let (status, _, body) = text(&Recorded {
                details,
                ..recorded(operation, Outcome::Posted)
            });
            let expected = format!(
                concat!(
                    r#"{{"id":"0192f0c1-2b3a-8c4d-8e5f-60718293a4b5","object":"{}","status":"posted","#,
                    r#""payment":"0192f0c1-2b3a-8c4d-8e5f-000000000009","#,
                    r#""source":"0192f0c1-2b3a-7c4d-8e5f-000000000001","#,
                    r#""destination":"0192f0c1-2b3a-7c4d-8e5f-000000000002","#,
                    r#""amount":1999,"currency":"EUR","description":null,"metadata":{{"why":"torn"}},"#,
                    r#""created_at":"2026-02-03T02:05:06.700000Z"}}"#,
                ),
                object
            );
            assert_eq!((status, body), (201, expected));
        }
    }

    #[test]
    fn golden_bytes_of_every_refusal() {
        let golden = [
            (
                Refusal::InsufficientFunds,
                402,
                "insufficient-funds",
                "Insufficient funds",
                "The source account does not hold enough.",
            ),
            (
                Refusal::AccountUnknown,
                422,
                "account-unknown",
                "Account unknown",
                "An account named does not exist.",
            ),
            (
                Refusal::AccountFrozen,
                422,
                "account-frozen",
                "Account frozen",
                "An account named is frozen.",
            ),
            (
                Refusal::CurrencyMismatch,
                422,
                "currency-mismatch",
                "Currency mismatch",
                "An account named holds another currency.",
            ),
            (
                Refusal::AccountNotEligible,
                422,
                "account-not-eligible",
                "Account not eligible",
                "An account named is not open to payments.",
            ),
            (
                Refusal::FeeAboveAmount,
                422,
                "fee-above-amount",
                "Fee above the amount",
                "The fee would be more than the amount.",
            ),
            (
                Refusal::RefundAbovePayment,
                422,
                "refund-above-payment",
                "Refund above the payment",
                "The refund is of more than is left of the payment.",
            ),
            (
                Refusal::PaymentAlreadyCorrected,
                422,
                "payment-already-corrected",
                "Payment already corrected",
                "The payment was refunded or reversed before.",
            ),
            (
                Refusal::PaymentNeverPosted,
                422,
                "payment-never-posted",
                "Payment never posted",
                "The payment was refused, or the settlement undone.",
            ),
            (
                Refusal::NotReversible,
                422,
                "not-reversible",
                "Not reversible",
                "A settlement is undone by itself or refunded when it is settled.",
            ),
            (
                Refusal::NotAPayment,
                422,
                "not-a-payment",
                "Not a payment",
                "Only payments and settlements are given back.",
            ),
        ];
        for (refusal, status, slug, title, reason) in golden {
            let body = format!(
                r#"{{"type":"urn:onceledger:problem:{slug}","title":"{title}","status":{status},"detail":"{reason} Nothing moved; this key will always be answered so.","id":"0192f0c1-2b3a-8c4d-8e5f-60718293a4b5"}}"#
            );
            let answer = text(&recorded(Operation::Payment, Outcome::Refused(refusal)));
            assert_eq!(answer, (status, "application/problem+json".to_owned(), body));
        }
    }

    #[test]
    fn an_answer_of_a_later_version_is_not_guessed() {
        for version in [0, 2] {
            let row = Recorded {
                answer_version: version,
                ..recorded(Operation::Payment, Outcome::Posted)
            };
            assert_eq!(Answer::of(&row), Err(UnknownAnswerVersion(version)));
        }
    }

    #[test]
    fn the_time_always_has_six_decimals() {
        assert_eq!(
            timestamp(datetime!(2026-12-31 23:59:59 UTC)),
            "2026-12-31T23:59:59.000000Z"
        );
        assert_eq!(
            timestamp(datetime!(2026-12-31 23:59:59.000_001 -01:00)),
            "2027-01-01T00:59:59.000001Z"
        );
    }
}
