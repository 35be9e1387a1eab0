"""The emulator with the gaps filled that this template would fall into. Runs as a process: python -m local.emulator_process.

ministack reports CREATE_COMPLETE for properties it does not implement. Each function below makes one of them real, through the
emulator's own services, and raises when it cannot, so that a deployment fails instead of passing for what it is not. They reach into
its internals, hence the exact version.
"""

import contextvars
import http.server
import json
import time
from importlib.metadata import version
from xml.etree import ElementTree

from ministack import app
from ministack.core import iam_actions, iam_evaluator, lambda_runtime
from ministack.core.responses import get_account_id, get_region
from ministack.services import cloudwatch, dynamodb, eventbridge, lambda_svc, s3, ses_v2, sns, sqs
from ministack.services.cloudformation import provisioners

from local.emulator_data_api import data_api_reaches_postgres
from local.emulator_keys import fill_keys_gaps
from local.emulator_machines import fill_machines_gaps, machine_logging, role_allows
from local.emulator_routes import routes_from_openapi
from local.emulator_uses import count_uses
from local.emulator_versions import fill_versions_gaps

WRITTEN_FOR = "1.5.33"


def fill_gaps() -> None:
    """Changes the emulator in this process. Raises RuntimeError for a version it was not written for."""
    if version("ministack") != WRITTEN_FOR:
        raise RuntimeError(f"local/emulator_process.py was written for ministack {WRITTEN_FOR}, not {version('ministack')}")
    after_provisioning("AWS::ApiGatewayV2::Api", routes_from_openapi)
    after_provisioning("AWS::DynamoDB::Table", table_settings)
    after_provisioning("AWS::Lambda::Function", reserved_concurrency)
    after_provisioning("AWS::S3::Bucket", bucket_settings)
    after_provisioning("AWS::SNS::Topic", topic_encryption)
    after_provisioning("AWS::StepFunctions::StateMachine", machine_logging)
    rules_need_leave()
    buses_are_resources()
    partition_keys_are_conditions()
    senders_are_conditions()
    sources_are_conditions()
    batches_take_leave_for_one()
    sessions_are_their_roles()
    metrics_from_logs()
    answer_functions_at_once()
    throttles_are_no_attempts()
    data_api_reaches_postgres()
    fill_keys_gaps()
    fill_machines_gaps()
    fill_versions_gaps()
    count_uses()


def after_provisioning(resource_type: str, apply) -> None:
    """Calls `apply(physical_id, properties)` after the emulator has created or updated a resource of this type."""
    handlers = provisioners._RESOURCE_HANDLERS[resource_type]
    create, update = handlers["create"], handlers["update"]

    def created(logical_id, properties, stack):
        physical_id, attributes = create(logical_id, properties, stack)
        apply(physical_id, properties)
        return physical_id, attributes

    def updated(physical_id, old, new, *rest, **named):
        result = update(physical_id, old, new, *rest, **named)
        apply(result[0], new)
        return result

    handlers.update(create=created, update=updated)


def table_settings(table: str, properties: dict) -> None:
    """Gap: a table's time to live, point-in-time recovery and encryption are ignored when the table is created."""
    lifetime = properties.get("TimeToLiveSpecification")
    if lifetime:
        _accepted(dynamodb._update_ttl({"TableName": table, "TimeToLiveSpecification": _typed(lifetime)}))
    recovery = properties.get("PointInTimeRecoverySpecification")
    if recovery:
        _accepted(dynamodb._update_continuous_backups({"TableName": table, "PointInTimeRecoverySpecification": _typed(recovery)}))
    encryption = properties.get("SSESpecification")
    if encryption:
        specification = {"Enabled": encryption["SSEEnabled"], "SSEType": encryption.get("SSEType", "KMS")}
        _accepted(dynamodb._update_table({"TableName": table, "SSESpecification": _typed(specification)}))


def reserved_concurrency(function: str, properties: dict) -> None:
    """Gap: ReservedConcurrentExecutions is ignored."""
    reserved = properties.get("ReservedConcurrentExecutions")
    lambda_svc._functions[function]["concurrency"] = None if reserved is None else int(reserved)


