//! The region's network: nothing in it is public, and one function has a way out.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Template, document, list};

/// Functions that stand outside of it. Each says why.
const OUTSIDE: [&str; 2] = ["Migrate", "Notify"];

/// The function that asks the KYC provider.
const WITH_A_WAY_OUT: &str = "SettleStep";

async fn whole() -> Value {
    document("infrastructure/network.yaml", &json!({})).await
}

async fn network() -> Template {
    Template::in_document(&whole().await)
}

fn reference(logical: &str) -> Value {
    json!({"Ref": logical})
}

fn named(value: &Value) -> &str {
    value["Ref"].as_str().unwrap_or_else(|| panic!("{value} names nothing"))
}

#[tokio::test]
async fn no_subnet_is_public_and_only_two_lead_out_through_the_nat() {
    let network = network().await;
    let mut routes = network.of("AWS::EC2::Route");
    let (_, way_out) = routes.pop().unwrap();
    assert!(routes.is_empty(), "one route leads somewhere: {routes:?}");
    assert_eq!(way_out["RouteTableId"], reference("Egress"));
    assert_eq!(way_out["NatGatewayId"], reference("Nat"));
    assert_eq!(way_out["GatewayId"], Value::Null, "the internet could come in that way");

    let tables = network.of("AWS::EC2::SubnetRouteTableAssociation");
    for (subnet, properties) in network.of("AWS::EC2::Subnet") {
        assert_eq!(properties["MapPublicIpOnLaunch"], false, "{subnet}");
        let of_subnet: Vec<_> = tables
            .iter()
            .filter(|(_, table)| table["SubnetId"] == reference(subnet))
            .map(|(_, table)| named(&table["RouteTableId"]))
            .collect();
        let table = if subnet.starts_with("Egress") {
            "Egress"
        } else {
            "Isolated"
        };
        assert_eq!(of_subnet, [table], "{subnet}");
    }
    for (nat, properties) in network.of("AWS::EC2::NatGateway") {
        assert_eq!(
            properties["AvailabilityMode"], "regional",
            "{nat} needs no public subnet"
        );
        assert_eq!(properties["SubnetId"], Value::Null, "{nat}");
    }
    let outputs = &whole().await["Outputs"];
    for (output, subnets) in [
        ("FunctionSubnets", ["FunctionsA", "FunctionsB"]),
        ("EgressSubnets", ["EgressA", "EgressB"]),
        ("DatabaseSubnets", ["DatabaseA", "DatabaseB"]),
    ] {
        let joined = json!({"Fn::Join": [",", subnets.map(reference)]});
        assert_eq!(outputs[output]["Value"], joined, "{output}");
    }
}

/// From which group, or to which group or addresses, on which port.
fn peer(rule: &Value) -> (String, u64) {
    let peer = ["SourceSecurityGroupId", "DestinationSecurityGroupId"]
        .iter()
        .find_map(|group| rule[group]["Ref"].as_str())
        .or_else(|| rule["CidrIp"].as_str());
    assert_eq!(rule["FromPort"], rule["ToPort"], "{rule}");
    (
        peer.expect("a group, or addresses").to_owned(),
        rule["ToPort"].as_u64().unwrap(),
    )
}

#[tokio::test]
async fn each_group_is_open_to_those_who_need_it_and_to_no_address() {
    let network = network().await;
    let mut open = BTreeSet::new();
    for (group, properties) in network.of("AWS::EC2::SecurityGroup") {
        for rule in list(&properties["SecurityGroupIngress"]) {
            open.insert((group, peer(rule)));
        }
    }
    for (_, rule) in network.of("AWS::EC2::SecurityGroupIngress") {
        open.insert((named(&rule["GroupId"]), peer(rule)));
    }
    let from = |group: &str, port| (group.to_owned(), port);
    let expected = [
        ("ClusterGroup", from("ProxyGroup", 5432)),
        ("EndpointsGroup", from("FunctionsGroup", 443)),
        ("ProxyGroup", from("EgressGroup", 5432)),
        ("ProxyGroup", from("FunctionsGroup", 5432)),
    ];
    assert_eq!(open, BTreeSet::from(expected));
}

#[tokio::test]
async fn each_group_sends_to_the_ledger_or_to_port_443_and_those_that_only_answer_send_nowhere() {
    let network = network().await;
    for (group, properties) in network.of("AWS::EC2::SecurityGroup") {
        let sends = list(&properties["SecurityGroupEgress"]);
        assert!(!sends.is_empty(), "{group}: AWS would let it send everything");
        if ["ClusterGroup", "EndpointsGroup"].contains(&group) {
            assert_eq!(sends.len(), 1, "{group}");
            assert_eq!(sends[0]["CidrIp"], "255.255.255.255/32", "{group}");
            continue;
        }
        let to: Vec<_> = sends.into_iter().map(peer).collect();
        let ledger = |peer: &str| (peer.to_owned(), 5432);
        if group == "ProxyGroup" {
            assert_eq!(to, [ledger("ClusterGroup")]);
        } else {
            assert_eq!(to, [ledger("ProxyGroup"), ("0.0.0.0/0".to_owned(), 443)], "{group}");
        }
    }
}

fn from_network(output: &str) -> Value {
    json!({"Fn::GetAtt": ["Network", format!("Outputs.{output}")]})
}

/// How a function is connected.
fn connected(subnets: &str, group: &str) -> Value {
    json!({"SubnetIds": {"Fn::Split": [",", from_network(subnets)]}, "SecurityGroupIds": [from_network(group)]})
}

