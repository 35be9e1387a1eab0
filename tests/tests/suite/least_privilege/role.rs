//! A deployed function's execution role once more, whole, and with each of its permissions taken away.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;
use tests::cloud::Cloud;
use tests::lambda::Setup;
use uuid::Uuid;

/// A permission is one action on one resource. Those to write the log are left out: it is the service that uses them,
/// with what the process prints, and no call of the function's ever fails for want of them.
const COPYING: &str = r#"
iam, sts = client("iam"), client("sts")
def listed(value):
    return value if isinstance(value, list) else [value]
def tail(arn):
    return arn.replace("/", ":").rpartition(":")[2]
# Log groups of machines have their names, with a path in front.
named = {tail(physical): logical for logical, physical in given["resources"].items() if not physical.startswith("/")}
role = client("lambda").get_function_configuration(FunctionName=given["function"])["Role"].rpartition("/")[2]
permissions = []
for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
    for statement in iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]["Statement"]:
        for action in listed(statement["Action"]):
            for resource in listed(statement["Resource"]):
                if action.startswith("logs:"):
                    continue
                logical = named.get(tail(resource), resource)
                own = given["instead"].get(logical)
                moved = resource[: len(resource) - len(tail(resource))] + tail(own) if own else resource
                permissions.append((f"{action} {logical}", statement | {"Action": action, "Resource": moved}))
def keys(of, statements):
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}]}
    made = iam.create_role(RoleName=of, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    if statements:
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        iam.put_role_policy(RoleName=of, PolicyName="copied", PolicyDocument=document)
    session = sts.assume_role(RoleArn=made, RoleSessionName="test")["Credentials"]
    return {"id": session["AccessKeyId"], "secret": session["SecretAccessKey"], "token": session["SessionToken"]}
told = {"whole": keys(given["name"], [statement for _, statement in permissions]), "without": {}}
for place, (label, _) in enumerate(permissions):
    rest = [statement for other, (_, statement) in enumerate(permissions) if other != place]
    assert label not in told["without"], label
    told["without"][label] = keys(f"{given['name']}-{place}", rest)
"#;

/// Keys of one session.
#[derive(Deserialize)]
struct Keys {
    id: String,
    secret: String,
    token: String,
}

/// The role of one function, and what is left of it without each permission.
#[derive(Deserialize)]
pub struct Role {
    whole: Keys,
    without: BTreeMap<String, Keys>,
}

impl Role {
    /// The role of a deployed function. `instead` names, by logical name, resources of the test's own that it may use
    /// in the deployed ones' place.
    pub async fn of(cloud: &Cloud, function: &str, instead: &[(&str, &str)]) -> Self {
        let instead: BTreeMap<_, _> = instead.iter().copied().collect();
        let given = json!({
            "function": cloud.function(function).name,
            "resources": cloud.resources,
            "instead": instead,
            "name": format!("copy-{}", Uuid::new_v4()),
        });
        serde_json::from_value(cloud.ask(COPYING, &given).await).unwrap()
    }

    /// The permissions, `service:Action Resource`, in order. What the Lambda service uses for the function (its queue's
    /// messages, and the queue for runs that failed) is among them.
    pub fn permissions(&self) -> Vec<&str> {
        self.without.keys().map(String::as_str).collect()
    }

    /// The function bound by all of the role.
    pub fn binding(&self, function: Setup) -> Setup {
        bound(function, &self.whole)
    }

    /// The function bound by what is left of the role without this permission.
    pub fn binding_without(&self, permission: &str, function: Setup) -> Setup {
        bound(function, &self.without[permission])
    }
}

/// A key of the test's own that signs, in place of one whose policy names the deployed roles alone.
pub async fn another_key(cloud: &Cloud) -> String {
    let script = r#"
told = client("kms").create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
"#;
    let told = cloud.ask(script, &json!(null)).await;
    told.as_str().unwrap().to_owned()
}

fn bound(function: Setup, keys: &Keys) -> Setup {
    function
        .set("AWS_ACCESS_KEY_ID", &keys.id)
        .set("AWS_SECRET_ACCESS_KEY", &keys.secret)
        .set("AWS_SESSION_TOKEN", &keys.token)
}
