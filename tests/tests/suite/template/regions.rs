//! Where another region's database is written to, nothing here writes.

use serde_json::{Value, json};

use super::{Template, document};

/// All schedules, with whose they are.
fn schedules(template: &Template) -> Vec<(String, &Value)> {
    let mut found = Vec::new();
    for of_type in ["AWS::Serverless::Function", "AWS::Serverless::StateMachine"] {
        for (logical, properties) in template.of(of_type) {
            let events = properties["Events"].as_object().into_iter().flatten();
            for (event, described) in events {
                let kind = described["Type"].as_str().unwrap_or_default();
                if kind.starts_with("Schedule") {
                    found.push((format!("{logical} {event}"), &described["Properties"]));
                }
            }
        }
    }
    found
}

#[tokio::test]
async fn while_another_region_is_written_to_nothing_runs_by_the_clock_here() {
    let holds = json!({"IsCloud": true, "WatchesTheAccount": true, "Writes": false});
    let standing_by = Template::in_document(&document("template.yaml", &holds).await);
    let found = schedules(&standing_by);
    assert!(found.len() > 5, "{}", found.len());
    for (schedule, properties) in found {
        assert_eq!(properties["State"], "DISABLED", "{schedule}");
    }
    let serving = Template::read().await;
    for (schedule, properties) in schedules(&serving) {
        assert_ne!(properties["State"], "DISABLED", "{schedule}");
    }
}
