"""AWS's list prices on demand in us-east-1, the region of the review's figures, without free tiers and discounts.

Typed in by hand from the pages named here, as they stood in November 2026. A price that has changed since is wrong here until somebody changes it.
"""

from dataclasses import dataclass

AS_OF = "November 2026"
REGION = "us-east-1"

MILLION = 1e6


@dataclass(frozen=True)
class Price:
    """Dollars for each unit. `tiers`: from how many units a month on, in rising order, beginning at 0, and dollars per `per` units."""

    unit: str
    per: float
    tiers: tuple[tuple[float, float], ...]
    page: str

    def of(self, quantity: float) -> float:
        """Dollars for a month's quantity."""
        ends = [begin for begin, _ in self.tiers[1:]] + [float("inf")]
        return sum(max(0.0, min(quantity, end) - begin) * dollars for (begin, dollars), end in zip(self.tiers, ends)) / self.per


def _flat(unit: str, dollars: float, page: str, per: float = 1) -> Price:
    return Price(unit, per, ((0, dollars),), page)


_AWS = "https://aws.amazon.com"
_AURORA = f"{_AWS}/rds/aurora/pricing/"
_DYNAMODB = f"{_AWS}/dynamodb/pricing/on-demand/"
_LAMBDA = f"{_AWS}/lambda/pricing/"
_STATES = f"{_AWS}/step-functions/pricing/"
_WATCH = f"{_AWS}/cloudwatch/pricing/"
_KMS = f"{_AWS}/kms/pricing/"

PRICES = {
    "api": Price("calls to an HTTP API, 512 KB each", MILLION, ((0, 1.00), (300e6, 0.90)), f"{_AWS}/api-gateway/pricing/"),
    "data out": Price("GB to the internet", 1, ((0, 0.09), (10_240, 0.085), (51_200, 0.07), (153_600, 0.05)), f"{_AWS}/ec2/pricing/on-demand/"),
    "invocations": _flat("invocations of functions", 0.20, _LAMBDA, per=MILLION),
    "compute": Price("GB-seconds, arm64", 1, ((0, 0.0000133334), (7.5e9, 0.0000120001), (18.75e9, 0.0000106667)), _LAMBDA),
    "kept ready": _flat("GB-seconds of environments kept ready, arm64", 0.0000033334, _LAMBDA),
    "writes": _flat("write request units", 0.625, _DYNAMODB, per=MILLION),
    "reads": _flat("read request units", 0.125, _DYNAMODB, per=MILLION),
    "items": _flat("GB-months in DynamoDB", 0.25, _DYNAMODB),
    "items' backup": _flat("GB-months of point-in-time recovery", 0.20, _DYNAMODB),
    "instance": _flat("hours of a db.r6g.2xlarge, Standard", 1.038, _AURORA),
    "instance, I/O-Optimized": _flat("hours of a db.r6g.2xlarge, I/O-Optimized", 1.349, _AURORA),
    "rows": _flat("GB-months in Aurora, Standard", 0.10, _AURORA),
    "rows, I/O-Optimized": _flat("GB-months in Aurora, I/O-Optimized", 0.225, _AURORA),
    "I/O": _flat("Aurora I/Os, Standard", 0.20, _AURORA, per=MILLION),
    "proxy": _flat("vCPU-hours behind the proxy", 0.015, f"{_AWS}/rds/proxy/pricing/"),
    "events": _flat("events put, 64 KB each", 1.00, f"{_AWS}/eventbridge/pricing/", per=MILLION),
    "schedules": _flat("runs of schedules", 1.00, f"{_AWS}/eventbridge/pricing/", per=MILLION),
    "messages": Price("SQS requests, 64 KB each", MILLION, ((0, 0.40), (100e9, 0.30), (200e9, 0.24)), f"{_AWS}/sqs/pricing/"),
    "mails": _flat("e-mails", 0.10, f"{_AWS}/ses/pricing/", per=1000),
    "pages": _flat("SNS notifications", 0.50, f"{_AWS}/sns/pricing/", per=MILLION),
    "express": _flat("executions, Express", 1.00, _STATES, per=MILLION),
    "express time": Price("GB-seconds, Express", 1, ((0, 0.00001667), (3.6e6, 0.00000833), (18e6, 0.00000456)), _STATES),
    "transitions": _flat("transitions, Standard", 0.025, _STATES, per=1000),
    "keys": _flat("KMS keys", 1.00, _KMS),
    "key uses": _flat("KMS requests, symmetric", 0.03, _KMS, per=10_000),
    "signatures": _flat("KMS requests, elliptic curves", 0.15, _KMS, per=10_000),
    "secrets": _flat("secrets", 0.40, f"{_AWS}/secrets-manager/pricing/"),
    "secret uses": _flat("requests for secrets", 0.05, f"{_AWS}/secrets-manager/pricing/", per=10_000),
    "puts": _flat("S3 PUT and LIST requests", 0.005, f"{_AWS}/s3/pricing/", per=1000),
    "objects": Price("GB-months in S3", 1, ((0, 0.023), (51_200, 0.022), (512_000, 0.021)), f"{_AWS}/s3/pricing/"),
    "logs": Price("GB of functions' logs", 1, ((0, 0.50), (10_240, 0.25), (30_720, 0.10), (51_200, 0.05)), _WATCH),
    "access logs": _flat("GB of the API's access log", 0.50, _WATCH),
    "kept logs": _flat("GB-months of logs, compressed", 0.03, _WATCH),
    "metrics": Price("metrics of our own", 1, ((0, 0.30), (10_000, 0.10)), _WATCH),
    "alarms": _flat("metrics under alarms", 0.10, _WATCH),
    "composite alarms": _flat("composite alarms", 0.50, _WATCH),
    "dashboards": _flat("dashboards", 3.00, _WATCH),
    "traces": _flat("traces recorded", 5.00, f"{_AWS}/xray/pricing/", per=MILLION),
    "endpoints": _flat("hours of an interface endpoint in a zone", 0.01, f"{_AWS}/privatelink/pricing/"),
    "endpoint data": _flat("GB through interface endpoints", 0.01, f"{_AWS}/privatelink/pricing/"),
    "gateways": _flat("hours of a NAT gateway", 0.045, f"{_AWS}/vpc/pricing/"),
}
