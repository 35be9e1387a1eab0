//! Compares what must agree, and says where it does not. It halts nothing.

mod checks;
mod deliver;
mod event;
mod seal;
mod window;

use std::time::{Duration, Instant, SystemTime};

use adapters::bucket::Bucket;
use adapters::digest::Digest;
use adapters::environment::{self, Misconfigured};
use adapters::executions::Executions;
use adapters::gate::audit::GateAudit;
use adapters::ledger::Ledger;
use adapters::pager::Pager;
use adapters::queues::Queues;
use adapters::signer::Signer;
use domain::reconciliation::report::Report;
use domain::reconciliation::{Finding, Section, Severity};
use lambda_runtime::Error;
use serde::Deserialize;
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use self::checks::{ALL, CheckError, OF_A_PART, OF_THE_BOOKS, OF_THE_REST, Step};
use self::event::{Event, Follows, Full};
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
    /// What the books are sealed with.
    pub digest: Digest,
    /// What justifications in the audit are signed with; asked for its public half alone.
    pub audit_key: Signer,
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
    /// Whether a part of all there ever was is looked at, and not what is new.
    pub(crate) is_full: bool,
    window: Result<Window, String>,
    /// When the function is stopped.
    pub(crate) deadline: SystemTime,
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
            digest: Digest::open(environment::digest_bucket()?, environment::digest_key()?).await,
            audit_key: Signer::open(environment::audit_key()?).await,
            queues: Queues::open(environment::dead_letter_queues()?).await,
            reports: Bucket::open(environment::reports_bucket()?).await,
            pager: Pager::open(environment::pager_topic()?).await,
        })
    }
}

/// Runs every check, keeps the report and calls whom it must. Returns the report, `{"run", "began", "took_ms", "full", "slice", "severity",
/// "sections": [{"name", "title", "severity", "read", "counts", "findings", "total", "statements", "took_ms"}]}`, `"kept": {"bucket",
/// "json", "html"}` and `"next"`, the event of what follows, or null. A check that could not be carried out has `"failed"` besides, and
/// hides none of the others.
///
/// `event`: `{}` for what is new; with `"seal": true`, it is sealed at the end, which is a section as well. `next` is there if it was more than one
/// run looks at. `{"full": {}}` proves the first part of all there ever was; what follows are the other parts, then `{"seals": …}`,
/// which compares the ledger with its seals. With `"brief": true`, the answer is without the sections.
///
/// # Errors
/// The event is none of these; a part of a full run, or a seal, could not be looked at; or the report could not be kept, or nobody
/// could be called: what was found is in the log and the metrics all the same.
pub async fn handle(reconciler: &Reconciler, event: &Value, deadline: SystemTime) -> Result<Value, Error> {
    let event = Event::deserialize(event)?;
    let (began, since) = (OffsetDateTime::now_utc(), Instant::now());
    let (slice, sections, follows) = if let Some(seals) = event.seals {
        let (section, next) = Box::pin(seal::compare(reconciler, seals, deadline)).await?;
        (None, vec![section], next.map(Follows::Seals))
    } else {
        let window = match event.full {
            // Without it there is no part, and nothing behind it: the whole is to be tried again.
            Some(Full { part }) => Ok(Window::of_part(&reconciler.ledger, part).await?),
            None => Window::of_what_is_new(&reconciler.ledger).await,
        };
        let run = Run {
            reach: reconciler,
            is_full: event.full.is_some(),
            window,
            deadline,
        };
        let (sections, follows) = check(&run, event).await;
        (run.window.ok().map(|window| window.slice), sections, follows)
    };
    let report = Report {
        run: Uuid::new_v4(),
        began,
        took_ms: millis(since),
        full: event.is_of_the_past(),
        slice,
        severity: sections.iter().filter_map(|section| section.severity).max(),
        sections,
    };
    let event = event.with_found(report.count(Severity::Critical));
    deliver::deliver(reconciler, &report, event, event.next(follows)).await
}

/// What the event asks for, and what is left of it.
async fn check(run: &Run<'_>, event: Event) -> (Vec<Section>, Option<Follows>) {
    let steps: &[Step] = match (run.is_full, event.rest) {
        (true, _) => &OF_A_PART,
        (false, true) => &OF_THE_REST,
        (false, false) => &ALL,
    };
    let mut sections = Vec::with_capacity(steps.len() + 1);
    for step in steps {
        sections.push(carry_out(run, *step).await);
    }
    let is_concluded = conclude(run, &sections).await;
    let follows = match &run.window {
        Ok(Window { part: Some(part), .. }) => Some(Follows::Part(*part)),
        // If it was not, a further run would look at the same again.
        Ok(window) if window.has_more && is_concluded => Some(Follows::Rest),
        Ok(_) | Err(_) => None,
    };
    // After the checks: what they are about to say of the rows is said of rows that are not sealed yet.
    if event.seal && follows.is_none() {
        sections.push(carry_out(run, (&seal::CHECK, |run| Box::pin(seal::run(run)))).await);
    }
    (sections, follows)
}

/// One check, within its budget. Whatever becomes of it is a section.
async fn carry_out(run: &Run<'_>, (check, start): Step) -> Section {
    let (since, sent) = (Instant::now(), run.reach.ledger.sent());
    let limit = Duration::from_secs(check.budget.seconds);
    let ended = tokio::time::timeout(limit, async {
        if let Some(table) = run.reach.ledger.hidden_table(check.reads, None).await? {
            return Err(CheckError::Hidden(table));
        }
        if let Some(table) = run.reach.ledger.emptied_table(check.reads).await? {
            return Err(CheckError::Emptied(table));
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
    // Less those that looked for what is hidden or gone.
    section.statements = (run.reach.ledger.sent() - sent).saturating_sub(2);
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
/// were reported, and what differs would differ for ever. Returns whether it did. *Death before: the next run looks at it again.*
async fn conclude(run: &Run<'_>, sections: &[Section]) -> bool {
    let Ok(window) = &run.window else { return false };
    let has_completed = |check: &str| {
        sections
            .iter()
            .any(|section| section.name == check && section.failed.is_none())
    };
    if run.is_full || !OF_THE_BOOKS.iter().all(|check| has_completed(check.name)) {
        return false;
    }
    match run.reach.ledger.record_proof(window.slice, window.now).await {
        Ok(true) => return true,
        Ok(false) => tracing::info!("another run was faster"),
        Err(error) => tracing::error!(%error, "what was proved is not written down: the next run looks at it again"),
    }
    false
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
