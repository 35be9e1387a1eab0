//! What goes out, and how several pollers share the work.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::lambda::Unanswered;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::scene::{BUS, Scene, event_id, metered};
use crate::ledger::corrections::scene::Correction;
use crate::ledger::scratch::in_scratch_database;

#[tokio::test]
async fn an_event_says_what_the_ledger_says_and_nothing_else() {
    in_scratch_database(async |cloud| {
        let scene = Scene::set(cloud).await;
        let poster = scene.cloud.pooled_as("poster").await;
        let deposit = scene.merchant.deposit(scene.buyer, 1250);
        deposit.decide(&poster).await;
        let till = scene.merchant.till().await;
        let payment = scene.merchant.payment(scene.buyer, till, 1250);
        payment.decide(&poster).await;
        let refund = Correction::refund(&payment, None);
        refund.decide(&poster).await;
        let undone = scene.merchant.payment(scene.buyer, till, 1250);
        undone.decide(&poster).await;
        let reversal = Correction::reversal(&undone);
        reversal.decide(&poster).await;
        scene.run(Duration::from_secs(1)).await.unwrap();

        let accepted = scene.bus.seen().accepted;
        assert_eq!(accepted.len(), 5);
        let back = |correction: &Correction| scene.merchant.payment(till, scene.buyer, 1250).with_key(correction.key);
        for (posting, kind, corrects) in [
            (deposit, "deposit", None),
            (back(&refund), "refund", Some(payment.key)),
            (payment, "payment", None),
            (back(&reversal), "reversal", Some(undone.key)),
        ] {
            let event_type = format!("{kind}.posted.v1");
            let detail = |entry: &Value| serde_json::from_str::<Value>(entry["Detail"].as_str().unwrap()).unwrap();
            let is_its = |entry: &&Value| detail(entry)["event_id"] == json!(event_id(posting.key));
            let entry = accepted.iter().find(is_its).unwrap();
            assert_eq!(entry["DetailType"], event_type);
            let detail = detail(entry);
            let sql = "SELECT created_at FROM ledger.ledger_transactions WHERE ledger_key = $1";
            let row = scene.superuser.query_one(sql, &[&posting.key]).await.unwrap();
            let recorded: OffsetDateTime = row.get(0);
            let said = OffsetDateTime::parse(detail["occurred_at"].as_str().unwrap(), &Rfc3339).unwrap();
            assert_eq!(said, recorded);
            let mut subject = json!({
                "source": posting.source, "destination": posting.destination, "amount": 1250, "currency": "EUR",
            });
            subject[format!("{kind}_id")] = json!(posting.key);
            if let Some(payment) = corrects {
                subject["payment_id"] = json!(payment);
            }
            let expected = json!({
                "event_id": event_id(posting.key),
                "event_type": event_type,
                "tenant_id": scene.merchant.tenant,
                "sequence": 1,
                "occurred_at": detail["occurred_at"],
                kind: subject,
            });
            assert_eq!(detail, expected);
            assert_eq!(
                (&entry["Source"], &entry["EventBusName"]),
                (&json!("onceledger"), &json!(BUS))
            );
            assert_eq!(entry["Time"].as_i64().unwrap(), recorded.unix_timestamp());
        }
    })
    .await;
}

#[tokio::test]
async fn what_commits_out_of_the_order_of_its_numbers_is_announced_all_the_same() {
    in_scratch_database(async |cloud| {
        let scene = Scene::set(cloud).await;
        let mut slow = scene.cloud.as_role("poster").await;
        let early = scene.merchant.deposit(scene.buyer, 1);
        let transaction = slow.transaction().await.unwrap();
        early.post(transaction.client()).await.unwrap();
        // Numbered later, committed and announced first.
        let late = scene.post(3).await;
        let _poller = scene.polling().await;
        scene.published_all(3).await;
        scene.took(&late, 1);
        transaction.commit().await.unwrap();
        scene.bus.sees(|seen| seen.accepted.len() == 4).await;
        scene.published_all(4).await;
        scene.took(&[late, vec![event_id(early.key)]].concat(), 1);
    })
    .await;
}

