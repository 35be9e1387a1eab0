//! The breaker on a real table: it does what the domain says, and spares the endpoint when the table is gone.

use std::time::Duration;

use adapters::breaker::{Breaker, Entered, NoCall};
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::AttributeValue;
use domain::breaker::change::Change;
use domain::breaker::{Breaker as Record, Ended, Refused};
use domain::ids::Owner;
use proptest::prelude::*;
use tests::cloud::Cloud;
use tests::fault::{DynamoProxy, Script};
use tokio::time::Instant;
use uuid::Uuid;

use super::table::{SETTINGS, Table};

async fn entered(breaker: &Breaker) -> Entered {
    breaker.enter().await.unwrap()
}

async fn refused(breaker: &Breaker) -> Refused {
    match breaker.enter().await {
        Err(NoCall::Refused(refused)) => refused,
        other => panic!("{other:?}"),
    }
}

async fn fail(breaker: &Breaker, times: u32) {
    for _ in 0..times {
        breaker.leave(entered(breaker).await, Ended::Failed).await;
    }
}

#[tokio::test]
async fn enough_failures_open_it_for_everybody_and_one_probe_closes_it() {
    let table = Table::new().await;
    let [one, other, third] = [(); 3].map(|()| table.breaker(SETTINGS));
    fail(&one, SETTINGS.minimum - 1).await;
    assert!(!table.is_open().await);
    fail(&other, 1).await;
    assert!(table.is_open().await);
    assert!(matches!(refused(&third).await, Refused::Open { .. }));

    table.end("open_until").await;
    let probe = entered(&third).await;
    assert_eq!(refused(&one).await, Refused::Probed);
    assert_eq!(refused(&other).await, Refused::Probed);
    third.leave(probe, Ended::Served).await;
    assert!(!table.is_open().await);
    fail(&one, SETTINGS.minimum - 1).await;
    assert!(!table.is_open().await, "what was counted before does not count now");
}

#[tokio::test]
async fn a_probe_that_fails_opens_it_for_another_while() {
    let table = Table::new().await;
    let breaker = table.breaker(SETTINGS);
    fail(&breaker, SETTINGS.minimum).await;
    table.end("open_until").await;
    fail(&breaker, 1).await;
    assert!(matches!(refused(&breaker).await, Refused::Open { .. }));
}

#[tokio::test]
async fn a_dead_probers_permit_ends_and_its_late_word_counts_for_nothing() {
    let table = Table::new().await;
    let [dead, alive] = [(); 2].map(|()| table.breaker(SETTINGS));
    fail(&alive, SETTINGS.minimum).await;
    table.end("open_until").await;
    let lost = entered(&dead).await;
    assert_eq!(refused(&alive).await, Refused::Probed);
    table.end("calls").await;
    let probe = entered(&alive).await;
    dead.leave(lost, Ended::Served).await;
    assert!(table.is_open().await, "only who probes closes it");
    alive.leave(probe, Ended::Failed).await;
    assert!(matches!(refused(&alive).await, Refused::Open { .. }));
}

#[tokio::test]
async fn calls_from_before_the_opening_keep_the_probe_waiting_and_their_results_are_void() {
    let table = Table::new().await;
    let breaker = table.breaker(SETTINGS);
    let early = entered(&breaker).await;
    fail(&breaker, SETTINGS.minimum).await;
    table.end("open_until").await;
    assert_eq!(refused(&breaker).await, Refused::Probed, "a call is still on its way");
    breaker.leave(early, Ended::Served).await;
    assert!(table.is_open().await);
    let probe = entered(&breaker).await;
    breaker.leave(probe, Ended::Served).await;
    assert!(!table.is_open().await);
}

#[tokio::test]
async fn no_more_calls_are_on_their_way_than_allowed_and_the_dead_make_room() {
    let table = Table::new().await;
    let breaker = table.breaker(SETTINGS);
    for _ in 0..SETTINGS.in_flight {
        // Never left: their callers died.
        entered(&breaker).await;
    }
    assert_eq!(refused(&breaker).await, Refused::Busy);
    table.end("calls").await;
    let alive = entered(&breaker).await;
    breaker.leave(alive, Ended::Served).await;
    assert_eq!(table.item().await["calls"], AttributeValue::M([].into()));
}

