"""Fixtures for several test modules of compiled training."""

import pytest

from pellucid.compiled.first import tiles


@pytest.fixture(params=["panels", "BLAS"])
def either_method(request, monkeypatch):
    """Compute first products in panels if they fit, and once more by BLAS."""
    if request.param == "BLAS":
        monkeypatch.setattr(tiles, "MAX_NARROW", (0, 0))


@pytest.fixture
def three_threads(monkeypatch):
    """Cut the smallest batch into shares for three threads."""
    monkeypatch.setattr("pellucid.compiled.threads.workers.n_threads", lambda: 3)
    monkeypatch.setattr("pellucid.compiled.threads.workers.MIN_BATCH_WORK", 1)
    monkeypatch.setattr("pellucid.compiled.threads.workers.MIN_SHARE_ROWS", 1)