#[tokio::test]
async fn no_function_has_a_way_out_but_the_one_that_asks_the_provider() {
    let template = Template::read().await;
    for (function, properties) in template.of("AWS::Serverless::Function") {
        let policies = &template.properties(template.role(function))["ManagedPolicyArns"];
        if OUTSIDE.contains(&function) {
            assert_eq!(properties["VpcConfig"], Value::Null, "{function}");
            assert_eq!(*policies, Value::Null, "{function} needs no leave to be connected");
            let variables = &properties["Environment"]["Variables"];
            assert_eq!(
                variables["DATABASE_USER"],
                Value::Null,
                "{function} cannot reach the database"
            );
            continue;
        }
        let expected = if function == WITH_A_WAY_OUT {
            assert!(!properties["Environment"]["Variables"]["KYC_TIMEOUT_SECONDS"].is_null());
            connected("EgressSubnets", "EgressGroup")
        } else {
            connected("FunctionSubnets", "FunctionsGroup")
        };
        assert_eq!(properties["VpcConfig"], expected, "{function}");
        assert_eq!(*policies, json!([from_network("ConnectingFunctions")]), "{function}");
    }
}

/// What Lambda sees to itself, or what needs no call: a function that signs in to the database signs on its own.
const NO_CALLS: [&str; 3] = ["logs", "rds-db", "xray"];

fn actions(statement: &Value) -> impl Iterator<Item = &str> {
    list(&statement["Action"]).into_iter().filter_map(Value::as_str)
}

fn covers(pattern: &str, action: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => action.starts_with(beginning),
        None => action == pattern,
    }
}

#[tokio::test]
async fn the_endpoints_let_through_what_the_functions_may_do_and_nothing_else() {
    let (template, network) = (Template::read().await, network().await);
    let mut let_through = BTreeSet::new();
    let endpoints = network.of("AWS::EC2::VPCEndpoint");
    for (endpoint, properties) in &endpoints {
        let service = properties["ServiceName"]["Fn::Sub"].as_str().unwrap();
        let service = service.strip_prefix("com.amazonaws.${AWS::Region}.").unwrap();
        for statement in list(&properties["PolicyDocument"]["Statement"]) {
            assert_eq!(statement["Effect"], "Allow", "{endpoint}");
            let account = &statement["Condition"]["StringEquals"];
            assert_eq!(
                account["aws:PrincipalAccount"],
                reference("AWS::AccountId"),
                "{endpoint}"
            );
            let is_of_ours = account["aws:ResourceAccount"] == reference("AWS::AccountId");
            assert!(
                is_of_ours || statement["Action"] == "secretsmanager:CreateSecret",
                "{endpoint}"
            );
            for action in actions(statement) {
                assert!(
                    action.starts_with(&format!("{service}:")),
                    "{endpoint} lets {action} through"
                );
                let_through.insert(action);
            }
        }
    }
    let mut needed = BTreeSet::new();
    let functions = template.of("AWS::Serverless::Function");
    for (function, _) in functions
        .into_iter()
        .filter(|(function, _)| !OUTSIDE.contains(function))
    {
        for action in template.leave(template.role(function)).into_iter().flat_map(actions) {
            let service = action.split(':').next().unwrap();
            if !NO_CALLS.contains(&service) {
                needed.insert(action);
                let is_let_through = let_through.iter().any(|pattern| covers(pattern, action));
                assert!(is_let_through, "{function} may do {action}, and cannot reach it");
            }
        }
    }
    assert!(needed.len() > 20, "{needed:?}");
    for action in let_through {
        assert!(needed.contains(action), "nobody needs {action}");
    }
}

#[tokio::test]
async fn endpoints_stand_in_both_zones_under_the_services_own_names() {
    let network = network().await;
    for (endpoint, properties) in network.of("AWS::EC2::VPCEndpoint") {
        if properties["VpcEndpointType"] == "Gateway" {
            let tables = [reference("Isolated"), reference("Egress")];
            assert_eq!(properties["RouteTableIds"], json!(tables), "{endpoint}");
        } else {
            assert_eq!(properties["PrivateDnsEnabled"], true, "{endpoint}");
            let subnets = [reference("FunctionsA"), reference("FunctionsB")];
            assert_eq!(properties["SubnetIds"], json!(subnets), "{endpoint}");
            assert_eq!(
                properties["SecurityGroupIds"],
                json!([reference("EndpointsGroup")]),
                "{endpoint}"
            );
        }
    }
    for (subnet, properties) in network.of("AWS::EC2::Subnet") {
        let zone = if subnet.ends_with('A') { "ZoneA" } else { "ZoneB" };
        assert_eq!(properties["AvailabilityZone"], reference(zone), "{subnet}");
    }
}

#[tokio::test]
async fn what_connects_a_function_is_denied_to_its_code() {
    let network = network().await;
    let [allowed, denied] = list(&network.properties("ConnectingFunctions")["PolicyDocument"]["Statement"])[..] else {
        panic!("two statements");
    };
    assert_eq!(
        (&allowed["Effect"], &denied["Effect"]),
        (&json!("Allow"), &json!("Deny"))
    );
    assert_eq!(denied["Action"], allowed["Action"]);
    assert_eq!(
        denied["Condition"],
        json!({"Null": {"lambda:SourceFunctionArn": false}})
    );
}

#[tokio::test]
async fn all_traffic_is_logged_for_a_time() {
    let network = network().await;
    let flows = network.properties("FlowLog");
    assert_eq!(flows["TrafficType"], "ALL");
    assert_eq!(flows["ResourceId"], reference("Vpc"));
    assert_eq!(flows["LogGroupName"], reference("FlowLogs"));
    assert_eq!(
        network.properties("FlowLogs")["RetentionInDays"],
        reference("LogRetentionDays")
    );
}
