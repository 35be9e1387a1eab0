use serde_json::{Value, json};

use super::{Template, is_denied_to_all, list};

#[tokio::test]
async fn the_trail_covers_every_region_and_shows_when_something_of_it_is_missing() {
    let template = Template::read().await;
    let trail = template.properties("Trail");
    for holds in [
        "IsLogging",
        "IsMultiRegionTrail",
        "IncludeGlobalServiceEvents",
        "EnableLogFileValidation",
    ] {
        assert_eq!(trail[holds], true, "{holds}");
    }
    assert_eq!(trail["S3BucketName"], json!({"Ref": "TrailLogs"}));
    assert_eq!(template.0["Trail"]["DependsOn"], "TrailLogsPolicy");
    let selectors: Vec<_> = list(&trail["AdvancedEventSelectors"]).into_iter().map(fields).collect();
    assert_eq!(
        selectors[0],
        [json!({"Field": "eventCategory", "Equals": ["Management"]})],
        "all of it, reading too"
    );
    let told = selectors[1..]
        .iter()
        .flatten()
        .map(Value::to_string)
        .collect::<String>();
    for watched in [
        "Digests",
        "Certificates",
        "Reports",
        "Statements",
        "Gate",
        "Reconcile",
        "Customers",
        "CustomerKeys",
        "Erasures",
        "ResolveLimbo",
        "ErasePii",
        "RotateKeys",
    ] {
        assert!(told.contains(watched), "{watched}: {told}");
    }
    // Left out are those whose tables they are, and nobody else.
    let left_out = |table: &str| {
        let of_table =
            |selector: &&Vec<Value>| selector.iter().any(|field| field["Equals"].to_string().contains(table));
        let (Some(selector), None) = (
            selectors.iter().find(of_table),
            selectors.iter().filter(of_table).nth(1),
        ) else {
            panic!("{table}: {selectors:?}")
        };
        let field = selector.iter().find(|field| !field["NotStartsWith"].is_null()).unwrap();
        assert_eq!(field["Field"], "userIdentity.arn");
        list(&field["NotStartsWith"])
            .into_iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    for (table, functions) in [
        (
            "Gate",
            ["Authorize", "CorrectPayment", "Deposit", "RequestSettlement"].as_slice(),
        ),
        ("CustomerKeys", &["KeepCustomers", "RotateKeys", "ErasePii"]),
    ] {
        let roles = left_out(table);
        assert_eq!(roles.len(), functions.len(), "{roles:?}");
        for (function, role) in functions.iter().zip(&roles) {
            assert!(role.contains(&format!("assumed-role/${{{function}Role}}/")), "{role}");
        }
    }
}

#[tokio::test]
async fn nobody_but_the_trail_writes_where_it_writes() {
    let template = Template::read().await;
    let statements = template.statements("AWS::S3::BucketPolicy", "Bucket", "TrailLogs");
    let service = json!({"Service": "cloudtrail.amazonaws.com"});
    let name = template.properties("Trail")["TrailName"]["Fn::Sub"].as_str().unwrap();
    for statement in statements.iter().filter(|statement| statement["Effect"] == "Allow") {
        assert_eq!(statement["Principal"], service, "{statement}");
        let source = statement["Condition"]["StringEquals"]["aws:SourceArn"]["Fn::Sub"]
            .as_str()
            .unwrap();
        assert!(source.ends_with(&format!(":trail/{name}")), "another trail's: {source}");
    }
    let denied = statements.iter().find(|statement| {
        is_denied_to_all(statement) && statement["Condition"] == json!({"Bool": {"aws:PrincipalIsAWSService": false}})
    });
    let denied = denied.expect("others are denied").to_string();
    for act in [
        "s3:PutObject",
        "s3:DeleteObject",
        "s3:DeleteObjectVersion",
        "s3:PutObjectRetention",
    ] {
        assert!(denied.contains(&format!("\"{act}\"")), "{act}");
    }
}

fn fields(selector: &Value) -> Vec<Value> {
    list(&selector["FieldSelectors"]).into_iter().cloned().collect()
}
