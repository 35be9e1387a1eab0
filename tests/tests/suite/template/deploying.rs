//! How a new version takes over, and under which name callers find it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Template, list, referred};

/// The functions that the API calls, by the alias that it calls.
fn behind_the_api(template: &Template) -> BTreeSet<String> {
    let paths = template.properties("Api")["Body"]["paths"].as_object().unwrap();
    let mut called = BTreeSet::new();
    for operations in paths.values() {
        for operation in operations.as_object().unwrap().values() {
            let uri = operation["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"]
                .as_str()
                .unwrap();
            let (_, named) = uri.split_once("/functions/${").unwrap();
            called.insert(named.trim_end_matches("}/invocations").to_owned());
        }
    }
    called
}

#[tokio::test]
async fn whatever_the_api_calls_is_deployed_to_a_tenth_of_its_callers_first_and_goes_back_when_an_alarm_rings() {
    for (stage, kind) in [
        ("staging", "Canary10Percent5Minutes"),
        ("production", "Canary10Percent10Minutes"),
    ] {
        let template = Template::expanded(&[("Stage", stage), ("Release", "one")]).await;
        let called = behind_the_api(&template);
        assert!(called.len() > 15, "{called:?}");
        for alias in called {
            let function = referred(&template.properties(&alias)["FunctionName"]).unwrap();
            let policy = &template.0[&alias]["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"];
            let group =
                referred(&policy["DeploymentGroupName"]).unwrap_or_else(|| panic!("{function} is deployed at once"));
            let group = template.properties(group);
            assert_eq!(
                group["DeploymentConfigName"],
                format!("CodeDeployDefault.Lambda{kind}"),
                "{function}"
            );
            let back = &group["AutoRollbackConfiguration"];
            assert_eq!(back["Enabled"], true, "{function}");
            assert!(
                list(&back["Events"]).contains(&&json!("DEPLOYMENT_STOP_ON_ALARM")),
                "{function}"
            );
            assert_eq!(
                group["ServiceRoleArn"],
                json!({"Fn::GetAtt": ["DeploymentRole", "Arn"]}),
                "{function}"
            );
            assert_eq!(group["AlarmConfiguration"]["Enabled"], true, "{function}");
            let alarms = list(&group["AlarmConfiguration"]["Alarms"]);
            let alarms: Vec<_> = alarms
                .into_iter()
                .map(|alarm| called_so(&template, &alarm["Name"]))
                .collect();
            watch(&alarms, function);
        }
    }
}

/// An alarm by its name: by its logical one, the API and its aliases would wait for each other.
fn called_so<'a>(template: &'a Template, name: &Value) -> &'a Value {
    let alarms = template.of("AWS::CloudWatch::Alarm");
    let found = alarms.into_iter().find(|(_, alarm)| alarm["AlarmName"] == *name);
    found.unwrap_or_else(|| panic!("there is no alarm {name}")).1
}

/// Crashes of the function, failures of the API, and slowness. None may be silent about what it sees for longer than a canary flies.
fn watch(alarms: &[&Value], function: &str) {
    let crashes = json!({
        "Namespace": "AWS/Lambda", "MetricName": "Errors", "Dimensions": [{"Name": "FunctionName", "Value": {"Ref": function}}],
    });
    let of_it = |alarm: &&&Value| {
        let metrics = list(&alarm["Metrics"]);
        // CloudWatch takes no more.
        assert!(metrics.len() <= 11, "{alarm}");
        metrics.iter().any(|metric| metric["MetricStat"]["Metric"] == crashes)
    };
    assert_eq!(alarms.iter().filter(of_it).count(), 1, "{function} may crash");
    let of_the_api = |metric: &str, statistic: &str| {
        let found = alarms.iter().find(|alarm| {
            alarm["Namespace"] == "AWS/ApiGateway"
                && alarm["MetricName"] == metric
                && alarm["Dimensions"] == json!([{"Name": "ApiId", "Value": {"Ref": "Api"}}])
        });
        let found = found.unwrap_or_else(|| panic!("nobody looks at {metric}"));
        assert!(
            found["Statistic"] == statistic || found["ExtendedStatistic"] == statistic,
            "{found}"
        );
    };
    of_the_api("5xx", "Sum");
    of_the_api("Latency", "p99");
    for alarm in alarms {
        let seconds = alarm["Period"].as_u64().unwrap_or(60) * alarm["EvaluationPeriods"].as_u64().unwrap();
        assert!(seconds <= 120, "{alarm}");
        assert_eq!(
            alarm["TreatMissingData"], "notBreaching",
            "nobody calls at night: {alarm}"
        );
    }
}

