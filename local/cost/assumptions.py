"""What is neither measured nor a price, all of it: a value, what it could as well be, and why. The page shows what each is worth."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Assumption:
    """`low` and `high` are what it may be instead."""

    value: float
    low: float
    high: float
    unit: str
    why: str


def _of(value: float, low: float, high: float, unit: str, why: str) -> Assumption:
    return Assumption(value, low, high, unit, why)


_SHARE = "per authorization"

ASSUMPTIONS = {
    # The mix. An authorization is a request for a payment or a settlement that nobody has made before.
    "settlements": _of(0.15, 0.10, 0.20, _SHARE, "The review: 10 to 20 % of authorizations are settled in steps. The rest are payments."),
    "compensated": _of(0.01, 0.0, 0.05, "per settlement", "Merchants that the provider rejects."),
    "declined": _of(0.02, 0.0, 0.10, _SHARE, "Refused by the ledger, out of what would be payments."),
    "replays": _of(0.001, 0.0001, 0.01, _SHARE, "The review: 0.1 % of requests lose their answer."),
    "conflicts": _of(0.0001, 0.0, 0.001, _SHARE, "A retry while the first is under way."),
    "deposits": _of(0.10, 0.0, 1.0, _SHARE, "Buyers' money comes in from outside in larger sums than it goes out. 1: one for each payment."),
    "refunds": _of(0.02, 0.0, 0.08, _SHARE, "Returned goods."),
    "balance reads": _of(0.50, 0.0, 2.0, _SHARE, "Merchants' servers look before or after."),
    "payment reads": _of(0.20, 0.0, 2.0, _SHARE, "The same; and whoever lost an answer."),
    # Time. What is measured here is this machine's, and not AWS's.
    "money path": _of(40, 20, 100, "ms billed", "Three writes to DynamoDB of about 5 ms and the review's 8.8 ms of ledger, one after the other, and the rest of a request."),
    "reads' time": _of(15, 8, 40, "ms billed", "One statement."),
    "steps' time": _of(60, 25, 300, "ms billed", "A statement, and for one step in four the provider's answer."),
    "message's time": _of(15, 5, 60, "ms billed per message", "Two to three requests, side by side with the batch's others."),
    "batch's time": _of(10, 5, 50, "ms billed per batch", "Receiving and ending one."),
    "round": _of(0.1, 0.02, 0.5, "s", "Between two looks of Lambda at a queue: what arrives meanwhile is a batch, if the queue has no longer window of its own."),
    "express time": _of(1.0, 0.5, 5.0, "s", "A settlement by the short way, most of it the provider. Billed in 64 MB, the least there is."),
    "scheduled run": _of(2, 0.5, 10, "s billed", "Of a schedule's function, except those below."),
    "proof": _of(60, 20, 300, "s billed per million authorizations", "A night's proof reads the day's rows; a week's, all rows there are."),
    # What stands.
    "instances": _of(2, 2, 3, "db.r6g.2xlarge", "The review's writer, and one that takes over. Sized for the peak, and there when it comes."),
    "age": _of(12, 1, 84, "months", "How much ledger has gathered in the month that is billed. It is kept for 84."),
    "tenants": _of(10_000, 1_000, 10_000, "secrets", "Each merchant that keeps customers has a key of its own."),
    "page reads": _of(0.1, 0.0, 2.0, "I/Os per authorization", "What the buffers do not hold. The merchant's rows are hot; a payment that is read again after days is not."),
    "header bytes": _of(600, 300, 1000, "bytes per answer", "Headers and TLS beside the measured body."),
    "mailed": _of(1.0, 0.0, 1.0, "of merchants", "With `contact_email` a merchant is mailed about each event. Without it, nothing is sent."),
    "log compression": _of(0.2, 0.1, 0.4, "of the bytes taken in", "CloudWatch keeps logs compressed."),
    "traced": _of(0.05, 0.05, 0.05, "of calls", "X-Ray's own default, if tracing is on."),
}

# Our own functions by whose time they take; any other that the API calls is a read.
MONEY_PATH = ("Authorize", "Deposit", "CorrectPayment", "RequestSettlement")
STEPS = ("SettleStep", "Compensate", "AwaitDecision")
CONSUMERS = {"Notify": "NotifyQueue", "Analytics": "AnalyticsQueue"}
