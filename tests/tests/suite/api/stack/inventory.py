# Run by inventory.rs, behind template/expanded.py, with the names of the deployed resources in `given["resources"]`. Leaves in `told`, for each
# resource of the template, what the template says of it and what the service that owns it says. A type that nobody here knows how to ask
# for ends the script, and a property that nobody asks for shows as a difference.
from pathlib import Path

deployed, parameters = given["resources"], given["parameters"]
account = Resolver(template, parameters).values["AWS::AccountId"]
(apigateway, cloudwatch, dynamodb, events, functions, iam, kms, logs, s3, scheduler, sns, sqs, states) = map(
    client,
    "apigatewayv2 cloudwatch dynamodb events lambda iam kms logs s3 scheduler sns sqs stepfunctions".split(),
)


def arn(service, rest, where=f"{region}:{account}"):
    return f"arn:aws:{service}:{where}:{rest}"


# What Fn::GetAtt gives, from what Ref gives.
ARNS = {
    "AWS::DynamoDB::Table": lambda name: arn("dynamodb", f"table/{name}"),
    "AWS::Events::EventBus": lambda name: arn("events", f"event-bus/{name}"),
    "AWS::IAM::Role": lambda name: arn("iam", f"role/{name}", f":{account}"),
    "AWS::KMS::Key": lambda name: arn("kms", f"key/{name}"),
    "AWS::Lambda::Function": lambda name: arn("lambda", f"function:{name}"),
    "AWS::Logs::LogGroup": lambda name: arn("logs", f"log-group:{name}:*"),
    "AWS::S3::Bucket": lambda name: arn("s3", name, ":"),
    "AWS::SQS::Queue": lambda url: arn("sqs", url.rpartition("/")[2]),
    "AWS::StepFunctions::StateMachine": lambda machine: machine,
}


def reference(name):
    if name not in deployed:
        # A version is called after its code, and that is packaged under another name here.
        function, _, _ = name.rpartition("Version")
        (name,) = [each for each in deployed if re.fullmatch(function + "Version[0-9a-f]{10}", each)]
    return deployed[name]


def attribute(name, which):
    of_type, found = template["Resources"][name]["Type"], reference(name)
    match of_type, which:
        case "AWS::Events::Rule", "Arn":
            bus = written(name).get("EventBusName")
            return arn("events", f"rule/{bus}/{found}" if bus else f"rule/{found}")
        case "AWS::Lambda::Version", "Version":
            return found.rpartition(":")[2]
        case "Custom::Migrations", "Last":
            return max(path.name for path in Path(given["path"]).parent.glob("migrations/*.sql"))
        case "AWS::SQS::Queue", "QueueName":
            return found.rpartition("/")[2]
        case _, "Arn":
            return ARNS[of_type](found)
    raise ValueError(f"nobody knows the {which} of {name}")


resolver = Resolver(template, parameters, reference, attribute)


def written(name):
    return resolver.resolved(template["Resources"][name].get("Properties", {}))


def of_type(wanted):
    return [name for name in everything if template["Resources"][name]["Type"] == wanted]


# How each type is asked for: from what Ref gives and what the template says, to what is there, in the template's own words.


def function(name, _):
    found = functions.get_function_configuration(FunctionName=name)
    kept = "Architectures Description Environment Handler MemorySize Role Runtime Timeout TracingConfig".split()
    return {each: found.get(each) for each in kept} | {
        "LoggingConfig": {"LogGroup": found["LoggingConfig"]["LogGroup"]},
        "ReservedConcurrentExecutions": functions.get_function_concurrency(FunctionName=name).get("ReservedConcurrentExecutions"),
        "VpcConfig": found.get("VpcConfig") or None,
    }


OF_A_VERSION = ["Architectures", "Environment", "MemorySize", "Role", "Timeout", "TracingConfig"]


def version(named, _):
    found = functions.get_function_configuration(FunctionName=named)
    return {each: found[each] for each in OF_A_VERSION} | {"FunctionName": found["FunctionName"]}


def alias(named, _):
    name, called = named.split(":")[-2:]
    found = functions.get_alias(FunctionName=name, Name=called)
    try:
        ready = functions.get_provisioned_concurrency_config(FunctionName=name, Qualifier=called)["RequestedProvisionedConcurrentExecutions"]
    except functions.exceptions.ClientError:
        ready = None
    return {"Name": found["Name"], "FunctionName": name, "FunctionVersion": found["FunctionVersion"], "ProvisionedConcurrencyConfig": ready}