#[tokio::test]
async fn what_is_rolled_back_is_never_announced() {
    in_scratch_database(async |cloud| {
        let scene = Scene::set(cloud).await;
        let mut poster = scene.cloud.as_role("poster").await;
        let _poller = scene.polling().await;
        let transaction = poster.transaction().await.unwrap();
        let abandoned = scene.merchant.deposit(scene.buyer, 1);
        abandoned.post(transaction.client()).await.unwrap();
        let kept = scene.post(1).await;
        scene.bus.sees(|seen| seen.accepted.len() == 1).await;
        transaction.rollback().await.unwrap();
        // An idle poller looks at least every 500 ms.
        tokio::time::sleep(Duration::from_secs(1)).await;
        scene.published_all(1).await;
        scene.took(&kept, 1);
    })
    .await;
}

#[tokio::test]
async fn several_pollers_at_once_announce_each_event_once() {
    in_scratch_database(async |cloud| {
        let scene = Scene::set(cloud).await;
        scene.bus.set_delay(Duration::from_millis(50));
        let mut pollers = Vec::new();
        for _ in 0..4 {
            pollers.push(scene.polling().await);
        }
        let mut ids = Vec::new();
        for _ in 0..4 {
            ids.extend(scene.post(1500).await);
        }
        scene.published_all(6000).await;
        scene.took(&ids, 1);
        let mut shares = Vec::new();
        for poller in pollers {
            // The metrics of the last moments are not written yet.
            tokio::time::sleep(Duration::from_millis(300)).await;
            shares.push(metered(&poller, "EventsPublished"));
        }
        println!("shares: {shares:?}");
        assert!(
            shares.iter().filter(|share| **share > 0).count() >= 2,
            "one did it all: {shares:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn a_lease_takes_only_what_nobody_holds() {
    in_scratch_database(async |cloud| {
        let scene = Scene::set(cloud).await;
        scene.post(1000).await;
        let lease = "SELECT array_agg(id) FROM ledger.lease_outbox($1, 300, 30)";
        let mut pollers = Vec::new();
        for _ in 0..5 {
            pollers.push(scene.cloud.as_role("poller").await);
        }
        let leases = pollers.iter().map(async |poller| {
            let row = poller.query_one(lease, &[&uuid::Uuid::new_v4()]).await.unwrap();
            row.get::<_, Option<Vec<i64>>>(0).unwrap_or_default()
        });
        let mut rows = futures_util::future::join_all(leases).await.concat();
        rows.sort_unstable();
        let all = rows.len();
        rows.dedup();
        assert_eq!((all, rows.len()), (1000, 1000));
    })
    .await;
}

/// A poller that was paused for longer than its lease comes back to rows that are another's.
#[tokio::test]
async fn who_has_lost_a_lease_can_say_of_its_rows_only_that_they_are_published() {
    in_scratch_database(async |cloud| {
        let scene = Scene::set(cloud).await;
        scene.post(2).await;
        let poller = scene.cloud.as_role("poller").await;
        let lease = async |seconds: i32| {
            let token = uuid::Uuid::new_v4();
            let sql = "SELECT array_agg(id) FROM ledger.lease_outbox($1, 10, $2)";
            let row = poller.query_one(sql, &[&token, &seconds]).await.unwrap();
            (token, row.get::<_, Vec<i64>>(0))
        };
        let (late, ids) = lease(0).await;
        let (owner, same) = lease(30).await;
        assert_eq!(ids, same);

        let give_back = "SELECT ledger.give_back($1, $2, 0)";
        let count = "SELECT count(*) FROM ledger.count_failures($1, $2, ARRAY['why', 'why'], $3)";
        let row = poller.query_one(give_back, &[&late, &ids]).await.unwrap();
        assert_eq!(row.get::<_, i32>(0), 0);
        for most in [1, 5] {
            let row = poller.query_one(count, &[&late, &ids, &most]).await.unwrap();
            assert_eq!(row.get::<_, i64>(0), 0);
        }
        assert_eq!((scene.blamed().await, scene.dead_letters().await), (0, 0));
        assert_eq!(
            scene
                .number("SELECT count(*) FROM ledger.outbox WHERE not_before > now()")
                .await,
            2
        );

        let mark = "SELECT ledger.mark_published($1)";
        for marked in [1, 0] {
            let row = poller.query_one(mark, &[&&ids[..1]]).await.unwrap();
            assert_eq!(row.get::<_, i32>(0), marked);
        }
        let row = poller.query_one(give_back, &[&owner, &ids]).await.unwrap();
        assert_eq!(row.get::<_, i32>(0), 1);
    })
    .await;
}

#[tokio::test]
async fn a_run_ends_in_time_and_leaves_nothing_leased_though_the_bus_is_slow_and_much_is_left() {
    in_scratch_database(async |cloud| {
        let scene = Scene::set(cloud).await;
        scene.post(4000).await;
        scene.bus.set_delay(Duration::from_millis(1200));
        let since = Instant::now();
        let answer = scene.run(Duration::from_secs(3)).await.unwrap();
        let after = since.elapsed();
        assert!(after < Duration::from_secs(10), "the deadline was at 18 s: {after:?}");
        let published = answer["published"].as_i64().unwrap();
        assert!((500..4000).contains(&published), "{answer}");
        assert_eq!(
            scene.number("SELECT count(*) FROM ledger.outbox").await,
            4000 - published
        );
        assert_eq!(
            scene
                .number("SELECT count(*) FROM ledger.outbox WHERE lease IS NOT NULL")
                .await,
            0
        );
        assert_eq!(scene.taken().len(), usize::try_from(published).unwrap());
    })
    .await;
}

#[tokio::test]
async fn a_run_that_has_no_time_for_a_round_fails_by_name() {
    in_scratch_database(async |cloud| {
        let scene = Scene::set(cloud).await;
        let short = scene.poller(Duration::ZERO).deadline(Duration::from_secs(10));
        let ended = short.start().await.unwrap().invoke(&json!({})).await;
        assert!(matches!(&ended, Err(Unanswered::Failed(error)) if error["errorType"] == "TimeoutTooShort"));
    })
    .await;
}

/// A call that could outlast the deadline is not begun: nobody would say what became of it.
#[tokio::test]
async fn what_cannot_be_sent_in_time_is_given_back_unsent() {
    in_scratch_database(async |cloud| {
        let scene = Scene::set(cloud).await;
        scene.post(10).await;
        // The run's only round begins within its 3 s. Finding the bus takes 4 s, and leasing until there are 8 s left at
        // most: 4 s less than a call and what follows it.
        scene.bus.set_delay(Duration::from_secs(4));
        let mut blocker = scene.cloud.superuser().await;
        let lock = blocker.transaction().await.unwrap();
        lock.batch_execute("LOCK TABLE ledger.ledger_transactions IN ACCESS EXCLUSIVE MODE")
            .await
            .unwrap();
        let poller = scene.poller(Duration::from_secs(3)).start().await.unwrap();
        let answer = poller.invoke(&json!({}));
        // The lease has waited for 3 s of the 4 that a statement may take. Of the run's 18 s, 11 are left.
        tokio::time::sleep(Duration::from_secs(7)).await;
        lock.rollback().await.unwrap();
        answer.await.unwrap();
        assert_eq!(scene.bus.seen().calls, 0);
        assert_eq!(
            scene
                .number("SELECT count(*) FROM ledger.outbox WHERE lease IS NULL")
                .await,
            10
        );
    })
    .await;
}
