"""The estimate of the memory that a pass on the GPU needs."""

import numpy as np
import pytest
from tests import strict

import pellucid as pl
from pellucid.compiled.gpu.kernels import make_stages
from pellucid.compiled.gpu.passes import PassBuffers, entries_per_row
from pellucid.compiled.program import fused_layers


@pytest.mark.parametrize("drop_prob", [0.0, 0.4])
def test_entries_per_row_are_those_of_the_arrays(drop_prob, monkeypatch):
    xp = strict.install(monkeypatch)
    layers = [pl.Rescale(0.1), pl.Dense(40), pl.ReLU(), *([pl.Dropout(drop_prob)] if drop_prob else [])]
    net = pl.Network([*layers, pl.Dense(9)]).build(30, rng=np.random.default_rng(0), device="gpu")
    parts, rows = fused_layers(net.layers), 4096
    buffers = PassBuffers(xp, parts, rows, net.dtype)
    arrays = {id(array): array for array in (buffers.x, *buffers.y, *buffers.dy, *buffers.dropped)}
    stages = [stage for part in parts for stage in make_stages(part.dense.db, rows)[:-1]]
    total = sum(array.size for array in [*arrays.values(), *stages])
    assert total == pytest.approx(rows * entries_per_row(parts), rel=0.01)
