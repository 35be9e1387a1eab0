//! The poller is killed at every boundary. What it had not finished, the next one does, under the same ids.

use std::time::Duration;

use tests::bus::Answer;

use super::scene::{Scene, id_of};
use crate::ledger::scratch::in_scratch_database;

const MOMENT: Duration = Duration::from_secs(2);

#[tokio::test]
async fn killed_between_publishing_and_marking_it_is_announced_again_under_the_same_id() {
    in_scratch_database(async |cloud| {
        let scene = Scene::set(cloud).await;
        let ids = scene.post(3).await;
        scene.bus.behave(|_| Answer::AcceptAndHang);
        let doomed = scene.polling().await;
        scene.bus.sees(|seen| seen.accepted.len() == 3).await;
        doomed.kill().await;
        assert_eq!(scene.number("SELECT count(*) FROM ledger.published_events").await, 0);

        scene.bus.behave(|_| Answer::Accept);
        scene.run(MOMENT).await.unwrap();
        assert_eq!(
            scene.number("SELECT count(*) FROM ledger.outbox").await,
            3,
            "they are leased"
        );
        scene.let_time_pass().await;
        scene.run(MOMENT).await.unwrap();
        scene.took(&ids, 2);
        scene.published_all(3).await;
    })
    .await;
}

#[tokio::test]
async fn killed_between_leasing_and_publishing_it_is_announced_after_the_lease() {
    in_scratch_database(async |cloud| {
        let scene = Scene::set(cloud).await;
        let ids = scene.post(3).await;
        scene.bus.behave(|_| Answer::Hang);
        let doomed = scene.polling().await;
        scene.bus.sees(|seen| seen.calls == 1).await;
        doomed.kill().await;
        let leased = "SELECT count(*) FROM ledger.outbox
                       WHERE lease IS NOT NULL AND not_before - now() BETWEEN interval '15 s' AND interval '30 s'";
        assert_eq!(scene.number(leased).await, 3);

        scene.bus.behave(|_| Answer::Accept);
        scene.run(MOMENT).await.unwrap();
        scene.took(&[], 0);
        scene.let_time_pass().await;
        scene.run(MOMENT).await.unwrap();
        scene.took(&ids, 1);
        scene.published_all(3).await;
    })
    .await;
}

#[tokio::test]
async fn killed_between_a_dead_letter_s_row_and_its_copy_the_next_run_copies_it() {
    // The copy never arrived; or it did, and comes twice.
    for (answer, copies) in [(Answer::Hang, 1), (Answer::AcceptAndHang, 2)] {
        in_scratch_database(async move |cloud| {
            let scene = Scene::set(cloud).await;
            let ids = scene.post(2).await;
            let poison = ids[0].clone();
            scene.execute("UPDATE ledger.outbox SET attempts = 4").await;
            scene.bus.behave(move |details| {
                let code = |detail| (id_of(detail) == poison).then_some("MalformedDetail");
                Answer::Entries(details.iter().map(code).collect())
            });
            scene.bus.queue(answer.clone());
            let doomed = scene.polling().await;
            scene.bus.sees(|seen| seen.queue_calls == 1).await;
            doomed.kill().await;
            let unqueued = "SELECT count(*) FROM ledger.dead_letters WHERE queued_at IS NULL";
            assert_eq!(scene.number(unqueued).await, 1);

            scene.bus.queue(Answer::Accept);
            scene.run(MOMENT).await.unwrap();
            assert_eq!(scene.number(unqueued).await, 0);
            let messages = scene.bus.seen().messages;
            assert_eq!(messages.len(), copies);
            assert!(messages.iter().all(|message| id_of(message) == ids[0]));
            scene.took(&ids[1..], 1);
            assert_eq!(scene.number("SELECT count(*) FROM ledger.outbox").await, 0);
        })
        .await;
    }
}
