//! The real waker, on real queues, executions and breakers.

use std::time::{Duration, Instant};

use domain::breaker::Ended;
use serde_json::json;
use tests::patience::until;

use super::executions::some_looks_later;
use super::parking::{Parking, kept_to, told, waking};
use crate::kyc::table::SETTINGS;

#[tokio::test]
async fn while_the_breaker_is_closed_all_are_woken_at_the_bounded_rate() {
    let parking = Parking::new().await;
    parking.park(13).await;
    let waker = parking.waking(4).await;
    parking.executions.until_ended(13).await;
    parking.executions.until_parked(0).await;
    assert_eq!(told(&waker), (13, 0));
    kept_to(&waker, 4);
}

#[tokio::test]
async fn while_the_breaker_is_open_nobody_is_woken_and_then_one_until_it_is_answered() {
    let parking = Parking::new().await;
    parking.park(6).await;
    parking.break_open().await;
    let waker = parking.waking(20).await;
    some_looks_later().await;
    assert_eq!(told(&waker), (0, 0));

    // The first probe fails: back to nobody.
    let breaker = parking.table.breaker(SETTINGS);
    parking.table.end("open_until").await;
    parking.executions.until_ended(1).await;
    some_looks_later().await;
    assert_eq!(told(&waker), (1, 0), "it is on its way to the breaker");
    let probe = breaker.enter().await.unwrap();
    some_looks_later().await;
    assert_eq!(told(&waker), (1, 0), "it is at the provider");
    breaker.leave(probe, Ended::Failed).await;
    some_looks_later().await;
    assert_eq!(told(&waker), (1, 0));

    parking.table.end("open_until").await;
    parking.executions.until_ended(2).await;
    let probe = breaker.enter().await.unwrap();
    breaker.leave(probe, Ended::Served).await;
    parking.executions.until_ended(6).await;
    parking.executions.until_parked(0).await;
    assert_eq!(told(&waker), (6, 0));
}

#[tokio::test]
async fn who_waits_no_longer_is_deleted_and_is_not_the_one_to_see() {
    let parking = Parking::for_seconds(1).await;
    parking.park(3).await;
    parking.executions.until_ended(3).await;
    let alive = Parking::new().await;
    alive.break_open().await;
    // What is left behind stands in front of one that waits.
    let waker = alive.waker(20, Duration::from_mins(5));
    let waker = waking(waker.set("PARKED_QUEUE_URL", &parking.executions.queue)).await;
    some_looks_later().await;
    assert_eq!(told(&waker), (0, 0));
    alive.table.end("open_until").await;
    let began = Instant::now();
    parking.executions.until_parked(0).await;
    assert!(began.elapsed() < Duration::from_secs(9), "nothing is waited for");
    until(
        async || (told(&waker) == (0, 3)).then_some(()),
        || format!("{:?}", told(&waker)),
    )
    .await;
}

#[tokio::test]
async fn what_says_nothing_of_a_settlement_holds_up_nobody_and_is_left_for_the_dead_letters() {
    let parking = Parking::new().await;
    for body in ["", "{}", "[1]", r#"{"tenant_id": 1}"#] {
        parking.executions.send(&format!(" {body}")).await;
    }
    parking.park(2).await;
    let waker = parking.waking(20).await;
    parking.executions.until_ended(2).await;
    parking.executions.until_parked(4).await;
    some_looks_later().await;
    assert_eq!(parking.executions.parked().await, 4);
    assert_eq!(told(&waker), (2, 0));
}

#[tokio::test]
async fn two_wakers_at_once_wake_everybody_and_lose_nobody() {
    let parking = Parking::new().await;
    parking.park(20).await;
    let [one, other] = [parking.waking(5).await, parking.waking(5).await];
    parking.executions.until_ended(20).await;
    parking.executions.until_parked(0).await;
    let woken = told(&one).0 + told(&other).0;
    assert!(woken >= 20, "{woken}");
}

#[tokio::test]
async fn a_waker_that_is_killed_or_cannot_wake_loses_nobody() {
    let parking = Parking::new().await;
    parking.park(3).await;
    // It has received them, and nobody takes the tokens.
    let lost = parking
        .waker(20, Duration::from_mins(5))
        .set("AWS_ENDPOINT_URL_SFN", "http://127.0.0.1:9");
    let lost = waking(lost).await;
    let said = "a parked execution is not known to be woken";
    until(async || lost.output().contains(said).then_some(()), || said.to_owned()).await;
    lost.kill().await;
    assert_eq!(parking.executions.parked().await, 3);
    let waker = parking.waking(20).await;
    // Half a minute after they were received they come back.
    tokio::time::sleep(Duration::from_secs(20)).await;
    parking.executions.until_ended(3).await;
    parking.executions.until_parked(0).await;
    assert_eq!(told(&waker), (3, 0));
}

#[tokio::test]
async fn a_waker_that_is_killed_between_waking_and_deleting_leaves_what_the_next_deletes() {
    let parking = Parking::new().await;
    parking.park(1).await;
    parking.executions.wake_and_die().await;
    parking.executions.until_ended(1).await;
    assert_eq!(parking.executions.parked().await, 1);
    let waker = parking.waking(20).await;
    parking.executions.until_parked(0).await;
    assert_eq!(told(&waker), (0, 1));
}

#[tokio::test]
async fn it_ends_before_its_deadline_and_says_what_it_did() {
    let parking = Parking::new().await;
    parking.park(3).await;
    let waker = parking.waker(20, Duration::from_secs(4)).start().await.unwrap();
    assert_eq!(
        waker.invoke(&json!({})).await.unwrap(),
        json!({ "woken": 3, "expired": 0 })
    );

    let blind = parking
        .waker(20, Duration::from_secs(1))
        .set("BREAKER_TABLE", "no-such-table");
    let failed = blind
        .start()
        .await
        .unwrap()
        .invoke(&json!({}))
        .await
        .unwrap_err()
        .to_string();
    assert!(failed.contains("BreakerUnreachable"), "{failed}");
}
