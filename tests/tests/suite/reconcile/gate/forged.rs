//! Items that no course of events leaves.

use std::time::SystemTime;

use serde_json::json;
use uuid::Uuid;

use super::scene::{bytes, in_scene, kept, number, text};

#[tokio::test]
async fn an_item_that_says_anything_else_than_the_ledger_s_row_is_found_and_named() {
    in_scene(async |scene| {
        let authorize = scene.authorize().start().await.unwrap();
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
        let forgeries = [
            ("response_status", number(402), "gate_answer_differs"),
            ("response_type", text("text/html"), "gate_answer_differs"),
            ("response_body", bytes(b"{}"), "gate_answer_differs"),
            ("fingerprint", bytes(&[7; 32]), "gate_fingerprint_differs"),
            ("fingerprint", bytes(&[7; 31]), "gate_unreadable"),
            ("status", text("PROCESSING"), "gate_answered_unfinished"),
            ("status", text("DONE"), "gate_unreadable"),
            ("lease_until", number((now + 7200) * 1000), "gate_times_ahead"),
            ("expires_at", number(now + 60 * 3600), "gate_times_ahead"),
        ];
        for (attribute, value, what) in forgeries {
            scene.wipe().await;
            let (key, _) = scene.paid(&authorize).await;
            scene.age().await;
            scene.forget_deposits().await;
            let item = scene.item(key).await;
            scene.set(&item, attribute, value.clone()).await;
            let said = scene.reconciled().await;
            let critical: Vec<_> = said
                .findings()
                .into_iter()
                .filter(|found| found.0 == "critical")
                .collect();
            let place = format!("{} {}", item["pk"].as_s().unwrap(), item["sk"].as_s().unwrap());
            let subject = if what == "gate_unreadable" {
                place
            } else {
                scene.id(key)
            };
            assert_eq!(critical, [("critical", what, &*subject)], "{attribute} {value:?}");
            let mut forged = item;
            forged.insert(attribute.to_owned(), value);
            assert_eq!(scene.item(key).await, forged, "it is evidence, and left as it is");
        }
    })
    .await;
}

#[tokio::test]
async fn a_complete_item_without_its_answer_is_found() {
    in_scene(async |scene| {
        let (key, _) = scene.paid(&scene.authorize().start().await.unwrap()).await;
        scene.age().await;
        scene.forget_deposits().await;
        let mut item = scene.item(key).await;
        item.retain(|name, _| !name.starts_with("response_"));
        scene.put(item).await;
        let said = scene.reconciled().await;
        assert_eq!(
            said.findings(),
            [("critical", "gate_complete_without_answer", &*scene.id(key))]
        );
    })
    .await;
}

#[tokio::test]
async fn an_answer_without_any_outcome_in_the_ledger_is_found() {
    in_scene(async |scene| {
        let (key, _) = scene.paid(&scene.authorize().start().await.unwrap()).await;
        scene.age().await;
        scene.forget_deposits().await;
        assert_eq!(scene.reconciled().await.findings(), []);
        scene
            .superuser
            .batch_execute(&format!(
                "ALTER TABLE ledger.ledger_transactions DISABLE TRIGGER append_only;
                 DELETE FROM ledger.ledger_transactions WHERE ledger_key = '{}'",
                scene.id(key)
            ))
            .await
            .unwrap();
        let said = scene.reconciled().await;
        assert_eq!(said.findings(), [("critical", "gate_without_outcome", &*scene.id(key))]);
        assert!(said.detail("gate_without_outcome").contains(&scene.tenant.to_string()));
    })
    .await;
}

/// The one answer that the ledger has no row for. Of a key that has not expired, it is a forgery like any other.
#[tokio::test]
async fn that_a_key_has_expired_needs_no_outcome_if_it_has() {
    in_scene(async |scene| {
        let authorize = scene.authorize().start().await.unwrap();
        let minted = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs() - 50 * 3600;
        let timestamp = uuid::Timestamp::from_unix(uuid::NoContext, minted, 0);
        let old = Uuid::new_v7(timestamp);
        let answer = authorize.call(&scene.payment(old, 1)).await.unwrap();
        assert_eq!(answer.problem(), "idempotency-key-expired");
        scene.age().await;
        scene.forget_deposits().await;
        let said = scene.reconciled().await;
        assert_eq!((said.findings(), said.count("sound")), (vec![], 1));

        let (key, _) = scene.paid(&authorize).await;
        let (expired, item) = (scene.item(old).await, scene.item(key).await);
        scene.remove(&expired).await;
        assert_eq!(kept(&expired)["status"], json!(400));
        for attribute in ["response_status", "response_type", "response_body"] {
            scene.set(&item, attribute, expired[attribute].clone()).await;
        }
        scene.age().await;
        let said = scene.reconciled().await;
        assert_eq!(said.findings(), [("critical", "gate_answer_differs", &*scene.id(key))]);
    })
    .await;
}

#[tokio::test]
async fn an_item_that_a_claim_would_not_meet_is_not_judged() {
    in_scene(async |scene| {
        let (key, _) = scene.paid(&scene.authorize().start().await.unwrap()).await;
        scene.age().await;
        scene.forget_deposits().await;
        let item = scene.item(key).await;
        scene.set(&item, "response_status", number(402)).await;
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
        scene.set(&item, "expires_at", number(now - 5)).await;
        let said = scene.reconciled().await;
        assert_eq!((said.findings(), said.count("expired")), (vec![], 1));
    })
    .await;
}
