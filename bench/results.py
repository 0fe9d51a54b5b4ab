"""The file of results: parts that were measured one by one, each with what it was measured with.

A part is a workload's comparison (by its name), ``race`` or ``scaling``. A new run replaces the parts that it
measures and keeps the others; parts of two machines, or of a smoke run and a real one, never share a file.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.contestants import versions
from bench.workloads import WORKLOADS
from pellucid.files.reading import read_json
from pellucid.files.whole import write_whole
from pellucid.lab.ledger import strict_json
from pellucid.provenance import environment

FORMAT = 1
PARTS = (*WORKLOADS, "race", "scaling", "own")


def new_results(*, quick: bool) -> dict[str, Any]:
    """Return results without any part, of this machine.

    Examples
    --------
    >>> new_results(quick=True)["parts"]
    {}
    """
    about = environment()
    machine = {name: about[name] for name in ("system", "cpu", "cores")}
    return {"format": FORMAT, "quick": quick, "machine": machine, "parts": {}}


def with_part(results: Mapping[str, Any], name: str, part: Mapping[str, Any]) -> dict[str, Any]:
    """Return results with a part put in or replaced, in the order of the parts.

    Examples
    --------
    >>> list(with_part(new_results(quick=False), "D", {"rows": 3})["parts"]["D"])
    ['rows', 'environment', 'measured']
    """
    about = {**environment(), **versions()}
    measured = datetime.now(UTC).isoformat(timespec="seconds")
    parts = {**results["parts"], name: {**part, "environment": about, "measured": measured}}
    return {**results, "parts": {each: parts[each] for each in PARTS if each in parts}}


def write_results(path: Path, results: Mapping[str, Any]) -> None:
    """Write results as strict JSON, whole or not at all; the folder is made."""
    content = strict_json(results)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, [content])


def read_results(path: Path) -> dict[str, Any]:
    """Read results.

    Raises
    ------
    ValueError
        If the file is something else.
    """
    try:
        results: dict[str, Any] = read_json(path)
    except ValueError as error:
        raise ValueError(f"{path} holds no results of bench ({error}): name another file by --out") from None
    if not _is_known(results):
        raise ValueError(f"{path} holds no results of bench in format {FORMAT}: name another file by --out")
    return results


def _is_known(results: object) -> bool:
    """Whether a file's content is of our format, with parts that we know."""
    if not isinstance(results, dict) or results.get("format") != FORMAT:
        return False
    parts = results.get("parts")
    return {"quick", "machine"} <= set(results) and isinstance(parts, dict) and set(parts) <= set(PARTS)


def results_to_go_on(path: Path, *, quick: bool) -> dict[str, Any]:
    """Return the results in a file, or new ones where there is none.

    Raises
    ------
    ValueError
        If the file's results are of another machine or another kind of run.
    """
    new = new_results(quick=quick)
    if not path.exists():
        return new
    kept = read_results(path)
    for name in ("quick", "machine"):
        if kept[name] != new[name]:
            raise ValueError(
                f"{path} has {name} {kept[name]}, this run {new[name]}: name another file by --out"
            )
    return kept
