//! What a process writes: a line per request, and nothing in it that belongs to the client.

use serde_json::json;
use tests::fault::{Fault, Step};
use uuid::Uuid;

use super::scene::{AMOUNT, DECIDED, Scene, outcomes};

/// Passes the Luhn check.
const CARD_NUMBER: &str = "4111111111111111";
const CARD_NUMBER_IN_GROUPS: &str = "4111 1111 1111 1111";

#[tokio::test]
async fn neither_token_nor_body_nor_card_number_is_ever_written_down() {
    let mut scene = Scene::affordable().await;
    let (function, faults) = scene.authorize_through_faults().await;
    let secret = |what: &str| format!("{what}-{}", Uuid::new_v4().simple());
    let (token, description, name, value, card_token) = (
        secret("token"),
        secret("description"),
        secret("name"),
        secret("value"),
        secret("card"),
    );
    let mut body = scene.body();
    body["description"] = json!(description);
    body["metadata"] = json!({ &name: value });
    body["card_token"] = json!(card_token);
    let mut keys = Vec::new();

    // Every way a request ends: posted, repeated, declined, reused, refused for its content, and each failure below it.
    let mut card_given = body.clone();
    card_given["description"] = json!(CARD_NUMBER_IN_GROUPS);
    let mut card_as_token = body.clone();
    card_as_token["card_token"] = json!(CARD_NUMBER);
    let mut field_unknown = body.clone();
    field_unknown[&description] = json!(card_token);
    let mut declined = body.clone();
    declined["amount"] = json!(100 * AMOUNT);
    let mut unknown_account = body.clone();
    unknown_account["destination"] = json!(Uuid::new_v4());

    let send = async |scene: &Scene, body: &serde_json::Value| {
        let request = scene.request(body).header("authorization", format!("Bearer {token}"));
        function.call(&request).await.unwrap().status
    };
    assert_eq!(send(&scene, &body).await, 201);
    assert_eq!(send(&scene, &body).await, 201);
    assert_eq!(send(&scene, &declined).await, 422);
    keys.push(scene.key);
    for (body, status) in [
        (&declined, 402),
        (&unknown_account, 422),
        (&card_given, 400),
        (&card_as_token, 400),
        (&field_unknown, 400),
    ] {
        scene.key = Uuid::now_v7();
        keys.push(scene.key);
        assert_eq!(send(&scene, body).await, status);
    }
    for step in [Step::Claim, Step::Start, Step::Complete, Step::Post] {
        scene.key = Uuid::now_v7();
        keys.push(scene.key);
        faults.script.arm_all(step, Fault::Refuse);
        let expected = if step == Step::Complete { 201 } else { 503 };
        assert_eq!(send(&scene, &body).await, expected, "{step:?}");
        faults.script.disarm();
    }
    let malformed = format!(r#"{{"description": "{description}", "card_token": "{CARD_NUMBER}""#);
    let request = scene.request(&body).text(&malformed);
    assert_eq!(function.call(&request).await.unwrap().status, 400);
    faults.ledger.set_down(true);
    scene.key = Uuid::now_v7();
    keys.push(scene.key);
    assert_eq!(send(&scene, &body).await, 503);

    let told = outcomes(&function, 14).await;
    assert_eq!(told[0], DECIDED);
    assert_eq!(told.last().map(String::as_str), Some("ledger-unavailable"));
    let output = function.output();
    assert!(output.contains("WARN"), "the failures are in it");
    let mut secrets = vec![token, description, name, value, card_token];
    secrets.extend([CARD_NUMBER.to_owned(), CARD_NUMBER_IN_GROUPS.to_owned()]);
    secrets.extend(keys.iter().map(Uuid::to_string));
    for secret in secrets {
        assert!(!output.contains(&secret), "{secret} was written down:\n{output}");
    }
}
