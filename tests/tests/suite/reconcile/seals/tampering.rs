//! Rows that were changed after they were sealed, by who passes every guard.

use serde_json::{Value, json};
use tokio_postgres::Client;
use uuid::Uuid;

use super::Books;
use crate::ledger::scratch::in_scratch_database;

/// Runs these statements as the superuser with the tables' guards down.
pub(super) async fn tampered(superuser: &Client, sql: &str) {
    let guards = [
        ("ledger_entries", "append_only"),
        ("ledger_entries", "zero_sum"),
        ("ledger_transactions", "append_only"),
    ];
    let turned = |how: &str| guards.map(|(table, guard)| format!("ALTER TABLE ledger.{table} {how} TRIGGER {guard};"));
    let all = format!(
        "BEGIN;{}{sql};{}COMMIT",
        turned("DISABLE").concat(),
        turned("ENABLE ALWAYS").concat()
    );
    superuser.batch_execute(&all).await.unwrap();
}

/// What is done to a payment, `$id`, and how the check calls it.
const TAMPERING: [(&str, &str); 9] = [
    ("UPDATE ledger.ledger_entries SET amount = amount + 1 WHERE transaction_id = '$id'", "transaction_changed"),
    ("DELETE FROM ledger.ledger_entries WHERE transaction_id = '$id'", "transaction_missing"),
    ("DELETE FROM ledger.ledger_entries WHERE transaction_id = '$id' AND entry_type = 'DEBIT'", "transaction_changed"),
    (
        "INSERT INTO ledger.ledger_entries (account_id, transaction_id, idempotency_key, entry_type, amount, currency, tenant_id, posted_in)
         SELECT gen_random_uuid(), transaction_id, idempotency_key, entry_type, amount, currency, tenant_id, posted_in
           FROM ledger.ledger_entries WHERE transaction_id = '$id'",
        "transaction_changed",
    ),
    (
        "UPDATE ledger.ledger_entries SET account_id = gen_random_uuid() WHERE transaction_id = '$id' AND entry_type = 'CREDIT'",
        "transaction_changed",
    ),
    ("UPDATE ledger.ledger_transactions SET amount = amount + 1 WHERE ledger_key = '$id'", "transaction_changed"),
    ("UPDATE ledger.ledger_transactions SET outcome = 'account_frozen' WHERE ledger_key = '$id'", "transaction_changed"),
    ("DELETE FROM ledger.ledger_transactions WHERE ledger_key = '$id'", "transaction_changed"),
    ("UPDATE ledger.ledger_entries SET created_at = 'infinity' WHERE transaction_id = '$id'", "transaction_changed"),
];

#[tokio::test]
async fn each_kind_of_tampering_with_a_sealed_row_is_found_and_named_and_nothing_else_is() {
    in_scratch_database(async |cloud| {
        let books = Books::open(cloud).await;
        let superuser = books.cloud.superuser().await;
        let untouched = books.pay(1).await;
        let mut payments = Vec::new();
        for _ in TAMPERING {
            payments.push(books.pay(10).await);
        }
        books.seal_all(2 + TAMPERING.len() as u64).await;
        assert_eq!(books.found().await, []);
        let mut expected = Vec::new();
        for (id, (sql, what)) in payments.iter().zip(TAMPERING) {
            tampered(&superuser, &sql.replace("$id", &id.to_string())).await;
            expected.push((what.to_owned(), id.to_string()));
            assert_eq!(books.compared().await, expected, "{sql}");
        }
        assert!(!expected.iter().any(|(_, id)| *id == untouched.to_string()));
    })
    .await;
}

#[tokio::test]
async fn a_transaction_that_is_put_among_sealed_ones_is_found() {
    in_scratch_database(async |cloud| {
        let books = Books::open(cloud).await;
        let superuser = books.cloud.superuser().await;
        let model = books.pay(10).await;
        books.seal_all(2).await;
        let forged = Uuid::new_v4();
        let sql = format!(
            "INSERT INTO ledger.ledger_entries (account_id, transaction_id, idempotency_key, entry_type, amount, currency, tenant_id, posted_in)
             SELECT account_id, '{forged}', '{forged}', entry_type, amount, currency, tenant_id, posted_in
               FROM ledger.ledger_entries WHERE transaction_id = '{model}'"
        )
        .replace(&forged.to_string(), &format!("00{}", &forged.to_string()[2..]));
        let forged = format!("00{}", &forged.to_string()[2..]);
        tampered(&superuser, &sql).await;
        assert_eq!(books.compared().await, [("transaction_added".to_owned(), forged)]);
    })
    .await;
}

