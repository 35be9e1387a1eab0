"""Counts what each kind of event uses, and each run of a schedule, by letting them happen on a local cloud that does nothing else.

What is counted are requests, units and bytes, which are the same here and in AWS. Time is not: no figure of this machine's speed gets out.
"""

import json
import re
import sys
import time
import urllib.request
import uuid
from collections import Counter
from collections.abc import Callable

from botocore.config import Config

from local.announced import start_poller
from local.api import Answer, Api, new_key
from local.cost.assumptions import CONSUMERS
from local.cost.metering import calls_of_512_kb, invocation_log_bytes, item_bytes
from local.cost.stack import stack
from local.emulator import client
from local.identity import Accounts, Issuer
from local.places import REPOSITORY
from local.postgres import SUPERUSER, psql
from local.settlements import provider_rejects

# How often each kind of event is let happen. Payments more often than the rest, because of the pages that their rows fill.
PAYMENTS, OTHERS, SETTLEMENTS, COMPENSATIONS = 500, 100, 40, 15

_PATIENCE_SECONDS = 240
# How long a run of the poller is at work, less a little.
_POLLER_SECONDS = 55
# A run that took longer slept, which takes as long everywhere; a shorter one was as fast as this machine.
_SLEPT_MS = 10_000
# A batch of the archive's is one.
_OBJECTS = "s3 Archive PUT requests"
# Rows that leave again: announced and kept for three days, or folded into a checkpoint.
_PASSING = ("outbox", "published_events", "balance_tail")


class Unmeasured(Exception):
    """Something did not happen as it has to for its counts to mean anything; the message says what."""


def measure(state: dict) -> dict:
    """Returns what docs/cost/counts.json holds. Takes some minutes, most of it two runs of the poller."""
    meter = Meter(state)
    meter.log_changes_alone()
    standing = stack()
    schedules = {name: meter.scheduled(name, schedule) for name, schedule in standing["schedules"].items()}
    shop = Shop(state)
    meter.drain()
    events = _events(meter, shop)
    return {
        "repetitions": {"payments": PAYMENTS, "others": OTHERS, "settlements": SETTLEMENTS, "compensated": COMPENSATIONS},
        "events": events,
        "schedules": schedules,
        "bytes per row": meter.bytes_per_row(),
        "gate item bytes": meter.gate_item_bytes(),
        "metrics": meter.metrics,
        "stack": standing,
    }


def _events(meter: "Meter", shop: "Shop") -> dict[str, dict[str, float]]:
    """By event, what one of it uses until nothing more follows from it."""
    paid: list[tuple[uuid.UUID, dict, str]] = []

    def pay(_number: int) -> Answer:
        key, body = new_key(), shop.payment()
        answer = shop.api.post("/v1/payments", body, key)
        paid.append((key, body, answer.json.get("id", "")))
        return answer

    def again(number: int) -> Answer:
        key, body, _ = paid[number]
        return shop.api.post("/v1/payments", body, key)

    def refund(number: int) -> Answer:
        return shop.api.post(f"/v1/payments/{paid[number][2]}/refunds", {"amount": 100, "description": "A torn cover"}, new_key())

    def settle(_number: int) -> Answer:
        return shop.api.post("/v1/settlements", shop.payment(), new_key())

    events = {
        "payment": meter.each("payment", PAYMENTS, 201, pay),
        "replay": meter.each("replay", OTHERS, 201, again),
        "declined": meter.each("declined", OTHERS, 402, lambda _: shop.api.post("/v1/payments", shop.payment(shop.poor), new_key())),
        "deposit": meter.each("deposit", OTHERS, 201, lambda _: shop.deposit(shop.buyer, 10_00)),
        "refund": meter.each("refund", OTHERS, 201, refund),
        "balance read": meter.each("balance read", OTHERS, 200, lambda _: shop.api.get(f"/v1/accounts/{shop.buyer}")),
        "payment read": meter.each("payment read", OTHERS, 200, lambda number: shop.api.get(f"/v1/payments/{paid[number][2]}")),
        "settlement": meter.each("settlement", SETTLEMENTS, 202, settle),
    }
    with provider_rejects(meter.state, shop.tenant):
        events["compensated"] = meter.each("compensated", COMPENSATIONS, 202, settle)
    meter.put_under_way(paid[-1][0])
    events["conflict"] = meter.each("conflict", OTHERS, 409, lambda _: again(-1))
    return events


