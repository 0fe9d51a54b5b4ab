"""The file of results: parts, each with the versions and the time of its measurement.

A part is the comparison of a workload, ``race``, ``scaling`` or ``own``. A new run replaces the parts it
measures and keeps the others. Results of two machines, or of a smoke run and a real run, never share a file.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.contestants import versions
from bench.workloads import WORKLOADS
from pellucid.backend import array_module
from pellucid.files.reading import read_json
from pellucid.files.whole import write_whole
from pellucid.lab.ledger import strict_json
from pellucid.provenance import environment

FORMAT = 1
GPU_WORKLOADS = ("C", "F", "G")
#: Whether products on a GPU may round their operands to TF32, by the name of the precision.
PRECISIONS = {"float32": False, "TF32": True}
GPU_PARTS = tuple(f"{name} {precision}" for name in GPU_WORKLOADS for precision in PRECISIONS)
PARTS = (*WORKLOADS, "race", "scaling", "own", *GPU_PARTS)


def gpu_machine() -> dict[str, Any]:
    """Return the GPU and the versions of its software; raise an OSError without GPU or CuPy."""
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


def new_results(*, quick: bool, gpu: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return new results of this machine, without parts."""
    about = environment()
    machine = {name: about[name] for name in ("system", "cpu", "cores")} | dict(gpu or {})
    return {"format": FORMAT, "quick": quick, "machine": machine, "parts": {}}


def with_part(results: Mapping[str, Any], name: str, part: Mapping[str, Any]) -> dict[str, Any]:
    """Return results with a part added or replaced, in the order of the parts."""
    machine = results["machine"]
    about = {**environment(), **versions(), **{key: machine[key] for key in ("cupy",) if key in machine}}
    measured = datetime.now(UTC).isoformat(timespec="seconds")
    parts = {**results["parts"], name: {**part, "environment": about, "measured": measured}}
    return {**results, "parts": {each: parts[each] for each in PARTS if each in parts}}


def write_results(path: Path, results: Mapping[str, Any]) -> None:
    """Write results as strict JSON, atomically; create the folder."""
    content = strict_json(results)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, [content])


def read_results(path: Path) -> dict[str, Any]:
    """Read results; raise a ValueError if the file holds anything else."""
    try:
        results: dict[str, Any] = read_json(path)
    except ValueError as error:
        raise ValueError(f"{path} has no results of bench ({error}): name another file with --out") from None
    if not _is_known(results):
        raise ValueError(f"{path} has no results of bench in format {FORMAT}: name another file with --out")
    return results


def _is_known(results: object) -> bool:
    """Whether the content of a file has this format and known parts."""
    if not isinstance(results, dict) or results.get("format") != FORMAT:
        return False
    parts = results.get("parts")
    return {"quick", "machine"} <= set(results) and isinstance(parts, dict) and set(parts) <= set(PARTS)


def results_to_extend(path: Path, *, quick: bool, gpu: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the results in a file, or new ones if there is no file.

    Raise a ValueError if the results are of another machine or another kind of run.
    """
    new = new_results(quick=quick, gpu=gpu)
    if not path.exists():
        return new
    kept = read_results(path)
    for name in ("quick", "machine"):
        if kept[name] != new[name]:
            raise ValueError(
                f"{path} has {name} {kept[name]}, this run has {new[name]}: name another file with --out"
            )
    return kept