#[tokio::test]
async fn an_operator_can_deploy_at_once_and_callers_find_the_same_name() {
    let gradual = Template::in_production().await;
    let at_once = Template::expanded(&[("Stage", "production"), ("Release", "one"), ("Gradual", "false")]).await;
    for (logical, resource) in &at_once.0 {
        let of_type = resource["Type"].as_str().unwrap();
        assert!(!of_type.starts_with("AWS::CodeDeploy::"), "{logical}");
        assert!(resource["UpdatePolicy"].is_null(), "{logical}");
    }
    assert_eq!(behind_the_api(&gradual), behind_the_api(&at_once));
}

/// What is changed by a parameter alone, or comes from another resource, SAM does not see.
#[tokio::test]
async fn a_deployment_of_another_name_makes_new_versions_of_all_that_the_api_calls() {
    let versions = async |release| {
        let template = Template::expanded(&[("Stage", "production"), ("Release", release)]).await;
        let of = |alias: String| template.properties(&alias)["FunctionVersion"]["Fn::GetAtt"][0].clone();
        behind_the_api(&template).into_iter().map(of).collect::<Vec<_>>()
    };
    let (first, second) = (versions("2611240003").await, versions("2611240004").await);
    assert_eq!(first.len(), second.len());
    assert!(
        first.iter().all(|version| !second.contains(version)),
        "{first:?} {second:?}"
    );
}

#[tokio::test]
async fn with_mutual_tls_the_name_of_ones_own_is_the_only_one() {
    let endpoint = |template: &Template| {
        let body = template.properties("Api")["Body"].clone();
        body["servers"][0]["x-amazon-apigateway-endpoint-configuration"]["disableExecuteApiEndpoint"].clone()
    };
    let template = Template::in_production().await;
    assert_eq!(endpoint(&template), false);
    assert!(!template.0.contains_key("ApiDomain") && !template.0.contains_key("ApiMapping"));

    let named = [
        ("Stage", "production"),
        ("DomainName", "api.example.com"),
        ("CertificateArn", "arn:aws:acm:…"),
    ];
    let template = Template::expanded(&named).await;
    let domain = template.properties("ApiDomain");
    let [configured] = list(&domain["DomainNameConfigurations"])[..] else {
        panic!("{domain}");
    };
    assert_eq!(configured["SecurityPolicy"], "TLS_1_2");
    assert!(domain["MutualTlsAuthentication"].is_null());
    assert!(!template.0.contains_key("ApiRecords"), "no zone was given");
    assert_eq!(endpoint(&template), false);

    let trusting = [
        named.as_slice(),
        &[("TruststoreUri", "s3://bucket/trusted.pem"), ("HostedZoneId", "Z1")],
    ]
    .concat();
    let template = Template::expanded(&trusting).await;
    let domain = template.properties("ApiDomain");
    assert_eq!(
        domain["MutualTlsAuthentication"],
        json!({"TruststoreUri": "s3://bucket/trusted.pem"})
    );
    assert_eq!(endpoint(&template), true);
    assert_eq!(
        template.properties("ApiMapping")["DomainName"],
        json!({"Ref": "ApiDomain"})
    );
    assert_eq!(list(&template.properties("ApiRecords")["RecordSets"]).len(), 2);
}
