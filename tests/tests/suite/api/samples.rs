//! The sample events, each against the real binary of its function.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use adapters::ledger::{Query, queries};
use serde_json::{Value, json};
use tests::api::ApiResponse;
use tests::cloud::Cloud;
use tests::custom_resource::CloudFormation;
use tests::fault::{PgProxy, Script, Sent};
use tests::lambda::{Function, Setup};

use crate::ledger::scratch::in_scratch_database;

/// What a sample is answered with.
#[derive(Clone, Copy)]
enum Expected {
    /// Over HTTP: one of these statuses.
    Status(&'static [u16]),
    /// To a schedule: a document with these members.
    Members(&'static [&'static str]),
    /// To a queue: no message of the batch has to come again.
    NothingFailed,
    /// To a queue: the only message of the batch has to come again.
    ComesAgain,
}
use Expected::{ComesAgain, Members, NothingFailed, Status};

/// What every task of a settlement answers.
const WHERE_NEXT: Expected = Members(&["tenant_id", "settlement_id", "next", "wait_seconds", "decided"]);

/// Each sample, its function, and its answer, in an order in which each finds what it needs.
/// Samples have fixed keys: on a ledger that has seen them they are repeats.
const SAMPLES: [(&str, &str, Expected); 47] = [
    (
        "migrate",
        "migrate",
        Members(&[
            "Data",
            "LogicalResourceId",
            "PhysicalResourceId",
            "Reason",
            "RequestId",
            "StackId",
            "Status",
        ]),
    ),
    ("onboard-merchant", "onboard-merchant", Status(&[200, 201])),
    ("open-account", "open-account", Status(&[201])),
    ("open-account-merchant", "open-account", Status(&[201])),
    ("deposit", "deposit", Status(&[201])),
    ("authorize", "authorize", Status(&[201])),
    ("read-account", "read-account", Status(&[200])),
    ("read-account-entries", "read-account", Status(&[200])),
    ("read-payment", "read-payment", Status(&[200])),
    ("read-payment-by-key", "read-payment", Status(&[200])),
    // Until something seals it.
    ("prove-transaction", "prove-transaction", Status(&[200, 409])),
    ("refund-payment", "correct-payment", Status(&[201])),
    // It was refunded in part.
    ("reverse-payment", "correct-payment", Status(&[422])),
    ("list-refunds", "read-payment", Status(&[200])),
    ("request-settlement", "request-settlement", Status(&[202])),
    ("read-settlement", "read-settlement", Status(&[200])),
    ("list-settlements", "read-settlement", Status(&[200])),
    ("list-limbo", "resolve-limbo", Status(&[200])),
    ("inspect-settlement", "resolve-limbo", Status(&[200])),
    // It goes on by itself: there is nothing to decide.
    ("propose-resolution", "resolve-limbo", Status(&[409])),
    ("approve-resolution", "resolve-limbo", Status(&[404])),
    ("freeze-account", "freeze-account", Status(&[200])),
    ("list-freezes", "freeze-account", Status(&[200])),
    ("unfreeze-account", "freeze-account", Status(&[200])),
    ("halt-postings", "halt-postings", Status(&[200])),
    ("list-halts", "halt-postings", Status(&[200])),
    ("resume-postings", "halt-postings", Status(&[200])),
    ("settle-step", "settle-step", WHERE_NEXT),
    ("compensate", "compensate", WHERE_NEXT),
    ("await-decision", "await-decision", WHERE_NEXT),
    // It held no money: it ends by this, or has.
    ("stop-settlement", "resolve-limbo", Status(&[409])),
    ("keep-customer", "keep-customers", Status(&[200, 201])),
    ("link-account", "keep-customers", Status(&[200])),
    ("read-customer", "keep-customers", Status(&[200])),
    (
        "rotate-keys",
        "rotate-keys",
        Members(&["after", "done", "left", "rewrapped", "tenant_id", "version"]),
    ),
    // Of a customer whom nobody knows.
    ("ask-erasure", "erase-pii", Status(&[202])),
    ("inspect-erasure", "erase-pii", Status(&[200])),
    ("read-certificate", "erase-pii", Status(&[404])),
    ("erase-pii", "erase-pii", NothingFailed),
    ("hold-customer", "erase-pii", Status(&[404])),
    ("list-holds", "erase-pii", Status(&[200])),
    ("lift-hold", "erase-pii", Status(&[404])),
    ("fold-balances", "fold-balances", Members(&["accounts", "deltas"])),
    (
        "reconcile",
        "reconcile",
        Members(&[
            "began", "full", "kept", "next", "run", "sections", "severity", "slice", "took_ms",
        ]),
    ),
    ("notify", "notify", NothingFailed),
    ("analytics", "analytics", NothingFailed),
    // It tells of another bucket than ours.
    ("match-statement", "match-statement", ComesAgain),
];

