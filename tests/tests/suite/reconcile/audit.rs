//! Who decided what is held against what was signed: whatever somebody writes past the functions is found and named.

use domain::justification::Act;
use serde_json::json;
use tests::cloud::Cloud;
use tests::lambda::Function;
use tests::patience::until;
use tokio_postgres::Client;
use tokio_postgres::types::{ToSql, Type};
use uuid::Uuid;

use super::books::scene::{Night, setup};
use super::scene::Said;
use crate::api::operators::scene::turning;
use crate::ledger::justified::{justified, statement};
use crate::ledger::merchant::Merchant;
use crate::ledger::scratch::in_scratch_database;

const ADA: &str = "arn:aws:iam::123456789012:user/ada";

/// A ledger in which an account was frozen, by a function that signs.
struct Frozen {
    cloud: Cloud,
    superuser: Client,
    account: Uuid,
    reconciler: Function,
}

impl Frozen {
    async fn opened(cloud: Cloud) -> Self {
        let frozen = Self {
            account: Merchant::onboard(&cloud).await.till().await,
            superuser: cloud.superuser().await,
            reconciler: setup(&cloud).start().await.unwrap(),
            cloud,
        };
        frozen.turn("freeze", None).await;
        frozen
    }

    /// Freezes or unfreezes, by a function whose key is there, or not.
    async fn turn(&self, how: &str, key_service: Option<&str>) {
        let function = Function::of(&self.cloud, "freeze-account").set("DATABASE_NAME", &self.cloud.postgres.database);
        let function = key_service
            .into_iter()
            .fold(function, |function, place| function.set("AWS_ENDPOINT_URL_KMS", place));
        let request = turning(how, self.account, &json!({"reason": "a complaint"})).signed_by(ADA);
        let turned = function.start().await.unwrap().call(&request).await.unwrap();
        assert_eq!(turned.status, 200, "{turned:?}");
    }

    /// Runs this as the superuser with every guard of the audit down, but for its columns.
    async fn tamper(&self, sql: &str) {
        let guards = [
            "audit_act_known",
            "audit_justified",
            "audit_statement_agrees",
            "audit_statement_once",
        ];
        let down: String = guards
            .map(|guard| format!("ALTER TABLE ledger.audit DROP CONSTRAINT IF EXISTS {guard};"))
            .concat();
        let sql = format!(
            "BEGIN;{down}ALTER TABLE ledger.audit DISABLE TRIGGER append_only;{sql};
             ALTER TABLE ledger.audit ENABLE ALWAYS TRIGGER append_only;COMMIT"
        );
        self.superuser.batch_execute(&sql).await.unwrap();
    }

    /// Waits until a run looks at all that is in the audit.
    async fn settled(&self) {
        let sql = "SELECT max(written_in) FILTER (WHERE written_in < pg_snapshot_xmax(pg_current_snapshot()))
                          < pg_snapshot_xmin(pg_current_snapshot()) FROM ledger.audit";
        let so = || async {
            let row = self.superuser.query_one(sql, &[]).await.unwrap();
            row.get::<_, bool>(0).then_some(())
        };
        until(so, || "a transaction has been open all the time".to_owned()).await;
    }

    /// What a night says of the audit: severity and kind.
    async fn said(&self) -> Vec<(String, String)> {
        self.settled().await;
        let said = Said::by(&self.reconciler, "audit").await;
        let findings = said.findings().into_iter();
        findings
            .map(|(severity, what, _)| (severity.to_owned(), what.to_owned()))
            .collect()
    }
}

fn critical(whats: &[&str]) -> Vec<(String, String)> {
    whats
        .iter()
        .map(|what| ("critical".to_owned(), (*what).to_owned()))
        .collect()
}

#[tokio::test]
async fn what_functions_of_ours_wrote_is_read_once_and_found_sound() {
    in_scratch_database(async |cloud| {
        let frozen = Frozen::opened(cloud).await;
        frozen.settled().await;
        let night = Night::of(&frozen.reconciler).await;
        assert_eq!((night.failed(), night.read("audit")), (vec![], 1), "{:?}", night.0);
        frozen.turn("unfreeze", None).await;
        frozen.settled().await;
        assert_eq!(
            Night::of(&frozen.reconciler).await.read("audit"),
            1,
            "what is new, and no more"
        );
        let full = Night::over_all(&frozen.reconciler).await;
        assert_eq!(
            (full.read("audit"), full.section("audit")["findings"].clone()),
            (2, json!([]))
        );
    })
    .await;
}

#[tokio::test]
async fn a_stop_that_could_not_be_signed_is_told_to_people() {
    in_scratch_database(async |cloud| {
        let frozen = Frozen::opened(cloud).await;
        frozen.turn("freeze", Some("http://127.0.0.1:9")).await;
        assert_eq!(
            frozen.said().await,
            [("warning".to_owned(), "audit_unsigned".to_owned())]
        );
    })
    .await;
}

