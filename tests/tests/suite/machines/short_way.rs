//! The short machine: forward, or handed over, within Express's five minutes.

use std::collections::BTreeMap;

use domain::settlement::course::Course;
use domain::settlement::step::Step;
use serde_json::Value;

use super::failures::{EXISTS, attempts, caught, every_failure};
use super::{Machine, seconds, state_of};

#[test]
fn the_short_machine_goes_forward_or_hands_over() {
    let machine = Machine::short();
    let mut forward: BTreeMap<_, _> = Step::ALL
        .into_iter()
        .map(|step| (step.as_str(), state_of(step.as_str())))
        .collect();
    for (word, state) in &forward {
        assert_eq!(machine.state(state)["Parameters"]["do"], *word);
    }
    assert_eq!(machine.0["StartAt"], "Hold");
    // Where it begins, and nothing comes back to.
    forward.remove("hold");
    for end in [Course::Settled, Course::Compensated] {
        forward.insert(end.as_str(), state_of(end.as_str()));
        assert_eq!(machine.state(&state_of(end.as_str()))["Type"], "Succeed");
    }
    let forward: BTreeMap<_, _> = forward.iter().map(|(word, state)| (*word, state.as_str())).collect();
    assert_eq!(machine.courses(), forward);
    assert_eq!(machine.state("Next")["Default"], "HandOver");
}

#[test]
fn a_settlement_is_handed_over_once() {
    let machine = Machine::short();
    let task = machine.state("HandOver");
    assert_eq!(task["Parameters"]["Name.$"], "$.settlement_id");
    assert_eq!((attempts(task, EXISTS), caught(task, EXISTS)), (0, "HandedOver"));
    assert_eq!(machine.state(caught(task, "States.Timeout"))["Type"], "Fail");
    for name in ["Hold", "Verify", "Release", "CollectFee"] {
        for error in every_failure() {
            let expected = if error == "SettlementUnknown" {
                "Unknown"
            } else {
                "HandOver"
            };
            assert_eq!(caught(machine.state(name), error), expected, "{name} {error}");
        }
    }
}

/// Express ends everything after five minutes, wherever it stands.
#[test]
fn the_short_way_with_all_its_retries_is_shorter_than_its_time_out_and_that_than_express_s() {
    let machine = Machine::short();
    let longest: u64 = machine.tasks().values().map(|task| longest(task)).sum();
    let timeout = seconds(&machine.0["TimeoutSeconds"]);
    assert!(longest < timeout && timeout < 300, "{longest} {timeout}");
}

/// With every retry of every kind, each after the longest delay.
fn longest(task: &Value) -> u64 {
    let retries = task["Retry"].as_array().expect("retries");
    let attempts: u64 = retries.iter().map(|retry| seconds(&retry["MaxAttempts"])).sum();
    let delays: u64 = retries
        .iter()
        .map(|retry| seconds(&retry["MaxAttempts"]) * retry["MaxDelaySeconds"].as_u64().unwrap_or(0))
        .sum();
    (attempts + 1) * seconds(&task["TimeoutSeconds"]) + delays
}
