//! Much fails at once. What does not fail is out all the same, and nothing is given up in heaps.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::Value;
use tests::alarms::breaches;
use tests::bus::Answer;

use super::scene::{Scene, id_of, logged};
use crate::ledger::scratch::in_scratch_database;

/// Refuses these events, each by itself.
fn all_but(refused: BTreeSet<String>) -> impl Fn(&[Value]) -> Answer + Send + Sync + 'static {
    move |details| {
        let code = |detail| refused.contains(&id_of(detail)).then_some("InvalidArgument");
        Answer::Entries(details.iter().map(code).collect())
    }
}

#[tokio::test]
async fn events_behind_12_000_refused_ones_are_out_at_once_and_the_refused_are_kept() {
    in_scratch_database(async |cloud| {
        let scene = Scene::set(cloud).await;
        let refused = scene.post(12_000).await;
        let mut good = scene.post(100).await;
        scene.bus.behave(all_but(refused.into_iter().collect()));
        let since = Instant::now();
        let poller = scene.polling().await;
        scene.bus.sees(|seen| seen.accepted.len() == 100).await;
        let after = since.elapsed();
        assert!(after < Duration::from_secs(10), "{after:?}");

        // One failure more would be the end of them all: a change of policy, and no poison.
        scene
            .execute("UPDATE ledger.outbox SET attempts = 4, lease = NULL, not_before = now()")
            .await;
        let message = "too many events would be given up; their failures are not counted";
        while logged(&poller, message).is_empty() {
            assert!(since.elapsed() < Duration::from_mins(1), "nobody braked");
            good.extend(scene.post(1).await);
            // What is accepted vouches for the bus for 10 s; a few events a second go out beside the refused ones.
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        // Several rounds more, in which others could be given up.
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert!(scene.dead_letters().await <= 100);
        assert_eq!(logged(&poller, message)[0]["level"], "ERROR");
        breaches(&scene.cloud, "EventsWithheld", &poller).await;
        scene.took(&good, 1);
    })
    .await;
}

/// Between refused ones on both sides, while nothing new comes.
#[tokio::test]
async fn every_row_is_tried_within_as_many_leases_as_the_rows_before_it_fill() {
    in_scratch_database(async |cloud| {
        let scene = Scene::set(cloud).await;
        scene.post(900).await;
        scene.post(10).await;
        scene.post(900).await;
        let poller = scene.cloud.as_role("poller").await;
        let lease = "SELECT l.ledger_key::text, l.id FROM ledger.lease_outbox($1, 500, 30) AS l";
        let keys = "SELECT ledger_key::text FROM ledger.outbox ORDER BY id OFFSET 900 LIMIT 10";
        let keys = scene.superuser.query(keys, &[]).await.unwrap();
        let mut left: Vec<String> = keys.iter().map(|row| row.get(0)).collect();
        // Whatever becomes of a row, and at once: it goes to the end.
        for failed in [false, true, false] {
            let token = uuid::Uuid::new_v4();
            let rows = poller.query(lease, &[&token]).await.unwrap();
            let ids: Vec<i64> = rows.iter().map(|row| row.get(1)).collect();
            assert_eq!(ids.len(), 500);
            left.retain(|key| rows.iter().all(|row| row.get::<_, String>(0) != *key));
            if failed {
                let errors = vec!["why"; ids.len()];
                let count = "SELECT count(*) FROM ledger.count_failures($1, $2, $3, 5::integer)";
                poller.query_one(count, &[&token, &ids, &errors]).await.unwrap();
                scene.let_time_pass().await;
            } else {
                let give_back = "SELECT ledger.give_back($1, $2, 0)";
                poller.query_one(give_back, &[&token, &ids]).await.unwrap();
            }
        }
        assert_eq!(left, Vec::<String>::new());
    })
    .await;
}

/// What the bus says is whatever it likes.
#[tokio::test]
async fn an_error_of_any_length_with_any_character_in_it_is_counted_and_copied() {
    in_scratch_database(async |cloud| {
        let scene = Scene::set(cloud).await;
        let ids = scene.post(10).await;
        scene.execute("UPDATE ledger.outbox SET attempts = 4").await;
        let code: &'static str = format!("Bad\0\u{7}{}", "x".repeat(5000)).leak();
        let poison = ids[0].clone();
        scene.bus.behave(move |details| {
            let code = |detail| (id_of(detail) == poison).then_some(code);
            Answer::Entries(details.iter().map(code).collect())
        });
        let _poller = scene.polling().await;
        scene.bus.sees(|seen| seen.messages.len() == 1).await;
        let expected = format!("Bad{}", "x".repeat(497));
        assert_eq!(scene.bus.seen().messages[0]["last_error"], expected.as_str());
        scene.drained().await;
        scene.took(&ids[1..], 1);
    })
    .await;
}
