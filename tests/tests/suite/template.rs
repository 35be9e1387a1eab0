//! What only AWS has, read from the template: keys and who may use them, the trail, encryption, TLS. What is deployed here as
//! well is asked of the services themselves, in `api/stack`.

mod encryption;
mod keys;
mod trail;
mod watching;
mod writing_once;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Value, json};
use tests::cloud::Cloud;

/// The template's resources by their logical names, as they stand in AWS.
pub struct Template(BTreeMap<String, Value>);

impl Template {
    async fn read() -> Self {
        Self::of_file("template.yaml").await
    }

    /// Of a template by its place in the repository.
    async fn of_file(name: &str) -> Self {
        let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).join(name);
        let template = Cloud::running()
            .ask(include_str!("template/read.py"), &json!(path))
            .await;
        Self(serde_json::from_value(template["Resources"].clone()).unwrap())
    }

    /// Panics if there is none.
    fn properties(&self, logical: &str) -> &Value {
        &self.0.get(logical).unwrap_or_else(|| panic!("no {logical}"))["Properties"]
    }

    /// All of one type, with their properties.
    fn of(&self, of_type: &str) -> Vec<(&str, &Value)> {
        let all = self.0.iter().filter(|(_, resource)| resource["Type"] == of_type);
        let found: Vec<_> = all
            .map(|(logical, resource)| (logical.as_str(), &resource["Properties"]))
            .collect();
        assert!(!found.is_empty(), "no {of_type}");
        found
    }

    /// The statements of the policies of one type whose `property` names the resource, with `{"Ref": …}` in it.
    fn statements(&self, of_type: &str, property: &str, logical: &str) -> Vec<&Value> {
        let reference = json!({"Ref": logical});
        let names = |named: &Value| *named == reference || list(named).contains(&&reference);
        let policies = self
            .of(of_type)
            .into_iter()
            .filter(|(_, policy)| names(&policy[property]));
        policies
            .flat_map(|(_, policy)| list(&policy["PolicyDocument"]["Statement"]))
            .collect()
    }
}

/// What may be one or several.
fn list(value: &Value) -> Vec<&Value> {
    if value.is_null() {
        return Vec::new();
    }
    value
        .as_array()
        .map_or_else(|| vec![value], |values| values.iter().collect())
}

fn is_denied_to_all(statement: &Value) -> bool {
    statement["Effect"] == "Deny" && statement["Principal"] == "*"
}
