"""What is looked at after a failover: the promoted ledger's rows, the gate's items, the balances, and what the ledger answers without the gate."""

import json
from collections.abc import Iterable

from local.emulator import client
from local.payers import Buyer, Payment, ask_again
from local.postgres import SUPERUSER, psql
from local.verdict import Account, History, Row, Told

_ROWS = """
SELECT coalesce(json_agg(json_build_object(
           'id', t.ledger_key, 'name', t.details ->> 'description', 'tenant', t.tenant_id, 'source', t.source,
           'destination', t.destination, 'amount', t.amount, 'outcome', t.outcome, 'created_at', extract(epoch FROM t.created_at),
           'entries', (SELECT coalesce(json_agg(json_build_array(e.account_id, e.entry_type, e.amount)), '[]')
                         FROM ledger.ledger_entries e WHERE e.idempotency_key = t.ledger_key))), '[]')
  FROM ledger.ledger_transactions t
 WHERE t.tenant_id IN ({tenants}) AND t.kind = 'payment'
"""

_SUMS = """
SELECT coalesce(json_object_agg(s.account_id, s.total), '{{}}')
  FROM (SELECT account_id, sum(CASE entry_type WHEN 'CREDIT' THEN amount ELSE -amount END) AS total
          FROM ledger.ledger_entries WHERE account_id IN ({accounts}) GROUP BY account_id) s
"""

_TOTAL = """
SELECT coalesce(sum(CASE e.entry_type WHEN 'CREDIT' THEN e.amount ELSE -e.amount END), 0)
  FROM ledger.ledger_entries e JOIN ledger.ledger_transactions t ON t.ledger_key = e.idempotency_key
 WHERE t.tenant_id IN ({tenants})
"""


def look(state: dict, buyers: list[Buyer], payments: list[Payment], killed_at: tuple[float, float]) -> History:
    """Everything about these payments. `killed_at` is one moment by two clocks: the monotonic one, and in seconds since 1970."""
    # All of it before anything is asked for again: a payment that was lost would be posted then, and look as if it had been there.
    items, held, accounts = gate_items(state, payments), rows(state, buyers), _accounts(state, buyers)
    total = int(_ask(state, _TOTAL.format(tenants=_quoted(each.tenant for each in buyers))))
    _forget(state, items.values())
    again = ask_again([each for each in payments if each.answer])
    return History(
        told=tuple(_told(each, items, again, killed_at[0]) for each in payments),
        rows=tuple(held),
        rows_afterwards=tuple(rows(state, buyers)),
        accounts=tuple(accounts),
        total=total,
        killed_at=killed_at[1],
    )


def rows(state: dict, buyers: list[Buyer]) -> list[Row]:
    """The payments of these buyers' merchants, posted and declined."""
    found = json.loads(_ask(state, _ROWS.format(tenants=_quoted(each.tenant for each in buyers))))
    return [Row(**each | {"entries": tuple(map(tuple, each["entries"]))}) for each in found]


def gate_items(state: dict, payments: list[Payment]) -> dict[str, dict]:
    """The gate's items of these payments, by the payments' names."""
    names = {f"key#{each.key}": each.name for each in payments}
    pages = client("dynamodb", state["aws"]["port"]).get_paginator("scan").paginate(TableName=state["gate_table"], ConsistentRead=True)
    return {names[item["sk"]["S"]]: item for page in pages for item in page["Items"] if item["sk"]["S"] in names}


def kept_answer(item: dict | None) -> bytes | None:
    """The answer's body that an item of the gate repeats; None if it has none, or there is no item."""
    return item["response_body"]["B"] if item and "response_body" in item else None


def _told(payment: Payment, items: dict[str, dict], again: dict, killed_at: float) -> Told:
    answer, repeated = payment.answer, again.get(payment.name)
    return Told(
        name=payment.name,
        tenant=payment.buyer.tenant,
        source=payment.buyer.account,
        destination=payment.buyer.till,
        amount=payment.amount,
        status=answer.status if answer else 0,
        body=answer.body if answer else b"",
        replayed=bool(answer and answer.replayed),
        unknown=len(payment.unknown()),
        in_commit=payment.was_in_commit_at(killed_at),
        kept=kept_answer(items.get(payment.name)),
        again=(repeated.status, repeated.body) if repeated else (0, b""),
    )


def _accounts(state: dict, buyers: list[Buyer]) -> list[Account]:
    paid_in = {each.account: each.paid_in for each in buyers} | {each.till: 0 for each in buyers}
    api = {each.account: each.api for each in buyers} | {each.till: each.api for each in buyers}
    sums = json.loads(_ask(state, _SUMS.format(accounts=_quoted(paid_in))))
    return [
        Account(account, paid, api[account].get(f"/v1/accounts/{account}").json.get("balance", 0), int(sums.get(account, 0)))
        for account, paid in paid_in.items()
    ]


def _forget(state: dict, items: Iterable[dict]) -> None:
    """Takes the items out of the gate, so that only the ledger is left to answer."""
    dynamodb = client("dynamodb", state["aws"]["port"])
    for item in items:
        dynamodb.delete_item(TableName=state["gate_table"], Key={"pk": item["pk"], "sk": item["sk"]})


def _ask(state: dict, query: str) -> str:
    """As the superuser, from whom no policy hides a row."""
    return psql(state["postgres"]["port"], SUPERUSER, "-tAc", query, capture_output=True).stdout.strip()


def _quoted(values: Iterable[str]) -> str:
    return ", ".join(f"'{each}'" for each in sorted(set(values)))
