//! The switch itself, in operators' hands.

use std::time::Duration;

use domain::ids::TenantId;
use tests::cloud::Cloud;
use time::OffsetDateTime;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row};
use uuid::Uuid;

use super::super::merchant::Merchant;
use super::super::scratch::in_scratch_database;
use super::super::statements::{count, failure, untimed_key};
use super::{HALTED, halt, halting, halting_as, lift, lifting};

/// What the database's clock tells apart.
const TICK: time::Duration = time::Duration::MICROSECOND;

#[tokio::test]
async fn a_halt_says_who_and_why_and_every_turn_of_the_switch_is_in_the_audit() {
    let cloud = Cloud::running();
    let operator = cloud.pooled_as("operator").await;
    let merchant = Merchant::onboard(&cloud).await;
    let scope = merchant.tenant;
    let lifted = async |since| verdict(&lifting(&operator, scope, since).await);
    assert_eq!(lifted(OffsetDateTime::UNIX_EPOCH).await, "repeated");
    let since = halt(&cloud, scope).await;
    let row = halting_as(&operator, "ben", scope, "another reason").await.remove(0);
    assert_eq!(
        ["verdict", "halted_by", "reason"].map(|column| row.get::<_, String>(column)),
        ["stands", "anna", "its keys were stolen"]
    );
    assert_eq!(lifted(since).await, "resumed");
    let nobody = Uuid::new_v4();
    assert!(halting(&operator, nobody).await.is_empty());
    assert!(lifting(&operator, nobody, since).await.is_empty());
    let audit = "SELECT actor || ' ' || act || ' ' || outcome FROM ledger.audit WHERE subject = $1 ORDER BY id";
    let auditor = cloud.as_role("auditor").await;
    let asked = async |subject: Uuid| {
        let rows = auditor.query(audit, &[&subject.to_string()]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect::<Vec<String>>()
    };
    assert_eq!(
        asked(scope).await,
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

/// Whoever comes second sees what the first did: a halt is not told of one that a lift takes away under its hands.
#[tokio::test]
async fn turns_of_one_switch_at_once_come_one_after_the_other() {
    let cloud = Cloud::running();
    let superuser = cloud.superuser().await;
    for (first, second, verdicts, halts) in [
        (Turn::Lift, Turn::Halt, ["resumed", "halted"], 1),
        (Turn::Halt, Turn::Lift, ["stands", "resumed"], 0),
        (Turn::Halt, Turn::Halt, ["stands", "stands"], 1),
        (Turn::Lift, Turn::Lift, ["resumed", "repeated"], 0),
    ] {
        let scope = Merchant::onboard(&cloud).await.tenant;
        let since = halt(&cloud, scope).await;
        let mut one = cloud.as_role("operator").await;
        let two = cloud.as_role("operator").await;
        let turning = one.transaction().await.unwrap();
        let told = first.of(turning.client(), scope, since).await;
        let mut waiting = tokio::spawn(async move { second.of(&two, scope, since).await });
        let early = tokio::time::timeout(Duration::from_millis(300), &mut waiting).await;
        assert!(early.is_err(), "{second:?} must wait for {first:?}");
        // Another switch does not.
        halt(&cloud, Merchant::onboard(&cloud).await.tenant).await;
        turning.commit().await.unwrap();
        let later = waiting.await.unwrap();
        assert_eq!([&told, &later].map(|rows| verdict(rows)), verdicts);
        let standing = "SELECT count(*) FROM ledger.halts WHERE scope = $1";
        assert_eq!(count(&superuser, standing, scope).await, halts);
    }
}

#[derive(Debug, Clone, Copy)]
enum Turn {
    Halt,
    Lift,
}

impl Turn {
    async fn of(self, operator: &Client, scope: Uuid, since: OffsetDateTime) -> Vec<Row> {
        match self {
            Self::Halt => halting(operator, scope).await,
            Self::Lift => lifting(operator, scope, since).await,
        }
    }
}

fn verdict(rows: &[Row]) -> String {
    rows[0].get("verdict")
}

/// Whoever has lost the answer to a lift sends it again, or it was on its way for longer than anybody thought: by then it is
/// somebody else's halt that holds.
#[tokio::test]
async fn a_lift_that_comes_late_or_twice_does_not_end_a_later_halt() {
    let cloud = Cloud::running();
    let (operator, superuser) = (cloud.pooled_as("operator").await, cloud.superuser().await);
    let merchant = Merchant::onboard(&cloud).await;
    let scope = merchant.tenant;
    let first = halt(&cloud, scope).await;
    assert_eq!(verdict(&lifting(&operator, scope, first).await), "resumed");
    let row = halting_as(&operator, "ben", scope, "they were stolen again")
        .await
        .remove(0);
    let second: OffsetDateTime = row.get("since");
    assert!(second > first);
    for since in [first, second - TICK, second + TICK] {
        let rows = lifting(&operator, scope, since).await;
        assert_eq!(verdict(&rows), "stands", "{since}");
        assert_eq!(rows[0].get::<_, OffsetDateTime>("since"), second);
        let who = ["halted_by", "reason"].map(|name| rows[0].get::<_, String>(name));
        assert_eq!(who, ["ben", "they were stolen again"]);
    }
    let (deposit, poster) = (
        merchant.deposit(merchant.till().await, 5),
        cloud.pooled_as("poster").await,
    );
    assert_eq!(deposit.refused(&poster).await, HALTED);
    assert_eq!(verdict(&lifting(&operator, scope, second).await), "resumed");
    assert_eq!(verdict(&lifting(&operator, scope, second).await), "repeated");
    assert_eq!(verdict(&lifting(&operator, scope, first).await), "repeated");
    let refused = "SELECT count(*) FROM ledger.audit WHERE subject = $1::uuid::text AND outcome = 'refused'";
    assert_eq!(count(&superuser, refused, scope).await, 3);
}

/// A halt that waits for the lift before it began before that one had ended, and is another all the same.
#[tokio::test]
async fn no_two_halts_of_a_scope_have_one_time() {
    let cloud = Cloud::running();
    let scope = Merchant::onboard(&cloud).await.tenant;
    let (waits, superuser) = (cloud.as_role("operator").await, cloud.superuser().await);
    waits.batch_execute("BEGIN").await.unwrap();
    let began: OffsetDateTime = waits.query_one("SELECT now()", &[]).await.unwrap().get(0);
    let first = halt(&cloud, scope).await;
    lift(&cloud, scope).await;
    let rows = halting(&waits, scope).await;
    waits.batch_execute("COMMIT").await.unwrap();
    let second: OffsetDateTime = rows[0].get("since");
    assert!(began < first && first < second, "{began} {first} {second}");
    let standing = "SELECT count(*) FROM ledger.halts WHERE scope = $1";
    assert_eq!(count(&superuser, standing, scope).await, 1);
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
