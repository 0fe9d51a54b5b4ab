"""The run of report C: 784-500-150-10 ReLU, full-batch descent; slips affect printed figures only."""

import numpy as np

import pellucid as pl
from pellucid.backend import Array
from pellucid.lab.inspection import digits
from pellucid.lab.report import Mode, Result, Run, Settings, planned

PUBLISHED_ITERATIONS = 1000
ITERATIONS = {"quick": 20, "default": 40, "full": PUBLISHED_ITERATIONS}
#: Seconds on one core for an iteration, and for starting a run.
COST_ITERATION, COST_START = 1.0, 3.0


def network(seed: int) -> pl.Network:
    """Return the report's network: weights N(0, 0.01²), biases 0, pixels divided by 255."""
    small = pl.normal(0.01)
    layers = [pl.Dense(500, init=small), pl.ReLU(), pl.Dense(150, init=small), pl.ReLU()]
    net = pl.Network([pl.Rescale(1 / 255), *layers, pl.Dense(10, init=small)])
    return net.build(n_in=784, rng=np.random.default_rng(seed))


def printed_loss(logits: Array, labels: Array, *, epsilon: float = 1e-8) -> float:
    """Slip: the mean of -log(p + 1e-8), as the report prints it; with epsilon=0 the true cross-entropy."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    p = shifted / shifted.sum(axis=1, keepdims=True)
    return float(-np.log(p[np.arange(len(labels)), labels] + epsilon).mean())


def undivided(pixels: Array) -> Array:
    """Slip: pixels that the network gets as 0 … 255, since its Rescale undoes this factor."""
    return pixels.astype(np.float32) * np.float32(255)


def run(settings: Settings, seed: int) -> Result:
    """Train for settings["iterations"] passes; return both traces and both test accuracies."""
    data = pl.load_dataset("mnist")
    return run_on(data.x_train, data.y_train, data.x_test, data.y_test, settings, seed)


def run_on(x: Array, y: Array, x_test: Array, y_test: Array, settings: Settings, seed: int) -> Result:
    """Train and test on the given rows."""
    net = network(seed)
    losses: list[float] = []
    printed: list[float] = []
    exact: list[float] = []
    records = pl.train(net, pl.SoftmaxCrossEntropy(), pl.SGD(0.1), x, y, epochs=settings["iterations"])
    for record in records:
        losses.append(record.loss)
        # Slip: line n is printed after n - 1 passes, with the outputs from before the last update.
        line = record.epoch + 2
        if line % 10 == 0:
            logits = net.predict(x)
            printed.append(printed_loss(logits, y))
            exact.append(printed_loss(logits, y, epsilon=0))
    chosen = np.random.default_rng(seed).integers(0, len(x), size=10)
    return {
        "loss": losses,
        "printed": printed[: settings["iterations"] // 10],
        "exact": exact[: settings["iterations"] // 10],
        "undivided": 100 * pl.accuracy(y_test, net.predict(undivided(x_test)).argmax(axis=1)),
        "divided": 100 * pl.accuracy(y_test, net.predict(x_test).argmax(axis=1)),
        "digits": digits(x[chosen], y[chosen]),
    }


def plan(mode: Mode) -> list[Run]:
    """Return one run per seed.

    The seeds share all rows and could be trained together, but products this wide already fill the machine.
    """
    settings = {"iterations": ITERATIONS[mode.name]}
    return planned("C", mode, [settings], lambda each: COST_START + COST_ITERATION * each["iterations"])
