//! What a night sees of the seals, and what keeps them from being made.

use std::time::Duration;

use tokio_postgres::Client;

use super::tampering::tampered;
use super::{Books, kinds};
use crate::ledger::scratch::in_scratch_database;
use crate::reconcile::scene::Said;

#[tokio::test]
async fn a_night_names_what_was_changed_under_a_seal_that_is_not_the_newest() {
    in_scratch_database(async |cloud| {
        let books = Books::open(cloud).await;
        books.seal_all(1).await;
        let paid = books.pay(10).await;
        books.seal_all(1).await;
        books.pay(20).await;
        books.seal_all(1).await;
        let said = books.check().await;
        assert_eq!(said.count("compared"), books.seals().await.len() as u64);
        let sql = format!("UPDATE ledger.ledger_entries SET amount = 11 WHERE transaction_id = '{paid}'");
        tampered(&books.cloud.superuser().await, &sql).await;
        let changed = [("transaction_changed".to_owned(), paid.to_string())];
        for _ in 0..2 {
            assert_eq!(books.found().await, changed);
            books.pay(1).await;
            books.seal_all(1).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_night_that_runs_out_of_time_says_how_many_seals_it_left_out() {
    in_scratch_database(async |cloud| {
        let books = Books::open(cloud).await;
        books.seal_all(1).await;
        // The last minute is not for beginning anything.
        let hurried = books.setup().deadline(Duration::from_secs(59)).start().await.unwrap();
        let said = Said::by(&hurried, "seals").await;
        let seals = books.seals().await.len();
        assert_eq!(
            said.findings(),
            [("warning", "seals_not_compared", seals.to_string().as_str())]
        );
        assert_eq!((said.count("left_out"), said.count("compared")), (seals as u64, 0));
    })
    .await;
}

/// Sets the first proof back.
async fn proved_since(superuser: &Client, hours: u32) {
    let sql = format!(
        "BEGIN; ALTER TABLE ledger.proofs DISABLE TRIGGER append_only;
         UPDATE ledger.proofs SET began_at = clock_timestamp() - interval '{hours} hours' WHERE proof_no = (SELECT min(proof_no) FROM ledger.proofs);
         ALTER TABLE ledger.proofs ENABLE ALWAYS TRIGGER append_only; COMMIT"
    );
    superuser.batch_execute(&sql).await.unwrap();
}

#[tokio::test]
async fn books_that_are_proved_for_days_and_not_sealed_are_critical_and_so_is_a_chain_that_begins_then() {
    in_scratch_database(async |cloud| {
        let books = Books::open(cloud).await;
        let superuser = books.cloud.superuser().await;
        assert_eq!(books.found().await, [], "nothing was ever proved");
        assert_eq!(books.found().await, [], "nothing was proved for long");
        proved_since(&superuser, 47).await;
        assert_eq!(books.found().await, []);
        proved_since(&superuser, 49).await;
        assert_eq!(kinds(&books.found().await), ["nothing_sealed"]);
        books.seal_all(1).await;
        assert_eq!(books.found().await, [("chain_begins_late".to_owned(), "0".to_owned())]);
        proved_since(&superuser, 47).await;
        assert_eq!(books.found().await, []);
    })
    .await;
}

#[tokio::test]
async fn what_waits_for_its_seal_for_longer_than_a_night_is_critical() {
    in_scratch_database(async |cloud| {
        let books = Books::open(cloud).await;
        let superuser = books.cloud.superuser().await;
        books.seal_all(1).await;
        let paid = books.pay(10).await;
        for (hours, found) in [(35, vec![]), (37, vec!["sealing_stalled"])] {
            let sql = format!(
                "UPDATE ledger.ledger_entries SET created_at = now() - interval '{hours} hours' WHERE transaction_id = '{paid}'"
            );
            tampered(&superuser, &sql).await;
            assert_eq!(kinds(&books.found().await), found, "{hours} hours");
        }
        books.seal_all(1).await;
        assert_eq!(books.found().await, []);
    })
    .await;
}
