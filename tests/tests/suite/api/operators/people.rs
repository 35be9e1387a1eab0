use serde_json::json;
use tests::api::ApiRequest;
use tests::cloud::Cloud;
use tests::lambda::Function;
use tests::signature::Keys;
use tests::token;
use uuid::Uuid;

use super::scene::{
    Act, Operator, SETTLEMENT, SETTLEMENTS, act, approving, asked_about, in_limbo, proposing, stopping, turning,
};
use crate::api::merchant::Merchant;
use crate::ledger::settlement::scene::Settlement;

/// Assumes a role that may do what operators may, under the session names given.
const SESSIONS: &str = r#"
def policy(**statement):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})
trust = policy(Principal={"AWS": "*"}, Action="sts:AssumeRole")
leave = policy(Action="execute-api:Invoke", Resource="*")
iam, sts = client("iam"), client("sts")
role = iam.create_role(RoleName=given["role"], AssumeRolePolicyDocument=trust)["Role"]
iam.put_role_policy(RoleName=given["role"], PolicyName="operate", PolicyDocument=leave)
told = []
for name in given["sessions"]:
    session = sts.assume_role(RoleArn=role["Arn"], RoleSessionName=name)
    keys = session["Credentials"]
    told.append({"arn": session["AssumedRoleUser"]["Arn"], "access_key_id": keys["AccessKeyId"],
                 "secret_access_key": keys["SecretAccessKey"], "session_token": keys["SessionToken"]})
"#;

#[tokio::test]
async fn nobody_becomes_two_by_another_role_or_in_other_letters() {
    let cloud = Cloud::running();
    let ada = Operator::named(&cloud, "ada");
    let [first, second] = [
        sessions(&cloud, &["Ada", "grace"]).await,
        sessions(&cloud, &["ADA"]).await,
    ];
    let (in_a_role, grace, in_another) = (&first[0], &first[1], &second[0]);
    let id = in_limbo(&cloud).await.id();
    for (proposer, same) in [(&ada, in_a_role), (in_a_role, &ada), (in_a_role, in_another)] {
        let proposal = proposer.proposal(id, "refund").await;
        let approval = same.approve(id, proposal).await;
        assert_eq!(
            (approval.status, approval.problem().as_str()),
            (403, "same-person"),
            "{}",
            same.arn()
        );
        assert_eq!(
            asked_about(&cloud, id).await.last(),
            Some(&act(same, "resolution_approved", "refused", Some("seen too")))
        );
    }
    // Past the functions, the table itself.
    let alone = "INSERT INTO ledger.resolutions
             (settlement_id, tenant_id, proposal_id, decision, proposed_by, approved_by, reason)
      SELECT settlement_id, tenant_id, proposal_id, decision, proposed_by, upper(proposed_by), 'alone'
        FROM ledger.resolution_proposals WHERE settlement_id = $1 LIMIT 1";
    let refused = cloud.superuser().await.execute(alone, &[&id]).await.unwrap_err();
    assert_eq!(
        refused.as_db_error().unwrap().constraint(),
        Some("resolutions_two_people")
    );

    let proposal = in_a_role.proposal(id, "refund").await;
    assert_eq!(grace.approve(id, proposal).await.status, 200, "two of one role are two");
    assert_eq!(ada.inspect(id).await.json()["resolution"]["approved_by"], grace.arn());
}

#[tokio::test]
async fn nobody_in_particular_decides_nothing() {
    let cloud = Cloud::running();
    let settlement = in_limbo(&cloud).await;
    let root = Keys {
        arn: "arn:aws:iam::000000000000:root".to_owned(),
        access_key_id: cloud.aws.access_key_id.clone(),
        secret_access_key: cloud.aws.secret_access_key.clone(),
        session_token: None,
    };
    let root = Operator::with(&cloud, root);
    for request in every_route(&settlement) {
        let answer = root.send(request.clone()).await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (403, "actor-missing"),
            "{request:?}"
        );
    }
    assert_eq!(asked(&cloud, &settlement).await, []);
}

