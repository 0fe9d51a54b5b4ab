"""Networks converted to PyTorch and back have the same outputs, as objects and as files.

Depth and widths, activations, dropout, rescaling by the first layer, and the precision are random. The models
of PyTorch are built from `torch.nn` here, not by pellucid. The same n gives the same networks.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

import pellucid as pl
from pellucid.wording import counted
from proof.findings import Finding

#: pellucid's layer, and PyTorch's module with its arguments, by name.
KINDS: dict[str, tuple[Callable[[], pl.Layer], str, dict[str, Any]]] = {
    "relu": (pl.ReLU, "ReLU", {}),
    "leaky": (lambda: pl.LeakyReLU(0.2), "LeakyReLU", {"negative_slope": 0.2}),
    "tanh": (pl.Tanh, "Tanh", {}),
    "sigmoid": (pl.Sigmoid, "Sigmoid", {}),
    "softmax": (pl.Softmax, "Softmax", {"dim": 1}),
    "identity": (pl.Identity, "Identity", {}),
    "dropout": (lambda: pl.Dropout(0.3), "Dropout", {"p": 0.3}),
}
#: Limit of max |a - b| / max |b| of the outputs, by dtype.
LIMITS = {"float32": 1e-6, "float64": 1e-13}
SCALE = 1 / 16


@dataclass(frozen=True)
class InterchangeCase:
    """A network: widths, and the kinds of layers after each fully connected layer."""

    widths: tuple[int, ...]
    between: tuple[tuple[str, ...], ...]
    bias: bool
    rescales: bool
    dtype: str
    seed: int


def prove(n: int, advance: Callable[[int], None]) -> list[Finding]:
    """Convert n networks in each way and compare the outputs."""
    found: dict[str, list[tuple[str, float]]] = {}
    with TemporaryDirectory() as folder:
        for seed in range(n):
            case = draw_case(seed)
            for way, difference in differences(case, Path(folder, "net.safetensors")):
                found.setdefault(way, []).append((case.dtype, difference))
            advance(1)
    return [_finding(way, pairs) for way, pairs in found.items()]


def _finding(way: str, pairs: list[tuple[str, float]]) -> Finding:
    worst = {dtype: max((value for each, value in pairs if each == dtype), default=0.0) for dtype in LIMITS}
    return Finding(
        claim=way,
        measured=f"{counted(len(pairs), 'network')}, largest relative difference of outputs "
        + ", ".join(f"{value:.1e} in {dtype}" for dtype, value in worst.items()),
        limit=", ".join(f"{limit:.0e} in {dtype}" for dtype, limit in LIMITS.items()),
        holds=all(value <= LIMITS[dtype] for dtype, value in worst.items()),
    )


def differences(case: InterchangeCase, path: Path) -> Iterator[tuple[str, float]]:
    """Yield each way to convert a network, and the relative difference of the outputs."""
    from safetensors.torch import load_file, save_file

    from pellucid.interop.state_dict import load_state_dict
    from pellucid.interop.torch import from_sequential, sequential

    pixels = np.random.default_rng([case.seed, 1]).integers(0, 17, (20, case.widths[0])).astype(np.uint8)
    # PyTorch's models get rows from 0 to 1; a network that rescales by itself gets the pixels.
    rows = (pixels * SCALE).astype(case.dtype)
    x = pixels if case.rescales else rows
    net, model = ours(case), theirs(case)
    net.save(path)
    with_bias = theirs(case, bias=True)
    with_bias.load_state_dict(load_file(path), strict=True)
    yield (
        "pellucid's file loads in torch.nn.Sequential, strictly",
        relative_difference(net.predict(x), outputs(with_bias, rows)),
    )
    yield (
        "A network becomes a torch.nn.Sequential",
        relative_difference(net.predict(x), outputs(sequential(net), x)),
    )
    rescale = pl.Rescale(SCALE) if case.rescales else None
    expected = outputs(model, rows)
    yield (
        "A torch.nn.Sequential becomes a network",
        relative_difference(from_sequential(model, rescale=rescale).predict(x), expected),
    )
    save_file({name: each.contiguous() for name, each in model.state_dict().items()}, path)
    loaded = load_state_dict(ours(case), path)
    yield (
        "A file of a model's state_dict loads into a network",
        relative_difference(loaded.predict(x), expected),
    )


def draw_case(seed: int) -> InterchangeCase:
    """Return the random case of a seed."""
    rng = np.random.default_rng(seed)
    depth = int(rng.integers(1, 6))
    names = list(KINDS)
    between = tuple(
        tuple(names[i] for i in rng.integers(len(names), size=rng.integers(0, 3))) for _ in range(depth)
    )
    widths = tuple(int(width) for width in rng.integers(1, 101, depth + 1))
    return InterchangeCase(
        widths, between, bool(rng.random() < 0.8), bool(rng.random() < 0.5), list(LIMITS)[seed % 2], seed
    )


def ours(case: InterchangeCase) -> pl.Network:
    """Return the network of pellucid with random parameters."""
    layers: list[pl.Layer] = [pl.Rescale(SCALE)] if case.rescales else []
    for width, kinds in zip(case.widths[1:], case.between, strict=True):
        layers += [pl.Dense(width, bias_init=pl.normal(0.5)), *(KINDS[kind][0]() for kind in kinds)]
    return pl.Network(layers).build(case.widths[0], rng=np.random.default_rng(case.seed), dtype=case.dtype)


def theirs(case: InterchangeCase, *, bias: bool | None = None) -> Any:
    """Return the model of PyTorch, with random parameters from PyTorch."""
    import torch

    torch.manual_seed(case.seed)
    modules: list[Any] = []
    for n_in, n_out, kinds in zip(case.widths, case.widths[1:], case.between, strict=False):
        modules.append(torch.nn.Linear(n_in, n_out, bias=case.bias if bias is None else bias))
        modules += [getattr(torch.nn, name)(**arguments) for _, name, arguments in map(KINDS.get, kinds)]
    return torch.nn.Sequential(*modules).to(getattr(torch, case.dtype))


def outputs(model: Any, x: np.ndarray) -> np.ndarray:
    """Return the predictions of a model of PyTorch."""
    import torch

    with torch.no_grad():
        return model.eval()(torch.from_numpy(x)).numpy()


def relative_difference(found: np.ndarray, expected: np.ndarray) -> float:
    """Return the largest difference over the largest entry, or infinity if shape or dtype differ."""
    if found.shape != expected.shape or found.dtype != expected.dtype:
        return np.inf
    return float(np.abs(found - expected).max() / (np.abs(expected).max() or 1))
