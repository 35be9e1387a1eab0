"""docs/cost.md, written from what was measured: every figure in it comes out of counts.json, prices.py, assumptions.py or the review."""

from local.cost import model
from local.cost.assumptions import ASSUMPTIONS
from local.cost.model import AVERAGE, GB, HOURS, PEAK, SECONDS, Line, Month, bill, dollars, total
from local.cost.prices import AS_OF, PRICES, REGION, Price

SECTIONS = ("API", "Functions", "Gate", "Ledger", "Events", "Mail", "Settlements", "Keys", "Watching", "Network")
# The review's prices of a REST API.
_REST = Price("calls to a REST API", 1e6, ((0, 3.50), (333e6, 2.80), (1e9, 2.38)), "")
# In whose month mail stands apart: there is none in the review.
_WITHOUT_MAIL = tuple(section for section in SECTIONS if section != "Mail")


def render(counts: dict) -> str:
    """The whole page, as Markdown."""
    values = model.assumed()
    average, peak = bill(counts, values, AVERAGE), bill(counts, values, PEAK)
    parts = [
        _introduction(counts, average, peak),
        _sections(average, peak),
        _hour(counts, values),
        _money(average, peak),
        "## Beside the review\n",
        _review(counts, values, peak),
        "## What one event uses\n",
        _events(counts),
        _ledger(counts, values),
        _standing(counts),
        "## What is assumed\n",
        _assumptions(counts, values),
        "## The bill, line by line\n",
        _lines(average, peak),
        _prices(),
        _limits(counts, values),
    ]
    return "\n".join(parts)


def _introduction(counts: dict, average: list[Line], peak: list[Line]) -> str:
    times = counts["repetitions"]
    return f"""# What it costs

Written by `make cost`; `local/cost` holds the model, [cost/counts.json](cost/counts.json) what was measured. Do not change this page by hand: `make unit-test` compares it with its sources.

**{_usd(dollars(average))} a month** at the average that $10B a year is at $50 a payment, {AVERAGE:.2f} authorizations a second. **{_usd(dollars(peak))} a month** if the peak of {PEAK:,.0f} a second never ended.
Of these, e-mail to merchants is {_usd(dollars(average, "Mail"))} and {_usd(dollars(peak, "Mail"))}: one for each event, to every merchant that left an address, and the first thing to think about.

Each figure is one of three things:

- **measured**: requests, units, transitions, rows and bytes, counted on the local cloud while {times["payments"]} payments, {times["settlements"]} settlements, {times["compensated"]} that are undone and {times["others"]} of each other kind go through the real
  functions, the real template and the real database, and while each schedule runs with nothing to do. They are the same in AWS.
- **a price**: AWS's list price on demand in {REGION}, {AS_OF}, typed in by hand from the page that is named below. Free tiers and discounts are left out.
- **assumed**: marked, in [one table](#what-is-assumed), with what it is worth. How long anything takes is always assumed: this machine's speed is not AWS's.

A month has 30 days, as in the review.
"""


def _sections(average: list[Line], peak: list[Line]) -> str:
    rows = [(section, _usd(dollars(average, section)), _usd(dollars(peak, section))) for section in SECTIONS]
    rows.append(("**all**", f"**{_usd(dollars(average))}**", f"**{_usd(dollars(peak))}**"))
    rows.append(("without mail", _usd(_no_mail(average)), _usd(_no_mail(peak))))
    return _table(("a month", f"at {AVERAGE:.2f} a second", f"at {PEAK:,.0f} a second, all month"), rows, numbers=2)


def _hour(counts: dict, values: dict) -> str:
    idle = dollars(bill(counts, values, 0, optimized=False))
    busy = dollars(bill(counts, values | {"age": 1 / HOURS}, PEAK, optimized=False))
    hour = (busy - idle) / HOURS
    return f"""**An hour at the peak** is {PEAK * 3600 / 1e6:.1f} million authorizations and adds about {_usd(hour)}, mail included. What stands whether anybody pays or not is {_usd(idle)} a month.
"""


