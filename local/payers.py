"""Customers of several merchants, who pay over the API and do what its contract asks of them.

One key for a purchase, and the same request again until it is decided.
"""

import http.client
import itertools
import random
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import Enum

from local.api import Answer, Api, new_key
from local.identity import Accounts, Issuer
from local.verdict import DECLINED

CURRENCY = "EUR"

# Of each merchant, so that as many payments as there are connections can be in commit without one waiting for another's account.
_SHOPS, _BUYERS_OF_EACH = 3, 4
# Minor units. The first buyer of all runs out of money soon.
_PAID_IN, _PAID_IN_TO_THE_FIRST = 1_000_000, 20_00
_AMOUNTS = (1_00, 9_99)

# How many customers may be waiting at a time.
_CROWD = 200
# How long a customer goes on with one purchase; what is not decided then never is, for the verdict.
_PATIENCE_SECONDS = 300.0
# For an answer that does not say when to come again.
_PAUSE_SECONDS = 0.5


class Standing(Enum):
    """How a purchase stands after an attempt (docs/problems.md)."""

    DECIDED = "posted or declined"
    OPEN = "nothing moved by this attempt, and it is to be made again"
    UNKNOWN = "the money may have moved"
    REFUSED = "no answer that such a payment should get"

    @staticmethod
    def after(answer: Answer | None) -> "Standing":
        """None: the connection was lost, or nothing came in time."""
        if answer is None or answer.problem in ("outcome-unknown", "internal"):
            return Standing.UNKNOWN
        if answer.status < 300 or answer.status == DECLINED:
            return Standing.DECIDED
        if answer.status >= 500 and not answer.problem:
            # The gateway's, for a function that is gone.
            return Standing.UNKNOWN
        if "Retry-After" in answer.headers or answer.status == 429:
            return Standing.OPEN
        return Standing.REFUSED


@dataclass(frozen=True)
class Buyer:
    """A buyer's account, the account of the merchant that is paid from it, and whose both are."""

    api: Api
    tenant: str
    account: str
    till: str
    # Minor units.
    paid_in: int


@dataclass(frozen=True)
class Attempt:
    """One request: from when to when, by the monotonic clock, and what was known then."""

    began: float
    ended: float
    standing: Standing


@dataclass
class Payment:
    """A purchase: what is asked for under which key, and how it goes."""

    buyer: Buyer
    name: str
    amount: int
    key: uuid.UUID = field(default_factory=new_key)
    attempts: list[Attempt] = field(default_factory=list)
    # The decision.
    answer: Answer | None = None

    def send(self) -> Answer:
        """The same request every time."""
        names = {"source": self.buyer.account, "destination": self.buyer.till}
        body = names | {"amount": self.amount, "currency": CURRENCY, "description": self.name}
        return self.buyer.api.post("/v1/payments", body, self.key)

    def unknown(self) -> list[Attempt]:
        """The attempts that left it open whether the money had moved."""
        return [each for each in self.attempts if each.standing is Standing.UNKNOWN]

    def was_in_commit_at(self, moment: float) -> bool:
        """Whether an attempt with an unknown outcome had begun by then, and the decision came after."""
        return any(each.began <= moment for each in self.unknown()) and self.attempts[-1].ended > moment


