//! What a task asks its function, and whether the function understands it.

use std::collections::BTreeSet;

use adapters::parked::Parked;
use domain::settlement::failure::StepFailure;
use serde_json::{Map, Value, json};
use tests::cloud::Cloud;
use uuid::Uuid;

use super::{Machine, seconds, text};

/// The machine's state as it may stand before any task.
fn document() -> Value {
    json!({
        "tenant_id": Uuid::new_v4(), "settlement_id": Uuid::new_v4(), "next": "look", "wait_seconds": 30,
        "decided": false, "error": {"Error": "Defect", "Cause": "{}"},
    })
}

/// `Parameters` with every path replaced by what it finds in `document`.
fn resolved(parameters: &Value, document: &Value) -> Value {
    let Some(members) = parameters.as_object() else {
        return parameters.clone();
    };
    let found = |path: &str| match path.strip_prefix("$.") {
        Some(path) => document.pointer(&format!("/{}", path.replace('.', "/"))).cloned(),
        // The token of the task itself, or words for people.
        None => (path == "$$.Task.Token" || path.starts_with("States.Format(")).then(|| json!("a token")),
    };
    let resolve = |(name, value): (&String, &Value)| match name.strip_suffix(".$") {
        Some(name) => (
            name.to_owned(),
            found(text(value)).unwrap_or_else(|| panic!("{value} finds nothing")),
        ),
        None => (name.clone(), resolved(value, document)),
    };
    members.iter().map(resolve).collect::<Map<_, _>>().into()
}

fn members(of: &Value) -> BTreeSet<&str> {
    of.as_object().expect("an object").keys().map(String::as_str).collect()
}

#[test]
fn every_task_names_the_settlement_and_nothing_but_what_it_needs() {
    for machine in [Machine::short(), Machine::long()] {
        for (name, task) in machine.tasks() {
            let asked = resolved(&task["Parameters"], &document());
            let (asked, own): (_, &[&str]) = match name {
                "HandOver" => (&asked["Input"], &[]),
                "Park" => {
                    let read = serde_json::from_value::<Parked>(asked["MessageBody"].clone());
                    assert!(read.is_ok(), "whoever wakes it understands it");
                    (&asked["MessageBody"], &["task_token"])
                }
                "AwaitDecision" => (&asked["Payload"], &["task_token", "decided"]),
                "Page" | "PageUnmarked" => {
                    assert_eq!(members(&asked), ["TopicArn", "Subject", "Message"].into());
                    continue;
                }
                "MarkParked" => (&asked, &["do", "wait_seconds"]),
                "MarkLimbo" => (&asked, &["do", "cause"]),
                _ => (&asked, &["do"]),
            };
            let expected = ["tenant_id", "settlement_id"].into_iter().chain(own.iter().copied());
            assert_eq!(members(asked), expected.collect(), "{name}");
        }
    }
}

/// Asked about a settlement that there is not, a function says so; asked for what it does not know, it says something else.
#[tokio::test]
async fn every_function_understands_what_the_machines_ask_of_it() {
    let cloud = Cloud::running();
    let (short, long) = (Machine::short(), Machine::long());
    let mut asked = Vec::new();
    for (name, task) in short.tasks().into_iter().chain(long.tasks()) {
        let parameters = resolved(&task["Parameters"], &document());
        let (function, payload) = match text(&task["Resource"]) {
            "arn:${Partition}:states:::lambda:invoke.waitForTaskToken" => {
                (text(&task["Parameters"]["FunctionName"]), parameters["Payload"].clone())
            }
            resource if resource.starts_with("${") => (resource, parameters),
            _ => continue,
        };
        let logical = function.trim_start_matches("${").trim_end_matches('}');
        let function = &cloud.functions[logical];
        // The function ends first, and says why.
        assert!(seconds(&task["TimeoutSeconds"]) > function.timeout_seconds, "{name}");
        asked.push((name, json!([function.name, payload])));
    }
    let script = r#"
def answer(function, payload):
    return json.loads(client("lambda").invoke(FunctionName=function, Payload=json.dumps(payload))["Payload"].read())
told = [answer(*each) for each in given]
"#;
    let given: Vec<_> = asked.iter().map(|(_, asked)| asked).collect();
    let told = cloud.ask(script, &json!(given)).await;
    assert!(asked.len() > 15);
    for ((name, _), told) in asked.iter().zip(told.as_array().expect("answers")) {
        assert_eq!(
            told["errorType"],
            StepFailure::SettlementUnknown.as_str(),
            "{name}: {told}"
        );
    }
    // It could have been otherwise.
    let garbled = json!([[cloud.functions["SettleStep"].name, {"tenant_id": Uuid::new_v4(), "settlement_id": Uuid::new_v4(), "do": "dance"}]]);
    let told = cloud.ask(script, &garbled).await;
    assert_eq!(told[0]["errorType"], StepFailure::Defect.as_str(), "{told}");
}
