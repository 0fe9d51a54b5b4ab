"""What the tests of the application share: small tables as files."""

import numpy as np
import pytest


@pytest.fixture
def flowers(tmp_path):
    """Write a table of 60 rows that a small network learns at once: two kinds, far apart, text labels."""
    rng = np.random.default_rng(7)
    width, height = rng.normal(0, 0.1, (2, 60))
    kinds = ["oak" if k % 3 else "elm" for k in range(60)]
    rows = [
        f"{w + (kind == 'oak'):.4f},{kind},{5000 + 300 * h - 900 * (kind == 'oak'):.3f}"
        for w, h, kind in zip(width, height, kinds, strict=True)
    ]
    path = tmp_path / "flowers.csv"
    path.write_text("width,kind,height\n" + "\n".join(rows) + "\n")
    return path
