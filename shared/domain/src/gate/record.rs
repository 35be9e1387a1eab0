//! What the gate remembers of a key, and what that means to whoever asks.

use super::Status;
use crate::answer::Answer;
use crate::fingerprint::Fingerprint;
use crate::ids::Owner;

/// One item of the gate table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// How far the work has come.
    pub status: Status,
    /// The invocation that holds it, or held it last.
    pub owner: Owner,
    /// When the claim ends, in Unix milliseconds.
    pub lease_until_ms: i64,
    /// Which claim of this key it is, from 1.
    pub attempt: u32,
    /// Of the request that claimed the key.
    pub fingerprint: Fingerprint,
    /// What was answered; present once complete.
    pub answer: Option<Answer>,
    /// When the record may be forgotten, in Unix seconds. A claim treats a record past this as absent.
    pub expires_at_s: i64,
}

/// What a claimant must do that has found a record in its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing<'a> {
    /// Go on: the claim had succeeded, and only its response was lost.
    Mine,
    /// Refuse: the key stands for another request. Says nothing of how far that has come.
    Mismatch,
    /// Give this answer again.
    Replay(&'a Answer),
    /// Refuse for now: another invocation may be at work.
    InProgress {
        /// Until the lease ends, in whole seconds, rounded up; at least 1.
        retry_after_s: u64,
    },
    /// Take the record over, then ask the ledger: its owner is dead, and how far it came is unknown.
    TakeOver,
}

impl Record {
    /// The standing of a claimant, in order of precedence. `now_ms` is in Unix milliseconds.
    ///
    /// The own token comes first, because a claim repeated after a lost response must not be taken for another's. The
    /// fingerprint comes before any status, so that another request learns nothing of this one. Only an abandoned record
    /// has no say: its owner may have died before it asked the ledger, and then the key may stand for whoever asks now.
    /// A complete record without its answer has nothing to replay; its lease decides, and the ledger has the answer.
    #[must_use]
    pub fn standing(&self, me: Owner, fingerprint: Fingerprint, now_ms: i64) -> Standing<'_> {
        if self.owner == me {
            return Standing::Mine;
        }
        let abandoned = self.answer.is_none() && self.lease_until_ms <= now_ms;
        if self.fingerprint != fingerprint && !abandoned {
            return Standing::Mismatch;
        }
        if let (Status::Complete, Some(answer)) = (self.status, &self.answer) {
            return Standing::Replay(answer);
        }
        match u64::try_from(self.lease_until_ms.saturating_sub(now_ms)) {
            Ok(left_ms @ 1..) => Standing::InProgress {
                retry_after_s: left_ms.div_ceil(1000),
            },
            Ok(0) | Err(_) => Standing::TakeOver,
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const NOW_MS: i64 = 1_700_000_000_000;

    fn owner(id: u128) -> Owner {
        Uuid::from_u128(id).into()
    }

    fn answer() -> Answer {
        Answer {
            status: 201,
            content_type: "application/json".to_owned(),
            body: b"{}".to_vec(),
        }
    }

    fn record(status: Status, owned_by: Owner, print: u8, left_ms: i64) -> Record {
        Record {
            status,
            owner: owned_by,
            lease_until_ms: NOW_MS + left_ms,
            attempt: 1,
            fingerprint: Fingerprint::from([print; 32]),
            answer: (status == Status::Complete).then(answer),
            expires_at_s: NOW_MS / 1000 + super::super::TTL_SECONDS,
        }
    }

    /// Each row differs from the one above in the one thing that decided there.
    #[test]
    fn standings_by_descending_precedence() {
        let (me, other) = (owner(1), owner(2));
        let (same, differs) = (7, 8);
        let reply = answer();
        let table = [
            (record(Status::Complete, me, differs, 5000), Standing::Mine),
            (record(Status::Complete, other, differs, 5000), Standing::Mismatch),
            (record(Status::Complete, other, same, 5000), Standing::Replay(&reply)),
            (
                record(Status::Processing, other, same, 5000),
                Standing::InProgress { retry_after_s: 5 },
            ),
            (record(Status::Processing, other, same, 0), Standing::TakeOver),
        ];
        for (record, expected) in &table {
            assert_eq!(record.standing(me, Fingerprint::from([same; 32]), NOW_MS), *expected);
        }
    }

    #[test]
    fn another_request_learns_nothing_of_how_far_the_first_has_come() {
        let held = [
            (Status::Pending, 1),
            (Status::Processing, 5000),
            (Status::Complete, 5000),
            (Status::Complete, -1),
        ];
        for (status, left_ms) in held {
            let found = record(status, owner(2), 8, left_ms);
            assert_eq!(
                found.standing(owner(1), Fingerprint::from([7; 32]), NOW_MS),
                Standing::Mismatch
            );
        }
    }

    /// Or a claim that died before the ledger was asked would tell the owner of a posted payment to mint a new key.
    #[test]
    fn an_abandoned_claim_sends_even_another_request_to_the_ledger() {
        for status in [Status::Pending, Status::Processing] {
            let found = record(status, owner(2), 8, 0);
            assert_eq!(
                found.standing(owner(1), Fingerprint::from([7; 32]), NOW_MS),
                Standing::TakeOver
            );
        }
    }

    #[test]
    fn the_wait_is_rounded_up_and_ends_with_the_lease() {
        let waits = [
            (15_000, Some(15)),
            (1001, Some(2)),
            (1000, Some(1)),
            (1, Some(1)),
            (0, None),
            (-1, None),
        ];
        for status in [Status::Pending, Status::Processing] {
            for (left_ms, wait) in waits {
                let expected = wait.map_or(Standing::TakeOver, |retry_after_s| Standing::InProgress {
                    retry_after_s,
                });
                let found = record(status, owner(2), 7, left_ms);
                assert_eq!(found.standing(owner(1), Fingerprint::from([7; 32]), NOW_MS), expected);
            }
        }
    }

    #[test]
    fn a_complete_record_without_its_answer_sends_the_claimant_to_the_ledger() {
        let lost = Record {
            answer: None,
            ..record(Status::Complete, owner(2), 7, -1)
        };
        assert_eq!(
            lost.standing(owner(1), Fingerprint::from([7; 32]), NOW_MS),
            Standing::TakeOver
        );
    }
}
