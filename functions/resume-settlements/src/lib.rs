//! Every minute: begins another execution of each settlement that nobody has attended to in time, whatever became of
//! the one before: its event was lost, it was stopped, it has failed, its task token was lost.
//!
//! Several executions of one settlement do no harm: the ledger decides each step once.

use std::time::{Duration, SystemTime};

use adapters::environment;
use adapters::executions::{Executions, ExecutionsError};
use adapters::ledger::resume::{Lapsed, SettlementsHealth};
use adapters::ledger::{Ledger, LedgerError};
use adapters::metrics::{self, Metric, Unit};
use futures_util::{StreamExt, stream};
use lambda_runtime::Diagnostic;
use serde_json::{Value, json};

/// How many are taken at a time. Those that are taken and not begun come back late.
const BATCH: usize = 50;
/// How many are begun at a time.
const SIDE_BY_SIDE: usize = 10;
/// The most of one run: what an outage of an hour leaves behind is not let loose at once.
const MOST: usize = 1000;
/// No further batch is taken later than this before the deadline: beginning one takes five times 8 s at worst, and
/// mostly well under one. Whoever is cut off in the middle loses nothing.
const STOP_BEFORE: Duration = Duration::from_secs(10);

/// What resuming reaches.
#[derive(Debug)]
pub struct Resumer {
    /// Knows who has lapsed.
    pub ledger: Ledger,
    /// Where executions are begun.
    pub executions: Executions,
    /// The ARN of the state machine.
    pub machine: String,
}

impl Resumer {
    /// Connects to nothing yet.
    pub async fn open(database: &environment::Database, machine: String) -> Self {
        Self {
            ledger: Ledger::at(database),
            executions: Executions::open().await,
            machine,
        }
    }
}

/// Why not all could be resumed. The others come back.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The state machines.
    #[error(transparent)]
    Executions(#[from] ExecutionsError),
}

impl From<Trouble> for Diagnostic {
    fn from(trouble: Trouble) -> Self {
        let name = match &trouble {
            Trouble::Ledger(_) => "LedgerUnavailable",
            Trouble::Executions(_) => "ExecutionsUnavailable",
        };
        Self {
            error_type: name.to_owned(),
            error_message: trouble.to_string(),
        }
    }
}

/// What a run has done.
#[derive(Debug, Default)]
struct Tally {
    resumed: usize,
    failed: usize,
    /// The last failure.
    trouble: Option<Trouble>,
}

/// Resumes what has lapsed, and tells how the settlements are; returns `{"resumed": n}`.
///
/// # Errors
/// [`Trouble`], the last, if anything failed. All that could be done is done all the same.
pub async fn handle(resumer: &Resumer, deadline: SystemTime) -> Result<Value, Trouble> {
    let mut tally = Tally::default();
    resumer.resume(deadline, &mut tally).await;
    let health = match resumer.ledger.settlements_health().await {
        Ok(health) => Some(health),
        Err(error) => {
            tracing::error!(%error, "how the settlements are is not known");
            tally.trouble = Some(error.into());
            None
        }
    };
    metrics::emit(&tally.metrics(health));
    tracing::info!(
        settlements.resumed = tally.resumed,
        settlements.failed = tally.failed,
        "resumed"
    );
    match tally.trouble {
        None => Ok(json!({ "resumed": tally.resumed })),
        Some(trouble) => Err(trouble),
    }
}

impl Resumer {
    /// Batch by batch, until there is none, something fails, or it is enough.
    async fn resume(&self, deadline: SystemTime, tally: &mut Tally) {
        loop {
            let lapsed = match self.ledger.lease_lapsed(i32::try_from(BATCH).unwrap_or(i32::MAX)).await {
                Ok(lapsed) => lapsed,
                Err(error) => {
                    tracing::error!(%error, "what has lapsed is not known");
                    tally.trouble = Some(error.into());
                    return;
                }
            };
            let count = lapsed.len();
            let mut begun = stream::iter(lapsed)
                .map(|lapsed| self.begin(lapsed))
                .buffer_unordered(SIDE_BY_SIDE);
            while let Some(begun) = begun.next().await {
                match begun {
                    Ok(()) => tally.resumed += 1,
                    Err(error) => {
                        tally.failed += 1;
                        tally.trouble = Some(error.into());
                    }
                }
            }
            let is_enough = count < BATCH || tally.resumed >= MOST || tally.trouble.is_some();
            if is_enough || SystemTime::now() + STOP_BEFORE > deadline {
                return;
            }
        }
    }

    /// Under a name that this loss of its execution alone has: begun twice, it is one.
    async fn begin(&self, lapsed: Lapsed) -> Result<(), ExecutionsError> {
        let settlement = lapsed.settlement;
        let input = json!({ "tenant_id": lapsed.tenant, "settlement_id": settlement });
        let begun = self.executions.start(&self.machine, &name_of(&lapsed), &input).await;
        match &begun {
            Ok(begun) => tracing::warn!(settlement.id = %settlement, ?begun, "nobody attended to it"),
            Err(error) => tracing::error!(settlement.id = %settlement, %error, "not resumed"),
        }
        begun.map(|_| ())
    }
}

fn name_of(lapsed: &Lapsed) -> String {
    format!("{}-{}", lapsed.settlement, lapsed.lapsed_at.unix_timestamp())
}

impl Tally {
    fn metrics(&self, health: Option<SettlementsHealth>) -> Vec<Metric> {
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let mut line = vec![
            ("SettlementsResumed", Unit::Count, count(self.resumed)),
            ("ResumeFailures", Unit::Count, count(self.failed)),
        ];
        line.extend(health.into_iter().flat_map(|health| {
            [
                ("SettlementsParked", Unit::Count, health.parked),
                ("SettlementsInLimbo", Unit::Count, health.limbo),
                ("OldestUnfinishedSeconds", Unit::Seconds, health.oldest_seconds),
            ]
        }));
        line
    }
}
