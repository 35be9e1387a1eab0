//! The gate alone is off: every request finds an empty one. The intent row alone keeps a payment from being posted twice.

use super::scene::{BY_LEDGER, DECIDED, Scene, assert_same, outcomes};

#[tokio::test]
async fn requests_that_each_see_an_empty_gate_are_posted_once() {
    let scene = Scene::affordable().await;
    let mut answers = Vec::new();
    for caught in [DECIDED, BY_LEDGER, BY_LEDGER] {
        let function = scene.setup().set("GATE_TABLE", scene.cloud.another_gate().await);
        let function = function.start().await.unwrap();
        answers.push(function.call(&scene.payment()).await.unwrap());
        assert_eq!(outcomes(&function, 1).await, [caught]);
    }
    for answer in &answers {
        assert_same(answer, &answers[0]);
    }
    scene.posted_once(&answers[0]).await;
}

#[tokio::test]
async fn requests_at_once_that_each_see_an_empty_gate_are_posted_once() {
    let scene = Scene::affordable().await;
    let mut functions = Vec::new();
    for _ in 0..6 {
        let function = scene.setup().set("GATE_TABLE", scene.cloud.another_gate().await);
        functions.push(function.start().await.unwrap());
    }
    let calls: Vec<_> = functions
        .iter()
        .map(|function| function.call(&scene.payment()))
        .collect();
    let mut answers = Vec::new();
    for call in calls {
        answers.push(call.await.unwrap());
    }
    let mut caught = Vec::new();
    for function in &functions {
        caught.append(&mut outcomes(function, 1).await);
    }
    assert_eq!(caught.iter().filter(|guard| *guard == DECIDED).count(), 1, "{caught:?}");
    assert_eq!(
        caught.iter().filter(|guard| *guard == BY_LEDGER).count(),
        5,
        "{caught:?}"
    );
    for answer in &answers {
        assert_same(answer, &answers[0]);
    }
    scene.posted_once(&answers[0]).await;
}
