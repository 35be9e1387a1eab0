"""What is known of a cloud: state.json in its directory, the one thing the tests, the demo and `make down` read.

    api_url     the API; routes are appended as they stand, "/v1/payments"
    gate_table  the gate's name in DynamoDB
    resources   by logical name in template.yaml what a reference to it gives: a queue's URL, the name of a table, a bucket, a bus
    functions   by logical name in template.yaml: name (in the emulator), environment and timeout_seconds as deployed, bootstrap (path)
    aws         endpoint of every service, port, region, access_key_id and secret_access_key (the account's root)
    issuer      issuer (the tokens' iss), user_pool, api_client and brief_client (app clients: tokens of 8 hours, of one second)
    kyc_origin  where the KYC provider's simulator listens; PUT /manners[/<merchant>] tells it how to behave
    operators   by name, two people: arn, access_key_id and secret_access_key; their requests to /v1/operator are signed (SigV4)
    mint_token  command that prints an access token, run from the repository; append "merchant <tenant>", "brief <tenant>" (one second),
                "platform", "operator <name>", "tenantless", or "fresh <count>" (new tenants, a line each: tenant, space, token)
    postgres    host, port, superuser, owner, database; no passwords
    pgbouncer   host, port, database; admits the owner and the functions' roles
    processes   postgres, pgbouncer, emulator, kyc, and standby on a game day: pid, and born (kernel clock ticks). Functions run as
                children of the emulator
    deployed    digest of the template and the functions that are deployed
"""

import json
from pathlib import Path

from local.places import cloud_directory
from local.processes import Server

FILE = "state.json"


def read_state(name: str) -> dict:
    """The cloud's state; empty if there is none."""
    try:
        return json.loads((cloud_directory(name) / FILE).read_text())
    except FileNotFoundError:
        return {}


def write_state(name: str, state: dict) -> Path:
    """Replaces the cloud's state in one step, so that a reader never sees half of it."""
    path = cloud_directory(name) / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(state, indent=2) + "\n")
    return draft.replace(path)


def servers(state: dict) -> dict[str, Server]:
    """The servers that were started for this cloud, in that order; some may have ended since."""
    return {name: Server(**server) for name, server in state.get("processes", {}).items()}
