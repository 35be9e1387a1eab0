//! What nobody completed is completed with the ledger's answer; and whoever has moved meanwhile keeps what it did.

use tests::fault::{Exchange, Fault, Faults, Step};
use uuid::Uuid;

use super::scene::{Scene, in_scene};
use crate::money_path::scene::{BY_GATE, BY_LEDGER, assert_same, is_replay, outcomes};
use crate::reconcile::scene::Said;

/// A payment whose process died right after the commit, or before it.
async fn died(scene: &Scene, fault: Fault) -> Uuid {
    let key = Uuid::now_v7();
    scene.died_at(&scene.payment(key, 1), Step::Post, fault).await;
    scene.forget_deposits().await;
    assert_eq!(scene.item(key).await["status"].as_s().unwrap(), "PROCESSING");
    key
}

#[tokio::test]
async fn a_process_that_died_after_the_commit_is_made_up_for_and_the_retry_gets_the_ledger_s_bytes_from_the_gate() {
    in_scene(async |scene| {
        let key = died(&scene, Fault::HoldResponse).await;
        let said = scene.reconciled().await;
        assert_eq!((said.findings(), said.count("repaired")), (vec![], 1));

        let retry = scene.authorize().start().await.unwrap();
        let from_gate = retry.call(&scene.payment(key, 1)).await.unwrap();
        assert_eq!((from_gate.status, is_replay(&from_gate)), (201, true));
        scene.wipe().await;
        let from_ledger = retry.call(&scene.payment(key, 1)).await.unwrap();
        assert_same(&from_gate, &from_ledger);
        assert_eq!(outcomes(&retry, 2).await, [BY_GATE, BY_LEDGER]);
        assert_eq!(scene.debits().await, 1);

        scene.age().await;
        let said = scene.reconciled().await;
        assert_eq!(
            (said.findings(), said.count("sound"), said.count("repaired")),
            (vec![], 1, 0)
        );
    })
    .await;
}

#[tokio::test]
async fn a_process_that_died_before_the_commit_is_left_to_the_retry() {
    in_scene(async |scene| {
        let key = Uuid::now_v7();
        scene
            .died_at(&scene.payment(key, 1), Step::Claim, Fault::HoldResponse)
            .await;
        scene.forget_deposits().await;
        let before = scene.item(key).await;
        let said = scene.reconciled().await;
        assert_eq!((said.findings(), said.count("abandoned")), (vec![], 1));
        assert_eq!(scene.item(key).await, before);
        let retry = scene.authorize().start().await.unwrap();
        let answer = retry.call(&scene.payment(key, 1)).await.unwrap();
        assert_eq!((answer.status, is_replay(&answer)), (201, false));
    })
    .await;
}

