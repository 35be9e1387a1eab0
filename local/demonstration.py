"""The main job, shown on a running cloud: every line comes from an answer of the API, or from the ledger where it says so."""

import json
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from local import settlements
from local.announced import archived, mails, start_poller
from local.api import Answer, Api, new_key
from local.cloud import function_processes
from local.crash import Missed, gate_status, killed_after_commit
from local.identity import Accounts, Issuer
from local.postgres import psql
from local.reconciliation import reconcile, save_page, tell

CURRENCY = "EUR"
AT_ONCE = 50

_ZERO_SUM = """
SELECT count(*), count(DISTINCT transaction_id), coalesce(sum(CASE entry_type WHEN 'CREDIT' THEN amount ELSE -amount END), 0)
  FROM ledger.ledger_entries
"""


class PromiseBroken(Exception):
    """Something did not happen as Onceledger promises; the message says what."""


def demonstrate(state: dict) -> int:
    """Shows the main job with a merchant of its own; returns 1, having said why, if a promise does not hold."""
    accounts = Accounts(Issuer(**state["issuer"]), state["aws"]["port"])
    try:
        start_poller(state)
        shop = _open_shop(state["api_url"], accounts)
        first = _pay_once(shop)
        _follow_the_event(shop, first, state)
        charges = [12_50, _pay_fifty_times_at_once(shop, state), _pay_through_a_crash(shop, state)]
        _settle_one(shop, state)
        _undo_one(shop, state)
        charges.append(_decide_one(shop, state))
        _show_the_ledger(shop, charges, state)
        _prove_the_books(state)
    except (PromiseBroken, Missed, settlements.Missed) as broken:
        print(f"\nThe demonstration failed: {broken}", file=sys.stderr)
        return 1
    except OSError as unreachable:
        print(f"\nThe demonstration failed: the API could not be reached: {unreachable}", file=sys.stderr)
        return 1
    _invite(shop, first)
    return 0


class Shop:
    """A merchant with a buyer's account and one of its own, the address it is written to, and its tenant's id."""

    def __init__(self, api: Api, buyer: str, merchant: str, contact: str, tenant: str):
        self.api, self.buyer, self.merchant, self.contact, self.tenant = api, buyer, merchant, contact, tenant

    def payment(self, amount: int, description: str) -> dict:
        """A request's body; the amount in minor units."""
        names = {"source": self.buyer, "destination": self.merchant}
        return names | {"amount": amount, "currency": CURRENCY, "description": description}

    def pay(self, body: dict, key: uuid.UUID) -> Answer:
        return self.api.post("/v1/payments", body, key)

    def settle(self, description: str) -> Callable[[], Answer]:
        """The request for a settlement, for whoever sends it; the same every time."""
        body, key = self.payment(settlements.AMOUNT, description), new_key()
        return lambda: _until_answered("POST /v1/settlements", lambda: self.api.post("/v1/settlements", body, key))

    def settlement(self, settlement: str) -> Answer:
        return self.api.get(f"/v1/settlements/{settlement}")

    def balance(self, account: str) -> int:
        """In minor units."""
        return _expect(self.api.get(f"/v1/accounts/{account}"), 200)["balance"]

    def entries(self, account: str) -> list[dict]:
        """Newest first. A page leaves out what a transaction that still runs could precede, so this waits for it to end."""
        deadline = time.monotonic() + 5
        while True:
            entries = _expect(self.api.get(f"/v1/accounts/{account}/entries?limit=200"), 200)["data"]
            if sum(map(_signed, entries)) == self.balance(account) or time.monotonic() > deadline:
                return entries
            time.sleep(0.1)


