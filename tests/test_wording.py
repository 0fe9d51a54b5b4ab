"""Words for messages: plurals, and values on one line."""

import pytest

from pellucid.wording import brief, counted, plain


@pytest.mark.parametrize(
    ("n", "noun", "expected"),
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
def test_counted(n, noun, expected):
    assert counted(n, noun) == expected


def test_a_value_on_one_line():
    assert brief("a\nb") == r"'a\nb'"
    assert brief([1] * 100, 5) == "[1, 1..."
    assert brief(12) == "12"


def test_a_name_is_quoted_only_if_it_is_long_or_not_printable():
    assert plain("a b") == "a b"
    assert plain("a\nb") == r"'a\nb'"
    assert plain("abc", 2) == "'a..."
