//! The same of the database's roles: every function of the ledger that one may call, taken away in turn.

use serde_json::{Value, json};
use tests::api::ApiRequest;
use tests::cloud::Cloud;
use tests::token::Scope;
use tokio_postgres::Client;
use uuid::Uuid;

use crate::ledger::merchant::Merchant;
use crate::ledger::scratch::in_scratch_database;
use crate::ledger::settlement::scene::{FORWARD, Settlement, rows_of};
use crate::ledger::statements::{count, sum_of_entries};
use crate::settlement::tasks::{Told, asked, on, told};

/// What a role may call, by name and with its arguments' types.
async fn callable(superuser: &Client, role: &str) -> Vec<(String, String)> {
    let sql = "SELECT p.proname::text, p.oid::regprocedure::text FROM pg_proc p
                WHERE p.pronamespace = 'ledger'::regnamespace AND has_function_privilege($1, p.oid, 'EXECUTE') ORDER BY 1";
    let rows = superuser.query(sql, &[&role]).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

/// In this database alone: roles are the server's, their rights on functions are not.
async fn turn(superuser: &Client, how: &str, function: &str, role: &str) {
    let preposition = if how == "GRANT" { "TO" } else { "FROM" };
    let turn = format!("{how} EXECUTE ON FUNCTION {function} {preposition} {role}");
    superuser.batch_execute(&turn).await.unwrap();
}

#[tokio::test]
async fn who_may_not_post_is_answered_that_it_failed_and_posts_nothing() {
    in_scratch_database(async |scratch: Cloud| {
        let superuser = scratch.superuser().await;
        let merchant = Merchant::onboard(&scratch).await;
        let (buyer, till) = (merchant.buyer(1_000).await, merchant.till().await);
        let functions = callable(&superuser, "poster").await;
        let [(name, posting)] = functions.as_slice() else {
            panic!("say what else it posts with: {functions:?}");
        };
        assert_eq!(name, "post");
        let pay = json!({"source": buyer, "destination": till, "amount": 100, "currency": "EUR"});
        for (function, route, body) in [
            ("authorize", "POST /v1/payments", pay.clone()),
            (
                "deposit",
                "POST /v1/deposits",
                json!({"destination": buyer, "amount": 100, "currency": "EUR"}),
            ),
            ("request-settlement", "POST /v1/settlements", pay),
        ] {
            let bound = on(&scratch, function).start().await.unwrap();
            let request = ApiRequest::to(route)
                .from_tenant(merchant.tenant, Scope::Merchant)
                .key(Uuid::now_v7())
                .json(&body);
            turn(&superuser, "REVOKE", posting, "poster").await;
            let refused = bound.call(&request).await.unwrap();
            assert!(refused.status >= 500, "{function}: {refused:?}");
            assert_eq!(sum_of_entries(&superuser, till).await, 0, "{function}");
            assert_eq!(sum_of_entries(&superuser, buyer).await, 1_000, "{function}");
            turn(&superuser, "GRANT", posting, "poster").await;
        }
        let intents = "SELECT count(*) FROM ledger.ledger_transactions WHERE tenant_id = $1 AND amount = 100";
        assert_eq!(count(&superuser, intents, merchant.tenant).await, 0);
    })
    .await;
}

/// Which task asks for which function.
const TASKS: [(&str, &str, &str); 8] = [
    ("await_decision", "await-decision", ""),
    ("burn_steps", "compensate", "burn"),
    ("mark_limbo", "compensate", "mark_limbo"),
    ("park", "settle-step", "park"),
    ("resolve_step", "compensate", "resolve_release"),
    ("settle_step", "settle-step", "release"),
    ("settlement", "settle-step", "look"),
    ("undo_step", "compensate", "undo_hold"),
];

#[tokio::test]
async fn a_task_that_may_not_call_its_function_fails_and_writes_nothing_and_with_leave_it_goes_on() {
    in_scratch_database(async |scratch: Cloud| {
        let (settler, superuser) = (scratch.pooled_as("settler").await, scratch.superuser().await);
        let functions = callable(&superuser, "settler").await;
        let names: Vec<_> = functions.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, TASKS.map(|(name, ..)| name), "say which task calls it");
        for ((_, signature), (name, function, action)) in functions.iter().zip(TASKS) {
            let (_, settlement) = Settlement::accepted(&scratch).await;
            settlement.course(&settler, &FORWARD[..2]).await;
            let mut event: Value = asked(&settlement, action);
            event["task_token"] = json!("of nobody");
            let task = on(&scratch, function).start().await.unwrap();
            let before = rows_of(&superuser, &settlement).await;
            turn(&superuser, "REVOKE", signature, "settler").await;
            let refused = told(&task, &event).await;
            assert!(matches!(refused, Told::Failed(_)), "{name}: {refused:?}");
            assert_eq!(rows_of(&superuser, &settlement).await, before, "{name}");
            turn(&superuser, "GRANT", signature, "settler").await;
            // Whoever waits for people finds that nobody needs to, and that the token is nobody's.
            let done = told(&task, &event).await;
            assert!(matches!(done, Told::Next(..)), "{name}: {done:?}");
        }
    })
    .await;
}