def _open_shop(url: str, accounts: Accounts) -> Shop:
    tenant = str(uuid.uuid4())
    contact = f"till@{tenant[:8]}.example"
    _heading("A merchant joins, opens two accounts, and takes in a buyer's money")
    merchant = Api(url, accounts.platform_token()).put(
        f"/v1/merchants/{tenant}", {"currencies": [CURRENCY], "contact_email": contact}
    )
    _expect(merchant, 201)
    _say("PUT /v1/merchants/{id}", merchant, "by the platform, for the merchant " + tenant)
    api = Api(url, accounts.merchant_token(tenant))
    opened = {}
    for kind in ("buyer", "merchant"):
        body, key = {"kind": kind, "currency": CURRENCY}, new_key()
        answer = _until_answered("POST /v1/accounts", lambda: api.post("/v1/accounts", body, key))
        opened[kind] = _expect(answer, 201)["id"]
        _say("POST /v1/accounts", answer, f"the {kind}'s account {opened[kind]}")
    deposit, key = {"destination": opened["buyer"], "amount": 500_00, "currency": CURRENCY}, new_key()
    answer = _until_answered("POST /v1/deposits", lambda: api.post("/v1/deposits", deposit, key))
    _expect(answer, 201)
    _say("POST /v1/deposits", answer, f"{_money(500_00)} from outside, to the buyer")
    return Shop(api, opened["buyer"], opened["merchant"], contact, tenant)


def _pay_once(shop: Shop) -> str:
    """Returns the payment's id."""
    body, key = shop.payment(12_50, "one book"), new_key()
    _heading("A payment, its retry, and its key used for something else")
    before = shop.balance(shop.buyer)
    first = _until_answered("POST /v1/payments", lambda: shop.pay(body, key))
    _expect(first, 201)
    _say("POST /v1/payments", first, f"{_money(12_50)}, payment {first.json['id']}")
    again = shop.pay(body, key)
    same = again.status == 201 and again.body == first.body
    _promise(same and again.replayed, "a retry must get the first answer's bytes, marked as a replay", again)
    _say("  the same request", again, f"the same {len(again.body)} bytes, Idempotent-Replayed: true")
    other = shop.pay(body | {"amount": 99_00}, key)
    _promise(other.status == 422, "a key must not be taken for another request", other)
    _say("  the same key, another amount", other, other.problem)
    _charged_once(shop, before, 12_50, first.json["id"])
    return first.json["id"]


def _follow_the_event(shop: Shop, payment: str, state: dict) -> None:
    _heading("The payment is announced, and arrives at both consumers under one event id")
    key, line = _arrived("the archive", lambda: archived(state, payment))
    event = json.loads(line)
    mail = _arrived("e-mail", lambda: mails(state, event["event_id"]))
    if mail["To"] != [shop.contact]:
        raise PromiseBroken(f"the mail must go to {shop.contact}, not to {mail['To']}")
    print(f"  {event['event_type']}, sequence {event['sequence']}, event {event['event_id']}")
    print(f"  e-mail to {shop.contact}: {mail['Subject']}")
    print("".join(f"    | {text}\n" for text in mail["BodyText"].rstrip().splitlines()), end="")
    print(f"  archived in {key}\n    | {line}")


def _arrived(where: str, look):
    """The first of what `look` finds. It may take the poller's next run, hence a minute and some."""
    deadline = time.monotonic() + 90
    while not (found := look()):
        if time.monotonic() > deadline:
            raise PromiseBroken(f"the payment's event must arrive at {where} within 90 seconds")
        # Looking reads the whole archive, with the processors that the poller and the consumers need.
        time.sleep(0.2)
    return found[0]


def _pay_fifty_times_at_once(shop: Shop, state: dict) -> int:
    """Returns what was charged."""
    body, key = shop.payment(8_00, "fifty clicks"), new_key()
    _heading(f"{AT_ONCE} identical requests at once")
    before = shop.balance(shop.buyer)
    with ThreadPoolExecutor(AT_ONCE) as clients:
        # From accounts that do not exist, each under its own key. Without them the payment would be over before most copies had started.
        list(clients.map(lambda _: shop.pay(body | {"source": str(uuid.uuid4())}, new_key()), range(AT_ONCE)))
        print(f"  {len(function_processes(state, 'Authorize'))} copies of the function are running, started by {AT_ONCE} other payments")
        answers = list(clients.map(lambda _: shop.pay(body, key), range(AT_ONCE)))
    for (status, meaning), count in sorted(Counter(map(_outcome, answers)).items()):
        print(f"  {count:>2} × {status}  {meaning}")
    last = _until_answered("  one more, afterwards", lambda: shop.pay(body, key))
    _expect(last, 201)
    _say("  one more, afterwards", last, f"payment {last.json['id']}")
    bodies = {each.body for each in answers if each.status == 201}
    _promise(bodies <= {last.body}, "whoever is told of the payment must be told the same, byte for byte", last)
    _charged_once(shop, before, 8_00, last.json["id"])
    return 8_00


