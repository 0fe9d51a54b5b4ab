"""The gradient check accepts correct gradients and finds wrong ones."""

import copy

import numpy as np
import pytest

import pellucid as pl
from pellucid import gradient_check
from pellucid.gradient_check import suspects

LAYERS = {
    "Dense": pl.Dense(4),
    "Dropout": pl.Dropout(0.3),
    "Identity": pl.Identity(),
    "LeakyReLU": pl.LeakyReLU(0.3),
    "ReLU": pl.ReLU(),
    "Rescale": pl.Rescale(-1.5),
    "Sigmoid": pl.Sigmoid(),
    "Softmax": pl.Softmax(),
    "Tanh": pl.Tanh(),
}
LOSSES = [pl.SoftmaxCrossEntropy, pl.SigmoidCrossEntropy, pl.MeanSquaredError]


def checks(layer=None, loss=None, **arguments):
    rng = np.random.default_rng(0)
    middle = [] if layer is None else [copy.deepcopy(layer)]
    layers = [pl.Dense(4), *middle, pl.Dense(3)]
    net = pl.Network(layers).build(5, rng=rng, dtype=np.float64)
    if middle and middle[0].draws:
        middle[0].fix_mask([1, 0, 1, 1])
    x, y = rng.normal(size=(6, 5)), rng.integers(3, size=6)
    return pl.gradcheck(net, loss or pl.SoftmaxCrossEntropy(), x, y, rng=rng, **arguments)


@pytest.mark.parametrize("name", LAYERS)
def test_correct_gradients_pass(name):
    found = checks(LAYERS[name])
    assert all(check.passed and not check.refined for check in found)
    assert found[0].limit == (1e-5 if "ReLU" in name else 1e-7)
    assert all(abs(check.analytic) > 1e-4 for check in found if check.block == "all")


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize(
    "wrong", [lambda dx: -dx, lambda dx: dx * 1.001, np.fliplr], ids=["sign", "0.1 %", "order"]
)
def test_a_wrong_backward_is_found(name, wrong, monkeypatch):
    """A wrong dx shows in the blocks before the layer."""
    layer = type(LAYERS[name])
    right = layer.backward

    def backward(self, dy):
        dx = right(self, dy)
        return None if dx is None else wrong(dx)

    monkeypatch.setattr(layer, "backward", backward)
    failed = {check.block for check in checks(LAYERS[name]) if not check.passed}
    assert failed >= ({"1.W", "1.b", "all"} if name == "Dense" else {"0.W", "0.b", "all"})
    assert not failed & {"2.W", "2.b"}


@pytest.mark.parametrize("parameter", ["W", "b"])
def test_a_wrong_parameter_gradient_is_found_in_its_block(parameter, monkeypatch):
    right = pl.Dense.backward

    def backward(self, dy):
        dx = right(self, dy)
        if self.n_out == 3:
            np.negative(getattr(self, "d" + parameter), out=getattr(self, "d" + parameter))
        return dx

    monkeypatch.setattr(pl.Dense, "backward", backward)
    failed = {check.block for check in checks(pl.Tanh()) if not check.passed}
    assert failed == {f"2.{parameter}", "all"}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("factor", [-1, 1.001, 2])
def test_a_wrong_loss_gradient_is_found(loss, factor, monkeypatch):
    right = loss.value_and_grad

    def value_and_grad(self, outputs, labels):
        value, dy = right(self, outputs, labels)
        return value, dy * factor

    assert all(check.passed for check in checks(pl.Tanh(), loss()))
    monkeypatch.setattr(loss, "value_and_grad", value_and_grad)
    assert not any(check.passed for check in checks(pl.Tanh(), loss()))


def test_blocks_and_directions():
    found = checks(pl.Tanh(), directions=4)
    assert [check.block for check in found[::4]] == ["0.W", "0.b", "2.W", "2.b", "all"]
    assert len(found) == 20
    assert len({check.analytic for check in found}) == 20


