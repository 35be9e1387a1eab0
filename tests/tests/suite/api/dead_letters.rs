//! The operator's routes: events that could not be published, in the hands of somebody who is named in the audit.

pub mod scene;

use domain::ids::EventId;
use serde_json::json;
use tests::api::{ApiRequest, ApiResponse};
use tests::cloud::Cloud;
use tests::lambda::Function;
use tests::token::Scope;
use uuid::Uuid;

use self::scene::{Operator, a_dead_payment, act, resolving, waiting};
use super::merchant::{Merchant, platform_token};

#[tokio::test]
async fn a_dead_letter_tells_what_was_not_announced_and_why() {
    let cloud = Cloud::running();
    let (us, operator) = tokio::join!(Merchant::onboard(&cloud), Operator::on_duty(&cloud));
    let (payment, letter) = a_dead_payment(&cloud, &us).await;
    let shown = operator.inspect(letter).await;
    assert_eq!(shown.status, 200, "{shown:?}");
    let mut shown = shown.json();
    assert!(shown["died_at"].take().is_string());
    assert_eq!(
        shown,
        json!({
            "id": letter, "object": "dead_letter", "status": "open",
            "event_id": EventId::of(payment.into(), 1), "event_type": "payment.posted.v1",
            "tenant_id": us.tenant, "transaction": payment, "sequence": 1,
            "attempts": 5, "error": "MalformedDetail", "died_at": null, "queued_at": null, "resolved_at": null,
        })
    );
    assert_eq!(
        operator.acts().await,
        [act("dead_letter_inspected", "done", &letter, None)]
    );
}

#[tokio::test]
async fn a_replayed_letter_goes_out_again_under_the_same_event_id_and_only_once() {
    let cloud = Cloud::running();
    let (us, operator) = tokio::join!(Merchant::onboard(&cloud), Operator::on_duty(&cloud));
    let (payment, letter) = a_dead_payment(&cloud, &us).await;
    let replayed = operator.resolve("replay", letter).await;
    assert_eq!((replayed.status, &replayed.json()["status"]), (200, &json!("replayed")));
    assert_eq!(waiting(&cloud, payment).await, 1);
    // The answer may have been lost: asking again gets it again, and the event is not doubled.
    assert_eq!(operator.resolve("replay", letter).await.json(), replayed.json());
    let discarded = operator.resolve("discard", letter).await;
    assert_eq!(
        (discarded.status, discarded.problem().as_str()),
        (409, "dead-letter-resolved")
    );
    assert_eq!(waiting(&cloud, payment).await, 1);
    let acts = [("replayed", "done"), ("replayed", "repeated"), ("discarded", "refused")];
    let acts = acts.map(|(how, outcome)| act(&format!("dead_letter_{how}"), outcome, &letter, Some("on a hunch")));
    assert_eq!(
        operator.acts().await,
        acts,
        "what changed nothing was asked all the same"
    );
}

#[tokio::test]
async fn a_discarded_letter_is_given_up_for_good() {
    let cloud = Cloud::running();
    let (us, operator) = tokio::join!(Merchant::onboard(&cloud), Operator::on_duty(&cloud));
    let (payment, letter) = a_dead_payment(&cloud, &us).await;
    let discarded = operator.resolve("discard", letter).await;
    assert_eq!(
        (discarded.status, &discarded.json()["status"]),
        (200, &json!("discarded"))
    );
    assert_eq!(
        operator.resolve("replay", letter).await.problem(),
        "dead-letter-resolved"
    );
    assert_eq!(waiting(&cloud, payment).await, 0);
    let acts = [("discarded", "done"), ("replayed", "refused")];
    let acts = acts.map(|(how, outcome)| act(&format!("dead_letter_{how}"), outcome, &letter, Some("on a hunch")));
    assert_eq!(operator.acts().await, acts);
}

