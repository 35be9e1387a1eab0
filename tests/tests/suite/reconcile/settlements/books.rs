//! A settlement's log, status and entries, each tampered with by who passes every guard.

use domain::settlement::log::StepOutcome;
use domain::settlement::step::{Action, Step, Undo};
use tests::cloud::Cloud;
use tokio_postgres::Client;

use super::{age, reconciled, sleeping};
use crate::ledger::scratch::in_scratch_database;
use crate::ledger::settlement::scene::{Call, FORWARD, Settlement};

const BACK: [Call; 4] = [
    Call::Step(Step::Hold),
    Call::Verify(StepOutcome::Rejected),
    Call::Burn,
    Call::Undo(Undo::Hold),
];

/// Runs these statements with every guard of the tables down. `$n` is the key of the nth action, `$id` the settlement's.
async fn tampered(superuser: &Client, settlement: &Settlement, sql: &str) {
    let mut sql = sql.replace("$id", &settlement.id().to_string());
    for action in Action::ALL {
        sql = sql.replace(&format!("${action};"), &settlement.key(action).to_string());
    }
    let guards = [
        ("ledger_entries", "append_only"),
        ("ledger_entries", "zero_sum"),
        ("ledger_transactions", "append_only"),
        ("settlements", "terms_never_changed"),
    ];
    let turned = |how: &str| {
        let turn = |(table, guard)| format!("ALTER TABLE ledger.{table} {how} TRIGGER {guard};");
        guards.map(turn).concat()
    };
    let all = format!("BEGIN;{}{sql};{}COMMIT", turned("DISABLE"), turned("ENABLE ALWAYS"));
    superuser.batch_execute(&all).await.unwrap();
}

async fn said(cloud: &Cloud, machine: &str) -> Vec<(String, String)> {
    let said = reconciled(cloud, machine).await;
    let findings = said.findings().into_iter();
    findings
        .map(|(severity, what, _)| (severity.to_owned(), what.to_owned()))
        .collect()
}

#[tokio::test]
async fn settlements_as_they_come_about_have_sound_books_at_every_step() {
    in_scratch_database(async |cloud| {
        let executions = sleeping(&cloud).await;
        let settler = cloud.pooled_as("settler").await;
        for course in [FORWARD, BACK] {
            let (_, settlement) = Settlement::accepted(&cloud).await;
            assert_eq!(said(&cloud, &executions.machine).await, []);
            for call in course {
                settlement.call(&settler, call).await;
                assert_eq!(said(&cloud, &executions.machine).await, [], "{call:?}");
            }
        }
        let last = reconciled(&cloud, &executions.machine).await;
        assert_eq!((last.count("ended"), last.count("unfinished")), (2, 0));
    })
    .await;
}

#[tokio::test]
async fn each_kind_of_tampering_with_what_has_ended_is_found_and_named() {
    in_scratch_database(async |cloud| {
        let (executions, superuser) = (sleeping(&cloud).await, cloud.superuser().await);
        let settler = cloud.pooled_as("settler").await;
        let entries = "UPDATE ledger.ledger_entries SET";
        // Its sound neighbour all the time.
        Settlement::accepted(&cloud).await;
        let cases = [
            (
                FORWARD,
                "DELETE FROM ledger.ledger_entries WHERE idempotency_key = '$release;'".to_owned(),
                "settlement_escrow_left",
            ),
            (
                FORWARD,
                format!("{entries} amount = amount - 1 WHERE idempotency_key = '$collect_fee;'"),
                "settlement_fee_wrong",
            ),
            (
                FORWARD,
                format!(
                    "{entries} account_id = '00000000-0000-4000-8000-000000000001'
                      WHERE idempotency_key = '$release;' AND entry_type = 'CREDIT'"
                ),
                "settlement_entries_elsewhere",
            ),
            (
                BACK,
                format!("{entries} amount = 1 WHERE idempotency_key = '$undo_hold;' AND entry_type = 'DEBIT'"),
                "settlement_escrow_left",
            ),
            (
                BACK,
                "UPDATE ledger.settlements SET status = 'settled' WHERE settlement_id = '$id'".to_owned(),
                "settlement_status_differs",
            ),
            (
                FORWARD,
                "UPDATE ledger.ledger_transactions SET outcome = 'burnt' WHERE ledger_key = '$release;'".to_owned(),
                "settlement_log_impossible",
            ),
            (
                FORWARD,
                "UPDATE ledger.ledger_transactions SET kind = 'payment' WHERE ledger_key = '$hold;'".to_owned(),
                "settlement_log_impossible",
            ),
        ];
        for (course, sql, what) in cases {
            let (_, settlement) = Settlement::accepted(&cloud).await;
            settlement.course(&settler, &course).await;
            assert_eq!(said(&cloud, &executions.machine).await, [], "before: {what}");
            tampered(&superuser, &settlement, &sql).await;
            let said = reconciled(&cloud, &executions.machine).await;
            let findings = said.findings();
            let id = settlement.id().to_string();
            assert!(findings.contains(&("critical", what, &*id)), "{sql}: {said:?}");
            assert!(findings.iter().all(|(_, _, subject)| *subject == id), "{sql}: {said:?}");
            // Out of the way of the next: nobody looks so far back but a full run.
            age(&superuser, settlement.id(), 49 * 3600).await;
        }
        assert_eq!(said(&cloud, &executions.machine).await, []);
    })
    .await;
}

/// What waits is looked at as well, and a full run looks at what ended long ago.
#[tokio::test]
async fn tampering_with_what_has_not_ended_is_found_too() {
    in_scratch_database(async |cloud| {
        let (executions, superuser) = (sleeping(&cloud).await, cloud.superuser().await);
        let settler = cloud.pooled_as("settler").await;
        let (_, settlement) = Settlement::accepted(&cloud).await;
        settlement.course(&settler, &[Call::Step(Step::Hold)]).await;
        let sql = "DELETE FROM ledger.ledger_entries WHERE idempotency_key = '$hold;' AND entry_type = 'CREDIT'";
        tampered(&superuser, &settlement, sql).await;
        let found = [("critical".to_owned(), "settlement_entries_differ".to_owned())];
        assert_eq!(said(&cloud, &executions.machine).await, found);
    })
    .await;
}

#[tokio::test]
async fn a_check_that_is_shown_no_settlement_where_some_were_accepted_fails() {
    in_scratch_database(async |cloud| {
        let (executions, superuser) = (sleeping(&cloud).await, cloud.superuser().await);
        Settlement::accepted(&cloud).await;
        assert_eq!(said(&cloud, &executions.machine).await, []);
        superuser
            .batch_execute("DROP POLICY auditor_reads ON ledger.settlements")
            .await
            .unwrap();
        let said = reconciled(&cloud, &executions.machine).await;
        assert!(said.failure().contains("may hide rows of settlements"), "{said:?}");
    })
    .await;
}
