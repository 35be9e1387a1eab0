//! Files that are not taken: nothing of them is, and they come again until somebody has seen to them.

use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use super::scene::{HEADER, NOON, Scene, file, mapping, right};
use crate::ledger::scratch::in_scratch_database;

#[tokio::test]
async fn a_file_that_cannot_be_taken_leaves_nothing_and_says_why() {
    in_scratch_database(async |scratch| {
        let scene = Scene::set(scratch).await;
        scene.put("mappings/broken.json", "{").await;
        let mut strange = mapping("strange");
        strange["provider"] = json!("acme");
        scene.put("mappings/strange.json", strange.to_string()).await;
        let mut other = mapping("other");
        other["covers"]["kinds"] = json!(["payment", "hold"]);
        scene.mapping(&other).await;
        let header = HEADER.to_owned();
        let many: Vec<_> = (0..10_001).map(|number| right(&format!("x{number}"))).collect();
        let in_an_hour = OffsetDateTime::now_utc() + Duration::HOUR;
        let today = format!("acme/{}.csv", in_an_hour.date());
        for (key, body, why) in [
            ("acme/may.csv", file(&[]), "a statement is called"),
            ("acme/2026-05-23_2026-05-22.csv", file(&[]), "366 at most"),
            ("nobody/2026-05-22.csv", file(&[]), "the provider's mapping"),
            ("broken/2026-05-22.csv", file(&[]), "the mapping is not what"),
            ("strange/2026-05-22.csv", file(&[]), "the mapping is another provider's"),
            ("other/2026-05-22.csv", file(&[]), "the mapping's covers.kinds"),
            ("acme/2026-05-22.csv", String::new(), "\"id\" not once"),
            ("acme/2026-05-22.csv", header.replace(',', ";"), "\"id\" not once"),
            (
                "acme/2026-05-22.csv",
                header.replace("day", "amount"),
                "\"amount\" not once",
            ),
            ("acme/2026-05-22.csv", file(&many), "10001 breaks"),
            (today.as_str(), file(&[]), "statement_too_early"),
        ] {
            scene.put(key, body).await;
            let said = scene.refusal(key).await;
            assert!(said.contains(why), "{key}: {said}");
        }
        let said = scene.refusal("acme/2026-05-20.csv").await;
        assert!(said.contains("NoSuchKey"), "{said}");
        assert_eq!(scene.counts().await, (0, 0, 0));
    })
    .await;
}

#[tokio::test]
async fn a_file_is_taken_whole_up_to_the_limit_of_what_may_differ() {
    in_scratch_database(async |scratch| {
        let scene = Scene::set(scratch).await;
        let many: Vec<_> = (0..10_000).map(|number| right(&format!("x{number}"))).collect();
        let answer = scene.take("acme/2026-05-22.csv", &many).await;
        assert_eq!(answer["opened"], 10_000);
    })
    .await;
}

#[tokio::test]
async fn the_queue_brings_back_what_was_not_taken_and_nothing_else() {
    in_scratch_database(async |scratch| {
        let scene = Scene::set(scratch).await;
        let ours = scene.posted(1, NOON).await[0];
        scene.put("acme/2026-05-22.csv", file(&[right(&ours)])).await;
        scene.put("acme/2026-05-21.csv", "nonsense").await;
        let function = scene.function().await;
        let told = |bucket: &str, key: &str| put_of(bucket, key);
        for (body, comes_again) in [
            (told(&scene.bucket, "acme/2026-05-22.csv"), false),
            (told(&scene.bucket, "acme/2026-05-22.csv"), false),
            (told(&scene.bucket, "acme/2026-05-21.csv"), true),
            (told("another", "acme/2026-05-22.csv"), true),
            (json!({"source": "aws.s3"}), true),
            (json!("text"), true),
        ] {
            let batch = json!({"Records": [{"messageId": "7", "body": body.to_string()}]});
            let answer = function.invoke(&batch).await.unwrap();
            let failures = if comes_again {
                json!([{"itemIdentifier": "7"}])
            } else {
                json!([])
            };
            assert_eq!(answer, json!({"batchItemFailures": failures}), "{body}");
        }
        assert_eq!(scene.counts().await, (1, 1, 0));
        let said = function.output();
        for metric in [
            "StatementLinesMatched",
            "StatementBreaksOpened",
            "StatementBreaksResolved",
            "StatementsRefused",
        ] {
            assert!(said.contains(metric), "{metric}");
        }
    })
    .await;
}

fn put_of(bucket: &str, key: &str) -> Value {
    json!({
        "source": "aws.s3", "detail-type": "Object Created",
        "detail": {"bucket": {"name": bucket}, "object": {"key": key}},
    })
}