#[tokio::test]
async fn of_two_operators_at_once_one_decides_and_the_other_is_told() {
    let cloud = Cloud::running();
    let us = Merchant::onboard(&cloud).await;
    let (first, second) = tokio::join!(Operator::on_duty(&cloud), Operator::on_duty(&cloud));
    for _ in 0..5 {
        let (payment, letter) = a_dead_payment(&cloud, &us).await;
        let (replay, discard) = tokio::join!(first.resolve("replay", letter), second.resolve("discard", letter));
        let replayed = replay.status == 200;
        let (winner, loser) = if replayed { (replay, discard) } else { (discard, replay) };
        assert_eq!((winner.status, loser.problem().as_str()), (200, "dead-letter-resolved"));
        assert_eq!(waiting(&cloud, payment).await, i64::from(replayed));
    }
    let acts = [first.acts().await, second.acts().await].concat();
    let ended = |how: &str| acts.iter().filter(|(_, outcome, ..)| outcome == how).count();
    assert_eq!((ended("done"), ended("refused")), (5, 5), "{acts:?}");
}

#[tokio::test]
async fn pages_go_down_to_the_oldest_and_open_ones_can_be_had_alone() {
    let cloud = Cloud::running();
    let (us, operator) = tokio::join!(Merchant::onboard(&cloud), Operator::on_duty(&cloud));
    let mut ours = Vec::new();
    for _ in 0..3 {
        ours.insert(0, a_dead_payment(&cloud, &us).await.1);
    }
    operator.resolve("discard", ours[1]).await;
    for (query, expected) in [
        (vec![("limit", "1")], ours.clone()),
        (vec![("open", "false"), ("limit", "2")], ours.clone()),
        (vec![("open", "true"), ("limit", "1")], vec![ours[0], ours[2]]),
        (vec![("open", "true")], vec![ours[0], ours[2]]),
    ] {
        let all = operator.walk(&query).await;
        let ids: Vec<_> = all.iter().map(|letter| letter["id"].as_i64().unwrap()).collect();
        assert!(ids.is_sorted_by(|newer, older| newer > older), "{query:?}: {ids:?}");
        let found: Vec<_> = ids.into_iter().filter(|id| ours.contains(id)).collect();
        assert_eq!(found, expected, "{query:?}");
    }
    // The first page, and the one below the newest open letter. One more is read than shown.
    let looks = operator.acts().await;
    for page in [
        "open=false before=none most=2".to_owned(),
        format!("open=true before={} most=2", ours[0]),
    ] {
        let look = act("dead_letters_listed", "done", &page, None);
        assert!(looks.contains(&look), "{look:?}: {looks:?}");
    }
}

#[tokio::test]
async fn without_a_reason_nothing_is_decided() {
    let cloud = Cloud::running();
    let (us, operator) = tokio::join!(Merchant::onboard(&cloud), Operator::on_duty(&cloud));
    let (payment, letter) = a_dead_payment(&cloud, &us).await;
    for (body, problem) in [
        (json!({}), "invalid-request"),
        (json!({"reason": ""}), "invalid-request"),
        (json!({"reason": " "}), "invalid-request"),
        (json!({"reason": "x".repeat(501)}), "invalid-request"),
        (json!({"reason": "because", "by": "me"}), "invalid-request"),
        (json!({"reason": "card 4111 1111 1111 1111"}), "card-number-refused"),
    ] {
        for how in ["replay", "discard"] {
            let answer = operator.send(resolving(how, letter, &body)).await;
            assert_eq!(
                (answer.status, answer.problem().as_str()),
                (400, problem),
                "{how} {body}"
            );
        }
    }
    let plain = resolving("replay", letter, &json!({"reason": "why"})).header("content-type", "text/plain");
    assert_eq!(operator.send(plain).await.problem(), "unsupported-media-type");
    for unknown in ["0", "1.5", "9223372036854775807", "9223372036854775808", "one"] {
        let answer = operator
            .send(resolving("replay", unknown, &json!({"reason": "why"})))
            .await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (404, "not-found"),
            "{unknown}"
        );
    }
    for (name, value) in [("open", "maybe"), ("before", "x"), ("limit", "0"), ("limit", "201")] {
        let answer = operator
            .send(ApiRequest::to("GET /v1/dead-letters").query(name, value))
            .await;
        assert_eq!(answer.json()["errors"][0]["pointer"], format!("?{name}"), "{value}");
    }
    assert_eq!(operator.inspect(i64::MAX).await.status, 404);
    // What is no request, or names no number, asks nothing of the ledger.
    let unknown = |how: &str, id, reason| act(&format!("dead_letter_{how}"), "unknown", &id, reason);
    assert_eq!(
        operator.acts().await,
        [
            unknown("replayed", 0, Some("why")),
            unknown("replayed", i64::MAX, Some("why")),
            unknown("inspected", i64::MAX, None)
        ]
    );
    assert_eq!(operator.inspect(letter).await.json()["status"], "open");
    assert_eq!(waiting(&cloud, payment).await, 0);
}

