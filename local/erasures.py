"""Erasure by hand: asks for it as an operator, waits for its end, keeps the certificate."""

import time
import uuid
from pathlib import Path

from local.operators import Operator
from local.places import cloud_directory

# In seconds. A tenant with many customers takes longer; it goes on without anybody who waits.
_PATIENCE = 60
_GOES_ON = ("asked", "erasing", "erased")


def erase(state: dict, operator: Operator, tenant: str, customer: str | None, *, reason: str, key: str | None = None) -> int:
    """Prints what became of it; returns the exit code: 0 when it is certified, by this erasure or an earlier one."""
    key = key or str(uuid.uuid4())
    scope = {"scope": "subject", "customer_id": customer} if customer else {"scope": "tenant"}
    asked = operator.call("POST", "/v1/compliance/erasures", scope | {"tenant_id": tenant, "reason": reason}, {"Idempotency-Key": key})
    if asked.status != 202:
        print(asked.status, asked.body.decode())
        return 1
    print(f"  asked: {key}")
    shown = _awaited(operator, key)
    print(f"  status: {shown['status']}")
    if shown["hold"]:
        print(f"  held by {shown['hold']['held_by']}: {shown['hold']['reason']}")
    if shown["repeats"]:
        print(f"  erased before: {shown['repeats']}")
    path = _keep_certificate(state, operator, key)
    if path is None:
        return 1
    print(f"  certificate: {path}")
    return 0


def _awaited(operator: Operator, key: str) -> dict:
    until = time.monotonic() + _PATIENCE
    while True:
        shown = operator.call("GET", f"/v1/compliance/erasures/{key}").json
        if shown["status"] not in _GOES_ON or time.monotonic() > until:
            return shown
        # It is carried out by way of a queue, and nobody says when.
        time.sleep(0.5)


def _keep_certificate(state: dict, operator: Operator, key: str) -> Path | None:
    answer = operator.call("GET", f"/v1/compliance/erasures/{key}/certificate")
    if answer.status != 200:
        return None
    path = cloud_directory(state["name"]) / f"certificate-{key}.json"
    path.write_bytes(answer.body)
    return path
