//! The region's database and its proxy: who gets in, by what, and what is left if something goes.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Template, document, list};

/// How a region's database may come to be.
const ROLES: [&str; 3] = ["IsAlone", "IsPrimary", "IsSecondary"];

async fn whole(role: &str) -> Value {
    let holds: serde_json::Map<_, _> = ROLES
        .iter()
        .map(|each| ((*each).to_owned(), json!(*each == role)))
        .collect();
    document("infrastructure/database.yaml", &Value::Object(holds)).await
}

async fn database(role: &str) -> Template {
    Template::in_document(&whole(role).await)
}

fn reference(logical: &str) -> Value {
    json!({"Ref": logical})
}

fn arn_of_key() -> Value {
    json!({"Fn::GetAtt": ["Key", "Arn"]})
}

#[tokio::test]
async fn the_database_is_encrypted_protected_and_kept_for_35_days_wherever_it_is() {
    for role in ROLES {
        let database = database(role).await;
        let cluster = database.properties("Cluster");
        assert_eq!(cluster["StorageEncrypted"], true, "{role}");
        assert_eq!(cluster["KmsKeyId"], arn_of_key(), "{role}");
        assert_eq!(cluster["DeletionProtection"], true, "{role}");
        assert_eq!(cluster["BackupRetentionPeriod"], 35, "{role}");
        assert_eq!(cluster["DeleteAutomatedBackups"], false, "{role}");
        for policy in ["DeletionPolicy", "UpdateReplacePolicy"] {
            assert_eq!(database.0["Cluster"][policy], "Snapshot", "{role}");
            assert_eq!(database.0["Key"][policy], "Retain", "{role}");
        }
    }
    // The stack that it stands in may go; it stays.
    let template = Template::read().await;
    for stack in ["Database", "Network"] {
        assert_eq!(template.0[stack]["DeletionPolicy"], "Retain", "{stack}");
    }
}

#[tokio::test]
async fn two_instances_stand_in_two_zones_and_nobody_outside_reaches_them() {
    let database = database("IsAlone").await;
    let instances = database.of("AWS::RDS::DBInstance");
    let zones: Vec<_> = instances
        .iter()
        .map(|(_, instance)| &instance["AvailabilityZone"])
        .collect();
    assert_eq!(zones, [&reference("ZoneA"), &reference("ZoneB")]);
    for (instance, properties) in instances {
        assert_eq!(properties["PubliclyAccessible"], false, "{instance}");
        assert_eq!(properties["DBClusterIdentifier"], reference("Cluster"), "{instance}");
        assert_eq!(properties["PerformanceInsightsKMSKeyId"], arn_of_key(), "{instance}");
        assert_eq!(
            properties["DBInstanceClass"],
            reference("InstanceClass"),
            "{instance}: either may write"
        );
    }
    let groups = |logical: &str| &database.properties(logical)["VpcSecurityGroupIds"];
    assert_eq!(*groups("Cluster"), json!([reference("ClusterGroup")]));
    assert_eq!(*groups("Proxy"), json!([reference("ProxyGroup")]));
}

#[tokio::test]
async fn the_proxy_wants_tls_and_iam_and_keeps_no_secret() {
    for role in ROLES {
        let database = database(role).await;
        let proxy = database.properties("Proxy");
        assert_eq!(proxy["RequireTLS"], true, "{role}");
        assert_eq!(proxy["DefaultAuthScheme"], "IAM_AUTH", "{role}");
        assert_eq!(proxy["Auth"], Value::Null, "{role}: a secret is a second way in");
        assert_eq!(proxy["DebugLogging"], false, "{role}: it would log statements");
        let cluster = database.properties("Cluster");
        assert_eq!(cluster["EnableIAMDatabaseAuthentication"], true, "{role}");
        let parameters = &database.properties("ClusterParameters")["Parameters"];
        assert_eq!(parameters["rds.force_ssl"], "1", "{role}");
        assert_eq!(parameters["timezone"], "UTC", "{role}");
        assert_eq!(
            parameters["log_parameter_max_length"], "0",
            "{role}: of a merchant's texts"
        );
        let pool = &database.properties("ProxyTargets")["ConnectionPoolConfigurationInfo"];
        let borrowing = pool["ConnectionBorrowTimeout"].as_u64().unwrap();
        assert!((1..=2).contains(&borrowing), "{role}: {borrowing} s");
    }
}

