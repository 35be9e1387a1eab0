//! Runs the real `bootstrap` of a function, as the service would, under a test's control.

mod runtime_api;

use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;
use tokio::sync::watch;

pub use self::runtime_api::{RuntimeApi, Said};
use crate::api::{ApiRequest, ApiResponse};
use crate::cloud::Cloud;
use crate::fault::Faults;

/// How long a process may take to ask for its first invocation.
const INITIALISATION: Duration = Duration::from_mins(1);

/// How long an invocation may go unanswered before the test is told so.
const PATIENCE: Duration = Duration::from_mins(2);

/// Why an invocation has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Unanswered {
    /// The process ended first.
    #[error("the function died ({status}); its output:\n{output}")]
    Died {
        /// How it ended.
        status: ExitStatus,
        /// Everything it wrote.
        output: String,
    },
    /// The process is alive, or paused, and has not answered.
    #[error("the function has not answered in time; its output so far:\n{output}")]
    TimedOut {
        /// What it wrote so far.
        output: String,
    },
    /// The function reported an error to the Runtime API.
    #[error("the function failed: {0}")]
    Failed(Value),
}

/// What a function is started with. Starts from what the stack deployed.
#[derive(Debug, Clone)]
#[must_use = "nothing runs before `start`"]
pub struct Setup {
    bootstrap: PathBuf,
    environment: BTreeMap<String, String>,
    deadline: Duration,
}

impl Setup {
    /// Sets an environment variable.
    pub fn set(mut self, name: &str, value: impl ToString) -> Self {
        self.environment.insert(name.to_owned(), value.to_string());
        self
    }

    /// Takes an environment variable away.
    pub fn without(mut self, name: &str) -> Self {
        self.environment.remove(name);
        self
    }

    /// Puts the proxies of `faults` between the function and the gate, and between the function and the ledger.
    pub fn through(self, faults: &Faults) -> Self {
        self.set("AWS_ENDPOINT_URL_DYNAMODB", faults.gate.url())
            .set("DATABASE_HOST", "127.0.0.1")
            .set("DATABASE_PORT", faults.ledger.port())
    }

    /// Sets how far the deadline of each invocation lies ahead; the deployed timeout unless told.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Starts the process and waits until it asks for its first invocation.
    ///
    /// # Errors
    /// When the process ends, or does not ask within 20 s.
    pub async fn start(self) -> Result<Function, Unanswered> {
        let api = RuntimeApi::start().await;
        let mut child = Command::new(&self.bootstrap)
            .env_clear()
            .envs(&self.environment)
            .env("AWS_LAMBDA_RUNTIME_API", api.address())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", self.bootstrap.display()));
        let pid = child.id().and_then(|id| id.try_into().ok()).map(Pid::from_raw);
        let output = Output::default();
        let stdout = tokio::spawn(output.clone().copy(child.stdout.take().expect("stdout is piped")));
        let stderr = tokio::spawn(output.clone().copy(child.stderr.take().expect("stderr is piped")));
        let (ended, exit) = watch::channel(None);
        tokio::spawn(async move {
            let status = child.wait().await;
            // Whoever learns of the end may read everything that was written before it.
            let _ = tokio::join!(stdout, stderr);
            ended.send_replace(status.ok());
        });
        let function = Function {
            api,
            pid: pid.expect("a running process has an id"),
            exit,
            output,
            deadline: self.deadline,
        };
        tokio::select! {
            biased;
            () = function.api.initialised() => Ok(function),
            failure = ended_or_late(function.exit.clone(), function.output.clone(), INITIALISATION) => Err(failure),
        }
    }
}

/// A running function process. Killed when dropped.
#[derive(Debug)]
pub struct Function {
    api: RuntimeApi,
    pid: Pid,
    exit: watch::Receiver<Option<ExitStatus>>,
    output: Output,
    deadline: Duration,
}

impl Function {
    /// Sets up a deployed function by its crate's name, with its environment as deployed and credentials that no execution
    /// role binds.
    pub fn of(cloud: &Cloud, name: &str) -> Setup {
        let deployed = cloud.function(name);
        let service = [
            ("AWS_ACCESS_KEY_ID", cloud.aws.access_key_id.as_str()),
            ("AWS_SECRET_ACCESS_KEY", &cloud.aws.secret_access_key),
            ("AWS_REGION", &cloud.aws.region),
            ("AWS_DEFAULT_REGION", &cloud.aws.region),
            ("AWS_ENDPOINT_URL", &cloud.aws.endpoint),
            ("AWS_LAMBDA_FUNCTION_NAME", &deployed.name),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
            ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/under-test"),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "under-test"),
        ];
        let mut environment: BTreeMap<_, _> = service.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        environment.extend(deployed.environment.clone());
        Setup {
            bootstrap: deployed.bootstrap.clone(),
            environment,
            deadline: Duration::from_secs(deployed.timeout_seconds),
        }
    }

