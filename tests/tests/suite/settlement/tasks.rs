//! The machines' tasks one by one, on the real binaries: what they answer, and by which name they fail.

use std::time::{Duration, Instant};

use domain::settlement::step::Step;
use serde_json::{Value, json};
use tests::cloud::Cloud;
use tests::fault::Faults;
use tests::lambda::{Function, Setup, Unanswered};
use tests::patience::until;
use uuid::Uuid;

use crate::ledger::scratch::in_scratch_database;
use crate::ledger::settlement::scene::{Call, FORWARD, Settlement, rows_of};

pub fn asked(settlement: &Settlement, action: &str) -> Value {
    json!({"tenant_id": settlement.tenant(), "settlement_id": settlement.id(), "do": action})
}

/// What a task says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// `next` and `wait_seconds`.
    Next(String, i64),
    /// The error's name.
    Failed(String),
}

/// What a task comes to. On a busy machine an answer may come too late; asking again tells.
pub async fn told(function: &Function, event: &Value) -> Told {
    let asked = async || {
        let told = told_at_once(function, event).await;
        (told != fails_by("OutcomeUnknown")).then_some(told)
    };
    until(asked, || format!("{event} is answered for sure")).await
}

async fn told_at_once(function: &Function, event: &Value) -> Told {
    match function.invoke(event).await {
        Ok(answer) => {
            assert_eq!(answer["settlement_id"], event["settlement_id"]);
            assert_eq!(answer["tenant_id"], event["tenant_id"]);
            let next = answer["next"].as_str().unwrap().to_owned();
            Told::Next(next, answer["wait_seconds"].as_i64().unwrap())
        }
        Err(Unanswered::Failed(error)) => Told::Failed(error["errorType"].as_str().unwrap().to_owned()),
        Err(other) => panic!("{other}"),
    }
}

pub fn goes_to(next: &str) -> Told {
    Told::Next(next.to_owned(), 0)
}

pub fn fails_by(name: &str) -> Told {
    Told::Failed(name.to_owned())
}

pub fn on(scratch: &Cloud, function: &str) -> Setup {
    Function::of(scratch, function).set("DATABASE_NAME", &scratch.postgres.database)
}

#[tokio::test]
async fn what_is_no_task_or_nobodys_settlement_fails_by_name() {
    in_scratch_database(async |scratch: Cloud| {
        let (_, settlement) = Settlement::accepted(&scratch).await;
        let (forward, back) = (on(&scratch, "settle-step"), on(&scratch, "compensate"));
        let (forward, back) = (forward.start().await.unwrap(), back.start().await.unwrap());
        let changed = |member: &str, value: Value| {
            let mut event = asked(&settlement, "hold");
            event[member] = value;
            event
        };
        for event in [
            json!({}),
            json!("hold"),
            changed("do", json!("undo_hold")),
            changed("do", json!(null)),
            changed("tenant_id", json!("a tenant")),
        ] {
            assert_eq!(told(&forward, &event).await, fails_by("Defect"), "{event}");
        }
        assert_eq!(told(&back, &changed("do", json!("hold"))).await, fails_by("Defect"));
        for action in ["look", "hold", "verify", "park"] {
            for member in ["tenant_id", "settlement_id"] {
                let mut event = asked(&settlement, action);
                event[member] = json!(Uuid::new_v4());
                assert_eq!(told(&forward, &event).await, fails_by("SettlementUnknown"), "{event}");
            }
        }
        assert_eq!(told(&forward, &asked(&settlement, "look")).await, goes_to("hold"));
    })
    .await;
}

#[tokio::test]
async fn what_the_ledger_does_to_a_task_has_a_name_in_time() {
    in_scratch_database(async |scratch: Cloud| {
        let (_, settlement) = Settlement::accepted(&scratch).await;
        let hold = asked(&settlement, "hold");

        let faults = Faults::between(&scratch).await;
        faults.ledger.set_down(true);
        let cut_off = on(&scratch, "settle-step").through(&faults).start().await.unwrap();
        assert_eq!(told(&cut_off, &hold).await, fails_by("LedgerUnavailable"));

        let superuser = scratch.superuser().await;
        let lock = format!(
            "BEGIN; SELECT FROM ledger.settlements WHERE settlement_id = '{}' FOR UPDATE",
            settlement.id()
        );
        superuser.batch_execute(&lock).await.unwrap();
        let hurried = on(&scratch, "settle-step").deadline(Duration::from_secs(2));
        let hurried = hurried.start().await.unwrap();
        let began = Instant::now();
        assert_eq!(
            told_at_once(&hurried, &hold).await,
            fails_by("OutcomeUnknown"),
            "no time is left"
        );
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());

        let patient = on(&scratch, "settle-step").start().await.unwrap();
        assert_eq!(
            told(&patient, &hold).await,
            fails_by("LedgerUnavailable"),
            "the server's word"
        );
        let waiting = patient.invoke(&hold);
        let other = scratch.superuser().await;
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                    WHERE datname = current_database() AND usename = 'settler' AND wait_event_type = 'Lock'";
        let ended = async || (!other.query(end, &[]).await.unwrap().is_empty()).then_some(());
        until(ended, || "a step waits for the lock".to_owned()).await;
        let Err(Unanswered::Failed(error)) = waiting.await else {
            panic!("it was not told that its session ended");
        };
        assert_eq!(error["errorType"], "OutcomeUnknown");

        superuser.batch_execute("ROLLBACK").await.unwrap();
        assert_eq!(told(&patient, &hold).await, goes_to("verify"));
    })
    .await;
}

