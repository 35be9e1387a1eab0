//! What two people decide about a settlement in limbo, with every fault on the way of carrying it out.

use domain::settlement::status::Status::{self, Compensated, Limbo, Settled};
use futures_util::{StreamExt, stream};
use tests::cloud::Cloud;

use super::case::Case;
use super::desk::Fault::{self, After, Before, Late, Silence, Soon, Twice, Unknown};
use super::stage::Stage;
use crate::ledger::scratch::in_scratch_database;

const FOR_EVER: usize = usize::MAX;
const SIDE_BY_SIDE: usize = 12;

/// What broke, and so where the money is; what people decide, what that takes, and how it ends.
type Decided = (&'static [&'static str], &'static str, &'static [&'static str], Status);

const DECIDED: [Decided; 4] = [
    // With the merchant.
    (&["collect_fee", "undo_release"], "release", &["resolve_fee"], Settled),
    (
        &["collect_fee", "undo_release"],
        "refund",
        &["undo_release", "undo_hold"],
        Compensated,
    ),
    // In escrow.
    (
        &["release", "undo_hold"],
        "release",
        &["resolve_release", "resolve_fee"],
        Settled,
    ),
    (&["release", "undo_hold"], "refund", &["undo_hold"], Compensated),
];

const FAULTS: [Fault; 7] = [Before("Defect"), After, Unknown, Silence, Twice, Soon, Late];

/// A case in limbo, about which people have decided; and how often it has waited for them.
async fn decided(stage: &Stage, (broken, decision, ..): Decided) -> (Case<'_>, usize) {
    let case = Case::new(stage).await;
    for action in broken {
        case.plan(action, Before("Defect"), FOR_EVER);
    }
    assert_eq!(case.runs().await, Limbo);
    for action in broken {
        stage.desk.relent(case.id(), action);
    }
    let operator = stage.cloud.pooled_as("operator").await;
    assert_eq!(case.settlement.decide(&operator, decision).await, "approved");
    let waited = stage.desk.awaits_decision(case.id()).unwrap();
    (case, waited)
}

#[tokio::test]
async fn what_was_decided_is_done_whatever_goes_wrong_once() {
    in_scratch_database(async |scratch: Cloud| {
        let stage = Stage::new(&scratch).await;
        let cells = DECIDED
            .into_iter()
            .flat_map(|decided| decided.2.iter().map(move |action| (decided, *action)))
            .flat_map(|(decided, action)| FAULTS.map(|fault| (decided, action, fault)));
        stream::iter(cells.collect::<Vec<_>>())
            .for_each_concurrent(SIDE_BY_SIDE, async |(how, action, fault)| {
                let label = format!("{how:?} {action} {fault:?}");
                let (case, waited) = decided(&stage, how).await;
                case.plan(action, fault, 1);
                stage.wake(case.id()).await;
                let long = stage.long_execution(case.id());
                assert_eq!(case.rests_again(&long, waited).await, how.3, "{label}");
                case.holds(&label).await;
            })
            .await;
    })
    .await;
}

/// People are called again, and not asked again: their decision stands, and is carried out when they say that it can
/// be.
#[tokio::test]
async fn what_was_decided_and_cannot_be_done_waits_for_people_again() {
    in_scratch_database(async |scratch: Cloud| {
        let stage = Stage::new(&scratch).await;
        stream::iter(DECIDED)
            .for_each_concurrent(SIDE_BY_SIDE, async |how| {
                let (case, waited) = decided(&stage, how).await;
                let [action, ..] = how.2 else { panic!("{how:?}") };
                case.plan(action, Before("Defect"), FOR_EVER);
                stage.wake(case.id()).await;
                let long = stage.long_execution(case.id());
                assert_eq!(case.rests_again(&long, waited).await, Limbo, "{how:?}");
                stage.desk.relent(case.id(), action);
                stage.wake(case.id()).await;
                assert_eq!(case.rests_again(&long, FOR_EVER).await, how.3, "{how:?}");
                case.holds(&format!("{how:?}")).await;
            })
            .await;
        assert_eq!(stage.pages().await.len(), 2 * DECIDED.len());
    })
    .await;
}

/// A decision that comes while the execution is on its way to wait for it wakes nobody: the execution finds it.
#[tokio::test]
async fn what_is_decided_before_anybody_waits_is_found() {
    in_scratch_database(async |scratch: Cloud| {
        let stage = Stage::new(&scratch).await;
        for how in DECIDED {
            let case = Case::new(&stage).await;
            for action in how.0 {
                case.plan(action, Before("Defect"), FOR_EVER);
            }
            // Silent once: its retry, seconds later, is the one that waits.
            case.plan("await_decision", Fault::Held, 1);
            let short = stage.begin(&case.input()).await;
            stage.ended(&short).await;
            let stuck = async || (case.status().await == Limbo).then_some(());
            tests::patience::until(stuck, || format!("limbo: {:?}", stage.desk.asked(case.id()))).await;
            for action in how.0 {
                stage.desk.relent(case.id(), action);
            }
            let operator = stage.cloud.pooled_as("operator").await;
            assert_eq!(case.settlement.decide(&operator, how.1).await, "approved");
            assert_eq!(
                case.rests_again(&stage.long_execution(case.id()), FOR_EVER).await,
                how.3
            );
            case.holds(&format!("{how:?}")).await;
        }
    })
    .await;
}
