use futures_util::future::join_all;
use tests::cloud::Cloud;
use tokio_postgres::error::SqlState;

use super::merchant::Merchant;
use super::statements::{Posting, failure};

/// The roles that functions log in with.
pub const LOGINS: [&str; 11] = [
    "poster",
    "settler",
    "resumer",
    "registrar",
    "reader",
    "folder",
    "poller",
    "operator",
    "matcher",
    "eraser",
    "auditor",
];
const ENGINES: [&str; 6] = [
    "ledger_engine",
    "ledger_folding",
    "ledger_announcing",
    "ledger_operating",
    "ledger_matching",
    "ledger_proving",
];

/// Every table of the ledger, parents, partitions, and what stands beside them; a column of each that may be set; whether it
/// is a view.
const TABLES: &str = "
    SELECT format('ledger.%I', relname),
           (SELECT attname::text FROM pg_attribute
             WHERE attrelid = pg_class.oid AND attnum > 0 AND attidentity = '' AND NOT attisdropped
             ORDER BY attnum LIMIT 1),
           relkind = 'v'
      FROM pg_class
     WHERE relnamespace = 'ledger'::regnamespace AND relkind IN ('r', 'p', 'v', 'm') ORDER BY 1";

/// The roles whose functions it owns by proxy have policies; inherited, those would open every row to it.
#[tokio::test]
async fn the_owner_sees_and_changes_no_row_of_any_tenant() {
    let cloud = Cloud::running();
    let owner = cloud.as_role("ledger_owner").await;
    let merchant = Merchant::onboard(&cloud).await;
    merchant.buyer(100).await;
    let tenant = format!("SET app.tenant_id = '{}'", merchant.tenant);
    for setting in ["RESET app.tenant_id", &tenant] {
        owner.batch_execute(setting).await.unwrap();
        for table in [
            "accounts",
            "ledger_transactions",
            "ledger_entries",
            "balance_tail",
            "balance_checkpoints",
            "outbox",
            "settlements",
            "freezes",
            "resolution_proposals",
            "resolutions",
            "corrections",
            "statements",
            "statement_matches",
            "breaks",
            "break_assignments",
        ] {
            let sql = format!("SELECT count(*) FROM ledger.{table}");
            let seen: i64 = owner.query_one(&sql, &[]).await.unwrap().get(0);
            assert_eq!(seen, 0, "{table} after {setting}");
        }
        let lower = "UPDATE ledger.accounts SET floor = -1";
        assert_eq!(owner.execute(lower, &[]).await.unwrap(), 0);
        assert_eq!(owner.execute("DELETE FROM ledger.balance_tail", &[]).await.unwrap(), 0);
    }
}

#[tokio::test]
async fn a_function_s_role_reads_and_writes_no_table() {
    let cloud = Cloud::running();
    let superuser = cloud.superuser().await;
    let tables = superuser.query(TABLES, &[]).await.unwrap();
    assert!(tables.len() > 2 * 120);
    for role in LOGINS {
        let client = cloud.as_role(role).await;
        // The role's own default must not be what stops it.
        let writable = "SET default_transaction_read_only = off";
        client.batch_execute(writable).await.unwrap();
        for row in &tables {
            let (table, column, is_view): (String, String, bool) = (row.get(0), row.get(1), row.get(2));
            let is_partition = table.contains("ledger_entries_") || table.contains("ledger_transactions_");
            let read = format!("SELECT FROM {table}");
            if role == "auditor" && !is_partition {
                client.batch_execute(&read).await.unwrap();
            } else {
                assert_eq!(failure(&client, &read).await, "42501", "{role}: {read}");
            }
            // Nothing can be written through a view of a join, whoever tries.
            if table == "ledger.leaves" {
                continue;
            }
            for write in [
                format!("INSERT INTO {table} DEFAULT VALUES"),
                format!("UPDATE {table} SET {column} = NULL"),
                format!("DELETE FROM {table}"),
                format!("TRUNCATE {table}"),
            ] {
                // Nobody writes to a view, with whatever rights: that is told first.
                let refused: &[&str] = if is_view { &["55000", "42809"] } else { &["42501"] };
                assert!(refused.contains(&&*failure(&client, &write).await), "{role}: {write}");
            }
        }
        // Nor may it become a role that does.
        for engine in ENGINES.into_iter().chain(["ledger_owner", &cloud.postgres.superuser]) {
            let become_it = format!("SET ROLE {engine}");
            let name = failure(&client, &become_it).await;
            assert!(["42501", "22023"].contains(&&*name), "{role}: {become_it}");
        }
    }
}