class Shop:
    """A merchant with a rich and a poor buyer and an account of its own. It is mailed."""

    def __init__(self, state: dict):
        accounts = Accounts(Issuer(**state["issuer"]), state["aws"]["port"])
        self.tenant = str(uuid.uuid4())
        platform = Api(state["api_url"], accounts.platform_token())
        _expect(platform.put(f"/v1/merchants/{self.tenant}", {"currencies": ["EUR"], "contact_email": "till@shop.example"}), 201)
        self.api = Api(state["api_url"], accounts.merchant_token(self.tenant))
        self.buyer, self.poor, self.till = (self._account(kind) for kind in ("buyer", "buyer", "merchant"))
        _expect(self.deposit(self.buyer, 1_000_000_00), 201)

    def payment(self, source: str | None = None) -> dict:
        """The body of a request with what merchants usually send along, in about the length they send it."""
        return {
            "source": source or self.buyer,
            "destination": self.till,
            "amount": 50_00,
            "currency": "EUR",
            "description": "Two books and a pencil",
            "metadata": {"order": "A-2026-0012345"},
            "card_token": "tok_9f3b1c7e5a2d4e8f",
        }

    def deposit(self, destination: str, amount: int) -> Answer:
        return self.api.post("/v1/deposits", {"destination": destination, "amount": amount, "currency": "EUR"}, new_key())

    def _account(self, kind: str) -> str:
        return _expect(self.api.post("/v1/accounts", {"kind": kind, "currency": "EUR"}, new_key()), 201).json["id"]


