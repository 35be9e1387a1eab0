//! What the audit takes, whoever writes it.

use domain::justification::{Act, Justification, Statement};
use serde_json::json;
use tests::cloud::Cloud;
use tokio_postgres::types::{Json, ToSql, Type};
use tokio_postgres::{Client, Row};
use uuid::Uuid;

use super::justified::{justified, statement};
use super::merchant::Merchant;
use super::statements::{count, failure, name_of};

const ROWS: &str = "SELECT count(*) FROM ledger.audit WHERE subject = $1::uuid::text";
const FREEZES: &str = "SELECT count(*) FROM ledger.freezes WHERE account_id = $1";

/// What the ledger says to anna who freezes or unfreezes an account; by name, if it fails.
async fn turn(operator: &Client, function: &str, account: Uuid, why: &Json<Justification>) -> Result<Vec<Row>, String> {
    let sql = format!("SELECT * FROM ledger.{function}('anna', $1, $2)");
    let parameters: [(&(dyn ToSql + Sync), Type); 2] = [(&account, Type::UUID), (why, Type::JSONB)];
    let told = operator.query_typed(&sql, &parameters).await;
    told.map_err(|error| name_of(&error))
}

async fn freeze(operator: &Client, account: Uuid, why: &Statement) -> Result<Vec<Row>, String> {
    turn(operator, "freeze_account", account, &justified(why)).await
}

#[tokio::test]
async fn a_justification_is_taken_for_its_own_act_subject_and_actor_alone() {
    let cloud = Cloud::running();
    let (operator, superuser) = (cloud.pooled_as("operator").await, cloud.superuser().await);
    let till = Merchant::onboard(&cloud).await.till().await;
    let why = |act, subject, actor| statement(act, subject, actor, "a complaint");
    for other in [
        why(Act::AccountUnfrozen, till, "anna"),
        why(Act::AccountFrozen, Uuid::new_v4(), "anna"),
        why(Act::AccountFrozen, till, "ben"),
        why(Act::AccountFrozen, till, "anna").with_terms("for a day"),
    ] {
        let refused = freeze(&operator, till, &other).await.unwrap_err();
        assert_eq!(refused, "audit_statement_agrees", "{other:?}");
    }
    for sql in [ROWS, FREEZES] {
        assert_eq!(count(&superuser, sql, till).await, 0, "nothing was done, nor written");
    }
    let own = why(Act::AccountFrozen, till, "anna");
    assert_eq!(
        freeze(&operator, till, &own).await.unwrap()[0].get::<_, &str>("verdict"),
        "frozen"
    );
    let kept = "SELECT statement, signature, key_id, reason FROM ledger.audit WHERE subject = $1";
    let row = superuser.query_one(kept, &[&till.to_string()]).await.unwrap();
    assert_eq!(
        [0, 1, 2, 3].map(|column| row.get::<_, String>(column)),
        [own.text().as_str(), "nobody", "nobody", "a complaint"]
    );
}

/// Release is not refund, one proposal not another, and a halt of yesterday not that of today.
#[tokio::test]
async fn a_justification_is_taken_for_its_own_terms_alone() {
    let cloud = Cloud::running();
    let (operator, nobody) = (cloud.pooled_as("operator").await, Uuid::new_v4());
    for (act, subject, terms, other, call) in [
        (
            Act::ResolutionProposed,
            nobody.to_string(),
            "refund",
            "release",
            "propose_resolution('anna', $2::uuid, 'refund', $1)",
        ),
        (
            Act::ResolutionApproved,
            nobody.to_string(),
            "7",
            "8",
            "approve_resolution('anna', $2::uuid, 7, $1)",
        ),
        (
            Act::BreakAssigned,
            "-7".to_owned(),
            "grace",
            "ada",
            "assign_break('anna', $2::bigint, 'grace', $1)",
        ),
        (
            Act::PostingsResumed,
            nobody.to_string(),
            "2026-11-23T03:12:09.000120Z",
            "2026-11-23T03:12:09.000121Z",
            "resume_postings('anna', $2::uuid, '2026-11-23 04:12:09.00012+01', $1)",
        ),
    ] {
        let why = statement(act, &subject, "anna", "it was looked into");
        let sql = format!("SELECT FROM ledger.{call}");
        let decide = async |why: &Statement| {
            let why = justified(why);
            let parameters: [(&(dyn ToSql + Sync), Type); 2] = [(&why, Type::JSONB), (&subject, Type::TEXT)];
            operator
                .query_typed(&sql, &parameters)
                .await
                .map_err(|error| name_of(&error))
        };
        for wrong in [why.clone(), why.clone().with_terms(other)] {
            assert_eq!(decide(&wrong).await.unwrap_err(), "audit_statement_agrees", "{wrong:?}");
        }
        decide(&why.with_terms(terms)).await.unwrap();
    }
}

