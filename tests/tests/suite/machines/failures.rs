//! What becomes of a task that fails.

use domain::settlement::failure::StepFailure;
use serde_json::Value;

use super::{Machine, seconds, text};

/// What Lambda and Step Functions call the failures of a function that does not name them itself.
pub const CRASHES: [&str; 4] = [
    "States.Timeout",
    "Sandbox.Timedout",
    "Runtime.ExitError",
    "Lambda.Unknown",
];
/// What Lambda says when it cannot run a function.
pub const AWAY: [&str; 5] = [
    "Lambda.TooManyRequestsException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.ClientExecutionTimeoutException",
];
/// That an execution of that name was begun before.
pub const EXISTS: &str = "StepFunctions.ExecutionAlreadyExistsException";

/// All of these, what functions say themselves, and what nobody has heard of.
pub fn every_failure() -> impl Iterator<Item = &'static str> {
    StepFailure::ALL
        .map(StepFailure::as_str)
        .into_iter()
        .chain(CRASHES)
        .chain(AWAY)
        .chain(["Unheard.Of"])
}

/// The first of `rules` that is about this error.
fn about<'a>(rules: &'a Value, error: &str) -> Option<&'a Value> {
    let names = |rule: &&Value| {
        rule["ErrorEquals"]
            .as_array()
            .expect("names")
            .iter()
            .any(|name| match text(name) {
                "States.ALL" => true,
                "States.TaskFailed" => error != "States.Timeout",
                name => name == error,
            })
    };
    rules.as_array().expect("a list of rules").iter().find(names)
}

/// How often a task that fails so is tried again.
pub fn attempts(task: &Value, error: &str) -> u64 {
    about(&task["Retry"], error).map_or(0, |rule| seconds(&rule["MaxAttempts"]))
}

/// Where a task leads that goes on failing so.
pub fn caught<'a>(task: &'a Value, error: &str) -> &'a str {
    let rule = about(&task["Catch"], error);
    text(&rule.unwrap_or_else(|| panic!("{error} is not caught"))["Next"])
}

#[test]
fn every_task_has_a_time_out_retries_with_full_jitter_and_catches_everything() {
    for machine in [Machine::short(), Machine::long()] {
        assert!(machine.tasks().len() >= 5);
        for (name, task) in machine.tasks() {
            assert!(seconds(&task["TimeoutSeconds"]) > 0, "{name}");
            let retries = task["Retry"].as_array().expect("retries");
            assert!(attempts(task, "States.TaskFailed") > 0, "{name}");
            for retry in retries.iter().filter(|retry| retry["MaxAttempts"] != 0) {
                assert_eq!(retry["JitterStrategy"], "FULL", "{name}");
                assert!(retry["BackoffRate"].as_f64().is_some_and(|rate| rate > 1.0), "{name}");
                assert!(
                    seconds(&retry["IntervalSeconds"]) <= seconds(&retry["MaxDelaySeconds"]),
                    "{name}"
                );
            }
            for rules in ["Retry", "Catch"] {
                for (place, rule) in task[rules].as_array().expect("rules").iter().enumerate() {
                    let names = rule["ErrorEquals"].as_array().expect("names");
                    let is_last = place + 1 == task[rules].as_array().map_or(0, Vec::len);
                    // AWS refuses a machine that has it anywhere else, or beside another name.
                    assert!(
                        !names.contains(&"States.ALL".into()) || is_last && names.len() == 1,
                        "{name}"
                    );
                }
            }
            caught(task, "whatever else");
        }
    }
}

/// What a task is asked with must still be there after it has failed.
#[test]
fn a_failure_is_put_beside_the_machine_s_state_and_not_in_its_place() {
    for machine in [Machine::short(), Machine::long()] {
        for (name, task) in machine.tasks() {
            for rule in task["Catch"].as_array().expect("rules") {
                let path = rule.get("ResultPath").unwrap_or_else(|| panic!("{name}: {rule}"));
                assert!(path.is_null() || path == "$.error", "{name}: {rule}");
            }
        }
    }
    let long = Machine::long();
    assert_eq!(long.state("MarkLimbo")["Parameters"]["cause.$"], "$.error.Error");
}