#[tokio::test]
async fn a_function_signs_in_as_its_own_database_user_and_as_nobody_else() {
    let template = Template::read().await;
    let mut users = BTreeSet::new();
    for (function, properties) in template.of("AWS::Serverless::Function") {
        let connects: Vec<_> = template
            .leave(template.role(function))
            .into_iter()
            .filter(|statement| statement["Action"].to_string().contains("rds-db:"))
            .collect();
        let variables = &properties["Environment"]["Variables"];
        let Some(user) = variables["DATABASE_USER"].as_str() else {
            assert!(connects.is_empty(), "{function} has no database user");
            continue;
        };
        assert_eq!(connects.len(), 1, "{function}");
        assert_eq!(connects[0]["Action"], "rds-db:connect", "{function}");
        let own = json!({"Fn::Sub": format!("${{Database.Outputs.Users}}/{user}")});
        assert_eq!(connects[0]["Resource"], own, "{function}");
        let host = json!({"Fn::GetAtt": ["Database", "Outputs.Host"]});
        assert_eq!(variables["DATABASE_HOST"], host, "{function} goes by the proxy");
        users.insert(user);
    }

    let whole = whole("IsAlone").await;
    let by_id = json!({"Id": {"Fn::Select": [6, {"Fn::Split": [":", {"Fn::GetAtt": ["Proxy", "DBProxyArn"]}]}]}});
    assert_eq!(
        whole["Outputs"]["Users"]["Value"]["Fn::Sub"][1], by_id,
        "at the proxy, and not at the cluster"
    );
    let database = Template::in_document(&whole);
    let policies = list(&database.properties("ProxyRole")["Policies"]);
    let mut statements = policies
        .into_iter()
        .flat_map(|policy| list(&policy["PolicyDocument"]["Statement"]));
    let resources = list(&statements.next().unwrap()["Resource"]);
    assert_eq!(statements.next(), None, "it connects, and nothing else");
    let of_proxy: BTreeSet<_> = resources
        .into_iter()
        .filter_map(|resource| {
            resource["Fn::Sub"]
                .as_str()?
                .rsplit_once("${Cluster.DBClusterResourceId}/")
        })
        .map(|(_, user)| user)
        .collect();
    assert_eq!(of_proxy, users, "whom the proxy signs in, and never the owner");
}

#[tokio::test]
async fn the_owners_password_is_kept_by_rds_or_where_rds_cannot_in_both_regions() {
    let alone = database("IsAlone").await;
    let cluster = alone.properties("Cluster");
    assert_eq!(cluster["ManageMasterUserPassword"], true);
    assert_eq!(cluster["MasterUserPassword"], Value::Null);

    let primary = database("IsPrimary").await;
    let cluster = primary.properties("Cluster");
    assert_eq!(cluster["ManageMasterUserPassword"], Value::Null);
    let password = json!({"Fn::Sub": "{{resolve:secretsmanager:${OwnerSecret}:SecretString:password}}"});
    assert_eq!(cluster["MasterUserPassword"], password);
    let secret = primary.properties("OwnerSecret");
    assert_eq!(secret["ReplicaRegions"], json!([{"Region": reference("PeerRegion")}]));
    assert!(secret["GenerateSecretString"]["PasswordLength"].as_u64() > Some(32));

    let secondary = database("IsSecondary").await;
    for database in [&alone, &secondary] {
        assert!(!database.0.contains_key("OwnerSecret"));
    }
    for (role, arn) in [
        (
            "IsAlone",
            json!({"Fn::GetAtt": ["Cluster", "MasterUserSecret.SecretArn"]}),
        ),
        ("IsPrimary", reference("OwnerSecret")),
        ("IsSecondary", reference("OwnerSecretArn")),
    ] {
        assert_eq!(whole(role).await["Outputs"]["MasterSecretArn"]["Value"], arn, "{role}");
    }
}

