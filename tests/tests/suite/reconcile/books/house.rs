//! What should not last: each is found, and named as severe as it is.

use serde_json::{Value, json};

use super::scene::{Books, Night, settled, setup};
use crate::ledger::scratch::in_scratch_database;

/// One after the other, in one ledger: the check, what becomes of the ledger, and what is found then.
const CASES: [(&str, &str, &str); 18] = [
    ("outbox", "UPDATE ledger.outbox SET written_at = now() - interval '10 minutes'", "warning outbox_late outbox"),
    ("outbox", "UPDATE ledger.outbox SET written_at = now() - interval '2 hours'", "critical outbox_late outbox"),
    (
        "dead_letters",
        "INSERT INTO ledger.dead_letters (id, tenant_id, ledger_key, sequence, attempts, event_type, last_error)
         VALUES (7, $tenant, $payment, 1, 9, 'payment.posted.v1', 'no')",
        "warning dead_letter_open 7",
    ),
    (
        "floors",
        "UPDATE ledger.accounts SET floor = 1000 WHERE account_id = $buyer",
        "notice account_below_floor $buyer",
    ),
    (
        "limbo",
        "INSERT INTO ledger.settlements (settlement_id, tenant_id, buyer, escrow, merchant, platform, amount, fee, action_keys, currency,
                                         status, limbo_at, limbo_cause)
         VALUES ($payment, $tenant, $buyer, $till, $till, $till, 1, 0, array_fill($payment::uuid, ARRAY[9]), 'EUR', 'limbo', now(), 'x')",
        "notice limbo $payment",
    ),
    (
        "limbo",
        "UPDATE ledger.settlements SET limbo_at = now() - interval '25 hours'",
        "warning limbo_for_days $payment",
    ),
    (
        "freezes",
        "UPDATE ledger.accounts SET frozen_at = now() WHERE account_id = $till",
        "critical frozen_without_freeze $till",
    ),
    (
        "freezes",
        "INSERT INTO ledger.freezes (account_id, tenant_id, cause, frozen_by, reason) VALUES ($till, $tenant, 'operator', 'anna', 'x')",
        "notice frozen $till",
    ),
    (
        "freezes",
        "UPDATE ledger.freezes SET since = now() - interval '8 days'",
        "warning frozen_for_long $till",
    ),
    (
        "freezes",
        "UPDATE ledger.accounts SET frozen_at = NULL WHERE account_id = $till",
        "critical freeze_without_effect $till",
    ),
    (
        "statements",
        "INSERT INTO ledger.statements (period_from, period_to, matched, other, every_days, sha256, provider, object)
         VALUES (now() - interval '3 days', now() - interval '2 days 1 minute', 0, 0, 1, sha256('a'), 'acme', 'acme/a.csv')",
        "warning statement_late acme",
    ),
    (
        "statements",
        "INSERT INTO ledger.statements (period_from, period_to, matched, other, every_days, sha256, provider, object)
         VALUES (now() - interval '2 days', now() - interval '2 days' + interval '1 minute', 0, 0, 1, sha256('b'), 'acme', 'acme/b.csv')",
        "",
    ),
    (
        "statements",
        "INSERT INTO ledger.breaks (statement_id, line, kind, provider, reference, theirs_amount, theirs_currency, theirs_date)
         VALUES (1, 2, 'missing_here', 'acme', 'x', 1, 'EUR', '2026-01-01')",
        "notice break_open 1",
    ),
    (
        "statements",
        "ALTER TABLE ledger.breaks DISABLE TRIGGER USER; UPDATE ledger.breaks SET opened_at = now() - interval '73 hours'",
        "warning break_open_for_days 1",
    ),
    (
        "statements",
        "UPDATE ledger.breaks SET resolved_at = now(), resolved_by = 'anna', resolution = 'x'",
        "",
    ),
    ("partitions", "$keep 300 days", "warning months_run_out ledger_entries"),
    ("partitions", "$keep 60 days", "critical months_run_out ledger_entries"),
    // The last: nothing is posted behind it.
    (
        "freezes",
        "INSERT INTO ledger.halts (scope, since, halted_by, reason) VALUES ($tenant, now(), 'anna', 'x')",
        "warning halted $tenant",
    ),
];

