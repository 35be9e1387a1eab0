"""Calls to the API, as any client makes them."""

import json
import secrets
import time
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass
from email.message import Message


@dataclass(frozen=True)
class Answer:
    """What came back: headers by name, case ignored; the body as it was sent."""

    status: int
    headers: Message
    body: bytes

    @property
    def json(self) -> dict:
        """The body as JSON; empty if it is none, as when the gateway answers for a function that is gone."""
        try:
            return json.loads(self.body)
        except ValueError:
            return {}

    @property
    def problem(self) -> str:
        """The slug of the problem's type; empty for a success."""
        return self.json.get("type", "").rpartition(":")[2]

    @property
    def replayed(self) -> bool:
        return self.headers.get("Idempotent-Replayed") == "true"


@dataclass(frozen=True)
class Api:
    """The API at `url`, called with one access token."""

    url: str
    token: str

    def get(self, path: str) -> Answer:
        return self._send("GET", path)

    def put(self, path: str, body: dict) -> Answer:
        return self._send("PUT", path, body)

    def post(self, path: str, body: dict, key: uuid.UUID) -> Answer:
        """The same arguments give the same request, byte for byte."""
        return self._send("POST", path, body, {"Idempotency-Key": str(key)})

    def _send(self, method: str, path: str, body: dict | None = None, headers: dict | None = None) -> Answer:
        content = {} if body is None else {"Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        return send(method, self.url + path, data, {"Authorization": f"Bearer {self.token}", **content, **(headers or {})})


def send(method: str, url: str, data: bytes | None, headers: dict[str, str]) -> Answer:
    """One request as it stands, whatever its answer's status."""
    request = urllib.request.Request(url, method=method, data=data, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return Answer(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as answer:
        return Answer(answer.code, answer.headers, answer.read())


def new_key() -> uuid.UUID:
    """A UUIDv7 (RFC 9562), which Python's own library has from 3.14 on: 48 bits of Unix milliseconds, then chance."""
    milliseconds, chance = time.time_ns() // 1_000_000, secrets.randbits(74)
    return uuid.UUID(int=milliseconds << 80 | 7 << 76 | (chance >> 62) << 64 | 2 << 62 | chance & (1 << 62) - 1)
