"""Which trainings can be compiled and when it pays, found without importing Numba."""

import json
import subprocess
import sys

import numpy as np
import pytest

import pellucid as pl
from pellucid.compiled.program import NEEDED, fused_layers, is_sparse, n_sparse, pays, why_not

X, Y = np.zeros((4, 3)), np.array([0, 1, 0, 1])


def network(*layers):
    return pl.Network(layers or [pl.Dense(2)]).build(3, rng=np.random.default_rng(0))


def test_each_dense_layer_takes_what_follows_it():
    layers = [pl.Rescale(2), pl.Dense(5), pl.Tanh(), pl.Dense(4), pl.Dropout(0.1), pl.Dense(3), pl.ReLU()]
    found = [(each.dense, each.activation, each.dropout) for each in fused_layers(layers)]
    assert found == [
        (layers[1], layers[2], None),
        (layers[3], None, layers[4]),
        (layers[5], layers[6], None),
    ]


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([pl.Rescale(2), pl.Rescale(2), pl.Dense(2)], r"Rescale in layers\[1\]: only Rescale and Dense can"),
        (
            [pl.Dense(2), pl.Rescale(2)],
            r"Rescale in layers\[1\]: only activations other than Softmax, Dropout",
        ),
        ([pl.Dense(2), pl.Dropout(0.1), pl.ReLU(), pl.Dense(2)], r"ReLU in layers\[2\]: only Dense can be"),
        (
            [pl.Dense(2), pl.ReLU(), pl.Tanh()],
            r"Tanh in layers\[2\]: only Dropout without a fixed mask and Dense",
        ),
        ([pl.Dense(2), pl.Softmax()], r"Softmax in layers\[1\]: only activations other than Softmax"),
        ([pl.Rescale(2)], "a network without a Dense"),
        ([pl.Dense(2), pl.Dropout(0.5)], "with a Dropout at its end, cannot be compiled"),
    ],
)
def test_layers_that_cannot_be_compiled_are_named(layers, message):
    with pytest.raises(ValueError, match=message):
        fused_layers(layers)


def test_a_fixed_mask_in_any_of_the_networks():
    nets = [network(pl.Dense(2), pl.Dropout(0.5), pl.Dense(2)) for _ in range(3)]
    given = nets, pl.SoftmaxCrossEntropy(), pl.SGD(0.1), Y
    assert why_not(*given) is None
    nets[2].layers[1].fix_mask([0, 1])
    assert why_not(*given).startswith(
        "Dropout in layers[1]: only activations other than Softmax, Dropout without"
    )


def test_labels_may_be_unknown():
    assert why_not([network()], pl.SoftmaxCrossEntropy(), pl.SGD(0.1), None) is None


def test_it_pays_for_long_trainings():
    """Minutes of training always pay, seconds never; if a problem pays, so does a larger one."""
    assert pays(80_000, n_rows=300 * 60_000, n_steps=300 * 1875)
    assert pays(700_000, n_rows=1000 * 60_000, n_steps=1000)
    assert not pays(80_000, n_rows=60_000, n_steps=1875)
    assert not pays(7840, n_rows=10_000, n_steps=10_000)
    assert not pays(470_000, n_rows=20 * 60_000, n_steps=20)
    assert pays(470_000, n_rows=20 * 60_000, n_steps=20, n_sparse=392_000)
    sizes = [2**i for i in range(0, 40, 3)]
    for n_rows in sizes:
        found = [pays(100, n_rows=n_rows, n_steps=n_steps) for n_steps in sizes]
        assert found == sorted(found)


def test_zeros_are_skipped_in_wide_first_layers_only():
    def nets(n_out, k=1):
        made = [pl.Network([pl.Rescale(0.5), pl.Dense(n_out), pl.ReLU(), pl.Dense(99)]) for _ in range(k)]
        return [net.build(40, rng=np.random.default_rng(0)) for net in made]

    x = np.eye(40)
    assert n_sparse(nets(20), x) == n_sparse(nets(2, k=10), x) == 40 * 20
    assert n_sparse(nets(16), x) == n_sparse(nets(20), x + 1) == n_sparse(nets(20), None) == 0


@pytest.mark.parametrize("name", NEEDED)
def test_a_missing_package_names_the_extra(name, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)
    given = network(), pl.SoftmaxCrossEntropy(), pl.SGD(0.1), X, Y
    message = (
        rf"compiled training needs {name}, which the extra fast installs: pip install 'pellucid\[fast\]'"
    )
    with pytest.raises(ImportError, match=message):
        pl.train(*given, epochs=1, compiled=True)
    # A training for which compiling would pay takes the plain path.
    assert next(pl.train(*given, epochs=10**7, compiled=None)).epoch == 1


def test_numba_is_imported_only_for_compiled_training():
    program = """
import json, sys
import numpy as np, pellucid as pl
found = []
for compiled in (False, None):
    net = pl.Network([pl.Dense(2)]).build(3, rng=np.random.default_rng(0))
    x, y = np.zeros((4, 3)), np.array([0, 1, 0, 1])
    epochs = 3 if compiled is None else 10**7
    next(pl.train(net, pl.SoftmaxCrossEntropy(), pl.SGD(0.1), x, y, epochs=epochs, compiled=compiled))
    found += [name for name in ("numba", "scipy", "threadpoolctl") if name in sys.modules]
print(json.dumps(found))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []


def test_zeros_are_counted_by_groups_of_four_columns():
    x = np.zeros((40, 16), np.uint8)
    x[:, [0, 5]] = 3
    assert is_sparse(x)
    x[:, 9] = 3
    assert not is_sparse(x)  # three of four columns are still zero, but three of four groups are not


@pytest.mark.parametrize("dtype", ["f4", "f8", "i2", "?", "u1"])
def test_every_dtype(dtype):
    x = np.zeros((9, 8), dtype)
    assert is_sparse(x)
    assert not is_sparse(x + np.ones_like(x))


def test_rows_are_spread_over_the_data():
    x = np.zeros((5000, 8), np.float32)
    x[1000:] = 1
    assert not is_sparse(x)


def test_too_few_columns_or_rows_are_not_sparse():
    assert not is_sparse(np.zeros((5, 3))) and not is_sparse(np.zeros((0, 8)))
