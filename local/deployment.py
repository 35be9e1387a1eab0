"""Deploys the template to this cloud's emulator with `sam deploy`, and reads back what it became."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from local.emulator import client, endpoint
from local.identity import Issuer
from local.places import ADMIN_KEY_ID, ADMIN_SECRET, LOOPBACK, REGION, REPOSITORY, VENV_BIN
from local.postgres import DATABASE

STACK = "onceledger"
BUCKET = "deployment"
MAIL_FROM = "ledger@onceledger.example"
# 2.9 % and 30 cents; 3.6 % in a currency without cents.
FEES = "EUR:290:30,USD:290:30,GBP:290:30,JPY:360:0"


class DeploymentFailed(Exception):
    """The template could not be deployed; the message is sam's whole output."""


@dataclass(frozen=True)
class Database:
    """Where the ledger is: the pooler's port, for the functions; the cluster and its owner's secret, for the migrations."""

    pgbouncer_port: int
    cluster_arn: str
    secret_arn: str


def deploy(template: Path, emulator_port: int, database: Database, issuer: Issuer, kyc_origin: str, *, silent: bool) -> None:
    """Creates or updates the stack; a `silent` one does nothing by itself, but folds. Raises DeploymentFailed with what sam said."""
    _ensure_bucket(emulator_port)
    _ensure_sender(emulator_port)
    schedules = "DISABLED" if silent else "ENABLED"
    parameters = {
        "Stage": "local",
        "TokenIssuer": issuer.issuer,
        "TokenAudience": ",".join(issuer.audience),
        "DatabaseHost": LOOPBACK,
        "DatabasePort": database.pgbouncer_port,
        "DatabaseName": DATABASE,
        "DatabaseClusterArn": database.cluster_arn,
        "DatabaseSecretArn": database.secret_arn,
        "MailFrom": MAIL_FROM,
        "KycOrigin": kyc_origin,
        "Fees": FEES,
        # The emulator has no CodeDeploy.
        "Gradual": "false",
        "Announcing": schedules,
        "Recovering": schedules,
        "Reconciling": schedules,
    }
    overrides = [f"{name}={value}" for name, value in parameters.items()]
    command = [str(VENV_BIN / "sam"), "deploy", "--template-file", str(template), "--config-env", "local"]
    command += ["--config-file", str(REPOSITORY / "samconfig.toml"), "--parameter-overrides", *overrides]
    log = template.with_name("deploy.log")
    with log.open("w") as said:
        result = subprocess.run(
            command, cwd=template.parent, env=_environment(emulator_port, template.parent), stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT
        )
    if result.returncode:
        raise DeploymentFailed(f"sam deploy failed:\n{log.read_text()}")


def outputs(emulator_port: int) -> dict[str, str]:
    """The stack's outputs by name."""
    stack = client("cloudformation", emulator_port).describe_stacks(StackName=STACK)["Stacks"][0]
    return {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}


def resources(emulator_port: int) -> dict[str, str]:
    """By logical name: what a reference to the resource gives, such as a queue's URL, or the name of a table, bucket or bus."""
    listed = client("cloudformation", emulator_port).describe_stack_resources(StackName=STACK)["StackResources"]
    return {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in listed}


def deployed_functions(emulator_port: int) -> dict[str, dict]:
    """By logical name: each function's name in the emulator, its environment as deployed, and its timeout in seconds."""
    listed = client("cloudformation", emulator_port).describe_stack_resources(StackName=STACK)["StackResources"]
    lambdas = client("lambda", emulator_port)
    found = {}
    for each in listed:
        if each["ResourceType"] == "AWS::Lambda::Function":
            configuration = lambdas.get_function_configuration(FunctionName=each["PhysicalResourceId"])
            found[each["LogicalResourceId"]] = {
                "name": configuration["FunctionName"],
                "environment": configuration["Environment"]["Variables"],
                "timeout_seconds": configuration["Timeout"],
            }
    return found


def _ensure_bucket(emulator_port: int) -> None:
    s3 = client("s3", emulator_port)
    if BUCKET not in [each["Name"] for each in s3.list_buckets()["Buckets"]]:
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})


def _ensure_sender(emulator_port: int) -> None:
    """Makes the sender's domain a verified identity, as in AWS its owner has done by records in its DNS."""
    ses = client("sesv2", emulator_port)
    try:
        ses.create_email_identity(EmailIdentity=MAIL_FROM.partition("@")[2])
    except ses.exceptions.AlreadyExistsException:
        pass


def _environment(emulator_port: int, scratch: Path) -> dict[str, str]:
    """The caller's, less anything that could lead sam to a real account. What sam leaves behind stays in `scratch`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return kept | {
        "AWS_ENDPOINT_URL": endpoint(emulator_port),
        "AWS_ACCESS_KEY_ID": ADMIN_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": ADMIN_SECRET,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "TMPDIR": str(scratch),
        "SAM_CLI_TELEMETRY": "0",
        # Seconds between two looks at the stack; the default of 5 is for AWS.
        "SAM_CLI_POLL_DELAY": "0.2",
    }
