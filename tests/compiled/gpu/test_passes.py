"""What a pass on the GPU needs in memory, as the choice of its rows counts it."""

import numpy as np
import pytest
from tests import strict

import pellucid as pl
from pellucid.compiled.gpu.kernels import make_stages
from pellucid.compiled.gpu.passes import Buffers, entries_a_row
from pellucid.compiled.program import groups


@pytest.mark.parametrize("drop_prob", [0.0, 0.4])
def test_entries_of_a_row_are_those_of_the_arrays(drop_prob, monkeypatch):
    xp = strict.install(monkeypatch)
    layers = [pl.Rescale(0.1), pl.Dense(40), pl.ReLU(), *([pl.Dropout(drop_prob)] if drop_prob else [])]
    net = pl.Network([*layers, pl.Dense(9)]).build(30, rng=np.random.default_rng(0), device="gpu")
    parts, rows = groups(net.layers), 4096
    buffers = Buffers(xp, parts, rows, net.dtype)
    arrays = {id(array): array for array in (buffers.x, *buffers.y, *buffers.dy, *buffers.dropped)}
    stages = [stage for part in parts for stage in make_stages(part.dense.db, rows)[:-1]]
    total = sum(array.size for array in [*arrays.values(), *stages])
    assert total == pytest.approx(rows * entries_a_row(parts), rel=0.01)
