"""A few networks to PyTorch and back."""

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("safetensors.torch")

from pellucid.interop.torch import modules
from proof import interchange


def test_networks_there_and_back():
    steps = []
    findings = interchange.prove(40, steps.append)
    assert (sum(steps), len(findings)) == (40, 4)
    assert [finding.measured for finding in findings if not finding.holds] == []
    made = [interchange.draw_case(seed) for seed in range(40)]
    assert {kind for case in made for kinds in case.between for kind in kinds} == set(interchange.KINDS)
    assert {(case.bias, case.rescales, case.dtype) for case in made} == {
        (bias, rescales, dtype)
        for bias in (True, False)
        for rescales in (True, False)
        for dtype in interchange.LIMITS
    }


def test_a_wrong_slope_does_not_hold(monkeypatch):
    monkeypatch.setitem(modules.MODULES, modules.LeakyReLU, lambda layer: modules.nn.LeakyReLU(0.01))
    held = {finding.claim: finding.holds for finding in interchange.prove(20, lambda k: None)}
    assert [claim for claim, holds in held.items() if not holds] == [
        "A network becomes a torch.nn.Sequential"
    ]


def test_relative_differences_by_hand():
    assert interchange.relative_difference(np.array([1.0, 2.0]), np.array([1.5, -2.0])) == 2.0
    assert interchange.relative_difference(np.zeros(2), np.zeros(2)) == 0
    assert interchange.relative_difference(np.zeros(2), np.zeros(2, np.float32)) == np.inf
    assert interchange.relative_difference(np.zeros(2), np.zeros((1, 2))) == np.inf
