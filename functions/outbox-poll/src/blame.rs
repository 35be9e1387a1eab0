//! Whose failure it is: an event's own, or the bus's. An event that is blamed five times is given up, so it is blamed
//! for nothing that could be the bus's.
//!
//! | the bus says | it blames |
//! |---|---|
//! | of one entry: throttled, failed inside, unavailable, access denied; no code at all | the bus |
//! | of one entry: malformed, invalid, its source or type not permitted | that event |
//! | of one entry: a code that is not known here | that event if another of the same call was accepted, else the bus |
//! | of the whole call: invalid, too large | what is in it; it is split, until the culprit stands alone |
//! | of the whole call: another refusal, not known here | likewise; one left alone is as an entry with such a code |
//! | of the whole call: throttled, denied, no such bus, a failure inside | the bus |
//! | nothing, or something about another number of entries than were sent | the bus |
//!
//! Codes: <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsResultEntry.html>,
//! <https://docs.aws.amazon.com/eventbridge/latest/APIReference/CommonErrors.html>

use adapters::bus::{Put, Refusal};

/// What the bus says of itself, of who calls and of how often, whether of a call or of one of its entries.
const THE_BUS_S: [&str; 27] = [
    "",
    "ThrottlingException",
    "Throttling",
    "TooManyRequestsException",
    "LimitExceededException",
    "RequestLimitExceeded",
    "InternalException",
    "InternalFailure",
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "AccessDeniedException",
    "AccessDenied",
    "RedactionFailure",
    "InvalidAccountIdException",
    "OptInRequired",
    "ResourceNotFoundException",
    "ExpiredToken",
    "ExpiredTokenException",
    "RequestExpired",
    "UnrecognizedClientException",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "IncompleteSignature",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "ConcurrentModificationException",
    "OperationDisabledException",
];

/// What became of one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Blame {
    /// The bus has it.
    Accepted,
    /// It failed for a reason of its own.
    Event(String),
    /// The bus failed. It may have accepted the event all the same.
    Bus(String),
    /// One of the two; see [`cleared`].
    Unclear(String),
    /// Not sent: no time was left for it.
    Unsent,
}

/// What is to be made of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ruling {
    /// A blame for each event, in the order sent.
    Each(Vec<Blame>),
    /// Something in it is at fault. What, shows when its halves are sent apart.
    Split,
}

/// Rules on a call of `sent` events, at least one.
#[must_use]
pub fn rule(sent: usize, put: Put) -> Ruling {
    let all = |blame| Ruling::Each(vec![blame; sent]);
    match put {
        Put::Answered(entries) if entries.len() == sent => Ruling::Each(entries.into_iter().map(entry).collect()),
        Put::Answered(entries) => all(Blame::Bus(format!("{} answers to {sent} entries", entries.len()))),
        Put::Lost(why) => all(Blame::Bus(why)),
        Put::Refused { status, refusal } => match whole(status, &refusal) {
            Blame::Event(_) | Blame::Unclear(_) if sent > 1 => Ruling::Split,
            blame @ (Blame::Accepted | Blame::Event(_) | Blame::Bus(_) | Blame::Unclear(_) | Blame::Unsent) => {
                all(blame)
            }
        },
    }
}

/// Decides what is unclear, from all that became of the events of one call and of the halves it was split into.
#[must_use]
pub fn cleared(blames: Vec<(i64, Blame)>) -> Vec<(i64, Blame)> {
    let some_accepted = blames.iter().any(|(_, blame)| *blame == Blame::Accepted);
    let clear = |blame| match blame {
        Blame::Unclear(why) if some_accepted => Blame::Event(why),
        Blame::Unclear(why) => Blame::Bus(why),
        Blame::Accepted | Blame::Event(_) | Blame::Bus(_) | Blame::Unsent => blame,
    };
    blames.into_iter().map(|(id, blame)| (id, clear(blame))).collect()
}

fn entry(answer: Result<(), Refusal>) -> Blame {
    let Err(refusal) = answer else {
        return Blame::Accepted;
    };
    match refusal.code.as_str() {
        code if THE_BUS_S.contains(&code) => Blame::Bus(refusal.to_string()),
        "MalformedDetail"
        | "InvalidArgument"
        | "NotAuthorized"
        | "NotAuthorizedForSourceException"
        | "NotAuthorizedForDetailTypeException" => Blame::Event(refusal.to_string()),
        _ => Blame::Unclear(refusal.to_string()),
    }
}