def permission(statement_id, said):
    name, *qualifier = said["FunctionName"].split(":function:")[-1].split(":")
    policy = functions.get_policy(FunctionName=name, **({"Qualifier": qualifier[0]} if qualifier else {}))["Policy"]
    (found,) = [each for each in json.loads(policy)["Statement"] if each["Sid"] == statement_id]
    (source,) = [value for condition in found["Condition"].values() for value in condition.values()]
    return {
        "Action": found["Action"], "FunctionName": found["Resource"], "Principal": found["Principal"]["Service"], "SourceArn": source,
        "Effect": found["Effect"],
    }


def event_invoke_config(_, said):
    found = functions.get_function_event_invoke_config(FunctionName=said["FunctionName"], Qualifier=said["Qualifier"])
    ends = {name: end for name, end in found["DestinationConfig"].items() if end}
    kept = {each: found[each] for each in ["MaximumEventAgeInSeconds", "MaximumRetryAttempts"]}
    return kept | {"DestinationConfig": ends, "FunctionName": said["FunctionName"], "Qualifier": said["Qualifier"]}


def event_source_mapping(uuid, said):
    found = functions.get_event_source_mapping(UUID=uuid)
    named = found["FunctionArn"] if said["FunctionName"].startswith("arn:") else found["FunctionArn"].rpartition(":")[2]
    kept = "BatchSize EventSourceArn FunctionResponseTypes MaximumBatchingWindowInSeconds ScalingConfig State".split()
    return {each: found.get(each) for each in kept} | {"FunctionName": named}


def schedule(name, _):
    found = scheduler.get_schedule(Name=name)
    return {each: found.get(each) for each in ["FlexibleTimeWindow", "ScheduleExpression", "State", "Target"]}


def role(name, _):
    policies = iam.list_role_policies(RoleName=name)["PolicyNames"]
    return {
        "AssumeRolePolicyDocument": iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"],
        "Policies": {each: iam.get_role_policy(RoleName=name, PolicyName=each)["PolicyDocument"] for each in policies},
        "ManagedPolicyArns": [each["PolicyArn"] for each in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]],
    }


def policy(_, said):
    called, roles = said["PolicyName"], said["Roles"]
    documents = [iam.get_role_policy(RoleName=each, PolicyName=called)["PolicyDocument"] for each in roles]
    same = all(document == documents[0] for document in documents)
    return {"PolicyName": called, "Roles": roles, "PolicyDocument": documents[0] if same else documents}


def log_group(name, said):
    groups = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    (found,) = [each for each in groups if each["logGroupName"] == name]
    return {"RetentionInDays": found.get("retentionInDays"), "LogGroupName": name if "LogGroupName" in said else None}


def table(name, _):
    found = dynamodb.describe_table(TableName=name)["Table"]
    lifetime = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    recovery = backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"]
    forgets = lifetime["TimeToLiveStatus"] == "ENABLED"
    encryption = found.get("SSEDescription", {})
    index = ["IndexName", "KeySchema", "Projection"]
    return {
        "AttributeDefinitions": sorted(found["AttributeDefinitions"], key=str),
        "BillingMode": found["BillingModeSummary"]["BillingMode"],
        "DeletionProtectionEnabled": found["DeletionProtectionEnabled"],
        "GlobalSecondaryIndexes": [{part: each[part] for part in index} for each in found.get("GlobalSecondaryIndexes", [])],
        "KeySchema": found["KeySchema"],
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": recovery == "ENABLED"},
        "SSESpecification": {"SSEEnabled": encryption.get("Status") == "ENABLED", "SSEType": encryption.get("SSEType")},
        "StreamSpecification": found.get("StreamSpecification"),
        "TimeToLiveSpecification": {"AttributeName": lifetime["AttributeName"], "Enabled": True} if forgets else None,
    }


def queue(url, _):
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    kept = {each: found.get(each) for each in ["DelaySeconds", "KmsMasterKeyId", "MessageRetentionPeriod", "SqsManagedSseEnabled", "VisibilityTimeout"]}
    return kept | {"RedrivePolicy": json.loads(found.get("RedrivePolicy", "null"))}


