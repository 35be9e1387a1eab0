//! Who carries a settlement on: nobody, nobody for long, or somebody who need not any more.

use aws_sdk_sfn::types::ExecutionStatus;
use domain::settlement::status::Status;
use domain::settlement::step::Step;
use serde_json::json;
use tests::kyc_simulator::{KycSimulator, Manner};
use uuid::Uuid;

use super::{age, reconciled, sleeping};
use crate::ledger::scratch::in_scratch_database;
use crate::ledger::settlement::scene::{Call, FORWARD, Settlement};
use crate::reconcile::scene::{NO_MACHINE, Said, reconciler};
use crate::settlement_net::machine::Machine;
use crate::settlement_net::resuming::lapse;

#[tokio::test]
async fn a_settlement_whose_execution_was_stopped_is_lost_until_it_is_resumed() {
    in_scratch_database(async |cloud| {
        let simulator = KycSimulator::start().await;
        simulator.behave(Manner::Review);
        let (_, settlement) = Settlement::accepted(&cloud).await;
        let machine = Machine::set_up(cloud, &simulator).await;
        let said = async || reconciled(&machine.cloud, &machine.executions.machine).await;
        machine.begin(std::slice::from_ref(&settlement)).await;
        machine.executions.until_parked(1).await;
        let superuser = machine.cloud.superuser().await;
        let id = settlement.id().to_string();

        age(&superuser, settlement.id(), 1300).await;
        let first = said().await;
        assert_eq!(
            (first.findings(), first.count("running")),
            (vec![], 1),
            "it is carried on"
        );
        machine.executions.stop(&id).await;
        assert_eq!(said().await.findings(), [("warning", "settlement_lost", &*id)]);

        // The net takes it up, and it is found no more.
        lapse(&superuser, &[settlement.id()], 1).await;
        assert_eq!(machine.resume().await, json!(1));
        machine.executions.until_parked(2).await;
        assert_eq!(said().await.findings(), []);

        age(&superuser, settlement.id(), 2400).await;
        assert_eq!(said().await.findings(), [("warning", "settlement_stuck", &*id)]);
        let running = machine.executions.names(Some(ExecutionStatus::Running)).await;
        machine.executions.stop(&running[0]).await;
        simulator.behave(Manner::Approve);
        lapse(&superuser, &[settlement.id()], 1).await;
        assert_eq!(machine.resume().await, json!(1));
        machine.until_they_are(Status::Settled, 1).await;
        machine.until_ended(1).await;
        let last = said().await;
        assert_eq!((last.findings(), last.count("ended")), (vec![], 1));
        machine.remove().await;
    })
    .await;
}

#[tokio::test]
async fn what_lapsed_long_ago_is_critical_whatever_runs() {
    in_scratch_database(async |cloud| {
        let (executions, superuser) = (sleeping(&cloud).await, cloud.superuser().await);
        let (_, settlement) = Settlement::accepted(&cloud).await;
        let id = settlement.id().to_string();
        lapse(&superuser, &[settlement.id()], 1700).await;
        assert_eq!(reconciled(&cloud, &executions.machine).await.findings(), []);
        lapse(&superuser, &[settlement.id()], 1860).await;
        let expected = [("critical", "settlement_unattended", &*id)];
        assert_eq!(reconciled(&cloud, &executions.machine).await.findings(), expected);
        executions.begin(&format!("{id}-1790000000"), &json!({})).await;
        age(&superuser, settlement.id(), 1300).await;
        assert_eq!(reconciled(&cloud, &executions.machine).await.findings(), expected);
    })
    .await;
}

#[tokio::test]
async fn an_execution_that_outlives_its_settlement_is_found_and_so_is_one_of_no_settlement() {
    in_scratch_database(async |cloud| {
        let (executions, superuser) = (sleeping(&cloud).await, cloud.superuser().await);
        let settler = cloud.pooled_as("settler").await;
        let (_, settlement) = Settlement::accepted(&cloud).await;
        let id = settlement.id().to_string();
        executions.begin(&id, &json!({})).await;
        settlement.course(&settler, &FORWARD).await;
        assert_eq!(
            reconciled(&cloud, &executions.machine).await.findings(),
            [],
            "it is about to end"
        );
        age(&superuser, settlement.id(), 1300).await;
        let said = reconciled(&cloud, &executions.machine).await;
        assert_eq!(said.findings(), [("notice", "execution_orphaned", &*id)]);
        age(&superuser, settlement.id(), 27 * 3600).await;
        let said = reconciled(&cloud, &executions.machine).await;
        assert_eq!(said.findings(), [("warning", "execution_orphaned", &*id)]);
        executions.stop(&id).await;
        assert_eq!(reconciled(&cloud, &executions.machine).await.findings(), []);

        let nobody = Uuid::new_v4().to_string();
        for name in [&*nobody, "a-look-around"] {
            executions.begin(name, &json!({})).await;
        }
        let said = reconciled(&cloud, &executions.machine).await;
        let mut subjects: Vec<_> = said.findings();
        subjects.sort_unstable();
        let mut expected = [&*nobody, "a-look-around"].map(|name| ("warning", "execution_of_no_settlement", name));
        expected.sort_unstable();
        assert_eq!(subjects, expected);
    })
    .await;
}

#[tokio::test]
async fn who_waits_for_people_is_not_stuck() {
    in_scratch_database(async |cloud| {
        let (executions, superuser) = (sleeping(&cloud).await, cloud.superuser().await);
        let settler = cloud.pooled_as("settler").await;
        let (_, settlement) = Settlement::accepted(&cloud).await;
        settlement
            .course(&settler, &[Call::Step(Step::Hold), Call::Burn, Call::Limbo])
            .await;
        settlement.call(&settler, Call::Await).await;
        let id = settlement.id().to_string();
        executions.begin(&id, &json!({})).await;
        age(&superuser, settlement.id(), 20 * 3600).await;
        assert_eq!(reconciled(&cloud, &executions.machine).await.findings(), []);
        executions.stop(&id).await;
        let said = reconciled(&cloud, &executions.machine).await;
        assert_eq!(said.findings(), [("warning", "settlement_lost", &*id)]);
    })
    .await;
}

#[tokio::test]
async fn more_executions_than_fit_on_a_page_are_all_seen() {
    in_scratch_database(async |cloud| {
        let executions = sleeping(&cloud).await;
        let page = 1001;
        futures_util::future::join_all((0..page).map(|_| async {
            executions.begin(&format!("look-{}", Uuid::new_v4()), &json!({})).await;
        }))
        .await;
        assert_eq!(reconciled(&cloud, &executions.machine).await.count("running"), page);
    })
    .await;
}

#[tokio::test]
async fn without_an_answer_about_executions_the_check_fails_and_hides_no_other() {
    in_scratch_database(async |cloud| {
        let reconciler = reconciler(&cloud, &cloud.gate_table, NO_MACHINE)
            .set("AWS_ENDPOINT_URL_SFN", "http://127.0.0.1:9")
            .start()
            .await
            .unwrap();
        let said = Said::by(&reconciler, "settlements").await;
        assert!(said.failure().contains("the state machines failed"), "{said:?}");
        Said::by(&reconciler, "gate").await.findings();
    })
    .await;
}
