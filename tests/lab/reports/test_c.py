"""Report C: few rows against its own code rewritten in float64; rows and pictures from made-up results."""

from decimal import Decimal

import numpy as np
import pytest

import pellucid as pl
from pellucid.data import Dataset
from pellucid.lab.pictures.figures import Grid, Plot
from pellucid.lab.report import Finished, Mode
from pellucid.lab.reports import c, c_run

ROWS, TEST_ROWS = 60, 200
INTENDED, PUBLISHED = "as intended", "as published"
SHARE = "trace points inside their intervals"


def big_network(seed):
    """Return the report's network in float64, its weights and biases so large that each step shows."""
    layers = [pl.Dense(500), pl.ReLU(), pl.Dense(150), pl.ReLU(), pl.Dense(10)]
    net = pl.Network([pl.Rescale(1 / 255), *layers])
    net.build(784, rng=np.random.default_rng(seed), dtype=np.float64)
    for layer in net.layers[1::2]:
        layer.b[:] = np.random.default_rng(seed).normal(size=layer.b.shape)
    return net


def softmax(scores):
    shifted = np.exp(scores - scores.max(axis=0))
    return shifted / shifted.sum(axis=0)


def propagate(parameters, x):
    """Return each layer's output; a column is an example."""
    (w1, b1), (w2, b2), (w3, b3) = parameters
    h1 = np.maximum(0, w1 @ x + b1)
    h2 = np.maximum(0, w2 @ h1 + b2)
    return h1, h2, softmax(w3 @ h2 + b3)


def descend(net, x, y, iterations, eta=0.1):
    """Do what the report's code does; return what it prints by line, each pass's loss, the parameters."""
    parameters = [(q.W.T.astype(np.float64), q.b.astype(np.float64)[:, None]) for q in net.layers[1::2]]
    x, m = x.T / x.max(), len(x)
    truth = (np.arange(10)[:, None] == y).astype(np.float64)
    printed, losses, i = {}, [], 1
    while i <= iterations:
        h1, h2, guess = propagate(parameters, x)
        losses.append(-np.log(guess[y, np.arange(m)]).mean())
        inputs, error, steps = (x, h1, h2), (guess - truth) / m, []
        for layer in (2, 1, 0):
            steps.insert(0, (error @ inputs[layer].T, error.sum(axis=1, keepdims=True)))
            if layer:
                error = (parameters[layer][0].T @ error) * (inputs[layer] > 0)
        parameters = [
            (w - eta * dw, b - eta * db) for (w, b), (dw, db) in zip(parameters, steps, strict=True)
        ]
        i += 1
        if i % 10 == 0:
            printed[i] = -(truth * np.log(guess + 1e-8)).sum(axis=0).mean()
    return printed, losses, parameters


@pytest.fixture(scope="module")
def both(images):
    """Return the results of `run_on` and of the report's own code with the big network."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(c_run, "network", big_network)
        return c_run.run_on(*images, {"iterations": 30}, 3), descend(big_network(3), *images[:2], 30)


def test_a_line_shows_the_pass_before_with_the_epsilon(both):
    found, (printed, losses, _) = both
    assert list(printed) == [10, 20, 30]
    assert found["printed"] == pytest.approx(list(printed.values()), rel=1e-11)
    assert found["exact"] == pytest.approx([losses[n - 2] for n in (10, 20, 30)], rel=1e-11)
    assert found["loss"] == pytest.approx(losses, rel=1e-11)
    # Another pass, or no epsilon, would be far outside the tolerance.
    gaps = [losses[n - 2] - losses[n - 1] for n in (10, 20, 30)]
    assert min(map(abs, gaps)) > 1e-5
    assert all(p < e for p, e in zip(found["printed"], found["exact"], strict=True))
    assert c.trace(found, PUBLISHED) == found["printed"]
    assert c.trace(found, INTENDED) == [found["loss"][n - 1] for n in (10, 20, 30)]


def test_test_pixels_divided_and_not(both, images):
    found, (_, _, parameters) = both
    x_test, y_test = images[2].astype(np.float64).T, images[3]
    guesses = [propagate(parameters, x)[2].argmax(axis=0) for x in (x_test, x_test / 255)]
    undivided, divided = (100 * (guess == y_test).mean() for guess in guesses)
    assert (found["undivided"], found["divided"]) == pytest.approx((undivided, divided))
    assert undivided != divided


def test_float32_stays_with_float64(images):
    """The report's own small weights, over the start of the trace: 1e-4 is half a unit of what it prints."""
    found = c_run.run_on(*images, {"iterations": 40}, 1)
    printed, losses, _ = descend(c_run.network(1), *images[:2], 40)
    assert found["printed"] == pytest.approx(list(printed.values()), abs=1e-4)
    assert found["loss"] == pytest.approx(losses, abs=1e-4)


