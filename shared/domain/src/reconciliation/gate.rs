//! An item of the gate against the ledger's row under its key.
//!
//! The gate keeps answers and the ledger gives them, so whatever the gate says must be what the ledger's row renders.
//! Only items are judged that nobody can be at work on: their lease is over, and a margin more. Until then the two may
//! differ for good reasons.

use serde_json::Value;

use crate::answer::Answer;
use crate::fingerprint::Fingerprint;
use crate::gate::{Record, Status, TTL_SECONDS};
use crate::ids::{ClientKey, LedgerKey, TenantId};
use crate::ledger_key::Step;
use crate::problem::Problem;
use crate::problem_body::ProblemBody;
use crate::recorded::Recorded;
use crate::window::BACK_SECONDS;

/// How long after the end of a lease an item is judged, in seconds. More than the clocks of functions and database
/// differ, and than a statement takes that was sent in the lease's last moment.
pub const MARGIN_SECONDS: i64 = 60;

/// How much further ahead than a claim made now an item's times may lie, in seconds: more than any lease that was ever
/// configured, and than any function's clock is wrong.
pub const AHEAD_SECONDS: i64 = 3600;

/// How far back intents are looked up at the gate, in seconds: an hour less than it remembers them.
pub const LOOK_BACK_SECONDS: i64 = TTL_SECONDS - 3600;

/// An item of the gate in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Whose key it stands for.
    pub tenant: TenantId,
    /// The key.
    pub key: ClientKey,
    /// What it says.
    pub record: Record,
}

/// What the ledger holds under an item's key, read *after* the item: a completion follows its posting.
#[derive(Clone, Copy, Debug)]
pub enum Word<'a> {
    /// No row.
    Nothing,
    /// This row.
    Decided(&'a Recorded),
    /// A row that this version cannot read.
    Unreadable,
}

/// What becomes of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Not judged: somebody may be at work on it.
    Young,
    /// Not judged: a claim treats it as absent, and it is deleted some time.
    Expired,
    /// It says what the ledger says.
    Sound,
    /// Its owner died and nothing was posted. The next retry takes it over.
    Abandoned,
    /// Its owner died after the posting. This is what it should say.
    Repair {
        /// Of the request that the ledger holds, which need not be the one that claimed the key last.
        fingerprint: Fingerprint,
        /// The ledger's answer.
        answer: Answer,
    },
    /// No course of events leaves it so.
    Wrong(Wrong),
}

/// Why an item cannot have come about: somebody has tampered with the gate or with the ledger, one of them lost what it
/// had, or a defect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Wrong {
    /// Its client was told an outcome, and the ledger has none.
    WithoutOutcome,
    /// It keeps another status, media type or body than the ledger's row renders.
    AnswerDiffers,
    /// It stands for another request than the ledger's row.
    FingerprintDiffers,
    /// It is complete, and has no answer to repeat.
    WithoutAnswer,
    /// It has an answer, and is not complete: nobody can take it over.
    AnsweredUnfinished,
    /// Its lease or its end lies further ahead than any claim puts it.
    TimesAhead,
    /// The row under its key is another tenant's.
    RowOfAnother,
    /// The row under its key cannot be read or rendered.
    RowUnreadable,
}

impl Wrong {
    /// Every one of them.
    pub const ALL: [Self; 8] = [
        Self::WithoutOutcome,
        Self::AnswerDiffers,
        Self::FingerprintDiffers,
        Self::WithoutAnswer,
        Self::AnsweredUnfinished,
        Self::TimesAhead,
        Self::RowOfAnother,
        Self::RowUnreadable,
    ];

    /// What a finding is called.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WithoutOutcome => "gate_without_outcome",
            Self::AnswerDiffers => "gate_answer_differs",
            Self::FingerprintDiffers => "gate_fingerprint_differs",
            Self::WithoutAnswer => "gate_complete_without_answer",
            Self::AnsweredUnfinished => "gate_answered_unfinished",
            Self::TimesAhead => "gate_times_ahead",
            Self::RowOfAnother => "gate_row_of_another_tenant",
            Self::RowUnreadable => "gate_row_unreadable",
        }
    }
}

