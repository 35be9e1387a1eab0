//! The machine of the full run, as it is deployed.

use aws_sdk_sfn::types::{ExecutionStatus, HistoryEventType};
use serde_json::{Value, json};
use tests::cloud::Cloud;
use tests::patience::until;

use crate::settlement::stage::state_machines;

#[tokio::test]
async fn the_machine_goes_through_the_books_and_then_through_the_seals() {
    let cloud = Cloud::running();
    let states = state_machines(&cloud);
    let start = states
        .start_execution()
        .state_machine_arn(cloud.resource("Reconciliation"));
    let input = json!({"next": {"full": {}, "brief": true}});
    let arn = start.input(input.to_string()).send().await.unwrap().execution_arn;
    let ended = async || {
        let told = states.describe_execution().execution_arn(&arn).send().await.unwrap();
        (told.status != ExecutionStatus::Running).then_some(told)
    };
    let told = until(ended, || format!("the end of {arn}")).await;
    assert_eq!(told.status, ExecutionStatus::Succeeded, "{told:?}");
    let output: Value = serde_json::from_str(&told.output.unwrap()).unwrap();
    assert_eq!(output, json!({"next": null}));

    let history = states.get_execution_history().execution_arn(&arn).send().await.unwrap();
    let inputs = history
        .events
        .iter()
        .filter(|event| event.r#type == HistoryEventType::TaskStateEntered);
    let inputs: Vec<Value> = inputs
        .map(|event| {
            serde_json::from_str(event.state_entered_event_details.as_ref().unwrap().input().unwrap()).unwrap()
        })
        .collect();
    assert!(inputs.len() >= 2, "{inputs:?}");
    assert_eq!(inputs[0]["next"], json!({"full": {}, "brief": true}));
    assert!(inputs[inputs.len() - 1]["next"]["seals"].is_object(), "{inputs:?}");
}