def test_parameters_are_put_back_to_the_same_bits(rng):
    net = pl.Network([pl.Dense(4), pl.ReLU(), pl.Dense(2)]).build(3, rng=rng, dtype=np.float64)
    before = net.theta.copy()
    pl.gradcheck(net, pl.SoftmaxCrossEntropy(), rng.normal(size=(5, 3)), rng.integers(2, size=5), rng=rng)
    np.testing.assert_array_equal(net.theta, before)


def net_with_a_kink_near(distance):
    """Return a network with one ReLU unit, and two rows that give it the inputs -distance and about 12."""
    net = pl.Network([pl.Dense(1), pl.ReLU(), pl.Dense(2)])
    net.build(6, rng=np.random.default_rng(0), dtype=np.float64)
    net.layers[0].W[...], net.layers[0].b[...] = 1, -12 - distance
    return net, np.full((2, 6), [[2.0], [4.0]]), np.array([0, 1])


def test_a_direction_that_changes_a_sign_is_drawn_again(monkeypatch):
    """The kink is nearer than the step: some directions are refused, and the others agree."""
    refused = []
    derivative = gradient_check._Probe.derivative

    def counted(self, direction):
        found = derivative(self, direction)
        refused.append(found is None)
        return found

    monkeypatch.setattr(gradient_check._Probe, "derivative", counted)
    net, x, y = net_with_a_kink_near(1.5e-6)
    found = pl.gradcheck(net, pl.SoftmaxCrossEntropy(), x, y, rng=np.random.default_rng(0), directions=10)
    assert all(check.passed for check in found)
    assert sum(refused) >= 5


def test_no_direction_at_all():
    net, x, y = net_with_a_kink_near(0.0)
    with pytest.raises(RuntimeError, match="each of 100 directions changes a unit's sign"):
        pl.gradcheck(net, pl.SoftmaxCrossEntropy(), x, y, rng=np.random.default_rng(0))


def test_what_it_needs(rng):
    arguments = pl.SoftmaxCrossEntropy(), np.ones((2, 3)), np.array([0, 1])
    net = pl.Network([pl.Dense(2)]).build(3, rng=rng)
    with pytest.raises(ValueError, match="gradcheck needs a float64 network, got float32"):
        pl.gradcheck(net, *arguments, rng=rng)
    net = pl.Network([pl.Dropout(0.1), pl.Dense(2)]).build(3, rng=rng, dtype=float)
    with pytest.raises(RuntimeError, match="same dropout in every pass: call fix_mask on each Dropout"):
        pl.gradcheck(net, *arguments, rng=rng)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        ([[1.0, 2], [3, np.nan]], r"^x\[1, 1\] is nan: data must be finite"),
        ([[1, 2], [3, 4]], "^x holds int64, which is never rescaled silently"),
        ([[1.0], [2.0]], r"^x must have shape \(n, 2\)"),
    ],
)
def test_data_that_train_would_refuse(rng, x, message):
    net = pl.Network([pl.Dense(2)]).build(2, rng=rng, dtype=float)
    with pytest.raises(ValueError, match=message):
        pl.gradcheck(net, pl.MeanSquaredError(), x, [0, 1], rng=rng)


def test_integer_data_behind_rescale(rng):
    net = pl.Network([pl.Rescale(1 / 255), pl.Dense(2)]).build(3, rng=rng, dtype=float)
    x = rng.integers(256, size=(4, 3), dtype=np.uint8)
    for data in (x, x.tolist()):
        assert all(
            check.passed for check in pl.gradcheck(net, pl.MeanSquaredError(), data, [0, 1, 1, 0], rng=rng)
        )


def test_five_point_differences():
    """Exact for polynomials up to degree 4: d/dt (t⁴ + 2t³ - 3t² + 5t - 7) = 5 at 0."""
    assert gradient_check.five_point(lambda t: t**4 + 2 * t**3 - 3 * t**2 + 5 * t - 7, 0.5) == 5
    assert gradient_check.five_point(np.exp, 1e-3) == pytest.approx(1, abs=1e-12)


