//! What people decide: leave to sign why.

use serde_json::json;
use tests::api::{ApiRequest, ApiResponse};
use tests::cloud::Cloud;
use tests::lambda::{Function, Setup};
use tests::token::Scope;
use uuid::Uuid;

use super::role::{Role, another_key};
use crate::api::dead_letters::scene::resolving;
use crate::api::operators::scene::{asked_about, in_limbo, proposing, turning};
use crate::ledger::merchant::Merchant;

const SIGNING: &str = "kms:Sign AuditKey";
const ADA: &str = "arn:aws:iam::123456789012:user/ada";

fn halting(how: &str, scope: Uuid) -> ApiRequest {
    let body = match how {
        "halt" => json!({"reason": "why"}),
        _ => json!({"since": "2026-11-23T03:12:09Z", "reason": "why"}),
    };
    ApiRequest::to(&format!("POST /v1/operator/halts/{{scope}}/{how}"))
        .path("scope", scope)
        .json(&body)
}

async fn asked(setup: Setup, request: &ApiRequest) -> ApiResponse {
    setup.start().await.unwrap().call(request).await.unwrap()
}

#[tokio::test]
async fn without_leave_to_sign_nothing_is_decided_and_with_it_once_but_money_is_stopped_without() {
    let cloud = Cloud::running();
    let key = another_key(&cloud).await;
    let merchant = Merchant::onboard(&cloud).await;
    let (till, why) = (merchant.till().await, json!({"reason": "why"}));
    let settlement = in_limbo(&cloud).await.id();
    let refund = json!({"decision": "refund", "reason": "why"});
    // Nobody has such a letter or break: who may not sign does not even learn that.
    let nobodys = (Uuid::new_v4().as_u64_pair().0 >> 1).cast_signed();
    let letter = resolving("replay", nobodys, &why)
        .claim("scope", Scope::Operator.as_str())
        .claim("sub", "ada");
    let resolution = ApiRequest::to("POST /v1/operator/breaks/{break_id}/resolution")
        .path("break_id", nobodys)
        .json(&why);
    let tenant = merchant.tenant;
    for (function, request, subject, without, with) in [
        (
            "freeze-account",
            turning("freeze", till, &why),
            till.to_string(),
            200,
            200,
        ),
        (
            "freeze-account",
            turning("unfreeze", till, &why),
            till.to_string(),
            503,
            200,
        ),
        ("halt-postings", halting("halt", tenant), tenant.to_string(), 200, 200),
        ("halt-postings", halting("lift", tenant), tenant.to_string(), 503, 409),
        (
            "resolve-limbo",
            proposing(settlement, &refund),
            settlement.to_string(),
            503,
            201,
        ),
        ("dead-letters", letter, nobodys.to_string(), 503, 404),
        ("breaks", resolution, nobodys.to_string(), 503, 404),
    ] {
        let role = Role::of(&cloud, function, &[("AuditKey", &key)]).await;
        assert!(
            role.permissions().contains(&SIGNING),
            "{function}: {:?}",
            role.permissions()
        );
        let setup = || Function::of(&cloud, function).set("AUDIT_KEY", &key);
        let request = if function == "dead-letters" {
            request
        } else {
            request.signed_by(ADA)
        };
        let rows = asked_about(&cloud, &subject).await.len();
        let refused = asked(role.binding_without(SIGNING, setup()), &request).await;
        assert_eq!(refused.status, without, "{function} {refused:?}");
        let after = asked_about(&cloud, &subject).await.len();
        assert_eq!(after - rows, usize::from(without == 200), "{function}");
        let done = asked(role.binding(setup()), &request).await;
        assert_eq!(done.status, with, "{function} {done:?}");
        assert_eq!(asked_about(&cloud, &subject).await.len(), after + 1, "{function}");
    }
}
