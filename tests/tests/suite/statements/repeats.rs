//! The same file again, other files, two at once, and a process that dies.

use std::pin::pin;

use serde_json::{Value, json};
use tests::fault::{Exchange, Fault, Faults, Step};

use super::scene::{Found, NOON, Scene, about, file, line, mapping, missing_there, right};
use crate::ledger::scratch::in_scratch_database;

fn told(answer: &Value) -> (&str, i64) {
    (
        answer["outcome"].as_str().unwrap(),
        answer["statement"].as_i64().unwrap(),
    )
}

#[tokio::test]
async fn the_same_file_twice_changes_nothing() {
    in_scratch_database(async |scratch| {
        let scene = Scene::set(scratch).await;
        let ours = scene.posted(3, NOON).await;
        let lines = [right(&ours[0]), line(&ours[1], 7, "EUR"), right("x")];
        let first = scene.take("acme/2026-05-22.csv", &lines).await;
        let (counts, breaks) = (scene.counts().await, scene.breaks().await);
        for key in ["acme/2026-05-22.csv", "acme/2026-05-22.again.csv"] {
            let again = scene.take(key, &lines).await;
            assert_eq!((told(&first), told(&again)), (("taken", 1), ("repeated", 1)), "{key}");
            assert_eq!(
                (scene.counts().await, &scene.breaks().await),
                (counts, &breaks),
                "{key}"
            );
        }
    })
    .await;
}

/// A day on which nothing moved reads like any other such day.
#[tokio::test]
async fn the_same_bytes_about_another_day_are_another_file() {
    in_scratch_database(async |scratch| {
        let scene = Scene::set(scratch).await;
        let missing = scene.posted(1, NOON).await[0];
        assert_eq!(told(&scene.take("acme/2026-05-21.csv", &[]).await), ("taken", 1));
        assert_eq!(told(&scene.take("acme/2026-05-22.csv", &[]).await), ("taken", 2));
        assert_eq!(scene.breaks().await, [missing_there(missing)]);
    })
    .await;
}

#[tokio::test]
async fn a_line_that_an_earlier_file_had_is_a_duplicate_and_what_it_missed_is_resolved() {
    in_scratch_database(async |scratch| {
        let scene = Scene::set(scratch).await;
        let ours = scene.posted(4, NOON).await;
        let (had, late, wrong, never) = (ours[0], ours[1], ours[2], ours[3]);
        scene.take("acme/2026-05-22.csv", &[right(&had)]).await;
        let month = ["2026-05-01_2026-05-31.csv", "2026-05-01_2026-05-31.again.csv"];
        let lines = [right(&had), right(&late), line(&wrong, 99, "EUR")];
        let answer = scene.take(&format!("acme/{}", month[0]), &lines).await;
        assert_eq!(
            answer,
            json!({"statement": 2, "outcome": "taken", "matched": 1, "opened": 2, "resolved": 2, "other": 0})
        );
        let mut breaks = scene.breaks().await;
        breaks.sort_by_key(|found| (found.resolved_in, found.line));
        let mut resolved = [late, wrong].map(|key| Found {
            resolved_in: Some(2),
            ..missing_there(key)
        });
        resolved.sort_by_key(|found| found.transaction);
        breaks[3..].sort_by_key(|found| found.transaction);
        assert_eq!(
            breaks,
            [
                // Missing once, however many files miss it.
                missing_there(never),
                about("duplicate", 2, &had, Some(had)),
                about("amount_differs", 4, &wrong, Some(wrong)),
                resolved[0].clone(),
                resolved[1].clone(),
            ]
        );
        // Corrected: what differed is matched, and stays a break until somebody resolves it.
        let answer = scene.take(&format!("acme/{}", month[1]), &[right(&wrong)]).await;
        assert_eq!((&answer["matched"], &answer["opened"]), (&json!(1), &json!(0)));
    })
    .await;
}

