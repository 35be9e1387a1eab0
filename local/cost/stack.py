"""What the templates say that costs money by standing, or decides how often something runs."""

import json
import re
from pathlib import Path

from samcli.yamlhelper import yaml_parse

from local.places import REPOSITORY

# A month of 30 days, as in the review.
HOURS = 720
_MINUTES = {"minute": 1, "hour": 60, "day": 1440}
# Where endpoints and NAT gateways stand if the template names no list of subnets.
_ZONES = 2
# What the access log's variables are replaced with; of any other, its own name stands for its value.
_SAMPLES = {
    "$context.requestId": "JKJaXmPLvHcESHA=",
    "$context.requestTime": "23/May/2026:00:00:00 +0000",
    "$context.routeKey": "POST /v1/payments",
    "$context.status": "201",
    "$context.authorizer.claims.tenant_id": "5f2c7a9e-3d41-4b8a-9c60-e1d7a2f4b085",
    "$context.responseLatency": "42",
    "$context.authorizer.error": "-",
    "$context.integrationErrorMessage": "-",
}


def stack() -> dict:
    """What stands, as a production stack would have it, by name; numbers unless said otherwise.

    functions: memory_mb and timeout_s of each; kept ready: environments, by function; schedules: target, input (JSON or None), per_month; batches: of each queue size and window_s;
    database class: the default one, empty if none is named.
    """
    templates = [yaml_parse(path.read_text()) for path in _templates()]
    resources: dict[str, dict] = {}
    for name, each in (entry for template in templates for entry in template.get("Resources", {}).items()):
        # Another file may use a name again.
        resources[f"{name} {len(resources)}" if name in resources else name] = each

    def of(kind: str) -> dict[str, dict]:
        return {name: each.get("Properties", {}) for name, each in resources.items() if each["Type"] == kind}

    defaults = [template["Globals"]["Function"] for template in templates if "Function" in template.get("Globals", {})]
    functions = of("AWS::Serverless::Function")
    return {
        "functions": {name: _size(properties, defaults) for name, properties in sorted(functions.items())},
        "kept ready": {name: _ready(each, templates) for name, each in sorted(functions.items()) if "ProvisionedConcurrencyConfig" in each},
        "schedules": _schedules(functions | of("AWS::Serverless::StateMachine")),
        "batches": _batches(functions),
        "alarmed metrics": sum(_metrics(alarm) for alarm in of("AWS::CloudWatch::Alarm").values()),
        "composite alarms": len(of("AWS::CloudWatch::CompositeAlarm")),
        "dashboards": len(of("AWS::CloudWatch::Dashboard")),
        "keys": len(of("AWS::KMS::Key")),
        "interface endpoints, by zones": sum(
            _zones(endpoint) for endpoint in of("AWS::EC2::VPCEndpoint").values() if endpoint.get("VpcEndpointType") == "Interface"
        ),
        "NAT gateways": len(of("AWS::EC2::NatGateway")),
        "is traced": any("Active" in json.dumps(each.get("Tracing", "")) for each in [*defaults, *functions.values()]),
        "database class": next((each["Default"] for template in templates if (each := template.get("Parameters", {}).get("DatabaseClass"))), ""),
        "log days": max(values["LogRetentionDays"] for values in _differences(templates)),
        "access log bytes": max((_line(api["AccessLogSettings"]["Format"]) for api in of("AWS::Serverless::HttpApi").values()), default=0),
    }


def per_month(expression: str) -> float:
    """How often a schedule runs in a month of 30 days. Raises ValueError for what none of ours says."""
    if rate := re.fullmatch(r"rate\((\d+) (minute|hour|day)s?\)", expression):
        return HOURS * 60 / (int(rate[1]) * _MINUTES[rate[2]])
    if re.fullmatch(r"cron\(\d+ \d+ \* \* \? \*\)", expression):
        return HOURS / 24
    if re.fullmatch(r"cron\(\d+ \d+ \? \* [A-Z]{3} \*\)", expression):
        return HOURS / 168
    raise ValueError(f"how often is {expression}?")


def _templates() -> list[Path]:
    """What is deployed, whatever files it is split into; the emulator's own templates stand under local/."""
    skipped = {"local", "target", "docs", "node_modules"}
    found = [*REPOSITORY.glob("*.yaml"), *REPOSITORY.glob("*/*.yaml")]
    return sorted(path for path in found if path.parent.name not in skipped and not path.parent.name.startswith(".") and "\nResources:" in path.read_text())


def _size(properties: dict, defaults: list[dict]) -> dict:
    merged = {name: value for each in [*defaults, properties] for name, value in each.items()}
    return {"memory_mb": merged.get("MemorySize", 128), "timeout_s": merged.get("Timeout", 3)}


def _schedules(targets: dict) -> dict:
    return {
        f"{target}{name}": {
            "target": target,
            "input": event["Properties"].get("Input"),
            "per_month": per_month(event["Properties"]["ScheduleExpression"]),
        }
        for target, properties in sorted(targets.items())
        for name, event in sorted(properties.get("Events", {}).items())
        if event["Type"] in ("Schedule", "ScheduleV2")
    }


def _batches(functions: dict) -> dict:
    sources = [event["Properties"] for properties in functions.values() for event in properties.get("Events", {}).values() if event["Type"] == "SQS"]
    return {
        _logical(source["Queue"]): {"size": source.get("BatchSize", 10), "window_s": source.get("MaximumBatchingWindowInSeconds", 0)} for source in sources
    }


def _logical(reference: dict) -> str:
    ((_, named),) = reference.items()
    return (named if isinstance(named, str) else named[0]).partition(".")[0]


def _metrics(alarm: dict) -> int:
    return sum("MetricStat" in each for each in alarm.get("Metrics", [])) or 1


def _zones(endpoint: dict) -> int:
    subnets = endpoint.get("SubnetIds")
    return len(subnets) if isinstance(subnets, list) else _ZONES


def _ready(function: dict, templates: list[dict]) -> int:
    found = re.search(r'"Fn::FindInMap": \["(\w+)", {"Ref": "Stage"}, "(\w+)"\]', json.dumps(function["ProvisionedConcurrencyConfig"]))
    (number,) = [template["Mappings"][found[1]]["production"][found[2]] for template in templates if found[1] in template.get("Mappings", {})]
    return int(number)


def _differences(templates: list[dict]) -> list[dict]:
    stages = [stage for template in templates for mapping in template.get("Mappings", {}).values() for stage in mapping.values()]
    return [stage for stage in stages if "LogRetentionDays" in stage]


def _line(log_format: str) -> int:
    text = log_format if isinstance(log_format, str) else json.dumps(log_format)
    return len(re.sub(r"\$context(\.\w+)+", lambda variable: _SAMPLES.get(variable[0], variable[0]), text))
