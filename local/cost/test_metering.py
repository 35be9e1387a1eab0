"""How AWS rounds what it bills."""

import unittest

from local.cost.metering import (
    calls_of_512_kb,
    chunks_of_64_kb,
    event_bytes,
    item_bytes,
    log_bytes,
    read_units,
    write_units,
)

KB = 1024


class Rounding(unittest.TestCase):
    def test_a_write_is_a_unit_for_each_kilobyte_it_begins(self):
        self.assertEqual([write_units(size) for size in (0, 1, KB, KB + 1, 3 * KB)], [1, 1, 1, 2, 3])

    def test_a_write_in_a_transaction_is_twice_that(self):
        self.assertEqual(write_units(KB + 1, transactional=True), 4)

    def test_a_read_is_a_unit_for_each_four_kilobytes_and_half_if_it_may_be_old(self):
        self.assertEqual([read_units(size, consistent=True) for size in (0, 4 * KB, 4 * KB + 1)], [1, 1, 2])
        self.assertEqual([read_units(size, consistent=False) for size in (0, 4 * KB, 4 * KB + 1)], [0.5, 0.5, 1])
        self.assertEqual(read_units(1, consistent=True, transactional=True), 2)

    def test_messages_and_events_go_by_64_kilobytes_and_calls_by_512(self):
        self.assertEqual([chunks_of_64_kb(size) for size in (0, 64 * KB, 64 * KB + 1)], [1, 1, 2])
        self.assertEqual([calls_of_512_kb(size) for size in (0, 512 * KB, 512 * KB + 1)], [1, 1, 2])


class Sizes(unittest.TestCase):
    def test_an_event_is_its_texts_and_a_time(self):
        entry = {"Source": "onceledger", "DetailType": "a.v1", "Detail": '{"é": 1}', "EventBusName": "not counted"}
        self.assertEqual(event_bytes(entry), 10 + 4 + 9)
        self.assertEqual(event_bytes(entry | {"Time": 1}), 10 + 4 + 9 + 14)

    def test_a_log_line_costs_26_bytes_more_than_it_says(self):
        self.assertEqual(log_bytes(["four", ""]), 4 + 26 + 26)

    def test_an_item_is_its_names_and_its_values(self):
        self.assertEqual(item_bytes({"pk": {"S": "é"}}), 2 + 2)
        self.assertEqual(item_bytes({"n": {"N": "1795000000000"}}), 1 + 3)
        self.assertEqual(item_bytes({"n": {"N": "-12"}}), 1 + 3)
        self.assertEqual(item_bytes({"b": {"B": "AAAA"}}), 1 + 3)
        self.assertEqual(item_bytes({"b": {"B": b"AAAA"}}), 1 + 4)
        self.assertEqual(item_bytes({"t": {"BOOL": True}, "z": {"NULL": True}}), 2 + 2)
        self.assertEqual(item_bytes({"l": {"L": [{"S": "ab"}]}}), 1 + 3 + 1 + 2)
        self.assertEqual(item_bytes({"m": {"M": {"k": {"S": "ab"}}}}), 1 + 3 + 1 + 1 + 2)
        self.assertEqual(item_bytes({"s": {"SS": ["ab", "c"]}}), 1 + 3)

    def test_what_is_no_type_is_no_size(self):
        with self.assertRaises(ValueError):
            item_bytes({"x": {"X": 1}})


if __name__ == "__main__":
    unittest.main()