#[tokio::test]
async fn a_log_that_cannot_have_come_about_is_decided_on_by_nobody() {
    in_scratch_database(async |scratch: Cloud| {
        let (_, settlement) = Settlement::accepted(&scratch).await;
        let settler = scratch.pooled_as("settler").await;
        settlement.course(&settler, &FORWARD[..1]).await;
        let forge = "INSERT INTO ledger.ledger_transactions (ledger_key, tenant_id, kind, fingerprint, outcome, source,
                            destination, amount, currency, details, answer_version)
                     SELECT $1, tenant_id, 'collect_fee', fingerprint, outcome, source,
                            destination, amount, currency, details, answer_version
                       FROM ledger.ledger_transactions WHERE ledger_key = $2";
        let keys = [Step::CollectFee, Step::Hold].map(|step| settlement.key(step));
        let superuser = scratch.superuser().await;
        superuser.execute(forge, &[&keys[0], &keys[1]]).await.unwrap();
        let function = on(&scratch, "settle-step").start().await.unwrap();
        for action in ["look", "hold", "verify", "release"] {
            // Not the settlement's own failure: it is neither given up for it nor put before people as one.
            let told = told_at_once(&function, &asked(&settlement, action)).await;
            assert_eq!(told, fails_by("OutcomeUnknown"), "{action}");
        }
        assert_eq!(rows_of(&superuser, &settlement).await, 2, "as it was forged");
    })
    .await;
}

#[tokio::test]
async fn each_task_leaves_one_line_in_the_log() {
    in_scratch_database(async |scratch: Cloud| {
        let (_, settlement) = Settlement::accepted(&scratch).await;
        let function = on(&scratch, "await-decision").start().await.unwrap();
        let mut event = asked(&settlement, "await_decision");
        event["task_token"] = json!("a-secret-token");
        assert_eq!(told(&function, &event).await, goes_to("hold"));
        let output = function.output();
        assert!(!output.contains("a-secret-token"), "{output}");
        let lines: Vec<Value> = output
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect();
        let [line] = &lines[..] else {
            panic!("{output}");
        };
        assert_eq!(line["settlement.id"], settlement.id().to_string());
        assert_eq!(line["settlement.action"], "await_decision");
        assert_eq!(line["settlement.verdict"], "awaited");
        assert_eq!(line["settlement.next"], "hold");
        assert!(line["duration_ms"].is_u64());
    })
    .await;
}

/// Whoever says so puts off for a day that another execution comes; whoever goes on at once may still die of it.
#[tokio::test]
async fn only_who_will_wait_for_people_says_so() {
    in_scratch_database(async |scratch: Cloud| {
        let (_, settlement) = Settlement::accepted(&scratch).await;
        let (settler, operator) = (scratch.pooled_as("settler").await, scratch.pooled_as("operator").await);
        let superuser = scratch.superuser().await;
        let is_attended_tomorrow = async || {
            let sql = "SELECT attend_by > now() + interval '24 hours' FROM ledger.settlements WHERE settlement_id = $1";
            let row = superuser.query_one(sql, &[&settlement.id()]).await.unwrap();
            row.get::<_, bool>(0)
        };
        let function = on(&scratch, "await-decision").start().await.unwrap();
        let mut event = asked(&settlement, "await_decision");
        event["task_token"] = json!("nobody-waits-with-this");

        settlement.course(&settler, &[FORWARD[0], Call::Limbo]).await;
        assert_eq!(told(&function, &event).await, goes_to("await_decision"));
        assert!(is_attended_tomorrow().await);

        assert_eq!(settlement.decide(&operator, "refund").await, "approved");
        assert!(!is_attended_tomorrow().await);
        event["decided"] = json!(false);
        assert_eq!(told(&function, &event).await, goes_to("undo_hold"));
        assert!(!is_attended_tomorrow().await, "it said that it waits, and goes on");

        settlement.call(&settler, Call::Limbo).await;
        event["decided"] = json!(true);
        told(&function, &event).await;
        assert!(
            is_attended_tomorrow().await,
            "it waits until people have looked into it"
        );
    })
    .await;
}
