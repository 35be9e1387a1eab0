//! Sound books raise no alarm, whatever happens beside the run.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tests::cloud::Cloud;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::scene::{Night, settled, setup};
use crate::ledger::merchant::Merchant;
use crate::ledger::scratch::in_scratch_database;
use crate::ledger::statements::fold;

const RUNS: usize = 100;

#[tokio::test]
async fn in_a_hundred_runs_beside_postings_folds_a_poller_and_long_transactions_nothing_is_found() {
    in_scratch_database(async |cloud| {
        let merchant = Merchant::onboard(&cloud).await;
        let accounts = [
            merchant.buyer(1000).await,
            merchant.buyer(1000).await,
            merchant.till().await,
        ];
        let goes_on = Arc::new(AtomicBool::new(true));
        let mut beside = JoinSet::new();
        for lane in 0..3 {
            beside.spawn(posting(
                cloud.clone(),
                merchant.clone(),
                accounts,
                lane,
                goes_on.clone(),
            ));
        }
        beside.spawn(folding(cloud.clone(), accounts, goes_on.clone()));
        beside.spawn(publishing(cloud.clone(), goes_on.clone()));
        beside.spawn(dawdling(cloud.clone(), merchant.clone(), accounts[2], goes_on.clone()));

        let reconciler = setup(&cloud).start().await.unwrap();
        let mut read = 0;
        for run in 0..RUNS {
            let night = Night::of(&reconciler).await;
            assert_eq!(
                (night.findings(), night.failed()),
                (vec![], vec![]),
                "run {run}: {:?}",
                night.0
            );
            read += night.read("zero_sum");
        }
        goes_on.store(false, Ordering::SeqCst);
        let did: Vec<u64> = beside.join_all().await;
        assert!(did.iter().all(|did| *did > 0), "{did:?}");

        settled(&cloud).await;
        read += Night::of(&reconciler).await.read("zero_sum");
        let entries = "SELECT count(*) FROM ledger.ledger_entries";
        let entries: i64 = cloud.superuser().await.query_one(entries, &[]).await.unwrap().get(0);
        assert_eq!(
            read,
            u64::try_from(entries).unwrap(),
            "each entry was looked at, and once"
        );
    })
    .await;
}

async fn posting(cloud: Cloud, merchant: Merchant, accounts: [Uuid; 3], lane: usize, goes_on: Arc<AtomicBool>) -> u64 {
    let poster = cloud.pooled_as("poster").await;
    let mut turn = 0;
    while goes_on.load(Ordering::SeqCst) {
        let (source, destination) = (accounts[(lane + turn) % 3], accounts[(lane + turn + 1) % 3]);
        merchant.payment(source, destination, 3).decide(&poster).await;
        turn += 1;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    turn as u64
}

async fn folding(cloud: Cloud, accounts: [Uuid; 3], goes_on: Arc<AtomicBool>) -> u64 {
    let folder = cloud.pooled_as("folder").await;
    let mut taken = 0;
    while goes_on.load(Ordering::SeqCst) {
        for account in accounts {
            taken += u64::try_from(fold(&folder, account).await.unwrap()).unwrap();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    taken
}

async fn publishing(cloud: Cloud, goes_on: Arc<AtomicBool>) -> u64 {
    let poller = cloud.as_role("poller").await;
    let mut published = 0;
    while goes_on.load(Ordering::SeqCst) {
        let lease = "SELECT array_agg(id) FROM ledger.lease_outbox(gen_random_uuid(), 50, 60)";
        let ids: Option<Vec<i64>> = poller.query_one(lease, &[]).await.unwrap().get(0);
        if let Some(ids) = ids {
            let mark = "SELECT ledger.mark_published($1)";
            poller.query_one(mark, &[&ids]).await.unwrap();
            published += ids.len() as u64;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    published
}

/// Transactions that stay open across runs, and commit later than what was begun after them.
async fn dawdling(cloud: Cloud, merchant: Merchant, account: Uuid, goes_on: Arc<AtomicBool>) -> u64 {
    let poster = cloud.as_role("poster").await;
    let mut commits = 0;
    while goes_on.load(Ordering::SeqCst) {
        poster.batch_execute("BEGIN").await.unwrap();
        merchant.deposit(account, 1).decide(&poster).await;
        tokio::time::sleep(Duration::from_millis(1500)).await;
        let end = if commits % 4 == 3 { "ROLLBACK" } else { "COMMIT" };
        poster.batch_execute(end).await.unwrap();
        commits += 1;
    }
    commits
}
