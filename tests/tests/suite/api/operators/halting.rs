use serde_json::{Value, json};
use tests::api::{ApiRequest, ApiResponse};
use tests::cloud::Cloud;
use tests::lambda::Function;
use tests::token::Scope;
use uuid::Uuid;

use super::scene::{Operator, act, asked_about};
use crate::api::books::Books;
use crate::api::merchant::Merchant;
use crate::ledger::corrections::scene::paid;
use crate::ledger::scratch::in_scratch_database;

const HALTS: &str = "GET /v1/operator/halts";
const WHY: Option<&str> = Some("its keys were stolen");

fn halting(scope: impl ToString) -> ApiRequest {
    ApiRequest::to("POST /v1/operator/halts/{scope}/halt")
        .path("scope", scope)
        .json(&json!({"reason": WHY}))
}

/// Lifts the halt that was shown so.
fn lifting(scope: impl ToString, halt: &ApiResponse) -> ApiRequest {
    ApiRequest::to("POST /v1/operator/halts/{scope}/lift")
        .path("scope", scope)
        .json(&json!({"since": halt.json()["since"], "reason": WHY}))
}

fn assert_halted(answer: &ApiResponse) {
    assert_eq!(
        (answer.status, answer.problem().as_str()),
        (503, "postings-halted"),
        "{answer:?}"
    );
    assert_eq!(answer.header("retry-after"), Some("60"));
    assert_eq!(answer.json()["retry_after"], 60);
}

#[tokio::test]
async fn a_merchant_that_is_halted_moves_nothing_until_it_is_lifted() {
    let cloud = Cloud::running();
    let (us, other) = tokio::join!(Merchant::onboard(&cloud), Merchant::onboard(&cloud));
    let (ada, grace) = Operator::both(&cloud);
    us.deposit(us.buyer, 100).await;
    let pay = |amount: i64| {
        ApiRequest::to("POST /v1/payments")
            .key(Uuid::new_v4())
            .json(&us.payment(amount))
    };
    let before = pay(10);
    let paid = us.send(&before).await;
    assert_eq!(paid.status, 201);
    let payment = paid.json()["id"].clone();

    let halted = ada.send(halting(us.tenant)).await;
    let mut shown = halted.json();
    assert!(shown["since"].take().is_string());
    let expected = json!({
        "object": "halt", "scope": us.tenant, "halted": true, "since": null, "halted_by": ada.arn(), "reason": WHY,
    });
    assert_eq!((halted.status, &shown), (200, &expected));
    assert_eq!(
        grace.send(halting(us.tenant)).await.json(),
        halted.json(),
        "it stays as it is, and says whose it is"
    );

    let books = Books::of(&cloud, &[us.tenant]).await;
    let deposit = json!({"destination": us.buyer, "amount": 5, "currency": "EUR"});
    let correcting = |what: &str| {
        ApiRequest::to(&format!("POST /v1/payments/{{payment_id}}/{what}"))
            .path("payment_id", payment.as_str().unwrap())
            .key(Uuid::new_v4())
            .json(&json!({}))
    };
    let settlement = ApiRequest::to("POST /v1/settlements").key(Uuid::new_v4());
    let asked = [
        pay(20),
        pay(5000),
        ApiRequest::to("POST /v1/deposits").key(Uuid::new_v4()).json(&deposit),
        settlement.json(&us.payment(40)),
        correcting("refunds"),
        correcting("reversal"),
    ];
    for request in &asked {
        assert_halted(&us.send(request).await);
    }
    // The ledger holds nothing of it, and what was answered before is answered still.
    let after = Books::of(&cloud, &[us.tenant]).await;
    assert_eq!(
        after,
        Books {
            gate_items: after.gate_items,
            ..books
        }
    );
    let again = us.send(&before).await;
    assert_eq!((again.status, &again.body), (201, &paid.body));
    // Looking is no posting; nor are others halted.
    assert_eq!(us.balance(us.buyer).await, 90);
    other.deposit(other.buyer, 5).await;

    let lifted = grace.send(lifting(us.tenant, &halted)).await;
    let expected = json!({
        "object": "halt", "scope": us.tenant, "halted": false, "since": null, "halted_by": null, "reason": null,
    });
    assert_eq!((lifted.status, lifted.json()), (200, expected));
    let repeated = grace.send(lifting(us.tenant, &halted)).await;
    assert_eq!((repeated.status, repeated.json()), (200, lifted.json()));
    // Under the same keys, and at once: the claims were given back.
    for (request, status) in asked.iter().zip([201, 402, 201, 202, 201, 422]) {
        let answer = us.send(request).await;
        assert_eq!(answer.status, status, "{request:?} {answer:?}");
        assert_eq!(answer.header("idempotent-replayed"), None);
    }
    assert_eq!(
        asked_about(&cloud, us.tenant).await,
        [
            act(&ada, "postings_halted", "done", WHY),
            act(&grace, "postings_halted", "repeated", WHY),
            act(&grace, "postings_resumed", "done", WHY),
            act(&grace, "postings_resumed", "repeated", WHY),
        ]
    );
}

