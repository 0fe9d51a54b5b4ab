"""Who takes part: pellucid, its peers, the reports' own way, and the floors of the machine.

>>> [each.name for each in CONTESTANTS.values() if each.role == "peer"]
['pytorch', 'torch.compile', 'jax', 'scikit-learn']
"""

from dataclasses import dataclass, field
from importlib.metadata import version
from importlib.util import find_spec
from typing import Literal

from bench.problem import Options
from bench.workloads import Workload

Role = Literal["ours", "peer", "published", "floor"]
OURS, EAGER = "pellucid", "pytorch"


@dataclass(frozen=True)
class Contestant:
    """A way of training, or a floor.

    Attributes
    ----------
    name, title : str
        In results and on the command line; in tables.
    role : str
        ours, peer, published or floor.
    module : str
        Holds ``prepare(problem, options)``.
    package : str or None
        What must be installed, as it is imported.
    choices, full_batch_choices : tuple of dict
        Options of which a calibration takes the fastest.
    threads_like : str or None
        Takes the number of threads that is best for this one, since its own preparation is long.
    one_thread : bool
        More than one thread would have nothing to do.
    variables : dict
        Set in the environment of the worker.
    seconds : float
        About how long a worker takes to be ready, for the estimate.
    """

    name: str
    title: str
    role: Role
    module: str
    package: str | None = None
    choices: tuple[Options, ...] = ({},)
    full_batch_choices: tuple[Options, ...] = ({},)
    threads_like: str | None = None
    one_thread: bool = False
    variables: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.6

    def options(self, workload: Workload) -> tuple[Options, ...]:
        """Return the options to try for a workload."""
        return self.full_batch_choices if workload.batch_size is None else self.choices

    def takes_part(self, workload: Workload) -> bool:
        """Whether there is anything to measure; in full batch no rows are gathered."""
        return bool(self.options(workload))

    def missing(self) -> str | None:
        """Return why it cannot take part, in a line, or None."""
        if self.package is None or find_spec(self.package) is not None:
            return None
        return f"{self.package} is not installed: pip install 'pellucid[compare]'"

    def environment(self, threads: int) -> dict[str, str]:
        """Return the variables that set the number of threads, with the contestant's own."""
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
        values = dict.fromkeys(names, str(threads)) | self.variables
        if self.package == "jax" and threads == 1:
            values["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
        return values


PIXELS: tuple[Options, ...] = ({"pixels": "uint8"}, {"pixels": "float32"})
#: Compiled steps are a choice, not a rule: where Numba is missing or cannot do it, the others remain.
OWN: tuple[Options, ...] = tuple({**pixels, "compiled": way} for way in (False, True) for pixels in PIXELS)
PRODUCTS = {"floor": "products"}
BLOCKS: tuple[Options, ...] = tuple(
    {**PRODUCTS, "block_rows": rows, "python_threads": n} for rows in (1024, 2048, 4096) for n in (1, 2)
)
PEERS = "bench.peers"
CONTESTANTS = {
    each.name: each
    for each in (
        Contestant(OURS, "pellucid", "ours", "bench.ours", choices=OWN, full_batch_choices=OWN),
        Contestant(EAGER, "PyTorch eager", "peer", f"{PEERS}.torch_eager", "torch", seconds=2.5),
        Contestant(
            "torch.compile",
            "torch.compile",
            "peer",
            f"{PEERS}.torch_compiled",
            "torch",
            threads_like=EAGER,
            # Else the time to compile would be that of reading what an earlier run has compiled.
            variables={"TORCHINDUCTOR_FORCE_DISABLE_CACHES": "1"},
            seconds=10.0,
        ),
        Contestant(
            "jax",
            "JAX jit",
            "peer",
            f"{PEERS}.jax_jit",
            "jax",
            choices=({"unroll": 1}, {"unroll": 4}),
            full_batch_choices=({"unroll": 1},),
            variables={"JAX_PLATFORMS": "cpu"},
            seconds=2.0,
        ),
        Contestant("scikit-learn", "scikit-learn", "peer", f"{PEERS}.sklearn_mlp", "sklearn", seconds=1.6),
        Contestant("published", "published code", "published", f"{PEERS}.published"),
        Contestant(
            "products",
            "matrix products",
            "floor",
            "bench.floors",
            choices=(PRODUCTS,),
            full_batch_choices=BLOCKS,
        ),
        Contestant(
            "gathering",
            "gathering rows",
            "floor",
            "bench.floors",
            choices=tuple({"floor": "gathering", **pixels} for pixels in PIXELS),
            full_batch_choices=(),
            one_thread=True,
        ),
        Contestant(
            "memory",
            "reading the pixels",
            "floor",
            "bench.floors",
            choices=({"floor": "memory"},),
            full_batch_choices=({"floor": "memory"},),
        ),
    )
}


def choose(peers: list[str] | None, *, quick: bool = False) -> list[Contestant]:
    """Return ours, the floors and the peers named.

    Where none is named these are all, in a smoke run without what compiles for longer than that should take.

    Raises
    ------
    ValueError
        If there is no such peer.

    Examples
    --------
    >>> [each.name for each in choose(["jax"])]
    ['pellucid', 'jax', 'products', 'gathering', 'memory']
    """
    known = [each.name for each in CONTESTANTS.values() if each.role in ("peer", "published")]
    for peer in peers or ():
        if peer not in known:
            raise ValueError(f"--peer must be one of {', '.join(known)}, got {peer!r}")
    usual = [name for name in known if not (quick and CONTESTANTS[name].threads_like)]
    wanted = usual if peers is None else peers
    return [each for each in CONTESTANTS.values() if each.name in wanted or each.name not in known]


def versions() -> dict[str, str | None]:
    """Return the version of each peer's package, None where it is not installed.

    Examples
    --------
    >>> sorted(versions())
    ['jax', 'scikit-learn', 'torch']
    """
    packages = {"torch": "torch", "jax": "jax", "scikit-learn": "sklearn"}
    return {name: version(name) if find_spec(module) else None for name, module in packages.items()}