def _pay_through_a_crash(shop: Shop, state: dict) -> int:
    """Returns what was charged."""
    body, key = shop.payment(20_00, "through a crash"), new_key()
    _heading("The function is killed after the ledger's commit, before anybody is told")
    before = shop.balance(shop.buyer)
    lost, killed = killed_after_commit(state, shop.buyer, lambda: shop.pay(body, key))
    print(f"  the {killed} running copies of the function: paused before the commit, SIGKILL after it")
    _promise(lost.status >= 500, "the caller must be left without an answer", lost)
    _say("POST /v1/payments", lost, "the gateway's answer for a function that is gone")
    print(f"  the gate says {gate_status(state, key)}, the ledger holds the payment")
    answer = _until_answered("  the same request", lambda: shop.pay(body, key))
    payment = _expect(answer, 201)["id"]
    origin = "Idempotent-Replayed: true" if answer.replayed else "not marked as a replay"
    _say("  the same request", answer, f"payment {payment}, {origin}")
    _promise(answer.replayed, "the answer must come from the ledger, which had decided before the crash", answer)
    _charged_once(shop, before, 20_00, payment)
    return 20_00


def _settle_one(shop: Shop, state: dict) -> None:
    _heading("A settlement: held, verified, released, and the platform's fee collected")
    settlement = settlements.settle(state, shop.settle("an armchair"), shop.settlement)
    _ended_as("settled", settlement)


def _undo_one(shop: Shop, state: dict) -> None:
    _heading("A settlement whose merchant is rejected by the KYC provider: what was done is undone")
    with settlements.provider_rejects(state, shop.tenant):
        settlement = settlements.settle(state, shop.settle("a sofa"), shop.settlement)
    _ended_as("compensated", settlement)


def _decide_one(shop: Shop, state: dict) -> int:
    """Returns what was charged by a payment afterwards."""
    _heading("A settlement that can neither be finished nor undone: it stops, somebody is paged, two people decide")
    with settlements.provider_rejects(state, shop.tenant):
        settlement, page = settlements.stop_in_limbo(state, shop.tenant, shop.settle("a wardrobe"), shop.settlement)
    _log_of(settlement)
    print(f"  page: {page['Subject']}\n    | {page['Message']}")
    refused = shop.pay(shop.payment(1_00, "meanwhile"), new_key())
    _promise(refused.problem == "account-frozen", "a merchant in limbo must be frozen", refused)
    _say("POST /v1/payments", refused, f"{refused.problem}: nobody is paid until it is decided")
    for (deed, answer), expected in zip(settlements.decide(state, settlement["id"], "refund"), (201, 403, 200), strict=True):
        _promise(answer.status == expected, f"{deed}: the answer must be {expected}", answer)
        _say(deed, answer, answer.problem or "decision: " + answer.json["decision"])
    _ended_as("compensated", settlements.ended(state, settlement["id"], shop.settlement))
    body, key = shop.payment(1_00, "afterwards"), new_key()
    paid = _until_answered("POST /v1/payments", lambda: shop.pay(body, key))
    _expect(paid, 201)
    _say("POST /v1/payments", paid, "the merchant can be paid again")
    return 1_00


def _ended_as(status: str, settlement: dict) -> None:
    _log_of(settlement)
    print(f"  {status}: {_money(settlement['amount'])}, fee {_money(settlement['fee'])}, settlement {settlement['id']}")
    if settlement["status"] != status:
        raise PromiseBroken(f"the settlement must be {status}, not {settlement['status']}")


def _log_of(settlement: dict) -> None:
    for row in settlement["log"]:
        print(f"  {row['action']:<17}{row['outcome']:<10}{row['created_at'][11:23]}")


