//! The schedule that looks after settlements that nobody attends to.

use serde_json::json;

use super::role::Role;
use crate::ledger::scratch::in_scratch_database;
use crate::ledger::settlement::scene::Settlement;
use crate::settlement_net::executions::Executions;
use crate::settlement_net::resuming::{lapse, resumer};

#[tokio::test]
async fn without_leave_to_start_executions_nothing_is_resumed_and_with_it_each_once() {
    in_scratch_database(async |cloud| {
        let states = json!({ "Ended": { "Type": "Succeed" } });
        let executions = Executions::of(&cloud, &json!({ "StartAt": "Ended", "States": states })).await;
        let machine = executions.machine.rsplit(':').next().unwrap();
        let role = Role::of(&cloud, "resume-settlements", &[("SettlementLong", machine)]).await;
        // The first one is the service's, for runs that failed.
        let known = [
            "sqs:SendMessage ResumeSettlementsDeadLetters",
            "states:StartExecution SettlementLong",
        ];
        assert_eq!(role.permissions(), known, "say what happens without it");

        let superuser = cloud.superuser().await;
        let (_, settlement) = Settlement::accepted(&cloud).await;
        lapse(&superuser, &[settlement.id()], 1).await;
        let bound = role.binding_without(known[1], resumer(&cloud, &executions.machine));
        let failed = bound
            .start()
            .await
            .unwrap()
            .invoke(&json!({}))
            .await
            .unwrap_err()
            .to_string();
        assert!(
            failed.contains("ExecutionsUnavailable") && failed.contains("AccessDenied"),
            "{failed}"
        );
        assert_eq!(executions.begun().await, [""; 0]);

        lapse(&superuser, &[settlement.id()], 1).await;
        let whole = role
            .binding(resumer(&cloud, &executions.machine))
            .start()
            .await
            .unwrap();
        assert_eq!(whole.invoke(&json!({})).await.unwrap(), json!({ "resumed": 1 }));
        assert_eq!(whole.invoke(&json!({})).await.unwrap(), json!({ "resumed": 0 }));
        assert_eq!(executions.begun().await.len(), 1);
    })
    .await;
}
