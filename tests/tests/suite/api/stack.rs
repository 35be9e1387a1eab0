//! What was deployed, asked of the services themselves: that the stack is complete proves nothing.

mod alarms;
mod announcing;
mod archive;
mod digest;
mod inventory;
mod roles;
mod settling;
mod statements;
mod vault;

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{
    BillingMode, ContinuousBackupsStatus, PointInTimeRecoveryStatus, SseStatus, SseType, TimeToLiveStatus,
};
use serde_json::json;
use tests::cloud::Cloud;

#[tokio::test]
async fn the_gate_forgets_in_time_is_encrypted_and_can_be_restored() {
    let cloud = Cloud::running();
    let (dynamodb, table) = (cloud.dynamodb(), &cloud.gate_table);
    let lifetime = dynamodb.describe_time_to_live().table_name(table).send().await.unwrap();
    let lifetime = lifetime.time_to_live_description().unwrap();
    assert_eq!(lifetime.time_to_live_status(), Some(&TimeToLiveStatus::Enabled));
    assert_eq!(lifetime.attribute_name(), Some("expires_at"));

    let backups = dynamodb
        .describe_continuous_backups()
        .table_name(table)
        .send()
        .await
        .unwrap();
    let backups = backups.continuous_backups_description().unwrap();
    assert_eq!(backups.continuous_backups_status(), &ContinuousBackupsStatus::Enabled);
    let recovery = backups.point_in_time_recovery_description().unwrap();
    assert_eq!(
        recovery.point_in_time_recovery_status(),
        Some(&PointInTimeRecoveryStatus::Enabled)
    );

    let described = dynamodb.describe_table().table_name(table).send().await.unwrap();
    let described = described.table().unwrap();
    let encryption = described.sse_description().unwrap();
    assert_eq!(
        (encryption.status(), encryption.sse_type()),
        (Some(&SseStatus::Enabled), Some(&SseType::Kms))
    );
    let billing = described
        .billing_mode_summary()
        .and_then(|summary| summary.billing_mode());
    assert_eq!(billing, Some(&BillingMode::PayPerRequest));
    let key: Vec<_> = described
        .key_schema()
        .iter()
        .map(|part| (part.attribute_name(), part.key_type().as_str()))
        .collect();
    assert_eq!(key, [("pk", "HASH"), ("sk", "RANGE")]);
}

/// Who may call a route: a token's scope, or whoever signs and whose policy allows it.
const SIGNED: &str = "AWS_IAM";

const MERCHANT: &str = "onceledger/merchant";
const OPERATOR: &str = "onceledger/operator";