def _show_the_ledger(shop: Shop, charges: list[int], state: dict) -> None:
    _heading("What the ledger holds")
    paid = sum(charges) + settlements.AMOUNT
    expected = {shop.buyer: 500_00 - paid, shop.merchant: paid - settlements.FEE}
    for name, account in (("buyer", shop.buyer), ("merchant", shop.merchant)):
        balance, entries = shop.balance(account), shop.entries(account)
        for entry in reversed(entries):
            print(f"  {name:<9} {entry['type']:<6} {_money(entry['amount']):>11}  transaction {entry['transaction']}")
        print(f"  {name:<9} {'balance':<6}{_money(balance):>11}")
        if balance != expected[account] or balance != sum(map(_signed, entries)):
            raise PromiseBroken(f"the {name}'s balance must be {_money(expected[account])}, the sum of its entries")
    entries, transactions, total = psql(
        state["postgres"]["port"], "auditor", "-tAF", " ", "-c", _ZERO_SUM, capture_output=True
    ).stdout.split()
    print(f"  all tenants, read as auditor: {entries} entries of {transactions} transactions, sum {total}")
    if int(total) != 0:
        raise PromiseBroken("all entries together must sum to zero")


def _prove_the_books(state: dict) -> None:
    _heading("The books are proved, as every night")
    report = reconcile(state, seal=True)
    tell(report)
    print(f"  page: {save_page(state, report)}")
    if report["severity"] == "critical":
        raise PromiseBroken("the books must agree")


def _charged_once(shop: Shop, before: int, amount: int, payment: str) -> None:
    """Says and checks that the buyer was charged `amount` once: by the balance, and by the payment's entries."""
    charged = before - shop.balance(shop.buyer)
    entries = shop.entries(shop.buyer) + shop.entries(shop.merchant)
    found = Counter(each["type"] for each in entries if each["transaction"] == payment)
    sides = " and ".join(f"{count} {side}" for side, count in sorted(found.items()))
    print(f"  charged {_money(charged)}; entries: {sides or 'none'}")
    if charged != amount or sides != "1 CREDIT and 1 DEBIT":
        raise PromiseBroken(f"the buyer must be charged {_money(amount)}, once")


def _invite(shop: Shop, payment: str) -> None:
    body = str(shop.payment(1_00, "by hand")).replace("'", '"')
    print(f"""
The API is up at {shop.api.url}. Paste this to try it; send the payment twice, and the answer is the same.

export TOKEN={shop.api.token}
curl -i {shop.api.url}/v1/payments -H "Authorization: Bearer $TOKEN" -H "Idempotency-Key: {new_key()}" -H "Content-Type: application/json" -d '{body}'
curl -s {shop.api.url}/v1/accounts/{shop.buyer} -H "Authorization: Bearer $TOKEN"
curl -s {shop.api.url}/v1/settlements -H "Authorization: Bearer $TOKEN"

What became of a payment's event, and what could not be announced (nothing, unless you break the bus):

.local/venv/bin/python -m local events {payment}
curl -s {shop.api.url}/v1/dead-letters -H "Authorization: Bearer $(.local/venv/bin/python -m local token operator)"

`make down` stops everything; the ledger stays on disk for the next `make run`.""")


def _until_answered(request: str, send) -> Answer:
    """Does what every client should: while it is told to, it waits and sends the same again, here for up to 45 seconds."""
    deadline = time.monotonic() + 45
    answer = send()
    while "Retry-After" in answer.headers and time.monotonic() < deadline:
        pause = int(answer.headers["Retry-After"])
        _say(request, answer, f"{answer.problem}, Retry-After: {pause}; waiting")
        time.sleep(pause)
        answer = send()
    return answer


def _outcome(answer: Answer) -> tuple[int, str]:
    if answer.status == 201:
        return 201, "a replay of the payment" if answer.replayed else "the payment"
    return answer.status, answer.problem or "not an answer of Onceledger's"


def _expect(answer: Answer, status: int) -> dict:
    _promise(answer.status == status, f"the answer must be {status}", answer)
    return answer.json


def _promise(holds: bool, promise: str, answer: Answer) -> None:
    if not holds:
        raise PromiseBroken(f"{promise}; it is {answer.status} {answer.body.decode(errors='replace')}")


def _signed(entry: dict) -> int:
    return entry["amount"] if entry["type"] == "CREDIT" else -entry["amount"]


def _money(minor: int) -> str:
    sign = "-" if minor < 0 else ""
    return f"{CURRENCY} {sign}{abs(minor) // 100}.{abs(minor) % 100:02}"


def _heading(text: str) -> None:
    print(f"\n{text}")


def _say(request: str, answer: Answer, meaning: str) -> None:
    print(f"  {request:<31}{answer.status}  {meaning}")