#[tokio::test]
async fn the_auditor_reads_every_tenant_s_money() {
    let cloud = Cloud::running();
    let (auditor, poster) = (cloud.as_role("auditor").await, cloud.pooled_as("poster").await);
    for _ in 0..2 {
        let merchant = Merchant::onboard(&cloud).await;
        let buyer = merchant.buyer(10).await;
        let till = merchant.till().await;
        merchant.payment(buyer, till, 4).decide(&poster).await;
        for (table, rows) in [
            ("accounts", 6_i64),
            ("merchants", 1),
            ("ledger_transactions", 2),
            ("ledger_entries", 4),
            ("outbox", 2),
        ] {
            let sql = format!("SELECT count(*) FROM ledger.{table} WHERE tenant_id = $1");
            let row = auditor.query_one(&sql, &[&merchant.tenant]).await.unwrap();
            assert_eq!(row.get::<_, i64>(0), rows, "{table}");
        }
    }
}

#[tokio::test]
async fn every_role_that_logs_in_and_reaches_the_ledger_is_known_here() {
    let sql = "SELECT rolname::text FROM pg_roles
                WHERE rolcanlogin AND NOT rolsuper AND rolname <> 'ledger_owner' AND has_schema_privilege(oid, 'ledger', 'USAGE') ORDER BY 1";
    let rows = Cloud::running().superuser().await.query(sql, &[]).await.unwrap();
    let found: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    let mut known = LOGINS.to_vec();
    known.sort_unstable();
    assert_eq!(found, known);
}

/// Who is gone cannot cancel what it began, and the proxy passes no such request on: the server ends it. A limit of the role's
/// own, because to set one would pin the session.
#[tokio::test]
async fn every_role_that_logs_in_has_a_limit_for_its_statements_and_is_held_to_it() {
    let cloud = Cloud::running();
    for function in cloud.functions.values() {
        let role = function.environment.get("DATABASE_USER");
        assert!(role.is_none_or(|role| LOGINS.contains(&role.as_str())), "{role:?}");
    }
    let held = LOGINS.map(async |role| {
        let client = cloud.pooled_as(role).await;
        let limit = "SELECT current_setting('statement_timeout')";
        let rows = client.query_typed(limit, &[]).await.unwrap();
        let limit: String = rows[0].get(0);
        // A night's work takes longer, and nobody waits for it.
        assert_eq!(limit, if role == "auditor" { "1min" } else { "4s" }, "{role}");
        if role != "auditor" {
            let late = client.query_typed("SELECT pg_sleep(60)::text", &[]).await.unwrap_err();
            assert_eq!(late.code().map(SqlState::code), Some("57014"), "{role}: {late}");
        }
    });
    join_all(held).await;
}

#[tokio::test]
async fn no_role_of_a_function_owns_anything_or_may_pass_a_policy() {
    let cloud = Cloud::running();
    let superuser = cloud.superuser().await;
    let sql = "
        SELECT r.rolname, (SELECT count(*) FROM pg_shdepend d
                            WHERE d.refclassid = 'pg_authid'::regclass AND d.refobjid = r.oid AND d.deptype = 'o'),
               r.rolsuper OR r.rolbypassrls OR r.rolcreaterole OR r.rolcreatedb OR r.rolreplication,
               (SELECT count(*) FROM pg_auth_members m WHERE m.member = r.oid),
               r.rolcanlogin
          FROM pg_roles r WHERE r.rolname = ANY ($1)";
    let logins = superuser.query(sql, &[&LOGINS.as_slice()]).await.unwrap();
    assert_eq!(logins.len(), LOGINS.len());
    for row in logins {
        let role: String = row.get(0);
        assert_eq!(row.get::<_, i64>(1), 0, "{role} owns something");
        assert!(!row.get::<_, bool>(2), "{role} has an attribute");
        assert_eq!(row.get::<_, i64>(3), 0, "{role} is a member of a role");
    }
    // The engines own their functions, nothing that holds rows, and nobody logs in as one.
    let engines = superuser.query(sql, &[&ENGINES.as_slice()]).await.unwrap();
    assert_eq!(engines.len(), ENGINES.len());
    for row in engines {
        let role: String = row.get(0);
        assert!(!row.get::<_, bool>(2) && !row.get::<_, bool>(4), "{role}");
    }
    let sql = "SELECT count(*) FROM pg_class WHERE relowner <> 'ledger_owner'::regrole AND relnamespace = 'ledger'::regnamespace";
    let row = superuser.query_one(sql, &[]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0), 0, "the owner alone owns tables");
}

