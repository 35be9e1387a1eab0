use serde_json::{Value, json};
use tests::cloud::Cloud;
use uuid::Uuid;

use super::{Template, is_denied_to_all, list};

/// What uses a key, and does not look after it.
const USES: [&str; 8] = [
    "kms:Sign",
    "kms:Encrypt",
    "kms:Decrypt",
    "kms:ReEncrypt",
    "kms:GenerateDataKey",
    "kms:GenerateMac",
    "kms:CreateGrant",
    "kms:*",
];

fn statements(key: &Value) -> Vec<&Value> {
    list(&key["KeyPolicy"]["Statement"])
}

fn actions(statement: &Value) -> Vec<&str> {
    list(&statement["Action"])
        .into_iter()
        .filter_map(Value::as_str)
        .collect()
}

fn uses(statement: &Value) -> bool {
    actions(statement)
        .iter()
        .any(|action| USES.iter().any(|used| action.starts_with(used)))
}

/// Whom a condition of this kind names, by the ARN of the role.
fn named<'a>(statement: &'a Value, operator: &str) -> Vec<&'a Value> {
    list(&statement["Condition"][operator]["aws:PrincipalArn"])
}

#[tokio::test]
async fn who_looks_after_a_key_cannot_use_it_and_who_uses_it_cannot_change_it_and_all_others_are_denied() {
    let template = Template::read().await;
    let administrators = json!({"Ref": "KeyAdministratorsArn"});
    for (key, properties) in template.of("AWS::KMS::Key") {
        let mut users = Vec::new();
        for statement in statements(properties)
            .into_iter()
            .filter(|statement| statement["Effect"] == "Allow")
        {
            let who = named(statement, "ArnEquals");
            if who.contains(&&administrators) {
                assert!(!uses(statement) && who.len() == 1, "{key}: {statement}");
            } else if statement["Principal"].get("Service").is_some() {
                assert!(
                    !statement["Condition"]["StringEquals"]["aws:SourceAccount"].is_null(),
                    "{key}: {statement}"
                );
            } else {
                assert!(!who.is_empty(), "{key}: for whom is {statement}");
                let reading =
                    |action: &&str| action.starts_with("kms:GetPublicKey") || action.starts_with("kms:DescribeKey");
                let changing = |action: &&str| !reading(action) && !USES.iter().any(|used| action.starts_with(used));
                assert_eq!(actions(statement).into_iter().find(changing), None, "{key}");
                assert!(!actions(statement).contains(&"kms:*"), "{key}");
                users.extend(who);
            }
        }
        let denied: Vec<_> = statements(properties)
            .into_iter()
            .filter(|statement| is_denied_to_all(statement))
            .collect();
        let everybody = denied.iter().find(|statement| actions(statement) == ["kms:*"]);
        let spared = named(
            everybody.unwrap_or_else(|| panic!("{key}: others are not denied")),
            "ArnNotEquals",
        );
        assert!(spared.contains(&&administrators), "{key}: it could never be changed");
        let expected = users.iter().all(|user| spared.contains(user)) && spared.len() == users.len() + 1;
        assert!(expected, "{key}: {spared:?} for {users:?}");
        let using = denied
            .iter()
            .find(|statement| uses(statement) && actions(statement) != ["kms:*"]);
        let spared = named(
            using.unwrap_or_else(|| panic!("{key}: its administrators may use it")),
            "ArnNotEquals",
        );
        assert!(!spared.contains(&&administrators), "{key}");
        assert!(spared.iter().all(|user| users.contains(user)), "{key}");
        assert!(!properties["PendingWindowInDays"].is_null(), "{key}");

        // AWS's own services have no ARN, and would be denied as others; where none has leave, none is spared.
        let serves = statements(properties)
            .iter()
            .any(|statement| statement["Principal"].get("Service").is_some());
        for statement in denied {
            let conditions: Vec<_> = statement["Condition"].as_object().unwrap().keys().collect();
            if serves {
                assert_eq!(
                    statement["Condition"]["Bool"],
                    json!({"aws:PrincipalIsAWSService": false}),
                    "{key}"
                );
                assert_eq!(conditions, ["ArnNotEquals", "Bool"], "{key}");
            } else {
                assert_eq!(conditions, ["ArnNotEquals"], "{key}");
            }
        }
    }
}