/// Runs the same for both: a transaction that is moved whole, and one of whose entries one is.
#[tokio::test]
async fn what_is_moved_to_another_number_is_missed_here_and_found_there() {
    in_scratch_database(async |cloud| {
        let books = Books::open(cloud).await;
        let superuser = books.cloud.superuser().await;
        books.seal_all(1).await;
        let (whole, half) = (books.pay(10).await, books.pay(11).await);
        books.seal_all(2).await;
        let there = books.pay(20).await;
        books.seal_all(1).await;
        let moved = |id, which: &str| {
            format!(
                "UPDATE ledger.ledger_entries SET posted_in = (SELECT max(posted_in::text::bigint) FROM ledger.ledger_entries
                  WHERE transaction_id = '{there}')::text::xid8 WHERE transaction_id = '{id}' AND entry_type::text LIKE '{which}'"
            )
        };
        tampered(&superuser, &moved(whole, "%")).await;
        tampered(&superuser, &moved(half, "DEBIT")).await;
        let mut expected = [
            ("transaction_missing", whole),
            ("transaction_changed", half),
            ("transaction_added", whole),
            ("transaction_added", half),
        ]
        .map(|(what, id)| (what.to_owned(), id.to_string()));
        let mut found = books.compared().await;
        found.sort();
        expected.sort();
        assert_eq!(found, expected);
    })
    .await;
}

#[tokio::test]
async fn a_comparison_of_all_seals_names_the_first_day_and_transaction_that_differ() {
    in_scratch_database(async |cloud| {
        let books = Books::open(cloud).await;
        let superuser = books.cloud.superuser().await;
        books.seal_all(1).await;
        let first = books.pay(10).await;
        books.seal_all(1).await;
        let second = books.pay(20).await;
        books.seal_all(1).await;
        assert_eq!(books.compared().await, []);
        for id in [second, first] {
            let sql = format!("UPDATE ledger.ledger_entries SET amount = amount + 1 WHERE transaction_id = '{id}'");
            tampered(&superuser, &sql).await;
        }
        let changed = |id: Uuid| ("transaction_changed".to_owned(), id.to_string());
        assert_eq!(books.compared().await, [changed(first), changed(second)]);
        let report = books.reconcile.invoke(&json!({"seals": {"done": 0}})).await.unwrap();
        let day = books.seals().await[0]["day"].as_str().unwrap().to_owned();
        let detail = report["sections"][0]["findings"][0]["detail"].as_str().unwrap();
        assert!(detail.contains(&day), "{detail}");
        assert_eq!(report["next"], Value::Null);
    })
    .await;
}

/// Who changes a row can also change what the ledger shows of it.
#[tokio::test]
async fn a_view_that_shows_what_was_sealed_hides_nothing() {
    in_scratch_database(async |cloud| {
        let books = Books::open(cloud).await;
        let superuser = books.cloud.superuser().await;
        let paid = books.pay(10).await;
        books.seal_all(2).await;
        let lens = format!(
            "DO $$ BEGIN EXECUTE 'CREATE OR REPLACE VIEW ledger.leaves WITH (security_invoker = true) AS '
                || replace(pg_get_viewdef('ledger.leaves'), 'e.amount,',
                           'CASE WHEN e.transaction_id = ''{paid}'' THEN 10::bigint ELSE e.amount END AS amount,'); END $$"
        );
        superuser.batch_execute(&lens).await.unwrap();
        let sql = format!("UPDATE ledger.ledger_entries SET amount = 11 WHERE transaction_id = '{paid}'");
        tampered(&superuser, &sql).await;
        let shown = format!("SELECT sum(amount)::text FROM ledger.leaves WHERE transaction_id = '{paid}'");
        let shown: String = superuser.query_one(&shown, &[]).await.unwrap().get(0);
        assert_eq!(shown, "20", "the view shows what was sealed");
        let changed = [("transaction_changed".to_owned(), paid.to_string())];
        assert_eq!(books.compared().await, changed);
        assert_eq!(books.found().await, changed);
    })
    .await;
}
