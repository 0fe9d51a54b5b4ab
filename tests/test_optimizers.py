"""Optimizers against PyTorch, live and as recorded in recorded/optimizers.json, and against steps by hand."""

import copy
import json
import pickle
import runpy
from pathlib import Path

import numpy as np
import pytest

import pellucid as pl

RECORDED = json.loads(Path(__file__).with_name("recorded").joinpath("optimizers.json").read_text())


#: Digits that 120 steps may lose to rounding.
TOLERANCES = {"float64": {"rtol": 1e-12, "atol": 1e-13}, "float32": {"rtol": 1e-6, "atol": 1e-6}}


@pytest.mark.parametrize(
    "case", RECORDED["cases"], ids=lambda case: f"{case['class']}-{case['ours']}-{case['dtype']}"
)
def test_recorded(case):
    optimizer = getattr(pl, case["class"])(**{"learning_rate": 1e-3, **case["ours"]})
    theta, compared = np.array(RECORDED["start"], case["dtype"]), 0
    expected = dict(zip(RECORDED["steps"], case["theta"], strict=True))
    for step, grad in enumerate(RECORDED["grads"], 1):
        optimizer.step(theta, np.array(grad, case["dtype"]), RECORDED["n_weights"])
        if step in expected:
            np.testing.assert_allclose(theta, expected[step], **TOLERANCES[case["dtype"]])
            compared += 1
    assert compared == len(expected) == 30
    assert RECORDED["steps"][-1] == 120


def test_every_rule_is_recorded_in_both_precisions():
    found = {
        (
            each["class"],
            *(name in each["ours"] for name in ("momentum", "nesterov", "weight_decay")),
            each["dtype"],
        )
        for each in RECORDED["cases"]
    }
    rules = [("SGD", momentum, nesterov) for momentum, nesterov in ((0, 0), (1, 0), (1, 1))] + [
        ("Adam", 0, 0)
    ]
    assert found == {(*rule, decay, dtype) for rule in rules for decay in (0, 1) for dtype in TOLERANCES}


def test_the_script_records_what_the_file_holds():
    pytest.importorskip("torch")
    path = Path(__file__).with_name("recorded") / "make_optimizers.py"
    again = runpy.run_path(str(path))["recorded"]()
    assert again.keys() == RECORDED.keys()
    assert [again[name] for name in ("n_weights", "steps")] == [4, RECORDED["steps"]]
    for name in ("start", "grads"):
        np.testing.assert_array_equal(again[name], RECORDED[name])
    for new, old in zip(again["cases"], RECORDED["cases"], strict=True):
        assert {**new, "theta": None} == {**old, "theta": None}
        np.testing.assert_allclose(new["theta"], old["theta"], **TOLERANCES[new["dtype"]])


#: ours, PyTorch's class, PyTorch's arguments
LIVE = [
    (pl.SGD(0.05), "SGD", {"lr": 0.05}),
    (pl.SGD(0.05, weight_decay=0.1), "SGD", {"lr": 0.05, "weight_decay": 0.1}),
    (pl.SGD(0.02, momentum=0.9), "SGD", {"lr": 0.02, "momentum": 0.9}),
    (
        pl.SGD(0.02, momentum=0.8, nesterov=True, weight_decay=0.01),
        "SGD",
        {"lr": 0.02, "momentum": 0.8, "nesterov": True, "weight_decay": 0.01},
    ),
    (pl.Adam(), "Adam", {}),
    (pl.Adam(0.03, weight_decay=0.2), "Adam", {"lr": 0.03, "weight_decay": 0.2}),
    (pl.Adam(0.03, beta_1=0, beta_2=0.5, epsilon=0.1), "Adam", {"lr": 0.03, "betas": (0.0, 0.5), "eps": 0.1}),
]


@pytest.mark.parametrize(("ours", "name", "arguments"), LIVE, ids=repr)
def test_a_hundred_steps_like_pytorch(ours, name, arguments, rng):
    """On a quadratic function, where each step's gradient depends on all steps before it."""
    torch = pytest.importorskip("torch")
    start, bowl = rng.normal(size=30), rng.uniform(0.1, 5, 30)
    twin = torch.tensor(start, requires_grad=True)
    optimizer = getattr(torch.optim, name)([twin], **arguments)
    theta, grad = start.copy(), np.empty(30)
    for _ in range(100):
        np.multiply(bowl, theta, out=grad)
        ours.step(theta, grad)
        twin.grad = torch.tensor(bowl) * twin.detach()
        optimizer.step()
        np.testing.assert_allclose(theta, twin.detach().numpy(), rtol=1e-10, atol=1e-13)
    assert not np.allclose(theta, start, atol=1e-3)


def test_first_steps_by_hand():
    theta, grad = np.array([1.0, 1.0]), np.array([2.0, -4.0])
    sgd = pl.SGD(0.5, momentum=0.5)
    sgd.step(theta, grad)
    np.testing.assert_array_equal(theta, [0, 3])
    sgd.step(theta, grad)  # v = 1.5 g
    np.testing.assert_array_equal(theta, [-1.5, 6])
    theta = np.array([1.0, 1.0])
    pl.SGD(0.5, momentum=0.5, nesterov=True).step(theta, grad)  # g + 0.5 v = 1.5 g
    np.testing.assert_array_equal(theta, [-0.5, 4])
    theta = np.array([1.0, 1.0])
    pl.Adam(0.1).step(theta, grad)  # at first m̂ / √v̂ is the sign
    np.testing.assert_allclose(theta, [0.9, 1.1], rtol=0, atol=1e-9)


