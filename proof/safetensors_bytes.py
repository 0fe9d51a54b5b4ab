"""pellucid writes the same bytes as the package `safetensors`, and each reads the other's files correctly.

Sets of tensors are random: their number, names, dtypes, shapes, memory layout and bytes, and the metadata.
The same n gives the same sets.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from safetensors import SafetensorError, TensorSpec, serialize
from safetensors.numpy import load, save

from pellucid.files import safetensors
from pellucid.files.safetensors import DTYPES
from pellucid.wording import brief, counted
from proof.findings import Finding
from proof.fuzzing.damage import Stock, mutate
from proof.fuzzing.structure import edit_safetensors_header
from proof.fuzzing.words import TENSOR_WORDS
from proof.scratch import scratch_folder

#: Names that JSON may escape, that sort differently in UTF-16, or that look like a name of the header.
ODD_NAMES = (
    *("", " ", '"', "\\", "/", "\0", "\b\t\n\f\r\x1f", "\x7f\x80\x9f", "\u2028\u2029", "\ufeff", "\uffff"),
    *("😀", "\ue000", "é", "e\u0301", "__metadata__ ", "0.weight", "x" * 3000, "😀" * 300, "\\u0041"),
)
NAMES = (st.sampled_from(ODD_NAMES) | st.text(st.characters(codec="utf-8"), max_size=12)).filter(
    lambda name: name != "__metadata__"
)
ABOUT = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | NAMES,
    lambda each: st.lists(each, max_size=3) | st.dictionaries(NAMES, each, max_size=3),
    max_leaves=6,
)
SHAPES = st.lists(st.integers(0, 5), max_size=5).map(tuple)
LAYOUTS = ("plain", "transposed", "strided", "reversed", "big-endian", "broadcast")
#: Damaged files made from each set.
DAMAGED_FILES = 5
#: Dtypes of the package that NumPy lacks, with the name in the package and the bytes of an item.
FOREIGN = {
    "BF16": ("bfloat16", 2),
    "F8_E4M3": ("float8_e4m3fn", 1),
    "F8_E5M2": ("float8_e5m2", 1),
    "C64": ("complex64", 8),
}


@dataclass
class SetTally:
    """Counts of the comparisons, and the sets that differed."""

    sets: int = 0
    tensors: int = 0
    bytes: int = 0
    written: list[str] = field(default_factory=list)
    read: list[str] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)
    damaged: int = 0
    read_by_both: int = 0
    looser: list[str] = field(default_factory=list)


@st.composite
def tensor_sets(draw: st.DrawFn) -> dict[str, np.ndarray]:
    """Draw a set of tensors; one set in twenty has more than 50."""
    many = draw(st.integers(0, 19)) == 0
    names = [f"{i}.{draw(NAMES)}" for i in range(draw(st.integers(50, 60)))] if many else []
    names += draw(st.lists(NAMES, max_size=6, unique=True))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    codes, layouts = st.sampled_from(tuple(DTYPES.values())), st.sampled_from(LAYOUTS)
    return {name: tensor(draw(codes), draw(SHAPES), draw(layouts), rng) for name in names}


def tensor(code: str, shape: tuple[int, ...], layout: str, rng: np.random.Generator) -> np.ndarray:
    """Return an array of random bytes with the given memory layout."""
    dtype = np.dtype(code)
    plain = np.frombuffer(rng.bytes(int(np.prod(shape)) * dtype.itemsize), "u1")
    array = (plain % 2 if code == "|b1" else plain).view(dtype).reshape(shape)
    match layout:
        case "transposed":
            return array.T
        case "strided":
            return np.repeat(array, 2, axis=0)[::2] if shape else array
        case "reversed":
            return np.flip(array)
        case "big-endian":
            return array.astype(dtype.newbyteorder(">"))
        case "broadcast":
            return np.broadcast_to(array, (2, *shape))
    return array


def prove(n: int, advance: Callable[[int], None]) -> list[Finding]:
    """Compare n sets of tensors."""
    tally, rng = SetTally(), Random(0)
    with scratch_folder() as folder:

        @settings(
            max_examples=n,
            derandomize=True,
            database=None,
            deadline=None,
            phases=(Phase.generate,),
            suppress_health_check=tuple(HealthCheck),
        )
        @given(tensor_sets(), ABOUT, st.dictionaries(NAMES, NAMES, max_size=3))
        def compare_one(tensors: dict[str, np.ndarray], about: object, others: dict[str, str]) -> None:
            compare(tensors, about, others, Path(folder), tally, rng)
            advance(1)

        compare_one()
    return findings(tally)


def compare(
    tensors: Mapping[str, np.ndarray],
    about: object,
    others: dict[str, str],
    folder: Path,
    tally: SetTally,
    rng: Random,
) -> None:
    """Compare the files that pellucid and the package write, and what each reads from the other's file."""
    ours, theirs = folder / "ours", folder / "theirs"
    safetensors.write(ours, tensors, about)
    contiguous = {name: np.ascontiguousarray(array).reshape(array.shape) for name, array in tensors.items()}
    metadata = {"pellucid": json.dumps(about)}
    tally.sets += 1
    tally.tensors += len(tensors)
    tally.bytes += ours.stat().st_size
    if ours.read_bytes() != save(contiguous, metadata):
        tally.written.append(str(list(tensors))[:60])
    theirs.write_bytes(save(contiguous, {**others, **metadata} if others else None))
    found, found_about = safetensors.read(theirs)
    same_about = found_about == (about if others else None)
    if not (same(found, tensors) and same(load(ours.read_bytes()), tensors) and same_about):
        tally.read.append(str(list(tensors))[:60])
    for _ in range(DAMAGED_FILES):
        compare_damaged(damaged(ours.read_bytes(), theirs.read_bytes(), rng), folder / "damaged", tally)
    if tensors:
        tally.accepted += foreign_accepted(folder / "foreign", next(iter(tensors)))


