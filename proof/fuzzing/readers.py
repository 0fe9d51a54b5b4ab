"""The readers under test: each takes a path, reads the file and uses it as the product does."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from bench.results import read_results

import pellucid as pl
from pellucid.app.config import merge
from pellucid.app.inputs import Inputs, read_inputs
from pellucid.app.labelled_rows import load_rows
from pellucid.app.model_notes import ModelNotes
from pellucid.app.prediction import load_model, predict
from pellucid.app.settings import TrainSettings
from pellucid.checks import check_data
from pellucid.data import read_digit_csv, read_idx
from pellucid.data.sources import DataFile, read_package
from pellucid.files import safetensors
from pellucid.lab.ledger import read_ledger
from pellucid.lab.running.runs import read_run

SIDE = 4
#: Rows of a large array.
LARGE_ROWS = 100_000
#: Notes of a model of a table, and of a model of images.
TABLE = ModelNotes(("elm", "oak"), ("width", "height"), "kind", None, None, "softmax-cross-entropy")
PIXELS = tuple(f"pixel{i}" for i in range(SIDE**2))
IMAGES = ModelNotes(("0", "1"), PIXELS, "label", (SIDE, SIDE), 255, "softmax-cross-entropy")
PACKED_FILE = DataFile("train-labels-idx1-ubyte", "0" * 64, (10,))


def tensors(path: Path) -> object:
    """Read tensors."""
    return safetensors.read(path)


def model(path: Path) -> object:
    """Load a model and predict two rows of zeros."""
    net, notes = load_model(path)
    with np.errstate(all="ignore"):
        x = np.zeros((2, net.n_in), np.float32)
        return list(predict(net, notes, Inputs(x, "row", range(1, 3))).lines())


def values(path: Path) -> object:
    """Read an IDX file of any shape."""
    return read_idx(path)


def checkpoint(path: Path) -> object:
    """Resume training from a checkpoint; with damaged weights it may diverge and report it."""
    try:
        return list(training(path, resume=True))
    except FloatingPointError as error:
        return str(error)


def training(path: Path, *, resume: bool) -> Iterator[pl.Record]:
    """Return a training run of four batches, with checkpoints, of a small network with dropout."""
    net = pl.Network([pl.Dense(2), pl.Dropout(0.5)]).build(2, rng=np.random.default_rng(0))
    x, y = np.eye(2).repeat(4, axis=0), np.arange(8) % 2
    return pl.train(
        *(net, pl.SoftmaxCrossEntropy(), pl.Adam(), x, y),
        epochs=1,
        batch_size=2,
        rng=np.random.default_rng(1),
        per_batch=True,
        compiled=False,
        checkpoint=path,
        every=3,
        resume=resume,
    )


def images(path: Path) -> object:
    """Read images of one size as `pellucid predict` does."""
    return read_inputs([str(path)], IMAGES)


def labels(path: Path) -> object:
    """Read labels."""
    return read_idx(path, shape=(None,), n_classes=10)


def digits(path: Path) -> object:
    """Read a table of digits."""
    return read_digit_csv(path, max_rows=3000)


def table_to_train_on(path: Path) -> object:
    """Read a table as `pellucid train` does."""
    return load_rows(TrainSettings(source=str(path), label="kind"))


def table_to_predict(path: Path) -> object:
    """Read a table as `pellucid predict` does."""
    return read_inputs([str(path)], TABLE)


def settings(path: Path) -> object:
    """Read a TOML file of settings."""
    return merge(path, {})


def picture(path: Path) -> object:
    """Read an image of any size."""
    return read_inputs([str(path)], IMAGES, resize=True)


def array_to_train_on(path: Path) -> object:
    """Open an array as `pellucid.train` does, and use it."""
    net = pl.Network([pl.Rescale(1.0), pl.Dense(2)]).build(2, rng=np.random.default_rng(0))
    n_rows = 3 if path.stat().st_size < 1 << 16 else LARGE_ROWS
    x, y = check_data(net, path, np.zeros(n_rows, np.int64))
    return x.sum(), y


def report_run(path: Path) -> object:
    """Read a run of a report."""
    return read_run(path)


def bench_results(path: Path) -> object:
    """Read results of the benchmark."""
    return read_results(path)


def ledger(path: Path) -> object:
    """Read a ledger."""
    return read_ledger(path)


def package(path: Path) -> object:
    """Read a file from a package of npm."""
    return list(read_package(path, [PACKED_FILE]))
