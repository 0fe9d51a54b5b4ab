"""Losses: values and gradients by hand, against PyTorch, at extreme outputs, and with wrong labels."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pellucid as pl

LN3 = np.log(3)
LOG_123 = np.log([1.0, 2.0, 3.0])
KINDS = [pl.SoftmaxCrossEntropy, pl.SigmoidCrossEntropy, pl.MeanSquaredError]
ALL = [kind(label_smoothing=share) for kind in KINDS for share in (0, 0.3)]

#: loss, outputs, labels, value, gradient
BY_HAND = [
    (pl.SoftmaxCrossEntropy(), [[0, 0]], [0], 0.6931471805599453, [[-0.5, 0.5]]),
    (pl.SoftmaxCrossEntropy(), [LOG_123], [1], 1.0986122886681098, [[1 / 6, -2 / 3, 1 / 2]]),
    # two rows: the mean of ln 3 and ln 2, half of each gradient
    (
        pl.SoftmaxCrossEntropy(),
        [LOG_123, LOG_123],
        [1, 2],
        0.8958797346140275,
        [[1 / 12, -1 / 3, 1 / 4], [1 / 12, 1 / 6, -1 / 4]],
    ),
    # targets 1/2, 1/2, 0: (ln 6 + ln 3) / 2
    (pl.SoftmaxCrossEntropy(), [LOG_123], [[0.5, 0.5, 0.0]], 1.4451858789480825, [[-1 / 3, -1 / 6, 1 / 2]]),
    # targets that sum to 2: twice the loss of one
    (pl.SoftmaxCrossEntropy(), [[0, 0]], [[2.0, 0.0]], 1.3862943611198906, [[-1.0, 1.0]]),
    # a share of 0.3 spread: targets 0.1, 0.8, 0.1, and ln 6 - 0.8 ln 2 - 0.1 ln 3
    (
        pl.SoftmaxCrossEntropy(label_smoothing=0.3),
        [LOG_123],
        [1],
        1.1273804959132876,
        [[1 / 6 - 0.1, 1 / 3 - 0.8, 1 / 2 - 0.1]],
    ),
    # a single output has two classes: the target 1 becomes 0.9
    (pl.SigmoidCrossEntropy(label_smoothing=0.2), [[LN3]], [1], 0.3975433013185919, [[-0.15]]),
    (pl.MeanSquaredError(label_smoothing=0.2), [[0.9, 0.1]], [0], 0.0, [[0.0, 0.0]]),
    (pl.SigmoidCrossEntropy(), [[LN3]], [1], 0.28768207245178096, [[-0.25]]),
    (pl.SigmoidCrossEntropy(), [[LN3]], [0], 1.3862943611198906, [[0.75]]),
    (pl.SigmoidCrossEntropy(), [[-LN3]], [False], 0.28768207245178096, [[0.25]]),
    (pl.SigmoidCrossEntropy(), [[LN3], [-LN3]], [0.5, 1.0], 1.1116412889528632, [[0.125], [-0.375]]),
    # two outputs, class 0: -ln 3/4 - ln 1/2
    (pl.SigmoidCrossEntropy(), [[LN3, 0]], [0], 0.9808292530117262, [[-0.25, 0.5]]),
    (pl.MeanSquaredError(), [[1, 2], [3, 4]], [[0.0, 2.0], [1.0, 0.0]], 5.25, [[0.5, 0], [1, 2]]),
    (pl.MeanSquaredError(), [[0.5, 0.5]], [0], 0.25, [[-0.5, 0.5]]),
    (pl.MeanSquaredError(), [[0.25]], [True], 0.28125, [[-0.75]]),
]


@pytest.mark.parametrize(("loss", "outputs", "labels", "value", "gradient"), BY_HAND)
@pytest.mark.parametrize(("dtype", "limit"), [(np.float64, 1e-15), (np.float32, 3e-7)])
def test_literals(loss, outputs, labels, value, gradient, dtype, limit):
    got_value, got_gradient = loss.value_and_grad(np.array(outputs, dtype), np.array(labels))
    assert float(got_value) == pytest.approx(value, rel=0, abs=4 * limit)
    assert got_gradient.dtype == dtype
    np.testing.assert_allclose(got_gradient, gradient, rtol=0, atol=limit)


def torch_loss(torch, loss, z, targets):
    """Return PyTorch's value of our definitions: summed over outputs, averaged over rows."""
    if isinstance(loss, pl.SoftmaxCrossEntropy):
        return torch.nn.functional.cross_entropy(z, targets, label_smoothing=loss.label_smoothing)
    targets = (1 - loss.label_smoothing) * targets + loss.label_smoothing / z.shape[1]
    if isinstance(loss, pl.SigmoidCrossEntropy):
        return torch.nn.functional.binary_cross_entropy_with_logits(z, targets, reduction="sum") / len(z)
    return torch.nn.functional.mse_loss(z, targets, reduction="sum") / (2 * len(z))