@pytest.mark.parametrize("n_weights", [None, 0, 1, 2])
@pytest.mark.parametrize("make", [pl.SGD, pl.Adam])
def test_weight_decay_acts_on_the_first_entries(make, n_weights):
    theta = np.array([1.0, -2.0])
    make(0.1, weight_decay=0.5).step(theta, np.zeros(2), n_weights)
    decayed = {None: [True, True], 0: [False, False], 1: [True, False], 2: [True, True]}[n_weights]
    np.testing.assert_array_equal(np.abs(theta) < [1, 2], decayed)
    if make is pl.SGD:
        np.testing.assert_allclose(theta, np.where(decayed, [0.95, -1.9], [1, -2]), rtol=1e-15)


@pytest.mark.parametrize("make", [pl.SGD, pl.Adam])
def test_a_schedule_gives_the_rate_of_each_step(make):
    steps = []

    def rate(step):
        steps.append(step)
        return 0.1 / (step + 1)

    scheduled, theta, grad = make(rate), np.zeros(3), np.array([1.0, 2.0, -3.0])
    for _ in range(4):
        scheduled.step(theta, grad)
    assert steps == [0, 1, 2, 3]
    if make is pl.SGD:
        np.testing.assert_allclose(theta, -0.1 * (1 + 1 / 2 + 1 / 3 + 1 / 4) * grad, rtol=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "optimizer",
    [pl.SGD(0.1, weight_decay=0.1), pl.SGD(0.1, momentum=0.9, nesterov=True), pl.Adam(weight_decay=0.1)],
    ids=repr,
)
def test_in_place_dtype_kept_and_grad_left_alone(optimizer, dtype, rng):
    theta, grad = rng.normal(size=5).astype(dtype), rng.normal(size=5).astype(dtype)
    grad.flags.writeable = False
    view, before, optimizer = theta[:], grad.copy(), copy.deepcopy(optimizer)
    for _ in range(3):
        optimizer.step(theta, grad, 3)
    np.testing.assert_array_equal(grad, before)
    assert view.base is theta
    assert all(kept.dtype == dtype for kept in optimizer.state.values())
    assert optimizer.step_number == 3


@pytest.mark.parametrize("optimizer", [pl.SGD(0.1, momentum=0.9), pl.Adam()], ids=repr)
def test_a_pickled_optimizer_continues(optimizer, rng):
    theta, grads = rng.normal(size=5), rng.normal(size=(6, 5))
    for grad in grads[:3]:
        optimizer.step(theta, grad)
    again, other = pickle.loads(pickle.dumps(optimizer)), theta.copy()
    for grad in grads[3:]:
        optimizer.step(theta, grad)
        again.step(other, grad)
    np.testing.assert_array_equal(theta, other)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: pl.SGD(0), "learning_rate must be finite and > 0, got 0"),
        (lambda: pl.Adam(np.inf), "learning_rate must be finite and > 0, got inf"),
        (lambda: pl.SGD(np.nan), "learning_rate must be finite and > 0, got nan"),
        (lambda: pl.SGD(0.1, momentum=1), r"momentum must be in \[0, 1\), got 1"),
        (lambda: pl.SGD(0.1, momentum=-0.1), r"momentum must be in \[0, 1\), got -0.1"),
        (lambda: pl.SGD(0.1, nesterov=True), "nesterov needs momentum > 0, got momentum=0"),
        (lambda: pl.SGD(0.1, weight_decay=-1), "weight_decay must be finite and >= 0, got -1"),
        (lambda: pl.Adam(beta_1=1.0), r"beta_1 must be in \[0, 1\), got 1.0"),
        (lambda: pl.Adam(beta_2=-0.5), r"beta_2 must be in \[0, 1\), got -0.5"),
        (lambda: pl.Adam(epsilon=0), "epsilon must be finite and > 0, got 0"),
        (lambda: pl.SGD(0.1).step(np.zeros(2), np.zeros(3)), r"the same shape, got \(2,\) and \(3,\)"),
    ],
)
def test_errors_name_value_and_limit(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_an_optimizer_belongs_to_one_network():
    adam = pl.Adam()
    adam.step(np.zeros(3), np.ones(3))
    with pytest.raises(ValueError, match="3 parameters of float64 before, got 4 of float64: make a new one"):
        adam.step(np.zeros(4), np.ones(4))
    with pytest.raises(ValueError, match="3 parameters of float64 before, got 3 of float32"):
        adam.step(np.zeros(3, np.float32), np.ones(3, np.float32))


@pytest.mark.parametrize(
    "optimizer", [pl.SGD(0.1, momentum=0.9, nesterov=True), pl.Adam(), pl.SGD(pl.cosine(0.1, 9))]
)
def test_repr_evaluates_back(optimizer):
    assert repr(eval(repr(optimizer), vars(pl))) == repr(optimizer)
