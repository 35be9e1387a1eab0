//! What the database itself keeps, whoever writes.

use domain::statement::breaks::BreakKind;
use domain::statement::line::Defect;
use tests::cloud::Cloud;
use tokio_postgres::Client;
use uuid::Uuid;

use crate::ledger::scratch::in_scratch_database;
use crate::ledger::statements::failure;

const STATEMENT: &str = "
    INSERT INTO ledger.statements (provider, object, sha256, period_from, period_to, every_days, matched, other)
    VALUES ('acme', 'acme/2026-05-22.csv', sha256('1'), '2026-05-22Z', '2026-05-23Z', 1, 0, 0)";
const BREAK: &str = "
    INSERT INTO ledger.breaks (statement_id, provider, kind, line, reference, theirs_amount, theirs_currency, theirs_date)
    VALUES (1, 'acme', 'missing_here', 2, 'x', 100, 'EUR', '2026-05-22')";

/// A file with one break, as nobody but the superuser can write it by hand.
async fn with_a_break(scratch: &Cloud) -> Client {
    let superuser = scratch.superuser().await;
    superuser.batch_execute(&format!("{STATEMENT};{BREAK}")).await.unwrap();
    superuser
}

#[tokio::test]
async fn what_was_found_stays_as_it_was_found() {
    in_scratch_database(async |scratch| {
        let superuser = with_a_break(&scratch).await;
        for replica in ["origin", "replica"] {
            superuser
                .batch_execute(&format!("SET session_replication_role = {replica}"))
                .await
                .unwrap();
            for (sql, guard) in [
                ("DELETE FROM ledger.breaks", "append_only"),
                ("TRUNCATE ledger.breaks CASCADE", "append_only"),
                ("UPDATE ledger.breaks SET theirs_amount = 1", "break_stands"),
                (
                    "UPDATE ledger.breaks SET opened_at = now() - interval '1 day'",
                    "break_stands",
                ),
                ("UPDATE ledger.statements SET matched = 7", "append_only"),
                ("DELETE FROM ledger.statements", "append_only"),
                ("DELETE FROM ledger.statement_matches", "append_only"),
                ("DELETE FROM ledger.break_assignments", "append_only"),
            ] {
                assert_eq!(failure(&superuser, sql).await, guard, "{replica}: {sql}");
            }
        }
        let resolve = "UPDATE ledger.breaks SET resolved_at = now(), resolved_by = 'ada', resolution = 'seen'";
        superuser.batch_execute(resolve).await.unwrap();
        for sql in [
            resolve,
            "UPDATE ledger.breaks SET resolved_at = NULL, resolved_by = NULL, resolution = NULL",
            "UPDATE ledger.breaks SET resolution = 'otherwise'",
        ] {
            assert_eq!(failure(&superuser, sql).await, "break_stands", "{sql}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_break_is_whole_or_none() {
    in_scratch_database(async |scratch| {
        let superuser = with_a_break(&scratch).await;
        for (change, constraint) in [
            ("kind = 'odd'", "breaks_kind_known"),
            ("kind = 'unreadable'", "breaks_line_whole"),
            ("kind = 'missing_there'", "breaks_line_whole"),
            ("kind = 'amount_differs'", "breaks_ours_whole"),
            ("reference = NULL", "breaks_theirs_whole"),
            ("ledger_key = gen_random_uuid()", "breaks_ours_whole"),
            ("resolved_at = now()", "breaks_resolved_whole"),
            ("resolved_by = 'ada'", "breaks_resolved_whole"),
            ("resolved_in = 1", "breaks_resolved_whole"),
            (
                "resolved_at = now(), resolved_by = 'ada', resolution = ' '",
                "breaks_resolution_given",
            ),
        ] {
            let sql = format!(
                "BEGIN; ALTER TABLE ledger.breaks DISABLE TRIGGER break_stands; UPDATE ledger.breaks SET {change}"
            );
            assert_eq!(failure(&superuser, &sql).await, constraint, "{change}");
            superuser.batch_execute("ROLLBACK").await.unwrap();
        }
        let again = failure(&superuser, STATEMENT).await;
        assert_eq!(again, "statements_once");
        let key = Uuid::new_v4();
        let matched = format!("INSERT INTO ledger.statement_matches VALUES ('{key}', 1, 2, 'acme')");
        superuser.batch_execute(&matched).await.unwrap();
        assert_eq!(failure(&superuser, &matched).await, "matches_once");
    })
    .await;
}

#[tokio::test]
async fn the_ledger_knows_every_kind_and_defect_that_the_domain_knows() {
    in_scratch_database(async |scratch| {
        let superuser = scratch.superuser().await;
        let definition = |name: &'static str| {
            let sql = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = $1";
            let superuser = &superuser;
            async move { superuser.query_one(sql, &[&name]).await.unwrap().get::<_, String>(0) }
        };
        let written = |names: Vec<&str>| {
            let quoted: Vec<_> = names.into_iter().map(|name| format!("'{name}'::text")).collect();
            format!("ARRAY[{}]", quoted.join(", "))
        };
        let kinds = written(BreakKind::ALL.map(BreakKind::as_str).to_vec());
        assert!(definition("breaks_kind_known").await.contains(&kinds), "{kinds}");
        let defects = written(Defect::ALL.map(Defect::as_str).to_vec());
        assert!(definition("breaks_defect_known").await.contains(&defects), "{defects}");
    })
    .await;
}

/// A period is found by its time: an hour costs what an hour holds, whatever lies before and after it.
#[tokio::test]
async fn an_hour_is_read_without_its_history() {
    in_scratch_database(async |scratch| {
        let superuser = scratch.superuser().await;
        let fill = "
            INSERT INTO ledger.ledger_transactions
                   (ledger_key, tenant_id, amount, created_at, source, destination, answer_version, currency, kind, outcome, fingerprint, details)
            SELECT ('00' || substr(k, 3))::uuid, gen_random_uuid(), 100, timestamptz '2026-05-01Z' + n * interval '20 seconds',
                   gen_random_uuid(), gen_random_uuid(), 1, 'EUR', 'payment', 'posted', sha256(k::bytea), '{}'
              FROM generate_series(1, 120000) n, LATERAL (SELECT gen_random_uuid()::text AS k WHERE n > 0) made";
        superuser.batch_execute(fill).await.unwrap();
        superuser.batch_execute("VACUUM ANALYZE ledger.ledger_transactions_untimed").await.unwrap();
        let explain = "
            EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON)
            SELECT * FROM ledger.statement_due('acme', '{payment}', '{}', '{}', '2026-05-22 12:00Z', '2026-05-22 13:00Z', 1000)";
        // The first call reads the catalog as well.
        superuser.query_one(explain, &[]).await.unwrap();
        let plan: serde_json::Value = superuser.query_one(explain, &[]).await.unwrap().get(0);
        let plan = &plan[0]["Plan"];
        assert_eq!(plan["Actual Rows"].as_i64(), Some(180), "{plan}");
        let read = plan["Shared Hit Blocks"].as_u64().unwrap() + plan["Shared Read Blocks"].as_u64().unwrap();
        let all: i64 = superuser
            .query_one("SELECT pg_relation_size('ledger.ledger_transactions_untimed') / 8192", &[])
            .await
            .unwrap()
            .get(0);
        println!("an hour of 180 rows took {read} pages of {all}");
        assert!(read < u64::try_from(all).unwrap() / 4, "{read} of {all} pages");
    })
    .await;
}
