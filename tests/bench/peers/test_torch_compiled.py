"""torch.compile computes what ours does; its own compiler would need longer than all other tests."""

from functools import partial

import pytest

from bench.peers import torch_compiled

torch = pytest.importorskip("torch")


def test_three_steps_are_ours(check_same, adam, monkeypatch):
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="eager"))
    check_same(torch_compiled.prepare, adam, {})
    torch.set_flush_denormal(False)
    torch.compiler.reset()
