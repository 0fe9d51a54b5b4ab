"""The same seed gives the same bits in several processes."""

import numpy as np

from proof import determinism


def test_the_same_bits_in_two_processes_and_on_any_number_of_threads():
    steps = []
    findings = determinism.prove(len(determinism.WAYS), steps.append)
    assert len(steps) == len(determinism.WAYS) == 4
    assert [finding.measured for finding in findings if not finding.holds] == []


def test_another_seed_gives_other_bits():
    a, b = (determinism.train("plain, batches of 128", seed, deterministic=True) for seed in (0, 1))
    assert determinism.digest(a) != determinism.digest(b)
    assert determinism.digest(a) == determinism.digest(a.copy())
    assert determinism.difference(np.array([1.0, 2.0]), np.array([1.0, 4.0])) == 0.5
