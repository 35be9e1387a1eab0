"""The arithmetic, on counts that are made up so that every result can be worked out by hand."""

import unittest

from local.cost import model
from local.cost.assumptions import ASSUMPTIONS
from local.cost.metering import invocation_log_bytes
from local.cost.model import AVERAGE, SECONDS, assumed, bill, dollars, events_per_authorization
from local.cost.prices import PRICES, Price

# Nothing but plain payments.
ONLY_PAYMENTS = assumed(
    settlements=0, declined=0, replays=0, conflicts=0, deposits=0, refunds=0, balance_reads=0, payment_reads=0, page_reads=0, age=1, mailed=1
)
PAYMENT = {
    "api Api call calls": 1,
    "api Api call bytes_out": 400,
    "dynamodb Gate PutItem requests": 1,
    "dynamodb Gate PutItem write_units": 1,
    "dynamodb Gate UpdateItem requests": 2,
    "dynamodb Gate UpdateItem write_units": 2,
    "dynamodb Consumed PutItem write_units": 2,
    "events Events payment.posted.v1 chunks": 1,
    "sqs NotifyQueue ByRule messages": 1,
    "lambda Authorize invoke invocations": 1,
    "lambda Authorize invoke log_bytes": 500,
    "lambda Notify message log_bytes": 200,
    "ledger wal log bytes": 2048,
    "ledger transactions log commits": 1,
    "ledger entries table rows": 2,
    "ses - SendEmail mails": 1,
}
COUNTS = {
    "events": {name: {} for name in events_per_authorization(ONLY_PAYMENTS)} | {"payment": PAYMENT},
    "schedules": {"Clock": {"target": "Tick", "per_month": 100, "counts": {"lambda Tick invoke invocations": 1, "lambda Tick invoke ms": 30_000}}},
    "bytes per row": {"entries": 256},
    "gate item bytes": 900,
    "metrics": 10,
    "stack": {
        "functions": {name: {"memory_mb": 512, "timeout_s": 10} for name in ("Authorize", "Notify", "Analytics", "Tick", "Reconcile")},
        "kept ready": {"Authorize": 2},
        "schedules": {"Clock": {"target": "Tick", "input": None, "per_month": 100}},
        "batches": {"NotifyQueue": {"size": 10, "window_s": 1}, "AnalyticsQueue": {"size": 500, "window_s": 20}},
        "alarmed metrics": 5,
        "composite alarms": 0,
        "dashboards": 0,
        "keys": 3,
        "interface endpoints, by zones": 0,
        "NAT gateways": 0,
        "is traced": False,
        "database class": "",
        "log days": 365,
        "access log bytes": 200,
    },
}


def quantity(rate: float, section: str, what: str, values=ONLY_PAYMENTS, **given) -> float:
    lines = [line for line in bill(COUNTS, values, rate, **given) if (line.section, line.what) == (section, what)]
    return lines[0].quantity if lines else 0


class Prices(unittest.TestCase):
    def test_tiers_begin_where_the_ones_before_end(self):
        price = Price("things", 10, ((0, 5), (100, 3), (200, 1)), "")
        self.assertEqual([price.of(amount) for amount in (0, 100, 150, 300)], [0, 50, 65, 90])

    def test_all_prices_begin_at_the_first_and_fall(self):
        for name, price in PRICES.items():
            begins, each = zip(*price.tiers)
            self.assertEqual(begins[0], 0, name)
            self.assertEqual((list(begins), list(each)), (sorted(begins), sorted(each, reverse=True)), name)


class Volume(unittest.TestCase):
    def test_ten_billion_dollars_a_year_at_fifty_are_six_payments_a_second(self):
        self.assertAlmostEqual(AVERAGE, 6.34, places=2)

    def test_payments_declined_ones_and_settlements_are_one(self):
        shares = events_per_authorization(assumed())
        self.assertAlmostEqual(sum(shares[event] for event in ("payment", "declined", "settlement", "compensated")), 1)

    def test_every_assumption_lies_in_its_range(self):
        for name, each in ASSUMPTIONS.items():
            self.assertTrue(each.low <= each.value <= each.high, name)