#[tokio::test]
async fn a_repair_keeps_the_ledger_s_request_and_not_the_last_claimant_s() {
    in_scene(async |scene| {
        let key = died(&scene, Fault::HoldResponse).await;
        // Another intent under the key took the claim over, and died as well.
        scene
            .died_at(&scene.payment(key, 2), Step::Start, Fault::HoldResponse)
            .await;
        assert_eq!(scene.reconciled().await.count("repaired"), 1);
        let retry = scene.authorize().start().await.unwrap();
        let other = retry.call(&scene.payment(key, 2)).await.unwrap();
        assert_eq!((other.status, &*other.problem()), (422, "idempotency-key-reused"));
        let own = retry.call(&scene.payment(key, 1)).await.unwrap();
        assert_eq!((own.status, is_replay(&own)), (201, true));
        assert_eq!(scene.debits().await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_repair_that_comes_after_a_retry_changes_nothing() {
    in_scene(async |scene| {
        let key = died(&scene, Fault::HoldResponse).await;
        let faults = Faults::between(&scene.cloud).await;
        let reconciler = scene.reconciler().through(&faults).start().await.unwrap();
        let held = faults.script.arm(Step::Complete, Fault::HoldRequest);
        let report = tokio::spawn(async move { Said::by(&reconciler, "gate").await });
        held.reached().await;
        let retry = scene.authorize().start().await.unwrap();
        let answer = retry.call(&scene.payment(key, 1)).await.unwrap();
        assert_eq!((answer.status, is_replay(&answer)), (201, true));
        let completed = scene.item(key).await;
        assert!(matches!(held.release().await, Exchange::Failed(_)), "its condition");
        let said = report.await.unwrap();
        assert_eq!(
            (said.findings(), said.count("overtaken"), said.count("repaired")),
            (vec![], 1, 0)
        );
        assert_eq!(scene.item(key).await, completed);
    })
    .await;
}

#[tokio::test]
async fn a_retry_that_comes_after_a_repair_repeats_its_answer() {
    in_scene(async |scene| {
        let key = died(&scene, Fault::HoldResponse).await;
        let faults = Faults::between(&scene.cloud).await;
        let retry = scene.authorize().through(&faults).start().await.unwrap();
        let held = faults.script.arm(Step::TakeOver, Fault::HoldRequest);
        let late = tokio::spawn(retry.call(&scene.payment(key, 1)));
        held.reached().await;
        assert_eq!(scene.reconciled().await.count("repaired"), 1);
        let repaired = scene.item(key).await;
        assert!(matches!(held.release().await, Exchange::Failed(_)), "its condition");
        let answer = late.await.unwrap().unwrap();
        assert_eq!((answer.status, is_replay(&answer)), (201, true));
        assert_eq!(outcomes(&retry, 1).await, [BY_GATE]);
        assert_eq!(scene.item(key).await, repaired);
        assert_eq!(scene.debits().await, 1);
    })
    .await;
}

/// The process of the claim, alive all the time, and late by minutes.
#[tokio::test]
async fn a_zombie_that_completes_after_a_repair_answers_the_same() {
    in_scene(async |scene| {
        let key = Uuid::now_v7();
        let faults = Faults::between(&scene.cloud).await;
        let zombie = scene.authorize().through(&faults).start().await.unwrap();
        let held = faults.script.arm_all(Step::Complete, Fault::HoldRequest);
        let late = tokio::spawn(zombie.call(&scene.payment(key, 1)));
        held.reached().await;
        scene.age().await;
        scene.forget_deposits().await;
        assert_eq!(scene.reconciled().await.count("repaired"), 1);
        let repaired = scene.item(key).await;
        held.release().await;
        let answer = late.await.unwrap().unwrap();
        assert_eq!(answer.status, 201);
        assert_eq!(scene.item(key).await, repaired);
        let again = scene.authorize().start().await.unwrap();
        assert_same(&answer, &again.call(&scene.payment(key, 1)).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn a_repair_whose_response_was_lost_is_known_for_one_s_own() {
    in_scene(async |scene| {
        died(&scene, Fault::HoldResponse).await;
        let faults = Faults::between(&scene.cloud).await;
        let reconciler = scene.reconciler().through(&faults).start().await.unwrap();
        faults.script.arm(Step::Complete, Fault::DropResponse);
        let said = Said::by(&reconciler, "gate").await;
        assert_eq!((said.findings(), said.count("repaired")), (vec![], 1));
        assert_eq!(faults.script.count(Step::Complete), 2);
    })
    .await;
}

#[tokio::test]
async fn a_repair_that_is_not_done_is_a_warning_and_comes_again() {
    in_scene(async |scene| {
        let key = died(&scene, Fault::HoldResponse).await;
        let faults = Faults::between(&scene.cloud).await;
        let reconciler = scene.reconciler().through(&faults).start().await.unwrap();
        faults.script.arm_all(Step::Complete, Fault::Refuse);
        let said = Said::by(&reconciler, "gate").await;
        assert_eq!(said.findings(), [("warning", "gate_unrepaired", &*scene.id(key))]);
        faults.script.disarm();
        assert_eq!(Said::by(&reconciler, "gate").await.count("repaired"), 1);
    })
    .await;
}

/// Killed before and after its write: the next run finds what is left.
#[tokio::test]
async fn a_reconciler_that_dies_at_its_repair_leaves_it_whole_or_undone() {
    in_scene(async |scene| {
        for (fault, left) in [
            (Fault::HoldRequest, ("repaired", 1)),
            (Fault::HoldResponse, ("repaired", 0)),
        ] {
            scene.wipe().await;
            let key = died(&scene, Fault::HoldResponse).await;
            let faults = Faults::between(&scene.cloud).await;
            let doomed = scene.reconciler().through(&faults).start().await.unwrap();
            let held = faults.script.arm(Step::Complete, fault);
            let call = doomed.invoke(&serde_json::json!({}));
            held.reached().await;
            doomed.kill().await;
            call.await.unwrap_err();
            held.discard().await;
            assert_eq!(scene.reconciled().await.count(left.0), left.1, "{fault:?}");
            assert_eq!(scene.item(key).await["status"].as_s().unwrap(), "COMPLETE");
        }
    })
    .await;
}
