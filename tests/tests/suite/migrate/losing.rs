//! Answers of the Data API that get lost, at every call, and functions that are killed.

use ::migrate::apply::{Done, NotApplied, migrate};
use std::time::Duration;

use futures_util::future::join_all;
use tests::fault::{DataApiProxy, Fate};
use tests::patience::until;
use tokio::time::Instant;

use super::applying::{AMOUNTS, FILES, names};
use super::scene::{Server, files, in_empty_database, patience};
use tests::custom_resource::CloudFormation;

/// What a run of [`FILES`] asks for.
const CALLS: [&str; 9] = [
    "BeginTransaction",
    // The lock and the limits, what was applied, the function that applies, each file, signing in.
    "Execute",
    "Execute",
    "Execute",
    "Execute",
    "Execute",
    "Execute",
    "Execute",
    "CommitTransaction",
];

#[tokio::test]
async fn a_lost_answer_or_an_outage_at_any_call_leads_to_the_same_end() {
    let cases = (0..CALLS.len()).flat_map(|call| [(call, Fate::DropAnswer), (call, Fate::Refuse)]);
    let runs = cases.map(|(faulty, fate)| {
        in_empty_database(async move |empty| {
            let decide = move |call, _: &str| if call == faulty { fate } else { Fate::Pass };
            let proxy = DataApiProxy::start(&empty.cloud, decide).await;
            let ours = files(&FILES);
            let done = migrate(&empty.api_at(&proxy.url()), &ours, patience()).await;
            let done = done.unwrap_or_else(|error| panic!("{fate:?} at {faulty}: {error}"));
            // It may have been the attempt before that committed.
            let was_committed = faulty == CALLS.len() - 1 && fate == Fate::DropAnswer;
            let applied = if was_committed { vec![] } else { names(&ours) };
            assert_eq!(done.applied, applied, "{fate:?} at {faulty}");
            assert_eq!(proxy.seen()[..=faulty], CALLS[..=faulty]);
            assert_eq!(empty.numbers(AMOUNTS).await, [1, 3], "{fate:?} at {faulty}");
            let again = migrate(&empty.api(), &ours, patience()).await;
            assert_eq!(again, Ok(Done::default()), "{fate:?} at {faulty}");
        })
    });
    join_all(runs).await;
}

#[tokio::test]
async fn a_commit_that_is_never_answered_is_called_unknown_and_the_next_run_knows() {
    for (fate, committed) in [(Fate::DropAnswer, true), (Fate::Refuse, false)] {
        in_empty_database(async move |empty| {
            let decide = move |_, call: &str| if call == "CommitTransaction" { fate } else { Fate::Pass };
            let proxy = DataApiProxy::start(&empty.cloud, decide).await;
            let (ours, soon) = (files(&FILES), Instant::now() + Duration::from_secs(3));
            let unknown = migrate(&empty.api_at(&proxy.url()), &ours, soon).await.unwrap_err();
            assert!(matches!(unknown, NotApplied::Unknown(_)), "{unknown}");
            let done = migrate(&empty.api(), &ours, patience()).await.unwrap();
            assert_eq!(done.applied, if committed { vec![] } else { names(&ours) });
            assert_eq!(empty.numbers(AMOUNTS).await, [1, 3]);
        })
        .await;
    }
}

/// The real function and the real migrations. Its transaction is the server's to end, and then nothing is left of it.
#[tokio::test]
async fn a_function_that_is_killed_in_the_midst_has_changed_nothing_and_the_next_one_changes_everything() {
    let server = Server::start().await;
    let before = server.dump().await;
    let cloudformation = CloudFormation::start().await;
    // Begin, lock, list, function: then the migrations.
    let proxy = DataApiProxy::start(
        &server.cloud,
        |call, _| if call == 15 { Fate::Hold } else { Fate::Pass },
    )
    .await;
    let killed = server
        .function()
        .set("AWS_ENDPOINT_URL", proxy.url())
        .start()
        .await
        .unwrap();
    let call = killed.invoke(&cloudformation.event("Create"));
    let held = async || (proxy.seen().len() == 16).then_some(());
    until(held, || format!("{:?}", proxy.seen())).await;
    killed.kill().await;
    assert!(call.await.is_err());
    assert_eq!(server.dump().await, before);

    let next = server.function().start().await.unwrap();
    let answer = next.invoke(&cloudformation.event("Create")).await.unwrap();
    assert_eq!(answer["Status"], "SUCCESS", "{answer}");
    let superuser = server.cloud.superuser().await;
    let applied = superuser
        .query_one("SELECT count(*) FROM public.applied_migrations", &[])
        .await
        .unwrap();
    let all = i64::try_from(::migrate::migrations().len()).unwrap();
    assert_eq!(applied.get::<_, i64>(0), all);
}
