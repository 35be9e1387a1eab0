//! A thousand verifications at once, each from an environment of its own, and a provider that hangs.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use adapters::environment::Kyc as Config;
use adapters::kyc::{Guarded, Kyc, Provider};
use domain::breaker::Settings;
use domain::kyc::Verdict;
use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream;
use rustls::RootCertStore;
use tests::kyc_simulator::{KycSimulator, Manner};

use super::provider::question;
use super::table::{SETTINGS, Table};

const STORM: usize = 1_000;
const TIMEOUT: Duration = Duration::from_secs(4);

/// It stays open until the test says so.
const PATIENT: Settings = Settings {
    open_ms: 600_000,
    ..SETTINGS
};

/// What one environment has of its own: clients of both.
fn environment(table: &Table, simulator: &KycSimulator) -> Guarded<Provider> {
    let config = Config {
        origin: simulator.origin().parse().unwrap(),
        timeout: TIMEOUT,
    };
    let provider = Provider::trusting(&config, RootCertStore::empty()).unwrap();
    Guarded::new(provider, table.breaker(PATIENT))
}

/// All at once, but for two milliseconds from one to the next: the table's emulator cannot take a thousand in one.
async fn storm(environments: &[Guarded<Provider>]) -> HashMap<String, usize> {
    let began = Instant::now();
    let mut delay = Duration::ZERO;
    let verdicts = environments.iter().map(|kyc| {
        delay += Duration::from_millis(2);
        async move {
            // Later than the one before, not after it: 2 s in all, within which none has timed out.
            tokio::time::sleep(delay).await;
            kyc.verify(&question()).await.to_string()
        }
    });
    let verdicts = join_all(verdicts).await;
    let mut counts = HashMap::new();
    for verdict in verdicts {
        *counts.entry(verdict).or_default() += 1;
    }
    println!("{counts:?} in {:?}", began.elapsed());
    counts
}

#[tokio::test]
async fn a_thousand_at_once_cost_a_hung_provider_a_handful_of_calls_and_recover_through_one_probe() {
    let (table, simulator) = (Table::new().await, KycSimulator::start().await);
    let environments: Vec<_> = (0..STORM).map(|_| environment(&table, &simulator)).collect();

    simulator.behave(Manner::Hang);
    let verdicts = storm(&environments).await;
    let called = simulator.calls().len();
    let minimum = usize::try_from(PATIENT.minimum).unwrap();
    // On a machine that is busy with something else, a call may be over before its question arrives.
    let made = verdicts["unavailable: timed_out"];
    assert!(made >= minimum, "it opened after {made}");
    assert!(made < PATIENT.in_flight + minimum, "{made} calls");
    assert!(called <= made, "{called} questions");
    assert!(simulator.most_at_once() <= PATIENT.in_flight);
    assert!(table.is_open().await);

    storm(&environments).await;
    assert_eq!(simulator.calls().len(), called, "open: not one");

    table.end("open_until").await;
    storm(&environments[..200]).await;
    assert_eq!(simulator.calls().len(), called + 1, "half-open: the probe, which hung");
    assert!(table.is_open().await);

    // Long enough for all others to ask while the probe is on its way.
    simulator.behave(Manner::Slow(2_500));
    table.end("open_until").await;
    let verdicts = storm(&environments[..100]).await;
    assert_eq!(verdicts["approved"], 1, "{verdicts:?}");
    assert_eq!(simulator.calls().len(), called + 2);
    assert!(!table.is_open().await, "which closed it");

    simulator.behave(Manner::Approve);
    let drained = stream::iter(&environments).for_each_concurrent(3 * PATIENT.in_flight, async |kyc| {
        let question = question();
        while kyc.verify(&question).await != Verdict::Approved {
            // Refused because all permits are out: what gives one back needs the table too.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    tokio::time::timeout(Duration::from_mins(1), drained).await.unwrap();
    assert_eq!(simulator.calls().len(), called + 2 + STORM, "each asked once");
    assert!(simulator.most_at_once() <= PATIENT.in_flight);
}
