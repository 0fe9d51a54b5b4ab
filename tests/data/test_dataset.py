"""Labelled images in memory, and their description by `describe`."""

import dataclasses
import json
import sys
import tracemalloc

import numpy as np
import pytest

from pellucid.data import Dataset, describe


@pytest.fixture
def made():
    x, y = np.arange(36, dtype=np.uint8).reshape(3, 12), np.array([0, 1, 1])
    return Dataset("toy", x, y, x[:0], y[:0], 2, (3, 4), "folder /data", {"toy": "ff"})


def test_no_array_can_be_written_and_no_field_replaced(made):
    for array in (made.x_train, made.y_train, made.x_test, made.y_test):
        assert not array.flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        made.x_train[0, 0] = 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.name = "another"


def test_a_copy_can_be_written(made):
    copy = made.x_train.copy()
    copy[0, 0] = 9
    assert made.x_train[0, 0] == 0


def test_a_row_is_an_image_line_by_line(made):
    image = made.x_train[1].reshape(made.image_shape)
    assert image[0].tolist() == [12, 13, 14, 15]
    assert image[2, 3] == 23


def test_its_repr_is_one_line_and_it_equals_only_itself(made):
    assert repr(made) == (
        "Dataset('toy': 3 training and 0 test images of 3 x 4, 2 classes, from folder /data)"
    )
    assert made == made
    assert made != dataclasses.replace(made)


# --- describe --------------------------------------------------------------------------------------


def dataset(x, y, x_test=None, y_test=(), n_classes=2):
    x = np.array(x, np.uint8)
    x_test = np.zeros((0, x.shape[1]), np.uint8) if x_test is None else np.array(x_test, np.uint8)
    shape = (1, x.shape[1])
    y, y_test = np.array(y, np.int64), np.array(y_test, np.int64)
    return Dataset("handmade", x, y, x_test, y_test, n_classes, shape, "a test", {})


def test_known_answers():
    x = [[0, 7, 255], [0, 7, 0], [0, 7, 255], [4, 7, 1]]
    facts = describe(dataset(x, [0, 1, 1, 1], [[0, 7, 0], [9, 9, 9], [0, 7, 0]], [1, 0, 0], n_classes=3))
    assert (facts.n_train, facts.n_test, facts.n_features, facts.n_classes) == (4, 3, 3, 3)
    assert facts.memory_mb == pytest.approx((12 + 32 + 9 + 24) / 1e6)
    assert facts.train_counts == (1, 3, 0)
    assert facts.test_counts == (2, 1, 0)
    assert (facts.pixel_min, facts.pixel_max) == (0, 255)
    assert facts.pixel_mean == pytest.approx(543 / 12)
    assert facts.pixel_sd == pytest.approx(np.std(x))
    assert facts.zero_fraction == 4 / 12
    assert (facts.constant_pixels, facts.constant_values) == ((1,), (7,))
    assert facts.duplicate_rows == 1
    assert facts.shared_rows == 2
    assert facts.n_outliers == 0


def test_outlier_by_hand():
    """99 rows of 0 and one of 100: the mean is 1, distances are 1 (99 times) and 99."""
    x = np.zeros((200, 1))
    x[37] = 100
    facts = describe(dataset(x, np.repeat([0, 1], 100)))
    assert facts.n_outliers == 1
    (worst,) = facts.outliers
    assert (worst.row, worst.label) == (37, 0)
    assert worst.distance == pytest.approx(99)
    mean, sd = (99 * 1 + 99) / 100, np.sqrt((99 * 0.98**2 + 97.02**2) / 100)
    assert worst.deviations == pytest.approx((99 - mean) / sd)


def test_worst_ten_in_order():
    x = np.zeros((3000, 1))
    x[100:2900:200, 0] = np.arange(200, 256, 4)
    facts = describe(dataset(x, np.zeros(3000)))
    assert facts.n_outliers == 14
    assert [outlier.row for outlier in facts.outliers] == list(range(2700, 700, -200))


def test_blocks_do_not_change_the_answer(monkeypatch):
    rng = np.random.default_rng(0)
    data = dataset(rng.integers(0, 256, (500, 9)), rng.integers(0, 2, 500))
    whole = describe(data)
    monkeypatch.setattr(sys.modules["pellucid.data.dataset"], "BLOCK_ROWS", 7)
    assert describe(data) == whole


def test_can_be_written_as_json():
    facts = describe(dataset([[1, 2], [3, 4]], [0, 1]))
    assert json.loads(json.dumps(dataclasses.asdict(facts)))["train_counts"] == [1, 1]
    assert type(facts.pixel_min) is int
    assert type(facts.zero_fraction) is float


def test_memory_is_modest():
    data = dataset(np.random.default_rng(0).integers(0, 256, (20_000, 300)), np.arange(20_000) % 2)
    tracemalloc.start()
    describe(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5 * 4096 * 300 * 8


def test_no_rows():
    with pytest.raises(
        ValueError, match=r"handmade has no training pixels to describe: x_train has shape \(0, 3\)"
    ):
        describe(dataset(np.zeros((0, 3)), []))