class Meter:
    """What a cloud's emulator and ledger have counted, by the template's own names."""

    def __init__(self, state: dict):
        self.state = state
        self.metrics = 0
        self._logical = {_last(physical): logical for logical, physical in state["resources"].items()}
        self._polled_at = 0.0
        port = state["aws"]["port"]
        self._sqs, self._states, self._dynamodb = (client(name, port) for name in ("sqs", "stepfunctions", "dynamodb"))
        # A run of the poller takes longer than a client waits, and a second invocation would be counted as well.
        self._lambda = client("lambda", port, Config(read_timeout=960, retries={"max_attempts": 0}))
        self._tables = self._sql(
            "SELECT json_agg(relname) FROM pg_class WHERE relnamespace = 'ledger'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition"
        )
        self._scheduled = {schedule["target"] for schedule in stack()["schedules"].values()}
        self._take()

    def log_changes_alone(self) -> None:
        """Aurora logs no whole pages, as PostgreSQL does. And what is cleaned up meanwhile is not whose turn it happens in."""
        for setting in ("full_page_writes", "autovacuum"):
            self._psql(f"ALTER SYSTEM SET {setting} = off")
        self._psql("SELECT pg_reload_conf()")
        # The server tells nobody when each of its processes has read its settings anew.
        time.sleep(1)
        self._psql("CHECKPOINT")

    def scheduled(self, name: str, schedule: dict) -> dict:
        """What one run of a schedule uses while there is nothing to do."""
        _say(f"{name}, one run")
        target, event = schedule["target"], schedule["input"] or _sample(schedule["target"])
        self._take()
        before = self._ledger()
        if target in self.state["functions"]:
            self._invoke(target, event)
        else:
            self._run_machine(target, event)
        used = self._ledger() - before
        for use, amount in self._take().items():
            service, resource, _, what = use.split()
            # The clock starts others meanwhile, and they are counted by themselves.
            is_another = service == "lambda" and resource in self._scheduled - {target}
            if not is_another and (what != "ms" or amount >= _SLEPT_MS):
                used[use] += amount
        return {"target": target, "per_month": round(schedule["per_month"], 2), "counts": _each(used, 1)}

    def each(self, name: str, times: int, status: int, act: Callable[[int], Answer]) -> dict[str, float]:
        """What one of `times` uses, with all that follows from it. Raises Unmeasured for any answer but `status`."""
        _say(f"{name}, {times} times")
        self._take()
        before = self._ledger()
        used: Counter = Counter()
        for number in range(times):
            answer = _expect(act(number), status)
            used["api Api call calls"] += calls_of_512_kb(len(answer.body))
            used["api Api call bytes_out"] += len(answer.body)
        self.drain()
        self._invoke("FoldBalances", _sample("FoldBalances"))
        used += self._ledger() - before
        taken = self._take()
        for use, amount in taken.items():
            service, resource, _, what = use.split()
            # Schedules are counted by themselves: how often they run does not depend on how much there is to do.
            if what != "ms" and (service != "lambda" or resource not in {*self._scheduled, *CONSUMERS}) and use != _OBJECTS:
                used[use] += amount
        # How many messages come in a batch depends on how close they follow each other, so that batches are for the model.
        for function in CONSUMERS:
            alone = invocation_log_bytes([]) * taken[f"lambda {function} invoke invocations"]
            used[f"lambda {function} message log_bytes"] = taken[f"lambda {function} invoke log_bytes"] - alone
        return _each(used, times)

    def put_under_way(self, key: uuid.UUID) -> None:
        """Makes the gate's item look as while its payment is being decided."""
        table = self.state["gate_table"]
        (item,) = [each for each in self._items(table) if each["sk"]["S"] == f"key#{key}"]
        self._dynamodb.update_item(
            TableName=table,
            Key={name: item[name] for name in ("pk", "sk")},
            UpdateExpression="SET #status = :processing, lease_until = :later REMOVE response_status, response_type, response_body",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={":processing": {"S": "PROCESSING"}, ":later": {"N": str(int(time.time() + 3600) * 1000)}},
        )

    def gate_item_bytes(self) -> int:
        """Of an item with its answer, on average."""
        sizes = [item_bytes(item) for item in self._items(self.state["gate_table"]) if "response_body" in item]
        return round(sum(sizes) / len(sizes))

    def bytes_per_row(self) -> dict[str, int]:
        """Of each table that keeps its rows: heap and indexes, without an index's first page, over rows. Where rows are few, the last pages
        are not full yet, and this is too much."""
        # Its rows change with every step, and in a table that lives the room of what they were is taken again.
        self._psql("VACUUM FULL ledger.settlements")
        sizes = self._sql(
            "SELECT json_object_agg(name, bytes) FROM (SELECT coalesce(root.relname, leaf.relname) AS name, sum(pg_relation_size(leaf.oid) + coalesce("
            "(SELECT sum(pg_relation_size(indexrelid) - 8192) FROM pg_index WHERE indrelid = leaf.oid), 0)) AS bytes FROM pg_class leaf"
            " LEFT JOIN pg_inherits ON inhrelid = leaf.oid LEFT JOIN pg_class root ON root.oid = inhparent"
            " WHERE leaf.relnamespace = 'ledger'::regnamespace AND leaf.relkind = 'r' AND pg_relation_size(leaf.oid) > 0 GROUP BY 1) AS sized"
        )
        rows = self._rows()
        return {table: round(sizes[table] / rows[table]) for table in sorted(rows) if rows[table] >= COMPENSATIONS and table not in _PASSING}

    def _take(self) -> Counter:
        """What was used since the last time, schedules' functions among it."""
        with urllib.request.urlopen(f"{self.state['aws']['endpoint']}/_onceledger/uses", timeout=10) as answer:
            told = json.load(answer)
        self.metrics = len(told["metrics"])
        used: Counter = Counter()
        for use, amount in told["uses"].items():
            service, resource, action, what = use.split()
            used[f"{service} {self._logical.get(resource, resource)} {action} {what}"] += amount
        return used

    def _ledger(self) -> Counter:
        told = self._sql("SELECT json_build_object('wal', pg_current_wal_insert_lsn() - '0/0', 'next', pg_snapshot_xmax(pg_current_snapshot())::text)")
        counted = Counter({"ledger wal log bytes": int(told["wal"]), "ledger transactions log commits": int(told["next"])})
        return counted + Counter({f"ledger {table} table rows": rows for table, rows in self._rows().items() if table not in _PASSING})

    def _rows(self) -> dict[str, int]:
        counts = " UNION ALL ".join(f"SELECT '{table}' AS name, count(*) AS rows FROM ledger.{table}" for table in self._tables)
        return self._sql(f"SELECT json_object_agg(name, rows) FROM ({counts}) AS counted")

    def drain(self) -> None:
        """Waits until nothing follows any more: settlements ended, events out, queues empty, machines at rest."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while left := self._left():
            if time.monotonic() > deadline:
                raise Unmeasured(f"after {_PATIENCE_SECONDS} seconds there is still {left}")
            if time.monotonic() > self._polled_at + _POLLER_SECONDS:
                start_poller(self.state)
                self._polled_at = time.monotonic()
            # Nobody is told when a queue is empty: it is asked, without taking much from who empties it.
            time.sleep(0.5)

    def _left(self) -> str:
        open_rows = self._sql(
            "SELECT json_build_object('in the outbox', (SELECT count(*) FROM ledger.outbox),"
            " 'settlements', (SELECT count(*) FROM ledger.settlements WHERE ended_at IS NULL))"
        )
        queued = {queue: self._queued(queue) for queue in ("NotifyQueue", "AnalyticsQueue")}
        running = {machine: self._executing(machine) for machine in ("SettlementShort", "SettlementLong")}
        return ", ".join(f"{count} {what}" for what, count in (open_rows | queued | running).items() if count)

    def _queued(self, queue: str) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        told = self._sqs.get_queue_attributes(QueueUrl=self.state["resources"][queue], AttributeNames=names)["Attributes"]
        return sum(int(told[name]) for name in names)

    def _executing(self, machine: str) -> int:
        return len(self._states.list_executions(stateMachineArn=self.state["resources"][machine], statusFilter="RUNNING")["executions"])

    def _invoke(self, function: str, event: str) -> None:
        """Invokes and waits; for its turn as well, if the clock has just started the only copy there may be."""
        name, deadline = self.state["functions"][function]["name"], time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                answer = self._lambda.invoke(FunctionName=name, Payload=event)
                break
            except self._lambda.exceptions.TooManyRequestsException:
                if time.monotonic() > deadline:
                    raise
                # The run that the clock began has its only place, until it ends.
                time.sleep(1)
        if "FunctionError" in answer:
            raise Unmeasured(f"{function} failed: {answer['Payload'].read()!r}")

    def _run_machine(self, machine: str, event: str) -> None:
        arn = self._states.start_execution(stateMachineArn=self.state["resources"][machine], input=event)["executionArn"]
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while (status := self._states.describe_execution(executionArn=arn)["status"]) == "RUNNING" and time.monotonic() < deadline:
            # An execution says nothing when it ends.
            time.sleep(0.3)
        if status != "SUCCEEDED":
            raise Unmeasured(f"{machine} has {status}")

    def _items(self, table: str) -> list[dict]:
        return [item for page in self._dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True) for item in page["Items"]]

    def _sql(self, statement: str):
        return json.loads(self._psql(statement))

    def _psql(self, statement: str) -> str:
        return psql(self.state["postgres"]["port"], SUPERUSER, "-tA", "-c", statement, capture_output=True).stdout


def _each(used: Counter, times: int) -> dict[str, float]:
    return {use: _short(amount / times) for use, amount in sorted(used.items()) if amount > 0}


def _short(amount: float) -> float:
    rounded = round(amount, 3)
    return int(rounded) if rounded == int(rounded) else rounded


def _last(physical: str) -> str:
    """As local/emulator_uses.py names a resource."""
    return physical.rstrip("/").replace(":", "/").rpartition("/")[2]


def _sample(function: str) -> str:
    """What the clock sends: the function's sample in events/."""
    name = re.sub(r"(?<!^)(?=[A-Z])", "-", function).lower()
    path = REPOSITORY / "events" / f"{name}.json"
    return path.read_text() if path.exists() else "{}"


def _expect(answer: Answer, status: int) -> Answer:
    if answer.status != status:
        raise Unmeasured(f"{status} was to be answered, not {answer.status} {answer.body.decode(errors='replace')}")
    return answer


def _say(what: str) -> None:
    print(f"  {what}", file=sys.stderr, flush=True)
