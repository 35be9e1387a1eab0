//! The bus fails. Nothing is lost, and no event pays for it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use tests::bus::Answer;
use tests::lambda::{Function, Unanswered};

use super::scene::{Scene, id_of, logged, metered};
use crate::ledger::scratch::in_scratch_database;

const MOMENT: Duration = Duration::from_secs(2);

/// Announces `count` events to a bus that answers the first `times` calls by `answer` and then takes everything.
/// Returns the scene after it, with no event lost or blamed.
async fn outlast(scene: Scene, count: usize, times: usize, answer: Answer) -> (Scene, Function) {
    let ids = scene.post(count).await;
    let calls = AtomicUsize::new(0);
    scene.bus.behave(move |_| {
        if calls.fetch_add(1, Ordering::SeqCst) < times {
            answer.clone()
        } else {
            Answer::Accept
        }
    });
    let poller = scene.polling().await;
    scene.published_all(count).await;
    let taken = scene.taken();
    assert!(
        ids.iter().all(|id| taken.contains_key(id)) && taken.len() == count,
        "{taken:?}"
    );
    assert_eq!(
        logged(&poller, "events fail"),
        Vec::<serde_json::Value>::new(),
        "no event was blamed"
    );
    (scene, poller)
}

#[tokio::test]
async fn a_bus_that_throttles_is_given_time_and_then_everything_once() {
    in_scratch_database(async |cloud| {
        let scene = Scene::set(cloud).await;
        let throttled = Answer::Refuse(400, "ThrottlingException");
        let (scene, poller) = outlast(scene, 10, 6, throttled).await;
        assert!(scene.taken().values().all(|times| *times == 1));
        assert_eq!(logged(&poller, "the bus fails").len(), 6);
    })
    .await;
}

#[tokio::test]
async fn the_longer_a_bus_fails_the_less_it_is_asked() {
    in_scratch_database(async |cloud| {
        let scene = Scene::set(cloud).await;
        let ids = scene.post(10).await;
        scene.bus.behave(|_| Answer::Refuse(503, "ServiceUnavailable"));
        let _poller = scene.polling().await;
        scene.bus.sees(|seen| seen.calls >= 1).await;
        // The pause doubles five times meanwhile, from 200 ms to 6.4 s.
        tokio::time::sleep(Duration::from_secs(10)).await;
        // Without jitter 6 calls fit into 10 s; with it some more do. Without doubling it would be 100, with none at
        // all thousands.
        let calls = scene.bus.seen().calls;
        assert!((3..30).contains(&calls), "{calls} calls");
        scene.bus.behave(|_| Answer::Accept);
        scene.published_all(10).await;
        scene.took(&ids, 1);
    })
    .await;
}

