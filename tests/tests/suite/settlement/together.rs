//! Executions that meet, come late or are gone: none of them is the only one.

use aws_sdk_sfn::types::ExecutionStatus::{Aborted, Succeeded};
use domain::settlement::status::Status::{Compensated, Limbo, Settled};
use domain::settlement::step::Step;
use futures_util::future::join_all;
use futures_util::{StreamExt, stream};
use tests::cloud::Cloud;
use tests::kyc_simulator::Manner;
use tests::patience::until;

use super::case::Case;
use super::desk::Fault::{self, Before, Held, Silence, Twice};
use super::stage::Stage;
use crate::ledger::scratch::in_scratch_database;

const FOR_EVER: usize = usize::MAX;

#[tokio::test]
async fn several_executions_of_a_settlement_do_what_one_does() {
    in_scratch_database(async |scratch: Cloud| {
        let stage = Stage::new(&scratch).await;
        for (broken, end) in [(None, Settled), (Some("collect_fee"), Compensated)] {
            let case = Case::new(&stage).await;
            if let Some(action) = broken {
                case.plan(action, Before("Defect"), FOR_EVER);
            }
            let (input, resumed) = (case.input(), format!("{}-1", case.id()));
            let short = join_all([1, 2, 3].map(|_| stage.begin(&input)));
            let (mut all, long) = tokio::join!(short, stage.resume(&resumed, &input));
            all.push(long);
            for execution in &all {
                assert_eq!(stage.ended(execution).await, Succeeded);
            }
            assert_eq!(case.rests().await, end);
            case.holds(&format!("{broken:?}")).await;
        }
    })
    .await;
}

#[tokio::test]
async fn of_two_opposite_answers_of_the_provider_the_first_recorded_counts() {
    in_scratch_database(async |scratch: Cloud| {
        let stage = Stage::new(&scratch).await;
        let asked_twice = stream::iter(0..8)
            .map(async |_| {
                let case = Case::new(&stage).await;
                let merchant = case.settlement.tenant();
                stage.kyc.behave_to(merchant, Manner::Waver);
                case.plan("verify", Twice, 1);
                let end = case.runs().await;
                let is_approved = case.log().await.outcome(Step::Verify).unwrap().succeeded();
                assert_eq!(end, if is_approved { Settled } else { Compensated });
                case.holds("wavering").await;
                let is_about = |call: &&tests::kyc_simulator::Call| call.body["merchant_id"] == merchant.to_string();
                stage.kyc.calls().iter().filter(is_about).count() == 2
            })
            .buffer_unordered(4)
            .any(async |twice| twice);
        assert!(asked_twice.await, "no two of them ever asked at one time");
    })
    .await;
}

#[tokio::test]
async fn an_event_that_is_delivered_again_changes_nothing() {
    in_scratch_database(async |scratch: Cloud| {
        let stage = Stage::new(&scratch).await;
        for (broken, end) in [
            (&[][..], Settled),
            (&["release"], Compensated),
            (&["release", "undo_hold"], Limbo),
        ] {
            let case = Case::new(&stage).await;
            for action in broken {
                case.plan(action, Before("Defect"), FOR_EVER);
            }
            assert_eq!(case.runs().await, end);
            let again = stage.begin(&case.input()).await;
            assert_eq!(stage.ended(&again).await, Succeeded);
            assert_eq!(case.status().await, end);
            case.holds(&format!("{broken:?}")).await;
        }
    })
    .await;
}

#[tokio::test]
async fn an_execution_that_is_stopped_anywhere_is_carried_on_by_another() {
    const BACK: &[&str] = &["collect_fee"];
    const STUCK: &[&str] = &["collect_fee", "undo_hold"];
    let table = [
        (
            &[][..],
            &["look", "hold", "verify", "release", "collect_fee"][..],
            Settled,
        ),
        (BACK, &["burn", "undo_release", "undo_hold"], Compensated),
        (STUCK, &["mark_limbo", "await_decision"], Limbo),
    ];
    let places = table
        .into_iter()
        .flat_map(|(broken, actions, end)| actions.iter().map(move |action| (broken, *action, end)))
        .flat_map(|(broken, action, end)| [Held, Silence].map(|fault| (broken, action, fault, end)));
    let places: Vec<_> = places.collect();
    in_scratch_database(async |scratch: Cloud| {
        let stage = Stage::new(&scratch).await;
        stream::iter(places)
            .for_each_concurrent(8, async |(broken, action, fault, end)| {
                let label = format!("{action} {fault:?}");
                let case = Case::new(&stage).await;
                for broken in broken {
                    case.plan(broken, Before("Defect"), FOR_EVER);
                }
                stopped_at(&case, action, fault).await;
                let next = stage.resume(&format!("{}-1", case.id()), &case.input()).await;
                assert_eq!(case.rests_in(&next).await, end, "{label}");
                case.holds(&label).await;
            })
            .await;
    })
    .await;
}

/// Begins it, and stops it while that action is under way.
async fn stopped_at(case: &Case<'_>, action: &'static str, fault: Fault) {
    case.plan(action, fault, 1);
    let execution = case.stage.resume(&case.id().to_string(), &case.input()).await;
    let asked = async || {
        let asked = case.stage.desk.asked(case.id());
        asked.iter().any(|it| it == action).then_some(())
    };
    until(asked, || format!("{action} is asked")).await;
    case.stage.stop(&execution).await;
    assert_eq!(case.stage.ended(&execution).await, Aborted);
}
