//! Applying what is pending, in one transaction: all of it or nothing.
//!
//! While it lasts it holds a lock of its own, so that of several at once each finds what the one before has done. What it locks of the ledger's is
//! waited for by payments. Therefore it waits no longer than 5 s for a lock itself, and the server ends it when nothing is heard for 15 s: who
//! began it may have died (`prepare.sql`).

use std::time::Duration;

use adapters::data_api::{CallFailed, DataApi, Transaction};
use tokio::time::Instant;

use crate::migration::{Applied, Migration, Refused, plan};

/// Takes the lock, sets the limits, and makes the record of what was applied if there is none.
const PREPARE: &str = include_str!("prepare.sql");
/// What was applied: its name and what it was.
const APPLIED: &str = "SELECT file, sha256 FROM public.applied_migrations";
/// A function of this session's that carries out a file and notes it: a statement holds 64 KiB, and a file may be longer.
const APPLYING: &str = include_str!("applying.sql");
/// Carries out a file and notes it.
const APPLY: &str = "SELECT pg_temp.apply_migration(:file, :sha256, :sql)";
/// In AWS, lets the functions' roles sign in by IAM, if they may not yet. Elsewhere there is no role `rds_iam`, and nothing to do.
const SIGN_IN: &str = include_str!("sign_in.sql");

/// What passes by itself, by SQLSTATE: serialization, deadlock, a lock that was not to be had, a server that ends or begins.
const PASSING: [&str; 6] = ["40001", "40P01", "55P03", "57P01", "57P02", "57P03"];
/// The pause before the second attempt; each further one is twice as long.
const PAUSE: Duration = Duration::from_secs(1);

/// What became of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// What was applied now, in order.
    pub applied: Vec<String>,
    /// What the database has from later code than this.
    pub ahead: Vec<String>,
}

/// Why nothing was applied, or nothing is known to have been.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotApplied {
    /// The database has another past than ours. Nothing was changed.
    #[error("{0}; nothing was changed")]
    Refused(#[from] Refused),
    /// A file failed, and whatever was applied with it is undone.
    #[error("migrations/{file} failed, and nothing was changed: {why}")]
    Failed {
        /// Which one.
        file: String,
        /// How.
        why: CallFailed,
    },
    /// Something else failed. Nothing was changed.
    #[error("nothing was changed: {0}")]
    Unchanged(CallFailed),
    /// Nobody said whether it was committed.
    #[error(
        "it is not known whether the migrations were applied: {0}. Deploying again tells, and applies what is missing"
    )]
    Unknown(String),
}

impl NotApplied {
    fn is_passing(&self) -> bool {
        match self {
            Self::Refused(_) => false,
            Self::Failed { why, .. } | Self::Unchanged(why) => match why {
                CallFailed::Lost(_) => true,
                CallFailed::Refused { code, .. } => {
                    code == "TransactionNotFoundException"
                        || why.sqlstate().is_some_and(|state| PASSING.contains(&state))
                }
            },
            Self::Unknown(_) => true,
        }
    }
}

/// Applies what the database lacks of `ours`. What passes is tried again until `until`; so is what may have been committed, and then
/// the record says whether it was.
///
/// # Errors
/// [`NotApplied`]
pub async fn migrate(api: &DataApi, ours: &[Migration], until: Instant) -> Result<Done, NotApplied> {
    let trying = try_until(api, ours, until);
    let out_of_time = || NotApplied::Unknown("there is no more time".to_owned());
    tokio::time::timeout_at(until, trying)
        .await
        .unwrap_or_else(|_| Err(out_of_time()))
}

