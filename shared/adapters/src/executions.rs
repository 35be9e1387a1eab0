//! Executions of the state machines: beginning one, and waking one that waits with a task token.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_sdk_sfn::Client;
use aws_sdk_sfn::operation::send_task_success::SendTaskSuccessError;
use aws_sdk_sfn::operation::start_execution::StartExecutionError;
use aws_sdk_sfn::types::ExecutionStatus;
use serde_json::Value;

use crate::aws;

/// The state machines cannot be reached; what they said, by name. What was asked may have been done.
#[derive(Debug, thiserror::Error)]
#[error("the state machines failed: {0}")]
pub struct ExecutionsError(String);

/// Whether an execution was woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// It goes on.
    Sent,
    /// Nobody waits with that token: it went on by itself, has ended, or was woken before.
    Gone,
}

/// Whether an execution was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Started {
    /// It runs now, or did before with the same input.
    Started,
    /// The name was taken: an execution cannot be begun twice under it.
    AlreadyExists,
}

/// Some of a machine's running executions.
#[derive(Clone, Debug)]
pub struct Running {
    /// Their names.
    pub names: Vec<String>,
    /// What to ask the next page with. `None`: there is none.
    pub next: Option<String>,
}

/// The executions of this account.
#[derive(Clone, Debug)]
pub struct Executions {
    client: Client,
}

impl Executions {
    /// Does not connect yet.
    pub async fn open() -> Self {
        let sdk = aws::reach(aws::attempts_of(Duration::from_secs(2)), RetryConfig::standard()).await;
        Self {
            client: Client::new(&sdk),
        }
    }

    /// Wakes whoever waits with this token. It looks for itself what is next, so it is told nothing: `{}`.
    ///
    /// # Errors
    /// [`ExecutionsError`]: it may have been woken; waking it again does no harm.
    pub async fn send_success(&self, token: &str) -> Result<Sent, ExecutionsError> {
        let ended = self
            .client
            .send_task_success()
            .task_token(token)
            .output("{}")
            .send()
            .await;
        let Err(error) = ended else {
            return Ok(Sent::Sent);
        };
        match error.as_service_error() {
            Some(
                SendTaskSuccessError::TaskDoesNotExist(_)
                | SendTaskSuccessError::TaskTimedOut(_)
                | SendTaskSuccessError::InvalidToken(_),
            ) => Ok(Sent::Gone),
            Some(_) | None => Err(ExecutionsError(aws::error_name(&error))),
        }
    }

    /// Begins an execution of `machine` (an ARN) under `name`, which is taken for 90 days then.
    ///
    /// # Errors
    /// [`ExecutionsError`]: it may have been begun; beginning it again under the same name does no harm.
    pub async fn start(&self, machine: &str, name: &str, input: &Value) -> Result<Started, ExecutionsError> {
        let ended = self
            .client
            .start_execution()
            .state_machine_arn(machine)
            .name(name)
            .input(input.to_string())
            .send()
            .await;
        let Err(error) = ended else {
            return Ok(Started::Started);
        };
        match error.as_service_error() {
            Some(StartExecutionError::ExecutionAlreadyExists(_)) => Ok(Started::AlreadyExists),
            Some(_) | None => Err(ExecutionsError(aws::error_name(&error))),
        }
    }

    /// A page of the executions of `machine` (an ARN) that run now, newest first; `next` is the page's before. One that runs
    /// from the first page to the last is on one of them; of those that begin or end meanwhile some are.
    ///
    /// # Errors
    /// [`ExecutionsError`]
    pub async fn running(&self, machine: &str, next: Option<String>) -> Result<Running, ExecutionsError> {
        let page = self
            .client
            .list_executions()
            .state_machine_arn(machine)
            .status_filter(ExecutionStatus::Running)
            .max_results(1000)
            .set_next_token(next)
            .send()
            .await
            .map_err(|error| ExecutionsError(aws::error_name(&error)))?;
        Ok(Running {
            names: page.executions.into_iter().map(|execution| execution.name).collect(),
            next: page.next_token,
        })
    }
}
