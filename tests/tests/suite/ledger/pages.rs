//! Walking an account's entries page by page while postings commit in another order than they were numbered in.

use std::time::{Duration, SystemTime};

use tests::cloud::Cloud;
use tests::patience::until;
use tokio_postgres::Client;
use tokio_postgres::types::{ToSql, Type};
use uuid::Uuid;

use super::merchant::Merchant;

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    id: i64,
    key: Uuid,
    /// Minor units.
    amount: i64,
    created_at: SystemTime,
}

#[derive(Debug)]
struct Page {
    horizon: String,
    entries: Vec<Entry>,
}

/// How far a walk has come: below which entry, and the horizon its first page set.
#[derive(Debug, Clone, Default)]
struct Place {
    before: Option<i64>,
    horizon: Option<String>,
    as_of: Option<SystemTime>,
}

/// One page, newest first; nothing when the account is not this tenant's.
async fn page(reader: &Client, merchant: &Merchant, account: Uuid, place: &Place, most: i32) -> Option<Page> {
    let sql = "SELECT * FROM ledger.account_entries($1, $2, $3, $4, $5, $6)";
    let parameters: [(&(dyn ToSql + Sync), Type); 6] = [
        (&merchant.tenant, Type::UUID),
        (&account, Type::UUID),
        (&place.before, Type::INT8),
        (&place.horizon, Type::TEXT),
        (&place.as_of, Type::TIMESTAMPTZ),
        (&most, Type::INT4),
    ];
    let rows = reader.query_typed(sql, &parameters).await.unwrap();
    let horizon = rows.first()?.get("horizon");
    let entries = rows.iter().filter_map(|row| {
        Some(Entry {
            id: row.get::<_, Option<i64>>("id")?,
            key: row.get("transaction_id"),
            amount: row.get("amount"),
            created_at: row.get("created_at"),
        })
    });
    Some(Page {
        horizon,
        entries: entries.collect(),
    })
}

/// Goes on from a place to the end, in pages of two.
async fn walk(reader: &Client, merchant: &Merchant, account: Uuid, mut place: Place) -> Vec<Entry> {
    let mut walked = Vec::new();
    loop {
        let page = page(reader, merchant, account, &place, 2).await.unwrap();
        let Some(last) = page.entries.last() else {
            return walked;
        };
        place.before = Some(last.id);
        place.horizon = Some(page.horizon);
        walked.extend(page.entries);
    }
}

/// Walks until so many entries are settled: whatever transaction runs anywhere on the server holds the horizon back.
async fn walk_until(reader: &Client, merchant: &Merchant, account: Uuid, most: usize) -> Vec<Entry> {
    let settled = || async {
        let walked = walk(reader, merchant, account, Place::default()).await;
        (walked.len() >= most).then_some(walked)
    };
    until(settled, || format!("{most} settled entries of {account}")).await
}

fn ids(entries: &[Entry]) -> Vec<i64> {
    entries.iter().map(|entry| entry.id).collect()
}

#[tokio::test]
async fn a_walk_sees_each_entry_once_though_postings_commit_out_of_order() {
    let cloud = Cloud::running();
    let (reader, poster) = (cloud.pooled_as("reader").await, cloud.pooled_as("poster").await);
    let mut holding = cloud.as_role("poster").await;
    let merchant = Merchant::onboard(&cloud).await;
    let buyer = merchant.buyer(0).await;
    for amount in 1..=5 {
        merchant.deposit(buyer, amount).decide(&poster).await;
    }
    let settled = walk_until(&reader, &merchant, buyer, 5).await;

    // Numbered before the next five, committed after them, in the middle of a walk.
    let transaction = holding.transaction().await.unwrap();
    let held = merchant.deposit(buyer, 100);
    held.post(transaction.client()).await.unwrap();
    for amount in 6..=10 {
        merchant.deposit(buyer, amount).decide(&poster).await;
    }
    let place = Place::default();
    let first = page(&reader, &merchant, buyer, &place, 2).await.unwrap();
    transaction.commit().await.unwrap();
    let all = walk_until(&reader, &merchant, buyer, 11).await;
    let place = Place {
        before: first.entries.last().map(|entry| entry.id),
        horizon: Some(first.horizon),
        ..Place::default()
    };
    let rest = walk(&reader, &merchant, buyer, place).await;

    let walked = [first.entries, rest].concat();
    assert_eq!(walked, settled, "one walk sees one set");
    assert_eq!(all.len(), 11, "a later walk has every entry once");
    assert!(ids(&all).is_sorted_by(|newer, older| newer > older));
    assert!(all.iter().any(|entry| entry.key == held.key));
    for entry in &settled {
        assert!(all.contains(entry));
    }
}