def _money(average: list[Line], peak: list[Line]) -> str:
    month = SECONDS * AVERAGE
    each, basis = dollars(average) / month, dollars(average) / (month * model.PAYMENT) * 1e4
    at_peak = dollars(peak) / (SECONDS * PEAK)
    small = model.VOLUME / (PEAK * 365 * 86_400)
    return f"""**For each authorization** that is {_cents(each)} on average and {_cents(at_peak)} at the peak; of $10B a year, {basis:.2f} basis points.

**$10B a year at {PEAK:,.0f} a second would be ${small:.2f} a payment.** The review has both figures and they do not go together: at $50 a payment the average is {AVERAGE:.2f} a second, and {PEAK:,.0f} is {PEAK / AVERAGE:.0f} times that, a peak.
Were payments really of ${small:.2f}, the right-hand column would be the bill, and {at_peak / small * 100:.2f} % of what is moved.
"""


def _review(counts: dict, values: dict, peak: list[Line]) -> str:
    used, month = model.uses(counts, values, PEAK), Month(counts, values, PEAK)
    writes = total(counts["events"]["payment"], "dynamodb Gate * write_units")
    standard, optimized = dollars(month.ledger(False)), dollars(month.ledger(True))
    ios = sum(line.quantity for line in month.ledger(False) if line.price == "I/O")
    calls = total(used, "api * * calls")
    consumers = [queue for queue in ("NotifyQueue", "AnalyticsQueue") if queue in counts["stack"]["batches"]]
    settled = values["settlements"] * PEAK
    poller = counts["stack"]["functions"]["OutboxPoll"]
    slept = total(counts["schedules"]["OutboxPollEveryMinute"]["counts"], "lambda OutboxPoll * ms") / 1000
    runs = counts["schedules"]["OutboxPollEveryMinute"]["per_month"]
    polled = PRICES["compute"].of(runs * slept * poller["memory_mb"] / 1024) + PRICES["invocations"].of(runs)
    sent = sum(total(used, f"sqs {queue} ByRule messages") for queue in consumers)
    transitions = 5 * PEAK * SECONDS
    rows = [
        (
            "API Gateway",
            "$4,600",
            _usd(_of(peak, "API", "calls")),
            f"An HTTP API at $1.00 and $0.90 a million, where the review has a REST API at $3.50 to $2.38, which by the way comes to {_usd(_REST.of(PEAK * SECONDS))}. And {calls / SECONDS / PEAK:.2f} calls for each authorization: deposits, refunds and reading are calls too. What goes out with"
            f" the answers, {_usd(_of(peak, 'API', 'answers'))}, is not in the review.",
        ),
        (
            "Aurora's instances",
            "$1,500",
            _usd(PRICES["instance"].of(values["instances"] * HOURS)),
            "The review's figure is said to be reserved for a year; it is what two cost on demand.",
        ),
        (
            "Aurora's I/O",
            "$1,555",
            _usd(PRICES["I/O"].of(ios)),
            f"{ios / SECONDS:,.0f} a second, where the review has 3,000. Writing is the most it can be by what is logged; most of the rest is the proofs, which read a day's rows every night and all rows every week.",
        ),
        (
            "Aurora, I/O-Optimized",
            "$1,800",
            _usd(optimized),
            f"Against {_usd(standard)} on Standard, proxy and rows of {values['age']:.0f} months included. It is 30 % dearer by the hour and not 20 %, and its storage costs $0.225 and not $0.10; the review has no storage at all.",
        ),
        (
            "the gate",
            "$1,800",
            _usd(dollars(peak, "Gate")),
            f"{writes:.0f} writes for a payment and not one: PENDING, PROCESSING, COMPLETE. (86.4 million is a *day* at 1,000 a second; the review's dollars are right for the month of 2.592 billion.) And an item has"
            f" {counts['gate item bytes']} bytes and not 200, since it holds the answer itself.",
        ),
        (
            "SQS, for each consumer",
            "$1,037",
            _usd(_price_of(peak, "messages") / len(consumers)),
            f"{len(consumers)} consumers. Each message is sent, received and deleted; the review counts it once. {sent / SECONDS / PEAK / len(consumers):.2f} events for each authorization.",
        ),
        (
            "Step Functions",
            "$130 to $3,240",
            _usd(dollars(peak, "Settlements")),
            f"{settled:.0f} settlements a second, where the review's 129.6 million a month are 50: 10 to 20 % of 1,000 are 100 to 200. By the short way, which is Express; all by Standard, five transitions of every authorization would be"
            f" {_usd(PRICES['transitions'].of(transitions))} and not $16,200, since 5 × 1,000 are not 250 a second.",
        ),
        ("Payment Cryptography", "$200 to $2,000", "$0", "It keeps no tokens. The API takes a token of the card vault's, whose bill it is."),
        ("the poller", "$5 to $21", _usd(polled), f"Resident for {slept:.0f} s of each minute, {poller['memory_mb']} MB on arm64. A schedule cannot start it every 100 ms."),
        ("EventBridge", "–", _usd(_of(peak, "Events", "published")), "The bus between the outbox and the queues."),
        ("consumers' marks", "–", _usd(_of(peak, "Events", "marks of what was consumed: writes")), "Two writes for each event and consumer, so that nothing is consumed twice."),
        ("functions", "–", _usd(dollars(peak, "Functions")), "The review has Fargate, without a figure."),
        ("keys and secrets", "–", _usd(dollars(peak, "Keys")), "Nearly all of it a secret for each of 10,000 merchants, at $0.40."),
        ("logs, metrics, alarms", "–", _usd(dollars(peak, "Watching")), "A line for each request, an access log, and kept for a year."),
        ("e-mail", "–", _usd(dollars(peak, "Mail")), "One for each event. It would wait for SES's quota, and for `notify`, of which five run at once."),
        ("**all**", "**$11,000 to $13,000**", f"**{_usd(dollars(peak))}**", f"Without e-mail {_usd(_no_mail(peak))}."),
    ]
    return "A month at 1,000 a second without a pause, since that is what the review reckons with.\n\n" + _table(("", "the review", "here", "why they differ"), rows, numbers=0)


