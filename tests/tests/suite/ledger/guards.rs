//! The guards of the ledger's own tables hold for any writer's DML: the owner, the superuser, and either of them playing a
//! replica.

use tests::cloud::Cloud;
use tokio_postgres::Client;
use uuid::Uuid;

use super::merchant::Merchant;
use super::scratch::in_scratch_database;
use super::statements::{entries_under, failure, sum_of_entries, untimed_key};

/// The ledger's tables and every partition of them, schema and all.
async fn ledger_tables(superuser: &Client) -> Vec<String> {
    let sql = "
        SELECT format('ledger.%I', c.relname) FROM pg_class c
         WHERE c.oid IN ('ledger.ledger_transactions'::regclass, 'ledger.ledger_entries'::regclass)
            OR c.oid IN (SELECT inhrelid FROM pg_inherits
                          WHERE inhparent IN ('ledger.ledger_transactions'::regclass, 'ledger.ledger_entries'::regclass))
         ORDER BY c.relname";
    let rows = superuser.query(sql, &[]).await.unwrap();
    let tables: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert!(tables.len() > 2 * 120, "ten years of months: {}", tables.len());
    tables
}

/// An entry as SQL values, in the order of [`COLUMNS`].
fn entry(key: Uuid, account: Uuid, entry_type: &str, amount: i64) -> String {
    format!("('{account}', '{key}', '{entry_type}', {amount}, 'EUR', '{key}', '{account}')")
}

const COLUMNS: &str = "(account_id, transaction_id, entry_type, amount, currency, idempotency_key, tenant_id)";

/// A connection for each writer that policies and grants do not stop, or not before the guards do.
async fn writers(cloud: &Cloud) -> Vec<(&'static str, Client)> {
    let replica = cloud.superuser().await;
    let play = "SET session_replication_role = replica";
    replica.batch_execute(play).await.unwrap();
    vec![
        ("owner", cloud.as_role("ledger_owner").await),
        ("superuser", cloud.superuser().await),
        ("superuser as a replica", replica),
    ]
}

