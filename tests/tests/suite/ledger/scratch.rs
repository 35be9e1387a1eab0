//! A database of a test's own, migrated like the real one, for tests that take guards away. The pooler does not know it.

use std::fs;
use std::future::Future;
use std::panic::resume_unwind;
use std::path::Path;

use tests::cloud::Cloud;
use uuid::Uuid;

/// Runs a test in a fresh database and drops it afterwards, also when the test fails.
pub async fn in_scratch_database<F, T>(test: F)
where
    F: FnOnce(Cloud) -> T,
    T: Future<Output = ()> + Send + 'static,
{
    let cloud = Cloud::running();
    let superuser = cloud.superuser().await;
    let name = format!("scratch_{}", Uuid::new_v4().simple());
    let create = format!("CREATE DATABASE {name} OWNER ledger_owner");
    superuser.batch_execute(&create).await.unwrap();
    let mut scratch = cloud.clone();
    scratch.postgres.database.clone_from(&name);
    migrate(&scratch).await;

    let outcome = tokio::spawn(test(scratch)).await;
    let drop = format!("DROP DATABASE {name} WITH (FORCE)");
    superuser.batch_execute(&drop).await.unwrap();
    if let Err(failed) = outcome {
        resume_unwind(failed.into_panic());
    }
}

/// Applies `migrations/*.sql` in order, each in one transaction, as the owner.
async fn migrate(scratch: &Cloud) {
    let owner = scratch.as_role("ledger_owner").await;
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations");
    let mut files: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sql"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no migrations were found");
    for file in files {
        let sql = fs::read_to_string(&file).unwrap();
        let lines = sql.lines().filter(|line| !is_about_roles(line));
        let sql = lines.collect::<Vec<_>>().join("\n");
        let applied = owner.batch_execute(&sql).await;
        applied.unwrap_or_else(|error| panic!("{}: {error:?}", file.display()));
    }
}

/// Roles belong to the whole server and are there already; each of these statements is one line of its migration.
fn is_about_roles(line: &str) -> bool {
    let statement = line.starts_with("CREATE ROLE ")
        || line.starts_with("ALTER ROLE ")
        || (line.starts_with("GRANT ") && line.contains(" TO ") && !line.contains(" ON "));
    assert!(
        !statement || line.contains(';'),
        "a statement about roles must be one line: {line}"
    );
    statement
}