def queue_policy(_, said):
    policies = [sqs.get_queue_attributes(QueueUrl=each, AttributeNames=["Policy"])["Attributes"]["Policy"] for each in said["Queues"]]
    (found,) = {each for each in policies}
    return {"Queues": said["Queues"], "PolicyDocument": json.loads(found)}


def topic(named, said):
    found = sns.get_topic_attributes(TopicArn=named)["Attributes"]
    return {"KmsMasterKeyId": found.get("KmsMasterKeyId"), "DisplayName": found["DisplayName"] if "DisplayName" in said else None}


def topic_policy(_, said):
    (named,) = said["Topics"]
    return {"Topics": [named], "PolicyDocument": json.loads(sns.get_topic_attributes(TopicArn=named)["Attributes"]["Policy"])}


def event_bus(name, _):
    found = events.describe_event_bus(Name=name)
    return {"Name": found["Name"], "Description": found.get("Description"), "DeadLetterConfig": found.get("DeadLetterConfig")}


def rule(name, said):
    bus = {"EventBusName": said.get("EventBusName", "default")}
    found = events.describe_rule(Name=name, **bus)
    return {
        "Description": found.get("Description"), "EventBusName": found["EventBusName"], "EventPattern": json.loads(found["EventPattern"]),
        "State": found["State"], "Targets": events.list_targets_by_rule(Rule=name, **bus)["Targets"],
    }


def bucket(name, _):
    named = {"Bucket": name}
    (encryption,) = s3.get_bucket_encryption(**named)["ServerSideEncryptionConfiguration"]["Rules"]
    (ownership,) = s3.get_bucket_ownership_controls(**named)["OwnershipControls"]["Rules"]
    told = "EventBridgeConfiguration" in s3.get_bucket_notification_configuration(**named)
    try:
        lock = s3.get_object_lock_configuration(**named)["ObjectLockConfiguration"]
    except s3.exceptions.ClientError:
        lock = None
    default = encryption["ApplyServerSideEncryptionByDefault"]
    return {
        "BucketEncryption": {"ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": default}]},
        "NotificationConfiguration": {"EventBridgeConfiguration": {"EventBridgeEnabled": True}} if told else None,
        "ObjectLockConfiguration": lock, "ObjectLockEnabled": lock is not None,
        "OwnershipControls": {"Rules": [{"ObjectOwnership": ownership["ObjectOwnership"]}]},
        "PublicAccessBlockConfiguration": s3.get_public_access_block(**named)["PublicAccessBlockConfiguration"],
        "VersioningConfiguration": {"Status": s3.get_bucket_versioning(**named).get("Status")},
    }


def key(name, _):
    found = kms.describe_key(KeyId=name)["KeyMetadata"]
    symmetric = found["KeySpec"] == "SYMMETRIC_DEFAULT"
    rotation = kms.get_key_rotation_status(KeyId=name) if symmetric else {"KeyRotationEnabled": False}
    return {
        "Description": found["Description"], "Enabled": found["Enabled"], "KeySpec": found["KeySpec"], "KeyUsage": found["KeyUsage"],
        "EnableKeyRotation": rotation["KeyRotationEnabled"], "RotationPeriodInDays": rotation.get("RotationPeriodInDays"),
        "KeyPolicy": json.loads(kms.get_key_policy(KeyId=name, PolicyName="default")["Policy"]),
    }


def capitalized(part):
    match part:
        case dict():
            return {name[0].upper() + name[1:]: capitalized(value) for name, value in part.items()}
        case list():
            return [capitalized(each) for each in part]
    return part


def machine(named, said):
    found = states.describe_state_machine(stateMachineArn=named)
    return {
        # That the rest of it is the repository's, settling.rs says.
        "DefinitionSubstitutions": {each: value for each, value in said["DefinitionSubstitutions"].items() if value in found["definition"]},
        "LoggingConfiguration": capitalized(found["loggingConfiguration"]), "RoleArn": found["roleArn"],
        "StateMachineName": found["name"] if "StateMachineName" in said else None, "StateMachineType": found["type"],
        "TracingConfiguration": capitalized(found.get("tracingConfiguration")),
    }


