"""Record what trainings give: ``python tests/recorded/make_trainings.py`` writes trainings.json.

The file holds, for each training, a digest of the weights and the sum of their squares, and what computed
them: with the same libraries on the same kind of processor every later version must give the same bits,
elsewhere the same numbers up to rounding. tests/training/test_recorded.py compares.
"""

import hashlib
import json
import tempfile
from itertools import product
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_info

import pellucid as pl

PLACE = Path(__file__).with_name("trainings.json")
N, WIDTH = 600, 49


def data():
    """Return images, mostly zero, and their classes."""
    rng = np.random.default_rng(0)
    x = rng.integers(256, size=(N, WIDTH), dtype=np.uint8)
    x[rng.random(x.shape) < 0.7] = 0
    return x, rng.integers(10, size=N)


def network(seed, *, dtype=np.float32, drop_prob=0.0):
    """Return a network with two hidden layers, and dropout if asked for."""
    dropout = [pl.Dropout(drop_prob)] if drop_prob else []
    layers = [pl.Rescale(1 / 255), pl.Dense(20), pl.ReLU(), *dropout, pl.Dense(15), pl.Tanh(), pl.Dense(10)]
    return pl.Network(layers).build(WIDTH, rng=np.random.default_rng(seed), dtype=dtype)


OPTIMIZERS = {
    "SGD": lambda: pl.SGD(0.05),
    "momentum": lambda: pl.SGD(pl.cosine(0.05, steps=60), momentum=0.9, nesterov=True, weight_decay=1e-3),
    "Adam": lambda: pl.Adam(weight_decay=1e-3),
}
LOSSES = (pl.SoftmaxCrossEntropy, pl.SigmoidCrossEntropy, pl.MeanSquaredError)


def settings(**more):
    """Return what all trainings share."""
    return {"epochs": 2, "rng": np.random.default_rng(9), **more}


def trainings():
    """Yield a name and the trained networks of each training."""
    x, y = data()
    for seed, loss, (name, make), compiled, batch_size in product(
        range(2), LOSSES, OPTIMIZERS.items(), (False, True), (None, 32)
    ):
        for drop_prob, dtype in ((0.0, np.float32), (0.3, np.float64)):
            net = network(seed, dtype=dtype, drop_prob=drop_prob)
            more = settings(batch_size=batch_size, compiled=compiled, block_rows=256)
            for _ in pl.train(net, loss(), make(), x, y, **more):
                pass
            path = "compiled" if compiled else "plain"
            yield f"{seed}, {loss.__name__}, {name}, {path}, {batch_size}, {drop_prob}, {net.dtype}", [net]
    for compiled, batch_size in product((False, True), (None, 32)):
        nets = [network(seed, drop_prob=0.2) for seed in range(5)]
        more = settings(batch_size=batch_size, compiled=compiled)
        for _ in pl.train_many(nets, pl.SoftmaxCrossEntropy(), pl.SGD(0.05), x, y, **more):
            pass
        yield f"5 networks, compiled={compiled}, {batch_size}", nets
    for compiled, deterministic in product((False, True), repeat=2):
        yield f"resumed, compiled={compiled}, {deterministic=}", [resumed(compiled, deterministic)]


def resumed(compiled, deterministic):
    """Return a network whose training was interrupted in its second epoch and resumed."""
    x, y = data()
    with tempfile.TemporaryDirectory() as folder:
        for resume in (False, True):
            net = network(3, drop_prob=0.2)
            more = settings(batch_size=32, compiled=compiled, deterministic=deterministic, epochs=3)
            more |= {"checkpoint": folder + "/net.safetensors", "every": 7, "resume": resume}
            for record in pl.train(net, pl.SoftmaxCrossEntropy(), pl.Adam(), x, y, **more):
                if not resume and record.epoch == 2:
                    break
    return net


def outcome(nets):
    """Return the digest of all weights, and the sum of their squares."""
    theta = np.concatenate([net.theta for net in nets])
    return [hashlib.sha256(theta.tobytes()).hexdigest(), float(np.square(theta, dtype=np.float64).sum())]


def computed_by():
    """Return the libraries and the kind of processor that the bits depend on."""
    import numba
    import scipy

    libraries = [each for each in threadpool_info() if each["internal_api"] == "openblas"]
    blas = sorted((each["version"], each["architecture"], each["num_threads"]) for each in libraries)
    versions = {each.__name__: each.__version__ for each in (np, numba, scipy)}
    return {**versions, "blas": json.loads(json.dumps(blas))}


if __name__ == "__main__":
    found = {name: outcome(nets) for name, nets in trainings()}
    content = {"computed by": computed_by(), "trainings": found}
    PLACE.write_text(json.dumps(content, indent=0) + "\n", encoding="utf-8")