/// Every route, its function, and who may call it.
const ROUTES: [(&str, &str, &str); 45] = [
    (
        "PUT /v1/merchants/{merchant_id}",
        "OnboardMerchant",
        "onceledger/platform",
    ),
    ("POST /v1/accounts", "OpenAccount", MERCHANT),
    ("GET /v1/accounts/{account_id}", "ReadAccount", MERCHANT),
    ("GET /v1/accounts/{account_id}/entries", "ReadAccount", MERCHANT),
    ("POST /v1/payments", "Authorize", MERCHANT),
    ("GET /v1/payments/{payment_id}", "ReadPayment", MERCHANT),
    ("GET /v1/payments", "ReadPayment", MERCHANT),
    ("GET /v1/payments/{payment_id}/refunds", "ReadPayment", MERCHANT),
    ("POST /v1/payments/{payment_id}/refunds", "CorrectPayment", MERCHANT),
    ("POST /v1/payments/{payment_id}/reversal", "CorrectPayment", MERCHANT),
    ("GET /v1/payments/{payment_id}/proof", "ProveTransaction", MERCHANT),
    ("POST /v1/deposits", "Deposit", MERCHANT),
    ("POST /v1/settlements", "RequestSettlement", MERCHANT),
    ("GET /v1/settlements", "ReadSettlement", MERCHANT),
    ("GET /v1/settlements/{settlement_id}", "ReadSettlement", MERCHANT),
    ("GET /v1/customers/{customer_id}", "KeepCustomers", MERCHANT),
    ("PUT /v1/customers/{customer_id}", "KeepCustomers", MERCHANT),
    (
        "PUT /v1/customers/{customer_id}/accounts/{account_id}",
        "KeepCustomers",
        MERCHANT,
    ),
    ("GET /v1/dead-letters", "DeadLetters", OPERATOR),
    ("GET /v1/dead-letters/{dead_letter_id}", "DeadLetters", OPERATOR),
    ("POST /v1/dead-letters/{dead_letter_id}/replay", "DeadLetters", OPERATOR),
    (
        "POST /v1/dead-letters/{dead_letter_id}/discard",
        "DeadLetters",
        OPERATOR,
    ),
    ("GET /v1/operator/settlements", "ResolveLimbo", SIGNED),
    ("GET /v1/operator/settlements/{settlement_id}", "ResolveLimbo", SIGNED),
    (
        "POST /v1/operator/settlements/{settlement_id}/limbo",
        "ResolveLimbo",
        SIGNED,
    ),
    (
        "POST /v1/operator/settlements/{settlement_id}/proposals",
        "ResolveLimbo",
        SIGNED,
    ),
    (
        "POST /v1/operator/settlements/{settlement_id}/proposals/{proposal_id}/approval",
        "ResolveLimbo",
        SIGNED,
    ),
    (
        "GET /v1/operator/accounts/{account_id}/freezes",
        "FreezeAccount",
        SIGNED,
    ),
    (
        "POST /v1/operator/accounts/{account_id}/freeze",
        "FreezeAccount",
        SIGNED,
    ),
    (
        "POST /v1/operator/accounts/{account_id}/unfreeze",
        "FreezeAccount",
        SIGNED,
    ),
    ("GET /v1/operator/halts", "HaltPostings", SIGNED),
    ("POST /v1/operator/halts/{scope}/halt", "HaltPostings", SIGNED),
    ("POST /v1/operator/halts/{scope}/lift", "HaltPostings", SIGNED),
    ("GET /v1/operator/breaks", "Breaks", SIGNED),
    ("GET /v1/operator/breaks/{break_id}", "Breaks", SIGNED),
    ("POST /v1/operator/breaks/{break_id}/assignment", "Breaks", SIGNED),
    ("POST /v1/operator/breaks/{break_id}/resolution", "Breaks", SIGNED),
    ("POST /v1/compliance/erasures", "ErasePii", SIGNED),
    ("GET /v1/compliance/erasures/{erasure_id}", "ErasePii", SIGNED),
    (
        "GET /v1/compliance/erasures/{erasure_id}/certificate",
        "ErasePii",
        SIGNED,
    ),
    ("GET /v1/compliance/holds/{tenant_id}", "ErasePii", SIGNED),
    ("PUT /v1/compliance/holds/{tenant_id}", "ErasePii", SIGNED),
    ("PUT /v1/compliance/holds/{tenant_id}/{customer_id}", "ErasePii", SIGNED),
    ("DELETE /v1/compliance/holds/{tenant_id}", "ErasePii", SIGNED),
    (
        "DELETE /v1/compliance/holds/{tenant_id}/{customer_id}",
        "ErasePii",
        SIGNED,
    ),
];

#[tokio::test]
async fn every_route_leads_to_its_function_past_the_authorizer_with_its_scope() {
    let cloud = Cloud::running();
    let script = r#"
gateway = client("apigatewayv2")
(api,) = [each for each in gateway.get_apis()["Items"] if each["Name"].startswith("onceledger-")]
api = api["ApiId"]
authorizers = {each["AuthorizerId"]: each for each in gateway.get_authorizers(ApiId=api)["Items"]}
targets = {"integrations/" + each["IntegrationId"]: each["IntegrationUri"] for each in gateway.get_integrations(ApiId=api)["Items"]}
told = [
    [route["RouteKey"], route.get("AuthorizationScopes"), targets[route["Target"]],
     authorizers.get(route.get("AuthorizerId"), {}).get("AuthorizerType"), route.get("AuthorizationType")]
    for route in gateway.get_routes(ApiId=api)["Items"]
]
"#;
    let routes = cloud.ask(script, &json!(null)).await;
    let mut found = BTreeMap::new();
    for route in routes.as_array().expect("a list of routes") {
        found.insert(route[0].as_str().expect("a route key"), route);
    }
    assert_eq!(found.len(), ROUTES.len(), "{found:?}");
    for (route, function, scope) in ROUTES {
        let told = found.get(route).unwrap_or_else(|| panic!("{route} is not deployed"));
        let authorized = if scope == SIGNED {
            json!([[], null, "AWS_IAM"])
        } else {
            json!([[scope], "JWT", "JWT"])
        };
        assert_eq!(json!([told[1], told[3], told[4]]), authorized, "{route}");
        let target = told[2].as_str().expect("a function");
        assert!(
            target.contains(&cloud.functions[function].name),
            "{route} leads to {target}"
        );
    }
}

