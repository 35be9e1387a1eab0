"""The main job, shown on a running cloud."""

import uuid

from local.identity import Accounts, Issuer


def demonstrate(state: dict) -> None:
    """Prints where the API is, a merchant's token, and a request to try."""
    tenant = str(uuid.uuid4())
    accounts = Accounts(Issuer(**state["issuer"]), state["aws"]["port"])
    token = accounts.merchant_token(tenant)
    print(f"\nThe API is up at {state['api_url']}\n\nexport TOKEN={token}")
    print(f"""curl -i {state['api_url']}/v1/accounts -H "Authorization: Bearer $TOKEN" -H "Idempotency-Key: {uuid.uuid4()}" \\
  -H "Content-Type: application/json" -d '{{"kind":"buyer","currency":"EUR"}}'""")
