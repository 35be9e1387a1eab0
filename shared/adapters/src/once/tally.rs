//! What a request on the money path counts as: how it ended, which guard stopped a repeat, and how long it took.
//!
//! | metric | the request |
//! |---|---|
//! | `Approved` | was decided now, and the money moved |
//! | `Accepted` | was decided now, and will be settled |
//! | `Declined` | was decided now, and refused for good |
//! | `Replays` | was answered as it was before |
//! | `Conflicts` | came while another with its key was under way (409) |
//! | `Mismatches` | came with a key that stands for another request (422) |
//! | `Refused` | was not decided and not recorded, for a reason of its own |
//! | `Halted` | came while postings are halted |
//! | `Undecided` | met a guard that is away, and moved nothing (503) |
//! | `OutcomesUnknown` | may have moved money, and nobody knows yet (503) |
//! | `Failed` | met a defect of ours (500) |
//!
//! Each counts as one of these. A repeat, of whatever kind, counts besides as one of `GateHits` and `LedgerHits`: the soft guard
//! has stopped it, or has let it pass and the hard guard has stopped it.

use std::time::Duration;

use domain::problem::{Class, Problem};
use domain::problem_body::ProblemBody;

use super::{Origin, Reply};
use crate::metrics::{Metric, Unit};

/// The problems that count as themselves.
const NAMED: [(Problem, &str); 4] = [
    (Problem::InProgress, "Conflicts"),
    (Problem::IdempotencyKeyReused, "Mismatches"),
    (Problem::PostingsHalted, "Halted"),
    (Problem::OutcomeUnknown, "OutcomesUnknown"),
];

/// The guard that a request has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Guard {
    /// The soft one.
    Gate,
    /// The hard one.
    Ledger,
}

/// The metrics of one request.
pub(super) fn of(ended: &Result<Reply, ProblemBody>, reached: Guard, took: Duration) -> Vec<Metric> {
    let mut metrics = vec![(class(ended), Unit::Count, 1)];
    if is_repeat(ended) {
        let hit = match reached {
            Guard::Gate => "GateHits",
            Guard::Ledger => "LedgerHits",
        };
        metrics.push((hit, Unit::Count, 1));
    }
    let took_ms = i64::try_from(took.as_millis()).unwrap_or(i64::MAX);
    metrics.push(("DecisionMilliseconds", Unit::Milliseconds, took_ms));
    metrics
}

fn class(ended: &Result<Reply, ProblemBody>) -> &'static str {
    match ended {
        Ok(reply) if reply.origin != Origin::Decided => "Replays",
        Ok(reply) => match reply.answer.status {
            202 => "Accepted",
            ..400 => "Approved",
            _ => "Declined",
        },
        Err(problem) => of_problem(problem.problem()),
    }
}

fn of_problem(problem: Problem) -> &'static str {
    let named = NAMED.iter().find(|(named, _)| *named == problem);
    named.map_or_else(
        || match problem.class() {
            Class::Unavailable => "Undecided",
            Class::Internal => "Failed",
            Class::Rejected | Class::Conflict | Class::InProgress => "Refused",
        },
        |(_, name)| *name,
    )
}

fn is_repeat(ended: &Result<Reply, ProblemBody>) -> bool {
    match ended {
        Ok(reply) => reply.origin != Origin::Decided,
        Err(problem) => [Problem::InProgress, Problem::IdempotencyKeyReused].contains(&problem.problem()),
    }
}

#[cfg(test)]
mod tests {
    use domain::answer::Answer;
    use uuid::Uuid;

    use super::*;

    fn reply(status: u16, origin: Origin) -> Reply {
        let answer = Answer {
            status,
            content_type: "application/json".to_owned(),
            body: Vec::new(),
        };
        Reply {
            id: Uuid::new_v4().into(),
            answer,
            origin,
        }
    }

    fn named(ended: &Result<Reply, ProblemBody>, reached: Guard) -> Vec<&'static str> {
        let told = of(ended, reached, Duration::from_millis(7));
        let (last, counts) = told.split_last().expect("how long it took");
        assert_eq!(*last, ("DecisionMilliseconds", Unit::Milliseconds, 7));
        assert!(
            counts
                .iter()
                .all(|(_, unit, count)| (*unit, *count) == (Unit::Count, 1))
        );
        counts.iter().map(|(name, _, _)| *name).collect()
    }

    #[test]
    fn an_answer_counts_by_what_was_decided_and_a_repeat_by_who_stopped_it() {
        for (status, origin, reached, expected) in [
            (201, Origin::Decided, Guard::Ledger, &["Approved"][..]),
            (202, Origin::Decided, Guard::Ledger, &["Accepted"]),
            (402, Origin::Decided, Guard::Ledger, &["Declined"]),
            (422, Origin::Decided, Guard::Ledger, &["Declined"]),
            (201, Origin::Gate, Guard::Gate, &["Replays", "GateHits"]),
            (402, Origin::Ledger, Guard::Ledger, &["Replays", "LedgerHits"]),
        ] {
            assert_eq!(
                named(&Ok(reply(status, origin)), reached),
                expected,
                "{status} {origin:?}"
            );
        }
    }

    #[test]
    fn every_problem_counts_as_one_thing() {
        for problem in Problem::ALL {
            let ended = Err(ProblemBody::from(*problem));
            let expected = match (problem.slug(), problem.status()) {
                ("in-progress", _) => vec!["Conflicts", "GateHits"],
                ("idempotency-key-reused", _) => vec!["Mismatches", "GateHits"],
                ("postings-halted", _) => vec!["Halted"],
                ("outcome-unknown", _) => vec!["OutcomesUnknown"],
                (_, 503) => vec!["Undecided"],
                (_, 500) => vec!["Failed"],
                _ => vec!["Refused"],
            };
            assert_eq!(named(&ended, Guard::Gate), expected, "{problem:?}");
        }
        let reused = Err(ProblemBody::from(Problem::IdempotencyKeyReused));
        assert_eq!(named(&reused, Guard::Ledger), ["Mismatches", "LedgerHits"]);
    }
}
