"""Contestants, their threads, and missing libraries."""

import pytest
from bench.contestants import CONTESTANTS, Contestant, choose, gpu_contestants
from bench.workloads import WORKLOADS

from bench import contestants


def test_full_batch_gathers_no_rows():
    takers = {name: [each.takes_part(WORKLOADS[name]) for each in CONTESTANTS.values()] for name in "AD"}
    assert sum(takers["A"]) == len(CONTESTANTS) - 1
    assert all(takers["D"])
    assert not CONTESTANTS["gathering"].takes_part(WORKLOADS["A"])


def test_a_library_that_is_missing_is_named_with_its_remedy():
    absent = Contestant("x", "X", "peer", "module", package="no_such_library")
    assert absent.missing() == "no_such_library is not installed: pip install 'pellucid[compare]'"
    assert Contestant("x", "X", "peer", "module", package="numpy").missing() is None
    assert Contestant("x", "X", "peer", "module").missing() is None


def test_threads_are_set_for_every_pool():
    names = {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"}
    found = CONTESTANTS["torch.compile"].environment(3)
    assert {found[name] for name in names} == {"3"}
    assert found["TORCHINDUCTOR_FORCE_DISABLE_CACHES"] == "1"
    assert "XLA_FLAGS" in CONTESTANTS["jax"].environment(1)
    assert "XLA_FLAGS" not in CONTESTANTS["jax"].environment(2)


def test_peers_can_be_chosen_and_ours_and_the_floors_stay():
    assert [each.name for each in choose(None)] == list(CONTESTANTS)
    quick = [each.name for each in choose(None, quick=True)]
    assert set(CONTESTANTS) - set(quick) == {"torch.compile"}
    named = [each.name for each in choose(["torch.compile"], quick=True)]
    assert named == ["pellucid", "torch.compile", "products", "gathering", "memory"]
    with pytest.raises(ValueError, match=r"--peer must be one of pytorch, .*published, got 'pellucid'"):
        choose(["pellucid"])


def test_a_package_that_is_missing_has_no_version(monkeypatch):
    monkeypatch.setattr(contestants, "find_spec", lambda name: None)
    assert contestants.versions() == {"torch": None, "jax": None, "scikit-learn": None}


def test_every_precision_has_all_contestants_with_the_same_options():
    for tf32 in (False, True):
        found = {each.name: each for each in gpu_contestants(tf32=tf32, iterations=7).values()}
        roles = [each.role for each in found.values()]
        assert (roles.count("ours"), roles.count("peer"), roles.count("floor")) == (1, 4, 2)
        for each in found.values():
            ((choice,), (whole,)) = each.choices, each.full_batch_choices
            assert choice["tf32"] is tf32
            assert whole == {**choice, "iterations": 7}
    assert found["jax"].environment(2)["XLA_PYTHON_CLIENT_PREALLOCATE"] == "false"
    peers = [each.name for each in found.values() if each.role == "peer"]
    assert peers == ["pytorch", "cuda-graphs", "torch.compile", "jax"]