#[tokio::test]
async fn the_engine_sees_one_tenant_s_rows_or_none() {
    let cloud = Cloud::running();
    let poster = cloud.pooled_as("poster").await;
    let mut tenants = Vec::new();
    for _ in 0..2 {
        let merchant = Merchant::onboard(&cloud).await;
        let (buyer, till) = (merchant.buyer(10).await, merchant.till().await);
        merchant.payment(buyer, till, 4).decide(&poster).await;
        tenants.push(merchant.tenant);
    }

    let engine = cloud.superuser().await;
    engine.batch_execute("SET ROLE ledger_engine").await.unwrap();
    for (table, theirs) in [
        ("merchants", 1_i64),
        ("accounts", 6),
        ("ledger_transactions", 2),
        ("ledger_entries", 4),
    ] {
        let all = format!("SELECT count(*), count(DISTINCT tenant_id) FROM ledger.{table}");
        engine.batch_execute("RESET app.tenant_id; BEGIN").await.unwrap();
        let row = engine.query_one(&all, &[]).await.unwrap();
        assert_eq!(row.get::<_, i64>(0), 0, "{table} without a tenant");
        for tenant in &tenants {
            let set = format!("SET LOCAL app.tenant_id = '{tenant}'");
            engine.batch_execute(&set).await.unwrap();
            let row = engine.query_one(&all, &[]).await.unwrap();
            assert_eq!(row.get::<_, i64>(0), theirs, "{table}");
            assert_eq!(row.get::<_, i64>(1), 1, "{table}");
        }
        engine.batch_execute("COMMIT").await.unwrap();
        let row = engine.query_one(&all, &[]).await.unwrap();
        assert_eq!(row.get::<_, i64>(0), 0, "{table} after the transaction");
    }
}

/// Of each login, all that it may call.
const CALLABLE: [(&str, &[&str]); 11] = [
    ("poster", &["post"]),
    (
        "settler",
        &[
            "await_decision",
            "burn_steps",
            "mark_limbo",
            "park",
            "resolve_step",
            "settle_step",
            "settlement",
            "undo_step",
        ],
    ),
    ("resumer", &["lease_lapsed", "settlements_health"]),
    ("registrar", &["onboard_merchant", "open_account"]),
    (
        "reader",
        &[
            "account",
            "account_entries",
            "corrections_of",
            "leaves_of",
            "settlement",
            "settlements",
            "transaction",
        ],
    ),
    ("folder", &["accounts_to_fold", "fold"]),
    (
        "poller",
        &[
            "count_failures",
            "dead_letters_to_queue",
            "give_back",
            "lease_outbox",
            "mark_published",
            "mark_queued",
            "outbox_health",
            "remove_published",
        ],
    ),
    (
        "operator",
        &[
            "approve_resolution",
            "assign_break",
            "breaks_page",
            "dead_letter",
            "dead_letters",
            "freeze_account",
            "freezes_of",
            "halt_postings",
            "halts_that_hold",
            "inspect_break",
            "inspect_settlement",
            "propose_resolution",
            "resolve_break",
            "resolve_dead_letter",
            "resume_postings",
            "stop_settlement",
            "unfinished_settlements",
            "unfreeze_account",
        ],
    ),
    (
        "matcher",
        &[
            "statement_due",
            "statement_named",
            "statement_standing",
            "take_statement",
        ],
    ),
    ("eraser", &["record_compliance"]),
    (
        "auditor",
        &[
            "balance_of",
            "compare_balances",
            "current_tenant",
            "moment",
            "prove_balances",
            "record_proof",
            "refuse",
        ],
    ),
];

#[tokio::test]
async fn each_role_calls_its_own_functions_and_everybody_none() {
    let cloud = Cloud::running();
    let superuser = cloud.superuser().await;
    let public = "
        SELECT p.proname::text FROM pg_proc p,
               LATERAL aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
         WHERE p.pronamespace = 'ledger'::regnamespace AND a.grantee = 0";
    let rows = superuser.query(public, &[]).await.unwrap();
    let names: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert!(names.is_empty(), "PUBLIC may call {names:?}");

    let callable = "
        SELECT p.proname::text FROM pg_proc p
         WHERE p.pronamespace = 'ledger'::regnamespace AND has_function_privilege($1, p.oid, 'EXECUTE') ORDER BY 1";
    for (role, functions) in CALLABLE {
        let rows = superuser.query(callable, &[&role]).await.unwrap();
        let names: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        assert_eq!(names, functions, "{role}");
    }
    let public = "SELECT has_schema_privilege('poster', 'ledger', 'CREATE')";
    assert!(!superuser.query_one(public, &[]).await.unwrap().get::<_, bool>(0));
}

#[tokio::test]
async fn only_the_poster_posts() {
    let cloud = Cloud::running();
    let merchant = Merchant::onboard(&cloud).await;
    let (buyer, till) = (merchant.buyer(10).await, merchant.till().await);
    let posting: Posting = merchant.payment(buyer, till, 1);
    for role in LOGINS.into_iter().filter(|role| *role != "poster") {
        let client = cloud.pooled_as(role).await;
        assert_eq!(posting.refused(&client).await, "42501", "{role}");
    }
    let poster = cloud.pooled_as("poster").await;
    assert_eq!(posting.decide(&poster).await.verdict, "recorded");
}
