"""The same seed gives the same bits in two processes, and with deterministic=True on any number of threads.

Each network is trained in a new process, ``python -m proof.determinism WAY SEED [deterministic]``, which
writes the bytes of the weights to standard output.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

import pellucid as pl
from pellucid.wording import counted
from proof.findings import Finding

#: Kinds of training: plain and compiled, full batch and mini-batches.
WAYS = [f"{path}, {batch}" for path in ("plain", "compiled") for batch in ("full batch", "batches of 128")]
THREADS = (1, 2, 3)
ROOT = Path(__file__).parent.parent
EPOCHS = 3


def train(way: str, seed: int, *, deterministic: bool) -> np.ndarray:
    """Return the weights of a network large enough for its products to be split between threads."""
    data = np.random.default_rng([seed, 0])
    x, y = data.integers(256, size=(6000, 784), dtype=np.uint8), data.integers(10, size=6000)
    net = pl.Network([pl.Rescale(1 / 255), pl.Dense(100), pl.ReLU(), pl.Dropout(0.1), pl.Dense(10)])
    net.build(784, rng=np.random.default_rng([seed, 1]))
    batch_size = None if way.endswith("full batch") else 128
    for _ in pl.train(
        net, pl.SoftmaxCrossEntropy(), pl.Adam(), x, y, epochs=EPOCHS, batch_size=batch_size,
        rng=np.random.default_rng([seed, 2]), compiled=way.startswith("compiled"),
        deterministic=deterministic,
    ):  # fmt: skip
        pass
    return net.theta


def weights_from_process(
    way: str, seed: int, threads: int, *, deterministic: bool, cache: Path | None = None
) -> np.ndarray:
    """Return the weights from a new process with the given number of BLAS threads."""
    variables = {"OPENBLAS_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    if cache is not None:
        variables["NUMBA_CACHE_DIR"] = str(cache)
    command = [sys.executable, "-m", "proof.determinism", way, str(seed), *["deterministic"] * deterministic]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **variables}, capture_output=True, check=True)
    return np.frombuffer(done.stdout, np.float32)


def prove(n: int, advance: Callable[[int], None]) -> list[Finding]:
    """Train n networks, each twice with the same threads and once on 1, 2 and 3 threads."""
    twice, on_any, largest = [], [], 0.0
    for case in range(n):
        seed, i = divmod(case, len(WAYS))
        free = [weights_from_process(WAYS[i], seed, t, deterministic=False) for t in THREADS]
        again = weights_from_process(WAYS[i], seed, THREADS[-1], deterministic=False)
        twice.append(digest(free[-1]) == digest(again))
        fixed = [weights_from_process(WAYS[i], seed, t, deterministic=True) for t in THREADS]
        on_any.append(len({digest(each) for each in fixed}) == 1)
        largest = max(largest, *(difference(free[0], each) for each in (*free[1:], fixed[0])))
        advance(1)
    compiling = compiled_again(min(n, 2))
    n_cases = f"{counted(len(twice), 'training')} ({'; '.join(WAYS)})"
    return [
        Finding(
            "Two processes with the same seed and threads get the same bits",
            f"{n_cases}: {sum(twice)} equal", f"{len(twice)} equal", all(twice),
        ),
        Finding(
            "A process that compiles gets the same bits as one that finds the compiled code in the cache",
            f"{counted(len(compiling), 'training')}: {sum(compiling)} equal", f"{len(compiling)} equal",
            all(compiling),
        ),
        Finding(
            "With deterministic=True, 1, 2 and 3 threads give the same bits",
            f"{n_cases}: {sum(on_any)} equal", f"{len(on_any)} equal", all(on_any),
        ),
        Finding(
            f"Without it, another number of threads changes float32 weights by rounding ({EPOCHS} epochs)",
            f"{n_cases}: largest difference over largest weight {largest:.1e}", "1e-04", largest <= 1e-4,
        ),
    ]  # fmt: skip


def compiled_again(n: int) -> list[bool]:
    """Return whether a process that compiles agrees with one that reads the compiled code from the cache."""
    found = []
    for way in WAYS[-n:]:
        with tempfile.TemporaryDirectory() as cache:
            first, then = (
                weights_from_process(way, 0, 1, deterministic=True, cache=Path(cache)) for _ in range(2)
            )
        found.append(digest(first) == digest(then))
    return found


def digest(weights: np.ndarray) -> str:
    """Return a SHA-256."""
    return hashlib.sha256(weights.tobytes()).hexdigest()


def difference(a: np.ndarray, b: np.ndarray) -> float:
    """Return the largest difference of two vectors, relative to the largest entry of the second."""
    return float(np.abs(a - b).max() / np.abs(b).max())


if __name__ == "__main__":
    weights = train(sys.argv[1], int(sys.argv[2]), deterministic=len(sys.argv) > 3)
    sys.stdout.buffer.write(weights.tobytes())