#[tokio::test]
async fn a_global_database_is_made_of_the_primary_outlives_its_stack_and_is_joined_by_the_secondary() {
    let primary = database("IsPrimary").await;
    let global = primary.properties("GlobalCluster");
    let source = json!({"Fn::GetAtt": ["Cluster", "DBClusterArn"]});
    assert_eq!(global["SourceDBClusterIdentifier"], source);
    assert_eq!(global["DeletionProtection"], true);
    assert_eq!(primary.0["GlobalCluster"]["DeletionPolicy"], "Retain");
    assert_eq!(primary.properties("Cluster")["GlobalClusterIdentifier"], Value::Null);

    let secondary = database("IsSecondary").await;
    let cluster = secondary.properties("Cluster");
    assert_eq!(cluster["GlobalClusterIdentifier"], reference("GlobalClusterIdentifier"));
    for of_the_primary in [
        "DatabaseName",
        "MasterUsername",
        "MasterUserPassword",
        "ManageMasterUserPassword",
    ] {
        assert_eq!(cluster[of_the_primary], Value::Null, "{of_the_primary}");
    }
    for role in ["IsAlone", "IsSecondary"] {
        assert!(!database(role).await.0.contains_key("GlobalCluster"), "{role}");
    }
}

#[tokio::test]
async fn the_databases_key_is_used_through_rds_alone() {
    let database = database("IsAlone").await;
    let key = database.properties("Key");
    assert_eq!(key["EnableKeyRotation"], true);
    let through = json!({"Fn::Sub": "rds.${AWS::Region}.${AWS::URLSuffix}"});
    let administrators = reference("KeyAdministratorsArn");
    for statement in list(&key["KeyPolicy"]["Statement"]) {
        let condition = &statement["Condition"];
        let actions: Vec<_> = list(&statement["Action"])
            .into_iter()
            .filter_map(Value::as_str)
            .collect();
        assert!(!actions.contains(&"kms:*"), "{statement}");
        let uses = ["Decrypt", "Encrypt", "GenerateDataKey", "ReEncrypt", "CreateGrant"];
        let is_use = |action: &&str| {
            uses.iter()
                .any(|used| action.strip_prefix("kms:").is_some_and(|name| name.starts_with(used)))
        };
        if actions.iter().any(is_use) {
            assert_eq!(condition["StringEquals"]["kms:ViaService"], through, "{statement}");
            let by_whom = condition["ArnEquals"]["aws:PrincipalArn"] == administrators;
            let only_looks = condition["StringEquals"]["kms:EncryptionContext:service"] == "pi";
            assert!(by_whom || (only_looks && actions == ["kms:Decrypt"]), "{statement}");
        } else {
            assert_eq!(
                condition["ArnEquals"]["aws:PrincipalArn"], administrators,
                "{statement}"
            );
        }
        if actions.contains(&"kms:CreateGrant") {
            assert_eq!(condition["Bool"]["kms:GrantIsForAWSResource"], true, "{statement}");
        }
    }
}

#[tokio::test]
async fn every_log_of_the_database_has_a_group_that_ends() {
    let database = database("IsAlone").await;
    let groups = database.of("AWS::Logs::LogGroup");
    for (group, properties) in &groups {
        assert_eq!(properties["RetentionInDays"], reference("LogRetentionDays"), "{group}");
    }
    let name = |logical: &str, property: &str| {
        let name = database.properties(logical)[property]["Fn::Sub"].as_str();
        name.unwrap_or_else(|| panic!("{logical} has no name")).to_owned()
    };
    let cluster = name("Cluster", "DBClusterIdentifier");
    let exported = list(&database.properties("Cluster")["EnableCloudwatchLogsExports"]);
    let mut expected: BTreeSet<_> = exported
        .into_iter()
        .map(|log| format!("/aws/rds/cluster/{cluster}/{}", log.as_str().unwrap()))
        .collect();
    expected.insert(format!("/aws/rds/proxy/{}", name("Proxy", "DBProxyName")));
    let named: BTreeSet<_> = groups.iter().map(|(group, _)| name(group, "LogGroupName")).collect();
    assert_eq!(named, expected, "RDS would make those that are missing, for ever");
}
