"""Reconciliation by hand: invokes the function and says what it found."""

import json
from collections.abc import Iterator
from pathlib import Path

from local.emulator import client
from local.places import cloud_directory


def reconcile(state: dict, *, seal: bool = False) -> dict:
    """What is new; returns the report (functions/reconcile/src/lib.rs says its members). Raises RuntimeError with what the function said if it failed."""
    return _invoke(state, {"seal": True} if seal else {})


def reconcile_all(state: dict) -> Iterator[dict]:
    """All there ever was, part by part, then what was sealed, seal by seal; a report for each. Raises RuntimeError as above."""
    event = {"full": {}}
    while event is not None:
        if "seals" in event:
            event["seals"]["most"] = 1
        report = _invoke(state, event)
        yield report
        event = report["next"]


def _invoke(state: dict, event: dict) -> dict:
    answer = client("lambda", state["aws"]["port"]).invoke(FunctionName=state["functions"]["Reconcile"]["name"], Payload=json.dumps(event))
    said = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise RuntimeError(f"reconcile failed: {said}")
    return said


def tell(report: dict) -> None:
    """Prints a line for each check and each finding, and where the report is."""
    for section in report["sections"]:
        said = "failed" if "failed" in section else section["severity"] or "clean"
        print(f"  {said:<9} {section['title']} (read {section['read']}, {section['took_ms']} ms){_progress(section['counts'])}")
        for finding in section["findings"]:
            print(f"    {finding['severity']}: {finding['what']} {finding['subject']}: {finding['detail']}")
    kept = report["kept"]
    print(f"  report: s3://{kept['bucket']}/{kept['html']}")


def _progress(counts: dict) -> str:
    return f", {counts['compared']} of {counts['of']}" if "of" in counts else ""


def save_page(state: dict, report: dict) -> Path:
    """Writes the report's page beside the cloud's state; returns its path."""
    kept = report["kept"]
    page = client("s3", state["aws"]["port"]).get_object(Bucket=kept["bucket"], Key=kept["html"])["Body"].read()
    path = cloud_directory(state["name"]) / "reconciliation.html"
    path.write_bytes(page)
    return path