def _events(counts: dict) -> str:
    """Measured; with all that follows, up to the mail and the archive."""
    rows = [
        (
            event,
            _number(total(used, "dynamodb Gate * write_units")),
            _number(total(used, "dynamodb * * write_units") - total(used, "dynamodb Gate * write_units")),
            _number(total(used, "dynamodb * * read_units")),
            _number(total(used, "events * * chunks")),
            _number(total(used, "sqs * ByRule messages")),
            _number(total(used, "states * * transitions")),
            _number(total(used, "kms * * requests") + total(used, "secretsmanager * * requests")),
            _number(total(used, "ledger transactions * commits")),
            _number(round(total(used, "ledger wal * bytes"))),
            _number(round(total(used, "lambda * * log_bytes"))),
        )
        for event, used in counts["events"].items()
    ]
    heads = ("measured", "gate writes", "other writes", "reads", "events", "messages", "transitions", "keys, secrets", "commits", "bytes of WAL", "bytes of logs")
    return (
        "With all that follows from it: the poller, the rules, the consumers, the machines. Writes and reads in DynamoDB's units.\n\n"
        + _table(heads, rows, numbers=len(heads) - 1)
        + "\nCommits beside an event's own are the poller's and the fold's, over all events that went out together; so is what they log in WAL. What Lambda logs of a batch is not in here.\n"
    )


def _ledger(counts: dict, values: dict) -> str:
    kept = model.kept_bytes(counts, values)
    rows = [(f"`{table}`", _number(size), *(_number(counts["events"][event].get(f"ledger {table} table rows", 0)) for event in _WITH_ROWS)) for table, size in counts["bytes per row"].items()]
    rows = [row for row in rows if any(cell != "0" for cell in row[2:])]
    per_year = [kept * rate * SECONDS * 12 / GB for rate in (AVERAGE, PEAK)]
    storage = [
        (
            f"after {months // 12} {'year' if months == 12 else 'years'}",
            *(f"{per * months / 12:,.0f} GB, {_usd(PRICES[price].of(per * months / 12))} a month" for per in per_year for price in ("rows", "rows, I/O-Optimized")),
        )
        for months in (12, 84)
    ]
    average = Month(counts, values, AVERAGE)
    even = [("1 month" if age == 1 else f"{age} months", _rate(model.break_even(counts, values | {"age": age}))) for age in (1, 12, 84)]
    return f"""## Seven years of ledger

Rows that stay, measured: heap and indexes over rows, after so few of them that the last pages are not full; for the rarer ones this is too much.

{_table(("table", "bytes a row", *(f"rows: {event}" for event in _WITH_ROWS)), rows, numbers=1 + len(_WITH_ROWS))}
**{kept:,.0f} bytes for each authorization**, with its share of deposits, refunds and settlements.

{_table(("", f"at {AVERAGE:.2f} a second, Standard", "I/O-Optimized", f"at {PEAK:,.0f} a second, Standard", "I/O-Optimized"), storage, numbers=0)}
**Standard or I/O-Optimized?** From this many authorizations a second on, I/O-Optimized is cheaper, as long as so much ledger has gathered. Old rows pull both ways: their storage costs more than twice as much there, and reading them every week costs nothing.

{_table(("ledger", "from"), even, numbers=0)}
On average, after {values["age"]:.0f} months, the ledger is {_usd(dollars(average.ledger(False)))} a month on Standard and {_usd(dollars(average.ledger(True)))} on I/O-Optimized.
"""


