//! A database of a test's own, migrated like the real one: for tests that take guards away, and for those that must
//! know all that is in it.

use std::fs;
use std::future::Future;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::resume_unwind;
use std::path::Path;

use tests::cloud::Cloud;
use tokio_postgres::Client;
use uuid::Uuid;

/// Runs a test in a fresh database and drops it afterwards, also when the test fails.
pub async fn in_scratch_database<F, T>(test: F)
where
    F: FnOnce(Cloud) -> T,
    T: Future<Output = ()> + Send + 'static,
{
    let cloud = Cloud::running();
    let superuser = cloud.superuser().await;
    let template = template(&cloud, &superuser).await;
    let name = format!("scratch_{}", Uuid::new_v4().simple());
    let create = format!("CREATE DATABASE {name} OWNER ledger_owner TEMPLATE {template}");
    superuser.batch_execute(&create).await.unwrap();

    let outcome = tokio::spawn(test(database(&cloud, &name))).await;
    let drop = format!("DROP DATABASE {name} WITH (FORCE)");
    superuser.batch_execute(&drop).await.unwrap();
    if let Err(failed) = outcome {
        resume_unwind(failed.into_panic());
    }
}

/// The name of a database that holds the migrations and nothing else. Made by the first that needs it: copying takes a
/// tenth of the time.
async fn template(cloud: &Cloud, superuser: &Client) -> String {
    let migrations = migrations();
    let mut hasher = DefaultHasher::new();
    migrations.hash(&mut hasher);
    let name = format!("template_{:x}", hasher.finish());
    // One at a time, whatever processes they run in.
    superuser.batch_execute("SELECT pg_advisory_lock(1)").await.unwrap();
    let sql = "SELECT count(*) FROM pg_database WHERE datname = $1";
    if superuser.query_one(sql, &[&name]).await.unwrap().get::<_, i64>(0) == 0 {
        superuser
            .batch_execute("DROP DATABASE IF EXISTS unfinished")
            .await
            .unwrap();
        superuser
            .batch_execute("CREATE DATABASE unfinished OWNER ledger_owner")
            .await
            .unwrap();
        migrate(&database(cloud, "unfinished"), &migrations).await;
        let finish = format!("ALTER DATABASE unfinished RENAME TO {name}");
        superuser.batch_execute(&finish).await.unwrap();
    }
    superuser.batch_execute("SELECT pg_advisory_unlock(1)").await.unwrap();
    name
}

/// The same cloud, but another database of its server.
fn database(cloud: &Cloud, name: &str) -> Cloud {
    let mut scratch = cloud.clone();
    name.clone_into(&mut scratch.postgres.database);
    scratch
}

/// `migrations/*.sql` in order, each with its file's name.
fn migrations() -> Vec<(String, String)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations");
    let mut files: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sql"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no migrations were found");
    let read = |file: &Path| (file.display().to_string(), fs::read_to_string(file).unwrap());
    files.iter().map(|file| read(file)).collect()
}

/// Applies the migrations, each in one transaction, as the owner.
async fn migrate(scratch: &Cloud, migrations: &[(String, String)]) {
    let owner = scratch.as_role("ledger_owner").await;
    for (file, sql) in migrations {
        let lines = sql.lines().filter(|line| !is_about_roles(line));
        let sql = lines.collect::<Vec<_>>().join("\n");
        let applied = owner.batch_execute(&sql).await;
        applied.unwrap_or_else(|error| panic!("{file}: {error:?}"));
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
