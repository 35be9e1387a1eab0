//! One settlement in limbo among many of the same merchant.

use domain::settlement::status::Status::{Compensated, Limbo, Settled};
use futures_util::future::join_all;
use tests::cloud::Cloud;
use tests::patience::until;

use super::case::Case;
use super::desk::Fault::Before;
use super::stage::Stage;
use crate::ledger::merchant::Merchant;
use crate::ledger::scratch::in_scratch_database;
use crate::ledger::settlement::scene::Settlement;

const FOR_EVER: usize = usize::MAX;
/// Where the others are when it happens; four in each place.
const PLACES: [&str; 5] = ["hold", "verify", "release", "collect_fee", "undo_hold"];
const OTHERS: usize = 4 * PLACES.len();

#[tokio::test]
async fn while_one_is_in_limbo_the_others_wait_and_then_finish() {
    in_scratch_database(async |scratch: Cloud| {
        let stage = Stage::new(&scratch).await;
        let merchant = Merchant::onboard(&scratch).await;
        let (buyer, till) = (merchant.buyer(400 * 21).await, merchant.till().await);
        let stuck = Settlement::new(&merchant, buyer, till, 400, 10);
        stuck.ask(&scratch.pooled_as("poster").await).await;
        let mut others = Vec::new();
        for place in PLACES.into_iter().cycle().take(OTHERS) {
            let settlement = stuck.another(&scratch).await;
            let stage = &stage;
            others.push((place, Case { stage, settlement }));
        }
        let stuck = Case {
            stage: &stage,
            settlement: stuck,
        };

        join_all(others.iter().map(|(place, other)| is_on_its_way(other, place))).await;
        stuck.plan("release", Before("Defect"), FOR_EVER);
        stuck.plan("undo_hold", Before("Defect"), FOR_EVER);
        assert_eq!(stuck.runs().await, Limbo);

        for (place, other) in &others {
            stage.desk.relent(other.id(), place);
        }
        for (place, other) in &others {
            let waits = async || stage.desk.told(other.id()).contains(&"wait".to_owned()).then_some(());
            until(waits, || format!("{place} waits: {:?}", stage.desk.told(other.id()))).await;
        }
        for (place, other) in &others {
            let status = other.status().await;
            assert!(!status.is_final() && status != Limbo, "{place}: {status}");
        }
        assert_eq!(
            stage.pages().await.len(),
            1,
            "one is in limbo, and people were called once"
        );

        stage.desk.relent(stuck.id(), "undo_hold");
        let operator = scratch.pooled_as("operator").await;
        assert_eq!(stuck.settlement.decide(&operator, "refund").await, "approved");
        stage.wake(stuck.id()).await;
        for (place, other) in &others {
            let end = if *place == "undo_hold" { Compensated } else { Settled };
            assert_eq!(other.rests().await, end, "{place}");
        }
        assert_eq!(stuck.rests().await, Compensated);
        let settled = 16;
        let balances = stuck.settlement.balances(&scratch).await;
        assert_eq!(balances, [400 * 21 - 400 * settled, 0, 390 * settled, 10 * settled]);
        assert!(stage.pages().await.is_empty());
    })
    .await;
}

/// Begins it, and waits until it cannot go on at that place for a while.
async fn is_on_its_way(case: &Case<'_>, place: &'static str) {
    if place == "undo_hold" {
        case.plan("release", Before("Defect"), FOR_EVER);
    }
    case.plan(place, Before("LedgerUnavailable"), FOR_EVER);
    let short = case.stage.begin(&case.input()).await;
    case.stage.ended(&short).await;
    let tried = async || {
        let asked = case.stage.desk.asked(case.id());
        let tries = asked.iter().filter(|action| *action == place).count();
        // More than the short machine tries: the long one has it.
        (tries > 3).then_some(())
    };
    until(tried, || {
        format!("{place} is tried: {:?}", case.stage.desk.asked(case.id()))
    })
    .await;
}