/// A transaction can be the later one and yet hold the lower entry number: settled after a walk began, it would turn up on
/// the walk's next page.
#[tokio::test]
async fn a_walk_keeps_to_the_set_its_first_page_was_cut_from() {
    let cloud = Cloud::running();
    let (reader, poster) = (cloud.pooled_as("reader").await, cloud.pooled_as("poster").await);
    let (mut earlier, mut later) = (cloud.as_role("poster").await, cloud.as_role("poster").await);
    let merchant = Merchant::onboard(&cloud).await;
    let buyer = merchant.buyer(0).await;
    for amount in 1..=3 {
        merchant.deposit(buyer, amount).decide(&poster).await;
    }
    let settled = walk_until(&reader, &merchant, buyer, 3).await;

    let earlier = earlier.transaction().await.unwrap();
    let numbered = "SELECT pg_current_xact_id()::text";
    earlier.query_one(numbered, &[]).await.unwrap();
    let later = later.transaction().await.unwrap();
    let low = merchant.deposit(buyer, 10);
    low.post(later.client()).await.unwrap();
    let high = merchant.deposit(buyer, 20);
    high.post(earlier.client()).await.unwrap();
    earlier.commit().await.unwrap();
    let before = walk_until(&reader, &merchant, buyer, 4).await;
    assert_eq!((before[0].key, &before[1..]), (high.key, &settled[..]));

    let place = Place::default();
    let first = page(&reader, &merchant, buyer, &place, 1).await.unwrap();
    later.commit().await.unwrap();
    let all = walk_until(&reader, &merchant, buyer, 5).await;
    assert_eq!((all[0].key, all[1].key), (high.key, low.key));
    let place = Place {
        before: first.entries.last().map(|entry| entry.id),
        horizon: Some(first.horizon),
        ..Place::default()
    };
    assert_eq!(walk(&reader, &merchant, buyer, place).await, settled);
}

#[tokio::test]
async fn walks_beside_postings_only_ever_grow_at_the_top() {
    let cloud = Cloud::running();
    let reader = cloud.pooled_as("reader").await;
    let merchant = Merchant::onboard(&cloud).await;
    let buyer = merchant.buyer(0).await;
    let mut posting = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let (cloud, merchant) = (cloud.clone(), merchant.clone());
        posting.spawn(async move {
            let poster = cloud.pooled_as("poster").await;
            for _ in 0..25 {
                merchant.deposit(buyer, 1).decide(&poster).await;
            }
        });
    }
    let mut before = Vec::new();
    while before.len() < 100 {
        let now = ids(&walk(&reader, &merchant, buyer, Place::default()).await);
        assert!(now.is_sorted_by(|newer, older| newer > older));
        let missing = before.iter().find(|id| !now.contains(id));
        assert_eq!(missing, None, "a later walk has all of an earlier one");
        before = now;
        // Some more are posted until the next walk.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(before.len(), 100);
    posting.join_all().await;
}

#[tokio::test]
async fn a_walk_as_of_a_moment_leaves_out_what_began_later() {
    let cloud = Cloud::running();
    let (reader, poster) = (cloud.pooled_as("reader").await, cloud.pooled_as("poster").await);
    let merchant = Merchant::onboard(&cloud).await;
    let buyer = merchant.buyer(0).await;
    for amount in 1..=4 {
        merchant.deposit(buyer, amount).decide(&poster).await;
    }
    let all = walk_until(&reader, &merchant, buyer, 4).await;
    let place = Place {
        as_of: Some(all[1].created_at),
        ..Place::default()
    };
    assert_eq!(walk(&reader, &merchant, buyer, place).await, all[1..]);
}

#[tokio::test]
async fn an_account_without_entries_is_told_from_no_account() {
    let cloud = Cloud::running();
    let reader = cloud.pooled_as("reader").await;
    let merchant = Merchant::onboard(&cloud).await;
    let empty = merchant.buyer(0).await;
    let place = Place::default();
    let found = page(&reader, &merchant, empty, &place, 10).await.unwrap();
    assert!(found.entries.is_empty());
    let nobody = Uuid::new_v4();
    assert!(page(&reader, &merchant, nobody, &place, 10).await.is_none());
}
