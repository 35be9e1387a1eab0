//! What stays behind: published rows for a while, small tables, and metrics.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use tests::alarms::breaches;
use tests::bus::Answer;
use tests::patience::until;

use super::scene::{Scene, logged};
use crate::ledger::scratch::in_scratch_database;

#[tokio::test]
async fn what_was_published_is_kept_for_a_while_and_then_removed() {
    in_scratch_database(async |cloud| {
        let scene = Scene::set(cloud).await;
        scene.post(10).await;
        let _poller = scene.polling().await;
        scene.published_all(10).await;
        let age = "UPDATE ledger.published_events
                      SET published_at = now() - CASE id % 2 WHEN 0 THEN interval '71 h 59 min' ELSE '72 h 1 min' END";
        scene.execute(age).await;
        scene.holds("SELECT count(*) = 5 FROM ledger.published_events").await;
        assert_eq!(
            scene
                .number("SELECT count(*) FROM ledger.published_events WHERE id % 2 = 1")
                .await,
            0
        );
    })
    .await;
}

#[tokio::test]
async fn that_old_rows_cannot_be_removed_holds_up_no_event() {
    in_scratch_database(async |cloud| {
        let scene = Scene::set(cloud).await;
        scene
            .execute(
                "CREATE OR REPLACE FUNCTION ledger.remove_published(p_keep_hours integer, p_most integer) RETURNS integer
                 LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN PERFORM pg_sleep(10); RETURN 0; END $$",
            )
            .await;
        let mut ids = scene.post(3).await;
        let poller = scene.polling().await;
        let message = "what was published long ago is not removed";
        let told = || async { (!logged(&poller, message).is_empty()).then_some(()) };
        until(told, || message.to_owned()).await;
        for _ in 0..3 {
            ids.extend(scene.post(3).await);
            scene.drained().await;
        }
        scene.took(&ids, 1);
        assert_eq!(logged(&poller, message).len(), 1, "it is left alone for a while");
        assert!(logged(&poller, "a round came to nothing").is_empty());
    })
    .await;
}

/// As much room as rows need that wait at the same time, whatever has passed through. The vacuum here is what
/// autovacuum does by itself, every minute.
#[tokio::test]
async fn tables_and_indexes_stay_small_under_sustained_load() {
    in_scratch_database(async |cloud| {
        let scene = Scene::set(cloud).await;
        let sizes =
            "SELECT pg_total_relation_size('ledger.outbox') + pg_total_relation_size('ledger.published_events')";
        let post_a_round = async || {
            for _ in 0..4 {
                scene.post(500).await;
            }
        };
        post_a_round().await;
        let of_a_round = scene.number(sizes).await / 1024;
        let poller = scene.poller(Duration::from_mins(5)).set("KEEP_PUBLISHED_HOURS", 0);
        let poller = poller.start().await.unwrap();
        drop(poller.invoke(&json!({})));
        let mut after = Vec::new();
        for _ in 0..7 {
            post_a_round().await;
            scene.drained().await;
            scene.holds("SELECT count(*) < 1000 FROM ledger.published_events").await;
            scene.execute("VACUUM ledger.outbox, ledger.published_events").await;
            after.push(scene.number(sizes).await / 1024);
        }
        println!("KiB of 2,000 that wait: {of_a_round}; after each 2,000 more: {after:?}");
        // How many rows wait at once differs from round to round, each is in both tables once, and a table keeps the room of its worst.
        // Tables that keep what has passed end with that of 16,000 in each.
        assert!(
            after.iter().all(|kib| *kib <= 4 * of_a_round),
            "2,000 take {of_a_round}, and it grows: {after:?}"
        );
        assert_eq!(scene.bus.seen().accepted.len(), 16_000);
    })
    .await;
}

