"""The problems that `pellucid gradcheck` checks: the network that training begins with, or a saved one."""

import numpy as np
import pytest

import pellucid as pl
from pellucid.app.gradcheck import (
    check_gradient,
    in_double,
    new_problem,
    saved_problem,
    worst_by_block,
)
from pellucid.app.settings import TrainSettings
from pellucid.app.train import train

QUICK = TrainSettings(source="digits", hidden=(6,))


def saved(tmp_path, settings, console):
    """Train a network and return its file."""
    path = tmp_path / "net.safetensors"
    train(TrainSettings(**{**vars(settings), "epochs": 1, "save": path}), console)
    return path


@pytest.fixture
def console():
    from rich.console import Console

    return Console(quiet=True)


@pytest.mark.parametrize("loss", ["softmax-cross-entropy", "sigmoid-cross-entropy", "mean-squared-error"])
@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid", "leaky-relu"])
def test_new_networks_are_right(activation, loss):
    settings = TrainSettings(
        source="digits", hidden=(8, 5), activation=(activation,), loss=loss, dropout=0.3, label_smoothing=0.1
    )
    problem = new_problem(settings, 10)
    checks = check_gradient(problem, 2)
    assert all(check.passed for check in checks)
    assert checks[0].limit == (1e-5 if "relu" in activation else 1e-7)
    assert repr(problem.net.layers[2]).lower().startswith(activation.replace("-", ""))
    assert problem.loss.label_smoothing == 0.1
    assert len(checks) == 2 * 7


def test_the_network_is_that_of_training():
    problem = new_problem(TrainSettings(source="digits", hidden=(200,), init="lecun-normal", dropout=0.5), 15)
    rescale, dense, _, dropout, last = problem.net.layers
    assert (repr(rescale), problem.net.dtype) == ("Rescale(scale=0.0625)", np.float64)
    assert dense.W.std() == pytest.approx((1 / 64) ** 0.5, rel=0.05)
    assert np.array_equal(dense.W, dense.W.astype(np.float32))
    assert np.abs(np.concatenate([dense.b, last.b])).min() > 0
    assert dropout.mask.shape == (15, 200)
    assert dropout.mask.mean() == pytest.approx(0.5, abs=0.05)
    assert (problem.x.shape, problem.x.dtype, problem.y.shape) == ((15, 64), np.uint8, (15,))


def test_rows_are_drawn_by_the_seed_and_keep_their_labels():
    data = pl.load_dataset("digits")
    first, again, other = (new_problem(TrainSettings(source="digits", seed=s), 12) for s in (1, 1, 2))
    np.testing.assert_array_equal(first.x, again.x)
    assert not np.array_equal(first.x, other.x)
    for x, y in zip(first.x, first.y, strict=True):
        rows = np.flatnonzero((data.x_train == x).all(axis=1))
        assert y in data.y_train[rows]
    assert [a.analytic for a in check_gradient(first, 1)] == [a.analytic for a in check_gradient(again, 1)]


def test_a_table_with_fewer_rows_gives_all_of_them(flowers):
    problem = new_problem(TrainSettings(source=str(flowers), label="kind", hidden=(3,)), 1000)
    assert (len(problem.x), problem.name) == (60, str(flowers))
    assert all(check.passed for check in check_gradient(problem, 1))


@pytest.mark.parametrize("loss", ["softmax-cross-entropy", "sigmoid-cross-entropy"])
def test_a_saved_network_is_checked_with_its_own_numbers(tmp_path, flowers, console, loss):
    settings = TrainSettings(source=str(flowers), label="kind", hidden=(7,), dropout=0.2, loss=loss)
    path = saved(tmp_path, settings, console)
    problem = saved_problem(path, TrainSettings(source=str(flowers), label_smoothing=0.25), 9)
    net = pl.Network.load(path)
    np.testing.assert_array_equal(problem.net.theta, net.theta)
    assert (net.dtype, problem.net.dtype) == (np.float32, np.float64)
    np.testing.assert_allclose(problem.net.predict(problem.x), net.predict(problem.x), rtol=1e-5)
    assert problem.net.layers[3].mask.shape == (9, 7)
    assert repr(problem.loss).lower() == loss.replace("-", "") + "(label_smoothing=0.25)"
    assert all(check.passed for check in check_gradient(problem, 2))


def test_rows_without_labels_have_no_loss(tmp_path, flowers, console):
    path = saved(tmp_path, TrainSettings(source=str(flowers), label="kind", hidden=(2,)), console)
    bare = tmp_path / "bare.csv"
    bare.write_text("width,height\n1,2\n")
    with pytest.raises(ValueError, match=r"bare.csv: a gradient .* needs labels: .* the column 'kind'"):
        saved_problem(path, TrainSettings(source=str(bare)), 5)


def test_a_batch_at_its_kinks_says_what_to_do():
    problem = new_problem(QUICK, 5)
    problem.net.theta[...] = 0
    with pytest.raises(ValueError, match=r"each of 100 directions .* another batch, by --rows or --seed$"):
        check_gradient(problem, 1)


def test_a_copy_in_double_is_a_network_of_its_own():
    net = pl.Network([pl.Rescale(0.5, [1, 2, 3]), pl.Dense(2), pl.LeakyReLU(0.3), pl.Dropout(0.4)])
    net.build(3, rng=np.random.default_rng(0))
    copy = in_double(net)
    assert repr(copy.layers[2:]) == repr(net.layers[2:])
    x = np.array([[1.0, 2, 3]])
    np.testing.assert_allclose(copy.predict(x), net.predict(x), rtol=1e-6)
    copy.theta[...] = 0
    assert net.theta[: net.n_weights].all()


@pytest.mark.parametrize(
    ("errors", "shown"), [((1e-9, np.nan), 1), ((np.nan, 1e-9), 0), ((1e-9, 1.0, 0.5), 1), ((1e-9, 1e-8), 1)]
)
def test_the_worst_direction_of_each_block(errors, shown):
    checks = [pl.GradientCheck("0.W", 1, 1, error, 1e-7) for error in errors]
    last = pl.GradientCheck("all", 1, 1, 0, 1e-7)
    assert worst_by_block([*checks, last]) == [checks[shown], last]
