"""Counts times prices under assumptions: a month's bill at a rate of authorizations. Pure arithmetic, without I/O.

A month has 30 days, as in the review, and a GB 2^30 bytes.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from local.cost.assumptions import ASSUMPTIONS, CONSUMERS, MONEY_PATH, STEPS
from local.cost.metering import KB, invocation_log_bytes
from local.cost.prices import PRICES

SECONDS = 30 * 86_400
HOURS = SECONDS / 3600
GB = 2**30
# $10B a year at $50, and the peak that everything is built for; authorizations a second.
VOLUME, PAYMENT = 10e9, 50
AVERAGE = VOLUME / PAYMENT / (365 * 86_400)
PEAK = 1000.0
# The gate keeps answers for as long, and a table's item takes so many bytes more than its own.
GATE_SECONDS, ITEM_OVERHEAD = 48 * 3600, 100
# vCPUs of a db.r6g.2xlarge, and the bytes of PostgreSQL's page and of Aurora's write.
VCPUS, PAGE_BYTES, WRITE_BYTES = 8, 8 * KB, 4 * KB
# Each queue with a function behind it is asked by five pollers, for twenty seconds at a time, whether it is empty or not.
IDLE_RECEIVES = 5 * 3 * 60

Values = Mapping[str, float]


@dataclass(frozen=True)
class Line:
    """A line of the bill: what is used in a month, by a price's name, and what that comes to in dollars."""

    section: str
    what: str
    quantity: float
    price: str
    dollars: float


def assumed(**changed: float) -> dict[str, float]:
    """The assumptions' values, but for those that are given (with _ for a blank)."""
    values = {name: assumption.value for name, assumption in ASSUMPTIONS.items()}
    return values | {name.replace("_", " "): value for name, value in changed.items()}


def events_per_authorization(values: Values) -> dict[str, float]:
    """How often each measured event happens for an authorization. Payments, declined ones and settlements together are one."""
    settlements, declined = values["settlements"], values["declined"]
    return {
        "payment": 1 - settlements - declined,
        "declined": declined,
        "settlement": settlements * (1 - values["compensated"]),
        "compensated": settlements * values["compensated"],
        "replay": values["replays"],
        "conflict": values["conflicts"],
        "deposit": values["deposits"],
        "refund": values["refunds"],
        "balance read": values["balance reads"],
        "payment read": values["payment reads"],
    }


def uses(counts: dict, values: Values, rate: float) -> Counter:
    """What a month uses, schedules and all, before batches are made of messages."""
    used: Counter = Counter()
    for event, share in events_per_authorization(values).items():
        _add(used, counts["events"][event], share * rate * SECONDS)
    for schedule in counts["schedules"].values():
        _add(used, schedule["counts"], schedule["per_month"])
    return used


def total(used: Mapping[str, float], pattern: str) -> float:
    """The sum over all uses that agree with the four words; * stands for any."""
    words = pattern.split()
    return sum(amount for use, amount in used.items() if all(word in ("*", said) for word, said in zip(words, use.split(), strict=True)))


def bill(counts: dict, values: Values, rate: float, optimized: bool | None = None) -> list[Line]:
    """The month's bill. `optimized`: on Aurora I/O-Optimized or not; None: whichever is cheaper."""
    month = Month(counts, values, rate)
    if optimized is None:
        optimized = min((False, True), key=lambda either: dollars(month.ledger(either)))
    parts = [month.api(), month.functions(), month.gate(), month.ledger(optimized), month.events(), month.mail()]
    return [line for part in [*parts, month.settlements(), month.keys(), month.watching(), month.network()] for line in part if line.quantity]


def dollars(lines: list[Line], section: str | None = None) -> float:
    """What the lines, or those of a section, come to."""
    return sum(line.dollars for line in lines if section in (None, line.section))


def kept_bytes(counts: dict, values: Values) -> float:
    """What the ledger grows by for an authorization and all that comes of it, for good."""
    return sum(
        share * sum(counts["events"][event].get(f"ledger {table} table rows", 0) * size for table, size in counts["bytes per row"].items())
        for event, share in events_per_authorization(values).items()
    )


