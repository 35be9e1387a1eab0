//! Rows that give no event: a later version's, and what nobody but a tamperer can have written.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::alarms::breaches;

use super::scene::{Scene, logged, metered};
use crate::ledger::scratch::in_scratch_database;
use crate::ledger::statements::untimed_key;

#[tokio::test]
async fn a_type_that_this_version_does_not_know_waits_for_one_that_does() {
    in_scratch_database(async |cloud| {
        let scene = Scene::set(cloud).await;
        let ids = scene.post(3).await;
        let tomorrow = "UPDATE ledger.outbox SET event_type = 'payment.settled.v1', attempts = 4 WHERE id =
                        (SELECT min(id) FROM ledger.outbox)";
        scene.execute(tomorrow).await;
        let poller = scene.polling().await;
        let waits = "SELECT count(*) = 1 FROM ledger.outbox
                      WHERE attempts = 4 AND lease IS NULL AND not_before > now() + interval '50 s'";
        scene.holds(waits).await;
        scene.holds("SELECT count(*) = 1 FROM ledger.outbox").await;
        scene.took(&ids[1..], 1);
        assert_eq!(scene.dead_letters().await, 0);
        let told = logged(&poller, "events are not known here");
        assert_eq!((told.len(), &told[0]["level"]), (1, &json!("ERROR")));
    })
    .await;
}

/// Tampering: nothing may be announced that the ledger does not say. The bus has no part in it, so its health is not
/// asked for.
#[tokio::test]
async fn a_row_without_its_posted_intent_is_given_up_and_never_announced() {
    in_scratch_database(async |cloud| {
        let scene = Scene::set(cloud).await;
        let key = untimed_key();
        let refused = scene.merchant.payment(scene.buyer, scene.merchant.till().await, 1);
        let poster = scene.cloud.pooled_as("poster").await;
        assert_eq!(refused.decide(&poster).await.outcome, "insufficient_funds");
        let deposit = scene.merchant.deposit(scene.buyer, 7);
        deposit.decide(&poster).await;
        // A refund that no correction stands for.
        let refund = untimed_key();
        let forged = format!(
            "INSERT INTO ledger.ledger_transactions
             SELECT '{refund}', tenant_id, amount, created_at, destination, source, answer_version, currency, 'refund', outcome,
                    fingerprint, details
               FROM ledger.ledger_transactions WHERE ledger_key = '{}'",
            deposit.key
        );
        scene.execute(&forged).await;
        scene.execute("DELETE FROM ledger.outbox").await;
        let forge = "INSERT INTO ledger.outbox (tenant_id, ledger_key, sequence, attempts, event_type)
                     VALUES ($1, $2, 1, 4, $3)";
        let stranger = uuid::Uuid::new_v4();
        for (tenant, key, event_type) in [
            (scene.merchant.tenant, key, "deposit.posted.v1"),
            (scene.merchant.tenant, refused.key, "payment.posted.v1"),
            (scene.merchant.tenant, deposit.key, "payment.posted.v1"),
            (stranger, deposit.key, "deposit.posted.v1"),
            (scene.merchant.tenant, refund, "refund.posted.v1"),
        ] {
            scene
                .superuser
                .execute(forge, &[&tenant, &key, &event_type])
                .await
                .unwrap();
        }
        let poller = scene.polling().await;
        scene.bus.sees(|seen| seen.messages.len() == 5).await;
        assert_eq!(scene.bus.seen().calls, 0);
        assert_eq!(scene.dead_letters().await, 5);
        let why = "SELECT count(*) FROM ledger.dead_letters WHERE last_error LIKE 'the ledger does not bear it out: %'";
        assert_eq!(scene.number(why).await, 5);
        breaches(&scene.cloud, "EventDied", &poller).await;
    })
    .await;
}

