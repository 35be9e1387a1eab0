"""docs/cost.md is what its sources say."""

import json
import unittest

from local.cost.__main__ import COUNTS, PAGE
from local.cost.page import render


class Page(unittest.TestCase):
    def setUp(self):
        self.counts = json.loads(COUNTS.read_text())

    def test_the_page_is_what_was_counted(self):
        self.assertEqual(PAGE.read_text(), render(self.counts), "say: python3 -m local.cost page")

    def test_another_count_is_another_page(self):
        self.counts["events"]["payment"]["dynamodb Gate PutItem write_units"] += 1
        self.assertNotEqual(PAGE.read_text(), render(self.counts))

    def test_every_event_of_the_mix_was_measured(self):
        from local.cost.model import assumed, events_per_authorization

        self.assertEqual(set(self.counts["events"]), set(events_per_authorization(assumed())))


if __name__ == "__main__":
    unittest.main()