/// For longer than a lease, while payments go on.
#[tokio::test]
async fn a_bus_that_throttles_for_longer_than_a_lease_gets_everything_once_and_few_calls_until_then() {
    in_scratch_database(async |cloud| {
        let scene = Scene::set(cloud).await;
        scene.bus.behave(|_| Answer::Refuse(400, "ThrottlingException"));
        let poller = scene.polling().await;
        let mut ids = Vec::new();
        for _ in 0..40 {
            ids.extend(scene.post(5).await);
            // 40 s in all: a lease lasts 30.
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        assert_eq!((scene.dead_letters().await, scene.blamed().await), (0, 0));
        let rounds = logged(&poller, "the bus fails").len();
        assert!((5..60).contains(&rounds), "{rounds} rounds");
        // 200 events are 20 calls at most.
        assert!(scene.bus.seen().calls <= 20 * rounds);

        scene.bus.behave(|_| Answer::Accept);
        scene.published_all(200).await;
        scene.took(&ids, 1);
    })
    .await;
}

/// What it takes between two refusals does not say that it is well.
#[tokio::test]
async fn a_bus_that_throttles_a_part_of_the_stream_is_given_time_too() {
    in_scratch_database(async |cloud| {
        let scene = Scene::set(cloud).await;
        let throttled = scene.post(1).await;
        scene.bus.behave({
            let throttled = throttled.clone();
            move |details| {
                let code = |detail| throttled.contains(&id_of(detail)).then_some("ThrottlingException");
                Answer::Entries(details.iter().map(code).collect())
            }
        });
        let poller = scene.polling().await;
        let mut ids = Vec::new();
        for _ in 0..60 {
            ids.extend(scene.post(1).await);
            // There is always something new for the bus to take: for 12 s, which are 60 rounds and more without a pause.
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        let rounds = logged(&poller, "the bus fails").len();
        assert!((3..30).contains(&rounds), "{rounds} rounds");
        scene.bus.behave(|_| Answer::Accept);
        scene.published_all(61).await;
        scene.took(&[throttled, ids].concat(), 1);
    })
    .await;
}

#[tokio::test]
async fn single_entries_that_are_throttled_or_fail_inside_go_out_a_little_later() {
    for code in ["ThrottlingException", "InternalFailure"] {
        in_scratch_database(async move |cloud| {
            let scene = Scene::set(cloud).await;
            let mut codes = vec![None; 10];
            codes[3] = Some(code);
            let since = Instant::now();
            let (scene, _) = outlast(scene, 10, 1, Answer::Entries(codes)).await;
            assert!(scene.taken().values().all(|times| *times == 1));
            assert_eq!(scene.bus.seen().calls, 2);
            assert!(since.elapsed() < Duration::from_secs(10), "not after the lease");
        })
        .await;
    }
}

#[tokio::test]
async fn a_bus_that_does_not_answer_gets_everything_again_under_the_same_ids_whether_it_took_it_or_not() {
    for (answer, times) in [(Answer::AcceptAndHang, 2), (Answer::Hang, 1)] {
        in_scratch_database(async move |cloud| {
            let scene = Scene::set(cloud).await;
            let since = Instant::now();
            let (scene, _) = outlast(scene, 3, 1, answer).await;
            assert!(scene.taken().values().all(|taken| *taken == times));
            let after = since.elapsed();
            assert!(
                (5..12).contains(&after.as_secs()),
                "the call's own time-out, not the lease's: {after:?}"
            );
        })
        .await;
    }
}

#[tokio::test]
async fn an_answer_for_fewer_entries_than_were_sent_is_taken_for_none() {
    in_scratch_database(async |cloud| {
        let scene = Scene::set(cloud).await;
        let (scene, _) = outlast(scene, 10, 1, Answer::AcceptAndAnswerFewer).await;
        assert!(scene.taken().values().all(|times| *times == 2));
    })
    .await;
}

#[tokio::test]
async fn what_the_bus_says_of_itself_or_of_who_calls_blames_no_event() {
    for answer in [
        Answer::Refuse(500, "InternalFailure"),
        Answer::Refuse(400, "AccessDeniedException"),
        Answer::Refuse(400, "ResourceNotFoundException"),
        Answer::Refuse(400, "ExpiredTokenException"),
    ] {
        in_scratch_database(async move |cloud| {
            let scene = Scene::set(cloud).await;
            let (scene, _) = outlast(scene, 10, 3, answer).await;
            assert_eq!(scene.bus.seen().calls, 4);
        })
        .await;
    }
}

/// Whatever the bus said before its outage, and for longer than a row needs to be given up.
#[tokio::test]
async fn a_bus_that_calls_everything_invalid_kills_no_event() {
    in_scratch_database(async |cloud| {
        let scene = Scene::set(cloud).await;
        let before = scene.post(10).await;
        let poller = scene.polling().await;
        scene.published_all(10).await;

        scene
            .bus
            .behave(|details| Answer::Entries(vec![Some("InvalidArgument"); details.len()]));
        let during = scene.post(30).await;
        // What was accepted before vouches for the bus for 10 s, and a row's five failures take 15 s.
        tokio::time::sleep(Duration::from_secs(25)).await;
        assert_eq!(scene.dead_letters().await, 0);
        assert!(scene.blamed().await < 5);
        assert!(!logged(&poller, "events fail").is_empty(), "it is told, though");
        assert!(metered(&poller, "BusBackoffs") > 0, "and the bus is given time");

        scene.bus.behave(|_| Answer::Accept);
        scene.published_all(40).await;
        scene.took(&[before, during].concat(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_run_without_its_bus_fails_by_name_and_touches_nothing() {
    in_scratch_database(async |cloud| {
        let scene = Scene::set(cloud).await;
        let ids = scene.post(3).await;
        scene.bus.describe(Answer::Refuse(400, "ResourceNotFoundException"));
        let ended = scene.run(Duration::from_secs(30)).await;
        let Err(Unanswered::Failed(error)) = ended else {
            panic!("a run without a bus went on: {ended:?}");
        };
        assert_eq!(error["errorType"], "EventBusMissing");
        assert_eq!(scene.bus.seen().calls, 0);
        assert_eq!(
            scene
                .number("SELECT count(*) FROM ledger.outbox WHERE lease IS NULL")
                .await,
            3
        );

        scene.bus.describe(Answer::Accept);
        scene.run(MOMENT).await.unwrap();
        scene.took(&ids, 1);
    })
    .await;
}

/// It was there a minute ago, and takes events.
#[tokio::test]
async fn a_bus_that_was_found_before_and_cannot_be_asked_now_is_still_told() {
    in_scratch_database(async |cloud| {
        let scene = Scene::set(cloud).await;
        let poller = scene.poller(MOMENT).start().await.unwrap();
        poller.invoke(&json!({})).await.unwrap();
        scene.bus.describe(Answer::Refuse(400, "ThrottlingException"));
        let ids = scene.post(3).await;
        poller.invoke(&json!({})).await.unwrap();
        scene.took(&ids, 1);

        // That it is gone would be another thing.
        scene.bus.describe(Answer::Refuse(400, "ResourceNotFoundException"));
        let ended = poller.invoke(&json!({})).await;
        assert!(matches!(&ended, Err(Unanswered::Failed(error)) if error["errorType"] == "EventBusMissing"));
    })
    .await;
}

/// Nobody listens where the bus should be.
#[tokio::test]
async fn a_run_that_never_reaches_its_bus_fails_and_leases_nothing() {
    in_scratch_database(async |cloud| {
        let scene = Scene::set(cloud).await;
        scene.post(3).await;
        let nobody = "http://127.0.0.1:1";
        let poller = scene.poller(MOMENT).set("AWS_ENDPOINT_URL_EVENTBRIDGE", nobody);
        let poller = poller.start().await.unwrap();
        let ended = poller.invoke(&json!({})).await;
        assert!(matches!(&ended, Err(Unanswered::Failed(error)) if error["errorType"] == "EventBusUnavailable"));
        assert_eq!(
            scene
                .number("SELECT count(*) FROM ledger.outbox WHERE lease IS NULL")
                .await,
            3
        );
    })
    .await;
}