@pytest.mark.parametrize("kind", ["classes", "targets"])
@pytest.mark.parametrize("scale", [0.1, 1.0, 30.0])
@pytest.mark.parametrize("loss", ALL, ids=repr)
def test_parity_with_pytorch(loss, scale, kind, rng):
    torch = pytest.importorskip("torch")
    outputs, labels = rng.normal(0, scale, (17, 6)), rng.integers(6, size=17)
    targets = np.eye(6)[labels]
    if kind == "targets":
        labels = targets = rng.dirichlet(np.ones(6), 17)
    z = torch.tensor(outputs, requires_grad=True)
    value = torch_loss(torch, loss, z, torch.tensor(targets))
    value.backward()
    got_value, got_gradient = loss.value_and_grad(outputs, labels)
    assert float(got_value) == pytest.approx(value.item(), rel=1e-10)
    np.testing.assert_allclose(got_gradient, z.grad.numpy(), rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("loss", ALL, ids=repr)
def test_class_numbers_equal_one_hot_targets(loss, rng):
    outputs, labels = rng.normal(size=(9, 4)), rng.integers(4, size=9)
    value, dy = loss.value_and_grad(outputs, labels)
    dy = dy.copy()
    expected, expected_dy = loss.value_and_grad(outputs, np.eye(4)[labels])
    assert float(value) == pytest.approx(float(expected), rel=1e-15)
    np.testing.assert_allclose(dy, expected_dy, rtol=1e-15, atol=1e-17)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_huge_logits(dtype):
    z = np.array([[1e4, -1e4], [1e4, -1e4]], dtype)
    value, dy = pl.SoftmaxCrossEntropy().value_and_grad(z, np.array([0, 1]))
    assert float(value) == 1e4  # the mean of 0 and 2e4
    np.testing.assert_array_equal(dy, [[0, 0], [0.5, -0.5]])
    value, dy = pl.SigmoidCrossEntropy().value_and_grad(z, np.array([0, 1]))
    assert float(value) == 1e4
    np.testing.assert_array_equal(dy, [[0, 0], [0.5, -0.5]])
    value, dy = pl.SigmoidCrossEntropy().value_and_grad(z[:, :1], np.array([0, 0]))
    assert float(value) == 1e4
    np.testing.assert_array_equal(dy, [[0.5], [0.5]])


def test_small_losses_keep_their_digits():
    """A confident correct answer: log(1 + exp(-40)) = 4.2e-18, not 0 and not 1e-16."""
    value, _ = pl.SigmoidCrossEntropy().value_and_grad(np.array([[40.0]]), np.array([1]))
    assert float(value) == pytest.approx(4.248354255291589e-18, rel=1e-12, abs=0)


@pytest.mark.parametrize("kind", ["classes", "targets"])
@pytest.mark.parametrize("loss", ALL, ids=repr)
def test_outputs_and_labels_are_never_written(loss, kind, rng):
    outputs, labels = rng.normal(size=(5, 3)), rng.integers(3, size=5)
    labels = labels if kind == "classes" else np.eye(3)[labels]
    outputs.flags.writeable = labels.flags.writeable = False
    before = outputs.copy(), labels.copy()
    _, dy = loss.value_and_grad(outputs, labels)
    assert not np.shares_memory(dy, outputs)
    assert not np.shares_memory(dy, labels)
    dy *= 0
    np.testing.assert_array_equal(outputs, before[0])
    np.testing.assert_array_equal(labels, before[1])


@pytest.mark.parametrize("loss", ALL, ids=repr)
def test_buffers_are_reused_and_right(loss, rng):
    for n_rows in (4, 4, 7, 2, 7):
        outputs, labels = rng.normal(size=(n_rows, 3)), rng.integers(3, size=n_rows)
        expected = type(loss)(label_smoothing=loss.label_smoothing).value_and_grad(outputs, labels)
        value, dy = loss.value_and_grad(outputs, labels)
        assert value == expected[0]
        np.testing.assert_array_equal(dy, expected[1])
    assert loss.value_and_grad(outputs, labels)[1] is loss.value_and_grad(outputs, labels)[1]
    assert repr(pickle.loads(pickle.dumps(loss))) == repr(loss)


@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", ">i2", "u4", ">i4", "i8", ">u8", "u8"])
@pytest.mark.parametrize("loss", ALL, ids=repr)
def test_class_numbers_of_every_integer_type(loss, dtype, rng):
    outputs, labels = rng.normal(size=(6, 5)), np.array([0, 4, 2, 1, 1, 3])
    value, dy = loss.value_and_grad(outputs, labels)
    value, dy = float(value), dy.copy()
    got_value, got_dy = loss.value_and_grad(outputs, labels.astype(dtype))
    assert float(got_value) == value
    np.testing.assert_array_equal(got_dy, dy)


BAD = [
    ([0, 3], (2, 3), "labels must be class numbers from 0 to 2, got 3 in row 1"),
    ([0, 1, -1], (3, 3), "labels must be class numbers from 0 to 2, got -1 in row 2"),
    ([0, 2], (2, 1), "labels must be class numbers from 0 to 1, got 2 in row 1"),
    ([0, 1], (3, 2), "labels must have 3 rows like the outputs, got 2"),
    ([[0, 1], [1, 0]], (2, 2), r"vector, got shape \(2, 2\); .* use labels\.astype\(float\)"),
    ([0.0, 1.0], (2, 2), r"targets must have shape \(2, 2\), got \(2,\)"),
    ([[0.0], [1.0]], (2, 2), r"targets must have shape \(2, 2\), got \(2, 1\)"),
    (["a", "b"], (2, 2), "labels must be whole numbers or floats, got dtype <U1"),
    ([0j, 1j], (2, 2), "labels must be whole numbers or floats, got dtype complex128"),
    ([], (0, 2), "a loss needs at least one row, got 0"),
]


@pytest.mark.parametrize(("labels", "shape", "message"), BAD)
@pytest.mark.parametrize("loss", ALL, ids=repr)
def test_labels_that_cannot_be_right(loss, labels, shape, message):
    if shape[1] == 1 and isinstance(loss, pl.SoftmaxCrossEntropy):
        message = "SoftmaxCrossEntropy needs at least 2 outputs, got 1: use SigmoidCrossEntropy"
    with pytest.raises(ValueError, match=message):
        loss.value_and_grad(np.zeros(shape), np.array(labels))


@pytest.mark.parametrize("kind", ["classes", "targets"])
@pytest.mark.parametrize("loss", ALL, ids=repr)
def test_each_row_is_as_if_alone(loss, kind, rng):
    outputs, labels = rng.normal(0, 2, (7, 4)), rng.integers(4, size=7)
    labels = rng.dirichlet(np.ones(4), 7) if kind == "targets" else labels
    values, dy = loss.rows(outputs, labels)
    dy = dy.copy()
    assert values.shape == (7,)
    for i in range(7):
        value, alone = loss.value_and_grad(outputs[i : i + 1], labels[i : i + 1])
        assert float(values[i]) == pytest.approx(float(value), rel=1e-14)
        np.testing.assert_allclose(dy[i], alone[0], rtol=1e-14, atol=1e-16)
    value, mean_dy = loss.value_and_grad(outputs, labels)
    assert float(value) == pytest.approx(values.mean(), rel=1e-14)
    np.testing.assert_allclose(mean_dy, dy / 7, rtol=1e-14, atol=1e-17)


@pytest.mark.parametrize("loss", ALL, ids=repr)
def test_one_loss_serves_networks_of_several_widths(loss, rng):
    for n_outputs in (3, 5, 3, 2):
        outputs, labels = rng.normal(size=(6, n_outputs)), rng.integers(n_outputs, size=6)
        expected = type(loss)(label_smoothing=loss.label_smoothing).value_and_grad(outputs, labels)
        value, dy = loss.value_and_grad(outputs, labels)
        assert value == expected[0]
        np.testing.assert_array_equal(dy, expected[1])


def test_a_loss_says_whether_its_rows_tell_all():
    class Doubled(pl.MeanSquaredError):
        def value_and_grad(self, outputs, labels):
            value, dy = super().value_and_grad(outputs, labels)
            return 2 * value, 2 * dy

    class DoubledByRows(Doubled):
        def rows(self, outputs, labels):
            values, dy = super().rows(outputs, labels)
            return 2 * values, 2 * dy

        def value_and_grad(self, outputs, labels):
            return pl.Loss.value_and_grad(self, outputs, labels)

    class Named(Doubled):
        pass

    assert [loss.by_rows for loss in (pl.Loss, *KINDS)] == [True] * 4
    assert [loss.by_rows for loss in (Doubled, DoubledByRows, Named)] == [False, True, False]
    outputs, labels = np.array([[1.0, 0.0]]), np.array([1])
    assert [float(loss().value_and_grad(outputs, labels)[0]) for loss in (Doubled, DoubledByRows)] == [2, 2]
    with pytest.raises(NotImplementedError, match="Loss has neither rows nor value_and_grad"):
        pl.Loss().value_and_grad(outputs, labels)


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 6), k=st.integers(2, 5), shift=st.floats(-1e3, 1e3))
@settings(max_examples=30, deadline=None)
def test_softmax_properties(seed, n, k, shift):
    """The gradient of each row sums to 0, the value is not negative, and a common shift changes neither."""
    rng = np.random.default_rng(seed)
    z, labels, loss = rng.normal(0, 5, (n, k)), rng.integers(k, size=n), pl.SoftmaxCrossEntropy()
    value, dy = loss.value_and_grad(z, labels)
    dy = dy.copy()
    np.testing.assert_allclose(dy.sum(axis=1), 0, atol=1e-15)
    assert value >= 0
    shifted, shifted_dy = loss.value_and_grad(z + shift, labels)
    assert float(shifted) == pytest.approx(float(value), rel=1e-11, abs=1e-11)
    np.testing.assert_allclose(shifted_dy, dy, rtol=0, atol=1e-11)


