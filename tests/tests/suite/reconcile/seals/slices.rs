//! That a night's reading costs the night and not the history, and that what is read for a seal is what is read for a proof.

use adapters::ledger::audit::slices::SLICE;
use serde_json::Value;

use crate::ledger::merchant::Merchant;
use crate::ledger::scratch::in_scratch_database;

/// How many payments the history has, in as many transactions as there are hundreds of them.
const HISTORY: i64 = 30_000;

#[tokio::test]
async fn a_slice_reads_its_own_pages_and_not_the_history() {
    in_scratch_database(async |cloud| {
        let merchant = Merchant::onboard(&cloud).await;
        let superuser = cloud.superuser().await;
        let history = format!(
            "DO $$ BEGIN FOR batch IN 1..{HISTORY} / 100 LOOP
                WITH keys AS (SELECT ('00' || substr(gen_random_uuid()::text, 3))::uuid AS key FROM generate_series(1, 100)),
                     intents AS (INSERT INTO ledger.ledger_transactions
                        (ledger_key, tenant_id, kind, fingerprint, outcome, source, destination, amount, currency, details, answer_version)
                        SELECT key, '{tenant}', 'payment', sha256('x'), 'posted', '{source}', '{destination}', 1, 'EUR', '{{}}', 1 FROM keys)
                INSERT INTO ledger.ledger_entries (account_id, transaction_id, idempotency_key, entry_type, amount, currency, tenant_id)
                SELECT side.account::uuid, key, key, side.of::ledger.ledger_entry_type, 1, 'EUR', '{tenant}'
                  FROM keys, (VALUES ('{source}', 'DEBIT'), ('{destination}', 'CREDIT')) AS side (account, of);
                COMMIT;
             END LOOP; END $$",
            tenant = merchant.tenant,
            source = merchant.externals[0],
            destination = merchant.till().await,
        );
        superuser.batch_execute(&history).await.unwrap();
        superuser.batch_execute("VACUUM ANALYZE ledger.ledger_entries").await.unwrap();
        superuser.batch_execute("ANALYZE ledger.ledger_transactions").await.unwrap();
        let from: i64 = superuser
            .query_one("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint", &[])
            .await
            .unwrap()
            .get(0);
        merchant.buyer(500).await;

        let auditor = cloud.as_role("auditor").await;
        let slice = format!(
            "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {}",
            SLICE
                .text()
                .replace("$1", &from.to_string())
                .replace("$2", &(from + 1_000_000).to_string())
        );
        let plan: Value = auditor.query_one(&slice, &[]).await.unwrap().get(0);
        let top = &plan[0]["Plan"];
        assert_eq!(top["Actual Rows"], 2, "the deposit's two entries: {plan}");
        let read = top["Shared Hit Blocks"].as_i64().unwrap() + top["Shared Read Blocks"].as_i64().unwrap();
        let history: i64 = superuser
            .query_one("SELECT (sum(pg_relation_size(relid)) / 8192)::bigint FROM pg_partition_tree('ledger.ledger_entries')", &[])
            .await
            .unwrap()
            .get::<_, Option<i64>>(0)
            .unwrap_or_default();
        assert!(read * 2 < history, "{read} pages of {history}: {plan}");
    })
    .await;
}

/// What proofs are made of comes through the view, what is sealed from the tables: both are one text, also of rows that are bent.
#[tokio::test]
async fn the_view_and_the_slice_show_the_same_of_every_row() {
    in_scratch_database(async |cloud| {
        let merchant = Merchant::onboard(&cloud).await;
        for amount in 1..=4 {
            merchant.buyer(amount).await;
        }
        let superuser = cloud.superuser().await;
        let bent = "UPDATE ledger.ledger_entries SET created_at = 'infinity' WHERE amount = 1;
             UPDATE ledger.ledger_entries SET created_at = '0044-03-15 BC' WHERE amount = 2;
             UPDATE ledger.ledger_transactions SET created_at = '-infinity' WHERE amount = 3;
             DELETE FROM ledger.ledger_transactions WHERE amount = 4";
        super::tampering::tampered(&superuser, bent).await;
        let every = format!(
            "({})",
            SLICE.text().replace("$1", "0").replace("$2", "9223372036854775807")
        );
        let view = "(SELECT * FROM ledger.leaves)";
        let sql = format!(
            "SELECT (SELECT count(*) FROM {every} AS s), (SELECT count(*) FROM ({view} EXCEPT ALL {every}) AS d),
                    (SELECT count(*) FROM ({every} EXCEPT ALL {view}) AS d)"
        );
        let row = superuser.query_one(&sql, &[]).await.unwrap();
        assert_eq!(
            (row.get::<_, i64>(0), row.get::<_, i64>(1), row.get::<_, i64>(2)),
            (8, 0, 0)
        );
    })
    .await;
}