/// What the local cloud does without, since its services use no key when they say so.
#[tokio::test]
async fn who_calls_people_or_opens_a_secret_may_use_the_key_that_the_service_uses_in_its_name() {
    let template = Template::read().await;
    let calls = statements(template.properties("PagerKey"))
        .into_iter()
        .find(|statement| statement["Principal"] == json!({"Service": "cloudwatch.amazonaws.com"}))
        .expect("alarms call");
    assert_eq!(actions(calls), ["kms:Decrypt", "kms:GenerateDataKey*"]);
    let through = |service: &str| json!({"StringEquals": {"kms:ViaService": {"Fn::Sub": format!("{service}.${{AWS::Region}}.${{AWS::URLSuffix}}")}}});
    for role in ["KeepCustomersRole", "RotateKeysRole"] {
        let policies = template.statements("AWS::IAM::Policy", "Roles", role);
        let opening = policies
            .iter()
            .find(|statement| statement["Condition"] == through("secretsmanager"));
        let opening = opening.unwrap_or_else(|| panic!("{role} opens no secret"));
        assert_eq!(actions(opening), ["kms:Decrypt", "kms:GenerateDataKey"], "{role}");
        assert_eq!(
            opening["Resource"],
            json!({"Fn::GetAtt": ["VaultKey", "Arn"]}),
            "{role}"
        );
    }
    let calling = template.statements("AWS::IAM::Policy", "Roles", "ReconcileRole");
    let key = json!({"Fn::GetAtt": ["PagerKey", "Arn"]});
    let using = calling.iter().find(|statement| statement["Resource"] == key);
    assert_eq!(
        actions(using.expect("reconciliation calls")),
        ["kms:Decrypt", "kms:GenerateDataKey*"]
    );
}

/// KMS rotates the material of symmetric keys; what an asymmetric one has signed is checked with its public half for ever.
#[tokio::test]
async fn symmetric_keys_are_rotated_every_year_and_no_other_can_be() {
    let template = Template::read().await;
    for (key, properties) in template.of("AWS::KMS::Key") {
        let rotation = (&properties["EnableKeyRotation"], &properties["RotationPeriodInDays"]);
        if properties["KeyUsage"] == "SIGN_VERIFY" {
            assert_eq!(rotation, (&Value::Null, &Value::Null), "{key}");
        } else {
            assert_eq!(rotation, (&json!(true), &json!(365)), "{key}");
        }
    }
}

/// Signs with a role whose own policy allows everything.
const SIGNING: &str = r#"
def policy(**statement):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})
iam, sts = client("iam"), client("sts")
trust = policy(Principal={"AWS": "*"}, Action="sts:AssumeRole")
role = iam.create_role(RoleName=given["role"], AssumeRolePolicyDocument=trust)["Role"]["Arn"]
iam.put_role_policy(RoleName=given["role"], PolicyName="all", PolicyDocument=policy(Action="*", Resource="*"))
session = sts.assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
kms = boto3.client(
    "kms", endpoint_url=endpoint, region_name=region, aws_access_key_id=session["AccessKeyId"],
    aws_secret_access_key=session["SecretAccessKey"], aws_session_token=session["SessionToken"],
)
told = []
for attempt in (
    lambda: kms.sign(KeyId=given["key"], Message=bytes(32), MessageType="DIGEST", SigningAlgorithm="ECDSA_SHA_256"),
    lambda: kms.get_public_key(KeyId=given["key"]),
    lambda: kms.describe_key(KeyId=given["key"]),
    lambda: kms.tag_resource(KeyId=given["key"], Tags=[{"TagKey": "probe", "TagValue": "probe"}]),
):
    try:
        attempt()
        told.append("done")
    except kms.exceptions.ClientError as refused:
        told.append(refused.response["Error"]["Code"])
"#;

/// Here as in AWS: that its own role signs is in `api/stack/roles.rs`.
async fn can_do_nothing_with(key: &str) {
    let cloud = Cloud::running();
    let given = json!({"role": format!("mighty-{}", Uuid::new_v4()), "key": cloud.resource(key)});
    let told = cloud.ask(SIGNING, &given).await;
    assert_eq!(told, json!(vec!["AccessDeniedException"; 4]), "{key}");
}

#[tokio::test]
async fn a_role_that_may_do_everything_can_do_nothing_with_the_key_of_the_seals() {
    can_do_nothing_with("DigestKey").await;
}

#[tokio::test]
async fn a_role_that_may_do_everything_can_do_nothing_with_the_key_of_the_audit() {
    can_do_nothing_with("AuditKey").await;
}
