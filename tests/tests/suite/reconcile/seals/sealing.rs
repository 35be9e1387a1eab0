//! What a seal covers, whoever dies or comes late.

use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;

use serde_json::{Value, json};
use tests::alarms::{self, tells};
use tests::patience::until;

use super::{Books, sealed_by};
use crate::ledger::scratch::in_scratch_database;

#[tokio::test]
async fn each_seal_covers_what_the_one_before_left_and_adds_to_its_sums() {
    in_scratch_database(async |cloud| {
        let books = Books::open(cloud).await;
        books.pay(100).await;
        books.pay(23).await;
        books.seal_all(3).await;
        books.pay(7).await;
        books.seal_all(1).await;

        let seals = books.seals().await;
        let mut end = json!(0);
        for (number, seal) in (1..).zip(&seals) {
            assert_eq!(seal["number"], number);
            assert_eq!(seal["from_transaction"], end, "no gap and no overlap");
            end = seal["to_transaction"].clone();
        }
        let transactions: u64 = seals.iter().map(|seal| seal["transactions"].as_u64().unwrap()).sum();
        let entries: u64 = seals.iter().map(|seal| seal["entries"].as_u64().unwrap()).sum();
        assert_eq!((transactions, entries), (4, 8));
        let sums = &seals.last().unwrap()["sums"][0];
        assert_eq!(
            (&sums["currency"], &sums["all_debits"], &sums["all_credits"]),
            (&json!("EUR"), &json!("1000130"), &json!("1000130"))
        );
        assert_eq!(books.found().await, []);

        let mut series = alarms::series(&books.cloud, "BooksNotSealed").await;
        assert!(tells(&books.cloud, "BooksNotSealed", &books.reconcile).await.len() >= 2);
        "TransactionsSealed".clone_into(&mut series.metric);
        let told: i64 = alarms::told(&series, &books.reconcile.output()).iter().sum();
        assert_eq!(told, 4);
    })
    .await;
}

#[tokio::test]
async fn a_transaction_that_commits_after_the_seal_is_in_the_next_one() {
    in_scratch_database(async |cloud| {
        let books = Books::open(cloud).await;
        books.seal_all(1).await;

        let slow = books.cloud.as_role("poster").await;
        slow.batch_execute("BEGIN").await.unwrap();
        let late = books.merchant.payment(books.merchant.externals[0], books.till, 5);
        let late = crate::ledger::statements::Posting {
            kind: "deposit",
            ..late
        };
        assert_eq!(late.decide(&slow).await.told(), ("recorded", "posted"));
        let quick = books.pay(11).await;
        for _ in 0..3 {
            // Up to the one that still runs, and not beyond: whatever came after it waits for it.
            let told = books.seal().await;
            assert_eq!(told["transactions"], 0, "{told}");
        }
        assert_eq!(books.found().await, [], "it has not been missed either");
        slow.batch_execute("COMMIT").await.unwrap();

        books.seal_all(2).await;
        assert_eq!(books.found().await, []);
        let transactions: u64 = books
            .seals()
            .await
            .iter()
            .map(|seal| seal["transactions"].as_u64().unwrap())
            .sum();
        assert_eq!(transactions, 3, "{} and {quick} too", late.key);
    })
    .await;
}

#[tokio::test]
async fn after_a_death_between_leaves_and_seal_a_repeat_seals_the_same() {
    in_scratch_database(async |cloud| {
        let books = Books::open(cloud).await;
        books.pay(100).await;
        let dying = books.setup().set("DIGEST_KEY", "no-such-key").start().await.unwrap();
        let told = sealed_by(&dying).await;
        assert_eq!(told["seals"], 0, "{told}");
        // Its newest seal would be opened with the key: a first seal fails only when it is to be signed.
        assert!(told["failed"].as_str().unwrap().contains("signing key"), "{told}");
        assert_eq!(books.seals().await, [] as [Value; 0]);
        books.seal_all(2).await;
        assert_eq!(books.found().await, []);
    })
    .await;
}

#[tokio::test]
async fn of_two_runs_at_once_one_seals_and_nothing_is_sealed_twice() {
    in_scratch_database(async |cloud| {
        let books = Books::open(cloud).await;
        let other = books.setup().start().await.unwrap();
        let (mut posted, mut has_met) = (1, false);
        // Now and then one is done before the other begins.
        while !has_met {
            assert!(posted < 60, "the two never met");
            books.pay(1).await;
            posted += 1;
            let told = tokio::join!(sealed_by(&books.reconcile), sealed_by(&other));
            for told in [told.0, told.1] {
                let outcome = told["outcome"].as_str().unwrap_or_else(|| panic!("{told}"));
                assert!(["sealed", "stands", "nothing_new"].contains(&outcome), "{told}");
                has_met |= outcome == "stands";
            }
        }
        let sealed: u64 = books
            .seals()
            .await
            .iter()
            .map(|seal| seal["transactions"].as_u64().unwrap())
            .sum();
        books.seal_all(posted - sealed).await;
        assert_eq!(books.compared().await, []);
        assert_eq!(books.sealed_ids().await, books.posted_ids().await);
    })
    .await;
}

#[tokio::test]
async fn sealing_while_payments_run_loses_none_and_doubles_none() {
    in_scratch_database(async |cloud| {
        let books = Books::open(cloud).await;
        let during = AtomicU32::new(0);
        let paying = async {
            let poster = books.cloud.pooled_as("poster").await;
            let mut paid = 0;
            while during.load(Relaxed) < 3 {
                let payment = books.merchant.payment(books.buyer, books.till, 1);
                let (_, other) = tokio::join!(books.pay(1), payment.decide(&poster));
                assert_eq!(other.told(), ("recorded", "posted"));
                paid += 2;
                assert!(paid < 20_000, "nothing is sealed while they are posted");
            }
            paid
        };
        let mut paying = std::pin::pin!(paying);
        let paid = loop {
            tokio::select! {
                paid = &mut paying => break paid,
                told = books.seal() => {
                    let has_sealed = told["transactions"].as_u64().unwrap() > 0;
                    during.fetch_add(u32::from(has_sealed), Relaxed);
                }
            }
        };
        // A run that was going on when the last was posted may still be sealing.
        let posted = books.posted_ids().await;
        assert_eq!(posted.len(), paid + 1);
        until(
            || async {
                books.seal().await;
                (books.sealed_ids().await.len() >= posted.len()).then_some(())
            },
            || "not all is sealed".to_owned(),
        )
        .await;
        assert_eq!(books.sealed_ids().await, posted);
        assert_eq!(books.compared().await, []);
    })
    .await;
}