def test_sigmoid_cross_entropy_of_sure_outputs_does_not_cancel():
    """All correct and confident: log(1 + exp(-12.3)) per output, lost by summing max(z, 0) and z t first."""
    outputs, targets = np.full((2048, 10), 12.3, np.float32), np.ones((2048, 10), np.float32)
    value, _ = pl.SigmoidCrossEntropy().value_and_grad(outputs, targets)
    assert float(value) == pytest.approx(10 * np.log1p(np.exp(-12.3)), rel=1e-4)


def test_targets_of_0_take_no_part_however_small_the_logit():
    outputs, targets = np.array([[0.0, -np.inf]]), np.array([[1.0, 0.0]])
    value, dy = pl.SoftmaxCrossEntropy().value_and_grad(outputs, targets)
    assert float(value) == 0.0
    assert dy.tolist() == [[0.0, 0.0]]


@pytest.mark.parametrize("share", [-0.1, 1.0, float("nan"), "0.1", None, True, np.array([0.1, 0.2])])
def test_a_share_that_cannot_be(share):
    with pytest.raises(ValueError, match=r"label_smoothing must be a number >= 0 and < 1, got "):
        pl.SoftmaxCrossEntropy(label_smoothing=share)


def test_repr_shows_label_smoothing():
    assert repr(pl.SoftmaxCrossEntropy(label_smoothing=0.1)) == "SoftmaxCrossEntropy(label_smoothing=0.1)"
    assert repr(pl.SoftmaxCrossEntropy()) == "SoftmaxCrossEntropy()"