def test_the_network_is_the_reports():
    net = c_run.network(0)
    dense = net.layers[1::2]
    assert [layer.W.shape for layer in dense] == [(784, 500), (500, 150), (150, 10)]
    assert [float(layer.W.std()) for layer in dense] == pytest.approx([0.01] * 3, rel=0.05)
    assert [float(abs(layer.b).max()) for layer in dense] == [0.0] * 3
    assert not np.array_equal(net.theta, c_run.network(1).theta)


def test_the_printed_loss_of_a_hopeless_guess_is_bounded():
    logits, labels = np.array([[0.0, 50.0]]), np.array([0])
    assert c_run.printed_loss(logits, labels) == pytest.approx(18.420681)  # -log(1e-8)
    assert c_run.printed_loss(logits, labels, epsilon=0) == pytest.approx(50.0)


def test_run_takes_the_training_and_the_test_images(images, monkeypatch):
    x, y, x_test, y_test = images
    data = Dataset("toy", x, y, x_test, y_test, 10, (28, 28), "a test", {})
    monkeypatch.setattr(pl, "load_dataset", lambda name: {"mnist": data}[name])
    found = c_run.run({"iterations": 1}, 5)
    assert found == c_run.run_on(*images, {"iterations": 1}, 5)
    rows = np.array(found["digits"]["pixels"])
    assert rows.shape == (10, 784)
    for row, label in zip(rows, found["digits"]["labels"], strict=True):
        assert label in y[(x == row).all(axis=1)]


def test_the_published_points():
    """Compared with the report's text by hand; the sums notice a wrong digit, a swap, a lost point."""
    points = [Decimal(text) for text in c.PUBLISHED_TRACE]
    assert (len(points), points[0], points[-1]) == (100, Decimal("2.3020"), Decimal("0.2916"))
    assert sum(points) == Decimal("85.1351")
    assert sum(i * point for i, point in enumerate(points)) == Decimal("2414.4146")
    assert (c.LINES[0], c.LINES[-1], c.PUBLISHED_ACCURACY) == (10, 1000, "90.95")


@pytest.mark.parametrize("mode", ["quick", "default", "full"])
def test_the_plan_is_one_run_a_seed(mode):
    runs = c.plan(Mode(mode, 3))
    assert [run.seed for run in runs] == [0, 1, 2]
    iterations = {run.settings["iterations"] for run in runs}
    assert iterations == ({1000} if mode == "full" else {c_run.ITERATIONS[mode]})
    assert all(run.report == "C" and run.cost > 0.5 * run.settings["iterations"] for run in runs)


