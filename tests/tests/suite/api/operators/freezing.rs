use serde_json::{Value, json};
use tests::api::{ApiRequest, ApiResponse};
use tests::cloud::Cloud;
use uuid::Uuid;

use super::scene::{Operator, act, asked_about, in_limbo, turning};
use crate::api::merchant::Merchant;

const FREEZES: &str = "GET /v1/operator/accounts/{account_id}/freezes";
const WHY: Option<&str> = Some("a complaint");

#[tokio::test]
async fn what_an_operator_freezes_refuses_payments_until_it_is_unfrozen() {
    let cloud = Cloud::running();
    let (us, (ada, grace)) = (Merchant::onboard(&cloud).await, Operator::both(&cloud));
    us.deposit(us.buyer, 10).await;
    for (account, other) in [(us.buyer, us.seller), (us.seller, us.buyer)] {
        assert_eq!(pay(&us).await.status, 201);
        let frozen = ada.turn("freeze", account).await;
        assert_eq!((frozen.status, &frozen.json()["frozen"]), (200, &json!(true)));
        assert_eq!(
            ada.turn("freeze", account).await.json(),
            frozen.json(),
            "it stays as it is"
        );
        assert_eq!(us.account(account).await["frozen"], true);
        assert_eq!(us.account(other).await["frozen"], false);
        assert_eq!(pay(&us).await.problem(), "account-frozen");
        let unfrozen = grace.turn("unfreeze", account).await;
        assert_eq!(
            (unfrozen.status, unfrozen.json()),
            (
                200,
                json!({"id": account, "object": "account", "tenant_id": us.tenant, "frozen": false, "frozen_at": null})
            )
        );
        assert_eq!(grace.turn("unfreeze", account).await.json(), unfrozen.json());
        assert_eq!(pay(&us).await.status, 201);
        assert_eq!(
            asked_about(&cloud, account).await,
            [
                act(&ada, "account_frozen", "done", WHY),
                act(&ada, "account_frozen", "repeated", WHY),
                act(&grace, "account_unfrozen", "done", WHY),
                act(&grace, "account_unfrozen", "repeated", WHY),
            ]
        );
    }
    assert_eq!(us.balance(us.seller).await, 4);
}

#[tokio::test]
async fn an_account_shows_why_it_is_frozen_and_was() {
    let cloud = Cloud::running();
    let (ada, grace) = Operator::both(&cloud);
    let settlement = in_limbo(&cloud).await;
    let account = settlement.request.destination;
    for how in ["freeze", "unfreeze", "freeze"] {
        let turned = ada.turn(how, account).await;
        assert_eq!(
            turned.json()["frozen"],
            true,
            "{how}: the settlement in limbo freezes it too"
        );
    }
    let freezes = walk(&grace, account).await;
    let by_ada = json!({
        "object": "freeze", "cause": "operator", "frozen_by": ada.arn(), "settlement_id": null, "reason": "a complaint",
    });
    let by_limbo = json!({
        "object": "freeze", "cause": "limbo", "frozen_by": null, "settlement_id": settlement.id(),
        "reason": "ledger_unavailable",
    });
    let expected = [(&by_ada, true), (&by_ada, false), (&by_limbo, true)];
    assert_eq!(freezes.len(), expected.len());
    for (freeze, (expected, is_open)) in freezes.into_iter().zip(expected) {
        let mut freeze = freeze;
        assert_eq!(freeze["ended_at"].is_null(), is_open);
        let members = freeze.as_object_mut().unwrap();
        for name in ["id", "since", "ended_at"] {
            members.remove(name).unwrap();
        }
        assert_eq!(&freeze, expected);
    }
    let looked = act(&grace, "freezes_listed", "done", None);
    assert_eq!(
        asked_about(&cloud, account)
            .await
            .into_iter()
            .filter(|it| *it == looked)
            .count(),
        3
    );
    // One that was never frozen.
    assert_eq!(walk(&grace, settlement.request.source).await, Vec::<Value>::new());
}

#[tokio::test]
async fn what_is_no_account_or_has_no_reason_is_refused() {
    let cloud = Cloud::running();
    let ada = Operator::named(&cloud, "ada");
    let (nobodys, account) = (Uuid::new_v4(), in_limbo(&cloud).await.request.source);
    for how in ["freeze", "unfreeze"] {
        assert_eq!(ada.turn(how, nobodys).await.problem(), "not-found");
        for body in [
            json!({}),
            json!({"reason": ""}),
            json!({"reason": "why", "until": "tomorrow"}),
        ] {
            let answer = ada.send(turning(how, account, &body)).await;
            assert_eq!(
                (answer.status, answer.problem().as_str()),
                (400, "invalid-request"),
                "{how} {body}"
            );
        }
        let unreadable = ada.send(turning(how, "one", &json!({"reason": "why"}))).await;
        assert_eq!(unreadable.problem(), "not-found");
    }
    let listed = ada.send(ApiRequest::to(FREEZES).path("account_id", nobodys)).await;
    assert_eq!(listed.problem(), "not-found");
    assert_eq!(
        asked_about(&cloud, nobodys).await,
        [
            act(&ada, "account_frozen", "unknown", WHY),
            act(&ada, "account_unfrozen", "unknown", WHY),
            act(&ada, "freezes_listed", "unknown", None),
        ]
    );
    assert_eq!(asked_about(&cloud, account).await, []);
}

async fn pay(us: &Merchant) -> ApiResponse {
    let payment = ApiRequest::to("POST /v1/payments").key(Uuid::new_v4());
    us.send(&payment.json(&us.payment(1))).await
}

/// All freezes of an account, newest first, one a page.
async fn walk(operator: &Operator, account: Uuid) -> Vec<Value> {
    let (mut freezes, mut before) = (Vec::new(), None);
    loop {
        let listing = ApiRequest::to(FREEZES).path("account_id", account).query("limit", 1);
        let listing = before.iter().fold(listing, |all, id| all.query("before", id));
        let page = operator.send(listing).await;
        assert_eq!(page.status, 200, "{page:?}");
        freezes.extend_from_slice(page.json()["data"].as_array().unwrap());
        before = page.json()["next"].as_i64();
        if before.is_none() {
            return freezes;
        }
    }
}
