"""A training that stops early or is interrupted keeps the right weights."""

import numpy as np
import pytest

import pellucid as pl
from pellucid.app.builder import build_learner
from pellucid.app.labelled_rows import LabelledRows, divide, load_rows
from pellucid.app.settings import TrainSettings
from pellucid.app.training_run import TrainingRun


def run_of(**settings):
    settings = TrainSettings(source="digits", **{"hidden": (20,), "learning_rate": 0.01, **settings})
    rng = np.random.default_rng(settings.seed)
    source = load_rows(settings)
    return TrainingRun(settings, source, divide(source, settings, rng), rng)


def test_without_patience_the_last_weights_are_kept():
    run, thetas = run_of(epochs=3), []
    start = run.net.theta.copy()
    for record in run:
        thetas.append(run.net.theta.copy())
        assert (run.kept_epoch, run.status, len(run.records)) == (record.epoch, "running", record.epoch)
    assert run.status == "finished"
    run.net.theta[:] = 0
    run.put_back()
    np.testing.assert_array_equal(run.net.theta, thetas[-1])
    assert not np.array_equal(run.net.theta, start)
    assert run.seconds > 0


def test_patience_stops_and_puts_the_best_weights_back():
    run = run_of(epochs=60, patience=3, learning_rate=0.03)
    thetas = {record.epoch: run.net.theta.copy() for record in run}
    losses = [record.validation_loss for record in run.records]
    best = int(np.argmin(losses)) + 1
    assert run.status == f"stopped early after epoch {best + 3}"
    assert (run.kept_epoch, len(losses)) == (best, best + 3)
    assert best > 1
    run.put_back()
    np.testing.assert_array_equal(run.net.theta, thetas[best])


def test_patience_that_ends_with_the_last_epoch_is_no_early_stop():
    run = run_of(epochs=60, patience=3, learning_rate=0.03)
    stop = len(list(run))
    run = run_of(epochs=stop, patience=3, learning_rate=0.03)
    assert len(list(run)) == stop
    assert run.status == "finished"


def test_broken_off_in_the_middle_of_an_epoch():
    run = run_of(epochs=5)
    epochs = iter(run)
    next(epochs)
    after_first = run.net.theta.copy()
    run.net.theta += 1  # half an epoch
    run.put_back()
    np.testing.assert_array_equal(run.net.theta, after_first)
    assert (run.kept_epoch, len(run.records)) == (1, 1)


def test_before_the_first_epoch_the_starting_weights_are_kept():
    run = run_of(epochs=1)
    start = run.net.theta.copy()
    run.net.theta += 1
    run.put_back()
    np.testing.assert_array_equal(run.net.theta, start)
    assert run.kept_epoch == 0


@pytest.mark.parametrize(
    "settings",
    [
        {"batch_size": 0, "schedule": "one-cycle"},
        {"validation": 0.0, "dropout": 0.2},
        {"loss": "mean-squared-error", "optimizer": "sgd", "momentum": 0.9, "nesterov": True},
        {"loss": "sigmoid-cross-entropy", "schedule": "cosine", "weight_decay": 1e-3},
        {"loss": "mean-squared-error", "label_smoothing": 0.2, "subtract_mean": True},
        {"components": 20},
    ],
)
def test_every_choice_lowers_the_loss(settings):
    run = run_of(epochs=6, **settings)
    list(run)
    losses = [record.loss for record in run.records]
    assert losses[-1] < losses[0]
    assert (run.records[0].validation_loss is None) == (settings.get("validation") == 0)


def test_smoothed_labels_train_and_validate():
    run = run_of(epochs=40, label_smoothing=0.5, learning_rate=0.01)
    last = list(run)[-1]
    # Label smoothing of 0.5 over ten classes gives the entropy -0.55 ln 0.55 - 9 · 0.05 ln 0.05 = 1.677.
    assert 1.677 < last.loss < 1.75
    assert 1.677 < last.validation_loss < 1.85
    assert last.accuracy > 0.99


def test_of_components_the_whole_network_is_kept():
    run = run_of(epochs=60, patience=3, learning_rate=0.03, components=20)
    kept = {record.epoch: run.learner.whole().theta.copy() for record in run}
    start, source = run.net.theta.copy(), load_rows(run.settings)
    run.put_back()
    assert (run.learner.net.n_in, run.net.n_in) == (20, 64)
    np.testing.assert_array_equal(run.net.theta, kept[run.kept_epoch])
    assert not np.array_equal(run.net.theta, start)
    best = run.records[run.kept_epoch - 1]
    # The network for the rows gives the results measured on their components.
    parts = divide(source, run.settings, np.random.default_rng(run.settings.seed))
    measured = pl.evaluate(run.net, run.loss, source.x[parts.validation], source.y[parts.validation])
    assert measured == (pytest.approx(best.validation_loss, rel=1e-4), best.validation_accuracy)


def test_components_beyond_the_features_are_all_that_there_are():
    run = run_of(epochs=1, components=1000)
    assert run.learner.net.n_in == run.net.n_in == 64
    assert run.learner.components.shares.sum() == pytest.approx(1, abs=1e-4)


def test_components_have_the_same_bits_whatever_the_number_of_threads():
    """Products are large enough for several BLAS threads; a resumed run may have another number of them."""
    threadpoolctl, found = pytest.importorskip("threadpoolctl"), []
    x = np.random.default_rng(0).integers(0, 256, (2000, 784), np.uint8)
    classes, y = ("0", "1"), np.arange(2000) % 2
    source = LabelledRows("t", x, y, (x[:2], y[:2]), classes, ("",) * 784, "label", (28, 28), {})
    settings = TrainSettings(source="t", hidden=(300,), components=40)
    for n in (1, 2):
        with threadpoolctl.threadpool_limits(n, user_api="blas"):
            learner = build_learner(settings, source, np.arange(2000), np.random.default_rng(0))
            found.append((learner.rows(x), learner.whole().theta))
    for first, second in zip(*found, strict=True):
        np.testing.assert_array_equal(first, second)


def test_the_same_seed_gives_the_same_weights():
    twice = [run_of(epochs=2, dropout=0.3, seed=seed) for seed in (5, 5, 6)]
    for run in twice:
        list(run)
    np.testing.assert_array_equal(twice[0].net.theta, twice[1].net.theta)
    assert not np.array_equal(twice[0].net.theta, twice[2].net.theta)
