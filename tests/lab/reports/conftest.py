"""What the tests of the reports share: images to learn from, and the digit table of A and B."""

from functools import partialmethod

import numpy as np
import pytest

import pellucid as pl
from pellucid.data import Dataset
from pellucid.data.unpack import MissingError
from pellucid.lab import digit_table


@pytest.fixture(scope="module")
def images(request):
    """Noisy images of ten patterns, so that there is something to learn; the module sets their number."""
    rng = np.random.default_rng(0)
    y, y_test = (rng.integers(0, 10, n) for n in (request.module.ROWS, request.module.TEST_ROWS))
    patterns = rng.integers(0, 2, (10, 784)) * 90
    x, x_test = (patterns[labels] + rng.integers(0, 166, (len(labels), 784)) for labels in (y, y_test))
    x[0, 0] = 255
    return x.astype(np.uint8), y, x_test.astype(np.uint8), y_test


@pytest.fixture
def in_float64(monkeypatch):
    monkeypatch.setattr(pl.Network, "build", partialmethod(pl.Network.build, dtype=np.float64))


def leaves(result):
    """Return the values in a result, each with its path."""
    if not isinstance(result, dict | list):
        return [((), result)]
    parts = result.items() if isinstance(result, dict) else enumerate(result)
    return [((key, *path), value) for key, part in parts for path, value in leaves(part)]


@pytest.fixture
def check_together(images):
    """Return a check that runs trained together give what each gives alone; it returns the groups' sizes."""

    def check(module, *, most, **length):
        every = [module.settings_of(cell, **length) for cell in module.ALL_CELLS]
        groups = {}
        for settings in every:
            groups.setdefault(module.together(settings), []).append(settings)
        groups.pop(None)
        for group in groups.values():
            found = module.run_on(*images, group[:most], 1)
            for result, settings in zip(found, group, strict=False):
                (expected,) = module.run_on(*images, [settings], 1)
                (paths, values), (its_paths, its_values) = (
                    zip(*leaves(r), strict=True) for r in (result, expected)
                )
                assert paths == its_paths
                assert values == pytest.approx(its_values, rel=1e-10)
            losses = [result["curves"]["train loss"]["y"][-1] for result in found]
            assert len({round(loss, 6) for loss in losses}) == len(group[:most])  # all differ
        return sorted(map(len, groups.values()))

    return check


def toy(name, rows, test_rows, base):
    """Return a set whose rows show their labels: the first pixel is the label, all others are 1."""
    y = base + np.arange(rows + test_rows)
    x = np.ones((len(y), 784), np.uint8)
    x[:, 0] = y
    return Dataset(name, x[:rows], y[:rows], x[rows:], y[rows:], 10, (28, 28), "a test", {})


@pytest.fixture(params=[True, False], ids=["table", "no table"])
def check_rows_drawn(request, monkeypatch):
    """Return a check of the rows, of 42, on which a module's `run` trains and tests, by cell and seed."""
    has_table = request.param
    sets = {"mnist": toy("mnist", 60, 10, 0)} | ({"kaggle-mnist": toy("k", 42, 0, 100)} if has_table else {})

    def load(name):
        if name not in sets:
            raise MissingError(f"{name} is not there")
        return sets[name]

    def check(module, n_train):
        monkeypatch.setattr(module, "N_TRAIN", n_train)
        monkeypatch.setattr(module, "run_on", lambda *parts: [{"parts": parts}])
        drawn = {}
        for cell in module.ALL_CELLS:
            for seed in (0, 1):
                (found,) = module.run([module.settings_of(cell)], seed)
                x, y, x_test, y_test, settings, its_seed = found["parts"]
                assert (len(y), len(y_test)) == (n_train, 42 - n_train)
                assert (its_seed, settings) == (seed, [module.settings_of(cell)])
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
