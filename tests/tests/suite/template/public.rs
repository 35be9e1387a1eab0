//! That there is one door, and who stands at it.

use serde_json::{Value, json};

use super::{Template, list};

/// What has an address on the internet by itself, or can have one.
const DOORS: [&str; 9] = [
    "AWS::ApiGateway::RestApi",
    "AWS::AppSync::GraphQLApi",
    "AWS::CloudFront::Distribution",
    "AWS::Cognito::IdentityPool",
    "AWS::EC2::Instance",
    "AWS::ElasticLoadBalancing::LoadBalancer",
    "AWS::ElasticLoadBalancingV2::LoadBalancer",
    "AWS::GlobalAccelerator::Accelerator",
    "AWS::Lambda::Url",
];

#[tokio::test]
async fn nothing_has_an_address_but_the_api() {
    let template = Template::in_production().await;
    for door in DOORS {
        assert!(template.any(door).is_empty(), "{door}");
    }
    assert_eq!(template.of("AWS::ApiGatewayV2::Api").len(), 1);
    for (bucket, properties) in template.of("AWS::S3::Bucket") {
        assert!(
            properties["WebsiteConfiguration"].is_null() && properties["AccessControl"].is_null(),
            "{bucket}"
        );
    }
    for (database, properties) in template.any("AWS::RDS::DBInstance") {
        assert_eq!(properties["PubliclyAccessible"], false, "{database}");
    }
}

#[tokio::test]
async fn every_route_asks_who_is_there() {
    let template = Template::in_production().await;
    let body = &template.properties("Api")["Body"];
    let schemes = body["components"]["securitySchemes"].as_object().unwrap();
    let mut routes = 0;
    for (path, operations) in body["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let asked = list(&operation["security"]);
            let [asked] = asked.as_slice() else {
                panic!("{method} {path}: {asked:?}");
            };
            for (scheme, scopes) in asked.as_object().unwrap() {
                let told = &schemes[scheme];
                let is_signed = told["x-amazon-apigateway-authtype"] == "awsSigv4";
                let is_token = told["x-amazon-apigateway-authorizer"]["type"] == "jwt" && !list(scopes).is_empty();
                assert!(is_signed || is_token, "{method} {path}: {scheme}");
                routes += 1;
            }
        }
    }
    assert!(routes > 40, "{routes}");
}

#[tokio::test]
async fn only_what_is_meant_to_calls_a_function() {
    let template = Template::in_production().await;
    for (permission, properties) in template.of("AWS::Lambda::Permission") {
        assert_eq!(properties["Principal"], "apigateway.amazonaws.com", "{permission}");
        let source = properties["SourceArn"].to_string();
        assert!(
            source.contains(":execute-api:") && source.contains("Api"),
            "{permission}: {source}"
        );
    }
}

#[tokio::test]
async fn nobody_is_allowed_anything_just_because_he_came() {
    let template = Template::in_production().await;
    let mut statements = Vec::new();
    for (logical, resource) in &template.0 {
        allowing(logical, resource, &mut statements);
    }
    assert!(statements.len() > 100, "{}", statements.len());
    for (logical, statement) in statements {
        let anybody = [json!("*"), json!({"AWS": "*"}), json!({"AWS": ["*"]})];
        let is_open = anybody.contains(&statement["Principal"]) && statement["Condition"].is_null();
        assert!(
            !is_open && statement["NotPrincipal"].is_null(),
            "{logical}: {statement}"
        );
    }
}

/// All that says `Effect: Allow`, however deep it stands.
fn allowing<'a>(logical: &'a str, part: &'a Value, found: &mut Vec<(&'a str, &'a Value)>) {
    if part["Effect"] == "Allow" {
        found.push((logical, part));
    }
    let inner: Vec<_> = match part {
        Value::Object(fields) => fields.values().collect(),
        Value::Array(values) => values.iter().collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return,
    };
    for each in inner {
        allowing(logical, each, found);
    }
}
