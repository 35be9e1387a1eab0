//! The sample events, each against the real binary of its function.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;
use tests::api::ApiResponse;
use tests::cloud::Cloud;
use tests::lambda::Function;

/// Each sample, its function, and the statuses it may be answered with, in an order in which each finds what it needs.
/// Samples have fixed keys: on a ledger that has seen them they are repeats.
const SAMPLES: [(&str, &str, &[u16]); 10] = [
    ("onboard-merchant", "onboard-merchant", &[200, 201]),
    ("open-account", "open-account", &[201]),
    ("open-account-merchant", "open-account", &[201]),
    ("deposit", "deposit", &[201]),
    ("authorize", "authorize", &[201]),
    ("read-account", "read-account", &[200]),
    ("read-account-entries", "read-account", &[200]),
    ("read-payment", "read-payment", &[200]),
    ("read-payment-by-key", "read-payment", &[200]),
    // No HTTP answer: a schedule calls it.
    ("fold-balances", "fold-balances", &[]),
];

#[tokio::test]
async fn every_sample_event_is_answered_by_its_function() {
    let cloud = Cloud::running();
    for (sample, function, statuses) in SAMPLES {
        let event: Value =
            serde_json::from_slice(&std::fs::read(directory().join(format!("{sample}.json"))).unwrap()).unwrap();
        let function = Function::of(&cloud, function).start().await.unwrap();
        let answer = function
            .invoke(&event)
            .await
            .unwrap_or_else(|error| panic!("{sample}: {error}"));
        if statuses.is_empty() {
            assert!(
                answer["accounts"].is_u64() && answer["deltas"].is_u64(),
                "{sample}: {answer}"
            );
        } else {
            let answer = ApiResponse::from_function(answer);
            assert!(statuses.contains(&answer.status), "{sample}: {answer:?}");
        }
    }
}

#[test]
fn every_function_has_a_sample_and_every_sample_a_function() {
    let plain = |name: &str| name.replace('-', "").to_ascii_lowercase();
    let deployed: BTreeSet<String> = Cloud::running().functions.keys().map(|name| plain(name)).collect();
    assert_eq!(
        SAMPLES
            .map(|(_, function, _)| plain(function))
            .into_iter()
            .collect::<BTreeSet<_>>(),
        deployed
    );
    let files: BTreeSet<String> = std::fs::read_dir(directory())
        .unwrap()
        .map(|file| file.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    let samples: BTreeSet<String> = SAMPLES
        .map(|(sample, ..)| format!("{sample}.json"))
        .into_iter()
        .collect();
    assert_eq!(files, samples);
}

fn directory() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../events"))
}
