//! Executions that park and do nothing else, a breaker, and wakers between them. The test is what calls the provider.

use std::time::Duration;

use serde_json::{Value, json};
use tests::cloud::Cloud;
use tests::lambda::{Function, Setup};
use uuid::Uuid;

use super::executions::Executions;
use crate::kyc::table::{SETTINGS, Table};
use crate::outbox::scene::metered;

/// What a run keeps free before its deadline.
const STOP_BEFORE: Duration = Duration::from_secs(10);

pub struct Parking {
    pub cloud: Cloud,
    pub table: Table,
    pub executions: Executions,
}

impl Parking {
    pub async fn new() -> Self {
        // For longer than any test, unless it is woken.
        Self::for_seconds(300).await
    }

    /// Executions wait that long, and then go on by themselves.
    pub async fn for_seconds(seconds: u32) -> Self {
        let cloud = Cloud::running();
        let park = json!({
            "Type": "Task",
            "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
            "Parameters": {
                "QueueUrl": "${ParkedQueue}",
                "MessageBody": {
                    "tenant_id.$": "$.tenant_id",
                    "settlement_id.$": "$.settlement_id",
                    "task_token.$": "$$.Task.Token",
                },
            },
            "TimeoutSeconds": seconds,
            "Catch": [{ "ErrorEquals": ["States.Timeout"], "Next": "Away" }],
            "End": true,
        });
        let states = json!({ "Park": park, "Away": { "Type": "Succeed" } });
        let definition = json!({ "StartAt": "Park", "States": states });
        Self {
            executions: Executions::of(&cloud, &definition).await,
            table: Table::new().await,
            cloud,
        }
    }

    /// Begins that many executions, and waits until all are parked.
    pub async fn park(&self, count: usize) {
        let before = self.executions.parked().await;
        for _ in 0..count {
            let id = Uuid::new_v4();
            let input = json!({ "tenant_id": Uuid::new_v4(), "settlement_id": id });
            self.executions.begin(&id.to_string(), &input).await;
        }
        self.executions.until_parked(before + count).await;
    }

    pub async fn break_open(&self) {
        let breaker = self.table.breaker(SETTINGS);
        for _ in 0..SETTINGS.minimum {
            breaker
                .leave(breaker.enter().await.unwrap(), domain::breaker::Ended::Failed)
                .await;
        }
        assert!(self.table.is_open().await);
    }

    /// A waker of these, whose invocations last that long and a moment.
    pub fn waker(&self, per_second: u16, lasting: Duration) -> Setup {
        waker(&self.cloud, &self.executions, &self.table, per_second, lasting)
    }

    /// Starts a waker with an invocation that lasts for as long as any test.
    pub async fn waking(&self, per_second: u16) -> Function {
        waking(self.waker(per_second, Duration::from_mins(5))).await
    }
}

pub fn waker(cloud: &Cloud, executions: &Executions, table: &Table, per_second: u16, lasting: Duration) -> Setup {
    Function::of(cloud, "wake-parked")
        .set("PARKED_QUEUE_URL", &executions.queue)
        .set("WAKE_PER_SECOND", per_second)
        .set("KYC_ORIGIN", &table.endpoint)
        .set("BREAKER_TABLE", &table.name)
        .set("BREAKER_IN_FLIGHT", SETTINGS.in_flight)
        .set("BREAKER_OPEN_SECONDS", SETTINGS.open_ms / 1000)
        .deadline(STOP_BEFORE + lasting)
}

/// Starts it, and an invocation that nobody waits for.
pub async fn waking(waker: Setup) -> Function {
    let waker = waker.start().await.unwrap();
    drop(waker.invoke(&json!({})));
    waker
}

/// How many a waker has woken, and how many it found that waited no longer.
pub fn told(waker: &Function) -> (i64, i64) {
    (metered(waker, "ParkedWoken"), metered(waker, "ParkedExpired"))
}

/// When a waker woke how many, in milliseconds and in order.
pub fn times(waker: &Function) -> Vec<(i64, i64)> {
    let output = waker.output();
    let lines = output
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let woken = lines.filter_map(|line| Some((line["_aws"]["Timestamp"].as_i64()?, line["ParkedWoken"].as_i64()?)));
    woken.filter(|(_, count)| *count > 0).collect()
}

/// Insists that no more were woken than the rate allows: in whatever time, its share and one second's.
pub fn kept_to(waker: &Function, per_second: i64) {
    let times = times(waker);
    for (first, (began_ms, _)) in times.iter().enumerate() {
        let mut woken = 0;
        for (now_ms, count) in &times[first..] {
            woken += count;
            let allowed = per_second + (now_ms - began_ms) * per_second / 1000;
            // A message's worth for the clock's whole milliseconds.
            assert!(
                woken <= allowed + 1,
                "{woken} within {} ms: {times:?}",
                now_ms - began_ms
            );
        }
    }
}