#[tokio::test]
async fn only_an_operator_s_token_comes_near_and_it_opens_nothing_else() {
    let cloud = Cloud::running();
    let (us, operator) = tokio::join!(Merchant::onboard(&cloud), Operator::on_duty(&cloud));
    let (payment, letter) = a_dead_payment(&cloud, &us).await;
    let reason = json!({"reason": "not mine to decide"});
    let routes = [
        ApiRequest::to("GET /v1/dead-letters"),
        ApiRequest::to("GET /v1/dead-letters/{dead_letter_id}").path("dead_letter_id", letter),
        resolving("replay", letter, &reason),
        resolving("discard", letter, &reason),
    ];
    for token in [us.token.clone(), platform_token(&cloud).await] {
        for request in &routes {
            let answer = request.send(&cloud, Some(&token)).await.unwrap();
            assert_eq!(
                (answer.status, answer.json()),
                (403, json!({"message": "Forbidden"})),
                "{request:?}"
            );
        }
    }
    for request in &routes {
        assert_eq!(request.send(&cloud, None).await.unwrap().status, 401, "{request:?}");
    }
    for request in [
        ApiRequest::to("GET /v1/payments/{payment_id}").path("payment_id", payment),
        ApiRequest::to("POST /v1/payments")
            .key(Uuid::new_v4())
            .json(&us.payment(1)),
        ApiRequest::to("PUT /v1/merchants/{merchant_id}")
            .path("merchant_id", us.tenant)
            .json(&json!({"currencies": ["CHF"]})),
    ] {
        let answer = operator.send(request.clone()).await;
        assert_eq!(
            (answer.status, answer.json()),
            (403, json!({"message": "Forbidden"})),
            "{request:?}"
        );
    }
    assert_eq!(operator.inspect(letter).await.json()["status"], "open");
}

#[tokio::test]
async fn a_token_that_names_nobody_is_refused() {
    let cloud = Cloud::running();
    let function = Function::of(&cloud, "dead-letters").start().await.unwrap();
    for sub in [None, Some(""), Some(" ")] {
        let listing = ApiRequest::to("GET /v1/dead-letters").claim("scope", Scope::Operator.as_str());
        let listing = sub.into_iter().fold(listing, |all, sub| all.claim("sub", sub));
        let answer = ApiResponse::from_function(function.invoke(&listing.event()).await.unwrap());
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (403, "actor-missing"),
            "{sub:?}"
        );
    }
}

#[tokio::test]
async fn neither_the_audit_nor_a_dead_letter_can_be_made_to_disappear() {
    let cloud = Cloud::running();
    let (us, operator) = tokio::join!(Merchant::onboard(&cloud), Operator::on_duty(&cloud));
    let (_, letter) = a_dead_payment(&cloud, &us).await;
    operator.inspect(letter).await;
    let superuser = cloud.superuser().await;
    for statement in [
        "DELETE FROM ledger.audit",
        "UPDATE ledger.audit SET actor = 'nobody'",
        "TRUNCATE ledger.audit",
        "DELETE FROM ledger.dead_letters",
        "TRUNCATE ledger.dead_letters",
        // A decision without a reason, whoever writes it.
        "INSERT INTO ledger.audit (actor, act, subject) VALUES ('x', 'dead_letter_discarded', '1')",
    ] {
        assert!(superuser.batch_execute(statement).await.is_err(), "{statement}");
    }
    assert_eq!(
        operator.acts().await,
        [act("dead_letter_inspected", "done", &letter, None)]
    );
}
