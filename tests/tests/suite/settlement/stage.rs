//! Machines of a test's own, from the files that are deployed.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_sfn::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_sfn::operation::describe_execution::DescribeExecutionError;
use aws_sdk_sfn::types::ExecutionStatus;
use serde_json::{Value, json};
use tests::cloud::Cloud;
use tests::kyc_simulator::KycSimulator;
use tests::patience::within;
use tests::relay::Relay;
use tokio_postgres::Client;
use uuid::Uuid;

use super::desk::{Desk, FUNCTIONS};

/// The part of a wait that it takes here: retries come within a tenth of a second, and what waits for a minute looks
/// again within one. Time-outs are as deployed.
const WAIT_SCALE: &str = "0.01";
/// The longest that a settlement takes here: three time-outs of a function in each machine, and its share of a busy
/// processor.
pub const PATIENCE: Duration = Duration::from_secs(100);
/// How long a function may take that is silent on purpose, in seconds: more than any takes that is not.
const FUNCTION_SECONDS: u32 = 6;

/// Makes functions, machines and queues of a name of their own; tells where they are.
const SET_UP: &str = include_str!("set_up.py");

/// The texts of a stage's pages that nobody has read yet.
const READ_PAGES: &str = r#"
told = []
while True:
    received = client("sqs").receive_message(QueueUrl=given, MaxNumberOfMessages=10).get("Messages", [])
    if not received:
        break
    for message in received:
        told.append(json.loads(message["Body"])["Message"])
        client("sqs").delete_message(QueueUrl=given, ReceiptHandle=message["ReceiptHandle"])
"#;

/// Two machines, the functions behind them, and all that those reach.
pub struct Stage {
    pub cloud: Cloud,
    pub desk: Arc<Desk>,
    pub kyc: KycSimulator,
    pub superuser: Client,
    sfn: aws_sdk_sfn::Client,
    short: String,
    long: String,
    pages: String,
    _relay: Relay,
}

impl Stage {
    /// On the ledger of `cloud`, which is to be the test's own: nobody else may settle what is on it.
    pub async fn new(cloud: &Cloud) -> Self {
        Self::of_functions_with(FUNCTION_SECONDS, cloud).await
    }

    /// As [`Stage::new`], with functions that may take so many seconds.
    pub async fn of_functions_with(seconds: u32, cloud: &Cloud) -> Self {
        let kyc = KycSimulator::start().await;
        let desk = Desk::start(cloud, &kyc).await;
        let relay = Relay::start({
            let desk = Arc::clone(&desk);
            move |function, event| {
                let desk = Arc::clone(&desk);
                async move { desk.take(function, event).await }
            }
        })
        .await;
        let urls: Value = FUNCTIONS
            .map(|function| (function, relay.url(function)))
            .into_iter()
            .collect();
        let given = json!({
            "name": format!("stage-{}", Uuid::new_v4()),
            "config": {"stepfunctions._SFN_WAIT_SCALE": WAIT_SCALE},
            "relay": env!("CARGO_BIN_EXE_relay"),
            "urls": urls,
            "seconds": seconds,
            "definitions": {"short": definition("short"), "long": definition("long")},
        });
        let told = cloud.ask(SET_UP, &given).await;
        let text = |name: &str| told[name].as_str().unwrap().to_owned();
        Self {
            cloud: cloud.clone(),
            desk,
            kyc,
            superuser: cloud.superuser().await,
            sfn: state_machines(cloud),
            short: text("short"),
            long: text("long"),
            pages: text("pages"),
            _relay: relay,
        }
    }

    /// Begins an execution of the short machine, as the event does: under a name of its own. Returns its ARN.
    pub async fn begin(&self, input: &Value) -> String {
        self.start(&self.short, &Uuid::new_v4().to_string(), input).await
    }

    /// Begins an execution of the long machine.
    pub async fn resume(&self, name: &str, input: &Value) -> String {
        self.start(&self.long, name, input).await
    }

    async fn start(&self, machine: &str, name: &str, input: &Value) -> String {
        let start = self.sfn.start_execution().state_machine_arn(machine).name(name);
        start.input(input.to_string()).send().await.unwrap().execution_arn
    }

    /// The ARN of the long machine's execution that bears the settlement's name.
    pub fn long_execution(&self, settlement: Uuid) -> String {
        let executions = self.long.replace(":stateMachine:", ":execution:");
        format!("{executions}:{settlement}")
    }

    /// How an execution stands; `None`: there is none.
    pub async fn execution(&self, arn: &str) -> Option<ExecutionStatus> {
        let described = self.sfn.describe_execution().execution_arn(arn).send().await;
        match described {
            Ok(described) => Some(described.status),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(DescribeExecutionError::is_execution_does_not_exist) =>
            {
                None
            }
            Err(error) => panic!("{error:?}"),
        }
    }

    /// Waits until an execution has ended.
    pub async fn ended(&self, arn: &str) -> ExecutionStatus {
        let ended = async || {
            let status = self.execution(arn).await;
            status.filter(|status| *status != ExecutionStatus::Running)
        };
        within(PATIENCE, ended, || format!("the end of {arn}")).await
    }

    /// Stops an execution, wherever it is.
    pub async fn stop(&self, arn: &str) {
        self.sfn.stop_execution().execution_arn(arn).send().await.unwrap();
    }

    /// What people were called for since they were asked last.
    pub async fn pages(&self) -> Vec<String> {
        let told = self.cloud.ask(READ_PAGES, &json!(self.pages)).await;
        serde_json::from_value(told).unwrap()
    }

    /// Sends the token of the execution that waits for people, as their approval does.
    pub async fn wake(&self, settlement: Uuid) {
        let key = aws_sdk_dynamodb::types::AttributeValue::S(settlement.to_string());
        let get = self
            .cloud
            .dynamodb()
            .get_item()
            .table_name(self.cloud.resource("Tokens"));
        let item = get.key("pk", key).consistent_read(true).send().await.unwrap().item;
        let token = item.unwrap()["token"].as_s().unwrap().clone();
        let send = self.sfn.send_task_success().task_token(token).output("{}");
        send.send().await.unwrap();
    }
}

fn definition(machine: &str) -> String {
    let directory = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../statemachines"));
    std::fs::read_to_string(directory.join(format!("settlement-{machine}.asl.json"))).unwrap()
}

/// Of the local cloud.
pub fn state_machines(cloud: &Cloud) -> aws_sdk_sfn::Client {
    let aws = &cloud.aws;
    let keys = Credentials::new(&aws.access_key_id, &aws.secret_access_key, None, None, "state file");
    let config = aws_sdk_sfn::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(aws.region.clone()))
        .endpoint_url(&aws.endpoint)
        .credentials_provider(keys)
        .http_client(aws_smithy_http_client::Builder::new().build_http());
    aws_sdk_sfn::Client::from_conf(config.build())
}