/// Nobody but a tamperer writes them, and only after taking a guard away.
#[tokio::test]
async fn a_row_that_cannot_be_read_is_given_up_alone_and_copied() {
    in_scratch_database(async |cloud| {
        let scene = Scene::set(cloud).await;
        let ids = scene.post(20).await;
        scene
            .execute(
                "ALTER TABLE ledger.outbox DROP CONSTRAINT outbox_sequence_positive;
                 ALTER TABLE ledger.dead_letters DROP CONSTRAINT dead_letters_sequence_positive;
                 UPDATE ledger.outbox SET attempts = 4, sequence = CASE id % 2 WHEN 0 THEN -1 ELSE 2 END
                  WHERE id IN (SELECT id FROM ledger.outbox ORDER BY id LIMIT 2);
                 ALTER TABLE ledger.ledger_transactions DISABLE TRIGGER ALL;
                 UPDATE ledger.ledger_transactions SET created_at = 'infinity'
                  WHERE ledger_key = (SELECT ledger_key FROM ledger.outbox ORDER BY id OFFSET 2 LIMIT 1);
                 UPDATE ledger.outbox SET attempts = 4
                  WHERE id = (SELECT id FROM ledger.outbox ORDER BY id OFFSET 2 LIMIT 1)",
            )
            .await;
        let poller = scene.polling().await;
        scene.bus.sees(|seen| seen.messages.len() == 3).await;
        scene.drained().await;
        scene.took(&ids[3..], 1);
        assert_eq!(scene.dead_letters().await, 3);
        let messages = scene.bus.seen().messages;
        let unreadable = messages.iter().find(|message| message["sequence"] == -1).unwrap();
        assert_eq!(unreadable["event_id"], Value::Null);
        assert!(logged(&poller, "a round came to nothing").is_empty());
    })
    .await;
}

#[tokio::test]
async fn the_tables_take_no_sequence_but_1_2_3() {
    in_scratch_database(async |cloud| {
        let scene = Scene::set(cloud).await;
        scene.post(1).await;
        let letter = "INSERT INTO ledger.dead_letters
                             (id, tenant_id, ledger_key, sequence, attempts, event_type, last_error)
                      VALUES (1, gen_random_uuid(), gen_random_uuid(), 0, 5, 'payment.posted.v1', 'why')";
        for (sql, constraint) in [
            ("UPDATE ledger.outbox SET sequence = 0", "outbox_sequence_positive"),
            (letter, "dead_letters_sequence_positive"),
        ] {
            let refused = scene.superuser.execute(sql, &[]).await.unwrap_err();
            assert_eq!(refused.as_db_error().unwrap().constraint(), Some(constraint));
        }
    })
    .await;
}

#[tokio::test]
async fn dead_letters_that_cannot_be_copied_hold_up_no_event() {
    in_scratch_database(async |cloud| {
        let scene = Scene::set(cloud).await;
        scene
            .execute("REVOKE EXECUTE ON FUNCTION ledger.dead_letters_to_queue(integer) FROM poller")
            .await;
        let ids = scene.post(3).await;
        let poller = scene.polling().await;
        scene.published_all(3).await;
        scene.took(&ids, 1);
        assert_eq!(logged(&poller, "dead letters cannot be copied").len(), 1);
    })
    .await;
}

/// A version of tomorrow has written a lot before it was rolled back.
#[tokio::test]
async fn types_not_known_here_hold_up_no_event_and_show() {
    in_scratch_database(async |cloud| {
        let scene = Scene::set(cloud).await;
        let since = Instant::now();
        let unknown = "INSERT INTO ledger.outbox (tenant_id, ledger_key, sequence, event_type)
                       SELECT gen_random_uuid(), gen_random_uuid(), 1, 'payment.settled.v1'
                         FROM generate_series(1, $1::bigint)";
        scene.superuser.execute(unknown, &[&5_000_i64]).await.unwrap();
        let mut ids = scene.post(600).await;
        scene.superuser.execute(unknown, &[&1_000_i64]).await.unwrap();
        let poller = scene.polling().await;
        // As many as a poller can try in a minute: one always waits no longer.
        while scene.taken().len() < 600 {
            assert!(
                since.elapsed() < Duration::from_secs(30),
                "{} are out",
                scene.taken().len()
            );
            scene.let_time_pass().await;
            // Time for a round with what is free again.
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        ids.extend(scene.post(100).await);
        scene
            .holds("SELECT count(*) = 0 FROM ledger.outbox WHERE event_type <> 'payment.settled.v1'")
            .await;
        scene.took(&ids, 1);
        // The metric, which is told every second, has more than 2 s to tell of.
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(scene.number("SELECT count(*) FROM ledger.outbox").await, 6_000);
        assert_eq!(scene.dead_letters().await, 0);
        assert!(!logged(&poller, "events are not known here").is_empty());
        assert!(
            metered(&poller, "OutboxOldestSeconds") > 2,
            "it shows in the metric that an alarm watches"
        );
    })
    .await;
}
