"""`pellucid bench --gpu`: full batch (C) and mini-batches (F, G) on a GPU, with TF32 and without.

Everyone has the data on the device and the same rounding of products. A unit of C is a whole run of
iterations, with the trace of losses and the test accuracy.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bench.comparison import compare
from bench.contestants import OURS, Contestant
from bench.effort import Effort, Tell, comparison_seconds
from bench.process import cores
from bench.ratios import bar_of, is_measured, ratio
from bench.workloads import WORKLOADS, Workload
from pellucid.backend import array_module

NAMES = ("C", "F", "G")
#: Whether products may round their operands to TF32, by what the parts of the results are called.
PRECISIONS = {"float32": False, "TF32": True}
PARTS = tuple(f"{name} {precision}" for name in NAMES for precision in PRECISIONS)
ITERATIONS = 1000
#: Enough to note two losses, where nothing is measured.
QUICK_ITERATIONS = 20
FULL_BATCH_ROUNDS = 3
#: The fastest peer's time over ours, and ours over that of the products alone.
OVER_FASTEST, FLOOR_TIMES = {"C": 1.0}, {"C": 1.5}
PEERS = "bench.peers"
TORCH = f"{PEERS}.torch_gpu"


@dataclass(frozen=True)
class GpuEffort(Effort):
    """How thoroughly to measure; workers have all cores, since none of them computes there."""

    @property
    def threads(self) -> list[int]:
        """The numbers of threads to try: one."""
        return [len(cores())]


QUICK_GPU = GpuEffort(rounds=2, sample_seconds=0.02, calibrate=False)


def contestants(*, tf32: bool, iterations: int) -> list[Contestant]:
    """Return ours, the peers and the floors.

    Examples
    --------
    >>> [each.name for each in contestants(tf32=True, iterations=10) if each.role == "peer"]
    ['pytorch', 'cuda-graphs', 'torch.compile', 'jax']
    """

    def entry(name: str, title: str, role: Any, module: str, package: str, **options: Any) -> Contestant:
        choice = {"tf32": tf32, **options}
        whole = ({**choice, "iterations": iterations},)
        return Contestant(name, title, role, module, package, (choice,), whole, seconds=8.0)

    cuda = {"JAX_PLATFORMS": "cuda", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
    return [
        entry(OURS, "pellucid", "ours", "bench.gpu_ours", "cupy"),
        entry("pytorch", "PyTorch eager", "peer", TORCH, "torch", way="eager"),
        entry("cuda-graphs", "PyTorch, CUDA graphs", "peer", TORCH, "torch", way="graphs"),
        entry(
            "torch.compile", "torch.compile", "peer", TORCH, "torch", way="compiled", mode="reduce-overhead"
        ),
        replace(entry("jax", "JAX jit", "peer", f"{PEERS}.jax_gpu", "jax", unroll=1), variables=cuda),
        entry("products", "matrix products", "floor", "bench.gpu_floors", "torch", floor="products"),
        entry("memory", "their bytes", "floor", "bench.gpu_floors", "torch", floor="memory"),
    ]


TITLES = {each.name: each.title for each in contestants(tf32=False, iterations=1)}
ROLES = {each.name: each.role for each in contestants(tf32=False, iterations=1)}


@dataclass(frozen=True)
class GpuSession:
    """The workloads to measure, by name, and the effort.

    Examples
    --------
    >>> GpuSession(("C",), GpuEffort()).seconds > 60
    True
    """

    names: tuple[str, ...]
    effort: GpuEffort

    @property
    def seconds(self) -> float:
        """About how long the run takes."""
        return sum(comparison_seconds(*part) for _, part in self._parts())

    def measure(self, tell: Tell) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield each part with its name when it has been measured."""
        for name, (workload, entered, effort) in self._parts():
            yield name, judged(compare(workload, entered, effort, tell))

    def _parts(self) -> Iterator[tuple[str, tuple[Workload, list[Contestant], Effort]]]:
        iterations = QUICK_ITERATIONS if self.effort.is_smoke else ITERATIONS
        for name in self.names:
            is_whole = WORKLOADS[name].batch_size is None
            rounds = min(self.effort.rounds, FULL_BATCH_ROUNDS) if is_whole else self.effort.rounds
            for precision, tf32 in PRECISIONS.items():
                entered = contestants(tf32=tf32, iterations=iterations)
                part = WORKLOADS[name], entered, replace(self.effort, rounds=rounds)
                yield f"{name} {precision}", part


def chosen_names(asked: Sequence[str] | None) -> tuple[str, ...]:
    """Return the workloads to measure, in their order.

    Raises
    ------
    ValueError
        If there is no such workload for a GPU.

    Examples
    --------
    >>> chosen_names(["g", "C"]), chosen_names(None)
    (('C', 'G'), ('C', 'F', 'G'))
    """
    wanted = {name.strip().upper() for name in asked or NAMES}
    for name in sorted(wanted - set(NAMES)):
        raise ValueError(f"--workload must be one of {', '.join(NAMES)} with --gpu, got {name!r}")
    return tuple(name for name in NAMES if name in wanted)


def machine() -> dict[str, Any]:
    """Return the GPU's name and memory, and the versions of what drives it.

    Raises
    ------
    OSError
        If there is no GPU, or no CuPy to use it with.
    """
    try:
        cupy = array_module("gpu")
    except (ImportError, RuntimeError) as error:
        raise OSError(f"--gpu: {error}") from error
    runtime, about = cupy.cuda.runtime, cupy.cuda.runtime.getDeviceProperties(0)
    return {
        "gpu": about["name"].decode(),
        "gpu memory": about["totalGlobalMem"],
        "cuda runtime": runtime.runtimeGetVersion(),
        "cuda of the driver": runtime.driverGetVersion(),
        "cupy": cupy.__version__,
    }


def judged(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return a comparison with its floors apart from the contestants, its ratios and its bars."""
    found = entry["contestants"]
    runners = {name: each for name, each in found.items() if ROLES[name] != "floor"}
    floors = {name: each for name, each in found.items() if name not in runners}
    unit = "s/run of iterations" if entry["batch_size"] is None else entry["unit"]
    ratios = _ratios(runners, floors)
    bars = _bars(entry["name"], ratios)
    return {**entry, "unit": unit, "contestants": runners, "floors": floors, "ratios": ratios, "bars": bars}


def _ratios(runners: Mapping[str, Any], floors: Mapping[str, Any]) -> dict[str, Any]:
    """Return each peer's time over ours, and ours over the floors'."""
    measured = {name: each for name, each in runners.items() if is_measured(each) and name != OURS}
    fastest = min(measured, key=lambda name: measured[name]["median"], default=None)
    ratios: dict[str, Any] = {"fastest_peer": fastest}
    if not is_measured(runners.get(OURS)):
        return ratios
    ours = runners[OURS]
    ratios |= {name: ratio(each, ours) for name, each in measured.items()}
    return ratios | {name: ratio(ours, each) for name, each in floors.items() if is_measured(each)}


def _bars(name: str, ratios: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return each bar of a workload with what was found, and whether it is met."""
    found = {
        "fastest_peer": (OVER_FASTEST, ratios.get(ratios["fastest_peer"]), 1),
        "products": (FLOOR_TIMES, ratios.get("products"), -1),
    }
    return {key: bar_of(bar[name], value, sign) for key, (bar, value, sign) in found.items() if name in bar}
