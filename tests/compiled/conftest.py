"""What several modules of tests of compiled training have in common."""

import pytest

from pellucid.compiled.first import tiles


@pytest.fixture(params=["panels", "BLAS"])
def either_way(request, monkeypatch):
    """Compute first products in panels where they fit, and then by BLAS."""
    if request.param == "BLAS":
        monkeypatch.setattr(tiles, "MOST_NARROW", (0, 0))


@pytest.fixture
def three_threads(monkeypatch):
    """Cut the smallest batch into shares for three threads."""
    monkeypatch.setattr("pellucid.compiled.threads.workers.n_threads", lambda: 3)
    monkeypatch.setattr("pellucid.compiled.threads.workers.SMALL_BATCH", 1)
    monkeypatch.setattr("pellucid.compiled.threads.workers.FEW_ROWS", 1)