def damaged(content: bytes, other: bytes, rng: Random) -> bytes:
    """Return a file with damage to its bytes, or to the JSON of its header."""
    if rng.random() < 0.5:
        return edit_safetensors_header(content, rng)
    return mutate(content, rng, Stock((content, other), TENSOR_WORDS))


def compare_damaged(content: bytes, path: Path, tally: SetTally) -> None:
    """Record a file that pellucid reads while the package refuses it or reads other values.

    An exception is -0, which pellucid takes for a number.
    """
    path.write_bytes(content)
    tally.damaged += 1
    try:
        found, _ = safetensors.read(path)
    except ValueError:
        return
    try:
        agrees = same(load(content), found)
    except (SafetensorError, ValueError) as error:
        agrees = b"-0" in content and "floating point" in str(error)
    tally.read_by_both += agrees
    if not agrees:
        tally.looser.append(f"bytes.fromhex({content.hex()!r})")


def foreign_accepted(path: Path, name: str) -> list[str]:
    """Return the dtypes that NumPy lacks and that are not refused with an error naming tensor and dtype."""
    content, wrong = np.zeros(8, np.uint8), []
    for code, (dtype, size) in FOREIGN.items():
        spec = TensorSpec(dtype=dtype, shape=(8 // size,), data_ptr=content.ctypes.data, data_len=8)
        path.write_bytes(serialize({name: spec}))
        try:
            safetensors.read(path)
            wrong.append(code)
        except ValueError as error:
            if code not in str(error) or brief(name) not in str(error):
                wrong.append(code)
    return wrong


def same(found: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> bool:
    """Whether tensors have the names, shapes and bits of those that were stored."""
    return found.keys() == tensors.keys() and all(
        found[name].shape == array.shape
        and found[name].dtype == array.dtype.newbyteorder("=")
        and found[name].tobytes() == array.astype(array.dtype.newbyteorder("<")).tobytes()
        for name, array in tensors.items()
    )


def findings(tally: SetTally) -> list[Finding]:
    """Return the findings of all comparisons."""
    sets = counted(tally.sets, "set")
    size = f"{sets}, {counted(tally.tensors, 'tensor')}, {counted(tally.bytes, 'byte')}"
    return [
        _finding("Files are byte for byte those of the package safetensors", size, tally.written),
        _finding("Each reads the other's files to the last bit", size, tally.read),
        _finding(
            f"Dtypes of the package that NumPy does not have ({', '.join(FOREIGN)}) are refused by name",
            sets,
            tally.accepted,
        ),
        _finding(
            "A damaged file that the package refuses is never read",
            f"{tally.damaged:,} damaged files, {tally.read_by_both:,} of them read by both",
            tally.looser,
        ),
    ]


def _finding(claim: str, size: str, wrong: list[str]) -> Finding:
    measured = f"{size}; {len(wrong)} differ" + (f", the first: {wrong[0]}" if wrong else "")
    return Finding(claim, measured, "0 differ", not wrong)