/// What the decisions rest on may change, but is never emptied at one stroke, which row-level security would not stop.
#[tokio::test]
async fn nobody_truncates_accounts_tails_or_the_outbox() {
    in_scratch_database(async |cloud: Cloud| {
        for (writer, client) in writers(&cloud).await {
            for table in ["accounts", "balance_tail", "outbox"] {
                let name = failure(&client, &format!("TRUNCATE ledger.{table}")).await;
                assert_eq!(name, "append_only", "{writer}: {table}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn money_never_moves_from_an_account_to_itself() {
    let cloud = Cloud::running();
    let poster = cloud.pooled_as("poster").await;
    let merchant = Merchant::onboard(&cloud).await;
    let buyer = merchant.buyer(10).await;
    let payment = merchant.payment(buyer, buyer, 1);
    assert!(payment.refused(&poster).await.ends_with("transactions_two_accounts"));
}

/// In a database of its own: a TRUNCATE waits for every transaction on its table before it is refused.
#[tokio::test]
async fn nobody_changes_or_removes_a_row_of_the_ledger_or_of_any_partition() {
    in_scratch_database(async |cloud: Cloud| {
        let mut tables = ledger_tables(&cloud.superuser().await).await;
        tables.push("ledger.balance_checkpoints".to_owned());
        for (writer, client) in writers(&cloud).await {
            for table in &tables {
                for statement in changes(table) {
                    let name = failure(&client, &statement).await;
                    assert_eq!(name, "append_only", "{writer}: {statement}");
                }
            }
            let all = "TRUNCATE ledger.ledger_transactions, ledger.ledger_entries CASCADE";
            assert_eq!(failure(&client, all).await, "append_only", "{writer}");
        }
    })
    .await;
}

/// Every kind of statement that could change or remove a row; none of them needs to find one.
fn changes(table: &str) -> [String; 6] {
    let merge =
        format!("MERGE INTO {table} t USING (SELECT gen_random_uuid() id) s ON t.tenant_id = s.id WHEN MATCHED THEN");
    [
        format!("UPDATE {table} SET tenant_id = tenant_id"),
        format!("UPDATE {table} SET tenant_id = tenant_id WHERE false"),
        format!("DELETE FROM {table}"),
        format!("TRUNCATE {table}"),
        format!("{merge} UPDATE SET tenant_id = s.id"),
        format!("{merge} DELETE"),
    ]
}

/// The owner cannot even write a balanced pair: forced row-level security hides the ledger from it.
#[tokio::test]
async fn the_owner_writes_no_entry_at_all() {
    let cloud = Cloud::running();
    let owner = cloud.as_role("ledger_owner").await;
    let superuser = cloud.superuser().await;
    let key = untimed_key();
    let account = Uuid::new_v4();
    let pair = [entry(key, account, "DEBIT", 5), entry(key, Uuid::new_v4(), "CREDIT", 5)].join(", ");
    for table in ["ledger.ledger_entries", "ledger.ledger_entries_untimed"] {
        for values in [&pair, &entry(key, account, "DEBIT", 5)] {
            let insert = format!("INSERT INTO {table} {COLUMNS} VALUES {values}");
            // insufficient_privilege: the policies.
            assert_eq!(failure(&owner, &insert).await, "42501", "{insert}");
        }
        let rows = owner.query(&format!("SELECT FROM {table}"), &[]).await.unwrap();
        assert!(rows.is_empty(), "{table} shows the owner its rows");
    }
    assert_eq!(entries_under(&superuser, key).await, 0);
}

/// The bounds of every partition of the entries: name, least key and the key it ends before (nil for MINVALUE).
async fn partitions(superuser: &Client) -> Vec<(String, Uuid, Uuid)> {
    let sql = r"
        SELECT format('ledger.%I', c.relname),
               coalesce((regexp_match(bound, 'FROM \(''([0-9a-f-]+)''\)'))[1]::uuid,
                        '00000000-0000-0000-0000-000000000000'),
               (regexp_match(bound, 'TO \(''([0-9a-f-]+)''\)'))[1]::uuid
          FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid, pg_get_expr(c.relpartbound, c.oid) bound
         WHERE inhparent = 'ledger.ledger_entries'::regclass
         ORDER BY 2";
    let rows = superuser.query(sql, &[]).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect()
}

#[tokio::test]
async fn an_unbalanced_insert_into_the_ledger_or_any_partition_fails() {
    let cloud = Cloud::running();
    let superuser = cloud.superuser().await;
    let mut targets = partitions(&superuser).await;
    targets.push(("ledger.ledger_entries".to_owned(), untimed_key(), Uuid::max()));
    for (writer, client) in writers(&cloud).await {
        if writer == "owner" {
            continue;
        }
        for (table, key, _) in &targets {
            let (one, two) = (Uuid::new_v4(), Uuid::new_v4());
            let dollars = entry(*key, two, "CREDIT", 5).replace("EUR", "USD");
            for values in [
                entry(*key, one, "DEBIT", 5),
                [entry(*key, one, "DEBIT", 5), entry(*key, two, "CREDIT", 6)].join(", "),
                [entry(*key, one, "CREDIT", 5), entry(*key, two, "CREDIT", 5)].join(", "),
                // Each currency must balance by itself.
                [entry(*key, one, "DEBIT", 5), dollars].join(", "),
            ] {
                let insert = format!("INSERT INTO {table} {COLUMNS} VALUES {values}");
                let name = failure(&client, &insert).await;
                assert_eq!(name, "zero_sum", "{writer}: {insert}");
            }
        }
    }
}

#[tokio::test]
async fn a_repeat_of_an_entry_fails_whoever_writes_it_and_wherever() {
    let cloud = Cloud::running();
    let (poster, superuser) = (cloud.pooled_as("poster").await, cloud.superuser().await);
    let merchant = Merchant::onboard(&cloud).await;
    let (buyer, till) = (merchant.buyer(100).await, merchant.till().await);
    let payment = merchant.payment(buyer, till, 10);
    payment.decide(&poster).await;

    for (writer, client) in writers(&cloud).await {
        if writer == "owner" {
            continue;
        }
        for table in ["ledger.ledger_entries", "ledger.ledger_entries_untimed"] {
            let pair = [
                entry(payment.key, buyer, "DEBIT", 3),
                entry(payment.key, Uuid::new_v4(), "CREDIT", 3),
            ]
            .join(", ");
            let insert = format!("INSERT INTO {table} {COLUMNS} VALUES {pair}");
            let name = failure(&client, &insert).await;
            assert!(name.ends_with("entries_once"), "{writer}: {name}");
        }
    }
    assert_eq!(sum_of_entries(&superuser, buyer).await, 90);
}

#[tokio::test]
async fn every_partition_carries_every_guard() {
    let cloud = Cloud::running();
    let superuser = cloud.superuser().await;
    let sql = "
        SELECT c.relrowsecurity AND c.relforcerowsecurity,
               array(SELECT t.tgname::text FROM pg_trigger t
                      WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgenabled = 'A' ORDER BY 1),
               array(SELECT k.conname::text FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype IN ('u', 'p') ORDER BY 1)
          FROM pg_class c WHERE c.oid = $1::text::regclass";
    for table in ledger_tables(&superuser).await {
        let row = superuser.query_one(sql, &[&table]).await.unwrap();
        let (forced, triggers, keys): (bool, Vec<String>, Vec<String>) = (row.get(0), row.get(1), row.get(2));
        assert!(forced, "{table} has no forced row-level security");
        if table.starts_with("ledger.ledger_entries") {
            assert_eq!(triggers, ["append_only", "zero_sum"], "{table}");
            assert!(keys[0].ends_with("entries_once"), "{table}: {keys:?}");
        } else {
            assert_eq!(triggers, ["append_only"], "{table}");
        }
        assert_eq!(keys.len(), 1, "{table}: {keys:?}");
    }
}

/// Ten years from the first month on; a year before they end, this test asks for the next migration.
#[tokio::test]
async fn partitions_cover_ten_years_without_a_gap_and_without_a_default() {
    let cloud = Cloud::running();
    let superuser = cloud.superuser().await;
    let ends = partitions(&superuser).await;
    assert!(ends[0].1.is_nil() && ends[0].0.ends_with("_untimed"));
    for pair in ends.windows(2) {
        assert_eq!(pair[0].2, pair[1].1, "{} and {}", pair[0].0, pair[1].0);
    }
    let sql = "
        SELECT ledger.least_key_at(greatest('2036-01-01Z', now() + interval '1 year')) <= $1,
               ledger.least_key_at('2026-01-01Z') = $2,
               (SELECT count(*) FROM pg_partitioned_table WHERE partdefid <> 0)";
    let last = ends.last().unwrap();
    let row = superuser.query_one(sql, &[&last.2, &ends[0].2]).await;
    let row = row.unwrap();
    assert!(row.get::<_, bool>(0), "months end before {}", last.2);
    assert!(row.get::<_, bool>(1), "untimed keys end at {}", ends[0].2);
    assert_eq!(row.get::<_, i64>(2), 0, "no default partition");

    // The intents are cut at the same keys.
    let sql = "
        SELECT array_agg(pg_get_expr(c.relpartbound, c.oid) ORDER BY c.relname)
          FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid WHERE inhparent = $1::text::regclass";
    let mut bounds = Vec::new();
    for table in ["ledger.ledger_transactions", "ledger.ledger_entries"] {
        let row = superuser.query_one(sql, &[&table]).await.unwrap();
        bounds.push(row.get::<_, Vec<String>>(0));
    }
    assert_eq!(bounds[0], bounds[1]);
}