/// Drops the months that begin later than that.
const DROP_MONTHS: &str = "DO $do$ DECLARE v text; BEGIN
    FOR v IN SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
              WHERE i.inhparent = 'ledger.ledger_entries'::regclass
                AND c.relname ~ '_y[0-9]{4}m[0-9]{2}$' AND to_date(right(c.relname, 8), '\"y\"YYYY\"m\"MM') > now() + interval '$keep'
    LOOP EXECUTE format('DROP TABLE ledger.%I', v); END LOOP; END $do$";

/// What a check says: severity, kind and subject.
fn found(night: &Night, check: &str) -> Vec<String> {
    let section = night.section(check);
    assert_eq!(section["failed"], Value::Null, "{section}");
    let findings = section["findings"].as_array().unwrap().iter();
    let text = |finding: &Value, name: &str| finding[name].as_str().unwrap().to_owned();
    findings
        .map(|finding| {
            ["severity", "what", "subject"]
                .map(|name| text(finding, name))
                .join(" ")
        })
        .collect()
}

#[tokio::test]
async fn what_lasts_too_long_is_found() {
    in_scratch_database(async |cloud| {
        let books = Books::opened(&cloud).await;
        let reconciler = setup(&cloud).start().await.unwrap();
        settled(&cloud).await;
        let night = Night::of(&reconciler).await;
        for (check, _, _) in CASES {
            assert_eq!(found(&night, check), [""; 0], "{check}");
        }
        let poster = cloud.pooled_as("poster").await;
        for (check, sql, expected) in CASES {
            // Floors are looked at where money moved.
            books.merchant.deposit(books.buyer, 1).decide(&poster).await;
            settled(&cloud).await;
            let sql = match sql.strip_prefix("$keep ") {
                Some(keep) => DROP_MONTHS.replace("$keep", keep),
                None => sql.to_owned(),
            };
            books.tamper(&sql).await;
            let named = [
                ("$payment", books.payment),
                ("$buyer", books.buyer),
                ("$till", books.till),
                ("$tenant", books.merchant.tenant),
            ];
            let expected = named.iter().fold(expected.to_owned(), |text, (name, id)| {
                text.replace(name, &id.to_string())
            });
            let told = found(&Night::of(&reconciler).await, check);
            let is_told = if expected.is_empty() {
                told.is_empty()
            } else {
                told.contains(&expected)
            };
            assert!(is_told, "{check}, {sql}: {told:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_message_in_a_queue_for_what_failed_is_found() {
    in_scratch_database(async |cloud| {
        let books = Books::opened(&cloud).await;
        let name = format!("dead-{}", books.payment);
        let script = r#"
sqs = client("sqs")
told = sqs.create_queue(QueueName=given)["QueueUrl"]
"#;
        let queue = cloud.ask(script, &json!(name)).await;
        let reconciler = setup(&cloud)
            .set("DEAD_LETTER_QUEUES", queue.as_str().unwrap())
            .start()
            .await
            .unwrap();
        assert_eq!(found(&Night::of(&reconciler).await, "dead_letters"), [""; 0]);
        let script = r#"client("sqs").send_message(QueueUrl=given, MessageBody="x"); told = None"#;
        cloud.ask(script, &queue).await;
        assert_eq!(
            found(&Night::of(&reconciler).await, "dead_letters"),
            [format!("warning dead_letter_queue_not_empty {name}")]
        );
    })
    .await;
}

#[tokio::test]
async fn a_transaction_that_holds_the_proof_back_for_an_hour_is_found() {
    in_scratch_database(async |cloud| {
        let books = Books::opened(&cloud).await;
        let reconciler = setup(&cloud).start().await.unwrap();
        settled(&cloud).await;
        assert_eq!(found(&Night::of(&reconciler).await, "zero_sum"), [""; 0]);
        let (open, poster) = (cloud.as_role("poster").await, cloud.pooled_as("poster").await);
        open.batch_execute("BEGIN; SELECT pg_current_xact_id()").await.unwrap();
        let behind = books.merchant.payment(books.buyer, books.till, 1);
        behind.decide(&poster).await;
        let of_it = format!("WHERE idempotency_key = '{}'", behind.key);
        let old = "UPDATE ledger.ledger_entries SET created_at = now() - interval '61 minutes'";
        books.tamper(&format!("{old} {of_it}")).await;
        let told = found(&Night::of(&reconciler).await, "zero_sum");
        assert!(
            matches!(&told[..], [one] if one.starts_with("warning proof_held_back")),
            "{told:?}"
        );
        open.batch_execute("ROLLBACK").await.unwrap();
        settled(&cloud).await;
        assert_eq!(found(&Night::of(&reconciler).await, "zero_sum"), [""; 0]);
    })
    .await;
}
