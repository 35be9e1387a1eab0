//! The real resumer on a real ledger: who has lapsed is begun anew, once.

use domain::settlement::step::Step;
use serde_json::{Value, json};
use tests::alarms::breaches;
use tests::cloud::Cloud;
use tests::lambda::{Function, Setup};
use tokio_postgres::Client;
use uuid::Uuid;

use super::executions::Executions;
use crate::ledger::scratch::in_scratch_database;
use crate::ledger::settlement::scene::{Call, Settlement};
use crate::outbox::scene::metered;

/// Makes them lapse that many seconds ago, as time would.
pub async fn lapse(superuser: &Client, settlements: &[Uuid], seconds: i32) {
    let sql = "UPDATE ledger.settlements SET attend_by = now() - ($2::integer || ' s')::interval
                WHERE settlement_id = ANY ($1)";
    superuser.execute(sql, &[&settlements, &seconds]).await.unwrap();
}

pub fn resumer(cloud: &Cloud, machine: &str) -> Setup {
    Function::of(cloud, "resume-settlements")
        .set("DATABASE_NAME", &cloud.postgres.database)
        .set("LONG_MACHINE_ARN", machine)
}

/// Executions that end at once.
async fn brief(cloud: &Cloud) -> Executions {
    let states = json!({ "Ended": { "Type": "Succeed" } });
    Executions::of(cloud, &json!({ "StartAt": "Ended", "States": states })).await
}

async fn run(cloud: &Cloud, machine: &str) -> Value {
    let resumer = resumer(cloud, machine).start().await.unwrap();
    resumer.invoke(&json!({})).await.unwrap()
}

/// Accepted settlements, the first of them first.
async fn accepted(cloud: &Cloud, count: usize) -> Vec<Settlement> {
    let (_, first) = Settlement::accepted(cloud).await;
    let mut settlements = vec![first];
    while settlements.len() < count {
        settlements.push(settlements[0].another(cloud).await);
    }
    settlements
}

/// What an execution must be called that is begun now.
async fn name_of(superuser: &Client, settlement: Uuid) -> String {
    let sql = "SELECT settlement_id || '-' || floor(extract(epoch FROM attend_by))
                 FROM ledger.settlements WHERE settlement_id = $1";
    superuser.query_one(sql, &[&settlement]).await.unwrap().get(0)
}

