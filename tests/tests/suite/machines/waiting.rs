//! Whoever waits, for people, for the provider or for another minute, comes back.

use domain::settlement::course::wait_seconds;
use serde_json::{Value, json};
use tests::cloud::Cloud;

use super::failures::{attempts, caught, every_failure};
use super::{Machine, seconds};

#[test]
fn people_are_called_whatever_fails_on_the_way_to_them() {
    let machine = Machine::long();
    for error in every_failure().filter(|error| *error != "SettlementUnknown") {
        assert_eq!(caught(machine.state("MarkLimbo"), error), "PageUnmarked", "{error}");
        assert_eq!(caught(machine.state("Page"), error), "AwaitDecision", "{error}");
        assert_eq!(caught(machine.state("PageUnmarked"), error), "MarkLater", "{error}");
        // After a day it may all be over: who looks calls nobody for nothing. But a look also carries out what was
        // decided, and what has failed at that is not to try again because waiting has failed, too.
        let expected = if error == "States.Timeout" {
            "StillWaiting"
        } else {
            "AwaitLater"
        };
        assert_eq!(caught(machine.state("AwaitDecision"), error), expected, "{error}");
    }
    let waiting = machine.state("StillWaiting");
    let failed = json!([{"Variable": "$.decided", "BooleanEquals": true, "Next": "Page"}]);
    assert_eq!((&waiting["Choices"], &waiting["Default"]), (&failed, &json!("Look")));
    for name in ["Page", "PageUnmarked"] {
        assert_eq!(
            machine.state(name).get("ResultPath"),
            Some(&Value::Null),
            "{name}: that it was sent is nobody's business"
        );
    }
}

#[test]
fn who_waits_for_a_token_is_not_asked_to_wait_again_but_looks() {
    let machine = Machine::long();
    for name in ["Park", "AwaitDecision"] {
        let task = machine.state(name);
        assert_eq!(attempts(task, "States.Timeout"), 0, "{name}");
        assert!(attempts(task, "SQS.ServiceException") > 0, "{name}");
        assert_eq!(task["Next"], "Look");
        assert_eq!(
            task.get("ResultPath"),
            Some(&Value::Null),
            "{name}: a token brings nothing"
        );
    }
    assert_eq!(caught(machine.state("Park"), "States.Timeout"), "Look");
    assert_eq!(caught(machine.state("Park"), "SQS.ServiceException"), "LookLater");
}

/// Whoever stays away for longer is taken for lost, and gets a second execution beside it.
#[tokio::test]
async fn an_execution_that_waits_comes_back_before_it_is_missed() {
    let database = Cloud::running().superuser().await;
    let sql = "SELECT extract(epoch FROM ledger.attention(people))::bigint FROM unnest(ARRAY[false, true]) AS people";
    let attention: Vec<u64> = database
        .query(sql, &[])
        .await
        .unwrap()
        .iter()
        .map(|row| row.get::<_, i64>(0).try_into().unwrap())
        .collect();
    let (short, long) = (Machine::short(), Machine::long());
    let longest_pause = u64::try_from(wait_seconds(i64::MAX)).unwrap();
    // Each with a minute for what comes before and after.
    for waits in [
        seconds(&short.0["TimeoutSeconds"]),
        seconds(&long.state("Park")["TimeoutSeconds"]),
        longest_pause,
    ] {
        assert!(waits + 60 < attention[0], "{waits} s");
    }
    let people = seconds(&long.state("AwaitDecision")["TimeoutSeconds"]);
    assert!(people + 60 < attention[1] && people >= 24 * 60 * 60, "{people} s");
}
