//! As large as a file may be.

use std::time::{Duration, Instant};

use super::scene::{NOON, Scene, missing_there, right};
use crate::ledger::scratch::in_scratch_database;

#[tokio::test]
async fn a_hundred_thousand_lines_are_taken_within_the_function_s_time() {
    in_scratch_database(async |scratch| {
        let scene = Scene::set(scratch).await;
        let ours = scene.posted(100_001, NOON).await;
        let lines: Vec<_> = ours[..100_000].iter().map(right).collect();
        let began = Instant::now();
        let answer = scene.take("acme/2026-05-22.csv", &lines).await;
        let took = began.elapsed();
        println!("100,000 lines took {took:?}");
        assert_eq!(answer["matched"], 100_000, "{answer}");
        assert_eq!(scene.breaks().await, [missing_there(ours[100_000])]);
        assert!(took < Duration::from_mins(1), "{took:?}");
    })
    .await;
}