/// Those that would meddle with what other tests have waiting in the outbox, lying dead or open. They get an empty ledger.
const ON_AN_EMPTY_LEDGER: [(&str, &str, Expected); 11] = [
    (
        "outbox-poll",
        "outbox-poll",
        Members(&["published", "failures", "dead_letters"]),
    ),
    ("wake-parked", "wake-parked", Members(&["woken", "expired"])),
    ("resume-settlements", "resume-settlements", Members(&["resumed"])),
    ("list-dead-letters", "dead-letters", Status(&[200])),
    ("inspect-dead-letter", "dead-letters", Status(&[404])),
    ("replay-dead-letter", "dead-letters", Status(&[404])),
    ("discard-dead-letter", "dead-letters", Status(&[404])),
    ("list-breaks", "breaks", Status(&[200])),
    ("inspect-break", "breaks", Status(&[404])),
    ("assign-break", "breaks", Status(&[404])),
    ("resolve-break", "breaks", Status(&[404])),
];

/// And whatever it sends to the ledger is one of the texts that the compiler has held against the rules, without a name.
#[tokio::test]
async fn every_sample_event_is_answered_by_its_function() {
    let cloud = Cloud::running();
    let cloudformation = CloudFormation::start().await;
    let pooler = format!("{}:{}", cloud.pgbouncer.host, cloud.pgbouncer.port);
    let ledger = PgProxy::start(&pooler, Script::default()).await;
    let port = ledger.port();
    let of = move |cloud: &Cloud, function| {
        let setup = Function::of(cloud, function).set("DATABASE_HOST", "127.0.0.1");
        setup.set("DATABASE_PORT", port)
    };
    let mut since = None;
    for (sample, function, expected) in SAMPLES {
        let mut event = read(sample);
        if sample == "resume-postings" {
            name_the_halt(&mut event, since.take().unwrap());
        }
        if sample == "migrate" {
            // The sample's is good for one deployment.
            event["ResponseURL"] = cloudformation.event("Update")["ResponseURL"].take();
        }
        let answer = answered(sample, &event, of(&cloud, function), expected).await;
        if sample == "halt-postings" {
            since = Some(ApiResponse::from_function(answer).json()["since"].take());
        }
    }
    in_scratch_database(async move |scratch: Cloud| {
        for (sample, function, expected) in ON_AN_EMPTY_LEDGER {
            let setup = of(&scratch, function).set("DATABASE_NAME", &scratch.postgres.database);
            // A poller stays until 15 s before its deadline, a waker until 10 s before it.
            let setup = setup.deadline(Duration::from_secs(18));
            answered(sample, &read(sample), setup, expected).await;
        }
    })
    .await;
    let (known, sent): (BTreeSet<_>, _) = (queries().map(Query::text).collect(), ledger.sent());
    for Sent { name, text } in &sent {
        assert_eq!(name.as_deref(), Some(""), "not an unnamed statement: {text}");
        assert!(known.contains(text.as_str()), "nobody knows of this statement: {text}");
    }
    assert!(sent.len() > 40, "{} of {}", sent.len(), known.len());
}

fn read(sample: &str) -> Value {
    serde_json::from_slice(&std::fs::read(directory().join(format!("{sample}.json"))).unwrap()).unwrap()
}

/// A lift names its halt by a time that no sample can know.
fn name_the_halt(event: &mut Value, since: Value) {
    let mut body: Value = serde_json::from_str(event["body"].as_str().unwrap()).unwrap();
    assert!(body["since"].is_string());
    body["since"] = since;
    event["body"] = json!(body.to_string());
}

async fn answered(sample: &str, event: &Value, function: Setup, expected: Expected) -> Value {
    let answer = function.start().await.unwrap().invoke(event).await;
    let answer = answer.unwrap_or_else(|error| panic!("{sample}: {error}"));
    match expected {
        Status(statuses) => {
            let answer = ApiResponse::from_function(answer.clone());
            assert!(statuses.contains(&answer.status), "{sample}: {answer:?}");
        }
        NothingFailed => assert_eq!(answer, json!({"batchItemFailures": []}), "{sample}"),
        ComesAgain => assert_eq!(
            answer["batchItemFailures"].as_array().map(Vec::len),
            Some(1),
            "{sample}"
        ),
        Members(members) => {
            let found: BTreeSet<_> = answer.as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(found, members.iter().copied().collect(), "{sample}: {answer}");
        }
    }
    answer
}

#[test]
fn every_function_has_a_sample_and_every_sample_a_function() {
    let plain = |name: &str| name.replace('-', "").to_ascii_lowercase();
    let all = || SAMPLES.into_iter().chain(ON_AN_EMPTY_LEDGER);
    let deployed: BTreeSet<String> = Cloud::running().functions.keys().map(|name| plain(name)).collect();
    assert_eq!(
        all().map(|(_, function, _)| plain(function)).collect::<BTreeSet<_>>(),
        deployed
    );
    let files: BTreeSet<String> = std::fs::read_dir(directory())
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|path| path.is_file())
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    let samples: BTreeSet<String> = all().map(|(sample, ..)| format!("{sample}.json")).collect();
    assert_eq!(files, samples);
}

fn directory() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../events"))
}