def bucket_settings(bucket: str, properties: dict) -> None:
    """Gap: a bucket's encryption, the ownership of its objects and the lock on them are ignored."""
    encryption = properties.get("BucketEncryption")
    if encryption:
        (rule,) = encryption["ServerSideEncryptionConfiguration"]
        algorithm = rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"]
        path = ["ServerSideEncryptionConfiguration", "Rule", "ApplyServerSideEncryptionByDefault", "SSEAlgorithm"]
        _accepted(s3._put_bucket_encryption(bucket, _nested(path, algorithm)))
    ownership = properties.get("OwnershipControls")
    if ownership:
        (rule,) = ownership["Rules"]
        path = ["OwnershipControls", "Rule", "ObjectOwnership"]
        _accepted(s3._put_bucket_ownership_controls(bucket, _nested(path, rule["ObjectOwnership"])))
    lock = properties.get("ObjectLockConfiguration")
    if lock:
        root = ElementTree.Element("ObjectLockConfiguration")
        ElementTree.SubElement(root, "ObjectLockEnabled").text = lock["ObjectLockEnabled"]
        retention = ElementTree.SubElement(ElementTree.SubElement(root, "Rule"), "DefaultRetention")
        for name, value in lock["Rule"]["DefaultRetention"].items():
            ElementTree.SubElement(retention, name).text = str(value)
        _accepted(s3._put_object_lock_configuration(bucket, ElementTree.tostring(root)))


def topic_encryption(topic: str, properties: dict) -> None:
    """Gap: a topic's key is ignored."""
    attributes = sns._topics[topic]["attributes"]
    attributes.pop("KmsMasterKeyId", None)
    if "KmsMasterKeyId" in properties:
        attributes["KmsMasterKeyId"] = properties["KmsMasterKeyId"]


def rules_need_leave() -> None:
    """Gap: a rule sends to any queue and starts any machine, whatever the queue's policy and the rule's role say, and what it may not
    gets into no dead letter queue."""
    deliver = eventbridge._invoke_target

    def delivered(target, event, rule, *rest):
        if not _may_reach(rule, target):
            dead = target.get("DeadLetterConfig", {}).get("Arn")
            if not dead or not _may_send(rule, dead):
                return
            # As it came: what the target would have been given is not what is kept of it.
            target = {"Id": target["Id"], "Arn": dead}
        deliver(target, event, rule, *rest)

    eventbridge._invoke_target = delivered


def _may_reach(rule: dict, target: dict) -> bool:
    match target["Arn"].split(":")[2]:
        case "sqs":
            return _may_send(rule, target["Arn"])
        case "states":
            return role_allows(target.get("RoleArn", ""), "states:StartExecution", target["Arn"])
        case _:
            return True


def _may_send(rule: dict, queue: str) -> bool:
    return sqs.queue_policy_allows(queue, "events.amazonaws.com", rule["Arn"], get_account_id())


def buses_are_resources() -> None:
    """Gap: describing a bus is authorized on a rule of its name."""
    extract = iam_actions.extract_resource_arn

    def extracted(service, method, path, headers, body, *rest):
        if headers.get("x-amz-target") != "AWSEvents.DescribeEventBus":
            return extract(service, method, path, headers, body, *rest)
        return f"arn:aws:events:{get_region()}:{get_account_id()}:event-bus/{_document(body).get('Name', 'default')}"

    iam_actions.extract_resource_arn = extracted


def partition_keys_are_conditions() -> None:
    """Gap: no request carries dynamodb:LeadingKeys, so that a condition on it holds for every item. Single items only."""
    without = iam_actions.dynamodb_service_context

    def context(body):
        request = _document(body)
        item = request.get("Key") or request.get("Item") or {}
        table = dynamodb._tables.get(request.get("TableName", "").rpartition("/")[2])
        keys = [value for typed in [item.get(table["pk_name"])] if typed for value in typed.values()] if table else []
        return without(body) | ({"dynamodb:leadingkeys": keys} if keys else {})

    iam_actions.dynamodb_service_context = context


def senders_are_conditions() -> None:
    """Gap: sending e-mail is authorized on no identity, and without ses:FromAddress."""
    enforce = app._enforce_ses_v2

    def enforced(method, path, headers, body, query, request_id):
        if (method, path.rstrip("/")) != ("POST", "/v2/email/outbound-emails"):
            return enforce(method, path, headers, body, query, request_id)
        sender = _document(body).get("FromEmailAddress", "")
        identity = sender if sender in ses_v2._identities else sender.rpartition("@")[2]
        arn = f"arn:aws:ses:{get_region()}:{get_account_id()}:identity/{identity}"
        return app._enforce_data_plane("sesv2", "ses:SendEmail", headers, query, request_id, arn, {"ses:fromaddress": sender})

    app._enforce_ses_v2 = enforced


