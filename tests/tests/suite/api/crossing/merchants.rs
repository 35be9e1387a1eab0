//! One merchant with all that is another's, on every route of merchants.

use std::collections::BTreeMap;

use serde_json::Value;
use tests::api::{ApiRequest, ApiResponse};
use tests::cloud::Cloud;
use tests::token;

use super::holdings::Holdings;
use super::routes::{Route, Who};
use crate::api::books::Books;
use crate::api::merchant::Merchant;

const MERCHANT: Who = Who::Scope("onceledger/merchant");

/// An answer with nothing left in it but what it says: ids that were asked for stand for what they are, and the id, the
/// time and the address of what was recorded of this very request are gone.
fn meaning(answer: &ApiResponse, asked: &Holdings) -> (u16, BTreeMap<String, String>, Value) {
    let mut text = answer.text();
    for (what, id) in asked.ids() {
        text = text.replace(&id, what);
    }
    let mut body: Value = serde_json::from_str(&text).unwrap_or(Value::String(text));
    if let Some(members) = body.as_object_mut() {
        for own in ["id", "created_at", "updated_at", "instance"] {
            members.remove(own);
        }
    }
    let told = [
        "content-type",
        "retry-after",
        "idempotent-replayed",
        "cache-control",
        "www-authenticate",
    ];
    let told = told
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), answer.header(name)?.to_owned())));
    (answer.status, told.collect(), body)
}

#[tokio::test]
async fn what_is_another_merchant_s_is_answered_as_what_nobody_has_and_is_not_touched() {
    let cloud = Cloud::running();
    let mut us = Merchant::onboard(&cloud).await;
    let ours = Holdings::of(&mut us).await;
    let stranger = Merchant::onboard(&cloud).await;
    stranger.deposit(stranger.buyer, 10_000).await;
    let own = (stranger.buyer, stranger.seller);
    let before = Books::of(&cloud, &[us.tenant]).await;
    let theirs = Books::of(&cloud, &[stranger.tenant]).await;
    let routes = Route::all(&cloud).await;
    let mut tried = 0;
    for route in routes.iter().filter(|route| route.who() == MERCHANT) {
        let nobodys = ours.of_nobody();
        let of_us = ours.asked(&cloud, &route.key, own);
        let of_nobody = nobodys.asked(&cloud, &route.key, own);
        for ((foreign, _), (unknown, _)) in of_us.iter().zip(&of_nobody) {
            let answer = stranger.send(foreign).await;
            let said = meaning(&answer, &ours);
            assert_eq!(said, meaning(&stranger.send(unknown).await, &nobodys), "{foreign:?}");
            let said = said.2.to_string();
            for (what, id) in ours.ids() {
                assert!(!said.contains(&id), "{foreign:?} shows {what}: {said}");
            }
            assert!(
                !answer.text().contains(&us.tenant.to_string()),
                "{foreign:?}: {answer:?}"
            );
            tried += 1;
        }
    }
    assert!(tried >= routes.iter().filter(|route| route.who() == MERCHANT).count());
    assert_eq!(Books::of(&cloud, &[us.tenant]).await, before);
    let after = Books::of(&cloud, &[stranger.tenant]).await;
    let moved = |books: &Books| books.entries;
    assert_eq!(
        moved(&after),
        moved(&theirs),
        "nothing of the stranger's has moved either"
    );

    // All of it is there, and each of these is a request that its owner is answered.
    let us_ourselves = (us.buyer, us.seller);
    for route in routes.iter().filter(|route| route.who() == MERCHANT) {
        for (request, answered) in ours.asked(&cloud, &route.key, us_ourselves) {
            let answer = us.send(&request).await;
            assert!(answered.contains(&answer.status), "{request:?}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn a_token_without_a_tenant_or_of_the_house_s_own_opens_no_route_of_merchants() {
    let cloud = Cloud::running();
    let mut us = Merchant::onboard(&cloud).await;
    let ours = Holdings::of(&mut us).await;
    let before = Books::of(&cloud, &[us.tenant]).await;
    let house = domain::ids::TenantId::PLATFORM.uuid();
    let tokens = [token::tenantless(&cloud).await, token::merchant(&cloud, house).await];
    for route in Route::all(&cloud).await.iter().filter(|route| route.who() == MERCHANT) {
        let requests: Vec<(ApiRequest, _)> = ours.asked(&cloud, &route.key, (us.buyer, us.seller));
        for ((request, _), token) in requests
            .iter()
            .flat_map(|asked| tokens.iter().map(move |token| (asked, token)))
        {
            let answer = request.send(&cloud, Some(token)).await.unwrap();
            assert_eq!(
                (answer.status, answer.problem().as_str()),
                (403, "tenant-missing"),
                "{request:?}"
            );
        }
    }
    assert_eq!(Books::of(&cloud, &[us.tenant]).await, before);
}