def fake(seed, iterations=1000, *, shift=0.0, far=0):
    """Return a run whose printed trace is the published one, slightly shifted; `far` points are far off."""
    trace = [float(loss) + shift + 1e-3 * (seed - 1) for loss in c.PUBLISHED_TRACE[: iterations // 10]]
    printed = [loss + (1 if i < far else 0) for i, loss in enumerate(trace)]
    result = {
        "printed": printed,
        "exact": [loss + 2e-7 for loss in printed],
        "loss": [loss - 0.5 + early / 100 for loss in trace for early in range(9, -1, -1)],
        "undivided": 90.9 + seed / 10,
        "divided": 91.9 + seed / 5,
        "digits": {"pixels": np.full((10, 784), seed).tolist(), "labels": list(range(10))},
    }
    return Finished({"iterations": iterations}, seed, result)


def keyed(finished):
    rows = c.rows(finished)
    found = {(row.variant, row.reading, row.figure): row for row in rows}
    assert len(found) == len(rows)
    return found


def test_every_row_is_there_whatever_was_run():
    runs = [[fake(seed, n) for seed in range(3)] for n in (20, 80, 1000)]
    sets = [set(keyed(finished)) for finished in ([], runs[0][:1], *runs)]
    assert all(rows == sets[0] for rows in sets)
    lines = [figure for variant, _, figure in sets[0] if variant == PUBLISHED and " at line " in figure]
    assert sorted(lines) == sorted(f"loss at line {n}" for n in range(10, 1001, 10))
    assert len(sets[0]) == 2 * (100 + 1) + 3


def test_full_length_runs_are_judged():
    rows = keyed([fake(seed) for seed in range(3)])
    verdicts = {variant: set() for variant in (PUBLISHED, INTENDED)}
    for (variant, _, figure), row in rows.items():
        if " at line " in figure:
            verdicts[variant].add(row.verdict)
    assert verdicts == {PUBLISHED: {"reproduced"}, INTENDED: {"not reproduced"}}
    assert rows[PUBLISHED, None, "loss at line 10"].mean == pytest.approx(2.3020)
    assert rows[INTENDED, None, "loss at line 1000"].mean == pytest.approx(0.2916 - 0.5)
    shares = [rows[variant, None, SHARE] for variant in (PUBLISHED, INTENDED)]
    assert [(row.mean, row.verdict) for row in shares] == [(100.0, "reproduced"), (0.0, "not reproduced")]
    undivided = rows[PUBLISHED, None, "test accuracy, test pixels not divided"]
    assert (undivided.published, undivided.mean, undivided.verdict) == (
        90.95,
        pytest.approx(91.0),
        "reproduced",
    )
    divided = "test accuracy, test pixels divided"
    assert (rows[PUBLISHED, None, divided].kind, rows[PUBLISHED, None, divided].published) == (
        "measured",
        None,
    )
    assert rows[INTENDED, None, divided].mean == pytest.approx(92.1)
    assert rows[INTENDED, None, divided].verdict == "not reproduced"


@pytest.mark.parametrize(("far", "verdict"), [(5, "reproduced"), (6, "not reproduced")])
def test_95_of_100_points_must_lie_inside(far, verdict):
    row = keyed([fake(seed, far=far) for seed in range(3)])[PUBLISHED, None, SHARE]
    assert (row.mean, row.verdict) == (100 - far, verdict)


def test_two_seeds_determine_nothing_and_a_run_cut_short_only_its_points():
    rows = keyed([fake(seed) for seed in range(2)])
    assert rows[PUBLISHED, None, "loss at line 10"].verdict == "undetermined"
    assert rows[PUBLISHED, None, SHARE].verdict == "undetermined"
    rows = keyed([fake(seed, 80) for seed in range(3)])
    assert rows[PUBLISHED, None, "loss at line 80"].verdict == "reproduced"
    for figure in ("loss at line 90", "test accuracy, test pixels not divided"):
        row = rows[PUBLISHED, None, figure]
        assert (row.verdict, row.mean) == ("not run", None)
        assert "--full" in row.why
    share = rows[PUBLISHED, None, SHARE]
    assert (share.verdict, share.mean) == ("undetermined", 100.0)
    assert share.why.startswith("8 of the 8 points up to line 80 lie inside")


def test_what_the_slips_cost():
    pixels, counter, epsilon = c.costs([fake(seed) for seed in range(2)])
    assert c.costs([]) == []
    assert {pixels.slip, counter.slip, epsilon.slip} == {slip.name for slip in c.REPORT.slips}
    assert pixels.values == pytest.approx((-1.0, -1.1))
    assert counter.values == pytest.approx((0.5 + 2e-7,) * 2)
    assert epsilon.values == pytest.approx((-2e-7,) * 2, rel=1e-6)


def test_the_pictures_come_from_the_results():
    assert [picture.name for picture in c.plots([])] == ["c-network"]
    _, trace, digits = c.plots([fake(seed, 80, shift=0.01) for seed in range(3)])
    assert (type(trace), type(digits)) == (Plot, Grid)
    loss, gap = trace.panels
    assert loss.published == tuple((10 * (i + 1), float(c.PUBLISHED_TRACE[i])) for i in range(8))
    assert gap.series[0].y[0] == pytest.approx([0.009] * 8)  # measured minus published, not the reverse
    assert "3 seeds, against the 8 published points up to line 80" in trace.caption
    assert "by at most 0.0100" in trace.caption
    assert np.shape(digits.images) == (10, 28, 28)
    assert digits.titles[3] == "label = 3"
