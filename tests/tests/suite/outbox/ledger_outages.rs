//! The ledger fails while the bus is well.

use std::time::Duration;

use serde_json::json;
use tests::fault::Faults;

use super::scene::{Scene, logged};
use crate::ledger::scratch::in_scratch_database;

#[tokio::test]
async fn what_the_bus_took_while_the_ledger_was_gone_is_marked_when_it_is_back_and_not_announced_again() {
    in_scratch_database(async |cloud| {
        let scene = Scene::set(cloud).await;
        let faults = Faults::between(&scene.cloud).await;
        let ids = scene.post(3).await;
        scene.bus.set_delay(Duration::from_secs(2));
        let poller = scene
            .poller(Duration::from_mins(5))
            .through(&faults)
            .start()
            .await
            .unwrap();
        drop(poller.invoke(&json!({})));
        scene
            .holds("SELECT count(*) = 3 FROM ledger.outbox WHERE lease IS NOT NULL")
            .await;
        faults.ledger.set_down(true);
        scene.bus.sees(|seen| seen.accepted.len() == 3).await;
        // Time to try in vain to mark them: the first pauses are 200 and 400 ms at most.
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(scene.number("SELECT count(*) FROM ledger.outbox").await, 3);
        faults.ledger.set_down(false);
        scene.let_time_pass().await;
        scene.published_all(3).await;
        scene.took(&ids, 1);
        assert!(!logged(&poller, "a round came to nothing").is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_run_that_never_reaches_the_ledger_fails_by_name() {
    in_scratch_database(async |cloud| {
        let scene = Scene::set(cloud).await;
        let faults = Faults::between(&scene.cloud).await;
        faults.ledger.set_down(true);
        let poller = scene
            .poller(Duration::from_secs(1))
            .through(&faults)
            .start()
            .await
            .unwrap();
        let ended = poller.invoke(&json!({})).await;
        let Err(tests::lambda::Unanswered::Failed(error)) = ended else {
            panic!("a run without a ledger went on: {ended:?}");
        };
        assert_eq!(error["errorType"], "LedgerUnavailable");
    })
    .await;
}
