"""The reference against literals, and where floats would have no digits left."""

from decimal import Decimal

import pytest

from proof import exact

ZERO, LN3 = Decimal(0), Decimal(3).ln(exact.DIGITS)


@pytest.mark.parametrize(
    ("function", "z", "t", "value", "gradient"),
    [
        # half of ln 2 + ln 4 - ln 3
        (
            exact.softmax_cross_entropy,
            [[0, 0], [LN3, 0]],
            [[1, 0], [1, 0]],
            0.49041462650586314,
            [-0.25, 0.25],
        ),
        (exact.softmax_cross_entropy, [[LN3, 0]], [[1, 1]], 1.6739764335716716, [0.5, -0.5]),
        (exact.sigmoid_cross_entropy, [[LN3]], [[1]], 0.28768207245178096, [-0.25]),
        (exact.sigmoid_cross_entropy, [[LN3]], [["0.5"]], 0.8369882167858358, [0.25]),
        (exact.mean_squared_error, [[3, 1]], [[1, 1]], 2.0, [2, 0]),
    ],
)
def test_losses(function, z, t, value, gradient):
    z, t = ([[Decimal(each) for each in row] for row in rows] for rows in (z, t))
    found, dy = function(z, t)
    assert float(found) == pytest.approx(value, rel=1e-15)
    assert [float(each) for each in dy[0]] == pytest.approx(gradient, rel=1e-15)


def test_digits_are_kept():
    value, dy = exact.softmax_cross_entropy([[Decimal(10_000), Decimal(-10_000)]], [[0, 1]])
    assert value == 20_000
    assert dy == [[1, -1]]
    assert f"{exact.sigmoid(Decimal(-10_000)):.3e}" == "1.135e-4343"
    assert f"{sum(exact.softmax([ZERO, Decimal(1), Decimal(-50)])):.40f}" == "1." + 40 * "0"


def test_targets():
    assert exact.targets_of([1], 1, 0.0) == [[1]]
    assert exact.targets_of([0, 2], 3, 0.0) == [[1, 0, 0], [0, 0, 1]]
    assert exact.targets_of([1], 1, 0.5) == [[Decimal("0.75")]]
    assert exact.targets_of([1], 4, 0.5) == [[Decimal(n) / 8 for n in (1, 5, 1, 1)]]
    assert exact.targets_of([[0.25, 1.0]], 2, 0.5) == [[Decimal("0.375"), Decimal("0.75")]]
