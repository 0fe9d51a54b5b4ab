"""What the tests of reports A and B share: both read the digit table."""

import numpy as np
import pytest

import pellucid as pl
from pellucid.data import Dataset
from pellucid.data.sources import MissingError
from pellucid.lab import digit_table


def toy(name, rows, test_rows, base):
    """Return a set whose row tells its label: pixels are the label, and 1 in every column but the first."""
    y = base + np.arange(rows + test_rows)
    x = np.ones((len(y), 784), np.uint8)
    x[:, 0] = y
    return Dataset(name, x[:rows], y[:rows], x[rows:], y[rows:], 10, (28, 28), "a test", {})


@pytest.fixture(params=[True, False], ids=["table", "no table"])
def check_rows_drawn(request, monkeypatch):
    """Return a check of a module's `run`: which of 42 rows it trains and tests on, by cell and seed."""
    has_table = request.param
    sets = {"mnist": toy("mnist", 60, 10, 0)} | ({"kaggle-mnist": toy("k", 42, 0, 100)} if has_table else {})

    def load(name):
        if name not in sets:
            raise MissingError(f"{name} is not there")
        return sets[name]

    def check(module, n_train):
        monkeypatch.setattr(module, "N_TRAIN", n_train)
        monkeypatch.setattr(module, "run_on", lambda *parts: {"parts": parts})
        drawn = {}
        for cell in module.ALL_CELLS:
            for seed in (0, 1):
                found = module.run(module.settings_of(cell), seed)
                x, y, x_test, y_test, settings, its_seed = found["parts"]
                assert (len(y), len(y_test)) == (n_train, 42 - n_train)
                assert (its_seed, settings) == (seed, module.settings_of(cell))
                np.testing.assert_array_equal(x[:, 0], y)
                np.testing.assert_array_equal(x_test[:, 0], y_test)
                drawn.setdefault(seed, set()).add((*y, *y_test))
        assert [len(rows) for rows in drawn.values()] == [1, 1]  # the same for every cell
        assert drawn[0] != drawn[1]
        rows = drawn[0].pop()
        assert len({*rows}) == 42
        assert (min(rows) >= 100) == has_table
        assert ("digit CSV" in found["origin"], "No digit CSV" in found["origin"]) == (True, not has_table)
        assert rows != tuple(sorted(rows))

    monkeypatch.setattr(pl, "load_dataset", load)
    monkeypatch.setattr(digit_table, "N_ROWS", 42)
    return check
