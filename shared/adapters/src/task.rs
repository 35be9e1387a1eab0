//! What the tasks of the settlements' state machines have in common: what they are asked, what they answer, and how
//! they fail.
//!
//! Asked: `{"tenant_id", "settlement_id"}` and each function's own members. Answered: the machine's whole state,
//! `{"tenant_id", "settlement_id", "next", "wait_seconds", "decided"}`. A task decides nothing of its own and remembers
//! nothing: `next` is of the log ([`Course`]), so that whoever asks late, or twice, goes where everybody goes.

use std::fmt;
use std::time::{Duration, Instant, SystemTime};

use domain::ids::{LedgerKey, TenantId};
use domain::settlement::course::{Course, Limbo, wait_seconds};
use domain::settlement::failure::StepFailure;
use lambda_runtime::Diagnostic;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use time::OffsetDateTime;
use tracing::{error, info, warn};

use crate::ledger::settlements::SettlementAnswer;
use crate::ledger::settlements::settlement::Settlement;
use crate::ledger::{Ledger, LedgerError};

/// What is left of a function's time when its task is given up. A task that is cut off by its time-out counts as
/// failed, and a settlement is given up for that; one that says so itself is asked again.
const MARGIN: Duration = Duration::from_millis(500);

/// One task.
#[derive(Debug)]
pub struct Task<Own> {
    /// Whose settlement it is.
    pub tenant: TenantId,
    /// Which one.
    pub settlement: LedgerKey,
    /// The members that are its function's own.
    pub own: Own,
}

/// The members that all tasks have.
#[derive(Deserialize)]
struct Whose {
    tenant_id: TenantId,
    settlement_id: LedgerKey,
}

/// Where a task has come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reached {
    /// What became of the action, in a word for the log.
    pub verdict: String,
    /// Where to go from here.
    pub next: Course,
    /// How long to wait before that, with [`Course::Wait`] and [`Course::Park`]; else 0.
    pub wait_seconds: i64,
    /// Whether people have decided what becomes of it.
    pub is_decided: bool,
}

/// Why a task came to nothing.
#[derive(Debug, thiserror::Error)]
#[error("{why}")]
pub struct Failed {
    /// By the name that the state machines match.
    pub failure: StepFailure,
    /// For the log alone.
    pub why: String,
}

impl Failed {
    /// Failed so, for a reason that goes into the log.
    pub fn new(failure: StepFailure, why: &dyn fmt::Display) -> Self {
        Self {
            failure,
            why: why.to_string(),
        }
    }
}

impl From<LedgerError> for Failed {
    fn from(error: LedgerError) -> Self {
        Self::new(StepFailure::from(&error), &error)
    }
}

impl From<Failed> for Diagnostic {
    /// The state machines keep it with the execution, and match its name alone.
    fn from(failed: Failed) -> Self {
        Self {
            error_type: failed.failure.to_string(),
            error_message: failed.why,
        }
    }
}

impl Reached {
    /// To `next`, with nothing to wait for and nothing decided.
    #[must_use]
    pub const fn new(verdict: String, next: Course) -> Self {
        Self {
            verdict,
            next,
            wait_seconds: 0,
            is_decided: false,
        }
    }

    /// Where a look at the settlement leads.
    #[must_use]
    pub fn by_look(settlement: &Settlement) -> Self {
        Self {
            is_decided: is_decided(settlement.limbo()),
            ..Self::new("looked".to_owned(), settlement.course())
        }
    }
}

impl<Own> Task<Own> {
    fn read(event: &Value) -> serde_json::Result<Self>
    where
        Own: DeserializeOwned,
    {
        let whose = Whose::deserialize(event)?;
        Ok(Self {
            tenant: whose.tenant_id,
            settlement: whose.settlement_id,
            own: Own::deserialize(event)?,
        })
    }

    /// The settlement as it stands.
    ///
    /// # Errors
    /// [`StepFailure::SettlementUnknown`], or what the ledger's failure means.
    pub async fn look(&self, ledger: &Ledger) -> Result<Settlement, Failed> {
        let found = ledger.settlement(self.tenant, self.settlement).await?;
        found.ok_or_else(|| Failed::new(StepFailure::SettlementUnknown, &"the tenant has no such settlement"))
    }

    /// Where an action leads. One that waits looks how old the settlement is, to know for how long.
    ///
    /// # Errors
    /// As [`Task::look`]. The action is done all the same.
    pub async fn reached(&self, ledger: &Ledger, answer: &SettlementAnswer) -> Result<Reached, Failed> {
        let next = answer.course();
        let wait_seconds = if next == Course::Wait {
            let age = OffsetDateTime::now_utc() - self.look(ledger).await?.created_at;
            wait_seconds(age.whole_seconds())
        } else {
            0
        };
        Ok(Reached {
            wait_seconds,
            is_decided: is_decided(answer.limbo),
            ..Reached::new(answer.verdict.as_str().to_owned(), next)
        })
    }
}

/// Carries out one task before `deadline`, the function's own, and writes its one line to the log. `action` names it
/// there.
///
/// # Errors
/// The [`Failed`] of `carry_out`; [`StepFailure::OutcomeUnknown`] if there is no time for more;
/// [`StepFailure::Defect`] if `event` is no task.
pub async fn perform<Own: DeserializeOwned>(
    event: &Value,
    deadline: SystemTime,
    action: impl FnOnce(&Own) -> String,
    carry_out: impl AsyncFnOnce(&Task<Own>) -> Result<Reached, Failed>,
) -> Result<Value, Failed> {
    let began = Instant::now();
    let left = deadline.duration_since(SystemTime::now()).unwrap_or_default();
    let task = Task::read(event)
        .map_err(|error| Failed::new(StepFailure::Defect, &error))
        .inspect_err(|failed| error!(settlement.failure = %failed.failure, error = %failed, "this is no task"))?;
    let action = action(&task.own);
    let ended = tokio::time::timeout(left.saturating_sub(MARGIN), carry_out(&task)).await;
    let ended = ended.unwrap_or_else(|_| Err(Failed::new(StepFailure::OutcomeUnknown, &"there is no more time")));
    say(task.settlement, &action, began, &ended);
    ended.map(|reached| {
        json!({
            "tenant_id": task.tenant,
            "settlement_id": task.settlement,
            "next": reached.next.as_str(),
            "wait_seconds": reached.wait_seconds,
            "decided": reached.is_decided,
        })
    })
}

fn say(settlement: LedgerKey, action: &str, began: Instant, ended: &Result<Reached, Failed>) {
    let duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    match ended {
        Ok(reached) => info!(
            settlement.id = %settlement,
            settlement.action = action,
            settlement.verdict = reached.verdict,
            settlement.next = %reached.next,
            duration_ms,
            "carried out"
        ),
        Err(failed) if failed.failure.is_passing() => warn!(
            settlement.id = %settlement,
            settlement.action = action,
            settlement.failure = %failed.failure,
            error = failed.why,
            duration_ms,
            "not carried out, or not known to be"
        ),
        Err(failed) => error!(
            settlement.id = %settlement,
            settlement.action = action,
            settlement.failure = %failed.failure,
            error = failed.why,
            duration_ms,
            "failed"
        ),
    }
}

/// Whether people have decided.
const fn is_decided(limbo: Limbo) -> bool {
    match limbo {
        Limbo::Decided(_) => true,
        Limbo::No | Limbo::Undecided => false,
    }
}
