"""Numbers agree with what they count."""

import pytest

from pellucid.wording import counted


@pytest.mark.parametrize(
    ("n", "noun", "told"),
    [
        (0, "row", "0 rows"),
        (1, "row", "1 row"),
        (2, "row", "2 rows"),
        (21, "class", "21 classes"),
        (1, "class", "1 class"),
        (3, "batch", "3 batches"),
        (1234567, "byte", "1,234,567 bytes"),
    ],
)
def test_counted(n, noun, told):
    assert counted(n, noun) == told