#[tokio::test]
async fn who_has_lapsed_is_resumed_under_the_name_of_its_loss_and_nobody_else_is() {
    in_scratch_database(async |cloud| {
        let (executions, superuser) = (brief(&cloud).await, cloud.superuser().await);
        let settlements = accepted(&cloud, 3).await;
        assert_eq!(run(&cloud, &executions.machine).await, json!({ "resumed": 0 }));
        lapse(&superuser, &[settlements[1].id()], 1).await;
        let name = name_of(&superuser, settlements[1].id()).await;
        assert_eq!(run(&cloud, &executions.machine).await, json!({ "resumed": 1 }));
        assert_eq!(executions.begun().await, [name.as_str()]);
        let input = json!({ "tenant_id": settlements[1].tenant(), "settlement_id": settlements[1].id() });
        assert_eq!(executions.input(&name).await, input);
        assert_eq!(
            run(&cloud, &executions.machine).await,
            json!({ "resumed": 0 }),
            "it has time again"
        );

        // A minute at least lies between two losses, and here none does.
        lapse(&superuser, &[settlements[1].id()], 60).await;
        assert_eq!(
            run(&cloud, &executions.machine).await,
            json!({ "resumed": 1 }),
            "lost once more"
        );
        assert_eq!(executions.begun().await.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn two_resumers_at_once_begin_each_once() {
    in_scratch_database(async |cloud| {
        let (executions, superuser) = (brief(&cloud).await, cloud.superuser().await);
        let ids: Vec<_> = accepted(&cloud, 60).await.iter().map(Settlement::id).collect();
        lapse(&superuser, &ids, 1).await;
        let setup = resumer(&cloud, &executions.machine);
        let (one, other) = (setup.clone().start().await.unwrap(), setup.start().await.unwrap());
        let event = json!({});
        let (one, other) = tokio::join!(one.invoke(&event), other.invoke(&event));
        let resumed = |answer: Value| answer["resumed"].as_u64().unwrap();
        assert_eq!(resumed(one.unwrap()) + resumed(other.unwrap()), 60);
        assert_eq!(executions.begun().await.len(), 60);
    })
    .await;
}

#[tokio::test]
async fn begun_by_somebody_whose_word_was_lost_it_is_not_begun_again() {
    in_scratch_database(async |cloud| {
        let (executions, superuser) = (brief(&cloud).await, cloud.superuser().await);
        let id = accepted(&cloud, 1).await[0].id();
        lapse(&superuser, &[id], 1).await;
        executions.begin(&name_of(&superuser, id).await, &json!({})).await;
        assert_eq!(run(&cloud, &executions.machine).await, json!({ "resumed": 1 }));
        assert_eq!(executions.begun().await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn who_cannot_be_begun_is_counted_and_comes_back_when_it_lapses_again() {
    in_scratch_database(async |cloud| {
        let (executions, superuser) = (brief(&cloud).await, cloud.superuser().await);
        let id = accepted(&cloud, 1).await[0].id();
        lapse(&superuser, &[id], 1).await;
        let resumer = resumer(&cloud, &executions.machine.replace("net-", "gone-"));
        let resumer = resumer.start().await.unwrap();
        let failed = resumer.invoke(&json!({})).await.unwrap_err().to_string();
        assert!(
            failed.contains("ExecutionsUnavailable") && failed.contains("StateMachineDoesNotExist"),
            "{failed}"
        );
        let counted = |metric| metered(&resumer, metric);
        assert_eq!((counted("SettlementsResumed"), counted("ResumeFailures")), (0, 1));
        assert_eq!(run(&cloud, &executions.machine).await, json!({ "resumed": 0 }));
        lapse(&superuser, &[id], 1).await;
        assert_eq!(run(&cloud, &executions.machine).await, json!({ "resumed": 1 }));
    })
    .await;
}

#[tokio::test]
async fn it_tells_how_the_settlements_are_whatever_else_fails() {
    in_scratch_database(async |cloud| {
        let (superuser, settler) = (cloud.superuser().await, cloud.pooled_as("settler").await);
        let settlements = accepted(&cloud, 3).await;
        for settlement in &settlements[..2] {
            settlement.course(&settler, &[Call::Step(Step::Hold)]).await;
        }
        assert_eq!(settlements[0].call(&settler, Call::Park).await.verdict, "parked");
        settlements[1].course(&settler, &[Call::Burn, Call::Limbo]).await;
        lapse(&superuser, &[settlements[2].id()], 1).await;
        superuser
            .batch_execute(
                "ALTER TABLE ledger.settlements DISABLE TRIGGER terms_never_changed;
                 UPDATE ledger.settlements SET created_at = now() - interval '4000 s' WHERE status = 'parked';
                 UPDATE ledger.settlements SET created_at = now() - interval '7000 s' WHERE status = 'limbo'",
            )
            .await
            .unwrap();
        let resumer = resumer(&cloud, "arn:aws:states:eu-west-1:000000000000:stateMachine:none");
        let resumer = resumer.start().await.unwrap();
        resumer.invoke(&json!({})).await.unwrap_err();
        let told = |metric| metered(&resumer, metric);
        let counts = (
            told("SettlementsParked"),
            told("SettlementsInLimbo"),
            told("ResumeFailures"),
        );
        assert_eq!(counts, (1, 1, 1));
        let oldest = told("OldestUnfinishedSeconds");
        assert!(
            (4000..4030).contains(&oldest),
            "{oldest} s: who waits for people does not count"
        );
        breaches(&cloud, "SettlementInLimbo", &resumer).await;
        breaches(&cloud, "SettlementsOverdue", &resumer).await;
    })
    .await;
}
