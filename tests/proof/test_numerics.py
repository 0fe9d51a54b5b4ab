"""Some hundred batches of outputs up to ±10⁴ against exact numbers; `make proof` compares thousands."""

import numpy as np
import pytest
from proof.numerics import LossCase, compared, draw_case, prove

import pellucid as pl
from proof import numerics

N = 300


def test_random_outputs():
    pytest.importorskip("numba")
    done = []
    findings = prove(N, done.append)
    assert sum(done) == N
    assert [finding for finding in findings if not finding.holds] == []
    claims = [finding.claim.split(" is exact")[0] for finding in findings]
    assert sorted(claims) == [
        *("Sigmoid", "Softmax", "The gradient of a loss", "The loss in compiled training"),
        *("The loss in plain training", "The step of compiled training", "The step of plain training"),
        "The value of a loss",
    ]


def test_cases_cover_all_kinds():
    cases = [draw_case(np.random.default_rng(i)) for i in range(N)]
    assert (
        {type(case.loss) for case in cases}
        == set(numerics.EXACT)
        == set(pl.Loss.__subclasses__())
        & {
            pl.SoftmaxCrossEntropy,
            pl.SigmoidCrossEntropy,
            pl.MeanSquaredError,
        }
    )
    assert {case.z.dtype.name for case in cases} == {"float32", "float64"}
    assert {case.loss.label_smoothing for case in cases} == {0, 0.1, 0.5}
    assert {case.z.shape for case in cases} >= {(1, 1), (1, 5), (5, 1), (5, 5)}
    assert max(np.abs(case.z).max() for case in cases) == 1e4
    assert min(np.abs(case.z).max() for case in cases) < 1e-3
    assert sum(np.ptp(case.labels) == 0 for case in cases if len(case.labels) > 3) > 10
    assert 20 < sum(case.labels.ndim == 2 for case in cases) < N / 2


def errors_of(case):
    return {what: error for what, error, _ in compared(case)}


@pytest.mark.parametrize("wrong", [lambda dy: -dy, lambda dy: dy * (1 + 1e-5)], ids=["sign", "1e-5"])
def test_a_wrong_gradient_is_detected(wrong, monkeypatch):
    """In float32, an error of 10⁻⁵ is 80 roundings. The value and the compiled code are still correct."""
    case = LossCase(pl.SoftmaxCrossEntropy(), np.array([[1.0, 2.0], [0, 1e4]], np.float32), np.array([0, 0]))
    assert max(errors_of(case).values()) < 4
    rows = pl.SoftmaxCrossEntropy.rows

    def wrong_rows(self, outputs, labels):
        values, dy = rows(self, outputs, labels)
        return values, wrong(dy)

    monkeypatch.setattr(pl.SoftmaxCrossEntropy, "rows", wrong_rows)
    failed = {what for what, error in errors_of(case).items() if error > 4}
    assert failed == {"The gradient of a loss", "The step of plain training"}


def test_overflow_is_detected(monkeypatch):
    """Softmax without subtracting the largest output: NaN is an infinite error, reported with its batch."""

    def rows(self, outputs, labels):
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            p = np.exp(outputs)
            p /= p.sum(axis=1, keepdims=True)
            return -np.log(p[np.arange(len(p)), labels]), p - np.eye(p.shape[1])[labels]

    case = LossCase(pl.SoftmaxCrossEntropy(), np.array([[1e4, 0.0]]), np.array([0]))
    monkeypatch.setattr(numerics, "draw_case", lambda rng: case)
    assert all(finding.holds for finding in prove(1, lambda k: None))
    monkeypatch.setattr(pl.SoftmaxCrossEntropy, "rows", rows)
    monkeypatch.setattr(numerics, "trained", lambda case, compiled: (0.0, np.zeros(2)))
    value, gradient, *_ = prove(1, lambda k: None)
    assert (value.holds, gradient.holds) == (False, False)
    assert "inf roundings, SoftmaxCrossEntropy() in float64 of [[10000.0, 0.0]] for [0]" in value.measured
