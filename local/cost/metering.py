"""How AWS rounds what it bills. Pure arithmetic; each function names the page that says so."""

import base64

KB = 1024
# What CloudWatch Logs adds to each line, in bytes (PutLogEvents, API reference).
LOG_LINE_OVERHEAD = 26
# What Lambda writes about each invocation, with identifiers and figures of the length they have there.
_ID = "00000000-0000-0000-0000-000000000000"
_PLATFORM_LINES = [
    f"START RequestId: {_ID} Version: $LATEST",
    f"END RequestId: {_ID}",
    f"REPORT RequestId: {_ID}\tDuration: 12.34 ms\tBilled Duration: 13 ms\tMemory Size: 512 MB\tMax Memory Used: 32 MB\t",
]


def started(amount: float, unit: int) -> int:
    """How many units `amount` begins; nothing is billed as none, so at least one."""
    return max(1, -(-int(amount) // unit))


def write_units(item_bytes: int, transactional: bool = False) -> int:
    """Of DynamoDB, for writing an item, or failing to: 1 per KB of the larger of before and after, twice in a transaction."""
    return started(item_bytes, KB) * (2 if transactional else 1)


def read_units(read_bytes: int, consistent: bool, transactional: bool = False) -> float:
    """Of DynamoDB, for what one request reads: 1 per 4 KB, half of that if it need not be the newest, twice in a transaction."""
    return started(read_bytes, 4 * KB) * (2 if transactional else 1 if consistent else 0.5)


def chunks_of_64_kb(payload_bytes: int) -> int:
    """As SQS counts a request's payload, and EventBridge an event."""
    return started(payload_bytes, 64 * KB)


def calls_of_512_kb(payload_bytes: int) -> int:
    """As API Gateway counts a call to an HTTP API."""
    return started(payload_bytes, 512 * KB)


def event_bytes(entry: dict) -> int:
    """The size of an entry of PutEvents as EventBridge counts it: 14 for a time, and the text of the rest."""
    texts = [entry.get("Source", ""), entry.get("DetailType", ""), entry.get("Detail", ""), *entry.get("Resources", [])]
    return (14 if "Time" in entry else 0) + sum(len(text.encode()) for text in texts)


def log_bytes(lines: list[str]) -> int:
    """What CloudWatch Logs takes in for these lines."""
    return sum(len(line.encode()) + LOG_LINE_OVERHEAD for line in lines)


def invocation_log_bytes(lines: list[str]) -> int:
    """The same for an invocation that wrote these, with Lambda's own lines."""
    return log_bytes([*_PLATFORM_LINES, *lines])


def item_bytes(item: dict) -> int:
    """The size of a DynamoDB item in its JSON form: names and values, as the Developer Guide counts them."""
    return sum(len(name.encode()) + _value_bytes(value) for name, value in item.items())


def _value_bytes(value: dict) -> int:
    ((kind, held),) = value.items()
    match kind:
        case "S":
            return len(held.encode())
        case "N":
            # A byte for two digits, and one more.
            return (len(held.strip("-").replace(".", "").strip("0")) + 1) // 2 + 1 + held.startswith("-")
        case "B":
            return len(held if isinstance(held, bytes) else base64.b64decode(held))
        case "BOOL" | "NULL":
            return 1
        case "L":
            return 3 + sum(1 + _value_bytes(each) for each in held)
        case "M":
            return 3 + len(held) + item_bytes(held)
        case "SS" | "NS" | "BS":
            return sum(_value_bytes({kind[0]: each}) for each in held)
    raise ValueError(f"DynamoDB has no type {kind}")
