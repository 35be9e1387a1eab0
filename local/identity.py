"""Tokens of the local cloud: service accounts in its user pool, and the access tokens they sign in for."""

import secrets
from dataclasses import dataclass

import boto3
from botocore import UNSIGNED
from botocore.config import Config

from local.emulator import client, endpoint
from local.places import IDENTITY_TEMPLATE, REGION

STACK = "identity"


@dataclass(frozen=True)
class Issuer:
    """The issuer as deployed: `issuer` is the tokens' `iss`; the API takes tokens of both app clients."""

    issuer: str
    user_pool: str
    api_client: str
    brief_client: str

    @property
    def audience(self) -> list[str]:
        return [self.api_client, self.brief_client]


def deploy_issuer(port: int) -> Issuer:
    """Deploys local/identity.yaml to the emulator on `port` and returns what it made."""
    cloudformation = client("cloudformation", port)
    cloudformation.create_stack(
        StackName=STACK, TemplateBody=IDENTITY_TEMPLATE.read_text(), Capabilities=["CAPABILITY_IAM"], OnFailure="DELETE"
    )
    cloudformation.get_waiter("stack_create_complete").wait(StackName=STACK, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    outputs = {
        each["OutputKey"]: each["OutputValue"]
        for each in cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]["Outputs"]
    }
    return Issuer(outputs["Issuer"], outputs["UserPoolId"], outputs["ApiClientId"], outputs["BriefClientId"])


class Accounts:
    """Service accounts of one cloud's user pool, and signing them in as their owners would."""

    def __init__(self, issuer: Issuer, port: int):
        self._issuer = issuer
        self._administrator = client("cognito-idp", port)
        # Signing in takes no AWS credentials, only the account's own password.
        self._public = boto3.client(
            "cognito-idp", endpoint_url=endpoint(port), region_name=REGION, config=Config(signature_version=UNSIGNED)
        )

    def merchant_token(self, tenant: str | None, brief: bool = False) -> str:
        """An access token with scope onceledger/merchant for `tenant`, a UUID in any sound use; without the claim for None.

        `brief` tokens expire after a second, the others after eight hours.
        """
        return self._token(f"merchant-{tenant}", "merchant", tenant, brief)

    def platform_token(self) -> str:
        """An access token with scope onceledger/platform, the platform's own, without a tenant."""
        return self._token("platform", "platform", None, brief=False)

    def operator_token(self, name: str) -> str:
        """An access token with scope onceledger/operator, without a tenant. Its `sub` is the same for the same name."""
        return self._token(f"operator-{name}", "operator", None, brief=False)

    def _token(self, username: str, group: str, tenant: str | None, brief: bool) -> str:
        password = self._account(username, group, tenant)
        answer = self._public.initiate_auth(
            AuthFlow="USER_PASSWORD_AUTH",
            ClientId=self._issuer.brief_client if brief else self._issuer.api_client,
            AuthParameters={"USERNAME": username, "PASSWORD": password},
        )
        return answer["AuthenticationResult"]["AccessToken"]

    def _account(self, username: str, group: str, tenant: str | None) -> str:
        """Creates the account if it is missing and gives it a new password, which is returned."""
        password = secrets.token_urlsafe(24) + "aA1!"
        attributes = [] if tenant is None else [{"Name": "custom:tenant_id", "Value": tenant}]
        named = {"UserPoolId": self._issuer.user_pool, "Username": username}
        try:
            self._administrator.admin_create_user(**named, UserAttributes=attributes, MessageAction="SUPPRESS")
        except self._administrator.exceptions.UsernameExistsException:
            pass
        self._administrator.admin_add_user_to_group(**named, GroupName=group)
        self._administrator.admin_set_user_password(**named, Password=password, Permanent=True)
        return password
