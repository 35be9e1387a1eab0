//! `analytics`: each event one line in the archive, in the objects of its day.

use std::collections::BTreeMap;

use domain::event::{Event, EventType};
use serde_json::{Value, json};
use tests::alarms::breaches;
use tests::cloud::Cloud;
use tests::lambda::{Function, Setup};
use time::macros::datetime;
use uuid::Uuid;

use super::scene::{Memory, batch, batch_of, consumer, delivery, event, failed, payment, poisons, says, ten_with};
use crate::buckets::{new_bucket, s3};

/// An empty archive.
struct Scene {
    cloud: Cloud,
    tenant: Uuid,
    bucket: String,
    memory: Memory,
}

impl Scene {
    async fn set() -> Self {
        let cloud = Cloud::running();
        let bucket = new_bucket(&cloud, "archive").await;
        Self {
            memory: Memory::of(&cloud, "analytics"),
            tenant: Uuid::new_v4(),
            cloud,
            bucket,
        }
    }

    fn setup(&self) -> Setup {
        consumer(&self.cloud, "analytics").set("ARCHIVE_BUCKET", &self.bucket)
    }

    async fn analytics(&self) -> Function {
        self.setup().start().await.unwrap()
    }

    /// The lines of each object, by its key.
    async fn archive(&self) -> BTreeMap<String, Vec<String>> {
        let s3 = s3(&self.cloud);
        let listed = s3.list_objects_v2().bucket(&self.bucket).send().await.unwrap();
        let mut archive = BTreeMap::new();
        for object in listed.contents() {
            let key = object.key().unwrap();
            let read = s3.get_object().bucket(&self.bucket).key(key).send().await.unwrap();
            let body = read.body.collect().await.unwrap().to_vec();
            let text = String::from_utf8(body).unwrap();
            assert!(text.ends_with('\n'), "{text}");
            archive.insert(key.to_owned(), text.lines().map(str::to_owned).collect());
        }
        archive
    }

    /// The ids of the archived events, line by line.
    async fn archived(&self) -> Vec<String> {
        let lines = self.archive().await.into_values().flatten();
        let mut ids: Vec<_> = lines.map(|line| id_in(&line)).collect();
        ids.sort_unstable();
        ids
    }
}

fn id_in(line: &str) -> String {
    let detail: Value = serde_json::from_str(line).unwrap();
    detail["event_id"].as_str().unwrap().to_owned()
}

fn ids<'a>(events: impl IntoIterator<Item = &'a Event>) -> Vec<String> {
    let mut ids: Vec<_> = events.into_iter().map(|event| event.id().to_string()).collect();
    ids.sort_unstable();
    ids
}

#[tokio::test]
async fn a_batch_becomes_an_object_of_lines_for_each_day_in_utc() {
    let scene = Scene::set().await;
    let events = [
        event(
            scene.tenant,
            EventType::PaymentPosted,
            datetime!(2026-02-03 23:59:59.999_999 UTC),
        ),
        event(scene.tenant, EventType::DepositPosted, datetime!(2026-02-04 00:00 UTC)),
        event(
            scene.tenant,
            EventType::PaymentPosted,
            datetime!(2026-02-04 00:30 +01:00),
        ),
    ];
    let analytics = scene.analytics().await;
    let answer = analytics
        .invoke(&batch_of(&[&events[0], &events[1], &events[2]]))
        .await
        .unwrap();
    assert_eq!(answer, json!({"batchItemFailures": []}));
    let archive = scene.archive().await;
    let days: Vec<_> = archive.iter().map(|(key, lines)| (&key[..22], lines.len())).collect();
    assert_eq!(days, [("events/date=2026-02-03", 2), ("events/date=2026-02-04", 1)]);
    assert!(archive.keys().all(|key| key.ends_with(".ndjson")));
    let mut details: Vec<_> = events
        .iter()
        .map(|event| serde_json::to_value(event).unwrap().to_string())
        .collect();
    let mut lines: Vec<_> = archive.into_values().flatten().collect();
    details.sort_unstable();
    lines.sort_unstable();
    assert_eq!(lines, details, "as they came");
}

#[tokio::test]
async fn an_event_delivered_again_in_any_company_is_archived_once() {
    let scene = Scene::set().await;
    let [one, two, three] = [(); 3].map(|()| payment(scene.tenant));
    for batch in [&[&one, &two] as &[_], &[&one, &two], &[&two, &three, &one], &[&three]] {
        let answer = scene.analytics().await.invoke(&batch_of(batch)).await.unwrap();
        assert_eq!(failed(&answer), [""; 0]);
    }
    assert_eq!(scene.archived().await, ids([&one, &two, &three]));
}

