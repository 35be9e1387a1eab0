//! An account's entries, page by page.

use serde_json::{Value, json};
use tests::api::{ApiRequest, ApiResponse};
use tests::cloud::Cloud;
use tests::patience::until;
use uuid::Uuid;

use super::merchant::Merchant;

fn entries(account: Uuid) -> ApiRequest {
    ApiRequest::to("GET /v1/accounts/{account_id}/entries").path("account_id", account)
}

fn data(page: &ApiResponse) -> Vec<Value> {
    assert_eq!(page.status, 200, "{page:?}");
    page.json()["data"].as_array().expect("a page has entries").clone()
}

/// An entry is shown once nothing older can still commit, in any tenant: with other tests running that can take a moment.
async fn settled(us: &Merchant, account: Uuid, count: usize) -> Vec<Value> {
    let shown = || async { Some(data(&us.send(&entries(account)).await)).filter(|shown| shown.len() == count) };
    until(shown, || format!("{count} entries of {account}")).await
}

#[tokio::test]
async fn a_walk_sees_every_entry_once_newest_first() {
    let cloud = Cloud::running();
    let us = Merchant::onboard(&cloud).await;
    let mut transactions = vec![json!(us.deposit(us.buyer, 1000).await)];
    for amount in 1..=6 {
        let paid = us
            .send(
                &ApiRequest::to("POST /v1/payments")
                    .key(Uuid::new_v4())
                    .json(&us.payment(amount)),
            )
            .await;
        assert_eq!(paid.status, 201, "{paid:?}");
        transactions.insert(0, paid.json()["id"].clone());
    }
    let whole = settled(&us, us.buyer, 7).await;
    let seen = |entries: &[Value], name: &str| entries.iter().map(|entry| entry[name].clone()).collect::<Vec<_>>();
    assert_eq!(seen(&whole, "transaction"), transactions);
    assert_eq!(json!(seen(&whole, "amount")), json!([6, 5, 4, 3, 2, 1, 1000]));
    assert_eq!(
        json!(seen(&whole, "type")),
        json!(["DEBIT", "DEBIT", "DEBIT", "DEBIT", "DEBIT", "DEBIT", "CREDIT"])
    );
    assert!(whole.iter().all(|entry| entry["currency"] == "EUR"));

    let (mut walked, mut sizes, mut cursor) = (Vec::new(), Vec::new(), None::<String>);
    loop {
        let mut request = entries(us.buyer).query("limit", 2);
        if let Some(cursor) = &cursor {
            request = request.query("cursor", cursor);
        }
        let page = us.send(&request).await;
        sizes.push(data(&page).len());
        walked.extend(data(&page));
        // What is posted during the walk is not of it.
        if sizes.len() == 2 {
            us.deposit(us.buyer, 7).await;
        }
        cursor = page.json()["next"].as_str().map(str::to_owned);
        if cursor.is_none() {
            assert_eq!(page.json()["next"], Value::Null);
            break;
        }
    }
    assert_eq!(sizes, [2, 2, 2, 1]);
    assert_eq!(walked, whole);

    let full = us.send(&entries(us.buyer).query("limit", 200)).await;
    assert_eq!(full.json()["next"], Value::Null);
    assert_eq!(settled(&us, us.buyer, 8).await[1..], whole);
}

#[tokio::test]
async fn a_page_that_just_holds_all_is_the_last() {
    let cloud = Cloud::running();
    let us = Merchant::onboard(&cloud).await;
    us.deposit(us.buyer, 1).await;
    us.deposit(us.buyer, 2).await;
    settled(&us, us.buyer, 2).await;
    let page = us.send(&entries(us.buyer).query("limit", 2)).await;
    assert_eq!((data(&page).len(), &page.json()["next"]), (2, &Value::Null));
    let empty = us.send(&entries(us.seller)).await;
    assert_eq!(empty.json(), json!({"object": "list", "data": [], "next": null}));
}

#[tokio::test]
async fn as_of_leaves_out_what_came_later() {
    let cloud = Cloud::running();
    let us = Merchant::onboard(&cloud).await;
    us.deposit(us.buyer, 1).await;
    settled(&us, us.buyer, 1).await;
    for before in ["2020-01-01T00:00:00Z", "2020-01-01T01:00:00-01:00"] {
        let page = us.send(&entries(us.buyer).query("as_of", before)).await;
        assert_eq!(
            page.json(),
            json!({"object": "list", "data": [], "next": null}),
            "{before}"
        );
    }
    let now: String = cloud
        .superuser()
        .await
        .query_one(
            "SELECT to_char(now() AT TIME ZONE 'UTC' - interval '30 s', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')",
            &[],
        )
        .await
        .unwrap()
        .get(0);
    for refused in [
        now.as_str(),
        "9999-01-01T00:00:00Z",
        "2020-01-01",
        "yesterday",
        "1577836800",
        "",
    ] {
        is_refused(&us, "as_of", refused).await;
    }
}

#[tokio::test]
async fn a_wrong_limit_or_cursor_is_refused_by_name() {
    let cloud = Cloud::running();
    let us = Merchant::onboard(&cloud).await;
    for limit in ["0", "-1", "201", "2.0", "two", "", "99999999999999999999"] {
        is_refused(&us, "limit", limit).await;
    }
    for cursor in [
        "",
        ".",
        "7",
        "7.",
        ".7",
        "7.-1",
        "a.b",
        "7.7.7",
        "99999999999999999999.1",
        "1.99999999999999999999999",
    ] {
        is_refused(&us, "cursor", cursor).await;
    }
    let both = us
        .send(
            &entries(us.buyer)
                .query("limit", 0)
                .query("cursor", "x")
                .query("as_of", "x"),
        )
        .await;
    assert_eq!(both.json()["errors"].as_array().map(Vec::len), Some(3));
}

#[tokio::test]
async fn a_made_up_cursor_shows_nothing_that_is_not_ours() {
    let cloud = Cloud::running();
    let (us, other) = tokio::join!(Merchant::onboard(&cloud), Merchant::onboard(&cloud));
    us.deposit(us.buyer, 1).await;
    settled(&us, us.buyer, 1).await;
    let made_up = "9223372036854775807.18446744073709551615";
    assert_eq!(
        data(&us.send(&entries(us.buyer).query("cursor", made_up)).await).len(),
        1
    );
    assert_eq!(
        data(&us.send(&entries(us.buyer).query("cursor", "-1.0")).await).len(),
        0
    );
    assert_eq!(
        other.send(&entries(us.buyer).query("cursor", made_up)).await.status,
        404
    );
}

async fn is_refused(us: &Merchant, name: &str, value: &str) {
    let answer = us.send(&entries(us.buyer).query(name, value)).await;
    assert_eq!(
        (answer.status, answer.problem().as_str()),
        (400, "invalid-request"),
        "{name}={value}"
    );
    assert_eq!(
        answer.json()["errors"][0]["pointer"],
        format!("?{name}"),
        "{name}={value}"
    );
}
