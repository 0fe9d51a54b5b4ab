"""Memory: after the first step, steps allocate almost nothing; blocks bound that of full-batch descent."""

import tracemalloc

import numpy as np
import pytest

import pellucid as pl

WIDTHS = (500, 150, 10)
BATCH = 256
#: What the outputs of the three Dense layers take in float32.
ACTIVATIONS = sum(WIDTHS) * BATCH * 4


def network(dtype=np.float32):
    layers = [
        pl.Rescale(1 / 255),
        pl.Dense(500),
        pl.ReLU(),
        pl.Dropout(0.2),
        pl.Dense(150),
        pl.Tanh(),
        pl.Dense(10),
    ]
    return pl.Network(layers).build(784, rng=np.random.default_rng(0), dtype=dtype)


def data(n_rows):
    rng = np.random.default_rng(1)
    return rng.integers(256, size=(n_rows, 784), dtype=np.uint8), rng.integers(10, size=n_rows)


def peak_of(action):
    """Return the peak of the memory that an action allocates, in bytes."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        action()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("optimizer", [pl.SGD(0.01, momentum=0.9, weight_decay=1e-4), pl.Adam()], ids=repr)
@pytest.mark.parametrize(
    "loss", [pl.SoftmaxCrossEntropy(), pl.SigmoidCrossEntropy(), pl.MeanSquaredError()], ids=repr
)
def test_a_warm_step(loss, optimizer):
    """Forward, loss, backward, update: no array as large as an activation; NumPy's own buffers only."""
    net, (x, y) = network(), data(BATCH)

    def step():
        _, dy = loss.value_and_grad(net.forward(x, train=True), y)
        net.backward(dy)
        optimizer.step(net.theta, net.grad, net.n_weights)

    step()
    assert peak_of(step) < 0.08 * ACTIVATIONS


@pytest.mark.parametrize("per_batch", [False, True])
@pytest.mark.parametrize("batch_size", [BATCH, None])
def test_a_warm_epoch(batch_size, per_batch):
    """All of `train`: gathering batches, a smaller last batch, records, the check for NaN."""
    net, (x, y) = network(), data(4 * BATCH - 50)
    records = pl.train(
        net,
        pl.SoftmaxCrossEntropy(),
        pl.SGD(0.01, momentum=0.9),
        x,
        y,
        epochs=3,
        batch_size=batch_size,
        block_rows=BATCH,
        rng=np.random.default_rng(2),
        per_batch=per_batch,
    )
    per_epoch = (1 if batch_size is None else 4) * per_batch + 1
    for _ in range(per_epoch):
        next(records)
    assert peak_of(lambda: [next(records) for _ in range(per_epoch)]) < 0.1 * ACTIVATIONS


def test_blocks_bound_the_memory_of_full_batch_descent():
    """The first step with eight blocks needs far less memory than one pass; both take uint8."""
    x, y = data(4096)

    def descend(block_rows):
        net = network()
        list(pl.train(net, pl.SoftmaxCrossEntropy(), pl.SGD(0.01), x, y, epochs=1, block_rows=block_rows))

    in_blocks, in_one = peak_of(lambda: descend(256)), peak_of(lambda: descend(None))
    parameters = network().theta.nbytes
    assert in_one > 4096 * sum(WIDTHS) * 4
    assert in_blocks - 5 * parameters < (in_one - 5 * parameters) / 8


def test_prediction_needs_one_block_and_the_result():
    net, (x, _) = network(), data(4096)
    net.predict(x[:256], block_rows=256)
    assert peak_of(lambda: net.predict(x, block_rows=256)) < 2 * 4096 * 10 * 4


def test_training_data_are_never_copied_whole():
    """The converted data alone would take x.size * 4 bytes."""
    net, (x, y) = network(), data(4096)
    records = pl.train(
        net,
        pl.SoftmaxCrossEntropy(),
        pl.SGD(0.01),
        x,
        y,
        epochs=1,
        batch_size=64,
        rng=np.random.default_rng(2),
    )
    assert peak_of(lambda: list(records)) < x.nbytes + 5 * net.theta.nbytes
