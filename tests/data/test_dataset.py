import dataclasses

import numpy as np
import pytest

from pellucid.data import Dataset


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


def test_it_is_told_in_a_line_and_equal_to_itself_alone(made):
    assert repr(made) == (
        "Dataset('toy': 3 training and 0 test images of 3 x 4, 2 classes, from folder /data)"
    )
    assert made == made
    assert made != dataclasses.replace(made)
