"""The local cloud's operators: people with an IAM user each, who sign their requests to /v1/operator and /v1/compliance."""

import json
from dataclasses import dataclass

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local.api import Answer, send
from local.emulator import client
from local.places import REGION

# Two: what one of them proposes, the other approves.
OPERATORS = ("ada", "grace")

_ROUTES = [f"arn:aws:execute-api:{REGION}:*:*/*/*/v1/{area}/*" for area in ("operator", "compliance")]
_POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": _ROUTES}]}


def create_operators(port: int) -> dict[str, dict[str, str]]:
    """Creates the users; by name: arn, access_key_id and secret_access_key."""
    iam, created = client("iam", port), {}
    for name in OPERATORS:
        arn = iam.create_user(UserName=name)["User"]["Arn"]
        iam.put_user_policy(UserName=name, PolicyName="operate", PolicyDocument=json.dumps(_POLICY))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        created[name] = {"arn": arn, "access_key_id": key["AccessKeyId"], "secret_access_key": key["SecretAccessKey"]}
    return created


@dataclass(frozen=True)
class Operator:
    """One of the operators of a cloud, by `name`."""

    state: dict
    name: str

    def call(self, method: str, path: str, body: dict | None = None, headers: dict | None = None) -> Answer:
        """A signed request. `path` begins with /v1/operator or /v1/compliance and may carry a query."""
        keys = self.state["operators"][self.name]
        content = ({} if body is None else {"Content-Type": "application/json"}) | (headers or {})
        data = None if body is None else json.dumps(body).encode()
        request = AWSRequest(method, self.state["api_url"] + path, headers=content, data=data)
        SigV4Auth(Credentials(keys["access_key_id"], keys["secret_access_key"]), "execute-api", REGION).add_auth(request)
        return send(method, request.url, data, dict(request.headers))