class Payers:
    """Purchases that keep coming, whatever becomes of those before them; none until `come`. To be used in a `with`."""

    def __init__(self, buyers: list[Buyer], a_second: float):
        self.payments: list[Payment] = []
        self._buyers = itertools.cycle(buyers)
        self._names = (f"order {number}" for number in itertools.count(1))
        self._a_second = a_second
        self._crowd = ThreadPoolExecutor(_CROWD)
        self._under_way: list[Future] = []
        self._door = threading.Lock()
        self._coming = False
        self._given_up = threading.Event()
        self._clock = threading.Thread(target=self._keep_coming)

    def __enter__(self) -> "Payers":
        self._clock.start()
        return self

    def __exit__(self, *_) -> None:
        self._given_up.set()
        self._clock.join()
        self._crowd.shutdown()

    def come(self) -> None:
        """From now on there are new ones all the time."""
        with self._door:
            self._coming = True

    def stay_away(self) -> None:
        """No new ones from now on; those under way go on."""
        with self._door:
            self._coming = False

    def send(self, count: int) -> None:
        """So many at once, each from another buyer as long as there are others."""
        with self._door:
            for _ in range(count):
                self._send_one()

    def finish(self) -> None:
        """Waits until all that have begun are decided, or have been given up."""
        for each in list(self._under_way):
            each.result()

    def decided(self) -> int:
        """How many are."""
        return sum(each.answer is not None for each in list(self.payments))

    def in_doubt(self) -> int:
        """How many of the undecided may have moved money."""
        return sum(each.answer is None and bool(each.unknown()) for each in list(self.payments))

    def first_decided_since(self, moment: float) -> float | None:
        """When the first was decided by a request that was sent after this moment."""
        decided = (each.attempts[-1] for each in list(self.payments) if each.answer is not None)
        return min((each.ended for each in decided if each.began > moment and each.standing is Standing.DECIDED), default=None)

    def _keep_coming(self) -> None:
        while not self._given_up.wait(1 / self._a_second):
            with self._door:
                if self._coming:
                    self._send_one()

    def _send_one(self) -> None:
        payment = Payment(next(self._buyers), next(self._names), random.randint(*_AMOUNTS))
        self.payments.append(payment)
        self._under_way.append(self._crowd.submit(self._pay, payment))

    def _pay(self, payment: Payment) -> None:
        def noted(began: float, standing: Standing) -> None:
            payment.attempts.append(Attempt(began, time.monotonic(), standing))

        payment.answer = _persist(payment.send, noted, self._given_up)


def bring_buyers(state: dict) -> list[Buyer]:
    """New merchants, each with a till and buyers, and the buyers' money."""
    accounts = Accounts(Issuer(**state["issuer"]), state["aws"]["port"])
    buyers = []
    for _ in range(_SHOPS):
        tenant = str(uuid.uuid4())
        platform = Api(state["api_url"], accounts.platform_token())
        _set_up(lambda: platform.put(f"/v1/merchants/{tenant}", {"currencies": [CURRENCY]}))
        api = Api(state["api_url"], accounts.merchant_token(tenant))
        till = _open_account(api, "merchant")
        for _ in range(_BUYERS_OF_EACH):
            buyer = Buyer(api, tenant, _open_account(api, "buyer"), till, _PAID_IN if buyers else _PAID_IN_TO_THE_FIRST)
            _post(api, "/v1/deposits", {"destination": buyer.account, "amount": buyer.paid_in, "currency": CURRENCY})
            buyers.append(buyer)
    return buyers


def ask_again(payments: list[Payment]) -> dict[str, Answer]:
    """Sends each once more, some at a time; by name, what it is answered."""
    with ThreadPoolExecutor(4) as crowd:
        return dict(zip((each.name for each in payments), crowd.map(lambda each: _set_up(each.send), payments), strict=True))


def _open_account(api: Api, kind: str) -> str:
    return _post(api, "/v1/accounts", {"kind": kind, "currency": CURRENCY}).json["id"]


def _post(api: Api, path: str, body: dict) -> Answer:
    key = new_key()
    return _set_up(lambda: api.post(path, body, key))


def _set_up(send: Callable[[], Answer]) -> Answer:
    answer = _persist(send, lambda *_: None, threading.Event())
    if answer is None or Standing.after(answer) is not Standing.DECIDED:
        raise RuntimeError(f"a merchant's request was answered {answer and (answer.status, answer.body)}")
    return answer


def _persist(send: Callable[[], Answer], note: Callable[[float, Standing], None], given_up: threading.Event) -> Answer | None:
    """The same request until it is answered for good; None if it is given up before. Notes when each attempt began, and what came of it."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not given_up.is_set() and time.monotonic() < deadline:
        began = time.monotonic()
        try:
            answer = send()
        except (OSError, http.client.HTTPException):
            answer = None
        standing = Standing.after(answer)
        note(began, standing)
        if standing in (Standing.DECIDED, Standing.REFUSED):
            return answer
        given_up.wait(_PAUSE_SECONDS if answer is None else float(answer.headers.get("Retry-After", _PAUSE_SECONDS)))
    return None
