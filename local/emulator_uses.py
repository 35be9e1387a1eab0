"""Counts what the functions ask of each service, in the units that AWS bills, for local/cost.

Called by local/emulator_process.py, under the same terms: it fills a gap, by reaching into the emulator. Nothing is counted before
GET /_onceledger/uses was asked once; each answer holds what was used since the one before.

A use goes by four words, "dynamodb <table> PutItem write_units". What the account's root or an operator asks for is not counted: only what comes
under an execution role, and what the services do by themselves.
"""

import json
import threading
from collections import Counter
from urllib.parse import parse_qs

from ministack import app
from ministack.core import iam_evaluator
from ministack.services import dynamodb, eventbridge, kms, lambda_svc, s3, secretsmanager, ses_v2, sns, sqs, stepfunctions

from local.cost.metering import chunks_of_64_kb, event_bytes, invocation_log_bytes, item_bytes, read_units, write_units

_PATH = "/_onceledger/uses"

_lock = threading.Lock()
_used: Counter[str] = Counter()
_metrics: set[str] = set()
_is_counting = False


def count_uses() -> None:
    """Gap: nothing says what was used. To be called after all that changes the same functions."""
    _tell()
    for module, of_service in (
        (dynamodb, _of_dynamodb),
        (eventbridge, _of_events),
        (kms, _of_kms),
        (s3, _of_s3),
        (secretsmanager, _of_secrets),
        (ses_v2, _of_mail),
        (sns, _of_sns),
        (sqs, _of_sqs),
    ):
        module.handle_request = _counted(module.handle_request, of_service)
    _count_deliveries()
    _count_executions()
    _count_invocations()


def _count(service: str, resource: str, action: str, **measures: float) -> None:
    name = resource.rstrip("/").replace(":", "/").rpartition("/")[2].replace(" ", "_") or "-"
    with _lock:
        for measure, amount in measures.items():
            _used[f"{service} {name} {action} {measure}"] += amount


def _tell() -> None:
    """Answers GET on the path above."""
    handle = app._handle_pre_body_request

    async def handled(method, path, *rest):
        global _is_counting
        if path != _PATH:
            return await handle(method, path, *rest)
        _is_counting = True
        with _lock:
            told = json.dumps({"uses": _used, "metrics": sorted(_metrics)})
            _used.clear()
        return 200, {"Content-Type": "application/json"}, told.encode()

    app._handle_pre_body_request = handled


def _counted(handle, of_service):
    """`of_service(method, path, action, request, body)` is called before the service and returns what is to be called with its answer."""

    async def handled(method, path, headers, body, query, *rest, **named):
        if not _is_counting or "assumed-role" not in iam_evaluator.request_caller_arn(headers, query):
            return await handle(method, path, headers, body, query, *rest, **named)
        action = headers.get("x-amz-target", "").rpartition(".")[2]
        count = of_service(method, path, action, _document(body) if action else {}, body)
        answer = await handle(method, path, headers, body, query, *rest, **named)
        count(answer)
        return answer

    return handled


def _of_dynamodb(_method, _path, action, request, _body):
    """Writes by the larger of the item before and after, whether they succeed or not. An index's share is left out."""
    if action.startswith("TransactWrite"):
        parts = [part for each in request["TransactItems"] for part in each.values()]
    elif action in ("PutItem", "UpdateItem", "DeleteItem"):
        parts = [request]
    else:
        return lambda answer: _count_reads(action, request, answer)
    before = [_size(part) for part in parts]

    def count(_answer):
        for part, size in zip(parts, before):
            units = write_units(max(size, _size(part)), transactional=len(request.get("TransactItems", [])) > 0)
            _count("dynamodb", part["TableName"], action, requests=1, write_units=units)

    return count


def _size(part: dict) -> int:
    table = dynamodb._tables.get(part["TableName"])
    if table is None:
        return 0
    item = dynamodb._get_item_by_key(table, part.get("Key") or dynamodb._extract_key_from_item(table, part["Item"]))
    return item_bytes(item) if item else 0


