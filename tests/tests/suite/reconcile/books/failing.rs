//! A check that cannot see, or cannot end, is a finding, and hides no other.

use std::time::Duration;

use tests::alarms::breaches;

use super::scene::{Books, Night, settled, setup};
use crate::ledger::scratch::in_scratch_database;

/// Each table, and the checks of the books that cannot do without it.
const NEEDED_BY: [(&str, &[&str]); 16] = [
    ("ledger_entries", &["zero_sum", "balances", "postings", "seals"]),
    ("ledger_transactions", &["postings", "announcements", "seals"]),
    ("accounts", &["zero_sum", "balances", "postings", "floors", "freezes"]),
    ("balance_checkpoints", &["zero_sum", "balances"]),
    ("balance_tail", &["zero_sum", "balances"]),
    ("proved_balances", &["zero_sum", "balances", "floors"]),
    ("outbox", &["announcements", "outbox"]),
    ("published_events", &["announcements"]),
    ("dead_letters", &["announcements", "dead_letters"]),
    ("freezes", &["freezes"]),
    ("statements", &["statements"]),
    ("breaks", &["statements"]),
    ("break_assignments", &["statements"]),
    ("corrections", &["postings"]),
    ("settlements", &["postings", "announcements", "limbo"]),
    ("audit", &["audit"]),
];

#[tokio::test]
async fn where_rows_may_be_hidden_a_check_fails_instead_of_finding_nothing() {
    in_scratch_database(async |cloud| {
        let books = Books::opened(&cloud).await;
        let reconciler = setup(&cloud).start().await.unwrap();
        for (table, checks) in NEEDED_BY {
            let policy = format!("POLICY auditor_reads ON ledger.{table}");
            books.superuser.batch_execute(&format!("DROP {policy}")).await.unwrap();
            let night = Night::of(&reconciler).await;
            assert_eq!(night.failed(), checks, "{table}");
            for check in checks {
                let blind = format!("check_blind {check}");
                assert!(night.findings().contains(&blind), "{table}: {:?}", night.findings());
            }
            let create = format!("CREATE {policy} FOR SELECT TO auditor USING (true)");
            books.superuser.batch_execute(&create).await.unwrap();
        }
        let narrow = "CREATE POLICY narrow ON ledger.outbox AS RESTRICTIVE FOR SELECT USING (id > 5)";
        books.superuser.batch_execute(narrow).await.unwrap();
        assert_eq!(Night::of(&reconciler).await.failed(), ["announcements", "outbox"]);
        books
            .superuser
            .batch_execute("DROP POLICY narrow ON ledger.outbox")
            .await
            .unwrap();
        assert_eq!(Night::of(&reconciler).await.failed(), [""; 0]);
        breaches(&cloud, "ChecksFailed", &reconciler).await;
    })
    .await;
}

/// As after a restore from too old a backup, or a TRUNCATE past the guards.
#[tokio::test]
async fn where_rows_were_and_none_are_a_check_fails_instead_of_finding_nothing() {
    for (table, checks) in [
        ("ledger_entries", &["zero_sum", "balances", "postings", "seals"][..]),
        ("ledger_transactions", &["postings", "announcements", "seals"]),
    ] {
        in_scratch_database(async move |cloud| {
            let books = Books::opened(&cloud).await;
            let reconciler = setup(&cloud).start().await.unwrap();
            settled(&cloud).await;
            assert_eq!(Night::of(&reconciler).await.failed(), [""; 0]);
            books.tamper(&format!("DELETE FROM ledger.{table}")).await;
            assert_eq!(Night::of(&reconciler).await.failed(), checks, "{table}");
        })
        .await;
    }
}

#[tokio::test]
async fn balances_are_not_proved_through_eyes_that_are_shut() {
    in_scratch_database(async |cloud| {
        let books = Books::opened(&cloud).await;
        let shut = "DROP POLICY proving_reads ON ledger.ledger_entries";
        books.superuser.batch_execute(shut).await.unwrap();
        let night = Night::alone(&cloud).await;
        assert_eq!(night.failed(), ["balances"]);
        let proofs = books.superuser.query("SELECT FROM ledger.proofs", &[]).await.unwrap();
        assert!(proofs.is_empty(), "what one check could not look at is looked at again");
    })
    .await;
}

#[tokio::test]
async fn a_check_that_takes_longer_than_its_budget_is_stopped_and_the_others_go_on() {
    in_scratch_database(async |cloud| {
        let books = Books::opened(&cloud).await;
        let superuser = &books.superuser;
        superuser
            .batch_execute("BEGIN; LOCK TABLE ledger.freezes")
            .await
            .unwrap();
        // Past the pooler, which ends statements before this budget does.
        let (host, port) = (&cloud.postgres.address.host, cloud.postgres.address.port);
        let setup = setup(&cloud).set("DATABASE_HOST", host).set("DATABASE_PORT", port);
        let night = Night::of(&setup.start().await.unwrap()).await;
        superuser.batch_execute("COMMIT").await.unwrap();
        assert_eq!(night.failed(), ["freezes"]);
        assert_eq!(night.findings(), ["check_over_budget freezes"]);
        let took = Duration::from_millis(night.section("freezes")["took_ms"].as_u64().unwrap());
        assert!(
            took >= Duration::from_secs(10) && took < Duration::from_secs(20),
            "{took:?}"
        );
        assert!(night.count("partitions", "months") > 100, "it comes after the freezes");
    })
    .await;
}

#[tokio::test]
async fn numbers_that_began_anew_are_not_passed_over() {
    in_scratch_database(async |cloud| {
        let books = Books::opened(&cloud).await;
        let moved = "INSERT INTO ledger.proofs (from_transaction, to_transaction, began_at)
                     VALUES (1, 1000000000000, now())";
        books.superuser.batch_execute(moved).await.unwrap();
        let night = Night::alone(&cloud).await;
        assert_eq!(
            night.failed(),
            ["zero_sum", "balances", "postings", "announcements", "audit", "floors"]
        );
        let why = night.section("zero_sum")["failed"].as_str().unwrap();
        assert!(why.contains("its numbers began anew"), "{why}");
    })
    .await;
}

#[tokio::test]
async fn without_months_to_come_it_says_so() {
    in_scratch_database(async |cloud| {
        let books = Books::opened(&cloud).await;
        let drop = "DO $$ DECLARE t regclass; BEGIN
            FOR t IN SELECT inhrelid FROM pg_inherits
                      WHERE inhparent IN ('ledger.ledger_entries'::regclass, 'ledger.ledger_transactions'::regclass)
                        AND inhrelid::regclass::text ~ 'y(2028|2029|203.)m' LOOP
                EXECUTE 'DROP TABLE ' || t;
            END LOOP; END $$";
        books.superuser.batch_execute(drop).await.unwrap();
        let night = Night::alone(&cloud).await;
        let months = night.count("partitions", "months");
        assert!(months < 26, "{months}");
    })
    .await;
}
