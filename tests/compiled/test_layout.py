"""Arrays do not overlap; how x is scaled; what an optimizer becomes."""

import numpy as np
import pytest

import pellucid as pl
from pellucid.compiled.layout import LINE, make_layout, make_rule, make_scaling, stack_layouts


def network(*layers, dtype=np.float32):
    return pl.Network(layers).build(5, rng=np.random.default_rng(0), dtype=dtype)


@pytest.mark.parametrize("rows", [7, 130])
@pytest.mark.parametrize("k", [1, 3])
def test_places_do_not_overlap(k, rows):
    """Batches of 130 rows may have sparse products, which need lists and a tile; all may have panels."""
    nets = [network(pl.Dense(4), pl.Tanh(), pl.Dropout(0.1), pl.Dense(3), pl.Dense(2)) for _ in range(k)]
    layout, size, _ = make_layout(nets, pl.SoftmaxCrossEntropy(), rows, range(k))
    places = [(layout.x_at[0], rows * 5), (layout.x_at[1], k * rows * 4)]
    for at in (layout.y_at, layout.d_at):
        places += [(start, k * rows * width) for start, width in zip(at, (4, 3, 2), strict=True)]
    places += [(layout.wide_at, k * rows * 4)] if k > 1 else []
    if rows == 130:
        places += [(layout.entries_at, 2 * 131 * 4), (layout.tile_at, 131 * 16)]
    places += [(layout.packing_at, k * 5 * 4)]
    whole_lines = [-(-length // LINE) * LINE for _, length in sorted(places)]
    ends = np.cumsum(whole_lines)
    assert [start for start, _ in sorted(places)] == [0, *ends[:-1]]
    assert ends[-1] == size
    assert layout.x_at[2] == layout.y_at[1]  # no dropout between
    np.testing.assert_array_equal(layout.w_at, k * np.array([0, 20, 32]))
    np.testing.assert_array_equal(layout.b_at, k * np.array([38, 42, 45]))


def test_a_set_of_networks_has_its_part_of_all_parameters():
    """The last three of five networks: their arrays follow those of the first two."""
    nets = [network(pl.Dense(4), pl.Dropout(0.1), pl.Dense(3)) for _ in range(5)]
    layout, _, _ = make_layout(nets, pl.SoftmaxCrossEntropy(), 7, range(2, 5))
    assert (layout.k, layout.first_net) == (3, 2)
    np.testing.assert_array_equal(layout.w_at, [2 * 20, 5 * 20 + 2 * 12])
    np.testing.assert_array_equal(layout.b_at, [5 * 32 + 2 * 4, 5 * 36 + 2 * 3])
    both = stack_layouts([layout, layout])
    assert both.w_at.shape == (2, 2)
    np.testing.assert_array_equal(both.first_net, [2, 2])


@pytest.mark.parametrize(
    ("first", "dtype", "precise"),
    [
        ([], "u1", np.float32),
        ([pl.Rescale(0.1)], "u1", np.float32),
        ([pl.Rescale(0.1, 3)], "f4", np.float32),
        ([pl.Rescale(0.1, 3)], "u1", np.float32),
        ([pl.Rescale(0.1, 3)], "i8", np.float64),
        ([pl.Rescale(0.1, [0, 0, 0, 0, 3])], "f8", np.float64),
    ],
)
def test_scaling_is_as_exact_as_that_of_the_layer(first, dtype, precise):
    net = network(*first, pl.Dense(2))
    scale, shift = make_scaling(net, np.dtype(dtype))
    assert scale.dtype == shift.dtype == precise
    x = np.arange(10).reshape(2, 5).astype(dtype)
    expected = first[0].forward(x, train=False) if first else x
    np.testing.assert_array_equal((x * scale + shift).astype(np.float32), expected)


def test_the_settings_of_an_optimizer_have_the_same_types_however_they_were_given():
    """Numba would compile the loop again for each combination of types."""
    rules = [
        make_rule(pl.Adam(1, beta_1=0, beta_2=0, epsilon=1, weight_decay=0), 10),
        make_rule(pl.Adam(0.1, beta_1=0.9, weight_decay=np.float32(0.5)), 10),
        make_rule(pl.SGD(1, momentum=np.float64(0.9), nesterov=np.True_), 10),
        make_rule(pl.SGD(0.1), 10),
    ]
    assert len({tuple(type(number) for number in rule) for rule in rules}) == 1