impl Item {
    /// The row of the ledger that it stands for.
    #[must_use]
    pub fn ledger_key(&self) -> LedgerKey {
        LedgerKey::derive(self.tenant, self.key, Step::Request)
    }

    /// What can be said without the ledger. `None`: the ledger has to be asked. `now_ms` is in Unix milliseconds, taken
    /// before the item was read.
    #[must_use]
    pub fn at_first_sight(&self, now_ms: i64) -> Option<Verdict> {
        let record = &self.record;
        let seconds = now_ms / 1000;
        if record.expires_at_s < seconds {
            return Some(Verdict::Expired);
        }
        let latest_lease_ms = now_ms.saturating_add(AHEAD_SECONDS * 1000);
        if record.lease_until_ms > latest_lease_ms || record.expires_at_s > seconds + TTL_SECONDS + AHEAD_SECONDS {
            return Some(Verdict::Wrong(Wrong::TimesAhead));
        }
        if record.lease_until_ms.saturating_add(MARGIN_SECONDS * 1000) > now_ms {
            return Some(Verdict::Young);
        }
        None
    }

    /// The verdict with the ledger's word. `now_ms` as above.
    #[must_use]
    pub fn against(&self, word: Word<'_>, now_ms: i64) -> Verdict {
        if let Some(verdict) = self.at_first_sight(now_ms) {
            return verdict;
        }
        let decided = match word {
            Word::Nothing => None,
            Word::Unreadable => return Verdict::Wrong(Wrong::RowUnreadable),
            Word::Decided(row) if row.tenant != self.tenant => return Verdict::Wrong(Wrong::RowOfAnother),
            Word::Decided(row) => match Answer::of(row) {
                Ok(answer) => Some((row.fingerprint, answer)),
                Err(_) => return Verdict::Wrong(Wrong::RowUnreadable),
            },
        };
        match (self.record.status, &self.record.answer, decided) {
            (Status::Pending | Status::Processing, Some(_), _) => Verdict::Wrong(Wrong::AnsweredUnfinished),
            (Status::Pending | Status::Processing, None, None) => Verdict::Abandoned,
            (Status::Pending | Status::Processing, None, Some((fingerprint, answer))) => {
                Verdict::Repair { fingerprint, answer }
            }
            (Status::Complete, None, Some(_)) => Verdict::Wrong(Wrong::WithoutAnswer),
            (Status::Complete, Some(kept), None) if self.has_expired_unposted(kept, now_ms) => Verdict::Sound,
            (Status::Complete, _, None) => Verdict::Wrong(Wrong::WithoutOutcome),
            (Status::Complete, Some(kept), Some((fingerprint, answer))) => {
                if *kept != answer {
                    Verdict::Wrong(Wrong::AnswerDiffers)
                } else if self.record.fingerprint != fingerprint {
                    Verdict::Wrong(Wrong::FingerprintDiffers)
                } else {
                    Verdict::Sound
                }
            }
        }
    }

    /// Whether it keeps the one answer that has no row: that the key's window had passed before anything was posted. Only
    /// of a key whose window has. Compared by its type, since its texts are not kept for ever as those of outcomes are.
    fn has_expired_unposted(&self, kept: &Answer, now_ms: i64) -> bool {
        let expired = ProblemBody::from(Problem::IdempotencyKeyExpired).answer();
        let type_of = |answer: &Answer| {
            let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
            body["type"].as_str().map(str::to_owned)
        };
        let says_so = kept.status == expired.status
            && kept.content_type == expired.content_type
            && type_of(kept) == type_of(&expired);
        let began_ms = self.ledger_key().timestamp_ms().and_then(|at| i64::try_from(at).ok());
        says_so && began_ms.is_some_and(|at| now_ms.saturating_sub(at) > BACK_SECONDS * 1000)
    }
}

#[cfg(test)]
mod tests;
