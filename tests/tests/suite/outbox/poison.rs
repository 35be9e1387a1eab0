//! One event that can never be published. It is given up; the stream never waits for it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::alarms::breaches;
use tests::bus::Answer;

use super::scene::{Scene, id_of, logged};
use crate::ledger::scratch::in_scratch_database;

/// Refuses these events by `MalformedDetail`, each by itself.
fn entry_by_entry(poison: Vec<String>) -> impl Fn(&[Value]) -> Answer + Send + Sync + 'static {
    move |details| {
        let code = |detail| poison.contains(&id_of(detail)).then_some("MalformedDetail");
        Answer::Entries(details.iter().map(code).collect())
    }
}

/// Refuses every call that holds one of these events.
fn whole_calls(poison: Vec<String>, status: u16, code: &'static str) -> impl Fn(&[Value]) -> Answer + Send + Sync {
    move |details| {
        if details.iter().any(|detail| poison.contains(&id_of(detail))) {
            Answer::Refuse(status, code)
        } else {
            Answer::Accept
        }
    }
}

#[tokio::test]
async fn one_entry_of_ten_is_refused_and_the_nine_are_out() {
    in_scratch_database(async |cloud| {
        let scene = Scene::set(cloud).await;
        let ids = scene.post(10).await;
        scene.bus.behave(entry_by_entry(vec![ids[4].clone()]));
        let poller = scene.polling().await;
        scene
            .holds("SELECT count(*) = 1 AND max(attempts) = 1 FROM ledger.outbox")
            .await;
        let others: Vec<_> = ids.iter().filter(|id| **id != ids[4]).cloned().collect();
        scene.took(&others, 1);
        let error = "SELECT count(*) FROM ledger.outbox WHERE last_error = 'MalformedDetail: on purpose'";
        assert_eq!(scene.number(error).await, 1);
        breaches(&scene.cloud, "EventsFailing", &poller).await;
    })
    .await;
}

#[tokio::test]
async fn a_call_refused_for_one_bad_event_is_split_until_that_one_stands_alone() {
    for (status, code) in [
        (400, "ValidationException"),
        (413, "RequestEntityTooLarge"),
        (400, "NeverHeardOf"),
    ] {
        in_scratch_database(async move |cloud| {
            let scene = Scene::set(cloud).await;
            let ids = scene.post(10).await;
            scene.bus.behave(whole_calls(vec![ids[7].clone()], status, code));
            let _poller = scene.polling().await;
            scene
                .holds("SELECT count(*) = 1 AND max(attempts) = 1 FROM ledger.outbox")
                .await;
            let others: Vec<_> = ids.iter().filter(|id| **id != ids[7]).cloned().collect();
            scene.took(&others, 1);
        })
        .await;
    }
}

#[tokio::test]
async fn one_poison_row_in_10_000_is_given_up_and_all_others_are_out_at_once() {
    in_scratch_database(async |cloud| {
        let scene = Scene::set(cloud).await;
        let mut ids = scene.post(10_000).await;
        let poison = ids.swap_remove(1234);
        scene.bus.set_delay(Duration::from_millis(20));
        scene
            .bus
            .behave(whole_calls(vec![poison.clone()], 400, "ValidationException"));
        let since = Instant::now();
        let _poller = scene.polling().await;
        scene.holds("SELECT count(*) = 1 FROM ledger.outbox").await;
        let after = since.elapsed();
        println!("9,999 events beside a poisoned one were out after {after:?}");
        assert!(after < Duration::from_secs(20), "{after:?}");

        // What is posted from now on is not held up, and shows that the bus is well.
        while scene.dead_letters().await == 0 {
            let since = Instant::now();
            ids.extend(scene.post(1).await);
            scene.holds("SELECT count(*) <= 1 FROM ledger.outbox").await;
            let after = since.elapsed();
            assert!(after < Duration::from_secs(2), "held up for {after:?}");
            // Several are accepted between two of the poison's failures, which are 1, 2, 4 and 8 s apart.
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        scene.bus.sees(|seen| !seen.messages.is_empty()).await;
        scene.drained().await;
        scene.took(&ids, 1);
        let letter = scene
            .superuser
            .query_one(
                "SELECT id, attempts, last_error, ledger_key::text FROM ledger.dead_letters",
                &[],
            )
            .await
            .unwrap();
        assert_eq!(letter.get::<_, i16>("attempts"), 5);
        let messages = scene.bus.seen().messages;
        let [message] = messages.as_slice() else {
            panic!("one copy, and not {messages:?}");
        };
        let expected = json!({
            "dead_letter_id": letter.get::<_, i64>("id"),
            "event_id": poison,
            "event_type": "deposit.posted.v1",
            "tenant_id": scene.merchant.tenant,
            "ledger_key": letter.get::<_, String>("ledger_key"),
            "sequence": 1,
            "attempts": 5,
            "last_error": "400 ValidationException: on purpose",
            "died_at": message["died_at"],
        });
        assert_eq!(*message, expected);
        scene
            .holds("SELECT count(*) = 1 FROM ledger.dead_letters WHERE queued_at IS NOT NULL")
            .await;
    })
    .await;
}

/// What poison looks like, a broken bus looks like too.
#[tokio::test]
async fn an_event_that_fails_while_nothing_else_is_accepted_is_not_blamed() {
    in_scratch_database(async |cloud| {
        let scene = Scene::set(cloud).await;
        let ids = scene.post(1).await;
        scene.bus.behave(entry_by_entry(ids.clone()));
        let _poller = scene.polling().await;
        scene.bus.sees(|seen| seen.calls >= 2).await;
        assert_eq!(scene.blamed().await, 0);

        // With the first sign of life, it is.
        scene.let_time_pass().await;
        let others = scene.post(1).await;
        scene
            .holds("SELECT count(*) = 1 AND max(attempts) >= 1 FROM ledger.outbox")
            .await;
        scene.took(&others, 1);
    })
    .await;
}

#[tokio::test]
async fn a_queue_that_fails_holds_up_no_event_and_gets_its_copy_later() {
    for answer in [
        Answer::Refuse(500, "InternalFailure"),
        Answer::Entries(vec![Some("InternalError")]),
    ] {
        in_scratch_database(async move |cloud| {
            let scene = Scene::set(cloud).await;
            let ids = scene.post(2).await;
            scene.execute("UPDATE ledger.outbox SET attempts = 4").await;
            scene.bus.behave(entry_by_entry(ids[..1].to_vec()));
            scene.bus.queue(answer);
            let poller = scene.polling().await;
            scene.bus.sees(|seen| seen.queue_calls == 1).await;
            let more = scene.post(20).await;
            scene.drained().await;
            assert_eq!(scene.dead_letters().await, 1);
            scene.took(&[&ids[1..], &more].concat(), 1);
            assert_eq!(logged(&poller, "dead letters have no copy yet").len(), 1);

            // This run tries again in half a minute; the next one at once.
            scene.bus.queue(Answer::Accept);
            scene.run(Duration::from_secs(1)).await.unwrap();
            assert_eq!(scene.bus.seen().messages.len(), 1);
            let unqueued = "SELECT count(*) FROM ledger.dead_letters WHERE queued_at IS NULL";
            assert_eq!(scene.number(unqueued).await, 0);
        })
        .await;
    }
}