_WITH_ROWS = ("payment", "declined", "deposit", "refund", "settlement", "compensated")


def _standing(counts: dict) -> str:
    rows = [
        (
            f"`{name}`",
            _number(round(schedule["per_month"])),
            _number(total(schedule["counts"], "dynamodb * * write_units")),
            _number(total(schedule["counts"], "dynamodb * * read_units")),
            _number(total(schedule["counts"], "sqs * * requests")),
            _number(total(schedule["counts"], "s3 * * requests")),
            _number(total(schedule["counts"], "kms * * requests")),
            _number(total(schedule["counts"], "states * * transitions")),
            _number(round(total(schedule["counts"], "lambda * * log_bytes"))),
        )
        for name, schedule in counts["schedules"].items()
    ]
    stack = counts["stack"]
    heads = ("schedule, one run with nothing to do", "runs a month", "writes", "reads", "SQS", "S3", "keys", "transitions", "bytes of logs")
    missing = "" if stack["interface endpoints, by zones"] else " There is no VPC in the templates yet, so its endpoints are missing here."
    return f"""## What an idle stack uses

{_table(heads, rows, numbers=len(heads) - 1)}
Standing beside them, counted in the templates: {len(stack["functions"])} functions, {stack["alarmed metrics"]} metrics under alarms, {counts["metrics"]} metrics of our own that were seen, {stack["keys"]} keys, {len(stack["batches"])} queues that are polled for functions,
{stack["dashboards"]} dashboards, {stack["interface endpoints, by zones"]} interface endpoints (each zone counted), {stack["NAT gateways"]} NAT gateways.{missing}
"""


def _assumptions(counts: dict, values: dict) -> str:
    base = {rate: dollars(bill(counts, values, rate)) for rate in (AVERAGE, PEAK)}
    at_peak = {name: (low, high) for name, low, high in model.sensitivities(counts, PEAK, values)}
    rows = [
        (
            name,
            f"{_plain(ASSUMPTIONS[name].value)} {ASSUMPTIONS[name].unit}",
            f"{_plain(ASSUMPTIONS[name].low)} to {_plain(ASSUMPTIONS[name].high)}",
            f"{_signed(low - base[AVERAGE])} to {_signed(high - base[AVERAGE])}",
            " to ".join(_signed(end - base[PEAK]) for end in at_peak[name]),
            ASSUMPTIONS[name].why,
        )
        for name, low, high in model.sensitivities(counts, AVERAGE, values)
    ]
    heads = ("", "assumed", "could be", f"then at {AVERAGE:.2f} a second", f"at {PEAK:,.0f}", "why")
    return "Those first that matter most on average. What each does to a month's bill if it is the one or the other:\n\n" + _table(heads, rows, numbers=0)


def _lines(average: list[Line], peak: list[Line]) -> str:
    names = list(dict.fromkeys((line.section, line.what, line.price) for line in [*average, *peak]))
    order = sorted(names, key=lambda name: SECTIONS.index(name[0]))
    rows = []
    for section, what, price in order:
        cells = [_cell(lines, section, what, price) for lines in (average, peak)]
        rows.append((section, what, PRICES[price].unit, *[cell for pair in cells for cell in pair]))
    return _table(("", "", "in", f"at {AVERAGE:.2f} a second", "", f"at {PEAK:,.0f} a second", ""), rows, numbers=4)


