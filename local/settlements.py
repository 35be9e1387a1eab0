"""Three settlements of a shop, shown as they go: one settles, one is undone, one stops and is decided by two people."""

import contextlib
import json
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator

from local.announced import start_poller
from local.api import Answer
from local.emulator import client
from local.operators import OPERATORS, Operator
from local.postgres import SUPERUSER, psql

# Of EUR 19.99 at 2.9 % and EUR 0.30, the fees of the local cloud (local/deployment.py).
AMOUNT, FEE = 19_99, 88

# A settlement takes seconds. What it waits for may take the poller's next run, hence a minute and some.
_PATIENCE_SECONDS = 120


class Missed(Exception):
    """A settlement did not come to the end it had to come to; the message says how far it came."""


def settle(state: dict, request: Callable[[], Answer], read: Callable[[str], Answer]) -> dict:
    """Asks for a settlement and waits for its end. Returns it as the API shows it."""
    return _until(state, _asked(request), read, lambda it: it["ended_at"] is not None)


@contextlib.contextmanager
def provider_rejects(state: dict, merchant: str) -> Iterator[None]:
    """The KYC provider rejects this merchant meanwhile. It goes by its tenant's id."""
    _set_manner(state, merchant, "reject")
    try:
        yield
    finally:
        _set_manner(state, merchant, "approve")


def stop_in_limbo(
    state: dict, merchant: str, request: Callable[[], Answer], read: Callable[[str], Answer]
) -> tuple[dict, dict]:
    """Asks for a settlement that fails and cannot be undone: meanwhile the ledger refuses to undo anything of the merchant's,
    who goes by its tenant's id. Returns the settlement, and the page that somebody was sent: Subject and Message."""
    with _pages(state) as received, _undoing_refused(state, merchant):
        settlement = _until(state, _asked(request), read, lambda it: it["status"] == "limbo")
        return settlement, received(settlement["id"])


def decide(state: dict, settlement: str, decision: str) -> Iterator[tuple[str, Answer]]:
    """Two people decide, after one of them has tried it alone. Yields who did what, and the answer."""
    first, second = (Operator(state, name) for name in OPERATORS)
    place = f"/v1/operator/settlements/{settlement}"
    proposed = first.call("POST", f"{place}/proposals", {"decision": decision, "reason": "the buyer never got the goods"})
    yield f"{first.name} proposes a {decision}", proposed
    approval = f"{place}/proposals/{proposed.json['id']}/approval"
    yield f"{first.name} approves it as well", first.call("POST", approval, {"reason": "it is clear enough"})
    yield f"{second.name} approves it", second.call("POST", approval, {"reason": "seen the complaint, agreed"})


def ended(state: dict, settlement: str, read: Callable[[str], Answer]) -> dict:
    """Waits for the end of a settlement that is under way. Returns it as the API shows it."""
    return _until(state, settlement, read, lambda it: it["ended_at"] is not None)


def _asked(request: Callable[[], Answer]) -> str:
    """Returns the settlement's id."""
    answer = request()
    if answer.status != 202:
        raise Missed(f"a settlement must be accepted; the answer is {answer.status} {answer.body.decode(errors='replace')}")
    return answer.json["id"]


def _until(state: dict, settlement: str, read: Callable[[str], Answer], holds: Callable[[dict], bool]) -> dict:
    start_poller(state)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not holds(shown := read(settlement).json):
        if time.monotonic() > deadline:
            raise Missed(f"settlement {settlement} must come to its end within {_PATIENCE_SECONDS} seconds; it is {json.dumps(shown)}")
        # Asked without a pause, the API would take the processors that the settlement's own functions need.
        time.sleep(0.3)
    return shown


def _set_manner(state: dict, merchant: str, manner: str) -> None:
    request = urllib.request.Request(f"{state['kyc_origin']}/manners/{merchant}", method="PUT", data=manner.encode())
    urllib.request.urlopen(request, timeout=5).close()


_REFUSE = """
CREATE FUNCTION ledger.books_closed() RETURNS trigger LANGUAGE plpgsql AS
    $$BEGIN PERFORM ledger.refuse('books_closed', 'nothing is undone in a closed month'); RETURN NULL; END$$;
CREATE TRIGGER books_closed BEFORE INSERT ON ledger.ledger_transactions FOR EACH ROW
    WHEN (NEW.kind LIKE 'undo%' AND NEW.tenant_id = '{merchant}') EXECUTE FUNCTION ledger.books_closed();
GRANT EXECUTE ON FUNCTION ledger.books_closed() TO ledger_engine;
"""
_REFUSE_NO_MORE = "DROP TRIGGER books_closed ON ledger.ledger_transactions; DROP FUNCTION ledger.books_closed();"


@contextlib.contextmanager
def _undoing_refused(state: dict, merchant: str) -> Iterator[None]:
    """The ledger refuses to undo anything of this merchant's, for a reason that does not pass: a rule that somebody has added."""
    port = state["postgres"]["port"]
    psql(port, SUPERUSER, "-qc", _REFUSE.format(merchant=merchant))
    try:
        yield
    finally:
        psql(port, SUPERUSER, "-qc", _REFUSE_NO_MORE)


@contextlib.contextmanager
def _pages(state: dict) -> Iterator[Callable[[str], dict]]:
    """Somebody on duty: a queue that subscribes to the pager. Yields what waits for the page that holds the given words."""
    port, topic = state["aws"]["port"], state["resources"]["Pager"]
    sqs, sns = client("sqs", port), client("sns", port)
    queue = sqs.create_queue(QueueName=f"on-duty-{uuid.uuid4()}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    from_pager = {"ArnEquals": {"aws:SourceArn": topic}}
    allowed = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn, "Condition": from_pager}
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [allowed]})})
    subscription = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, ReturnSubscriptionArn=True)

    def received(words: str) -> dict:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline:
            for message in sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=5).get("Messages", []):
                page = json.loads(message["Body"])
                if words in page["Message"]:
                    return page
        raise Missed(f"somebody must be paged within {_PATIENCE_SECONDS} seconds")

    try:
        yield received
    finally:
        sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
        sqs.delete_queue(QueueUrl=queue)
