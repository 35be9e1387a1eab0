//! What the ledger decided, and no item stands for.

use super::scene::in_scene;

#[tokio::test]
async fn a_wiped_gate_is_a_warning_with_how_many_it_forgot() {
    in_scene(async |scene| {
        let authorize = scene.authorize().start().await.unwrap();
        let mut ids = Vec::new();
        for _ in 0..3 {
            ids.push(scene.id(scene.paid(&authorize).await.0));
        }
        scene.lease_until(1800).await;
        scene.age_intents().await;
        scene.forget_deposits().await;
        assert_eq!(scene.reconciled().await.findings(), []);
        scene.wipe().await;
        let said = scene.reconciled().await;
        let findings = said.findings();
        let [("warning", "gate_forgot", subject)] = findings[..] else {
            panic!("{said:?}");
        };
        assert!(ids.iter().any(|id| id == subject));
        let detail = said.detail("gate_forgot");
        assert!(detail.starts_with("3 intents"), "{detail}");
        assert!(ids.iter().all(|id| detail.contains(id)), "{detail}");
    })
    .await;
}

/// Keys without a time lie elsewhere in the ledger.
#[tokio::test]
async fn one_key_of_many_that_is_missing_is_named_whatever_its_kind() {
    in_scene(async |scene| {
        let authorize = scene.authorize().start().await.unwrap();
        scene.paid(&authorize).await;
        let untimed = uuid::Uuid::new_v4();
        assert_eq!(authorize.call(&scene.payment(untimed, 1)).await.unwrap().status, 201);
        let declined = uuid::Uuid::now_v7();
        assert_eq!(
            authorize
                .call(&scene.payment(declined, 2_000_000))
                .await
                .unwrap()
                .status,
            402
        );
        scene.lease_until(1800).await;
        scene.age_intents().await;
        scene.forget_deposits().await;
        for key in [untimed, declined] {
            let item = scene.item(key).await;
            scene.remove(&item).await;
            let said = scene.reconciled().await;
            assert_eq!(said.findings(), [("warning", "gate_forgot", &*scene.id(key))]);
            scene.put(item).await;
        }
        assert_eq!(scene.reconciled().await.findings(), []);
    })
    .await;
}

#[tokio::test]
async fn an_intent_that_is_younger_than_the_margin_or_that_the_gate_may_have_forgotten_is_not_missed() {
    in_scene(async |scene| {
        scene.paid(&scene.authorize().start().await.unwrap()).await;
        scene.wipe().await;
        assert_eq!(scene.reconciled().await.findings(), [], "a moment old");
        let sql = "ALTER TABLE ledger.ledger_transactions DISABLE TRIGGER append_only;
                   UPDATE ledger.ledger_transactions SET created_at = now() - interval '47 hours 1 minute'";
        scene.superuser.batch_execute(sql).await.unwrap();
        assert_eq!(scene.reconciled().await.findings(), [], "two days old");
    })
    .await;
}