#[tokio::test]
async fn folding_runs_every_minute_one_at_a_time() {
    let cloud = Cloud::running();
    let script = r#"
scheduler = client("scheduler")
(named,) = [each for each in scheduler.list_schedules()["Schedules"] if given in each["Target"]["Arn"]]
schedule = scheduler.get_schedule(Name=named["Name"])
reserved = client("lambda").get_function_concurrency(FunctionName=given).get("ReservedConcurrentExecutions")
told = [schedule["State"], schedule["ScheduleExpression"], reserved]
"#;
    let told = cloud.ask(script, &json!(cloud.function("fold-balances").name)).await;
    assert_eq!(told, json!(["ENABLED", "rate(1 minute)", 1]));
}

#[tokio::test]
async fn every_function_has_the_database_role_of_its_task_and_goes_through_the_pooler() {
    let cloud = Cloud::running();
    let roles: BTreeMap<_, _> = cloud
        .functions
        .iter()
        .filter_map(|(logical, function)| Some((logical.as_str(), function.environment.get("DATABASE_USER")?.as_str())))
        .collect();
    let expected = [
        ("Authorize", "poster"),
        ("AwaitDecision", "settler"),
        ("Breaks", "operator"),
        ("Compensate", "settler"),
        ("CorrectPayment", "poster"),
        ("DeadLetters", "operator"),
        ("Deposit", "poster"),
        ("ErasePii", "eraser"),
        ("FoldBalances", "folder"),
        ("FreezeAccount", "operator"),
        ("HaltPostings", "operator"),
        ("KeepCustomers", "reader"),
        ("MatchStatement", "matcher"),
        ("OnboardMerchant", "registrar"),
        ("OpenAccount", "registrar"),
        ("OutboxPoll", "poller"),
        ("ReadAccount", "reader"),
        ("ReadPayment", "reader"),
        ("ProveTransaction", "reader"),
        ("ReadSettlement", "reader"),
        ("Reconcile", "auditor"),
        ("RequestSettlement", "poster"),
        ("ResolveLimbo", "operator"),
        ("ResumeSettlements", "resumer"),
        ("SettleStep", "settler"),
    ];
    assert_eq!(roles, expected.into_iter().collect());
    for (logical, function) in &cloud.functions {
        let environment = &function.environment;
        assert_eq!(
            environment["DATABASE_PORT"],
            cloud.pgbouncer.port.to_string(),
            "{logical}"
        );
        let uses_the_gate = ["Authorize", "CorrectPayment", "Deposit", "RequestSettlement"].contains(&logical.as_str());
        // Reconciliation looks at the gate, and claims nothing there.
        let reaches_the_gate = uses_the_gate || logical == "Reconcile";
        assert_eq!(environment.contains_key("GATE_TABLE"), reaches_the_gate, "{logical}");
        if let Some(told) = environment.get("FUNCTION_TIMEOUT_SECONDS") {
            assert_eq!(*told, function.timeout_seconds.to_string(), "{logical}");
        }
        let counts_with_it = uses_the_gate || environment.contains_key("CONSUMED_TABLE");
        assert_eq!(
            environment.contains_key("FUNCTION_TIMEOUT_SECONDS"),
            counts_with_it,
            "{logical}"
        );
    }
    // The pooler hands a role to nobody else: each session is the role that asked for it.
    for role in [
        "poster",
        "registrar",
        "reader",
        "folder",
        "poller",
        "operator",
        "settler",
        "resumer",
        "matcher",
        "eraser",
    ] {
        let pooled = cloud.pooled_as(role).await;
        let sql = "SELECT session_user::text, current_user::text";
        let row = pooled.query_typed(sql, &[]).await.unwrap().remove(0);
        assert_eq!((row.get::<_, &str>(0), row.get::<_, &str>(1)), (role, role));
    }
}
