"""What `train` turns down: by the call itself, before anything is computed."""

import dataclasses
import inspect

import numpy as np
import pytest

import pellucid as pl
from pellucid.training.arguments import Arguments

X, Y = np.ones((6, 4)), np.array([0, 1, 2, 0, 1, 2])


def call(layers=None, *, loss=None, x=X, y=Y, build=True, **arguments):
    """Call train, without asking for a record."""
    net = pl.Network([pl.Dense(3)] if layers is None else layers)
    if build:
        net.build(4, rng=np.random.default_rng(0))
    arguments = {"epochs": 1, "rng": np.random.default_rng(0), **arguments}
    pl.train(net, loss or pl.SoftmaxCrossEntropy(), pl.SGD(0.1), x, y, **arguments)


def test_right_arguments_pass():
    call()
    call(x=X.tolist(), y=Y.tolist(), epochs=np.int64(2), batch_size=np.int32(2), block_rows=None)
    call(rng=None, batch_size=None)
    call(rng=None, batch_size=2, shuffle=False)


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, bool])
def test_whole_numbers_without_rescale(dtype):
    message = (
        rf"^x holds {np.dtype(dtype)}, which is never rescaled silently: .* pellucid\.Rescale\(1 / 255\)"
    )
    with pytest.raises(ValueError, match=message):
        call(x=X.astype(dtype))
    with pytest.raises(ValueError, match=r"^validation x holds"):
        call(validation=(X.astype(dtype), Y))
    call([pl.Rescale(1 / 255), pl.Dense(3)], x=X.astype(dtype))


@pytest.mark.parametrize(
    ("layer", "loss"), [(pl.Softmax, pl.SoftmaxCrossEntropy), (pl.Sigmoid, pl.SigmoidCrossEntropy)]
)
def test_endings_that_the_loss_applies_itself(layer, loss):
    message = f"{loss.__name__} applies the {layer.__name__} itself, .*: leave the last layer out"
    with pytest.raises(ValueError, match=message):
        call([pl.Dense(3), layer()], loss=loss())
    call([pl.Dense(3), layer()], loss=pl.MeanSquaredError())
    call([pl.Dense(3), layer(), pl.Dense(3)], loss=loss())


@pytest.mark.parametrize("name", ["epochs", "batch_size", "block_rows"])
@pytest.mark.parametrize("number", [0, -1, 2.5, 2.0, np.nan, "2", True])
def test_counts(name, number):
    with pytest.raises(ValueError, match=f"{name} must be a whole number >= 1, got"):
        call(**{name: number})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"epochs": None}, "epochs must be a whole number >= 1, got None"),
        ({"x": X[:0], "y": Y[:0]}, r"x must have shape \(n, 4\) with n >= 1, got \(0, 4\)"),
        ({"x": X[:, :3]}, r"x must have shape \(n, 4\) with n >= 1, got \(6, 3\)"),
        ({"x": X[0]}, r"x must have shape \(n, 4\) with n >= 1, got \(4,\)"),
        ({"x": X.astype(complex)}, "x must hold real numbers, got dtype complex128"),
        ({"y": Y[:5]}, "labels must have 6 rows like the outputs, got 5"),
        ({"y": Y + 1}, "labels must be class numbers from 0 to 2, got 3 in row 2"),
        ({"y": Y.astype(float)}, r"targets must have shape \(6, 3\), got \(6,\)"),
        ({"y": np.eye(3, dtype=int)[Y]}, r"class numbers must be a vector, got shape \(6, 3\)"),
        ({"validation": (X[:, :2], Y)}, r"validation x must have shape \(n, 4\)"),
        ({"validation": (X, Y + 1)}, "labels must be class numbers from 0 to 2, got 3 in row 2"),
        ({"layers": [pl.Dense(1)], "y": Y % 2}, "SoftmaxCrossEntropy needs at least 2 outputs, got 1"),
    ],
)
def test_the_call_itself_raises(arguments, message):
    with pytest.raises(ValueError, match=message):
        call(**arguments)


def test_a_network_that_is_not_built():
    with pytest.raises(RuntimeError, match=r"no parameters yet: call net\.build"):
        call(build=False)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"loss": pl.SoftmaxCrossEntropy}, "loss must be a pellucid.Loss, an instance of it"),
        ({"optimizer": 0.1}, "optimizer must be a pellucid.Optimizer, an instance of it, got 0.1"),
        ({"validation": np.zeros((2, 3))}, r"validation must be a pair \(x, y\), got ndarray"),
        ({"batch_size": 2, "rng": 0}, "rng must be a generator such as .* to shuffle, got 0"),
        ({"batch_size": 2, "rng": None}, "rng must be a generator such as .* to shuffle, got None"),
    ],
)
def test_arguments_of_the_wrong_kind_are_named_by_the_call(rng, changed, message):
    net = pl.Network([pl.Dense(2)]).build(3, rng=rng)
    given = {"loss": pl.SoftmaxCrossEntropy(), "optimizer": pl.SGD(0.1), "epochs": 1, **changed}
    with pytest.raises(TypeError, match=message):
        pl.train(net, given.pop("loss"), given.pop("optimizer"), np.zeros((4, 3)), np.zeros(4, int), **given)


def test_all_arguments_are_declared_once():
    """`Arguments` has the parameters of both functions, which differ in their first one alone."""
    declared = [field.name for field in dataclasses.fields(Arguments)]
    many = inspect.signature(pl.train_many).parameters
    one = inspect.signature(pl.train).parameters
    assert declared == [*many]
    assert [*one] == ["net", *declared[1:]]
    assert [str(p) for p in one.values()][1:] == [str(p) for p in many.values()][1:]
