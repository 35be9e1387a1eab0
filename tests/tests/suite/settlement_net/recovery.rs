//! The whole: real steps and a real machine, a provider that fails on purpose, the net beneath.

use domain::settlement::status::Status;
use serde_json::json;
use tests::cloud::Cloud;
use tests::kyc_simulator::{KycSimulator, Manner};
use tests::patience::until;

use super::executions::some_looks_later;
use super::machine::Machine;
use super::parking::{kept_to, told, waking};
use super::resuming::lapse;
use crate::ledger::scratch::in_scratch_database;
use crate::ledger::settlement::scene::Settlement;

/// Accepted settlements of 400 with a fee of 10 each, of buyers who have the money.
async fn accepted(cloud: &Cloud, count: usize) -> Vec<Settlement> {
    let mut settlements = Vec::new();
    for _ in 0..count {
        settlements.push(Settlement::accepted(cloud).await.1);
    }
    settlements
}

#[tokio::test]
async fn a_hung_provider_parks_all_and_once_it_is_back_one_probes_and_then_all_are_drained() {
    const COUNT: usize = 12;
    in_scratch_database(async |cloud| {
        let simulator = KycSimulator::start().await;
        simulator.behave(Manner::Hang);
        let settlements = accepted(&cloud, COUNT).await;
        let machine = Machine::set_up(cloud, &simulator).await;
        machine.begin(&settlements).await;
        machine.executions.until_parked(COUNT).await;
        machine.until_they_are(Status::Parked, 12).await;
        assert!(machine.table.is_open().await);
        let called = simulator.calls().len();

        let waker = waking(machine.waker(3)).await;
        some_looks_later().await;
        assert_eq!(
            (simulator.calls().len(), told(&waker)),
            (called, (0, 0)),
            "open: nobody is woken"
        );

        // Back, and slow enough for everybody to be woken meanwhile that must not be.
        simulator.behave(Manner::Slow(900));
        machine.table.end("open_until").await;
        let closed = async || (!machine.table.is_open().await).then_some(());
        until(closed, || "closed".to_owned()).await;
        assert_eq!((simulator.calls().len(), told(&waker).0), (called + 1, 1), "one to see");

        simulator.behave(Manner::Approve);
        machine.until_they_are(Status::Settled, 12).await;
        machine.until_ended(COUNT).await;
        machine.executions.until_parked(0).await;
        assert_eq!(
            simulator.calls().len(),
            called + COUNT,
            "each was asked about once more"
        );
        kept_to(&waker, 3);
        for settlement in &settlements {
            assert_eq!(settlement.balances(&machine.cloud).await, [600, 0, 390, 10]);
        }
        machine.remove().await;
    })
    .await;
}

#[tokio::test]
async fn a_stopped_execution_s_token_is_deleted_and_its_settlement_is_resumed() {
    in_scratch_database(async |cloud| {
        let simulator = KycSimulator::start().await;
        simulator.behave(Manner::Review);
        let settlements = accepted(&cloud, 2).await;
        let machine = Machine::set_up(cloud, &simulator).await;
        machine.begin(&settlements).await;
        machine.executions.until_parked(2).await;
        let [stopped, waiting] = [0, 1].map(|place: usize| settlements[place].id());
        machine.executions.stop(&stopped.to_string()).await;

        simulator.behave(Manner::Approve);
        let waker = waking(machine.waker(20)).await;
        machine.executions.until_parked(0).await;
        machine.until_they_are(Status::Settled, 1).await;
        let (woken, expired) = told(&waker);
        assert_eq!(woken + expired, 2);
        assert_eq!(machine.resume().await, json!(0), "there is time yet");

        lapse(&machine.cloud.superuser().await, &[stopped, waiting], 1).await;
        assert_eq!(machine.resume().await, json!(1), "what has ended does not lapse");
        machine.until_they_are(Status::Settled, 2).await;
        machine.until_ended(2).await;
        machine.remove().await;
    })
    .await;
}

#[tokio::test]
async fn a_settlement_whose_start_was_lost_is_resumed() {
    in_scratch_database(async |cloud| {
        let simulator = KycSimulator::start().await;
        let settlements = accepted(&cloud, 1).await;
        let machine = Machine::set_up(cloud, &simulator).await;
        assert_eq!(machine.resume().await, json!(0));
        lapse(&machine.cloud.superuser().await, &[settlements[0].id()], 1).await;
        assert_eq!(machine.resume().await, json!(1));
        machine.until_they_are(Status::Settled, 1).await;
        assert_eq!(settlements[0].balances(&machine.cloud).await, [600, 0, 390, 10]);
        machine.remove().await;
    })
    .await;
}