ALARM = """ActionsEnabled AlarmActions AlarmDescription ComparisonOperator DatapointsToAlarm Dimensions EvaluateLowSampleCountPercentile
    EvaluationPeriods ExtendedStatistic InsufficientDataActions MetricName Metrics Namespace OKActions Period Statistic Threshold
    TreatMissingData Unit""".split()


def alarm(name, said):
    (found,) = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    # Only the emulator tells both of one that has a percentile.
    if found.get("ExtendedStatistic"):
        found.pop("Statistic", None)
    return {each: found.get(each) for each in ALARM} | {"AlarmName": name if "AlarmName" in said else None}


def dashboard(name, _):
    found = cloudwatch.get_dashboard(DashboardName=name)
    return {"DashboardName": found["DashboardName"], "DashboardBody": json.loads(found["DashboardBody"])}


def api(api_id, _):
    found, body = apigateway.get_api(ApiId=api_id), {}
    authorizers = {each["AuthorizerId"]: each for each in apigateway.get_authorizers(ApiId=api_id)["Items"]}
    targets = {"integrations/" + each["IntegrationId"]: each for each in apigateway.get_integrations(ApiId=api_id)["Items"]}
    for route in apigateway.get_routes(ApiId=api_id)["Items"]:
        target, asked = targets[route["Target"]], authorizers.get(route.get("AuthorizerId"), {})
        body[route["RouteKey"]] = {
            "uri": target["IntegrationUri"], "format": target["PayloadFormatVersion"], "type": target["IntegrationType"],
            "who": route["AuthorizationType"], "scopes": route.get("AuthorizationScopes", []),
            "tokens": asked and {"from": asked["IdentitySource"], **asked["JwtConfiguration"]},
        }
    return {"Body": body, "DisableExecuteApiEndpoint": found.get("DisableExecuteApiEndpoint", False), "CorsConfiguration": found.get("CorsConfiguration")}


def routes_said(body):
    """What an OpenAPI document says of its routes, in the words of api()."""
    schemes, said = body["components"]["securitySchemes"], {}
    for path, operations in body["paths"].items():
        for method, operation in operations.items():
            (asked,) = operation["security"]
            ((scheme, scopes),) = asked.items()
            target, authorizer = operation["x-amazon-apigateway-integration"], schemes[scheme].get("x-amazon-apigateway-authorizer", {})
            jwt = authorizer.get("jwtConfiguration")
            said[f"{method.upper()} {path}"] = {
                "uri": target["uri"], "format": target["payloadFormatVersion"], "type": target["type"].upper(),
                "who": "JWT" if jwt else "AWS_IAM", "scopes": scopes,
                "tokens": {"from": [authorizer["identitySource"]], **capitalized(jwt)} if jwt else {},
            }
    return said


def stage(name, said):
    found = apigateway.get_stage(ApiId=said["ApiId"], StageName=name)
    return {"ApiId": said["ApiId"], "StageName": found["StageName"], "AutoDeploy": found["AutoDeploy"], "AccessLogSettings": found["AccessLogSettings"]}


READERS = {
    "AWS::ApiGatewayV2::Api": api, "AWS::ApiGatewayV2::Stage": stage, "AWS::CloudWatch::Alarm": alarm, "AWS::CloudWatch::Dashboard": dashboard,
    "AWS::DynamoDB::Table": table, "AWS::Events::EventBus": event_bus, "AWS::Events::Rule": rule, "AWS::IAM::Policy": policy,
    "AWS::IAM::Role": role, "AWS::KMS::Key": key, "AWS::Lambda::Alias": alias, "AWS::Lambda::EventInvokeConfig": event_invoke_config,
    "AWS::Lambda::EventSourceMapping": event_source_mapping, "AWS::Lambda::Function": function, "AWS::Lambda::Permission": permission,
    "AWS::Lambda::Version": version, "AWS::Logs::LogGroup": log_group, "AWS::S3::Bucket": bucket, "AWS::SNS::Topic": topic,
    "AWS::SNS::TopicPolicy": topic_policy, "AWS::SQS::Queue": queue, "AWS::SQS::QueuePolicy": queue_policy,
    "AWS::Scheduler::Schedule": schedule, "AWS::StepFunctions::StateMachine": machine,
}

