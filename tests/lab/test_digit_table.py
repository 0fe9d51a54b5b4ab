"""Made-up data sets as large as the real ones, whose rows show where they come from."""

import numpy as np
import pytest

from pellucid.data import DataError, Dataset
from pellucid.data.unpack import MissingError
from pellucid.lab import digit_table
from pellucid.lab.digit_table import kaggle_table, shuffled_table


def rows(first, n):
    """Return n images whose 3 pixels encode the row's number; labels are the number modulo 7."""
    index = np.arange(first, first + n)
    pixels = np.column_stack([index // 65536, index // 256 % 256, index % 256]).astype(np.uint8)
    return pixels, index % 7


def made(name, n_train, n_test):
    train, test = rows(0, n_train), rows(n_train, n_test)
    return Dataset(name, *train, *test, 10, (1, 3), "a test", {name: "ff"})


MNIST, KAGGLE = made("mnist", 60_000, 10_000), made("kaggle-mnist", 42_000, 0)


def numbers(table):
    return table.x.astype(int) @ [65536, 256, 1]


@pytest.fixture
def sets(monkeypatch):
    """Return a function that sets which data sets the user has; an error stands for an unreadable one."""

    def have(**found):
        def load(name):
            answer = found[name.replace("-", "_")]
            if isinstance(answer, Exception):
                raise answer
            return answer

        monkeypatch.setattr(digit_table.pl, "load_dataset", load)

    return have


def test_the_users_table_is_read_where_there_is_one(sets):
    sets(mnist=AssertionError("MNIST is not asked for"), kaggle_mnist=KAGGLE)
    table = shuffled_table(np.random.default_rng(0))
    assert kaggle_table() is KAGGLE
    assert sorted(numbers(table)) == list(range(42_000))
    assert "digit CSV" in table.origin
    assert "MNIST" not in table.origin


def test_without_it_as_many_rows_are_drawn_from_all_of_mnist_none_twice(sets):
    sets(mnist=MNIST, kaggle_mnist=MissingError("no train.csv"))
    table = shuffled_table(np.random.default_rng(0))
    found = numbers(table)
    assert kaggle_table() is None
    assert (table.x.shape, table.y.shape, table.x.dtype) == ((42_000, 3), (42_000,), np.uint8)
    assert len(set(found)) == 42_000
    # 42,000 of 70,000 are six of ten, of the 10,000 test images too (a standard deviation is 45).
    assert 5_700 < (found >= 60_000).sum() < 6_300
    assert "42,000 rows are drawn from MNIST's 70,000 images" in table.origin


@pytest.mark.parametrize("kaggle", [KAGGLE, MissingError("no train.csv")], ids=["table", "mnist"])
def test_images_keep_their_labels_and_the_order_is_the_generators(sets, kaggle):
    sets(mnist=MNIST, kaggle_mnist=kaggle)
    one, same, other = (shuffled_table(np.random.default_rng(seed)) for seed in (3, 3, 4))
    np.testing.assert_array_equal(numbers(one) % 7, one.y)
    np.testing.assert_array_equal(one.x, same.x)
    np.testing.assert_array_equal(one.y, same.y)
    assert (numbers(one) != numbers(other)).mean() > 0.99
    assert abs(np.corrcoef(numbers(one), np.arange(42_000))[0, 1]) < 0.05  # not sorted


def test_a_damaged_table_is_an_error_not_an_absent_one(sets):
    sets(mnist=MNIST, kaggle_mnist=DataError("train.csv: row 3: 783 columns"))
    with pytest.raises(DataError, match="row 3: 783 columns"):
        shuffled_table(np.random.default_rng(0))
