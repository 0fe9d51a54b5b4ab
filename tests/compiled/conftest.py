"""What several modules of tests of compiled training have in common."""

import pytest

from pellucid.compiled import tiles


@pytest.fixture(params=["panels", "BLAS"])
def either_way(request, monkeypatch):
    """Compute first products in panels where they fit, and then by BLAS."""
    if request.param == "BLAS":
        monkeypatch.setattr(tiles, "MOST_NARROW", (0, 0))