#[tokio::test]
async fn two_copies_at_once_are_one_line() {
    let scene = Scene::set().await;
    let payment = payment(scene.tenant);
    let copies = batch_of(&[&payment, &payment]);
    let (one, other) = (scene.analytics().await, scene.analytics().await);
    let (first, second) = tokio::join!(one.invoke(&copies), other.invoke(&copies));
    let again = failed(&first.unwrap()).len() + failed(&second.unwrap()).len();
    assert!(
        again <= 3,
        "one of the four was done, and only what came too early comes again"
    );
    assert_eq!(failed(&one.invoke(&copies).await.unwrap()), [""; 0]);
    assert_eq!(scene.archived().await, ids([&payment]));
}

#[tokio::test]
async fn poison_in_a_batch_of_ten_fails_alone() {
    let scene = Scene::set().await;
    let analytics = scene.analytics().await;
    let mut expected = Vec::new();
    for (what, body) in poisons(scene.tenant) {
        let (mut events, batch) = ten_with(scene.tenant, &[(4, body)]);
        let answer = analytics.invoke(&batch).await.unwrap();
        assert_eq!(failed(&answer), ["4"], "{what}");
        events.remove(4);
        expected.extend(events);
    }
    assert_eq!(scene.archived().await, ids(&expected));
}

#[tokio::test]
async fn an_event_of_a_later_version_is_archived_as_it_came() {
    let scene = Scene::set().await;
    let mut later = delivery(&payment(scene.tenant));
    later["detail-type"] = json!("payment.posted.v2");
    later["detail"]["event_type"] = json!("payment.posted.v2");
    later["detail"]["payment"] = json!({"amount": {"value": "12.50"}});
    later["detail"]["occurred_at"] = json!("2026-02-04T00:30:00+01:00");
    let answer = scene
        .analytics()
        .await
        .invoke(&batch(&[later.to_string()]))
        .await
        .unwrap();
    assert_eq!(failed(&answer), [""; 0]);
    let archive = scene.archive().await;
    let (key, lines) = archive.first_key_value().unwrap();
    assert!(key.starts_with("events/date=2026-02-03/"), "the day in UTC: {key}");
    assert_eq!(*lines, [later["detail"].to_string()]);
}

#[tokio::test]
async fn what_the_archive_does_not_take_comes_again() {
    let scene = Scene::set().await;
    let [one, two] = [(); 2].map(|()| payment(scene.tenant));
    let astray = scene
        .setup()
        .set("ARCHIVE_BUCKET", "no-such-bucket")
        .start()
        .await
        .unwrap();
    let answer = astray.invoke(&batch_of(&[&one, &two])).await.unwrap();
    assert_eq!(failed(&answer), ["0", "1"]);
    says(&astray, "NoSuchBucket").await;
    assert_eq!(breaches(&scene.cloud, "AnalyticsReturning", &astray).await, [2]);
    for event in [&one, &two] {
        assert_eq!(scene.memory.done(event).await, Some(false));
        scene.memory.end_lease(event).await;
    }
    let answer = scene.analytics().await.invoke(&batch_of(&[&one, &two])).await.unwrap();
    assert_eq!(failed(&answer), [""; 0]);
    assert_eq!(scene.archived().await, ids([&one, &two]));
}

/// The side that was chosen: a line too many, under the same id, rather than one too few.
#[tokio::test]
async fn after_a_death_before_the_mark_the_same_batch_overwrites_itself_and_another_repeats_a_line() {
    let scene = Scene::set().await;
    let [one, two] = [(); 2].map(|()| payment(scene.tenant));
    let analytics = scene.analytics().await;
    analytics.invoke(&batch_of(&[&one, &two])).await.unwrap();
    for event in [&one, &two] {
        scene.memory.forget_done(event).await;
    }
    analytics.invoke(&batch_of(&[&two, &one])).await.unwrap();
    assert_eq!(scene.archived().await, ids([&one, &two]));

    scene.memory.forget_done(&one).await;
    analytics.invoke(&batch_of(&[&one])).await.unwrap();
    assert_eq!(scene.archived().await, ids([&one, &one, &two]));
}
