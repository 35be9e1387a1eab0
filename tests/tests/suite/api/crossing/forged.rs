//! Who has no token, or one that is not ours, or one for something else.

use std::collections::BTreeMap;

use serde_json::json;
use tests::api::ApiResponse;
use tests::cloud::Cloud;
use tests::token;
use uuid::Uuid;

use super::routes::{Route, Who};
use crate::api::merchant::{Merchant, platform_token};

/// Tokens that are signed, and not for us: by another issuer, for another audience of our issuer's, and by a key of the
/// test's own over what one of ours says.
const OTHERS: &str = r#"
import base64, uuid
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
def decoded(part):
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
def encoded(value):
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
header, claims = map(decoded, given["token"].split(".")[:2])
signer = rsa.generate_private_key(public_exponent=65537, key_size=2048)
def signed(**changes):
    text = ".".join(encoded(json.dumps(part).encode()) for part in (header, claims | changes))
    return text + "." + encoded(signer.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))
cognito = client("cognito-idp")
def account(pool):
    flows = ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_ADMIN_USER_PASSWORD_AUTH"]
    app = cognito.create_user_pool_client(UserPoolId=pool, ClientName="other", ExplicitAuthFlows=flows)["UserPoolClient"]["ClientId"]
    name, password = str(uuid.uuid4()), "Other-than-0urs"
    tenant = [{"Name": "custom:tenant_id", "Value": given["tenant"]}]
    named = {"UserPoolId": pool, "Username": name}
    cognito.admin_create_user(**named, UserAttributes=tenant, MessageAction="SUPPRESS")
    cognito.admin_set_user_password(**named, Password=password, Permanent=True)
    if pool == ours:
        cognito.admin_add_user_to_group(**named, GroupName="merchant")
    parameters = {"USERNAME": name, "PASSWORD": password}
    signed_in = cognito.admin_initiate_auth(UserPoolId=pool, ClientId=app, AuthFlow="ADMIN_USER_PASSWORD_AUTH", AuthParameters=parameters)
    return signed_in["AuthenticationResult"]["AccessToken"]
ours = claims["iss"].rpartition("/")[2]
schema = [{"Name": "tenant_id", "AttributeDataType": "String", "Mutable": False}]
theirs = cognito.create_user_pool(PoolName="other", Schema=schema)["UserPool"]["Id"]
told = {
    "of another issuer": account(theirs),
    "for another audience": account(ours),
    "signed by nobody we know": signed(),
    "signed by another issuer": signed(iss="https://issuer.example.com"),
}
"#;

/// Whether a function was not even asked: those answer with problems. Where people sign, the local gateway does not look at
/// who brings a token instead, and the function itself finds that nobody has signed.
fn is_turned_away(route: &Route, answer: &ApiResponse) -> bool {
    let problem = answer.json()["type"].as_str().map(|_| answer.problem());
    match route.who() {
        Who::Scope(_) => problem.is_none(),
        Who::Signer => problem.is_none_or(|problem| problem == "actor-missing"),
    }
}

#[tokio::test]
async fn no_route_lets_in_who_has_no_token_of_our_issuer_for_us_that_is_still_good() {
    let cloud = Cloud::running();
    let us = Merchant::onboard(&cloud).await;
    let other = Uuid::new_v4();
    let given = json!({"token": us.token, "tenant": us.tenant});
    let others: BTreeMap<String, String> = serde_json::from_value(cloud.ask(OTHERS, &given).await).unwrap();
    assert_eq!(others.len(), 4);
    // Sound, but for who signed it or whom it is for.
    for (what, token) in &others {
        let claims = token::claims(token);
        assert!(claims["exp"].as_i64() > claims["iat"].as_i64(), "{what}: {claims}");
    }
    assert_eq!(
        token::claims(&others["for another audience"])["iss"],
        token::claims(&us.token)["iss"]
    );
    let tampered = |claim, value: &str| Some(token::tampered(&us.token, claim, value));
    let mut forgeries = vec![
        ("none", None),
        ("garbage", Some("a.b.c".to_owned())),
        ("expired", Some(token::expired(&cloud, us.tenant).await)),
        ("unsigned", Some(token::unsigned(&us.token))),
        ("alg none", Some(token::alg_none(&us.token))),
        ("another tenant", tampered("tenant_id", &other.to_string())),
        ("another scope", tampered("scope", "onceledger/operator")),
    ];
    forgeries.extend(others.iter().map(|(what, token)| (what.as_str(), Some(token.clone()))));
    for route in Route::all(&cloud).await {
        // Where people sign, a token is no signature.
        let status = match route.who() {
            Who::Scope(_) => 401,
            Who::Signer => 403,
        };
        for (what, token) in &forgeries {
            let answer = route.request().send(&cloud, token.as_deref()).await.unwrap();
            assert_eq!(answer.status, status, "{what}: {}: {answer:?}", route.key);
            assert!(is_turned_away(&route, &answer), "{what}: {}: {answer:?}", route.key);
        }
    }
}

#[tokio::test]
async fn no_route_lets_in_a_token_for_something_else() {
    let cloud = Cloud::running();
    let us = Merchant::onboard(&cloud).await;
    let operator = token::operator(&cloud, "crossing").await;
    let platform = platform_token(&cloud).await;
    let tokens = [
        ("onceledger/merchant", &us.token),
        ("onceledger/platform", &platform),
        ("onceledger/operator", &operator),
    ];
    for route in Route::all(&cloud).await {
        let mut refused = 0;
        for (scope, token) in tokens {
            if route.who() != Who::Scope(scope) {
                let answer = route.request().send(&cloud, Some(token)).await.unwrap();
                assert_eq!(answer.status, 403, "{scope}: {}: {answer:?}", route.key);
                assert!(is_turned_away(&route, &answer), "{scope}: {}: {answer:?}", route.key);
                refused += 1;
            }
        }
        assert!(refused >= 2, "{}", route.key);
    }
}
