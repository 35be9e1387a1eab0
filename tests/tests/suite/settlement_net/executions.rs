//! A state machine of a test's own, and a queue for what its executions park.

use std::time::Duration;

use aws_sdk_sfn::types::ExecutionStatus;
use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::{Value, json};
use tests::cloud::Cloud;
use tests::patience::until;
use uuid::Uuid;

use crate::settlement::stage::state_machines;

/// Both under a name of their own, with a role that may do anything.
const MAKING: &str = r#"
iam, sqs, sfn = client("iam"), client("sqs"), client("stepfunctions")
name, services = given["name"], ["lambda.amazonaws.com", "states.amazonaws.com"]
def policy(**statement):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})
trust = policy(Principal={"Service": services}, Action="sts:AssumeRole")
role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=policy(Action="*", Resource="*"))
queue = sqs.create_queue(QueueName=name)["QueueUrl"]
definition = json.dumps(given["definition"]).replace("${ParkedQueue}", queue)
machine = sfn.create_state_machine(name=name, definition=definition, roleArn=role)["stateMachineArn"]
told = {"queue": queue, "machine": machine}
"#;

pub struct Executions {
    pub machine: String,
    pub queue: String,
    sfn: aws_sdk_sfn::Client,
    sqs: aws_sdk_sqs::Client,
}

impl Executions {
    /// Of a machine with this definition. Where it says `${ParkedQueue}`, the queue's URL goes.
    pub async fn of(cloud: &Cloud, definition: &Value) -> Self {
        let given = json!({ "name": format!("net-{}", Uuid::new_v4()), "definition": definition });
        let made = cloud.ask(MAKING, &given).await;
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        Self {
            machine: text("machine"),
            queue: text("queue"),
            sfn: state_machines(cloud),
            sqs: sqs(cloud),
        }
    }

    /// Begins an execution.
    pub async fn begin(&self, name: &str, input: &Value) {
        let begin = self.sfn.start_execution().state_machine_arn(&self.machine);
        begin.name(name).input(input.to_string()).send().await.unwrap();
    }

    /// Stops one, as an operator might.
    pub async fn stop(&self, name: &str) {
        let execution = format!("{}:{name}", self.machine.replace(":stateMachine:", ":execution:"));
        let stop = self.sfn.stop_execution().execution_arn(execution);
        stop.send().await.unwrap();
    }

    /// The names of all that were begun, in order.
    pub async fn begun(&self) -> Vec<String> {
        self.names(None).await
    }

    /// The names of those that stand so, or of all, in order.
    pub async fn names(&self, status: Option<ExecutionStatus>) -> Vec<String> {
        let list = self.sfn.list_executions().state_machine_arn(&self.machine);
        let mut pages = list.set_status_filter(status).into_paginator().items().send();
        let mut names = Vec::new();
        while let Some(execution) = pages.next().await {
            names.push(execution.unwrap().name);
        }
        names.sort();
        names
    }

    /// How many have come to their end.
    pub async fn ended(&self) -> usize {
        self.names(Some(ExecutionStatus::Succeeded)).await.len()
    }

    /// The input of an execution.
    pub async fn input(&self, name: &str) -> Value {
        let execution = format!("{}:{name}", self.machine.replace(":stateMachine:", ":execution:"));
        let described = self.sfn.describe_execution().execution_arn(execution).send().await;
        serde_json::from_str(described.unwrap().input().unwrap()).unwrap()
    }

    /// How many messages there are, whether or not somebody has received them.
    pub async fn parked(&self) -> usize {
        let names = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesDelayed,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        ];
        let read = self.sqs.get_queue_attributes().queue_url(&self.queue);
        let read = read.set_attribute_names(Some(names.into())).send().await.unwrap();
        let counts = read.attributes.unwrap_or_default().into_values();
        counts.map(|count| count.parse::<usize>().unwrap()).sum()
    }

    /// Waits until that many are parked.
    pub async fn until_parked(&self, count: usize) {
        let there = async || (self.parked().await == count).then_some(());
        until(there, || format!("{count} parked")).await;
    }

    /// Waits until that many have come to their end.
    pub async fn until_ended(&self, count: usize) {
        let there = async || (self.ended().await == count).then_some(());
        until(there, || format!("{count} ended")).await;
    }

    /// Wakes one that is parked, as a waker does that dies before it deletes the message: that comes back at once.
    pub async fn wake_and_die(&self) {
        let receive = self.sqs.receive_message().queue_url(&self.queue).visibility_timeout(0);
        let received = receive.send().await.unwrap();
        let body: Value = serde_json::from_str(received.messages()[0].body().unwrap()).unwrap();
        let wake = self.sfn.send_task_success().output("{}");
        let token = body["task_token"].as_str().unwrap();
        wake.task_token(token).send().await.unwrap();
    }

    /// Puts a message beside those that the machine sends.
    pub async fn send(&self, body: &str) {
        let send = self.sqs.send_message().queue_url(&self.queue).message_body(body);
        send.send().await.unwrap();
    }
}

/// Longer than a waker lets pass between two looks, so that it would have done what it must not do.
pub async fn some_looks_later() {
    tokio::time::sleep(Duration::from_millis(2500)).await;
}

fn sqs(cloud: &Cloud) -> aws_sdk_sqs::Client {
    use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region};
    let aws = &cloud.aws;
    let keys = Credentials::new(&aws.access_key_id, &aws.secret_access_key, None, None, "state file");
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(aws.region.clone()))
        .endpoint_url(&aws.endpoint)
        .credentials_provider(keys)
        .http_client(aws_smithy_http_client::Builder::new().build_http());
    aws_sdk_sqs::Client::from_conf(config.build())
}