    /// Sends a request of the API to the function. The event is queued at once, before the future is first polled.
    ///
    /// # Errors
    /// When there is no answer, see [`Unanswered`].
    pub fn call(&self, request: &ApiRequest) -> impl Future<Output = Result<ApiResponse, Unanswered>> + Send + use<> {
        let answer = self.invoke(&request.event());
        async { answer.await.map(ApiResponse::from_function) }
    }

    /// Sends an event of any shape to the function, and returns its answer as it stands. The event is queued at once, before
    /// the future is first polled.
    ///
    /// # Errors
    /// When there is no answer, see [`Unanswered`].
    pub fn invoke(&self, event: &Value) -> impl Future<Output = Result<Value, Unanswered>> + Send + use<> {
        let answer = self.api.push(event, self.deadline);
        let failure = ended_or_late(self.exit.clone(), self.output.clone(), PATIENCE);
        async {
            tokio::select! {
                biased;
                Ok(said) = answer => said.map_err(Unanswered::Failed),
                failure = failure => Err(failure),
            }
        }
    }

    /// Stops the process where it stands (SIGSTOP).
    pub fn pause(&self) {
        self.signal(Signal::SIGSTOP);
    }

    /// Lets a paused process go on (SIGCONT).
    pub fn resume(&self) {
        self.signal(Signal::SIGCONT);
    }

    /// Kills the process (SIGKILL) and returns when it is gone.
    pub async fn kill(&self) {
        self.signal(Signal::SIGKILL);
        let _ = self.exit.clone().wait_for(Option::is_some).await;
    }

    /// Everything the process has written to stdout and stderr.
    #[must_use]
    pub fn output(&self) -> String {
        self.output.text()
    }

    fn signal(&self, signal: Signal) {
        // Once the process is reaped its id may belong to another.
        if self.exit.borrow().is_none() {
            let _ = kill(self.pid, signal);
        }
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        self.signal(Signal::SIGKILL);
    }
}

async fn ended_or_late(
    mut exit: watch::Receiver<Option<ExitStatus>>,
    output: Output,
    patience: Duration,
) -> Unanswered {
    let ended = tokio::time::timeout(patience, exit.wait_for(Option::is_some)).await;
    let status = ended.ok().and_then(Result::ok).and_then(|status| *status);
    match status {
        Some(status) => Unanswered::Died {
            status,
            output: output.text(),
        },
        None => Unanswered::TimedOut { output: output.text() },
    }
}

#[derive(Debug, Clone, Default)]
struct Output(Arc<Mutex<Vec<u8>>>);

impl Output {
    async fn copy(self, mut from: impl AsyncRead + Unpin) {
        let mut chunk = [0; 4096];
        while let Ok(read @ 1..) = from.read(&mut chunk).await {
            self.0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .extend_from_slice(&chunk[..read]);
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use serde_json::json;

    use super::*;

    async fn echo() -> Function {
        let setup = Setup {
            bootstrap: concat!(env!("CARGO_MANIFEST_DIR"), "/src/lambda/echo.sh").into(),
            environment: BTreeMap::new(),
            deadline: Duration::from_secs(10),
        };
        setup
            .set("PATH", "/usr/local/bin:/usr/bin:/bin")
            .start()
            .await
            .expect("the shell starts")
    }

    #[tokio::test]
    async fn a_function_answers_fails_pauses_and_dies() {
        let function = echo().await;
        assert_eq!(
            function.invoke(&json!({"n": 1})).await.expect("an answer"),
            json!({"n": 1})
        );
        let failed = function.invoke(&json!("fail")).await;
        assert!(matches!(failed, Err(Unanswered::Failed(error)) if error == json!("fail")));

        function.pause();
        let paused = function.invoke(&json!(2));
        let since = Instant::now();
        tokio::time::sleep(Duration::from_millis(200)).await;
        function.resume();
        assert_eq!(paused.await.expect("an answer once resumed"), json!(2));
        assert!(since.elapsed() >= Duration::from_millis(200));

        let died = function.invoke(&json!("die")).await;
        assert!(
            matches!(died, Err(Unanswered::Died { status, output }) if status.code() == Some(3) && output.contains("dying"))
        );
    }

    #[tokio::test]
    async fn a_killed_function_leaves_its_caller_without_an_answer() {
        let function = echo().await;
        function.pause();
        let call = function.invoke(&json!(1));
        function.kill().await;
        assert!(matches!(call.await, Err(Unanswered::Died { .. })));
        assert_eq!(function.output(), "started\n");
    }
}
