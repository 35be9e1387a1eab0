//! Why an act is done is signed before it is done, by the key of the stack; without that nothing is decided, and money is
//! stopped all the same.

use std::collections::BTreeSet;

use domain::justification::{Act, Flaw};
use serde_json::{Value, json};
use tests::api::{ApiRequest, ApiResponse};
use tests::cloud::Cloud;
use tests::lambda::Function;
use tests::token::Scope;
use uuid::Uuid;

use super::scene::{Operator, approving, asked_about, in_limbo, proposing, recorded_of, stopping, turning};
use crate::api::dead_letters::scene::{Operator as OnDuty, a_dead_payment, resolving};
use crate::api::merchant::Merchant;
use crate::erasure::scene::{ADA, ERASURES, audited, public_key_of, wanted};
use crate::ledger::settlement::scene::{FORWARD, Settlement};

/// Nothing listens there.
const NOWHERE: &str = "http://127.0.0.1:9";

fn halting(scope: impl ToString) -> ApiRequest {
    ApiRequest::to("POST /v1/operator/halts/{scope}/halt")
        .path("scope", scope)
        .json(&json!({"reason": "why"}))
}

fn lifting(scope: impl ToString, since: &Value) -> ApiRequest {
    ApiRequest::to("POST /v1/operator/halts/{scope}/lift")
        .path("scope", scope)
        .json(&json!({"since": since, "reason": "why"}))
}

fn breaking(how: &str, id: i64, body: &Value) -> ApiRequest {
    ApiRequest::to(&format!("POST /v1/operator/breaks/{{break_id}}/{how}"))
        .path("break_id", id)
        .json(body)
}

fn holding(method: &str, tenant: Uuid) -> ApiRequest {
    ApiRequest::to(&format!("{method} /v1/compliance/holds/{{tenant_id}}"))
        .path("tenant_id", tenant)
        .json(&json!({"reason": "why"}))
}

fn random() -> i64 {
    (Uuid::new_v4().as_u64_pair().0 >> 1).cast_signed()
}

fn assert_not_signed(answer: &ApiResponse) {
    assert_eq!(
        (answer.status, answer.problem().as_str()),
        (503, "justification-not-signed"),
        "{answer:?}"
    );
    assert_eq!(answer.header("retry-after"), Some("1"));
}

/// What is asked is about nobody and nothing. That it was asked is in the audit all the same, and justified.
#[tokio::test]
async fn whatever_is_decided_is_in_the_audit_under_a_signature_of_the_deployed_key() {
    let cloud = Cloud::running();
    let (ada, on_duty) = (Operator::named(&cloud, "ada"), OnDuty::on_duty(&cloud).await);
    let key = public_key_of(&cloud, cloud.resource("AuditKey")).await;
    let (id, number, why) = (Uuid::new_v4(), random(), json!({"reason": "why"}));
    for request in [
        stopping(id, &why),
        proposing(id, &json!({"decision": "refund", "reason": "why"})),
        approving(id, 7, &why),
        turning("freeze", id, &why),
        turning("unfreeze", id, &why),
        halting(id),
        lifting(id, &json!("2026-11-23T03:12:09.000120Z")),
        breaking("assignment", number, &json!({"assignee": "grace", "reason": "why"})),
        breaking("resolution", number, &why),
        holding("PUT", id),
        holding("DELETE", id),
    ] {
        let answer = ada.send(request.clone()).await;
        assert_eq!(answer.status, 404, "{request:?} {answer:?}");
    }
    for how in ["replay", "discard"] {
        assert_eq!(on_duty.send(resolving(how, number, &why)).await.status, 404);
    }
    let erasure = Uuid::new_v4();
    let asked = ApiRequest::to(ERASURES).key(erasure).json(&wanted(id, None));
    assert_eq!(ada.send(asked).await.status, 202);

    let mut acts = BTreeSet::new();
    let subjects = [
        id.to_string(),
        number.to_string(),
        format!("tenant {id}"),
        format!("erasure {erasure} of tenant {id}"),
    ];
    for subject in subjects {
        for row in recorded_of(&cloud, subject).await {
            assert_eq!(row.flaw(&key), None, "{row:?}");
            let statement = row.justification.as_ref().unwrap().open(&key).unwrap();
            assert!(!statement.request_id.is_empty(), "{statement:?}");
            acts.insert(row.act);
        }
    }
    let all: BTreeSet<_> = Act::ALL.map(|act| act.to_string()).into();
    assert_eq!(acts, all);
}

