//! Settlements against their logs, their entries and their executions.

mod books;
mod waiting;

use serde_json::json;
use tests::cloud::Cloud;
use tokio_postgres::Client;
use uuid::Uuid;

use super::scene::{Said, reconciler};
use crate::settlement_net::executions::Executions;

/// What the check says of this ledger, and of the executions of this machine.
async fn reconciled(cloud: &Cloud, machine: &str) -> Said {
    let reconciler = reconciler(cloud, &cloud.gate_table, machine).start().await.unwrap();
    Said::by(&reconciler, "settlements").await
}

/// Executions that wait for longer than any test.
async fn sleeping(cloud: &Cloud) -> Executions {
    let states = json!({ "Asleep": { "Type": "Wait", "Seconds": 600, "Next": "Over" }, "Over": { "Type": "Succeed" } });
    Executions::of(cloud, &json!({ "StartAt": "Asleep", "States": states })).await
}

/// Lets everything about a settlement be that many seconds older.
async fn age(superuser: &Client, settlement: Uuid, seconds: i32) {
    let sql = format!(
        "ALTER TABLE ledger.settlements DISABLE TRIGGER terms_never_changed;
         UPDATE ledger.settlements
            SET created_at = created_at - interval '{seconds} s', changed_at = changed_at - interval '{seconds} s',
                attend_by = attend_by - interval '{seconds} s', ended_at = ended_at - interval '{seconds} s'
          WHERE settlement_id = '{settlement}';
         ALTER TABLE ledger.settlements ENABLE ALWAYS TRIGGER terms_never_changed"
    );
    superuser.batch_execute(&sql).await.unwrap();
}
