//! One run of the real function, and what it says.

use serde_json::{Value, json};
use tests::cloud::Cloud;
use tests::lambda::{Function, Setup};

/// A machine that nobody has.
pub const NO_MACHINE: &str = "arn:aws:states:eu-west-1:000000000000:stateMachine:none";

/// `reconcile` in a ledger of the test's own, with the gate's table and the machine of these names.
pub fn reconciler(cloud: &Cloud, gate_table: &str, machine: &str) -> Setup {
    Function::of(cloud, "reconcile")
        .set("DATABASE_NAME", &cloud.postgres.database)
        .set("GATE_TABLE", gate_table)
        .set("LONG_MACHINE_ARN", machine)
}

/// What one check said.
#[derive(Debug)]
pub struct Said(Value);

impl Said {
    /// One run; the section of the check of that name.
    pub async fn by(reconciler: &Function, check: &str) -> Self {
        let report = reconciler.invoke(&json!({})).await.unwrap();
        let sections = report["sections"].as_array().unwrap();
        let section = sections.iter().find(|section| section["name"] == check);
        Self(
            section
                .unwrap_or_else(|| panic!("no section {check}: {report}"))
                .clone(),
        )
    }

    /// Every finding: severity, kind and subject.
    pub fn findings(&self) -> Vec<(&str, &str, &str)> {
        assert_eq!(self.0["failed"], Value::Null, "{self:?}");
        let findings = self.0["findings"].as_array().unwrap().iter();
        findings
            .map(|finding| {
                (
                    text(finding, "severity"),
                    text(finding, "what"),
                    text(finding, "subject"),
                )
            })
            .collect()
    }

    /// The detail of the first finding of that kind.
    pub fn detail(&self, what: &str) -> &str {
        let findings = self.0["findings"].as_array().unwrap();
        let found = findings.iter().find(|finding| finding["what"] == what);
        found.unwrap_or_else(|| panic!("no {what}: {self:?}"))["detail"]
            .as_str()
            .unwrap()
    }

    /// How many of what bears that name.
    pub fn count(&self, name: &str) -> u64 {
        self.0["counts"][name].as_u64().unwrap_or_default()
    }

    /// Why the check failed.
    pub fn failure(&self) -> &str {
        self.0["failed"]
            .as_str()
            .unwrap_or_else(|| panic!("it did not fail: {self:?}"))
    }
}

fn text<'a>(finding: &'a Value, name: &str) -> &'a str {
    finding[name].as_str().unwrap()
}
