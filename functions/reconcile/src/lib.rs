//! Compares what must agree, and says where it does not. It halts nothing.

mod checks;
mod deliver;
mod window;

use std::time::{Duration, Instant};

use adapters::bucket::Bucket;
use adapters::environment::{self, Misconfigured};
use adapters::executions::Executions;
use adapters::gate::audit::GateAudit;
use adapters::ledger::Ledger;
use adapters::pager::Pager;
use adapters::queues::Queues;
use domain::reconciliation::report::Report;
use domain::reconciliation::{Finding, Section, Severity};
use lambda_runtime::Error;
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use self::checks::{ALL, CheckError, OF_THE_BOOKS, Step};
use self::window::Window;

/// What the checks reach.
#[derive(Debug)]
pub struct Reconciler {
    /// As `auditor`.
    pub ledger: Ledger,
    /// All of it.
    pub gate: GateAudit,
    /// Of the state machines.
    pub executions: Executions,
    /// The ARN of the one that carries out whatever takes time.
    pub machine: String,
    /// Of what failed.
    pub queues: Queues,
    /// Where the reports are kept.
    pub reports: Bucket,
    /// Whom it calls.
    pub pager: Pager,
}

/// What one run is asked for.
#[derive(Debug)]
pub(crate) struct Run<'a> {
    pub(crate) reach: &'a Reconciler,
    /// Whether all there ever was is looked at, and not what is new.
    pub(crate) is_full: bool,
    window: Result<Window, String>,
}

impl Run<'_> {
    /// What is looked at of the books.
    ///
    /// # Errors
    /// [`CheckError::NoWindow`]
    pub(crate) fn window(&self) -> Result<&Window, CheckError> {
        self.window.as_ref().map_err(|why| CheckError::NoWindow(why.clone()))
    }
}

impl Reconciler {
    /// Connects to nothing yet.
    ///
    /// # Errors
    /// [`Misconfigured`]
    pub async fn from_environment() -> Result<Self, Misconfigured> {
        Ok(Self {
            ledger: Ledger::auditing(&environment::Database::from_environment()?),
            gate: GateAudit::open(environment::gate_table()?).await,
            executions: Executions::open().await,
            machine: environment::long_machine_arn()?,
            queues: Queues::open(environment::dead_letter_queues()?).await,
            reports: Bucket::open(environment::reports_bucket()?).await,
            pager: Pager::open(environment::pager_topic()?).await,
        })
    }
}

/// Runs every check, keeps the report and calls whom it must. `event`: `{"full": …}` to look at all there ever was, and not
/// at what is new. Returns the report, `{"run", "began", "took_ms", "full", "slice", "severity", "sections": [{"name", "title",
/// "severity", "read", "counts", "findings", "total", "statements", "took_ms"}]}`, and `"kept": {"bucket", "json", "html"}`. A check that
/// could not be carried out has `"failed"` besides, and hides none of the others.
///
/// # Errors
/// The report could not be kept, or nobody could be called: what was found is in the log and the metrics all the same.
pub async fn handle(reconciler: &Reconciler, event: &Value) -> Result<Value, Error> {
    let (began, since) = (OffsetDateTime::now_utc(), Instant::now());
    let is_full = !event["full"].is_null();
    let run = Run {
        reach: reconciler,
        is_full,
        window: Window::of(&reconciler.ledger, is_full).await,
    };
    let mut sections = Vec::with_capacity(ALL.len());
    for step in ALL {
        sections.push(carry_out(&run, step).await);
    }
    let report = Report {
        run: Uuid::new_v4(),
        began,
        took_ms: millis(since),
        full: is_full,
        slice: run.window.as_ref().ok().map(|window| window.slice),
        severity: sections.iter().filter_map(|section| section.severity).max(),
        sections,
    };
    conclude(&run, &report).await;
    deliver::deliver(reconciler, &report).await
}

/// One check, within its budget. Whatever becomes of it is a section.
async fn carry_out(run: &Run<'_>, (check, start): Step) -> Section {
    let (since, sent) = (Instant::now(), run.reach.ledger.sent());
    let limit = Duration::from_secs(check.budget.seconds);
    let ended = tokio::time::timeout(limit, async {
        if let Some(table) = run.reach.ledger.hidden_table(check.reads, None).await? {
            return Err(CheckError::Hidden(table));
        }
        start(run).await
    });
    let ended = if let Ok(ended) = ended.await {
        ended
    } else {
        // Its last statement may still run. The next check must not wait for that.
        run.reach.ledger.forget().await;
        Err(CheckError::TooLong(check.budget.seconds))
    };
    let mut section = ended.unwrap_or_else(|error| {
        tracing::error!(check = check.name, %error, "a check failed");
        Section::failed(check, error.what(), error.to_string())
    });
    // Less the one that looked for what is hidden.
    section.statements = (run.reach.ledger.sent() - sent).saturating_sub(1);
    section.took_ms = millis(since);
    if section.statements > check.budget.statements {
        section.find(Finding {
            severity: Severity::Critical,
            what: "check_over_budget",
            subject: check.name.to_owned(),
            detail: format!(
                "{} statements, and it may send {}",
                section.statements, check.budget.statements
            ),
        });
    }
    section
}

/// Writes down up to where the books are proved, if all that looked at what is new could. Findings do not keep it from that: they
/// were reported, and what differs would differ for ever. *Death before: the next run looks at it again.*
async fn conclude(run: &Run<'_>, report: &Report) {
    let Ok(window) = &run.window else { return };
    if run.is_full || !OF_THE_BOOKS.iter().all(|check| report.has_completed(check.name)) {
        return;
    }
    match run.reach.ledger.record_proof(window.slice, window.now).await {
        Ok(true) => {}
        Ok(false) => tracing::info!("another run was faster"),
        Err(error) => tracing::error!(%error, "what was proved is not written down: the next run looks at it again"),
    }
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