#[tokio::test]
async fn where_nothing_can_be_signed_money_is_stopped_all_the_same_and_marked_and_does_not_go_on() {
    let cloud = Cloud::running();
    let (us, ada) = (Merchant::onboard(&cloud).await, Operator::named(&cloud, "ada"));
    let key = public_key_of(&cloud, cloud.resource("AuditKey")).await;
    let unable = async |name| {
        let function = Function::of(&cloud, name).set("AWS_ENDPOINT_URL_KMS", NOWHERE);
        function.start().await.unwrap()
    };
    let (freezer, halter) = (unable("freeze-account").await, unable("halt-postings").await);
    let why = json!({"reason": "why"});

    let frozen = freezer
        .call(&turning("freeze", us.seller, &why).signed_by(ada.arn()))
        .await
        .unwrap();
    assert_eq!((frozen.status, &frozen.json()["frozen"]), (200, &json!(true)));
    assert_not_signed(
        &freezer
            .call(&turning("unfreeze", us.seller, &why).signed_by(ada.arn()))
            .await
            .unwrap(),
    );
    let answer = halter.call(&halting(us.tenant).signed_by(ada.arn())).await.unwrap();
    assert_eq!((answer.status, &answer.json()["halted"]), (200, &json!(true)));
    let since = &answer.json()["since"];
    assert_not_signed(
        &halter
            .call(&lifting(us.tenant, since).signed_by(ada.arn()))
            .await
            .unwrap(),
    );

    for (subject, act) in [(us.seller, "account_frozen"), (us.tenant, "postings_halted")] {
        let rows = recorded_of(&cloud, subject).await;
        let told: Vec<_> = rows.iter().map(|row| (row.act.as_str(), row.flaw(&key))).collect();
        assert_eq!(told, [(act, Some(Flaw::Unsigned))]);
    }
    // By who can sign, it goes on.
    let listing = ApiRequest::to("GET /v1/operator/accounts/{account_id}/freezes").path("account_id", us.seller);
    assert_eq!(ada.send(listing).await.json()["data"][0]["ended_at"], Value::Null);
    assert_eq!(ada.turn("unfreeze", us.seller).await.json()["frozen"], false);
    assert_eq!(ada.send(lifting(us.tenant, since)).await.status, 200);
}

#[tokio::test]
async fn where_nothing_can_be_signed_nothing_is_decided() {
    let cloud = Cloud::running();
    let (ada, grace) = Operator::both(&cloud);
    let unable = async |name| {
        let function = Function::of(&cloud, name).set("AWS_ENDPOINT_URL_KMS", NOWHERE);
        function.start().await.unwrap()
    };
    let why = json!({"reason": "why"});

    let limbo = unable("resolve-limbo").await;
    let (_, running) = Settlement::accepted(&cloud).await;
    running.course(&cloud.pooled_as("settler").await, &FORWARD[..1]).await;
    let refused = limbo
        .call(&stopping(running.id(), &why).signed_by(ada.arn()))
        .await
        .unwrap();
    assert_not_signed(&refused);
    assert_eq!(ada.inspect(running.id()).await.json()["status"], "held");
    let stuck = in_limbo(&cloud).await.id();
    let refund = json!({"decision": "refund", "reason": "why"});
    assert_not_signed(
        &limbo
            .call(&proposing(stuck, &refund).signed_by(ada.arn()))
            .await
            .unwrap(),
    );
    let proposal = ada.proposal(stuck, "refund").await;
    let approval = approving(stuck, proposal, &why).signed_by(grace.arn());
    assert_not_signed(&limbo.call(&approval).await.unwrap());
    let shown = ada.inspect(stuck).await.json();
    assert_eq!(
        (shown["proposals"].as_array().unwrap().len(), &shown["resolution"]),
        (1, &Value::Null)
    );

    let (breaks, number) = (unable("breaks").await, random());
    for (how, body) in [
        ("assignment", json!({"assignee": "grace", "reason": "why"})),
        ("resolution", why.clone()),
    ] {
        let refused = breaks
            .call(&breaking(how, number, &body).signed_by(ada.arn()))
            .await
            .unwrap();
        assert_not_signed(&refused);
    }
    assert!(asked_about(&cloud, number).await.is_empty());

    let letters = unable("dead-letters").await;
    let (_, letter) = a_dead_payment(&cloud, &Merchant::onboard(&cloud).await).await;
    for how in ["replay", "discard"] {
        let request = resolving(how, letter, &why)
            .claim("scope", Scope::Operator.as_str())
            .claim("sub", "somebody");
        assert_not_signed(&letters.call(&request).await.unwrap());
    }
    let mut asked = asked_about(&cloud, letter).await;
    asked.retain(|(_, name, ..)| name.starts_with("dead_letter"));
    assert!(asked.is_empty(), "{asked:?}");
}

#[tokio::test]
async fn where_nothing_can_be_signed_nobody_is_erased_or_held() {
    let cloud = Cloud::running();
    let unable = Function::of(&cloud, "erase-pii").set("AWS_ENDPOINT_URL_KMS", NOWHERE);
    let unable = unable.start().await.unwrap();
    let (tenant, erasure) = (Uuid::new_v4(), Uuid::new_v4());
    let asked = ApiRequest::to(ERASURES).key(erasure).json(&wanted(tenant, None));
    for request in [asked, holding("PUT", tenant), holding("DELETE", tenant)] {
        assert_not_signed(&unable.call(&request.signed_by(ADA)).await.unwrap());
    }
    assert!(audited(&cloud, tenant).await.is_empty());
    let inspected = ApiRequest::to("GET /v1/compliance/erasures/{erasure_id}").path("erasure_id", erasure);
    let able = Function::of(&cloud, "erase-pii").start().await.unwrap();
    assert_eq!(
        able.call(&inspected.signed_by(ADA)).await.unwrap().status,
        404,
        "it is not there to be carried out"
    );
    // An event comes again.
    let event = crate::erasure::scene::event(erasure, tenant, None);
    let again = unable.invoke(&event).await.unwrap();
    assert_eq!(again["batchItemFailures"].as_array().unwrap().len(), 1);
    assert_eq!(able.invoke(&event).await.unwrap(), json!({"batchItemFailures": []}));
    let key = public_key_of(&cloud, cloud.resource("AuditKey")).await;
    let rows = recorded_of(&cloud, format!("erasure {erasure} of tenant {tenant}")).await;
    let told: Vec<_> = rows.iter().map(|row| (row.act.as_str(), row.flaw(&key))).collect();
    assert_eq!(told, [("erasure_asked", None)]);
}
