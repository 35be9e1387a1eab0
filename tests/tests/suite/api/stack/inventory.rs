//! Every resource of the template, asked of the service that owns it: whether it is there, and as the template says. A resource of a type that
//! `inventory.py` cannot ask for fails this, and so does a property that it does not look at.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Map, Value, json};
use tests::cloud::Cloud;

const TEMPLATE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../template.yaml");

/// One resource, in the template's words.
#[derive(Debug, Clone, Deserialize)]
struct Audited {
    #[serde(rename = "type")]
    of_type: String,
    /// By the template, and by what holds where it says nothing.
    said: Map<String, Value>,
    /// By the service.
    found: Map<String, Value>,
}

#[derive(Debug, Deserialize)]
struct Inventory {
    resources: BTreeMap<String, Audited>,
    /// What is deployed and not in the template.
    unsaid: Vec<String>,
    /// What is in the template and not deployed.
    undone: Vec<String>,
}

impl Audited {
    /// The properties that are not as they should be.
    fn differences(&self) -> Vec<String> {
        let names: BTreeSet<_> = self.said.keys().chain(self.found.keys()).collect();
        let differs = |name: &&&String| self.said.get(**name) != self.found.get(**name);
        let told = |name: &String| {
            let [said, found] =
                [&self.said, &self.found].map(|side| side.get(name).unwrap_or(&Value::Null).to_string());
            format!("{name}: the template says {said}, there is {found}")
        };
        names.iter().filter(differs).map(|name| told(name)).collect()
    }
}

async fn taken() -> Inventory {
    let cloud = Cloud::running();
    let stack = r#"
(stack,) = client("cloudformation").describe_stacks(StackName="onceledger")["Stacks"]
told = {each["ParameterKey"]: each["ParameterValue"] for each in stack["Parameters"]}
"#;
    let parameters = cloud.ask(stack, &json!(null)).await;
    let given = json!({"path": TEMPLATE, "parameters": parameters, "resources": cloud.resources});
    let script = concat!(include_str!("../../template/expanded.py"), include_str!("inventory.py"));
    serde_json::from_value(cloud.ask(script, &given).await).unwrap()
}

#[tokio::test]
async fn everything_is_deployed_as_the_template_says_and_nothing_else_is() {
    let inventory = taken().await;
    assert!(
        inventory.unsaid.is_empty() && inventory.undone.is_empty(),
        "{inventory:?}"
    );
    assert!(inventory.resources.len() > 250, "{}", inventory.resources.len());
    let differences: Vec<_> = inventory
        .resources
        .iter()
        .flat_map(|(name, resource)| {
            resource
                .differences()
                .into_iter()
                .map(move |each| format!("{name} ({}): {each}", resource.of_type))
        })
        .collect();
    assert!(differences.is_empty(), "{}", differences.join("\n"));

    // And were anything not as it should be, this would have said so.
    let mut changes = 0;
    for (name, resource) in &inventory.resources {
        for changed in mutations(&Value::Object(resource.said.clone())) {
            let Value::Object(said) = changed else {
                unreachable!("an object stays one")
            };
            let mutated = Audited {
                said,
                ..resource.clone()
            };
            assert_eq!(mutated.differences().len(), 1, "{name}: {:?}", mutated.said);
            changes += 1;
        }
        for property in resource.found.keys() {
            let mut lost = resource.clone();
            lost.found.remove(property);
            assert_eq!(lost.differences().len(), 1, "{name}: {property}");
        }
    }
    assert!(changes > 2_000, "{changes}");
}

/// The same with one thing in it changed, for each thing in it.
fn mutations(value: &Value) -> Vec<Value> {
    match value {
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(name, inner)| {
                mutations(inner).into_iter().map(move |changed| {
                    let mut fields = fields.clone();
                    fields.insert(name.clone(), changed);
                    Value::Object(fields)
                })
            })
            .collect(),
        Value::Array(values) => {
            let changed = |at: usize| {
                mutations(&values[at]).into_iter().map(move |changed| {
                    let mut values = values.clone();
                    values[at] = changed;
                    Value::Array(values)
                })
            };
            let less = values.split_last().map(|(_, rest)| Value::Array(rest.to_vec()));
            (0..values.len()).flat_map(changed).chain(less).collect()
        }
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => {
            vec![json!(format!("not {other}"))]
        }
    }
}

#[test]
fn a_difference_is_seen_whichever_side_it_is_on() {
    let audited = |said: Value, found: Value| Audited {
        of_type: "AWS::SQS::Queue".to_owned(),
        said: said.as_object().unwrap().clone(),
        found: found.as_object().unwrap().clone(),
    };
    let queue = json!({"VisibilityTimeout": "30", "RedrivePolicy": {"maxReceiveCount": "10"}});
    assert!(audited(queue.clone(), queue.clone()).differences().is_empty());
    let other = json!({"VisibilityTimeout": "30", "RedrivePolicy": {"maxReceiveCount": "11"}});
    assert_eq!(audited(queue.clone(), other).differences().len(), 1, "it is another");
    let without = json!({"VisibilityTimeout": "30"});
    assert_eq!(
        audited(queue.clone(), without.clone()).differences().len(),
        1,
        "it is not there, or nobody looks at it"
    );
    assert_eq!(audited(without, queue).differences().len(), 1, "nobody asked for it");
}
