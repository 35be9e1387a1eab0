//! The money path: one intent under one key, past the soft guard to the hard one, effectively once.
//!
//! ```text
//! 1 claim      the gate: the key is ours, or whose it is             (soft guard)
//! 2 start      the gate: the ledger is about to be asked             (must succeed before 3)
//! 3 post       the ledger: decides, or says what it decided before   (hard guard; the point of no return)
//! 4 complete   the gate: the ledger's answer, for whoever asks next
//! ```
//!
//! The process may die after any line, run twice, or run late: the ledger decides, always, and everything before it only
//! keeps work away from it. Nothing is ever completed without the ledger's word.

mod tally;

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use domain::answer::Answer;
use domain::gate::{Record, Standing};
use domain::ids::{ClientKey, LedgerKey, Owner, TenantId};
use domain::intent::Intent;
use domain::ledger_key::Step;
use domain::problem::Problem;
use domain::problem_body::ProblemBody;
use uuid::Uuid;

use crate::gate::{Claim, Gate, GateError, Written};
use crate::ledger::posting::Verdict;
use crate::ledger::{Ledger, LedgerError};
use crate::metrics;
use crate::once::tally::Guard;

/// An answer to an intent, and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The intent's id.
    pub id: LedgerKey,
    /// What the client gets.
    pub answer: Answer,
    /// Where it comes from.
    pub origin: Origin,
}

/// Where an answer comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// This request: the ledger decided now.
    Decided,
    /// An earlier one; the gate had kept its answer.
    Gate,
    /// An earlier one; the gate had not, and the ledger did.
    Ledger,
}

impl Origin {
    /// The value of the log's `idempotency.outcome`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Decided => "decided",
            Self::Gate => "replayed_by_gate",
            Self::Ledger => "replayed_by_ledger",
        }
    }
}

/// Why the way ended before the ledger was asked.
enum Stopped {
    Replay(Answer),
    Problem(ProblemBody),
}

impl From<Problem> for Stopped {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem.into())
    }
}

/// Whether or not the write landed, the ledger has not been asked: nothing moves, and a retry finds out.
impl From<GateError> for Stopped {
    fn from(error: GateError) -> Self {
        tracing::warn!(error = %error, "the gate cannot be used");
        Problem::GateUnavailable.into()
    }
}

/// Both guards.
#[derive(Debug)]
pub struct Once {
    gate: Gate,
    ledger: Ledger,
}

impl Once {
    /// Over this gate and this ledger.
    #[must_use]
    pub const fn new(gate: Gate, ledger: Ledger) -> Self {
        Self { gate, ledger }
    }

    /// Carries out an intent once, or repeats the answer it was given. Counts the request, at its end, and how long it took.
    ///
    /// # Errors
    /// The problem to answer with. Refusals by the ledger are not errors: they are answers, and are replayed.
    pub async fn run(&self, tenant: TenantId, key: ClientKey, intent: &Intent) -> Result<Reply, ProblemBody> {
        let began = Instant::now();
        let claim = Claim {
            tenant,
            key,
            owner: Owner::from(Uuid::new_v4()),
            fingerprint: intent.fingerprint(),
        };
        let (ended, reached) = match self.enter(&claim).await {
            Ok(()) => (self.ask_the_ledger(&claim, intent).await, Guard::Ledger),
            Err(Stopped::Replay(answer)) => (Ok(claim.reply(answer, Origin::Gate)), Guard::Gate),
            Err(Stopped::Problem(problem)) => (Err(problem), Guard::Gate),
        };
        metrics::emit(&tally::of(&ended, reached, began.elapsed()));
        ended
    }

    /// Steps 1 and 2, and a connection for step 3. Nothing has moved when this ends, however it ends.
    async fn enter(&self, claim: &Claim) -> Result<(), Stopped> {
        match self.gate.claim(claim, now_ms()).await? {
            Written::Done => {}
            Written::Lost(found) => self.meet(claim, found).await?,
        }
        let (started, connected) = tokio::join!(self.gate.start(claim), self.ledger.connect());
        match started? {
            Written::Done => {}
            // Someone took over, because we were slow: they have the key now.
            Written::Lost(Some(record)) => return Err(yield_to(&record, claim)),
            // The gate was wiped under our feet. Without a claim, nothing may be asked of the ledger.
            Written::Lost(None) => return Err(Problem::GateUnavailable.into()),
        }
        match connected {
            Ok(()) => Ok(()),
            Err(error) => Err(Stopped::Problem(self.undecided(claim, &error).await)),
        }
    }

    /// Somebody has the key already: what follows depends on how they stand.
    async fn meet(&self, claim: &Claim, found: Option<Record>) -> Result<(), Stopped> {
        let Some(found) = found else {
            // The condition failed on an item, and the answer came without it.
            return Err(Problem::GateUnavailable.into());
        };
        match found.standing(claim.owner, claim.fingerprint, now_ms()) {
            Standing::Mine => Ok(()),
            Standing::TakeOver => match self.gate.take_over(claim, &found, now_ms()).await? {
                Written::Done => Ok(()),
                Written::Lost(Some(record)) => Err(yield_to(&record, claim)),
                Written::Lost(None) => Err(Problem::GateUnavailable.into()),
            },
            Standing::Mismatch | Standing::Replay(_) | Standing::InProgress { .. } => Err(yield_to(&found, claim)),
        }
    }

