"""The local cloud's commands: python -m local COMMAND. The Makefile says when to use which."""

import argparse
import base64
import json
import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path

from local.announced import show
from local.cloud import all_clouds, down, remove, sweep, up
from local.demonstration import demonstrate
from local.deployment import DeploymentFailed
from local.emulator import client
from local.erasures import erase
from local.fresh import in_fresh_cloud
from local.gameday import play
from local.identity import Accounts, Issuer
from local.operators import OPERATORS, Operator
from local.processes import StartFailed
from local.reconciliation import reconcile, reconcile_all, save_page, tell
from local.state import read_state


def main() -> int:
    """Runs one command; returns the process's exit code."""
    options = _parser().parse_args()
    # Being told to stop is like Ctrl-C: what was started is taken down first.
    for each in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, lambda number, _: sys.exit(128 + number))
    try:
        return options.run(options) or 0
    except KeyboardInterrupt:
        return 130
    except subprocess.CalledProcessError as failed:
        print(f"failed ({failed.returncode}): {' '.join(map(str, failed.cmd))}", file=sys.stderr)
        return 1
    except (DeploymentFailed, StartFailed) as failed:
        print(failed, file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    parser.add_argument("--cloud", default="run", help="which cloud, by name (default: run)")
    commands = parser.add_subparsers(required=True)

    def command(name: str, run, text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        added.set_defaults(run=run)
        return added

    start = command("up", lambda options: up(options.cloud, silent=options.silent) and 0, "start the cloud, or bring it up to date")
    start.add_argument("--silent", action="store_true", help="nothing is announced, woken or resumed until somebody invokes the function, as in `fresh`")
    command("demo", lambda options: demonstrate(_state(options)), "show the main job on the running cloud")
    events = command("events", lambda options: show(_state(options), options.words), "print the mails and the archive's lines that events became")
    events.add_argument("words", nargs="?", default="", help="only those that hold this, such as a payment's id")
    proving = command("reconcile", _reconcile, "prove the books now; print what was found, and where the report is")
    proving.add_argument("--seal", action="store_true", help="and seal what is proved")
    proving.add_argument("--full", action="store_true", help="all there ever was, and not what is new")
    command("down", lambda options: down(options.cloud), "stop the cloud; its ledger stays on disk")
    command("clean", _clean, "stop all clouds and remove what they kept")
    fresh = command("fresh", _fresh, "run a command beside a cloud of its own")
    fresh.add_argument("--database-only", action="store_true", help="only PostgreSQL and PgBouncer, with the migrations applied")
    fresh.add_argument("command", nargs=argparse.REMAINDER, help="gets the path of the cloud's state in ONCELEDGER_CLOUD")
    failing = command("gameday", _gameday, "kill the server of the fresh cloud that this runs beside, promote a standby, and account for every payment")
    failing.add_argument("--short", action="store_true", help="the first act alone, with fewer payments")
    public_key = command("public-key", _public_key, "print the key that this cloud's seals and proofs are checked with, as PEM")
    instead = public_key.add_mutually_exclusive_group()
    instead.add_argument("--certificates", dest="which", action="store_const", const="CertificateKey", help="the key of certificates of erasure instead")
    instead.add_argument("--audit", dest="which", action="store_const", const="AuditKey", help="the key of justifications in the audit instead")
    public_key.set_defaults(which="DigestKey")
    erasing = command("erase", _erase, "erase a customer's data, or a tenant's, as one of this cloud's operators; print what became of it and keep the certificate")
    erasing.add_argument("tenant", help="UUID")
    erasing.add_argument("customer", nargs="?", help="UUID; none: all of the tenant's, for ever")
    erasing.add_argument("--reason", required=True, help="why; it is kept for years and should name nobody")
    erasing.add_argument("--as", dest="name", choices=OPERATORS, default=OPERATORS[0], help="who asks")
    erasing.add_argument("--key", help="UUID: goes on with an erasure that was asked for with it")
    token = command("token", _token, "print an access token of this cloud's issuer")
    whose = token.add_subparsers(dest="whose", required=True)
    whose.add_parser("merchant", help="a merchant's").add_argument("tenant", help="UUID")
    whose.add_parser("brief", help="a merchant's, valid for one second").add_argument("tenant", help="UUID")
    whose.add_parser("fresh", help="new merchants': a line each, the tenant and its token").add_argument("count", type=int)
    whose.add_parser("platform", help="the platform's")
    whose.add_parser("operator", help="an operator's").add_argument("name", nargs="?", default="operator", help="whose acts the audit will show")
    whose.add_parser("tenantless", help="a merchant's scope, but no tenant")
    operator = command("operator", _operator, "call a route under /v1/operator or /v1/compliance as one of this cloud's operators, signed; print status and answer")
    operator.add_argument("name", choices=OPERATORS)
    operator.add_argument("method", choices=["GET", "POST", "PUT", "DELETE"])
    operator.add_argument("path", help="such as /v1/operator/settlements?status=limbo")
    operator.add_argument("body", nargs="?", type=json.loads, help="JSON")
    return parser


def _operator(options) -> int:
    answer = Operator(_state(options), options.name).call(options.method, options.path, options.body)
    print(answer.status, answer.body.decode())
    return 0 if answer.status < 400 else 1


def _public_key(options) -> None:
    state = _state(options)
    key = client("kms", state["aws"]["port"]).get_public_key(KeyId=state["resources"][options.which])
    body = base64.encodebytes(key["PublicKey"]).decode()
    print(f"-----BEGIN PUBLIC KEY-----\n{body}-----END PUBLIC KEY-----")


def _erase(options) -> int:
    state = _state(options)
    return erase(state, Operator(state, options.name), options.tenant, options.customer, reason=options.reason, key=options.key)


def _reconcile(options) -> int:
    state = _state(options)
    is_critical = False
    for report in reconcile_all(state) if options.full else [reconcile(state, seal=options.seal)]:
        tell(report)
        is_critical |= report["severity"] == "critical"
    print(f"  page:   {save_page(state, report)}")
    return int(is_critical)


def _fresh(options) -> int:
    return in_fresh_cloud(options.command, database_only=options.database_only)


def _gameday(options) -> int:
    beside = os.environ.get("ONCELEDGER_CLOUD")
    if not beside:
        raise SystemExit("the game day kills the ledger's server, so it has a cloud of its own: make gameday")
    return play(read_state(Path(beside).parent.name), short=options.short)


def _state(options) -> dict:
    state = read_state(options.cloud)
    if "api_url" not in state:
        raise SystemExit(f"the cloud {options.cloud!r} is not up")
    return state


def _clean(_options) -> None:
    sweep()
    for name in all_clouds():
        remove(name)


def _token(options) -> None:
    state = _state(options)
    accounts = Accounts(Issuer(**state["issuer"]), state["aws"]["port"])
    match options.whose:
        case "merchant":
            print(accounts.merchant_token(options.tenant))
        case "brief":
            print(accounts.merchant_token(options.tenant, brief=True))
        case "fresh":
            for tenant in (str(uuid.uuid4()) for _ in range(options.count)):
                print(tenant, accounts.merchant_token(tenant))
        case "platform":
            print(accounts.platform_token())
        case "operator":
            print(accounts.operator_token(options.name))
        case "tenantless":
            print(accounts.merchant_token(None))


if __name__ == "__main__":
    # Written line by line even into a pipe, so that progress shows in time.
    sys.stdout.reconfigure(line_buffering=True)
    os.umask(0o022)
    sys.exit(main())