def _prices() -> str:
    rows = [(price.unit, ", then ".join(_tier(price, begin, each) for begin, each in price.tiers), price.page) for price in PRICES.values()]
    return f"## Prices\n\n{REGION}, {AS_OF}.\n\n" + _table(("for", "dollars", "from"), rows, numbers=0)


def _limits(counts: dict, values: dict) -> str:
    days = Month(counts, values, PEAK).proving() / 86_400 / (30 / 7)
    kept = model.kept_bytes(counts, values) * PEAK * SECONDS * 84 / 2**40
    named = counts["stack"]["database class"]
    newer = f" The template's is {named}, whose price is not in here." if named not in ("", "db.r6g.2xlarge") else ""
    return f"""## What this does not say

- **Not counted**: the token issuer, CloudTrail's data events of what people touch (none of the money path's), backups of Aurora beyond what its price includes, what autovacuum writes, traffic between zones and through NAT, flow logs, a second region, staging, support, people.
- **Cold starts**: a new copy of a function is paid for while it starts. At an even rate that is nothing; at the foot of a peak it is a second or so for each copy, once.
- **Size of the instances**: two db.r6g.2xlarge are the review's.{newer} Nothing here shows that they carry {PEAK:,.0f} a second; `make bench` measures a ledger on the machine at hand.
- **The weekly proof** of {values["age"]:.0f} months at {PEAK:,.0f} a second would take {days:,.0f} days by the assumption above, so at that rate, kept up for so long, it could not be weekly.
- **One volume** of Aurora's holds 128 TiB, or 256 in its newest versions. {kept:,.0f} TiB are what seven years at {PEAK:,.0f} a second come to.
- **Indexes of DynamoDB's tables** are left out of its writes. The money path's tables have none.
"""


def _cell(lines: list[Line], section: str, what: str, price: str) -> tuple[str, str]:
    for line in lines:
        if (line.section, line.what, line.price) == (section, what, price):
            return _quantity(line.quantity), _usd(line.dollars)
    return "", ""


def _no_mail(lines: list[Line]) -> float:
    return sum(dollars(lines, section) for section in _WITHOUT_MAIL)


def _of(lines: list[Line], section: str, what: str) -> float:
    return sum(line.dollars for line in lines if (line.section, line.what) == (section, what))


def _price_of(lines: list[Line], price: str) -> float:
    return sum(line.dollars for line in lines if line.price == price)


def _table(heads: tuple[str, ...], rows: list[tuple[str, ...]], numbers: int) -> str:
    """`numbers`: how many columns, from the right, are set flush right."""
    rule = ["---"] * (len(heads) - numbers) + ["---:"] * numbers
    return "".join(f"| {' | '.join(row)} |\n" for row in [heads, tuple(rule), *rows])


def _tier(price, begin: float, each: float) -> str:
    per = "" if price.per == 1 else f" per {price.per:,.0f}"
    text = f"{each:.10f}".rstrip("0")
    text = text + "0" * max(0, 2 - len(text.partition(".")[2]))
    return f"${text}{per}" + (f" from {begin:,.0f}" if begin else "")


def _usd(amount: float) -> str:
    """Whole dollars from ten on, cents below."""
    return f"${amount:,.0f}" if amount >= 10 or amount == 0 else f"${amount:.2f}"


def _signed(amount: float) -> str:
    return "±$0" if abs(amount) < 0.5 else f"{'+' if amount > 0 else '−'}${abs(amount):,.0f}"


def _cents(amount: float) -> str:
    return f"{amount * 100:.3f} cents"


def _rate(rate: float | None) -> str:
    return f"more than {10 * PEAK:,.0f} a second" if rate is None else f"{rate:,.0f} a second"


def _number(amount: float) -> str:
    return f"{amount:,.2f}".rstrip("0").rstrip(".")


def _plain(amount: float) -> str:
    return f"{amount:,g}" if amount < 1000 else f"{amount:,.0f}"


def _quantity(amount: float) -> str:
    for unit, size in (("billion", 1e9), ("million", 1e6)):
        if amount >= size:
            return f"{amount / size:,.2f} {unit}"
    return f"{amount:,.0f}" if amount >= 100 else f"{amount:,.3g}"