# What no service keeps: where code and definitions were packaged (the suite runs them), SAM's own marks, and what is said to CloudFormation.
UNKEPT = {
    "AWS::ApiGatewayV2::Api": ["FailOnWarnings"], "AWS::ApiGatewayV2::Stage": ["Tags"], "AWS::IAM::Role": ["Tags"],
    # Asked for when a key is deleted.
    "AWS::KMS::Key": ["PendingWindowInDays"],
    "AWS::Lambda::Function": ["Code", "Tags"], "AWS::StepFunctions::StateMachine": ["DefinitionS3Location", "Tags"],
    "AWS::Lambda::EventSourceMapping": ["Tags"],
}

# What holds where the template says nothing.
UNSAID = {
    "AWS::ApiGatewayV2::Api": {"DisableExecuteApiEndpoint": False},
    "AWS::CloudWatch::Alarm": {"ActionsEnabled": True, "AlarmActions": [], "Dimensions": [], "InsufficientDataActions": [], "Metrics": [], "OKActions": []},
    "AWS::DynamoDB::Table": {
        "DeletionProtectionEnabled": False, "GlobalSecondaryIndexes": [],
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": False},
    },
    "AWS::Events::Rule": {"EventBusName": "default", "State": "ENABLED"},
    "AWS::IAM::Role": {"ManagedPolicyArns": []},
    "AWS::KMS::Key": {"Enabled": True, "EnableKeyRotation": False, "KeySpec": "SYMMETRIC_DEFAULT", "KeyUsage": "ENCRYPT_DECRYPT"},
    "AWS::Lambda::EventSourceMapping": {"MaximumBatchingWindowInSeconds": 0, "State": "Enabled"},
    "AWS::Lambda::Permission": {"Effect": "Allow"},
    "AWS::S3::Bucket": {"ObjectLockEnabled": False},
    "AWS::SQS::Queue": {"DelaySeconds": 0, "VisibilityTimeout": 30},
    "AWS::Scheduler::Schedule": {"State": "ENABLED"},
}


def said(name):
    of, says = template["Resources"][name]["Type"], written(name)
    says = UNSAID.get(of, {}) | {each: value for each, value in says.items() if each not in UNKEPT.get(of, [])}
    match of:
        case "AWS::ApiGatewayV2::Api":
            says["DisableExecuteApiEndpoint"] = says["Body"]["servers"][0]["x-amazon-apigateway-endpoint-configuration"]["disableExecuteApiEndpoint"]
            says["Body"] = routes_said(says["Body"])
        case "AWS::CloudWatch::Dashboard":
            says["DashboardBody"] = json.loads(says["DashboardBody"])
        case "AWS::DynamoDB::Table":
            says["AttributeDefinitions"] = sorted(says["AttributeDefinitions"], key=str)
        case "AWS::IAM::Role":
            says["Policies"] = {each["PolicyName"]: each["PolicyDocument"] for each in says.get("Policies", [])}
            for apart in map(written, of_type("AWS::IAM::Policy")):
                if deployed[name] in apart["Roles"]:
                    says["Policies"][apart["PolicyName"]] = apart["PolicyDocument"]
        case "AWS::Lambda::Version":
            # What callers reach is what the template says.
            (whose,) = [each for each in of_type("AWS::Lambda::Function") if deployed[each] == says["FunctionName"]]
            says |= {each: written(whose)[each] for each in OF_A_VERSION}
    return says


def plain(part):
    """Numbers and truths as text, which some services make of them. What is empty or null is not there."""
    match part:
        case dict():
            kept = {str(name): plain(value) for name, value in part.items()}
            return {name: value for name, value in kept.items() if value not in (None, {}, [])}
        case list():
            return [plain(each) for each in part]
        case bool():
            return str(part).lower()
        case int() | float():
            return str(int(part)) if part == int(part) else str(part)
    return part


everything = Resolver(template, parameters).resources(template)
there = {re.sub("Version[0-9a-f]{10}$", "Version", name) for name in deployed}
expected = {re.sub("Version[0-9a-f]{10}$", "Version", name) for name in everything}
resources = {}
for name in everything:
    of, says = template["Resources"][name]["Type"], said(name)
    # Somebody else's type has nobody to ask: what it did is a test's own.
    if not of.startswith("Custom::") and of != "AWS::CloudFormation::CustomResource":
        resources[name] = {"type": of, "said": plain(says), "found": plain(READERS[of](reference(name), says))}
told = {"resources": resources, "unsaid": sorted(there - expected), "undone": sorted(expected - there)}