#[tokio::test]
async fn the_metrics_are_lines_in_the_embedded_format() {
    in_scratch_database(async |cloud| {
        let scene = Scene::set(cloud).await;
        scene.post(7).await;
        let poller = scene
            .poller(Duration::from_secs(3))
            .set("AWS_LAMBDA_FUNCTION_NAME", "the-poller");
        let poller = poller.start().await.unwrap();
        let answer = poller.invoke(&json!({})).await.unwrap();
        assert_eq!(answer, json!({ "published": 7, "failures": 0, "dead_letters": 0 }));

        let output = poller.output();
        let lines = output.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let metrics: Vec<_> = lines.filter(|line| line.get("_aws").is_some()).collect();
        assert!(
            (3..=6).contains(&metrics.len()),
            "once a second and at the end:\n{output}"
        );
        for line in &metrics {
            let [directive] = line["_aws"]["CloudWatchMetrics"].as_array().unwrap().as_slice() else {
                panic!("{line}");
            };
            assert_eq!(directive["Namespace"], "Onceledger");
            assert_eq!(directive["Dimensions"], json!([["Function"]]));
            assert_eq!(line["Function"], "the-poller");
            assert!(line["_aws"]["Timestamp"].as_u64().unwrap() > 1_700_000_000_000);
            let definitions = directive["Metrics"].as_array().unwrap();
            let units: BTreeSet<_> = definitions
                .iter()
                .map(|metric| (metric["Name"].as_str().unwrap(), metric["Unit"].as_str().unwrap()))
                .collect();
            let expected = [
                ("BusBackoffs", "Count"),
                ("DeadLetters", "Count"),
                ("EventFailures", "Count"),
                ("EventsPublished", "Count"),
                ("EventsWithheld", "Count"),
                ("OpenDeadLetters", "Count"),
                ("OutboxOldestSeconds", "Seconds"),
            ];
            assert_eq!(units, BTreeSet::from(expected));
            assert!(expected.iter().all(|(name, _)| line[name].is_i64()), "{line}");
        }
        let sum = |name: &str| metrics.iter().map(|line| line[name].as_i64().unwrap()).sum::<i64>();
        assert_eq!((sum("EventsPublished"), sum("EventFailures")), (7, 0));
    })
    .await;
}

/// What it may see of an intent is what it says of it.
#[tokio::test]
async fn who_announces_cannot_read_an_intent_s_details_or_its_fingerprint() {
    in_scratch_database(async |cloud| {
        let scene = Scene::set(cloud).await;
        let readable = "SELECT string_agg(attname, ' ' ORDER BY attname) FROM pg_attribute
                         WHERE attrelid = 'ledger.ledger_transactions'::regclass AND attnum > 0
                           AND has_column_privilege('ledger_announcing', attrelid, attnum, 'SELECT')";
        let row = scene.superuser.query_one(readable, &[]).await.unwrap();
        assert_eq!(
            row.get::<_, String>(0),
            "amount created_at currency destination kind ledger_key outcome source tenant_id"
        );
    })
    .await;
}

/// The alarm's reason: it tells how long the oldest has waited, in whole seconds, and how many letters are open.
#[tokio::test]
async fn the_metrics_tell_the_oldest_row_and_the_open_dead_letters() {
    in_scratch_database(async |cloud| {
        let scene = Scene::set(cloud).await;
        let poller = scene.cloud.as_role("poller").await;
        let health = async || {
            let row = poller
                .query_one("SELECT * FROM ledger.outbox_health()", &[])
                .await
                .unwrap();
            (
                row.get::<_, i64>("oldest_seconds"),
                row.get::<_, i64>("open_dead_letters"),
            )
        };
        assert_eq!(health().await, (0, 0));
        scene.post(2).await;
        // Wherever in the queue it stands by now.
        let old = "UPDATE ledger.outbox SET written_at = now() - interval '90 s'
                    WHERE id = (SELECT max(id) FROM ledger.outbox)";
        scene.execute(old).await;
        let letters = "INSERT INTO ledger.dead_letters
                              (id, tenant_id, ledger_key, sequence, attempts, event_type, last_error)
                       SELECT n, gen_random_uuid(), gen_random_uuid(), 1, 5, 'payment.posted.v1', 'why'
                         FROM generate_series(1001, 1003) AS n";
        scene.execute(letters).await;
        let resolved = "UPDATE ledger.dead_letters SET resolution = 'discarded', resolved_at = now() WHERE id = 1001";
        scene.execute(resolved).await;
        let (oldest, open) = health().await;
        assert!((90..=92).contains(&oldest) && open == 2, "{oldest} s, {open} open");
    })
    .await;
}

#[tokio::test]
async fn what_waits_for_a_bus_that_is_away_and_letters_that_lie_open_call_people() {
    in_scratch_database(async |cloud| {
        let scene = Scene::set(cloud).await;
        scene.bus.behave(|_| Answer::Refuse(503, "ServiceUnavailable"));
        scene.post(2).await;
        scene
            .execute(
                "UPDATE ledger.outbox SET written_at = now() - interval '90 s';
                 INSERT INTO ledger.dead_letters
                        (id, tenant_id, ledger_key, sequence, attempts, event_type, last_error, queued_at)
                 VALUES (1001, gen_random_uuid(), gen_random_uuid(), 1, 5, 'payment.posted.v1', 'why', now())",
            )
            .await;
        let poller = scene.polling().await;
        breaches(&scene.cloud, "OutboxStalled", &poller).await;
        breaches(&scene.cloud, "DeadLettersOpen", &poller).await;
    })
    .await;
}
