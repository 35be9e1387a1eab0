//! What only AWS has, read from the templates: keys and who may use them, the trail, encryption, TLS, the network, the database. What is
//! deployed here as well is asked of the services themselves, in `api/stack`.

mod database;
mod encryption;
mod keys;
mod network;
mod regions;
mod trail;
mod writing_once;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Value, json};
use tests::cloud::Cloud;

/// A template's resources by their logical names, as they stand in AWS, and its outputs.
pub struct Template(BTreeMap<String, Value>, Value);

impl Template {
    /// In the first region.
    async fn read() -> Self {
        let holds = json!({"IsCloud": true, "WatchesTheAccount": true, "Writes": true});
        Self::of_file("template.yaml", &holds).await
    }

    /// Any of them, with those conditions that are named settled: true or false.
    async fn of_file(name: &str, holds: &Value) -> Self {
        let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).join(name);
        let given = json!({"path": path, "holds": holds});
        let mut template = Cloud::running().ask(include_str!("template/read.py"), &given).await;
        let outputs = template["Outputs"].take();
        Self(serde_json::from_value(template["Resources"].take()).unwrap(), outputs)
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

    /// What every function may do by its role: the policies in the role, and those that name it.
    fn allowed(&self, function: &str) -> Vec<&Value> {
        let role = self.role(function);
        let inside = list(&self.properties(role)["Policies"]);
        let mut statements: Vec<_> = inside
            .into_iter()
            .flat_map(|policy| list(&policy["PolicyDocument"]["Statement"]))
            .collect();
        statements.extend(self.statements("AWS::IAM::Policy", "Roles", role));
        statements
    }

    /// The logical name of a function's execution role.
    fn role(&self, function: &str) -> &str {
        let role = self.properties(function)["Role"]["Fn::GetAtt"][0].as_str();
        role.unwrap_or_else(|| panic!("{function} has no role of its own"))
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