class Bill(unittest.TestCase):
    def test_a_payment_is_three_writes_at_the_gate_and_the_consumers_are_not_among_them(self):
        self.assertEqual(quantity(1, "Gate", "writes"), 3 * SECONDS)
        self.assertEqual(quantity(1, "Events", "marks of what was consumed: writes"), 2 * SECONDS)

    def test_the_gate_holds_two_days_of_items(self):
        self.assertAlmostEqual(quantity(2, "Gate", "items of 48 hours"), 2 * 48 * 3600 * 1000 / 2**30)

    def test_rows_gather_as_long_as_the_ledger_is_old(self):
        for age in (1, 84):
            self.assertAlmostEqual(quantity(1, "Ledger", "rows, all that are kept", ONLY_PAYMENTS | {"age": age}), age * SECONDS * 512 / 2**30)

    def test_a_commit_is_an_io_and_what_is_longer_than_four_kilobytes_is_more(self):
        self.assertEqual(quantity(1, "Ledger", "I/O: writing", optimized=False), SECONDS)
        used = {"ledger transactions log commits": 1, "ledger wal log bytes": 3 * 4096}
        self.assertEqual(model.writes_to_storage(used), 3)

    def test_io_optimized_has_no_io_and_the_cheaper_one_is_taken(self):
        self.assertEqual(quantity(1, "Ledger", "I/O: writing", optimized=True), 0)
        for rate in (0.1, 5000):
            month = model.Month(COUNTS, ONLY_PAYMENTS, rate)
            cheaper = min(dollars(month.ledger(False)), dollars(month.ledger(True)))
            self.assertAlmostEqual(dollars(bill(COUNTS, ONLY_PAYMENTS, rate), "Ledger"), cheaper)

    def test_it_breaks_even_where_both_cost_the_same(self):
        rate = model.break_even(COUNTS, ONLY_PAYMENTS)
        month = model.Month(COUNTS, ONLY_PAYMENTS, rate)
        self.assertAlmostEqual(dollars(month.ledger(False)), dollars(month.ledger(True)), places=4)

    def test_batches_are_what_arrives_in_the_window_and_no_more_than_may(self):
        # Half a message a second makes batches of one, five make five, fifty make ten.
        for rate, batch in ((0.5, 1), (5, 5), (50, 10)):
            invocations = quantity(rate, "Functions", "invocations") - rate * SECONDS - 100
            self.assertAlmostEqual(invocations, rate * SECONDS / batch)

    def test_each_batch_is_logged_besides_its_messages(self):
        for rate, batches in ((0.5, 0.5), (50, 5)):
            logged = (700 * rate + batches * invocation_log_bytes([])) * SECONDS / 2**30
            self.assertAlmostEqual(quantity(rate, "Watching", "functions' logs"), logged)

    def test_schedules_run_whether_anybody_pays_or_not(self):
        self.assertEqual(quantity(0, "Functions", "invocations"), 100)
        # Half a minute each, as measured, in half a GB.
        self.assertEqual(quantity(0, "Functions", "time"), 100 * 30 * 0.5)

    def test_what_is_kept_ready_stands_whether_anybody_pays_or_not(self):
        for rate in (0, 1000):
            self.assertEqual(quantity(rate, "Functions", "environments kept ready"), 2 * 0.5 * SECONDS)

    def test_an_assumption_moves_what_it_is_about(self):
        base = dollars(bill(COUNTS, ONLY_PAYMENTS, 1))
        fewer = dollars(bill(COUNTS, ONLY_PAYMENTS | {"mailed": 0}, 1))
        self.assertAlmostEqual(base - fewer, PRICES["mails"].of(SECONDS))
        (most, low, high), *_ = model.sensitivities(COUNTS, 1, ONLY_PAYMENTS)
        self.assertGreaterEqual(abs(high - low), PRICES["mails"].of(SECONDS))
        self.assertIn(most, ASSUMPTIONS)

    def test_a_use_is_found_by_its_words(self):
        used = {"a b c d": 1, "a x c d": 2, "a b c e": 4}
        self.assertEqual([model.total(used, pattern) for pattern in ("a * c d", "a b * *", "* * * *", "z * * *")], [3, 5, 7, 0])


if __name__ == "__main__":
    unittest.main()