/// `NotAuthorized` of an entry is about what that entry says; of a call it is about who calls.
fn whole(status: u16, refusal: &Refusal) -> Blame {
    let why = format!("{status} {refusal}");
    match (status, refusal.code.as_str()) {
        (413, _) | (400, "ValidationException" | "ValidationError") => Blame::Event(why),
        (400, "NotAuthorized") => Blame::Bus(why),
        (400, code) if !THE_BUS_S.contains(&code) => Blame::Unclear(why),
        // Who calls, how often and what stands between are the bus's; so is an answer that is no refusal at all.
        _ => Blame::Bus(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(code: &str) -> Refusal {
        Refusal {
            code: code.to_owned(),
            message: "why".to_owned(),
        }
    }

    /// What becomes of the events of one call, one letter each: Accepted, Event, Bus.
    fn became(put: Put, sent: usize) -> String {
        let Ruling::Each(blames) = rule(sent, put) else {
            return "split".to_owned();
        };
        let letter = |blame| match blame {
            Blame::Accepted => 'A',
            Blame::Event(_) => 'E',
            Blame::Bus(_) => 'B',
            Blame::Unclear(_) | Blame::Unsent => '?',
        };
        let numbered = (0..).zip(blames).collect();
        cleared(numbered).into_iter().map(|(_, blame)| letter(blame)).collect()
    }

    fn answered(codes: &[&str]) -> Put {
        let entry = |code: &&str| if code.is_empty() { Ok(()) } else { Err(refusal(code)) };
        Put::Answered(codes.iter().map(entry).collect())
    }

    fn refused(status: u16, code: &str) -> Put {
        Put::Refused {
            status,
            refusal: refusal(code),
        }
    }

    #[test]
    fn each_entry_is_judged_by_its_own_code() {
        let codes = [
            "",
            "MalformedDetail",
            "ThrottlingException",
            "InvalidArgument",
            "InternalFailure",
            "",
        ];
        assert_eq!(became(answered(&codes), 6), "AEBEBA");
    }

    #[test]
    fn a_code_nobody_knows_is_the_event_s_own_only_beside_one_that_was_accepted() {
        assert_eq!(became(answered(&["", "Surprise", ""]), 3), "AEA");
        assert_eq!(became(answered(&["Surprise", "Surprise"]), 2), "BB");
        assert_eq!(became(answered(&["Surprise", "MalformedDetail"]), 2), "BE");
        assert_eq!(became(answered(&["Surprise"]), 1), "B");
    }

    #[test]
    fn a_call_that_is_refused_for_its_content_is_split_until_the_culprit_stands_alone() {
        for put in [refused(400, "ValidationException"), refused(413, "")] {
            for sent in [10, 5, 2] {
                assert_eq!(became(put.clone(), sent), "split");
            }
            assert_eq!(became(put, 1), "E");
        }
    }

    #[test]
    fn a_call_refused_by_a_code_nobody_knows_is_split_and_blames_nobody_by_itself() {
        assert_eq!(became(refused(400, "Surprise"), 2), "split");
        assert_eq!(became(refused(400, "Surprise"), 1), "B");
        let halves = vec![(1, Blame::Accepted), (2, Blame::Unclear("400".to_owned()))];
        assert_eq!(cleared(halves)[1].1, Blame::Event("400".to_owned()));
    }

    #[test]
    fn a_code_that_is_the_bus_s_is_so_of_a_call_and_of_an_entry_though_another_was_accepted() {
        for code in [
            "TooManyRequestsException",
            "LimitExceededException",
            "Throttling",
            "ThrottlingException",
            "AccessDenied",
            "AccessDeniedException",
            "RedactionFailure",
            "InvalidAccountIdException",
            "ResourceNotFoundException",
            "InternalFailure",
            "",
        ] {
            assert_eq!(became(refused(400, code), 2), "BB", "{code:?}");
            let entries = Put::Answered(vec![Ok(()), Err(refusal(code))]);
            assert_eq!(became(entries, 2), "AB", "{code:?}");
        }
    }

    #[test]
    fn what_the_bus_says_of_itself_blames_no_event() {
        for put in [
            refused(400, "ThrottlingException"),
            refused(400, "AccessDeniedException"),
            refused(400, "ResourceNotFoundException"),
            refused(400, "ExpiredTokenException"),
            refused(400, "InternalException"),
            refused(403, "MissingAuthenticationToken"),
            refused(429, "Surprise"),
            refused(500, "ValidationException"),
            refused(503, ""),
            refused(200, ""),
            Put::Lost("timed out".to_owned()),
        ] {
            assert_eq!(became(put.clone(), 2), "BB", "{put:?}");
            assert_eq!(became(put.clone(), 1), "B", "{put:?}");
        }
    }

    #[test]
    fn an_answer_for_another_number_of_entries_says_nothing_of_any() {
        assert_eq!(became(answered(&["", ""]), 3), "BBB");
        assert_eq!(became(answered(&["", "MalformedDetail", ""]), 2), "BB");
        assert_eq!(became(answered(&[]), 1), "B");
    }
}