def test_a_network_without_parameters_is_refused(rng):
    net = pl.Network([pl.Tanh()]).build(2, rng=rng, dtype=np.float64)
    with pytest.raises(ValueError, match="has none"):
        pl.gradcheck(net, pl.MeanSquaredError(), np.zeros((1, 2)), np.array([0]), rng=rng)


class Lifted(pl.MeanSquaredError):
    """A loss with a large constant part, which makes differences inexact."""

    def __init__(self, lift):
        super().__init__()
        self.lift = lift

    def rows(self, outputs, labels):
        values, dy = super().rows(outputs, labels)
        return values + self.lift, dy


def refined_checks(layer, loss, scale):
    rng = np.random.default_rng(0)
    net = pl.Network([pl.Dense(4), layer, pl.Dense(3)]).build(5, rng=rng, dtype=np.float64)
    x, y = rng.normal(0, scale, (6, 5)), rng.integers(3, size=6)
    return pl.gradcheck(net, loss, x, y, rng=rng)


@pytest.mark.parametrize(
    ("layer", "loss", "scale"),
    [(pl.ReLU(), Lifted(1e5), 1), (pl.Tanh(), pl.MeanSquaredError(), 20)],
    ids=["rounding", "curvature"],
)
def test_inexact_differences_are_refined(layer, loss, scale, monkeypatch):
    found = refined_checks(layer, loss, scale)
    assert any(check.refined for check in found)
    assert all(check.passed for check in found)
    # The second measurement still finds wrong gradients; without it, correct ones would fail.
    right = type(layer).backward
    monkeypatch.setattr(type(layer), "backward", lambda self, dy: right(self, dy) * 1.001)
    failed = {check.block for check in refined_checks(layer, loss, scale) if not check.passed}
    assert failed >= {"0.W", "0.b"}
    assert not failed & {"2.W", "2.b"}
    monkeypatch.undo()
    monkeypatch.setattr(gradient_check._Probe, "refine", gradient_check._Probe.derivative)
    assert not all(check.passed for check in refined_checks(layer, loss, scale))


def test_two_steps_that_agree_by_chance_do_not_decide(monkeypatch):
    """Three neighbouring steps agree best around 5.0; two agree exactly, at 9.0."""
    by_step = dict(zip(gradient_check.STEPS, [3, 5.2, 4.9, 5.0, 6, 9.0, 9.0, 8, 12, None], strict=True))
    probe = object.__new__(gradient_check._Probe)
    probe.differences = lambda direction, formula, step: by_step[step]
    assert probe.refine(None) == 5.0
    by_step |= dict.fromkeys(gradient_check.STEPS[:7])
    assert probe.refine(None) is None


@pytest.mark.parametrize(
    ("second", "passed", "refined", "n_drawn"),
    [
        ([1.0], True, True, 1),  # the second measurement decides,
        ([3.0], False, True, 1),
        ([None, None, 1.0], True, True, 3),  # if it is impossible, another direction is drawn,
        ([None] * 10, False, False, 10),  # at most ten times
    ],
)
def test_a_direction_without_a_second_measurement_is_drawn_again(second, passed, refined, n_drawn):
    """The derivative is 1 by `backward` and always 2 by the first differences."""
    drawn, second = [], iter(second)
    probe = object.__new__(gradient_check._Probe)
    probe.gradient, probe.least, probe.limit = np.ones(1), 1e-6, 1e-5
    probe.draw = lambda rng, mask: drawn.append(mask) or (np.ones(1), 2.0)
    probe.refine = lambda direction: next(second)
    check = probe.check(None, "0.W", None)
    assert (check.passed, check.refined, len(drawn)) == (passed, refined, n_drawn)


def checked(net, *wrong):
    """Return checks of all blocks; those of the blocks in `wrong` fail."""
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
