"""What `train` computes: steps and records against a loop written out here."""

import copy

import numpy as np
import pytest

import pellucid as pl

N, N_IN, K = 50, 4, 3


def data(seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(K, size=N)
    return rng.normal(size=(N, N_IN)) + np.eye(K, N_IN)[y], y


def network(drop_prob=0.3, seed=1, n_out=K, dtype=np.float64, first=()):
    layers = [*first, pl.Dense(8), pl.Tanh(), pl.Dropout(drop_prob), pl.Dense(n_out)]
    return pl.Network(layers).build(N_IN, rng=np.random.default_rng(seed), dtype=dtype)


def by_hand(net, loss, optimizer, x, y, *, epochs, batch_size, order):
    """Train as the textbook says; return each epoch's mean loss and accuracy before the updates."""
    found = []
    for _ in range(epochs):
        rows_of_epoch, total, right = order(), 0.0, 0
        for start in range(0, len(x), batch_size):
            rows = rows_of_epoch[start : start + batch_size]
            outputs = net.forward(x[rows], train=True)
            right += (outputs.argmax(axis=1) == y[rows]).sum()
            value, dy = loss.value_and_grad(outputs, y[rows])
            total += float(value) * len(rows)
            net.backward(dy)
            optimizer.step(net.theta, net.grad, net.n_weights)
        found.append((total / len(x), right / len(x)))
    return found


def run(net, x, y, *, epochs=3, **arguments):
    """Train with a new loss and optimizer; return the records."""
    optimizer = pl.SGD(0.2, momentum=0.9, weight_decay=0.01)
    return list(pl.train(net, pl.SoftmaxCrossEntropy(), optimizer, x, y, epochs=epochs, **arguments))


@pytest.mark.parametrize("batch_size", [1, 8, 25, 50, 99])
@pytest.mark.parametrize("shuffle", [True, False])
def test_mini_batches(batch_size, shuffle):
    """Same bits as the loop by hand: a fresh permutation an epoch, the last smaller batch used."""
    (x, y), net, twin = data(), network(), network()
    rng = np.random.default_rng(7)
    expected = by_hand(
        twin,
        pl.SoftmaxCrossEntropy(),
        pl.SGD(0.2, momentum=0.9, weight_decay=0.01),
        x,
        y,
        epochs=3,
        batch_size=batch_size,
        order=lambda: rng.permutation(N) if shuffle else np.arange(N),
    )
    records = run(net, x, y, batch_size=batch_size, shuffle=shuffle, rng=np.random.default_rng(7))
    np.testing.assert_array_equal(net.theta, twin.theta)
    assert [record.epoch for record in records] == [1, 2, 3]
    assert [record.batch for record in records] == [None] * 3
    np.testing.assert_allclose([(r.loss, r.accuracy) for r in records], expected, rtol=1e-14)
    assert records[0].loss != pytest.approx(records[1].loss, rel=1e-3)


def test_the_same_generator_gives_the_same_bits():
    thetas = {seed: [] for seed in (0, 1)}
    for seed in (0, 0, 1):
        net = network()
        run(net, *data(), batch_size=8, rng=np.random.default_rng(seed))
        thetas[seed].append(net.theta)
    np.testing.assert_array_equal(*thetas[0])
    assert np.abs(thetas[0][0] - thetas[1][0]).max() > 1e-3


@pytest.mark.parametrize("drop_prob", [0.0, 0.4])
@pytest.mark.parametrize("block_rows", [1, 7, 50, 64, None])
def test_full_batch_in_blocks_is_one_step_on_all_rows(block_rows, drop_prob):
    (x, y), net, twin = data(), network(drop_prob), network(drop_prob)
    optimizer = pl.SGD(0.2, momentum=0.9, weight_decay=0.01)
    expected = by_hand(
        twin, pl.SoftmaxCrossEntropy(), optimizer, x, y, epochs=5, batch_size=N, order=lambda: np.arange(N)
    )
    records = run(net, x, y, epochs=5, block_rows=block_rows)
    assert np.abs(net.theta - twin.theta).max() <= 1e-12
    np.testing.assert_allclose([(r.loss, r.accuracy) for r in records], expected, rtol=1e-12)
    assert records[-1].loss < records[0].loss


def test_a_record_shows_the_network_before_the_update():
    """Full batch without dropout: record 1 is the loss of the starting parameters, known without train."""
    (x, y), net = data(), network(0.0)
    z = net.predict(x)
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    record = run(net, x, y, epochs=1)[0]
    assert record.loss == pytest.approx(-np.log(p[np.arange(N), y]).mean(), rel=1e-13)
    assert record.accuracy == (z.argmax(axis=1) == y).mean()
    assert (record.validation_loss, record.validation_accuracy) == (None, None)


@pytest.mark.parametrize("ending", [pl.Sigmoid, pl.Tanh, pl.Softmax, pl.ReLU, pl.Identity])
def test_accuracy_is_counted_before_backward_overwrites_the_outputs(ending):
    (x, y), net = data(), network(0.0)
    net = pl.Network([*net.layers, ending()]).build(N_IN, rng=np.random.default_rng(2), dtype=np.float64)
    expected = (net.predict(x).argmax(axis=1) == y).mean()
    [record] = pl.train(net, pl.MeanSquaredError(), pl.SGD(0.1), x, y, epochs=1)
    assert record.accuracy == expected


def test_per_batch_records_are_the_parts_of_the_epoch():
    (x, y), net, twin = data(), network(), network()
    records = run(net, x, y, epochs=2, batch_size=16, rng=np.random.default_rng(3), per_batch=True)
    assert [(r.epoch, r.batch) for r in records] == [(e, b) for e in (1, 2) for b in (1, 2, 3, 4, None)]
    sizes = [16, 16, 16, 2]
    for batches, epoch in ((records[:4], records[4]), (records[5:9], records[9])):
        assert epoch.loss == pytest.approx(np.average([r.loss for r in batches], weights=sizes), rel=1e-14)
        assert epoch.accuracy == pytest.approx(np.average([r.accuracy for r in batches], weights=sizes))
    plain = run(twin, x, y, epochs=2, batch_size=16, rng=np.random.default_rng(3))
    np.testing.assert_array_equal(net.theta, twin.theta)
    assert plain == [records[4], records[9]]


@pytest.mark.parametrize("batch_size", [None, 16])
def test_validation_is_measured_after_the_epoch_without_dropout(batch_size):
    (x, y), held_out, net, twin = data(), data(9), network(), network()
    optimizer, loss = pl.SGD(0.2, momentum=0.9, weight_decay=0.01), pl.SoftmaxCrossEntropy()
    arguments = {"epochs": 2, "batch_size": batch_size}
    for record in pl.train(
        net, loss, optimizer, x, y, validation=held_out, rng=np.random.default_rng(3), **arguments
    ):
        z = net.predict(held_out[0])
        log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
        assert record.validation_loss == pytest.approx(-log_p[np.arange(N), held_out[1]].mean(), rel=1e-12)
        assert record.validation_accuracy == (z.argmax(axis=1) == held_out[1]).mean()
        assert pl.evaluate(net, loss, *held_out, block_rows=7) == pytest.approx(
            (record.validation_loss, record.validation_accuracy), rel=1e-12
        )
    run(twin, x, y, rng=np.random.default_rng(3), **arguments)
    np.testing.assert_array_equal(net.theta, twin.theta)  # it draws nothing


def test_pixels_stay_bytes_and_are_never_written():
    rng = np.random.default_rng(5)
    x, y = rng.integers(256, size=(N, N_IN), dtype=np.uint8), rng.integers(K, size=N)
    before = x.copy()
    x.flags.writeable = y.flags.writeable = False
    net, twin = network(first=[pl.Rescale(1 / 255)]), network()
    run(net, x, y, batch_size=16, validation=(x, y), rng=np.random.default_rng(1))
    run(twin, x / 255, y, batch_size=16, rng=np.random.default_rng(1))
    np.testing.assert_array_equal(x, before)
    np.testing.assert_allclose(net.theta, twin.theta, rtol=0, atol=1e-12)


@pytest.mark.parametrize("loss", [pl.SoftmaxCrossEntropy(), pl.SigmoidCrossEntropy(), pl.MeanSquaredError()])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_targets_and_class_numbers_train_alike(loss, dtype):
    (x, y), nets = data(), [network(dtype=dtype) for _ in range(2)]
    one_hot = np.eye(K)[y]
    for net, labels in zip(nets, (y, one_hot), strict=True):
        records = list(
            pl.train(
                net, loss, pl.SGD(0.3), x, labels, epochs=30, batch_size=10, rng=np.random.default_rng(2)
            )
        )
        assert net.theta.dtype == dtype
        assert records[-1].loss < 0.8 * records[0].loss
        assert records[-1].accuracy > 0.5
    np.testing.assert_allclose(
        nets[0].theta, nets[1].theta, rtol=0, atol=1e-12 if dtype == np.float64 else 1e-4
    )
    np.testing.assert_array_equal(one_hot, np.eye(K)[y])


@pytest.mark.parametrize("loss", [pl.SigmoidCrossEntropy(), pl.MeanSquaredError()])
@pytest.mark.parametrize("kind", [np.int64, bool, float])
def test_one_output_learns_a_yes_or_no_question(loss, kind):
    x, _ = data()
    y = (x[:, 0] > 0).astype(kind)
    net = network(0.0, n_out=1)
    *_, record = pl.train(net, loss, pl.Adam(0.05), x, y, epochs=100, validation=(x, y))
    outputs = net.predict(x)[:, 0]
    assert record.validation_accuracy == ((outputs > loss.threshold) == y).mean() >= 0.96


def test_stopping_early_leaves_the_network_as_it_is():
    (x, y), net, twin = data(), network(), network()
    for record in pl.train(net, pl.SoftmaxCrossEntropy(), pl.SGD(0.2), x, y, epochs=100):
        if record.epoch == 3:
            break
    list(pl.train(twin, pl.SoftmaxCrossEntropy(), pl.SGD(0.2), x, y, epochs=3))
    np.testing.assert_array_equal(net.theta, twin.theta)


@pytest.mark.parametrize("per_batch", [False, True])
@pytest.mark.parametrize(
    ("bad_step", "message"),
    [
        (1, "epoch 1: (in batch 3 the loss is nan,|after batch 2 the parameters are) not finite"),
        (5, "epoch 2: (in batch 3 the loss is nan,|after batch 2 the parameters are) not finite"),
        (
            7,
            "epoch 2: after batch 4 the parameters are not finite; theta has been restored",
        ),
    ],
)
def test_a_loss_that_is_not_finite(bad_step, message, per_batch):
    """A rate that is huge in one step: the batch after it has no finite loss."""
    (x, y), net, twin = data(), network(), network()
    arguments = {"epochs": 3, "batch_size": 16, "shuffle": False}
    starts = [twin.theta.copy()]
    for _ in pl.train(twin, pl.MeanSquaredError(), pl.SGD(0.1), x, y, **arguments):
        starts.append(twin.theta.copy())
    theta, optimizer = net.theta, pl.SGD(lambda step: np.inf if step == bad_step else 0.1)
    with pytest.raises(FloatingPointError, match=message):
        list(pl.train(net, pl.MeanSquaredError(), optimizer, x, y, per_batch=per_batch, **arguments))
    assert net.theta is theta
    np.testing.assert_array_equal(net.theta, starts[bad_step // 4])


def test_a_loss_that_overflows_names_its_batch():
    """Each number is finite, and so are the outputs; the square of one is not."""
    x, y = data()
    x[20, 1] = 1e200
    with pytest.raises(FloatingPointError, match=r"epoch 1: in batch 3 the loss is inf, not finite"):
        layers = [pl.Dense(K)]
        net = pl.Network(layers).build(x.shape[1], rng=np.random.default_rng(0), dtype=np.float64)
        list(pl.train(net, pl.MeanSquaredError(), pl.SGD(1e-9), x, y, epochs=1, batch_size=8, shuffle=False))


def test_training_twice_continues():
    """Two calls of one epoch equal one call of two: network, optimizer and generator carry all state."""
    (x, y), net = data(), network()
    twin, loss, rng = copy.deepcopy(net), pl.SoftmaxCrossEntropy(), np.random.default_rng(4)
    optimizer = pl.Adam(0.01)
    for _ in range(2):
        list(pl.train(net, loss, optimizer, x, y, epochs=1, batch_size=8, rng=rng))
    list(pl.train(twin, loss, pl.Adam(0.01), x, y, epochs=2, batch_size=8, rng=np.random.default_rng(4)))
    np.testing.assert_array_equal(net.theta, twin.theta)


def test_a_validation_loss_that_overflows_is_reported_without_a_warning(rng):
    net = pl.Network([pl.Dense(2, init=pl.zeros)]).build(1, rng=rng)
    x, y = np.array([[0.0], [0.0]]), np.array([0, 1])
    net.theta[:2] = 1e38, -1e38
    validation = (np.array([[1e20]]), np.array([1]))
    (record,) = pl.train(net, pl.SoftmaxCrossEntropy(), pl.SGD(1e-9), x, y, epochs=1, validation=validation)
    assert not np.isfinite(record.validation_loss)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("batch_size", [None, 128])
def test_deterministic_training_computes_with_one_thread_and_puts_the_threads_back(compiled, batch_size):
    pytest.importorskip("threadpoolctl")
    pytest.importorskip("scipy.linalg.cython_blas")
    from pellucid.compiled.threads.blas import libraries

    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(600, 50)), rng.integers(3, size=600)
    seen = []

    def rate(step):
        seen.append({library["num_threads"] for library in libraries().info()})
        return 0.1

    before = libraries().info()
    net = pl.Network([pl.Dense(40), pl.ReLU(), pl.Dense(3)]).build(50, rng=rng)
    records = pl.train(
        net, pl.SoftmaxCrossEntropy(), pl.SGD(rate), x, y, epochs=1, batch_size=batch_size, rng=rng,
        compiled=compiled, deterministic=True,
    )  # fmt: skip
    list(records)
    assert seen[0] == {1}
    assert libraries().info() == before


def test_deterministic_training_without_the_extra_names_it(monkeypatch):
    monkeypatch.setattr("pellucid.compiled.program.find_spec", lambda name: None)
    net = pl.Network([pl.Dense(2)]).build(2, rng=np.random.default_rng(0))
    with pytest.raises(
        ImportError, match=r"deterministic training needs scipy, .*pip install 'pellucid\[fast\]'"
    ):
        pl.train(
            net,
            pl.SoftmaxCrossEntropy(),
            pl.SGD(0.1),
            np.eye(2),
            np.array([0, 1]),
            epochs=1,
            deterministic=True,
        )