def _count_reads(action: str, request: dict, answer: tuple) -> None:
    """By what the answer holds. A projection or a filter reads more than it returns, so the nightly scan is modelled by the table's size instead."""
    told = _document(answer[2])
    if action == "TransactGetItems":
        for part, found in zip(request["TransactItems"], told.get("Responses", [])):
            units = read_units(item_bytes(found.get("Item", {})), consistent=True, transactional=True)
            _count("dynamodb", part["Get"]["TableName"], action, requests=1, read_units=units)
    elif "TableName" in request:
        items = told.get("Items", [told["Item"]] if "Item" in told else [])
        units = read_units(sum(map(item_bytes, items)), request.get("ConsistentRead", False))
        _count("dynamodb", request["TableName"], action, requests=1, read_units=units)


def _of_events(_method, _path, action, request, _body):
    def count(_answer):
        for entry in request.get("Entries", []):
            size = event_bytes(entry)
            _count("events", entry["EventBusName"], entry["DetailType"], events=1, chunks=chunks_of_64_kb(size), bytes=size)

    return count


def _of_kms(_method, _path, action, request, _body):
    return lambda _answer: _count("kms", request.get("KeyId", ""), action, requests=1)


def _of_secrets(_method, _path, action, _request, _body):
    return lambda _answer: _count("secretsmanager", "", action, requests=1)


def _of_sqs(_method, _path, action, request, body):
    return lambda answer: _count("sqs", request.get("QueueUrl", ""), action, requests=chunks_of_64_kb(max(len(body), len(answer[2]))))


def _of_sns(_method, _path, _action, _request, body):
    asked = parse_qs(body.decode())
    return lambda _answer: _count("sns", asked.get("TopicArn", [""])[0], asked.get("Action", ["-"])[0], requests=1)


def _of_mail(method, path, _action, _request, _body):
    return lambda _answer: _count("ses", "", "SendEmail", mails=1) if (method, path[-16:]) == ("POST", "/outbound-emails") else None


def _of_s3(method, path, _action, _request, body):
    bucket, _, key = path.lstrip("/").partition("/")
    return lambda _answer: _count("s3", bucket, method if key else "LIST", requests=1, bytes=len(body))


def _count_deliveries() -> None:
    """What rules send to queues is paid for like any other message."""
    dispatch = eventbridge._dispatch_to_sqs

    def dispatched(spec, payload, *rest):
        if _is_counting:
            size = len(payload.encode())
            _count("sqs", spec.resource, "ByRule", messages=1, requests=chunks_of_64_kb(size), bytes=size)
        return dispatch(spec, payload, *rest)

    eventbridge._dispatch_to_sqs = dispatched


def _count_executions() -> None:
    """A transition is a state entered, or its task tried again."""
    run = stepfunctions._run_execution

    def ran(arn):
        run(arn)
        execution = stepfunctions._executions.get(arn)
        if not _is_counting or execution is None:
            return
        kinds = [event["type"] for event in execution["events"]]
        entered = sum(kind.endswith("StateEntered") for kind in kinds)
        retried = max(0, kinds.count("TaskScheduled") - kinds.count("TaskStateEntered"))
        _count("states", execution["stateMachineArn"], "execution", executions=1, transitions=entered + retried)

    stepfunctions._run_execution = ran


def _count_invocations() -> None:
    emit = lambda_svc._emit_lambda_logs

    def emitted(function, request_id, log, error, duration_ms, *rest, **named):
        emit(function, request_id, log, error, duration_ms, *rest, **named)
        if not _is_counting:
            return
        lines = (log or "").splitlines()
        name = (function.get("config") or function)["FunctionName"]
        # The time is this machine's. It says something of those alone that sleep most of theirs.
        _count("lambda", name, "invoke", invocations=1, ms=duration_ms, log_bytes=invocation_log_bytes(lines))
        with _lock:
            _metrics.update(_metrics_in(lines))

    lambda_svc._emit_lambda_logs = emitted


def _metrics_in(lines: list[str]) -> list[str]:
    """Each metric with its dimensions' values: that many are paid for."""
    told = [_document(line) for line in lines if '"_aws"' in line]
    return [
        f"{metric['Name']} {' '.join(str(each[name]) for name in names)}"
        for each in told
        for declared in each["_aws"]["CloudWatchMetrics"]
        for names in declared["Dimensions"]
        for metric in declared["Metrics"]
    ]


def _document(text: bytes | str) -> dict:
    try:
        document = json.loads(text or "{}")
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
