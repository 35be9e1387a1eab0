//! The deployed long machine and its functions once more, with a ledger, a provider, a breaker and a queue of a test's
//! own.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_sfn::types::ExecutionStatus;
use domain::settlement::status::Status;
use serde_json::{Value, json};
use tests::cloud::Cloud;
use tests::kyc_simulator::KycSimulator;
use tests::lambda::Setup;
use tests::patience::until;
use uuid::Uuid;

use super::executions::Executions;
use super::parking::waker;
use super::resuming::resumer;
use crate::kyc::table::{SETTINGS, Table};
use crate::ledger::settlement::scene::Settlement;

/// Copies of functions, each with other variables than the deployed one's. Their ARNs by the functions' logical names.
const COPYING: &str = r#"
import io, zipfile
lambdas, told = client("lambda"), {}
for logical, function in given["functions"].items():
    deployed = lambdas.get_function_configuration(FunctionName=function["name"])
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.write(function["bootstrap"], "bootstrap")
    told[logical] = lambdas.create_function(
        FunctionName=f"{logical}-{given['name']}", Runtime=deployed["Runtime"], Handler="bootstrap",
        Role=deployed["Role"], Timeout=deployed["Timeout"], Code={"ZipFile": code.getvalue()},
        Environment={"Variables": deployed["Environment"]["Variables"] | given["variables"]},
    )["FunctionArn"]
"#;

const REMOVING: &str = r#"
for function in given:
    client("lambda").delete_function(FunctionName=function)
told = None
"#;

pub struct Machine {
    pub cloud: Cloud,
    pub executions: Executions,
    pub table: Table,
    functions: Vec<String>,
}

impl Machine {
    /// In the cloud's database. Nothing is held back in the queue, and what is retried is so after a second: time is
    /// the test's. Whoever sets it up [removes](Self::remove) it.
    pub async fn set_up(cloud: Cloud, simulator: &KycSimulator) -> Self {
        // The functions' roles know no other table.
        let table = Table {
            client: cloud.dynamodb(),
            name: cloud.resource("Breakers").to_owned(),
            endpoint: simulator.origin(),
        };
        let variables = json!({
            "DATABASE_NAME": cloud.postgres.database,
            "KYC_ORIGIN": simulator.origin(),
            "KYC_TIMEOUT_SECONDS": "2",
            "BREAKER_IN_FLIGHT": SETTINGS.in_flight.to_string(),
            "BREAKER_OPEN_SECONDS": "600",
        });
        let functions: BTreeMap<_, _> = ["SettleStep", "Compensate", "AwaitDecision"]
            .map(|logical| {
                let deployed = &cloud.functions[logical];
                (
                    logical,
                    json!({ "name": deployed.name, "bootstrap": deployed.bootstrap }),
                )
            })
            .into();
        let given = json!({ "name": Uuid::new_v4(), "functions": functions, "variables": variables });
        let copies = cloud.ask(COPYING, &given).await;
        let copies = copies.as_object().unwrap();
        let mut definition = std::fs::read_to_string(DEFINITION).unwrap();
        for (logical, arn) in copies {
            definition = definition.replace(&format!("${{{logical}}}"), arn.as_str().unwrap());
        }
        let definition = definition
            .replace("${Partition}", "aws")
            .replace("${Pager}", cloud.resource("Pager"));
        Self {
            executions: Executions::of(&cloud, &hurried(&definition)).await,
            functions: copies.values().map(|arn| arn.as_str().unwrap().to_owned()).collect(),
            table,
            cloud,
        }
    }

    /// Ends the functions' processes.
    pub async fn remove(&self) {
        self.cloud.ask(REMOVING, &json!(self.functions)).await;
    }

    /// Begins the first execution of each, as the short way does that hands over.
    pub async fn begin(&self, settlements: &[Settlement]) {
        for settlement in settlements {
            let input = json!({ "tenant_id": settlement.tenant(), "settlement_id": settlement.id() });
            self.executions.begin(&settlement.id().to_string(), &input).await;
        }
    }

    pub fn waker(&self, per_second: u16) -> Setup {
        waker(
            &self.cloud,
            &self.executions,
            &self.table,
            per_second,
            Duration::from_mins(5),
        )
    }

    /// One run of a resumer. Returns how many it resumed.
    pub async fn resume(&self) -> Value {
        let resumer = resumer(&self.cloud, &self.executions.machine).start().await.unwrap();
        resumer.invoke(&json!({})).await.unwrap()["resumed"].clone()
    }

    /// Waits until that many settlements stand so.
    pub async fn until_they_are(&self, status: Status, count: i64) {
        let superuser = self.cloud.superuser().await;
        let sql = "SELECT count(*) FROM ledger.settlements WHERE status = $1";
        let there = async || {
            let row = superuser.query_one(sql, &[&status.as_str()]).await.unwrap();
            (row.get::<_, i64>(0) == count).then_some(())
        };
        until(there, || format!("{count} {status}")).await;
    }

    /// Waits until that many executions have come to their end, and insists that none has failed.
    pub async fn until_ended(&self, count: usize) {
        self.executions.until_ended(count).await;
        assert_eq!(self.executions.names(Some(ExecutionStatus::Failed)).await, [""; 0]);
    }
}

const DEFINITION: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../statemachines/settlement-long.asl.json");

fn hurried(definition: &str) -> Value {
    let mut definition: Value = serde_json::from_str(definition).unwrap();
    let states = definition["States"].as_object_mut().unwrap();
    let held_back = states["Park"]["Parameters"].as_object_mut().unwrap();
    assert!(held_back.remove("DelaySeconds.$").is_some());
    for state in states.values_mut() {
        for retrier in state["Retry"].as_array_mut().into_iter().flatten() {
            if retrier.get("IntervalSeconds").is_some() {
                retrier["IntervalSeconds"] = json!(1);
                retrier["BackoffRate"] = json!(1);
            }
        }
    }
    definition
}