#[tokio::test]
async fn a_row_that_nobody_of_ours_wrote_is_found() {
    in_scratch_database(async |cloud| {
        let frozen = Frozen::opened(cloud).await;
        assert_eq!(frozen.said().await, critical(&[]));
        // Whole, and signed by somebody else: no constraint can tell.
        let forged = statement(Act::AccountUnfrozen, frozen.account, ADA, "a complaint");
        let unfreezing = "SELECT FROM ledger.unfreeze_account($1, $2, $3)";
        let parameters: [(&(dyn ToSql + Sync), Type); 3] = [
            (&ADA, Type::TEXT),
            (&frozen.account, Type::UUID),
            (&justified(&forged), Type::JSONB),
        ];
        frozen.superuser.query_typed(unfreezing, &parameters).await.unwrap();
        assert_eq!(frozen.said().await, critical(&["audit_forged"]));

        let copy = "INSERT INTO ledger.audit (at, actor, act, outcome, subject, reason, statement, signature, key_id)
                    SELECT at, actor, act, outcome, subject, reason, statement, signature, key_id FROM ledger.audit";
        let insert = "INSERT INTO ledger.audit (written_in, actor, act, subject, reason)";
        for (sql, expected) in [
            (
                format!("{insert} VALUES (pg_current_xact_id(), 'ada', 'break_resolved', '1', 'why')"),
                &["audit_forged"][..],
            ),
            // Not yet, says its number: it is found each night until then.
            (
                format!("{insert} VALUES ('9000000000', 'ada', 'postings_resumed', 'all', 'why')"),
                &["audit_forged"],
            ),
            (
                // A justification that was true, of another time,
                format!(
                    "{} WHERE id = 1",
                    copy.replace("SELECT at,", "SELECT at + interval '1 hour',")
                ),
                &["audit_differs", "audit_forged"],
            ),
            // and once more, as if it were this one.
            (format!("{copy} WHERE id = 1"), &["audit_forged", "audit_repeated"]),
        ] {
            frozen.tamper(&sql).await;
            let mut said = frozen.said().await;
            said.sort();
            assert_eq!(said, critical(expected), "{sql}");
        }
    })
    .await;
}

/// A transaction that runs for long leaves a night nothing that is new.
#[tokio::test]
async fn a_row_that_pretends_to_be_of_the_future_is_found_by_a_night_that_has_nothing_to_prove() {
    in_scratch_database(async |cloud| {
        let runs_for_long = cloud.superuser().await;
        let frozen = Frozen::opened(cloud).await;
        frozen.settled().await;
        let begun = "BEGIN; SELECT pg_current_xact_id()";
        runs_for_long.batch_execute(begun).await.unwrap();
        frozen
            .tamper(
                "INSERT INTO ledger.audit (written_in, actor, act, subject, reason)
                 VALUES ('9000000000', 'ada', 'postings_resumed', 'all', 'why')",
            )
            .await;
        for _ in 0..2 {
            assert_eq!(frozen.said().await, critical(&["audit_forged"]));
        }
        runs_for_long.batch_execute("ROLLBACK").await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_row_that_was_changed_is_found_by_a_full_run() {
    let changes = [
        "actor = 'arn:aws:iam::123456789012:user/grace'",
        "act = 'account_unfrozen'",
        "subject = gen_random_uuid()::text",
        "terms = 'for a day'",
        "reason = 'another'",
        "at = at - interval '1 day'",
        "statement = replace(statement, 'a complaint', 'another'), reason = 'another'",
        "statement = NULL, signature = NULL, key_id = NULL",
        "act = 'freezes_listed'",
    ];
    in_scratch_database(async move |cloud| {
        let frozen = Frozen::opened(cloud).await;
        for _ in changes {
            frozen.turn("freeze", None).await;
        }
        assert_eq!(frozen.said().await, critical(&[]));
        let change =
            |(nth, change): (usize, &&str)| format!("UPDATE ledger.audit SET {change} WHERE id = {};", nth + 1);
        frozen
            .tamper(&changes.iter().enumerate().map(change).collect::<String>())
            .await;
        assert_eq!(frozen.said().await, critical(&[]), "a night does not look back");
        let full = Night::over_all(&frozen.reconciler).await;
        let findings = full.section("audit")["findings"].as_array().unwrap().iter();
        let found: Vec<_> = findings
            .map(|finding| (finding["severity"].clone(), finding["subject"].clone()))
            .collect();
        let expected: Vec<_> = (1..=changes.len())
            .map(|id| (json!("critical"), json!(id.to_string())))
            .collect();
        assert_eq!(found, expected, "each but the last, which nobody changed");
    })
    .await;
}
