"""A thousand sets of tensors against the package safetensors; `make proof` compares twenty thousand."""

import numpy as np
import pytest

pytest.importorskip("safetensors", minversion="0.6")

from proof.safetensors_bytes import LAYOUTS, prove, same, tensor

from pellucid.files import safetensors


def test_a_thousand_sets():
    done = []
    findings = prove(1000, done.append)
    assert sum(done) == 1000
    assert len(findings) == 4
    for finding in findings:
        assert finding.holds, finding
    assert findings[0].measured.startswith("1,000 sets, ")
    assert findings[3].measured.startswith("5,000 damaged files, ")


@pytest.mark.parametrize("wrong", ["order", "padding", "metadata"])
def test_another_layout_is_detected(wrong, monkeypatch):
    if wrong == "order":
        reverse = dict(reversed(safetensors.DTYPES.items()))
        monkeypatch.setattr(safetensors, "DTYPES", reverse)
    else:
        make = safetensors.make_header
        change = (lambda h: h + b" " * 8) if wrong == "padding" else (lambda h: h.replace(b"null", b" nil"))
        monkeypatch.setattr(safetensors, "make_header", lambda *given: change(make(*given)))
    assert not prove(60, lambda k: None)[0].holds


def test_every_layout_keeps_the_values():
    rng = np.random.default_rng(0)
    for layout in LAYOUTS:
        array = tensor("<i4", (2, 3), layout, rng)
        assert array.size in (6, 12)
        assert same({"a": np.array(array, "<i4")}, {"a": array})
        assert not same({"a": np.array(array, "<i4") + 1}, {"a": array})
        assert not same({"b": np.array(array, "<i4")}, {"a": array})
