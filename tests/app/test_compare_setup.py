"""A comparison trains what `pellucid train` and the reports train, in another precision."""

import numpy as np
import pytest

import pellucid as pl
from pellucid.app.compare_setup import setup_of_report, setup_of_settings
from pellucid.app.labelled_rows import divide, load_rows
from pellucid.app.settings import TrainSettings
from pellucid.app.training_run import TrainingRun
from pellucid.lab.reports import d_run, e_run


def test_the_first_epoch_of_train():
    """41 steps on the same rows in the same order: the weights that `pellucid train` has after one epoch."""
    settings = TrainSettings(source="digits", hidden=(20,), epochs=1, dropout=0.2, seed=3)
    setup = setup_of_settings(settings, 41, dtype=np.float32)
    options = {"epochs": 1, "batch_size": 32, "rng": setup.rng, "compiled": False}
    list(pl.train(setup.net, setup.loss, setup.optimizer, setup.x, setup.y, **options))
    rng = np.random.default_rng(3)
    source = load_rows(settings)
    run = TrainingRun(settings, source, divide(source, settings, rng), rng)
    list(run)
    np.testing.assert_array_equal(setup.net.theta, run.net.theta)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_both_precisions_start_from_one_draw(dtype):
    setup = setup_of_settings(TrainSettings(source="digits"), 10, dtype=dtype)
    usual = setup_of_settings(TrainSettings(source="digits"), 10)
    assert setup.net.dtype == dtype
    np.testing.assert_array_equal(setup.net.theta, usual.net.theta.astype(dtype))


def test_a_schedule_spans_the_steps():
    settings = TrainSettings(source="digits", optimizer="sgd", learning_rate=0.5, schedule="cosine", epochs=1)
    rate = setup_of_settings(settings, 400).optimizer.rate
    assert (rate(0), rate(200)) == (0.5, pytest.approx(0.25))
    assert rate(400) == pytest.approx(0, abs=1e-12)


def test_all_rows_at_once():
    setup = setup_of_settings(TrainSettings(source="digits", batch_size=0), 3)
    (x, y), _ = (batch for _, batch in zip(range(2), setup.batches(), strict=False))
    assert (setup.batch_size, len(x), len(y)) == (None, 1293, 1293)
    np.testing.assert_array_equal(y, setup.y)


@pytest.fixture
def toy_mnist(monkeypatch):
    """Replace MNIST by 600 rows of noise; the reports take a hundredth of their rows."""
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 256, (600, 784), np.uint8), rng.integers(0, 10, 600)
    data = pl.Dataset("mnist", x, y, x[:100], y[:100], 10, (28, 28), "a test", {"toy": "ff"})
    monkeypatch.setattr(pl, "load_dataset", lambda name, **about: data)
    monkeypatch.setattr(d_run, "N_TRAIN", 300)
    monkeypatch.setattr(d_run, "N_VALIDATION", 50)
    monkeypatch.setattr(e_run, "SPLIT", (420, 90, 90))
    return data


def test_report_d_is_what_its_run_trains(toy_mnist):
    setup = setup_of_report("d", seed=2, dtype=np.float32)
    variant, reading = d_run.TWIN_CELL
    net = d_run.network(variant, 784, 2)
    np.testing.assert_array_equal(setup.net.theta, net.theta)
    run = d_run.run(d_run.settings_of(variant, *reading, epochs=1), 2)
    options = {"epochs": 1, "batch_size": setup.batch_size, "rng": setup.rng, "per_batch": True}
    records = pl.train(setup.net, setup.loss, setup.optimizer, setup.x, setup.y, **options)
    losses = [record.loss for record in records if record.batch is not None]
    np.testing.assert_allclose(run["epochs"]["train loss"], [np.mean(losses)], rtol=1e-12)


def test_report_e_is_what_its_run_trains(toy_mnist):
    setup, cell = setup_of_report("E", seed=1, dtype=np.float32), e_run.TWIN_CELLS[0]
    assert (len(setup.y), setup.batch_size, repr(setup.loss)) == (420, 64, "MeanSquaredError()")
    assert setup.optimizer.learning_rate == 0.1  # 0.5 in the convention of PyTorch's MSELoss
    np.testing.assert_array_equal(setup.net.theta, e_run.network(cell, 1).theta)
    rows = e_run.drawn_rows(600, 1)[0]
    np.testing.assert_array_equal(setup.y, toy_mnist.y_train[rows])
    np.testing.assert_allclose(setup.x, toy_mnist.x_train[rows] / 255, rtol=1e-6)


@pytest.mark.parametrize("letter", ["D", "E"])
def test_a_report_in_float64_starts_from_its_own_numbers(toy_mnist, letter):
    usual, exact = (setup_of_report(letter, seed=0, dtype=dtype) for dtype in (np.float32, np.float64))
    assert (usual.net.dtype, exact.net.dtype) == (np.float32, np.float64)
    np.testing.assert_array_equal(exact.net.theta, usual.net.theta)
    assert exact.net.theta.std() > 0.01


def test_a_report_without_a_run_in_pytorch():
    with pytest.raises(ValueError, match=r"^--report must be one of D, E, .* got 'C'$"):
        setup_of_report("C", seed=0)