async fn try_until(api: &DataApi, ours: &[Migration], until: Instant) -> Result<Done, NotApplied> {
    let mut pause = PAUSE;
    let mut unknown = None;
    loop {
        // Boxed, as the type of it all in one would be too deep for the compiler.
        let error = match Box::pin(attempt(api, ours)).await {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
        if !error.is_passing() {
            return Err(error);
        }
        if let NotApplied::Unknown(_) = error {
            unknown = Some(error.clone());
        }
        if Instant::now() + pause >= until {
            return Err(unknown.unwrap_or(error));
        }
        tracing::warn!(%error, "the migrations are tried again");
        // A lock that another session holds, or a failover: what passes takes a while to.
        tokio::time::sleep(pause).await;
        pause *= 2;
    }
}

/// One transaction. Only its end can have an unknown outcome: before that, nothing lasts.
async fn attempt(api: &DataApi, ours: &[Migration]) -> Result<Done, NotApplied> {
    let transaction = api.begin().await.map_err(NotApplied::Unchanged)?;
    let ended = match within(api, &transaction, ours).await {
        Ok(done) => match api.commit(&transaction).await {
            Ok(()) => return Ok(done),
            Err(CallFailed::Lost(why)) => NotApplied::Unknown(why),
            Err(refused) => NotApplied::Unchanged(refused),
        },
        Err(error) => error,
    };
    // So that its locks are given up at once, and not when its time is over. What was committed is not to be found any more.
    if let Err(error) = api.roll_back(&transaction).await {
        tracing::warn!(%error, "a transaction is left to its own end");
    }
    Err(ended)
}

async fn within(api: &DataApi, transaction: &Transaction, ours: &[Migration]) -> Result<Done, NotApplied> {
    let run = async |sql, parameters: &[(&str, &str)]| {
        let answered = api.execute(transaction, sql, parameters).await;
        answered.map_err(NotApplied::Unchanged)
    };
    run(PREPARE, &[]).await?;
    let applied: Vec<_> = run(APPLIED, &[]).await?.into_iter().filter_map(noted).collect();
    let plan = plan(ours, &applied)?;
    if !plan.pending.is_empty() {
        run(APPLYING, &[]).await?;
    }
    let mut done = Done {
        ahead: plan.ahead,
        ..Done::default()
    };
    for Migration { file, sql, sha256 } in plan.pending {
        let parameters = [("file", file.as_str()), ("sha256", sha256), ("sql", sql)];
        let applied = api.execute(transaction, APPLY, &parameters).await;
        applied.map_err(|why| NotApplied::Failed {
            file: file.clone(),
            why,
        })?;
        done.applied.push(file.clone());
    }
    run(SIGN_IN, &[]).await?;
    Ok(done)
}

fn noted(row: Vec<String>) -> Option<Applied> {
    let [file, sha256] = row.try_into().ok()?;
    Some(Applied { file, sha256 })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A colon before a letter would be taken for a parameter's.
    #[test]
    fn every_statement_is_one_that_a_call_takes() {
        for (sql, parameters) in [(PREPARE, 0), (APPLIED, 0), (APPLYING, 0), (APPLY, 3), (SIGN_IN, 0)] {
            assert!(sql.len() <= 65_536);
            assert_eq!(sql.matches(':').count(), parameters, "{sql}");
            assert!(!sql.contains('?') && !sql.contains("--"), "{sql}");
        }
    }

    #[test]
    fn what_the_database_refuses_for_good_is_not_tried_again() {
        let said = |code: &str, state: &str| {
            NotApplied::Unchanged(CallFailed::Refused {
                code: code.to_owned(),
                message: format!("ERROR: something; SQLState: {state}"),
            })
        };
        assert!(!said("DatabaseErrorException", "42601").is_passing());
        assert!(!said("AccessDeniedException", "").is_passing());
        assert!(said("DatabaseErrorException", "55P03").is_passing());
        assert!(said("TransactionNotFoundException", "").is_passing());
        assert!(NotApplied::Unchanged(CallFailed::Lost("TimeoutError".to_owned())).is_passing());
        assert!(!NotApplied::Refused(Refused::Changed("0001_a.sql".to_owned())).is_passing());
    }
}