#[tokio::test]
async fn another_provider_tells_of_the_same_transactions_by_itself() {
    in_scratch_database(async |scratch| {
        let scene = Scene::set(scratch).await;
        scene.mapping(&mapping("bank-1")).await;
        let ours = scene.posted(2, NOON).await;
        let lines = [right(&ours[0])];
        for (key, statement) in [("acme/2026-05-22.csv", 1), ("bank-1/2026-05-22.csv", 2)] {
            let answer = scene.take(key, &lines).await;
            assert_eq!(
                (told(&answer), &answer["matched"]),
                (("taken", statement), &json!(1)),
                "{key}"
            );
        }
        assert_eq!(scene.breaks().await, [missing_there(ours[1]), missing_there(ours[1])]);
    })
    .await;
}

#[tokio::test]
async fn of_two_files_at_once_each_line_matches_in_one() {
    in_scratch_database(async |scratch| {
        let scene = Scene::set(scratch).await;
        let (one, other) = (scene.function().await, scene.function().await);
        for round in 1..=5_i64 {
            let ours = scene.posted(50, NOON).await;
            let lines: Vec<_> = ours.iter().map(right).collect();
            let (key, again) = (
                format!("acme/2026-05-22.{round}.csv"),
                format!("acme/2026-05-22.{round}-2.csv"),
            );
            scene.put(&key, file(&lines)).await;
            scene.put(&again, file(&lines) + "\n").await;
            let (first, second) = tokio::join!(scene.by_hand(&one, &key), scene.by_hand(&other, &again));
            let (first, second) = (first.unwrap(), second.unwrap());
            let sum = |name: &str| first[name].as_i64().unwrap() + second[name].as_i64().unwrap();
            assert_eq!((sum("matched"), sum("opened")), (50, 50), "{first} {second}");
            assert_eq!(scene.counts().await, (2 * round, 50 * round, 50 * round));
        }
        // And the same file twice at once is one file.
        let ours = scene.posted(1, NOON).await;
        let key = "acme/2026-05-22.same.csv";
        scene.put(key, file(&[right(&ours[0])])).await;
        let (first, second) = tokio::join!(scene.by_hand(&one, key), scene.by_hand(&other, key));
        let mut outcomes =
            [first.unwrap(), second.unwrap()].map(|answer| answer["outcome"].as_str().unwrap().to_owned());
        outcomes.sort_unstable();
        assert_eq!(outcomes, ["repeated", "taken"]);
    })
    .await;
}

#[tokio::test]
async fn a_process_that_dies_leaves_the_whole_file_or_nothing_and_the_next_one_ends_it() {
    in_scratch_database(async |scratch| {
        let scene = Scene::set(scratch).await;
        let ours = scene.posted(10, NOON).await;
        let lines: Vec<_> = ours[..8].iter().map(right).collect();
        for (day, fault, arrives) in [
            (1, Fault::HoldRequest, false),
            (2, Fault::HoldRequest, true),
            (3, Fault::HoldResponse, true),
        ] {
            let key = format!("acme/2026-05-22.{day}.csv");
            scene.put(&key, file(&lines) + &"\n".repeat(day)).await;
            let before = scene.counts().await;
            let faults = Faults::between(&scene.cloud).await;
            let doomed = scene
                .setup()
                .set("DATABASE_PORT", faults.ledger.port())
                .start()
                .await
                .unwrap();
            let point = faults.script.arm(Step::Post, fault);
            let mut call = pin!(doomed.invoke(&scene.wanted(&key)));
            tokio::select! {
                () = point.reached() => doomed.kill().await,
                answer = &mut call => panic!("{fault:?}: {answer:?}\n{}", doomed.output()),
            }
            let ended = if arrives {
                point.release().await
            } else {
                point.discard().await
            };
            let expected = if arrives {
                Exchange::Succeeded
            } else {
                Exchange::NotForwarded
            };
            assert_eq!(ended, expected, "{fault:?}");
            assert!(call.await.is_err(), "{fault:?}: it died");
            let after = scene.counts().await;
            assert_eq!(after == before, !arrives, "{fault:?}: in whole or not at all");

            let again = scene.by_hand(&scene.function().await, &key).await.unwrap();
            let expected = if arrives { "repeated" } else { "taken" };
            assert_eq!(again["outcome"], expected, "{fault:?}");
            let (statements, matches, _) = scene.counts().await;
            assert_eq!((statements, matches), (before.0 + 1, 8), "{fault:?}");
        }
    })
    .await;
}
