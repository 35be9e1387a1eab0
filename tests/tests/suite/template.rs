//! What only AWS has, read from the templates: keys and who may use them, the trail, encryption, TLS, the network, the database, how
//! it is deployed. What is deployed here as well is asked of the services themselves, in `api/stack`.

mod database;
mod deploying;
mod encryption;
mod failing;
mod functions;
mod keys;
mod network;
mod public;
mod regions;
mod trail;
mod watching;
mod writing_once;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Value, json};
use tests::cloud::Cloud;

/// A template's resources by their logical names, as they stand in AWS.
pub struct Template(BTreeMap<String, Value>);

/// A whole template of the repository, with those conditions that are named settled: true or false.
async fn document(name: &str, holds: &Value) -> Value {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).join(name);
    let given = json!({"path": path, "holds": holds});
    Cloud::running().ask(include_str!("template/read.py"), &given).await
}

impl Template {
    /// In the first region.
    pub async fn read() -> Self {
        Self::of_file("template.yaml").await
    }

    /// Of a template by its place in the repository, in the first region.
    async fn of_file(name: &str) -> Self {
        let holds = json!({"IsCloud": true, "WatchesTheAccount": true, "Writes": true});
        Self::in_document(&document(name, &holds).await)
    }

    fn in_document(document: &Value) -> Self {
        Self(serde_json::from_value(document["Resources"].clone()).unwrap())
    }

    /// In `CloudFormation`'s own types, as SAM expands it with these parameters: what they switch off is not there.
    async fn expanded(parameters: &[(&str, &str)]) -> Self {
        let mut told = json!({"MailFrom": "ledger@onceledger.example"});
        for (name, value) in parameters {
            told[*name] = json!(value);
        }
        let given = json!({"path": concat!(env!("CARGO_MANIFEST_DIR"), "/../template.yaml"), "parameters": told});
        let resources = Cloud::running().ask(include_str!("template/expanded.py"), &given).await;
        Self(serde_json::from_value(resources).unwrap())
    }

    async fn in_production() -> Self {
        Self::expanded(&[("Stage", "production"), ("Release", "one")]).await
    }

    /// Panics if there is none.
    pub fn properties(&self, logical: &str) -> &Value {
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

    /// All of one type, of which there may be none.
    fn any(&self, of_type: &str) -> Vec<(&str, &Value)> {
        let is_there = self.0.values().any(|resource| resource["Type"] == of_type);
        if is_there { self.of(of_type) } else { Vec::new() }
    }

    /// What a role's own policies say, and those apart from it.
    fn leave(&self, role: &str) -> Vec<&Value> {
        let own = list(&self.properties(role)["Policies"]);
        let own = own
            .into_iter()
            .flat_map(|policy| list(&policy["PolicyDocument"]["Statement"]));
        own.chain(self.statements("AWS::IAM::Policy", "Roles", role)).collect()
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

/// The resource that is referred to, by what it is or by its ARN.
fn referred(value: &Value) -> Option<&str> {
    value["Ref"].as_str().or_else(|| value["Fn::GetAtt"][0].as_str())
}

fn arn(logical: &str) -> Value {
    json!({"Fn::GetAtt": [logical, "Arn"]})
}