def sources_are_conditions() -> None:
    """Gap: publishing is authorized without events:source. Of entries in several names there is none, so that no condition on it holds."""
    without = iam_actions.request_tag_context

    def context(service, action, body, params):
        told = without(service, action, body, params)
        if action != "events:PutEvents":
            return told
        sources = {entry.get("Source") for entry in _document(body).get("Entries", [])}
        return told | ({"events:source": sources.pop()} if len(sources) == 1 else {})

    iam_actions.request_tag_context = context


def batches_take_leave_for_one() -> None:
    """Gap: a batch of messages is authorized as an action of its own, which there is none of: leave for a single one is what it takes."""
    extract = iam_actions.extract_iam_action

    def extracted(service, *rest):
        action = extract(service, *rest)
        return action.removesuffix("Batch") if service == "sqs" and action else action

    iam_actions.extract_iam_action = extracted


def sessions_are_their_roles() -> None:
    """Gap: aws:PrincipalArn of a role's session is the session's ARN, so that a condition on the role's holds for nobody."""
    resolve = iam_evaluator._resolve_condition_key

    def resolved(key, context):
        value = resolve(key, context)
        if key.lower() != "aws:principalarn" or ":assumed-role/" not in (value or ""):
            return value
        return f"arn:aws:iam::{context.principal_account}:role/{value.split('/')[1]}"

    iam_evaluator._resolve_condition_key = resolved


def metrics_from_logs() -> None:
    """Gap: a metric in the embedded format stays a line of the log, so that no alarm rings."""
    emit = lambda_svc._emit_lambda_logs

    def emitted(function, request_id, log, *rest, **named):
        emit(function, request_id, log, *rest, **named)
        for line in (log or "").splitlines():
            told = _document(line.encode()) if '"_aws"' in line else {}
            for declared in told.get("_aws", {}).get("CloudWatchMetrics", []):
                dimensions = [{"Name": name, "Value": told[name]} for each in declared["Dimensions"] for name in each]
                data = [
                    {"MetricName": metric["Name"], "Unit": metric["Unit"], "Value": told[metric["Name"]], "Dimensions": dimensions}
                    for metric in declared["Metrics"]
                ]
                _accepted(cloudwatch._put_metric_data({}, {"Namespace": declared["Namespace"], "MetricData": data}, False, is_json=True))

    lambda_svc._emit_lambda_logs = emitted


def answer_functions_at_once() -> None:
    """Gap: about 96 ms on every call.

    Its runtime API writes a header at a time into a socket with Nagle's algorithm on, and it waits 50 ms for log lines that have
    long arrived. Here: whole answers, no delay, and 2 ms for the log.
    """
    http.server.BaseHTTPRequestHandler.disable_nagle_algorithm = True
    http.server.BaseHTTPRequestHandler.wbufsize = -1
    lambda_runtime.Worker._drain_stderr_bounded.__defaults__ = (0.002, 0.001, 0.05)


def throttles_are_no_attempts() -> None:
    """Gap: an event that comes while all copies of its function are busy counts as tried, and lies among the dead letters at once.

    Lambda tries it again until it is as old as it may become.
    """
    invoke, execute = lambda_svc.invoke_async_with_retry, lambda_svc._execute_function
    given_up = contextvars.ContextVar("when an event that nobody waits for is given up", default=0.0)

    def invoked(function, event):
        configured = function.get("event_invoke_config") or function.get("event_invoke_configs", {}).get("$LATEST") or {}
        # The emulator goes on in a copy of this context.
        token = given_up.set(time.time() + int(configured.get("MaximumEventAgeInSeconds", 21600)))
        invoke(function, event)
        given_up.reset(token)

    def executed(function, event):
        answer = execute(function, event)
        while answer.get("throttle") and time.time() < given_up.get():
            # Lambda waits longer, and ever longer.
            time.sleep(1)
            answer = execute(function, event)
        return answer

    lambda_svc.invoke_async_with_retry, lambda_svc._execute_function = invoked, executed


def _typed(specification: dict) -> dict:
    """CloudFormation may hand booleans over as the strings "true" and "false"; the services take booleans."""
    return {key: {"true": True, "false": False}.get(str(value).lower(), value) for key, value in specification.items()}


def _document(body: bytes) -> dict:
    try:
        document = json.loads(body or b"{}")
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _nested(path: list[str], text: str) -> bytes:
    """Elements, each in the one before it, with `text` in the last."""
    root = element = ElementTree.Element(path[0])
    for name in path[1:]:
        element = ElementTree.SubElement(element, name)
    element.text = text
    return ElementTree.tostring(root)


def _accepted(answer: tuple) -> None:
    status, _, body = answer
    if status >= 400:
        raise ValueError(f"the emulator refused: {body!r}")


if __name__ == "__main__":
    fill_gaps()
    app.main()
