//! Brings the ledger's schema up to date, as the database's owner, when the stack is made or its migrations have changed: the function of a
//! custom resource. `docs/migrations.md` says how to write a migration.
//!
//! The migrations are part of the binary. What was applied is noted in `public.applied_migrations`, with what it was; a file that has changed
//! since is refused before anything is done. Without an answer a deployment would stand still, so there is one in any case.

pub mod apply;
pub mod migration;

use std::time::{Duration, SystemTime};

use adapters::custom_resource::{Answers, Request, RequestType, Undelivered};
use adapters::data_api::DataApi;
use serde_json::{Value, json};
use tokio::time::Instant;

use self::migration::Migration;

/// Of one migration: its name and its text.
type File = (&'static str, &'static str);

/// The migrations in this binary (`build.rs`).
const FILES: &[File] = &include!(concat!(env!("OUT_DIR"), "/migrations.rs"));
/// The resource's id. There is one of it in a stack, and it is never replaced.
const RESOURCE: &str = "migrations";
/// What is left of the function's time when even the answer is given up.
const MARGIN: Duration = Duration::from_millis(500);

/// The migrations in this binary, in order.
#[must_use]
pub fn migrations() -> Vec<Migration> {
    FILES.iter().map(|(file, sql)| Migration::new(file, sql)).collect()
}

/// Carries out what CloudFormation asks and answers it; returns the answer. `Last` of its `Data` is the last migration that this code has.
///
/// A stack that is deleted leaves the ledger as it is.
///
/// # Errors
/// [`Undelivered`]. What is done is done all the same.
pub async fn handle(
    api: &DataApi,
    answers: &Answers,
    migrations: &[Migration],
    request: &Request,
    deadline: SystemTime,
) -> Result<Value, Undelivered> {
    let now = Instant::now();
    let left = deadline.duration_since(SystemTime::now()).unwrap_or_default();
    let outcome = match request.request_type {
        RequestType::Delete => Ok(json!({})),
        // A fifth of the time is the answer's.
        RequestType::Create | RequestType::Update => bring_up_to_date(api, migrations, now + left * 4 / 5).await,
    };
    let answer = request.answer(RESOURCE, outcome);
    answers
        .deliver(request, &answer, now + left.saturating_sub(MARGIN))
        .await?;
    Ok(answer)
}

async fn bring_up_to_date(api: &DataApi, migrations: &[Migration], until: Instant) -> Result<Value, String> {
    match apply::migrate(api, migrations, until).await {
        Ok(done) => {
            let (applied, ahead) = (done.applied.join(" "), done.ahead.join(" "));
            if done.ahead.is_empty() {
                tracing::info!(migrations.applied = applied, "the schema is up to date");
            } else {
                tracing::warn!(
                    migrations.ahead = ahead,
                    "the schema is of later code than this, and stays so"
                );
            }
            Ok(json!({"Last": migrations.last().map(|last| &last.file)}))
        }
        Err(error) => {
            tracing::error!(%error, "the schema is not brought up to date");
            Err(error.to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_migrations_are_all_of_them_and_can_be_applied() {
        let migrations = migrations();
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations");
        assert_eq!(std::fs::read_dir(directory).unwrap().count(), migrations.len());
        let plan = migration::plan(&migrations, &[]).unwrap();
        assert_eq!(plan.pending.len(), migrations.len());
        for Migration { file, sql, .. } in &migrations {
            let text = std::fs::read_to_string(format!("{directory}/{file}")).unwrap();
            assert_eq!(*sql, text, "{file}");
        }
    }

    /// They run inside one transaction, which is not theirs to end, and nothing but a server reads them.
    #[test]
    fn no_migration_has_what_a_transaction_cannot_have() {
        for Migration { file, sql, .. } in migrations() {
            for line in sql.lines().map(|line| line.split("--").next().unwrap_or_default()) {
                let words: Vec<_> = line.split_whitespace().map(str::to_uppercase).collect();
                let first = words.first().map(|word| word.trim_end_matches(';')).unwrap_or_default();
                let ends = matches!(first, "COMMIT" | "ROLLBACK" | "VACUUM") || line.starts_with('\\');
                let alone = words.iter().any(|word| word == "CONCURRENTLY");
                assert!(!ends && !alone, "{file}: {line}");
            }
        }
    }
}