#[tokio::test]
async fn the_item_stays_small() {
    let table = Table::new().await;
    let hasty = domain::breaker::Settings {
        bucket_ms: 20,
        buckets: 3,
        ..SETTINGS
    };
    let breaker = table.breaker(hasty);
    for _ in 0..30 {
        breaker.leave(entered(&breaker).await, Ended::Served).await;
        // Half a bucket, so that all thirty take several windows.
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let item = table.item().await;
    let AttributeValue::M(outcomes) = &item["outcomes"] else {
        panic!("{item:?}");
    };
    assert!(outcomes.len() <= 5, "{outcomes:?}");
}

#[tokio::test]
async fn without_its_table_no_call_is_made() {
    let cloud = Cloud::running();
    let upstream = cloud.aws.endpoint.trim_start_matches("http://").to_owned();
    let proxy = DynamoProxy::start(&upstream, Script::default()).await;
    let table = Table::new().await;
    let breaker = Breaker::at(client_by(&cloud, &proxy.url()), &table.name, &table.endpoint, SETTINGS);
    let before = entered(&breaker).await;
    proxy.set_down(true);
    assert!(matches!(breaker.enter().await, Err(NoCall::Unreachable(_))));
    let asked = Instant::now();
    breaker.leave(before, Ended::Failed).await;
    assert!(
        asked.elapsed() < Duration::from_secs(5),
        "nobody waits for the word to get through"
    );
    proxy.set_down(false);
    breaker.leave(entered(&breaker).await, Ended::Served).await;

    let nowhere = Breaker::at(cloud.dynamodb(), "no-such-table", "e", SETTINGS);
    assert!(matches!(nowhere.enter().await, Err(NoCall::Unreachable(_))));
}

fn client_by(cloud: &Cloud, endpoint: &str) -> aws_sdk_dynamodb::Client {
    let aws = &cloud.aws;
    let keys = Credentials::new(&aws.access_key_id, &aws.secret_access_key, None, None, "state file");
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(aws.region.clone()))
        .endpoint_url(endpoint)
        .credentials_provider(keys)
        .http_client(aws_smithy_http_client::Builder::new().build_http());
    aws_sdk_dynamodb::Client::from_conf(config.build())
}

/// Changes that often meet: three tokens, three epochs, two buckets.
fn change() -> impl Strategy<Value = Change> {
    let owner = || (0..3u128).prop_map(|id| Owner::from(Uuid::from_u128(id)));
    let ended = || prop_oneof![Just(Ended::Served), Just(Ended::Failed)];
    let (epoch, until) = (|| 7..10_i64, || 0..5_i64);
    prop_oneof![
        4 => (epoch(), 1..3_usize, owner(), until()).prop_map(|(epoch, limit, owner, until_ms)| Change::Admit {
            epoch, limit, owner, until_ms
        }),
        1 => prop::collection::btree_set(owner(), 1..3).prop_map(|dead| Change::Sweep {
            dead: dead.into_iter().collect()
        }),
        4 => (owner(), ended(), 5..7_i64, prop::collection::btree_set(3..5_i64, 0..2)).prop_map(
            |(owner, ended, bucket, forget)| Change::Count {
                owner, ended, bucket, forget: forget.into_iter().collect()
            }
        ),
        2 => (owner(), ended(), 3..5_i64).prop_map(|(owner, ended, bucket)| Change::Count {
            owner, ended, bucket, forget: Vec::new()
        }),
        1 => (epoch(), until()).prop_map(|(epoch, until_ms)| Change::Open { epoch, until_ms }),
        1 => owner().prop_map(|owner| Change::Close { owner }),
        1 => (owner(), until()).prop_map(|(owner, until_ms)| Change::Reopen { owner, until_ms }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 60, ..ProptestConfig::default() })]

    /// `domain/tests/breaker_model.rs` explores the changes; this makes them what the table does.
    #[test]
    fn the_table_does_what_the_domain_says(changes in prop::collection::vec(change(), 40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let table = Table::new().await;
            let breaker = table.breaker(SETTINGS);
            let mut record = breaker.begin(7).await.unwrap();
            assert_eq!(record, Record::new(7));
            for change in changes {
                let after = change.applied_to(&record);
                let written = breaker.make(&change).await.unwrap();
                assert_eq!(written.is_done(), after.is_some(), "{change:?} of {record:?}");
                record = after.unwrap_or(record);
                assert_eq!(written.found().as_ref(), Some(&record), "{change:?}");
                assert_eq!(breaker.read().await.unwrap().as_ref(), Some(&record));
            }
        });
    }
}
