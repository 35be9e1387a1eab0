"""The Data API before the real PostgreSQL: a cluster is the server on this machine that listens at the cluster's port.

Called by local/emulator_process.py, under the same terms: it fills gaps, by reaching into the emulator.
"""

import json
import uuid
from collections.abc import Callable

from ministack import app
from ministack.core.concurrency import run_reentrant
from ministack.core.responses import error_response_json, json_response
from ministack.services import rds, rds_data
from psycopg import Connection, OperationalError
from psycopg.pq import DiagnosticField, ExecStatus, PGresult

from local.places import LOOPBACK

# Open transactions: the cluster each belongs to, and its connection.
_transactions: dict[str, tuple[str, Connection]] = {}

# What the service does to a statement after 45 s, and to a transaction that it hears nothing of for three minutes.
_LIMITS = "-c statement_timeout=45s -c idle_in_transaction_session_timeout=180s"
_LONGEST_STATEMENT = 65536
# Types by their number in PostgreSQL.
_TEXT, _BIGINT, _DOUBLE, _BOOLEAN, _VOID = 25, 20, 701, 16, 2278
_INTEGERS, _FLOATS = (20, 21, 23), (700, 701)


class Refused(Exception):
    """An answer that is not 200."""

    def __init__(self, code: str, message: str, status: int = 400):
        super().__init__(message)
        self.answer = error_response_json(code, message, status)


def data_api_reaches_postgres() -> None:
    """Gap: without Docker a cluster's SQL goes nowhere and is answered as if it had been carried out. With it, a statement that waits
    for a lock holds up all of the emulator. Here each call has a thread."""
    without = rds_data.handle_request

    async def handled(method, path, headers, body, query):
        operation = _OPERATIONS.get(path)
        if operation is None:
            return await without(method, path, headers, body, query)
        return await run_reentrant(_carried_out, operation, json.loads(body or b"{}"), headers, query)

    rds_data.handle_request = handled


def _carried_out(operation: Callable[[dict, str, str], dict], asked: dict, headers: dict, query: dict) -> tuple:
    secret = asked.get("secretArn", "")
    # The secret is read in the caller's name.
    denied = app._enforce_data_plane("secretsmanager", "secretsmanager:GetSecretValue", headers, query, str(uuid.uuid4()), resource_arn=secret)
    if denied:
        return denied
    cluster = rds._resolve_cluster(asked.get("resourceArn", ""))
    if not cluster:
        return error_response_json("BadRequestException", "the cluster was not found", 400)
    refusal = rds_data._validate_http_endpoint_enabled(cluster, cluster["DBClusterArn"])
    if refusal:
        return refusal
    user, _, refusal = rds_data._require_secret_credentials(secret)
    if refusal:
        return refusal
    try:
        return json_response(operation(asked, cluster, user))
    except Refused as refused:
        return refused.answer
    except OperationalError as unreachable:
        # In the service's words it is no more than that: what is wrong is nothing that a caller could change.
        return error_response_json("DatabaseUnavailableException", str(unreachable), 504)


def _begin(asked: dict, cluster: dict, user: str) -> dict:
    connection = _connect(asked, cluster, user)
    _ask(connection, "BEGIN")
    name = str(uuid.uuid4())
    _transactions[name] = (cluster["DBClusterArn"], connection)
    return {"transactionId": name}


def _execute(asked: dict, cluster: dict, user: str) -> dict:
    if len(asked["sql"]) > _LONGEST_STATEMENT:
        raise Refused("ValidationException", f"a statement has {_LONGEST_STATEMENT} characters at most")
    if "transactionId" in asked:
        return _answered(_ask(_transaction(asked, cluster), *_positional(asked)))
    with _connect(asked, cluster, user) as connection:
        return _answered(_ask(connection, *_positional(asked)))


def _commit(asked: dict, cluster: dict, _user: str) -> dict:
    _end(asked, cluster, "COMMIT")
    return {"transactionStatus": "Transaction Committed"}


def _roll_back(asked: dict, cluster: dict, _user: str) -> dict:
    _end(asked, cluster, "ROLLBACK")
    return {"transactionStatus": "Rollback Complete"}


_OPERATIONS = {"/BeginTransaction": _begin, "/Execute": _execute, "/CommitTransaction": _commit, "/RollbackTransaction": _roll_back}


def _connect(asked: dict, cluster: dict, user: str) -> Connection:
    # The server asks nobody on this machine for a password.
    return Connection.connect(
        host=LOOPBACK, port=cluster["Port"], user=user, dbname=asked.get("database") or user, options=_LIMITS, autocommit=True, connect_timeout=5
    )


def _transaction(asked: dict, cluster: dict) -> Connection:
    arn, connection = _transactions.get(asked["transactionId"], (None, None))
    if arn != cluster["DBClusterArn"]:
        raise Refused("TransactionNotFoundException", f"Transaction {asked['transactionId']} is not found", 404)
    return connection


def _end(asked: dict, cluster: dict, how: str) -> None:
    connection = _transaction(asked, cluster)
    del _transactions[asked["transactionId"]]
    with connection:
        _ask(connection, how)


def _positional(asked: dict) -> tuple[str, list[bytes | None], list[int]]:
    """The statement with its parameters by number, as the server knows them; their values, and their types."""
    sql, values, types = asked["sql"], [], []
    for number, parameter in enumerate(asked.get("parameters") or [], start=1):
        ((kind, value),) = parameter["value"].items()
        sql = sql.replace(f":{parameter['name']}", f"${number}")
        values.append(None if kind == "isNull" else str(value).encode())
        types.append({"longValue": _BIGINT, "doubleValue": _DOUBLE, "booleanValue": _BOOLEAN}.get(kind, _TEXT))
    return sql, values, types


def _ask(connection: Connection, sql: str, values: list[bytes | None] | None = None, types: list[int] | None = None) -> PGresult:
    """One statement: the server refuses several, as the service does. Raises Refused in the service's words."""
    result = connection.pgconn.exec_params(sql.encode(), values or [], types or [])
    if result.status in (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK, ExecStatus.EMPTY_QUERY):
        return result

    def said(field: DiagnosticField) -> str | None:
        told = result.error_field(field)
        return told.decode() if told else None

    state = said(DiagnosticField.SQLSTATE)
    if state is None:
        raise OperationalError(connection.pgconn.error_message.decode())
    parts = [f"ERROR: {said(DiagnosticField.MESSAGE_PRIMARY)}"]
    for title, field in (("Detail", DiagnosticField.MESSAGE_DETAIL), ("Position", DiagnosticField.STATEMENT_POSITION)):
        if text := said(field):
            parts.append(f"{title}: {text}")
    raise Refused("DatabaseErrorException", "; ".join([*parts, f"SQLState: {state}"]))


def _answered(result: PGresult) -> dict:
    rows = [[_field(result, row, column) for column in range(result.nfields)] for row in range(result.ntuples)]
    changed = 0 if result.nfields else result.command_tuples or 0
    return {"numberOfRecordsUpdated": changed, "generatedFields": [], "records": rows}


def _field(result: PGresult, row: int, column: int) -> dict:
    value, kind = result.get_value(row, column), result.ftype(column)
    if kind == _VOID:
        raise Refused("UnsupportedResultException", "a column's type is not supported")
    if value is None:
        return {"isNull": True}
    text = value.decode()
    if kind == _BOOLEAN:
        return {"booleanValue": text == "t"}
    if kind in _INTEGERS:
        return {"longValue": int(text)}
    return {"doubleValue": float(text)} if kind in _FLOATS else {"stringValue": text}
