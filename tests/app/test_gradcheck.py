"""What `pellucid gradcheck` checks, new networks and saved ones, and what it shows."""

import io

import numpy as np
import pytest
from rich.console import Console

import pellucid as pl
from pellucid.app.gradcheck import (
    check_gradient,
    in_double,
    new_case,
    saved_case,
    show_checks,
    verdict,
    worst_by_block,
)
from pellucid.app.settings import TrainSettings
from pellucid.app.trainer import train

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
    problem = new_case(settings, 10)
    checks = check_gradient(problem, 2)
    assert all(check.passed for check in checks)
    assert checks[0].limit == (1e-5 if "relu" in activation else 1e-7)
    assert repr(problem.net.layers[2]).lower().startswith(activation.replace("-", ""))
    assert problem.loss.label_smoothing == 0.1
    assert len(checks) == 2 * 7


def test_the_network_is_that_of_training():
    problem = new_case(TrainSettings(source="digits", hidden=(200,), init="lecun-normal", dropout=0.5), 15)
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
    first, again, other = (new_case(TrainSettings(source="digits", seed=s), 12) for s in (1, 1, 2))
    np.testing.assert_array_equal(first.x, again.x)
    assert not np.array_equal(first.x, other.x)
    for x, y in zip(first.x, first.y, strict=True):
        rows = np.flatnonzero((data.x_train == x).all(axis=1))
        assert y in data.y_train[rows]
    assert [a.analytic for a in check_gradient(first, 1)] == [a.analytic for a in check_gradient(again, 1)]


def test_a_table_with_fewer_rows_gives_all_of_them(flowers):
    problem = new_case(TrainSettings(source=str(flowers), label="kind", hidden=(3,)), 1000)
    assert (len(problem.x), problem.name) == (60, str(flowers))
    assert all(check.passed for check in check_gradient(problem, 1))


@pytest.mark.parametrize("loss", ["softmax-cross-entropy", "sigmoid-cross-entropy"])
def test_a_saved_network_is_checked_with_its_own_numbers(tmp_path, flowers, console, loss):
    settings = TrainSettings(source=str(flowers), label="kind", hidden=(7,), dropout=0.2, loss=loss)
    path = saved(tmp_path, settings, console)
    problem = saved_case(path, TrainSettings(source=str(flowers), label_smoothing=0.25), 9)
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
    with pytest.raises(ValueError, match=r"bare.csv: the loss needs labels: .* the column 'kind'"):
        saved_case(path, TrainSettings(source=str(bare)), 5)


def test_a_batch_at_its_kinks_says_what_to_do():
    problem = new_case(QUICK, 5)
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


CASE = new_case(TrainSettings(source="digits", hidden=(6,), activation=("tanh",)), 1)
BLOCKS = ("1.W", "1.b", "3.W", "3.b", "all")


def checks(limit=1e-7, directions=1, **of_block):
    """Return checks that pass except for values given by block, as ``w1={"error": 1}`` for 1.W."""
    found = []
    for block in BLOCKS:
        about = of_block.get(block[::-1].replace(".", "").lower(), {})
        values = {"analytic": 0.5, "numeric": 0.5, "error": 2e-11, **about}
        found += [pl.GradientCheck(block, limit=limit, **values)] * directions
    return found


def shown(found):
    stream = io.StringIO()
    show_checks(CASE, found, Console(file=stream, width=80))
    return stream.getvalue()


def rows(text):
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in text.splitlines()]
    return [row for row in cells if row]


def test_all_right():
    text = shown(checks())
    assert text.startswith("digits: 1 row, SoftmaxCrossEntropy(), 460 parameters in float64\n")
    assert "numeric = (f(-2h) - 8 f(-h) + 8 f(h) - f(2h)) / 12h, h = 0.001\n" in text
    assert rows(text) == [
        ["1.W", "Dense 64 x 6", "5.0000e-01", "5.0000e-01", "2e-11", "1e-07", "right"],
        ["1.b", "Dense 6", "5.0000e-01", "5.0000e-01", "2e-11", "1e-07", "right"],
        ["3.W", "Dense 6 x 10", "5.0000e-01", "5.0000e-01", "2e-11", "1e-07", "right"],
        ["3.b", "Dense 10", "5.0000e-01", "5.0000e-01", "2e-11", "1e-07", "right"],
        ["all", "", "5.0000e-01", "5.0000e-01", "2e-11", "1e-07", "right"],
    ]
    assert text.splitlines()[-1] == "right: backpropagation agrees with differences in every block"
    assert max(map(len, text.splitlines())) <= 80


def test_kinks_and_several_directions_are_shown():
    text = shown(checks(limit=1e-5, directions=3))
    assert "(f(h) - f(-h)) / 2h, h = 1e-06: ReLUs have kinks, of 3 directions a block the worst" in text
    assert len(rows(text)) == 5


def test_what_is_wrong_is_named():
    text = shown(checks(w3={"error": 2.0, "numeric": -0.25}, lla={"error": 1e-6}))
    head = text.splitlines()[3].replace("┃", " ").split()
    assert head == ["block", "layer", "analytic", "numeric", "error", "limit", "verdict"]
    assert rows(text)[2][2:6] == ["5.0000e-01", "-2.5000e-01", "2e+00", "1e-07"]
    assert [row[-1] for row in rows(text)] == ["right", "right", "wrong", "right", "wrong"]
    assert text.splitlines()[-2:] == ["wrong: 3.W, all", "look at dW of layers[3], Dense(10)"]


def test_every_place_that_may_be_wrong_has_a_line():
    found = checks(w1={"error": 2.0}, b1={"error": 2.0})
    assert verdict(CASE, found)[1:] == [
        "look at dW or db of layers[1], Dense(6)",
        "look at dx of layers[2], Tanh()",
        "look at dx of layers[3], Dense(10)",
    ]


def test_an_error_that_is_nan_is_wrong():
    assert verdict(CASE, checks(b3={"error": float("nan")}))[0] == "wrong: 3.b"


def test_a_gradient_of_zero_shows_nothing():
    text = shown(checks(w1={"analytic": 0.0, "numeric": 0.0, "error": 0.0}))
    assert [row[-1] for row in rows(text)] == ["zero", *["right"] * 4]
    assert "nothing to compare in 1.W: no small change has an effect\nright: " in text


@pytest.mark.parametrize("error", [1e-9, 1.0])
def test_several_step_sizes_are_shown(error):
    text = shown(checks(b1={"refined": True, "error": error}))
    assert "\nnumeric from several step sizes, since one is not exact enough: 1.b\n" in text