def writes_to_storage(used: Mapping[str, float]) -> float:
    """Aurora's write I/Os for what is logged: of each commit every 4 KB that it begins. Commits that meet may share one, so this is the most."""
    commits, logged = total(used, "ledger transactions log commits"), total(used, "ledger wal log bytes")
    return max(commits, logged / WRITE_BYTES)


def break_even(counts: dict, values: Values, most: float = 10 * PEAK) -> float | None:
    """The rate from which on I/O-Optimized is cheaper. None: at no rate up to `most`."""

    def dearer(rate: float) -> bool:
        month = Month(counts, values, rate)
        return dollars(month.ledger(True)) > dollars(month.ledger(False))

    low, high = 0.0, most
    if dearer(high):
        return None
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if dearer(middle) else (low, middle)
    return high


def sensitivities(counts: dict, rate: float, values: Values) -> list[tuple[str, float, float]]:
    """Of each assumption, what its low and its high would make the bill, in dollars; those that matter most first."""

    def at(name: str, value: float) -> float:
        return dollars(bill(counts, {**values, name: value}, rate))

    found = [(name, at(name, each.low), at(name, each.high)) for name, each in ASSUMPTIONS.items()]
    return sorted(found, key=lambda entry: -abs(entry[2] - entry[1]))


class Month:
    """A month at `rate` authorizations a second. Each method is a section of the bill."""

    def __init__(self, counts: dict, values: Values, rate: float):
        self.counts, self.values, self.rate = counts, values, rate
        self.authorizations = rate * SECONDS
        self.used = uses(counts, values, rate)
        self.stack = counts["stack"]

    def api(self) -> list[Line]:
        """Calls, and what goes out with the answers."""
        calls = total(self.used, "api * * calls")
        out = total(self.used, "api * * bytes_out") + calls * self.values["header bytes"]
        return [_line("API", "calls", calls, "api"), _line("API", "answers", out / GB, "data out")]

    def functions(self) -> list[Line]:
        """Invocations and their time, those of schedules and of batches too; and what stands ready. Time within that is a little cheaper, which is left out."""
        invocations = self._invocations()
        seconds = sum(count * self._seconds(function) * self._memory(function) for function, count in invocations.items())
        messages = sum(self._messages(queue) * self._memory(function) for function, queue in CONSUMERS.items()) * self.values["message's time"] / 1000
        ready = sum(count * self._memory(function) for function, count in self.stack["kept ready"].items())
        return [
            _line("Functions", "environments kept ready", ready * SECONDS, "kept ready"),
            _line("Functions", "invocations", sum(invocations.values()), "invocations"),
            _line("Functions", "time", seconds + messages + self.proving() * self._memory("Reconcile"), "compute"),
        ]

    def gate(self) -> list[Line]:
        """The gate's writes, its items for two days and their backup, and the nightly look at all of them."""
        items = GATE_SECONDS * self.rate * self._claims()
        size = self.counts["gate item bytes"]
        stored = items * (size + ITEM_OVERHEAD) / GB
        return [
            _line("Gate", "writes", total(self.used, "dynamodb Gate * write_units"), "writes"),
            _line("Gate", "read every night by the proof", 30 * items * size / (4 * KB), "reads"),
            _line("Gate", "items of 48 hours", stored, "items"),
            _line("Gate", "their backup", stored, "items' backup"),
        ]

    def ledger(self, optimized: bool) -> list[Line]:
        """Aurora and its proxy. Rows that leave again (the outbox, three days of what was announced) are left out."""
        suffix = ", I/O-Optimized" if optimized else ""
        instances = self.values["instances"]
        stored = self.authorizations * self.values["age"] * kept_bytes(self.counts, self.values) / GB
        # What is proved is read: a day's rows every night, and all of them every week.
        proved = (self.authorizations * kept_bytes(self.counts, self.values) + stored * GB * 30 / 7) / PAGE_BYTES
        lines = [
            _line("Ledger", "instances", instances * HOURS, f"instance{suffix}"),
            _line("Ledger", "rows, all that are kept", stored, f"rows{suffix}"),
            _line("Ledger", "proxy", instances * VCPUS * HOURS, "proxy"),
        ]
        if optimized:
            return lines
        return [
            *lines,
            _line("Ledger", "I/O: writing", writes_to_storage(self.used), "I/O"),
            _line("Ledger", "I/O: reading for requests", self.authorizations * self.values["page reads"], "I/O"),
            _line("Ledger", "I/O: reading for the proofs", proved, "I/O"),
        ]

    def events(self) -> list[Line]:
        """The bus, the consumers' queues and their table, the archive."""
        queues = [queue for queue in self.stack["batches"] if queue in CONSUMERS.values()]
        messages = sum(self._messages(queue) for queue in queues)
        # Received and deleted up to ten at a time.
        taken = sum(2 * self._messages(queue) / min(10, self._batch(queue)) for queue in queues)
        idle = len(self.stack["batches"]) * IDLE_RECEIVES * HOURS
        others = total({use: amount for use, amount in self.used.items() if " ByRule " not in use}, "sqs * * requests")
        archived = total(self.used, "s3 Archive PUT bytes") * self.values["age"] / GB
        return [
            _line("Events", "published", total(self.used, "events * * chunks"), "events"),
            _line("Events", "schedules", sum(schedule["per_month"] for schedule in self.counts["schedules"].values()), "schedules"),
            _line("Events", "messages sent, received, deleted", messages + taken + others, "messages"),
            _line("Events", "receives of pollers that find nothing", max(0.0, idle - taken), "messages"),
            _line("Events", "marks of what was consumed: writes", self._other("write_units"), "writes"),
            _line("Events", "look-ups of contacts and the like: reads", self._other("read_units"), "reads"),
            _line("Events", "objects of the archive, one for each batch", self._invocations()["Analytics"], "puts"),
            _line("Events", "the archive, all that is kept", archived, "objects"),
        ]

    def mail(self) -> list[Line]:
        """An e-mail for each event to each merchant that has left an address."""
        return [_line("Mail", "to merchants", total(self.used, "ses * * mails") * self.values["mailed"], "mails")]

    def settlements(self) -> list[Line]:
        """The two machines; reconciliation's is a few transitions of the second price."""
        express = total(self.used, "states SettlementShort * executions")
        transitions = total(self.used, "states * * transitions") - total(self.used, "states SettlementShort * transitions")
        return [
            _line("Settlements", "the short way", express, "express"),
            _line("Settlements", "its time, in 64 MB", express * self.values["express time"] * 64 / 1024, "express time"),
            _line("Settlements", "the long way, and the nightly proof", transitions, "transitions"),
        ]

    def keys(self) -> list[Line]:
        """Keys, signatures, and the tenants' secrets."""
        signed = total(self.used, "kms * Sign requests") + total(self.used, "kms * Verify requests")
        return [
            _line("Keys", "keys", self.stack["keys"], "keys"),
            _line("Keys", "signatures", signed, "signatures"),
            _line("Keys", "other uses of keys", total(self.used, "kms * * requests") - signed, "key uses"),
            _line("Keys", "merchants' secrets", self.values["tenants"], "secrets"),
            _line("Keys", "uses of secrets", total(self.used, "secretsmanager * * requests"), "secret uses"),
        ]

    def watching(self) -> list[Line]:
        """Logs, metrics, alarms, traces, pages."""
        logged = self._log_bytes() / GB
        calls = total(self.used, "api * * calls")
        access = calls * (self.stack["access log bytes"] + 26) / GB
        kept = (logged + access) * self.values["log compression"] * min(self.values["age"], self.stack["log days"] / 30)
        puts = sum(total(self.used, f"s3 {bucket} {verb} requests") for bucket in ("Reports", "Digests") for verb in ("PUT", "LIST"))
        return [
            _line("Watching", "functions' logs", logged, "logs"),
            _line("Watching", "access log", access, "access logs"),
            _line("Watching", "logs kept", kept, "kept logs"),
            _line("Watching", "metrics", self.counts["metrics"], "metrics"),
            _line("Watching", "alarms", self.stack["alarmed metrics"], "alarms"),
            _line("Watching", "composite alarms", self.stack["composite alarms"], "composite alarms"),
            _line("Watching", "dashboards", self.stack["dashboards"], "dashboards"),
            _line("Watching", "traces", calls * self.values["traced"] if self.stack["is traced"] else 0, "traces"),
            _line("Watching", "pages", total(self.used, "sns * * requests"), "pages"),
            _line("Watching", "seals and reports", puts, "puts"),
        ]

    def network(self) -> list[Line]:
        """What stands in the VPC, as the templates have it. DynamoDB and S3 are reached without a charge."""
        return [
            _line("Network", "interface endpoints", self.stack["interface endpoints, by zones"] * HOURS, "endpoints"),
            _line("Network", "events through them", total(self.used, "events * * bytes") / GB if self.stack["interface endpoints, by zones"] else 0, "endpoint data"),
            _line("Network", "NAT gateways", self.stack["NAT gateways"] * HOURS, "gateways"),
        ]

    def _other(self, units: str) -> float:
        return total(self.used, f"dynamodb * * {units}") - total(self.used, f"dynamodb Gate * {units}")

    def _claims(self) -> float:
        """Items that an authorization leaves at the gate, with what comes of it."""
        shares = events_per_authorization(self.values)
        return sum(
            share * total(self.counts["events"][event], "dynamodb Gate PutItem requests")
            for event, share in shares.items()
            if event not in ("replay", "conflict")
        )

    def _messages(self, queue: str) -> float:
        return total(self.used, f"sqs {queue} ByRule messages")

    def _batch(self, queue: str) -> float:
        """How many messages come in one invocation: what arrives in the window, and one at least."""
        batch = self.stack["batches"][queue]
        return max(1.0, min(batch["size"], self._messages(queue) / SECONDS * max(batch["window_s"], self.values["round"])))

    def _invocations(self) -> dict[str, float]:
        counted = {use.split()[1]: amount for use, amount in self.used.items() if use.startswith("lambda ") and use.endswith(" invocations")}
        return counted | {function: self._messages(queue) / self._batch(queue) for function, queue in CONSUMERS.items()}

    def _log_bytes(self) -> float:
        """Of all functions; what they say of messages was counted without what Lambda says of their batches."""
        batches = sum(self._invocations()[function] for function in CONSUMERS)
        return total(self.used, "lambda * * log_bytes") + batches * invocation_log_bytes([])

    def _memory(self, function: str) -> float:
        """In GB."""
        return self.stack["functions"][function]["memory_mb"] / 1024

    def _seconds(self, function: str) -> float:
        """Of one invocation, without its messages' share. One that sleeps most of its time was measured; the others are assumed."""
        if function in CONSUMERS:
            return self.values["batch's time"] / 1000
        if function in MONEY_PATH:
            return self.values["money path"] / 1000
        if function in STEPS:
            return self.values["steps' time"] / 1000
        targets = {schedule["target"] for schedule in self.counts["schedules"].values()}
        if function not in targets | {"Reconcile"}:
            return self.values["reads' time"] / 1000
        invocations = total(self.used, f"lambda {function} * invocations")
        return max(total(self.used, f"lambda {function} * ms") / invocations / 1000, self.values["scheduled run"])

    def proving(self) -> float:
        """Seconds a month that the nightly and the weekly proof take with the rows there are."""
        rows = self.authorizations * (1 + self.values["age"] * 30 / 7)
        return rows / 1e6 * self.values["proof"]


def _add(used: Counter, counted: Mapping[str, float], times: float) -> None:
    for use, amount in counted.items():
        used[use] += amount * times


def _line(section: str, what: str, quantity: float, price: str) -> Line:
    return Line(section, what, quantity, price, PRICES[price].of(quantity))
