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
                // Why a settlement is in limbo is not that it could not be marked.
                let marks = name.starts_with("MarkLimbo") && rule["Next"] != "Unknown";
                let expected = if marks { "$.unmarked" } else { "$.error" };
                assert!(path.is_null() || path == expected, "{name}: {rule}");
            }
        }
    }
    let long = Machine::long();
    assert_eq!(long.state("MarkLimbo")["Parameters"]["cause.$"], "$.error.Error");
    assert_eq!(long.state("MarkLimboAgain")["Parameters"]["cause.$"], "$.error.Error");
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
                for error in AWAY.into_iter().chain(["LedgerUnavailable", "OutcomeUnknown"]) {
                    assert!(attempts(task, error) > attempts(task, "Defect"), "{name} {error}");
                }
            }
        }
    }
}

#[test]
fn only_names_that_somebody_says_are_matched_and_all_that_functions_say_are() {
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
    for failure in StepFailure::ALL {
        assert!(
            matched.iter().any(|name| name == failure.as_str()),
            "{failure} is matched nowhere"
        );
    }
}

#[test]
fn what_passes_never_fails_a_settlement_and_what_does_not_ends_it_in_the_right_place() {
    let machine = Machine::long();
    let (forward, backward) = (
        ["Hold", "Verify", "Release", "CollectFee", "MarkParked"],
        [
            "Burn",
            "UndoCollectFee",
            "UndoRelease",
            "UndoHold",
            "ResolveRelease",
            "ResolveFee",
        ],
    );
    for (name, gives_up) in forward
        .map(|name| (name, "Burn"))
        .into_iter()
        .chain(backward.map(|name| (name, "MarkLimbo")))
    {
        let task = machine.state(name);
        for failure in StepFailure::ALL {
            let (error, passes) = (failure.as_str(), failure.is_passing());
            let expected = match failure {
                StepFailure::SettlementUnknown => "Unknown",
                StepFailure::Defect => gives_up,
                StepFailure::KycUnavailable if name == "Verify" => "MarkParked",
                // Nobody else asks the provider.
                StepFailure::KycUnavailable => continue,
                StepFailure::LedgerUnavailable | StepFailure::OutcomeUnknown => "LookLater",
            };
            assert_eq!(caught(task, error), expected, "{name} {error}");
            let retried = attempts(task, error);
            assert_eq!(
                retried == 0,
                failure == StepFailure::SettlementUnknown,
                "{name} {error}"
            );
            assert!(
                !passes || retried > attempts(task, "Defect"),
                "{name}: {error} may pass by itself"
            );
        }
        for error in AWAY {
            assert_eq!(caught(task, error), "LookLater", "{name} {error}");
        }
        for error in CRASHES {
            assert_eq!(caught(task, error), gives_up, "{name} {error}");
            assert!(attempts(task, error) > 0, "{name} {error}");
        }
    }
}

#[test]
fn a_look_that_fails_changes_nothing_unless_the_log_itself_is_wrong() {
    let machine = Machine::long();
    let look = machine.state("Look");
    assert_eq!(caught(look, StepFailure::Defect.as_str()), "MarkLimbo");
    assert_eq!(caught(look, StepFailure::SettlementUnknown.as_str()), "Unknown");
    for error in CRASHES
        .into_iter()
        .chain(AWAY)
        .chain(["LedgerUnavailable", "OutcomeUnknown"])
    {
        assert_eq!(caught(look, error), "LookLater", "{error}");
    }
    assert_eq!(machine.state("LookLater")["Next"], "Look");
}
