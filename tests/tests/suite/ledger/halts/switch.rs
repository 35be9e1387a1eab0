//! The switch itself, in operators' hands.

use domain::ids::TenantId;
use tests::cloud::Cloud;
use tokio_postgres::types::{ToSql, Type};
use uuid::Uuid;

use super::super::merchant::Merchant;
use super::super::scratch::in_scratch_database;
use super::super::statements::{failure, untimed_key};
use super::{halt, turn};

#[tokio::test]
async fn a_halt_says_who_and_why_and_every_turn_of_the_switch_is_in_the_audit() {
    let cloud = Cloud::running();
    let operator = cloud.pooled_as("operator").await;
    let merchant = Merchant::onboard(&cloud).await;
    let told = async |function: &str| {
        let rows = turn(&operator, function, merchant.tenant).await;
        rows[0].get::<_, String>("verdict")
    };
    assert_eq!(told("resume_postings").await, "stands");
    assert_eq!(told("halt_postings").await, "halted");
    let again = "SELECT verdict, halted_by, reason FROM ledger.halt_postings('ben', $1, 'another reason')";
    let row = operator
        .query_typed(again, &[(&merchant.tenant, Type::UUID)])
        .await
        .unwrap()
        .remove(0);
    assert_eq!(
        [0, 1, 2].map(|column| row.get::<_, String>(column)),
        ["stands", "anna", "its keys were stolen"]
    );
    assert_eq!(told("resume_postings").await, "resumed");
    let nobody = Uuid::new_v4();
    for function in ["halt_postings", "resume_postings"] {
        assert!(turn(&operator, function, nobody).await.is_empty(), "{function}");
    }
    let audit = "SELECT actor || ' ' || act || ' ' || outcome FROM ledger.audit WHERE subject = $1 ORDER BY id";
    let auditor = cloud.as_role("auditor").await;
    let asked = async |subject: Uuid| {
        let rows = auditor.query(audit, &[&subject.to_string()]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect::<Vec<String>>()
    };
    assert_eq!(
        asked(merchant.tenant).await,
        [
            "anna postings_resumed repeated",
            "anna postings_halted done",
            "ben postings_halted repeated",
            "anna postings_resumed done",
        ]
    );
    assert_eq!(
        asked(nobody).await,
        ["anna postings_halted unknown", "anna postings_resumed unknown"]
    );
}

#[tokio::test]
async fn halts_are_listed_in_pages_and_all_goes_by_its_name() {
    in_scratch_database(async |cloud: Cloud| {
        let operator = cloud.pooled_as("operator").await;
        let mut scopes = vec![TenantId::PLATFORM.uuid()];
        for _ in 0..3 {
            scopes.push(Merchant::onboard(&cloud).await.tenant);
        }
        for scope in &scopes {
            halt(&cloud, *scope).await;
        }
        scopes.sort_unstable();
        let mut walked = Vec::<Uuid>::new();
        for most in [3_i32, 3] {
            let after = walked.last().copied();
            let sql = "SELECT scope FROM ledger.halts_that_hold('anna', $1, $2)";
            let parameters: [(&(dyn ToSql + Sync), Type); 2] = [(&after, Type::UUID), (&most, Type::INT4)];
            let rows = operator.query_typed(sql, &parameters).await.unwrap();
            walked.extend(rows.iter().map(|row| row.get::<_, Uuid>(0)));
        }
        assert_eq!(walked, scopes);
        let named = "SELECT count(*) FROM ledger.audit WHERE subject = 'all' AND act = 'postings_halted'";
        let row = cloud.superuser().await.query_one(named, &[]).await.unwrap();
        assert_eq!(row.get::<_, i64>(0), 1);
    })
    .await;
}

/// A halt ends at an operator's word, which is audited, and not at the migrating role's or by an UPDATE.
#[tokio::test]
async fn nobody_slips_past_the_switch() {
    let cloud = Cloud::running();
    let (owner, superuser) = (cloud.as_role("ledger_owner").await, cloud.superuser().await);
    let scope = untimed_key();
    for sql in [
        "SELECT FROM ledger.halts".to_owned(),
        "DELETE FROM ledger.halts".to_owned(),
        format!("INSERT INTO ledger.halts VALUES ('{scope}', now(), 'owner', 'why')"),
    ] {
        assert_eq!(failure(&owner, &sql).await, "42501", "{sql}");
    }
    for sql in ["UPDATE ledger.halts SET reason = 'another'", "TRUNCATE ledger.halts"] {
        assert_eq!(failure(&superuser, sql).await, "append_only", "{sql}");
    }
}