/// Everybody who asks about a settlement that there is not ends at once; what passes is waited for longer than what may not.
#[test]
fn every_function_s_failures_are_retried_for_as_long_as_they_deserve() {
    let unknown = StepFailure::SettlementUnknown.as_str();
    // The short machine hands over whatever it is that fails.
    for (machine, tells_apart) in [(Machine::short(), false), (Machine::long(), true)] {
        for (name, task) in machine.tasks() {
            if ["HandOver", "Park", "Page", "PageUnmarked"].contains(&name) {
                continue;
            }
            assert_eq!(
                (attempts(task, unknown), caught(task, unknown)),
                (0, "Unknown"),
                "{name}"
            );
            if tells_apart && name != "AwaitDecision" {
                for error in every_failure().filter(|error| ![unknown, "Defect"].contains(error)) {
                    assert!(attempts(task, error) > attempts(task, "Defect"), "{name} {error}");
                }
            }
        }
    }
}

#[test]
fn only_names_that_somebody_says_are_matched_and_all_that_do_not_pass_are() {
    let others = ["States.ALL", "States.TaskFailed", EXISTS];
    let mut matched = Vec::new();
    for machine in [Machine::short(), Machine::long()] {
        for (_, task) in machine.tasks() {
            let rules = ["Retry", "Catch"]
                .map(|rules| task[rules].as_array().expect("rules").clone())
                .concat();
            let names = rules
                .iter()
                .flat_map(|rule| rule["ErrorEquals"].as_array().expect("names"));
            matched.extend(names.map(|name| text(name).to_owned()));
        }
    }
    for name in &matched {
        let is_ours = StepFailure::ALL.iter().any(|failure| failure.as_str() == name);
        let is_theirs =
            CRASHES.contains(&name.as_str()) || AWAY.contains(&name.as_str()) || others.contains(&name.as_str());
        assert!(is_ours || is_theirs, "nothing fails as {name}");
    }
    // What passes needs no name: it is waited for like everything else.
    for failure in StepFailure::ALL.into_iter().filter(|failure| !failure.is_passing()) {
        assert!(
            matched.iter().any(|name| name == failure.as_str()),
            "{failure} is matched nowhere"
        );
    }
}

/// A defect is the settlement's own. Whatever else fails, be it away, slow, crashed or unheard of, is waited for.
#[test]
fn nothing_but_a_defect_gives_a_settlement_up_or_stops_it() {
    let machine = Machine::long();
    let forward = ["Hold", "Verify", "Release", "CollectFee"].map(|name| (name, "Burn"));
    let backward = [
        "Burn",
        "UndoCollectFee",
        "UndoRelease",
        "UndoHold",
        "ResolveRelease",
        "ResolveFee",
    ]
    .map(|name| (name, "MarkLimbo"));
    // A look that fails, even by a defect, is no compensation that fails; and whoever cannot park it loses nothing.
    let neither = ["Look", "MarkParked"].map(|name| (name, "LookLater"));
    for (name, on_defect) in forward.into_iter().chain(backward).chain(neither) {
        let task = machine.state(name);
        for error in every_failure() {
            let expected = match error {
                "SettlementUnknown" => "Unknown",
                "Defect" => on_defect,
                "KycUnavailable" if name == "Verify" => "MarkParked",
                _ => "LookLater",
            };
            assert_eq!(caught(task, error), expected, "{name} {error}");
            assert_eq!(
                attempts(task, error) == 0,
                error == "SettlementUnknown",
                "{name} {error}"
            );
        }
    }
}

#[test]
fn no_other_way_leads_into_limbo_and_no_other_than_next_to_burning() {
    let machine = Machine::long();
    for (name, state) in machine.states() {
        let catches = state["Catch"].as_array().into_iter().flatten();
        let gives_up = |rule: &&Value| rule["Next"] == "Burn" || rule["Next"] == "MarkLimbo";
        let defects = catches.filter(gives_up).inspect(|rule| {
            assert_eq!(rule["ErrorEquals"], serde_json::json!(["Defect"]), "{name}");
        });
        let ways = machine.ways(name);
        let all = ways.iter().filter(|way| ["Burn", "MarkLimbo"].contains(way)).count();
        assert_eq!(all, defects.count() + usize::from(name == "Next"), "{name}");
    }
}
