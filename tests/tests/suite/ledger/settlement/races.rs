//! Two sessions at one settlement: the second waits for the first, and finds what that left.

use std::time::Duration;

use domain::settlement::log::StepOutcome;
use domain::settlement::step::{Resolution, Step, Undo};
use futures_util::{StreamExt, stream};
use tests::cloud::Cloud;
use tokio::time::timeout;
use tokio_postgres::Client;

use super::super::merchant::Merchant;
use super::super::statements::name_of;
use super::scene::{Call, FORWARD, Settlement};

const REJECTED: Call = Call::Verify(StepOutcome::Rejected);
const HOLD: Call = Call::Step(Step::Hold);
const RELEASE: Call = Call::Step(Step::Release);
const FEE: Call = Call::Step(Step::CollectFee);
const UNDO_HOLD: Call = Call::Undo(Undo::Hold);
const UNDO_RELEASE: Call = Call::Undo(Undo::Release);
const RESOLVE_RELEASE: Call = Call::Resolve(Resolution::Release);
const RESOLVE_FEE: Call = Call::Resolve(Resolution::CollectFee);

/// How far it has come, who calls, and what people have decided before.
type Race = (Vec<Call>, [Call; 2], Option<&'static str>);

fn races() -> Vec<Race> {
    let after = |steps: usize, then: &[Call]| [&FORWARD[..steps], then].concat();
    vec![
        (after(0, &[]), [HOLD, HOLD], None),
        (after(0, &[]), [HOLD, Call::Burn], None),
        (after(0, &[]), [Call::Burn, Call::Burn], None),
        (after(1, &[]), [FORWARD[1], REJECTED], None),
        (after(1, &[]), [FORWARD[1], Call::Burn], None),
        (after(1, &[]), [FORWARD[1], Call::Park], None),
        (after(1, &[]), [FORWARD[1], RELEASE], None),
        (after(1, &[]), [Call::Burn, Call::Limbo], None),
        (after(1, &[]), [Call::Burn, UNDO_HOLD], None),
        (after(2, &[]), [RELEASE, RELEASE], None),
        (after(2, &[]), [RELEASE, Call::Burn], None),
        (after(2, &[]), [RELEASE, Call::Limbo], None),
        (after(3, &[]), [FEE, FEE], None),
        (after(3, &[]), [FEE, Call::Burn], None),
        (after(3, &[]), [FEE, Call::Limbo], None),
        (after(3, &[Call::Burn]), [UNDO_RELEASE, UNDO_RELEASE], None),
        (after(3, &[Call::Burn]), [UNDO_RELEASE, UNDO_HOLD], None),
        (after(3, &[Call::Burn]), [UNDO_RELEASE, Call::Limbo], None),
        (after(2, &[Call::Burn]), [UNDO_HOLD, UNDO_HOLD], None),
        (after(2, &[Call::Burn]), [UNDO_HOLD, Call::Limbo], None),
        (after(2, &[]), [Call::Limbo, Call::Limbo], None),
        (after(2, &[Call::Limbo]), [UNDO_HOLD, RESOLVE_RELEASE], Some("refund")),
        (after(2, &[Call::Limbo]), [UNDO_HOLD, UNDO_HOLD], Some("refund")),
        (after(2, &[Call::Limbo]), [UNDO_HOLD, RESOLVE_RELEASE], Some("release")),
        (
            after(2, &[Call::Limbo]),
            [RESOLVE_RELEASE, RESOLVE_RELEASE],
            Some("release"),
        ),
        (
            after(2, &[Call::Limbo]),
            [RESOLVE_RELEASE, RESOLVE_FEE],
            Some("release"),
        ),
        (after(3, &[Call::Limbo]), [UNDO_RELEASE, RESOLVE_FEE], Some("release")),
    ]
}

async fn prepared(cloud: &Cloud, settler: &Client, course: &[Call], decision: Option<&str>) -> Settlement {
    let (_, settlement) = Settlement::accepted(cloud).await;
    settlement.course(settler, course).await;
    if let Some(decision) = decision {
        let operator = cloud.pooled_as("operator").await;
        assert_eq!(settlement.decide(&operator, decision).await, "approved");
    }
    settlement
}

#[tokio::test]
async fn of_two_calls_at_once_the_second_finds_what_the_first_left() {
    let cloud = &Cloud::running();
    let races = stream::iter(races().into_iter().map(async |(course, pair, decision)| {
        let mut first = cloud.pooled_as("settler").await;
        for pair in [pair, [pair[1], pair[0]]] {
            for commits in [true, false] {
                race(cloud, &mut first, (&course, pair, decision), commits).await;
            }
        }
    }));
    races.buffer_unordered(9).collect::<()>().await;
}

async fn race(
    cloud: &Cloud,
    first: &mut Client,
    (course, [one, two], decision): (&[Call], [Call; 2], Option<&str>),
    commits: bool,
) {
    let twin = prepared(cloud, first, course, decision).await;
    if commits {
        twin.call(first, one).await;
    }
    let expected = twin.call(first, two).await;

    let settlement = prepared(cloud, first, course, decision).await;
    let transaction = first.transaction().await.unwrap();
    settlement.call(transaction.client(), one).await;
    let (racing, second) = (settlement.clone(), cloud.pooled_as("settler").await);
    let mut waiting = tokio::spawn(async move { racing.call(&second, two).await });
    let early = timeout(Duration::from_millis(50), &mut waiting).await;
    assert!(early.is_err(), "{two:?} did not wait for {one:?}");
    if commits {
        transaction.commit().await.unwrap();
    } else {
        transaction.rollback().await.unwrap();
    }
    let told = waiting.await.unwrap();
    assert_eq!(
        told, expected,
        "{two:?} after {one:?} in {course:?}, committed: {commits}"
    );
    assert_eq!(settlement.balances(cloud).await, twin.balances(cloud).await);
}

/// As many sessions as there are calls, all at once and each for itself.
#[tokio::test]
async fn twenty_of_one_step_at_once_are_one() {
    let cloud = Cloud::running();
    let settler = cloud.pooled_as("settler").await;
    let (_, settlement) = Settlement::accepted(&cloud).await;
    for call in FORWARD {
        let mut calls = tokio::task::JoinSet::new();
        for _ in 0..20 {
            let (settlement, session) = (settlement.clone(), cloud.pooled_as("settler").await);
            calls.spawn(async move { settlement.call(&session, call).await });
        }
        let told = calls.join_all().await;
        assert_eq!(told.iter().filter(|answer| answer.verdict == "recorded").count(), 1);
        assert!(told.iter().all(|answer| answer.outcome == told[0].outcome));
    }
    assert_eq!(settlement.balances(&cloud).await, [600, 0, 390, 10]);
    assert_eq!(settlement.call(&settler, Call::Burn).await.verdict, "stands");
}

/// What is read after the lock is younger than it at this level only.
#[tokio::test]
async fn an_action_at_any_other_isolation_level_is_refused() {
    let cloud = Cloud::running();
    let settler = cloud.pooled_as("settler").await;
    let (_, settlement) = Settlement::accepted(&cloud).await;
    for level in ["REPEATABLE READ", "SERIALIZABLE"] {
        settler
            .batch_execute(&format!("BEGIN ISOLATION LEVEL {level}"))
            .await
            .unwrap();
        let failed = settlement.try_call(&settler, Call::Burn).await.unwrap_err();
        assert_eq!(name_of(&failed), "isolation_not_read_committed");
        settler.batch_execute("ROLLBACK").await.unwrap();
    }
}

/// Or one that ends and another that begins would wait for each other.
#[tokio::test]
async fn the_end_of_a_limbo_locks_what_it_unfreezes_in_the_order_of_ids() {
    let cloud = Cloud::running();
    let (settler, operator) = (cloud.pooled_as("settler").await, cloud.pooled_as("operator").await);
    let (mut holder, looker) = (cloud.superuser().await, cloud.superuser().await);
    let merchant = Merchant::onboard(&cloud).await;
    let escrow = merchant.escrows[0];
    let mut till = merchant.open("merchant", "EUR", Some(0)).await;
    while till < escrow {
        till = merchant.open("merchant", "EUR", Some(0)).await;
    }
    let settlement = Settlement::new(&merchant, merchant.buyer(1000).await, till, 400, 10);
    settlement.ask(&cloud.pooled_as("poster").await).await;
    settlement.course(&settler, &FORWARD[..3]).await;
    settlement.course(&settler, &[Call::Limbo]).await;
    assert_eq!(settlement.decide(&operator, "release").await, "approved");

    let holding = holder.transaction().await.unwrap();
    let lock = "SELECT FROM ledger.accounts WHERE account_id = $1 FOR UPDATE";
    holding.query(lock, &[&escrow]).await.unwrap();
    let mut resolving = tokio::spawn(async move { settlement.call(&settler, RESOLVE_FEE).await });
    let early = timeout(Duration::from_millis(200), &mut resolving).await;
    assert!(early.is_err(), "it must wait for the escrow account");
    // Which it would debit first.
    let later = looker.query(&format!("{lock} NOWAIT"), &[&till]).await;
    assert!(later.is_ok(), "the later account is locked already");
    holding.commit().await.unwrap();
    assert_eq!(resolving.await.unwrap().verdict, "recorded");
}