#[tokio::test]
async fn a_halt_is_listed_while_it_holds() {
    let cloud = Cloud::running();
    let (us, ada) = (Merchant::onboard(&cloud).await, Operator::named(&cloud, "ada"));
    let halted = ada.send(halting(us.tenant)).await;
    for is_listed in [true, false] {
        if !is_listed {
            let lifted = ada.send(lifting(us.tenant, &halted)).await;
            assert_eq!(lifted.status, 200, "{lifted:?}");
        }
        let (mut listed, mut cursor) = (Vec::<Value>::new(), None::<String>);
        loop {
            let listing = ApiRequest::to(HALTS).query("limit", 1);
            let listing = cursor
                .iter()
                .fold(listing, |listing, after| listing.query("cursor", after));
            let page = ada.send(listing).await;
            assert_eq!(page.status, 200, "{page:?}");
            listed.extend_from_slice(page.json()["data"].as_array().unwrap());
            cursor = page.json()["next"].as_str().map(str::to_owned);
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(listed.contains(&halted.json()), is_listed, "{listed:?}");
    }
}

/// Two people at night: one lifts what the other has halted anew. Whoever lifts names the halt, and is shown the one that holds.
#[tokio::test]
async fn a_lift_ends_the_halt_that_it_names_and_no_later_one() {
    let cloud = Cloud::running();
    let us = Merchant::onboard(&cloud).await;
    let (ada, grace) = Operator::both(&cloud);
    us.deposit(us.buyer, 100).await;
    let pay = || {
        ApiRequest::to("POST /v1/payments")
            .key(Uuid::new_v4())
            .json(&us.payment(1))
    };
    let first = ada.send(halting(us.tenant)).await;
    let old = lifting(us.tenant, &first);
    assert_eq!(ada.send(old.clone()).await.status, 200);
    let second = grace.send(halting(us.tenant)).await;
    assert_eq!(second.json()["halted_by"], grace.arn());

    let late = ada.send(old.clone()).await;
    assert_eq!(
        (late.status, late.problem().as_str()),
        (409, "another-halt-holds"),
        "{late:?}"
    );
    let holds = json!({"since": second.json()["since"], "halted_by": grace.arn(), "reason": WHY});
    assert_eq!(late.json()["halt"], holds);
    assert_halted(&us.send(&pay()).await);

    // By what the refusal showed, in another time zone's words.
    let body = json!({"since": second.json()["since"].as_str().unwrap().replace('Z', "+00:00"), "reason": WHY});
    assert_eq!(ada.send(old.clone().json(&body)).await.status, 200);
    assert_eq!(us.send(&pay()).await.status, 201);
    assert_eq!(ada.send(old).await.status, 200, "none holds");
    let outcomes = ["done", "refused", "done", "repeated"];
    let audited: Vec<_> = asked_about(&cloud, us.tenant).await;
    let lifts = outcomes.map(|outcome| act(&ada, "postings_resumed", outcome, WHY));
    assert_eq!(
        audited,
        [
            act(&ada, "postings_halted", "done", WHY),
            lifts[0].clone(),
            act(&grace, "postings_halted", "done", WHY),
            lifts[1].clone(),
            lifts[2].clone(),
            lifts[3].clone(),
        ]
    );
}

#[tokio::test]
async fn a_scope_that_is_none_halts_nobody() {
    let cloud = Cloud::running();
    let ada = Operator::named(&cloud, "ada");
    let nobody = Uuid::new_v4();
    let house = domain::ids::TenantId::PLATFORM.to_string();
    let since = "2026-11-23T03:12:09.000120Z";
    let lift = |scope: &str| {
        ApiRequest::to("POST /v1/operator/halts/{scope}/lift")
            .path("scope", scope)
            .json(&json!({"since": since, "reason": WHY}))
    };
    for scope in ["everybody", "ALL", "0", house.as_str(), &nobody.to_string()] {
        for request in [halting(scope), lift(scope)] {
            let answer = ada.send(request).await;
            assert_eq!(
                (answer.status, answer.problem().as_str()),
                (404, "not-found"),
                "{scope}"
            );
        }
    }
    for (request, body) in [
        (halting(nobody), json!({})),
        (halting(nobody), json!({"reason": " "})),
        (halting(nobody), json!({"reason": "why", "since": since})),
        (lift("all"), json!({})),
        (lift("all"), json!({"reason": "whatever holds"})),
        (lift("all"), json!({"since": since})),
        (lift("all"), json!({"since": "now", "reason": "why"})),
        (
            lift("all"),
            json!({"since": since, "reason": "why", "until": "tomorrow"}),
        ),
    ] {
        let answer = ada.send(request.json(&body)).await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (400, "invalid-request"),
            "{body}"
        );
    }
    for query in [("limit", "0"), ("cursor", "one")] {
        let answer = ada.send(ApiRequest::to(HALTS).query(query.0, query.1)).await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (400, "invalid-request"),
            "{query:?}"
        );
    }
    assert_eq!(
        asked_about(&cloud, nobody).await,
        [
            act(&ada, "postings_halted", "unknown", WHY),
            act(&ada, "postings_resumed", "unknown", WHY),
        ]
    );
}

