"""Which places are named for which wrong blocks; proof/mutations.py plants slips and looks there."""

import pytest

import pellucid as pl
from pellucid.suspects import suspects


def checked(net, *wrong):
    """Return checks of which those of the blocks named are wrong."""
    blocks = [f"{i}.{name}" for i, layer in enumerate(net.layers) for name in layer.parameter_shapes()]
    return [pl.GradientCheck(block, 1, 1, float(block in wrong), 0.5) for block in [*blocks, "all"]]


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ([], []),
        (["2.W", "all"], ["dW of layers[2], Dense(3)"]),
        (["2.W", "2.b", "all"], ["dW or db of layers[2], Dense(3)"]),
        (["0.b"], ["db of layers[0], Dense(2)", "dx of layers[1], Tanh()", "dx of layers[2], Dense(3)"]),
        (["0.W", "0.b", "2.W", "2.b"], ["dx of layers[3], ReLU()", "dx of layers[4], Dense(4)"]),
        (
            ["0.W", "2.W", "2.b", "4.W", "4.b", "all"],
            ["dx of layers[5], Sigmoid()", "dy of the loss, MeanSquaredError()"],
        ),
    ],
)
def test_suspects(rng, wrong, expected):
    net = pl.Network([pl.Dense(2), pl.Tanh(), pl.Dense(3), pl.ReLU(), pl.Dense(4), pl.Sigmoid()])
    net.build(2, rng=rng)
    assert suspects(net, pl.MeanSquaredError(), checked(net, *wrong)) == expected