#[tokio::test]
async fn a_token_is_no_signature_whatever_it_says() {
    let cloud = Cloud::running();
    let settlement = in_limbo(&cloud).await;
    let arn = "arn:aws:iam::000000000000:user/ada";
    let limbo = Function::of(&cloud, "resolve-limbo").start().await.unwrap();
    let freeze = Function::of(&cloud, "freeze-account").start().await.unwrap();
    for request in every_route(&settlement) {
        let of_accounts = format!("{request:?}").contains("/accounts/");
        let function = if of_accounts { &freeze } else { &limbo };
        for claimed in [
            request.clone(),
            request.clone().claim("sub", arn).claim("scope", "onceledger/operator"),
            request.clone().claim("userArn", arn).header("x-amzn-iam-user-arn", arn),
            request.clone().signed_by(""),
            request.clone().signed_by(&Uuid::new_v4().to_string()),
        ] {
            let answer = function.call(&claimed).await.unwrap();
            assert_eq!(
                (answer.status, answer.problem().as_str()),
                (403, "actor-missing"),
                "{claimed:?}"
            );
        }
    }
    assert_eq!(asked(&cloud, &settlement).await, []);
}

#[tokio::test]
async fn the_gateway_lets_nobody_through_who_has_not_signed() {
    let cloud = Cloud::running();
    let (us, settlement) = (Merchant::onboard(&cloud).await, in_limbo(&cloud).await);
    let ada = Operator::named(&cloud, "ada");
    let operator = token::operator(&cloud, "somebody").await;
    let forged = Operator::with(
        &cloud,
        Keys {
            secret_access_key: "guessed".to_owned(),
            ..ada.keys.clone()
        },
    );
    for request in every_route(&settlement) {
        for token in [None, Some(us.token.as_str()), Some(operator.as_str())] {
            let answer = request.send(&cloud, token).await.unwrap();
            assert_eq!(answer.status, 403, "{token:?} {request:?}");
        }
        assert_eq!(forged.send(request.clone()).await.status, 403, "{request:?}");
    }
    assert_eq!(
        asked(&cloud, &settlement).await,
        [],
        "none of them has reached the ledger"
    );
    assert_eq!(ada.inspect(settlement.id()).await.status, 200);
}

/// A request that would be answered, to every route.
fn every_route(settlement: &Settlement) -> [ApiRequest; 8] {
    let (id, account) = (settlement.id(), settlement.request.source);
    let reason = json!({"reason": "why not"});
    [
        ApiRequest::to(SETTLEMENTS).query("cursor", format!("1.{id}")),
        ApiRequest::to(SETTLEMENT).path("settlement_id", id),
        stopping(id, &reason),
        proposing(id, &json!({"decision": "release", "reason": "why not"})),
        approving(id, 1, &reason),
        turning("freeze", account, &reason),
        turning("unfreeze", account, &reason),
        ApiRequest::to("GET /v1/operator/accounts/{account_id}/freezes").path("account_id", account),
    ]
}

/// What the audit would hold of any of these.
async fn asked(cloud: &Cloud, settlement: &Settlement) -> Vec<Act> {
    let sql =
        "SELECT count(*) FROM ledger.audit WHERE subject LIKE '%' || $1::uuid || '%' AND act = 'settlements_listed'";
    let listed = cloud
        .superuser()
        .await
        .query_one(sql, &[&settlement.id()])
        .await
        .unwrap();
    assert_eq!(listed.get::<_, i64>(0), 0);
    let about = [settlement.id(), settlement.request.source].map(|subject| asked_about(cloud, subject));
    let [first, second] = about;
    [first.await, second.await].concat()
}

/// Sessions of one new role, by these names.
async fn sessions(cloud: &Cloud, names: &[&str]) -> Vec<Operator> {
    let given = json!({"role": format!("operators-{}", Uuid::new_v4()), "sessions": names});
    let told: Vec<Keys> = serde_json::from_value(cloud.ask(SESSIONS, &given).await).unwrap();
    told.into_iter().map(|keys| Operator::with(cloud, keys)).collect()
}
