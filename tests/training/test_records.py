"""Records as numbers, and back."""

import tracemalloc

import numpy as np
import pytest

from pellucid import Record
from pellucid.training.records import History, as_records, as_table

RECORDS = [[Record(i, None, i / 2, i / 4, i / 8, i / 16), Record(i, None, 1, 2, 3, 4)] for i in (1, 2, 3)]


def test_there_and_back():
    history = as_records(as_table(RECORDS))
    assert list(history) == RECORDS
    assert history[-1] == RECORDS[2]
    without = [[Record(1, None, 0.5, 0.25)]]
    assert list(as_records(as_table(without))) == without


def test_a_history_grows_and_is_cut():
    history = as_records(as_table(RECORDS[:2]))
    history.append(RECORDS[2])
    assert list(history) == RECORDS
    assert [list(history[:n]) for n in range(5)] == [RECORDS[:n] for n in range(5)]
    np.testing.assert_array_equal(as_table(history), as_table(RECORDS))
    with pytest.raises(IndexError):
        history[3]
    with pytest.raises(ValueError, match=r"cut to its first epochs only"):
        history[1:]


@pytest.mark.parametrize("table", [np.zeros((2, 1)), np.zeros((1, 1, 3)), np.zeros((1, 1, 2), np.float32)])
def test_numbers_that_are_no_records(table):
    with pytest.raises(ValueError, match="records must be float64"):
        as_records(table)


def test_a_long_history_takes_the_memory_of_its_numbers():
    table = np.zeros((100_000, 1, 4))
    tracemalloc.start()
    history = as_records(table)
    assert sum(record.epoch for [record] in history) == 5_000_050_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert isinstance(history, History)
    assert peak < 100_000