#[tokio::test]
async fn a_justification_justifies_one_act() {
    let cloud = Cloud::running();
    let (operator, superuser) = (cloud.pooled_as("operator").await, cloud.superuser().await);
    let till = Merchant::onboard(&cloud).await.till().await;
    // As long as a reason can be, of what takes most room.
    let why = statement(Act::AccountFrozen, till, "anna", &"𝄞".repeat(500));
    freeze(&operator, till, &why).await.unwrap();
    assert_eq!(freeze(&operator, till, &why).await.unwrap_err(), "audit_statement_once");
    assert_eq!(count(&superuser, ROWS, till).await, 1);
}

#[tokio::test]
async fn only_what_stops_money_is_taken_without_a_signature() {
    let cloud = Cloud::running();
    let (operator, superuser) = (cloud.pooled_as("operator").await, cloud.superuser().await);
    let till = Merchant::onboard(&cloud).await.till().await;
    let unsigned = |act| Json(Justification::unsigned(&statement(act, till, "anna", "a complaint")));
    turn(&operator, "freeze_account", till, &unsigned(Act::AccountFrozen))
        .await
        .unwrap();
    let refused = turn(&operator, "unfreeze_account", till, &unsigned(Act::AccountUnfrozen)).await;
    assert_eq!(refused.unwrap_err(), "audit_justified");
    let marked = "SELECT signature IS NULL AND key_id IS NULL FROM ledger.audit WHERE subject = $1";
    let rows = superuser.query(marked, &[&till.to_string()]).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.get(0)).collect::<Vec<bool>>(), [true]);
    let open = "SELECT count(*) FROM ledger.freezes WHERE account_id = $1 AND ended_at IS NULL";
    assert_eq!(count(&superuser, open, till).await, 1, "it is frozen still");
}

#[tokio::test]
async fn half_a_justification_is_none() {
    let cloud = Cloud::running();
    let operator = cloud.pooled_as("operator").await;
    let text = statement(Act::AccountFrozen, Uuid::nil(), "anna", "why").text();
    for half in [
        json!({}),
        json!(null),
        json!({"signature": "x", "key_id": "x"}),
        json!({"statement": {"reason": "why"}}),
        json!({"statement": text, "signature": "x"}),
        json!({"statement": text, "key_id": "x"}),
    ] {
        let sql = format!(
            "SELECT * FROM ledger.freeze_account('anna', '{}', '{half}')",
            Uuid::nil()
        );
        assert_eq!(failure(&operator, &sql).await, "justification_whole", "{half}");
    }
    let sql = format!("SELECT * FROM ledger.freeze_account('anna', '{}', NULL)", Uuid::nil());
    assert_eq!(failure(&operator, &sql).await, "audit_justified");
}

#[tokio::test]
async fn no_row_of_a_decision_stands_there_unjustified_whoever_writes_it() {
    let cloud = Cloud::running();
    let superuser = cloud.superuser().await;
    let why = statement(Act::BreakResolved, 1, "x", "y").text();
    for (columns, values, refused) in [
        ("act, reason", "'break_resolved', 'y'".to_owned(), "audit_justified"),
        ("act, reason", "'postings_halted', 'y'".to_owned(), "audit_justified"),
        (
            "act, subject, reason, statement",
            format!("'break_resolved', '1', 'y', '{why}'"),
            "audit_justified",
        ),
        (
            "act, subject, statement",
            format!("'break_inspected', '1', '{why}'"),
            "audit_justified",
        ),
        ("act", "'erasure_blocked'".to_owned(), "audit_reason_given"),
        ("act, reason", "'break_forgotten', 'y'".to_owned(), "audit_act_known"),
        (
            "act, subject, reason, statement, signature, key_id",
            format!("'break_resolved', '2', 'y', '{why}', 's', 'k'"),
            "audit_statement_agrees",
        ),
    ] {
        let sql = format!("INSERT INTO ledger.audit (actor, {columns}) VALUES ('x', {values})");
        assert_eq!(failure(&superuser, &sql).await, refused, "{sql}");
    }
}

/// Neither list can be longer than the other unseen.
#[tokio::test]
async fn the_ledger_and_the_functions_know_the_same_acts() {
    let cloud = Cloud::running();
    let superuser = cloud.superuser().await;
    let sql = r"SELECT DISTINCT act, ledger.weight_of(act)
                  FROM regexp_matches(pg_get_functiondef('ledger.weight_of'::regproc), '''([a-z]+_[a-z_]+)''', 'g') AS m (found),
                       unnest(m.found) AS act
                 WHERE ledger.weight_of(act) IS NOT NULL";
    let rows = superuser.query(sql, &[]).await.unwrap();
    assert!(rows.len() > 20, "{rows:?}");
    let mut decided = 0;
    for row in &rows {
        let (act, weight): (&str, &str) = (row.get(0), row.get(1));
        let expected = match act.parse::<Act>() {
            Ok(act) if act.only_stops() => vec!["stops"],
            Ok(_) => vec!["decides"],
            Err(_) => vec!["looks", "follows"],
        };
        assert!(expected.contains(&weight), "{act} {weight}");
        decided += usize::from(["stops", "decides"].contains(&weight));
    }
    assert_eq!(decided, Act::ALL.len());
}
