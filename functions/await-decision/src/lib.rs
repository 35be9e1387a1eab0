//! The task in which an execution waits for people: `{"task_token", "decided"}`. Whoever sends its success wakes the
//! execution, which then looks for itself what is next.
//!
//! The token is stored before the ledger is asked, and a decision is made before its token is looked for. So whichever
//! comes first, one of the two sees the other, and the execution is woken.

use std::fmt;
use std::time::SystemTime;

use adapters::executions::{Executions, Sent};
use adapters::ledger::Ledger;
use adapters::task::{self, Failed, Reached, Task};
use adapters::tokens::Tokens;
use domain::settlement::course::Limbo;
use domain::settlement::failure::StepFailure;
use serde::Deserialize;
use serde_json::Value;

/// What the task reaches.
#[derive(Debug)]
pub struct Waiting {
    /// Where the decision will be.
    pub ledger: Ledger,
    /// Where the decision will find the execution.
    pub tokens: Tokens,
    /// To wake the execution if there is nothing to wait for.
    pub executions: Executions,
}

/// The members that are this function's own.
#[derive(Deserialize)]
struct Own {
    /// Of this wait.
    task_token: String,
    /// Whether people had decided when the execution stopped last: then carrying out their decision has failed, and
    /// going on at once would fail again.
    #[serde(default)]
    decided: bool,
}

/// Answers before `deadline` what the other tasks answer, though nobody reads it: the machine goes on when the token
/// comes back.
///
/// # Errors
/// [`Failed`]: the execution may wait, or go on, without anybody's help; the task is safe to repeat.
pub async fn handle(waiting: &Waiting, event: &Value, deadline: SystemTime) -> Result<Value, Failed> {
    task::perform(
        event,
        deadline,
        |_: &Own| "await_decision".to_owned(),
        async |task| wait(waiting, task).await,
    )
    .await
}

async fn wait(waiting: &Waiting, task: &Task<Own>) -> Result<Reached, Failed> {
    let (tenant, settlement, token) = (task.tenant, task.settlement, &task.own.task_token);
    waiting
        .tokens
        .put(settlement, token)
        .await
        .map_err(|error| unknown(&error))?;
    let answer = waiting.ledger.await_decision(tenant, settlement).await?;
    if task.own.goes_on(answer.limbo) {
        waiting.send(token).await?;
    }
    task.reached(&waiting.ledger, &answer).await
}

impl Waiting {
    async fn send(&self, token: &str) -> Result<(), Failed> {
        match self.executions.send_success(token).await {
            // Gone: an execution that is past this has nothing to be woken for.
            Ok(Sent::Sent | Sent::Gone) => Ok(()),
            Err(error) => Err(unknown(&error)),
        }
    }
}

impl Own {
    /// Whether there is nothing to wait for.
    const fn goes_on(&self, limbo: Limbo) -> bool {
        match limbo {
            Limbo::No => true,
            Limbo::Undecided => false,
            Limbo::Decided(_) => !self.decided,
        }
    }
}

/// Asking again tells: the same name as for a lost answer of the ledger's.
fn unknown(error: &dyn fmt::Display) -> Failed {
    Failed::new(StepFailure::OutcomeUnknown, error)
}