    /// Steps 3 and 4. **From the first line on, money may have moved whatever is heard of it.**
    async fn ask_the_ledger(&self, claim: &Claim, intent: &Intent) -> Result<Reply, ProblemBody> {
        let posting = match self
            .ledger
            .post(claim.tenant, claim.ledger_key(), intent, claim.fingerprint)
            .await
        {
            Ok(posting) => posting,
            Err(error) => return Err(self.undecided(claim, &error).await),
        };
        let answer = Answer::of(&posting.recorded).map_err(|unknown| {
            tracing::error!(error = %unknown, "the ledger holds an answer that cannot be rendered");
            ProblemBody::from(Problem::Internal)
        })?;
        self.complete(claim, posting.recorded.fingerprint, &answer).await;
        match posting.verdict {
            Verdict::Recorded => Ok(claim.reply(answer, Origin::Decided)),
            Verdict::Replayed => Ok(claim.reply(answer, Origin::Ledger)),
            Verdict::Mismatched => Err(Problem::IdempotencyKeyReused.into()),
        }
    }

    /// The ledger gave no decision. What is certain is said; what is not is called unknown, and never completed.
    async fn undecided(&self, claim: &Claim, error: &LedgerError) -> ProblemBody {
        match (error.name(), error) {
            (Some("key_expired"), _) => {
                // As final as a decision: the window only ever moves away from the key.
                let expired = ProblemBody::from(Problem::IdempotencyKeyExpired);
                self.complete(claim, claim.fingerprint, &expired.answer()).await;
                expired
            }
            (Some("key_too_early"), _) => self.refused(claim, Problem::IdempotencyKeyTooEarly).await,
            (Some("key_expiring"), _) => {
                self.release(claim).await;
                ProblemBody::from(Problem::LedgerUnavailable).with_retry_after(60)
            }
            // What these wait for may come, so the key is left as unused as it was. It can still post: by a statement that
            // is late, or by the same request again.
            (Some("payment_unknown"), _) => self.refused(claim, Problem::NotFound).await,
            (Some("payment_not_posted"), _) => self.refused(claim, Problem::PaymentNotPosted).await,
            (Some("postings_halted"), _) => self.refused(claim, Problem::PostingsHalted).await,
            (_, LedgerError::Unknown(_)) => {
                tracing::warn!(error = %error, "the outcome of a posting is unknown");
                self.after_the_lease(Problem::OutcomeUnknown)
            }
            (_, error) if error.passing() => {
                tracing::warn!(error = %error, "the ledger did not post");
                if self.release(claim).await {
                    Problem::LedgerUnavailable.into()
                } else {
                    self.after_the_lease(Problem::LedgerUnavailable)
                }
            }
            (_, error) => {
                tracing::error!(error = %error, "the ledger failed");
                Problem::Internal.into()
            }
        }
    }

    /// The ledger will not decide, and has recorded nothing. Should the claim stay, its lease ends by itself.
    async fn refused(&self, claim: &Claim, problem: Problem) -> ProblemBody {
        self.release(claim).await;
        problem.into()
    }

    /// Ends the claim of a statement that was certainly not carried out, so that a retry need not wait for the lease.
    /// Returns whether it could; if not, the lease ends by itself.
    async fn release(&self, claim: &Claim) -> bool {
        let released = self.gate.release(claim, now_ms()).await;
        if let Err(error) = &released {
            tracing::warn!(error = %error, "the claim was not released");
        }
        matches!(released, Ok(Written::Done))
    }

    /// Step 4. The client gets its answer however this ends: the ledger has it, and reconciliation repairs the gate.
    async fn complete(&self, claim: &Claim, decided: domain::fingerprint::Fingerprint, answer: &Answer) {
        match self.gate.complete(claim, decided, answer).await {
            Ok(Written::Done) => {}
            Ok(Written::Lost(_)) => tracing::warn!("another invocation holds the key now; its answer is the same"),
            Err(error) => tracing::warn!(error = %error, "the answer was not kept by the gate"),
        }
    }

    /// The claim stays ours until its lease ends, and a retry before that would only be told to wait.
    fn after_the_lease(&self, problem: Problem) -> ProblemBody {
        ProblemBody::from(problem).with_retry_after(self.gate.lease().seconds().into())
    }
}

impl Claim {
    /// The row of the ledger that the claimed intent is.
    fn ledger_key(&self) -> LedgerKey {
        LedgerKey::derive(self.tenant, self.key, Step::Request)
    }

    fn reply(&self, answer: Answer, origin: Origin) -> Reply {
        Reply {
            id: self.ledger_key(),
            answer,
            origin,
        }
    }
}

/// The answer to one who does not hold the key.
fn yield_to(record: &Record, claim: &Claim) -> Stopped {
    match record.standing(claim.owner, claim.fingerprint, now_ms()) {
        Standing::Mismatch => Problem::IdempotencyKeyReused.into(),
        Standing::Replay(answer) => Stopped::Replay(answer.clone()),
        Standing::InProgress { retry_after_s } => {
            Stopped::Problem(ProblemBody::from(Problem::InProgress).with_retry_after(retry_after_s))
        }
        // Its holder has just changed or just died. Whoever asks next will find out.
        Standing::Mine | Standing::TakeOver => Problem::InProgress.into(),
    }
}

/// Unix milliseconds by this machine's clock. Only leases depend on it, and only for who works, never for what is posted.
fn now_ms() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}