/// On a ledger of its own, with the real functions: a halt of all would halt every other test.
#[tokio::test]
async fn a_halt_of_all_halts_every_merchant() {
    in_scratch_database(async |scratch: Cloud| {
        let start = async |function| {
            let setup = Function::of(&scratch, function).set("DATABASE_NAME", &scratch.postgres.database);
            setup.start().await.unwrap()
        };
        let (switch, authorize) = (start("halt-postings").await, start("authorize").await);
        let ada = "arn:aws:iam::123456789012:user/ada";
        let mut payments = Vec::new();
        for _ in 0..2 {
            let (merchant, payment) = paid(&scratch, 100).await;
            let body = json!({
                "source": payment.destination, "destination": payment.source, "amount": 10, "currency": "EUR",
            });
            let request = ApiRequest::to("POST /v1/payments").from_tenant(merchant.tenant, Scope::Merchant);
            payments.push(request.key(Uuid::new_v4()).json(&body));
        }
        let halted = switch.call(&halting("all").signed_by(ada)).await.unwrap();
        assert_eq!((halted.status, &halted.json()["scope"]), (200, &json!("all")));
        for payment in &payments {
            assert_halted(&authorize.call(payment).await.unwrap());
        }
        let shown = switch.call(&ApiRequest::to(HALTS).signed_by(ada)).await.unwrap();
        assert_eq!(shown.json()["data"], json!([halted.json()]));
        let lifted = switch.call(&lifting("all", &halted).signed_by(ada)).await.unwrap();
        assert_eq!(lifted.json()["halted"], false);
        for payment in &payments {
            assert_eq!(authorize.call(payment).await.unwrap().status, 201);
        }
    })
    .await;
}
