"""The contestants: pellucid, its peers, the reports' own code, and the limits of the machine.

>>> [each.name for each in CONTESTANTS.values() if each.role == "peer"]
['pytorch', 'torch.compile', 'jax', 'scikit-learn']
"""

from dataclasses import dataclass, field, replace
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any, Literal, TypeAlias

from bench.problem import Options
from bench.workloads import Workload

Role = Literal["ours", "peer", "published", "floor"]
OURS, EAGER = "pellucid", "pytorch"
#: Options from which calibration chooses the fastest.
Choices: TypeAlias = tuple[Options, ...]
PIXELS: Choices = ({"pixels": "uint8"}, {"pixels": "float32"})


@dataclass(frozen=True)
class Contestant:
    """A way to train, or a floor: a part of the work that no implementation can skip."""

    #: Name in results and on the command line; title in tables.
    name: str
    title: str
    role: Role
    #: Module with the function ``prepare(problem, options)``.
    module: str
    #: Package that must be installed, by the name it is imported under.
    package: str | None = None
    choices: Choices = ({},)
    full_batch_choices: Choices = ({},)
    #: The contestant whose best number of threads is used, if preparation is too slow for a search.
    threads_like: str | None = None
    #: Whether to use one thread only, because more would not help.
    one_thread: bool = False
    #: Environment variables of the worker.
    variables: dict[str, str] = field(default_factory=dict)
    #: Estimated time until a worker is ready.
    seconds: float = 0.6

    def options(self, workload: Workload) -> Choices:
        """Return the options to try for a workload."""
        return self.full_batch_choices if workload.batch_size is None else self.choices

    def takes_part(self, workload: Workload) -> bool:
        """Whether there is anything to measure; in full batch no rows are gathered."""
        return bool(self.options(workload))

    def missing(self) -> str | None:
        """Return why the contestant cannot take part, or None."""
        if self.package is None or find_spec(self.package) is not None:
            return None
        return f"{self.package} is not installed: pip install 'pellucid[compare]'"

    def environment(self, threads: int) -> dict[str, str]:
        """Return the contestant's variables and those that set the number of threads."""
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
        values = dict.fromkeys(names, str(threads)) | self.variables
        if self.package == "jax" and threads == 1:
            values["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
        return values


def _peer(name: str, title: str, module: str, package: str, seconds: float, *choices: Choices) -> Contestant:
    mini_batch, full_batch = choices or (({},), ({},))
    module = f"bench.peers.{module}"
    return Contestant(name, title, "peer", module, package, mini_batch, full_batch, seconds=seconds)


def _floor(name: str, title: str, mini_batch: Choices, full_batch: Choices) -> Contestant:
    mini_batch = tuple({"floor": name, **each} for each in mini_batch)
    full_batch = tuple({"floor": name, **each} for each in full_batch)
    return Contestant(name, title, "floor", "bench.floors", None, mini_batch, full_batch)


#: Plain steps are tried too, in case Numba is missing or cannot compile the steps.
OUR_CHOICES = tuple({**pixels, "compiled": compiled} for compiled in (False, True) for pixels in PIXELS)
COMPILED: Choices = ({"way": "compiled"},)
UNROLLED: Choices = ({"unroll": 1}, {"unroll": 4})
BLOCKS = tuple({"block_rows": rows, "python_threads": n} for rows in (1024, 2048, 4096) for n in (1, 2))
CONTESTANTS = {
    each.name: each
    for each in (
        Contestant(OURS, "pellucid", "ours", "bench.ours", None, OUR_CHOICES, OUR_CHOICES),
        _peer(EAGER, "PyTorch eager", "pytorch", "torch", 2.5),
        replace(
            _peer("torch.compile", "torch.compile", "pytorch", "torch", 10.0, COMPILED, COMPILED),
            threads_like=EAGER,
            # With its caches on, the measured time would be that of reading what an earlier run compiled.
            variables={"TORCHINDUCTOR_FORCE_DISABLE_CACHES": "1"},
        ),
        replace(
            _peer("jax", "JAX jit", "jax_jit", "jax", 2.0, UNROLLED, UNROLLED[:1]),
            variables={"JAX_PLATFORMS": "cpu"},
        ),
        _peer("scikit-learn", "scikit-learn", "sklearn_mlp", "sklearn", 1.6),
        Contestant("published", "published code", "published", "bench.peers.published"),
        _floor("products", "matrix products", ({},), BLOCKS),
        replace(_floor("gathering", "gathering rows", PIXELS, ()), one_thread=True),
        _floor("memory", "reading the pixels", ({},), ({},)),
    )
}


def gpu_contestants(*, tf32: bool = False, iterations: int = 1) -> dict[str, Contestant]:
    """Return pellucid, the peers and the floors on a GPU, by name.

    `tf32` says whether matrix products round their operands to TF32. `iterations` is the number of steps in a
    unit of full batch.
    """

    def entry(name: str, title: str, role: Role, module: str, package: str, **options: Any) -> Contestant:
        choice = {"device": "gpu", "tf32": tf32, **options}
        full_batch = {**choice, "iterations": iterations}
        module = f"bench.{module}"
        return Contestant(name, title, role, module, package, (choice,), (full_batch,), seconds=8.0)

    def torch(name: str, title: str, **options: Any) -> Contestant:
        return entry(name, title, "peer", "peers.pytorch", "torch", **options)

    jax = entry("jax", "JAX jit", "peer", "peers.jax_jit", "jax", unroll=1)
    cuda = {"JAX_PLATFORMS": "cuda", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
    found = (
        entry(OURS, "pellucid", "ours", "ours", "cupy"),
        torch(EAGER, "PyTorch eager"),
        torch("cuda-graphs", "PyTorch, CUDA graphs", way="graphs"),
        torch("torch.compile", "torch.compile", way="compiled", mode="reduce-overhead"),
        replace(jax, variables=cuda),
        entry("products", "matrix products", "floor", "floors", "torch", floor="products"),
        entry("memory", "their bytes", "floor", "floors", "torch", floor="memory"),
    )
    return {each.name: each for each in found}


GPU_TITLES = {name: each.title for name, each in gpu_contestants().items()}
#: Role of each contestant by name, on both devices.
ROLES = {name: each.role for name, each in (gpu_contestants() | CONTESTANTS).items()}


def choose(peers: list[str] | None, *, quick: bool = False) -> list[Contestant]:
    """Return pellucid, the floors and the named peers; raise a ValueError if a name is unknown.

    By default all peers are returned, in a smoke run without those that take long to compile.
    """
    known = [each.name for each in CONTESTANTS.values() if each.role in ("peer", "published")]
    for peer in peers or ():
        if peer not in known:
            raise ValueError(f"--peer must be one of {', '.join(known)}, got {peer!r}")
    default = [name for name in known if not (quick and CONTESTANTS[name].threads_like)]
    wanted = default if peers is None else peers
    return [each for each in CONTESTANTS.values() if each.name in wanted or each.name not in known]


def versions() -> dict[str, str | None]:
    """Return the version of each peer's package, None where it is not installed."""
    packages = {"torch": "torch", "jax": "jax", "scikit-learn": "sklearn"}
    return {name: version(name) if find_spec(module) else None for name, module in packages.items()}
