//! A seal is for ever: none is made of rows that are there and not shown.

use super::Books;
use crate::ledger::scratch::in_scratch_database;

#[tokio::test]
async fn nothing_is_sealed_while_entries_or_intents_are_hidden() {
    in_scratch_database(async |cloud| {
        let books = Books::open(cloud).await;
        let superuser = books.cloud.superuser().await;
        for table in ["ledger_entries", "ledger_transactions"] {
            // A policy for somebody else is none for the auditor.
            let hide = format!("ALTER POLICY auditor_reads ON ledger.{table} TO ledger_owner");
            let show = format!("ALTER POLICY auditor_reads ON ledger.{table} TO auditor");
            superuser.batch_execute(&hide).await.unwrap();
            // The horizon may have to wait for other tests' transactions before there is anything to refuse.
            let told = tests::patience::until(
                || async {
                    let told = books.seal().await;
                    told["failed"].is_string().then_some(told)
                },
                || format!("a refusal without {table}"),
            )
            .await;
            let why = told["failed"].as_str().unwrap();
            assert!(
                why.contains(&format!("hide rows of {table}")) || why.contains("shows no entries or no intents"),
                "{why}"
            );
            superuser.batch_execute(&show).await.unwrap();
        }
        assert_eq!(books.seals().await.len(), 0);
        books.seal_all(1).await;
        assert_eq!(books.found().await, []);
    })
    .await;
}

#[tokio::test]
async fn a_view_that_took_a_tables_name_is_not_read() {
    in_scratch_database(async |cloud| {
        let books = Books::open(cloud).await;
        let superuser = books.cloud.superuser().await;
        let take = "ALTER TABLE ledger.ledger_entries RENAME TO entries_beneath;
             CREATE VIEW ledger.ledger_entries AS SELECT * FROM ledger.entries_beneath;
             GRANT SELECT ON ledger.ledger_entries TO auditor";
        superuser.batch_execute(take).await.unwrap();
        let why = "a policy may hide rows of ledger_entries from it, or it is no table";
        assert_eq!(books.check().await.failure(), why);
        assert_eq!(books.seal().await["failed"], why);
    })
    .await;
}
