"""Runs on disk: one JSON file each, named by the SHA-256 of all that determines it.

A run that has its file is not run again: an interrupted `reproduce` goes on where it stopped. Any change of
the settings, the seed, the data or the package's source makes another name.
"""

import hashlib
import json
import time
from collections.abc import Mapping
from pathlib import Path

from pellucid.files import write_whole
from pellucid.lab.environment import environment, source_digest
from pellucid.lab.report import Finished, Run


def run_path(folder: Path, run: Run, data: Mapping[str, str]) -> Path:
    """Return where the file of a run lies.

    Parameters
    ----------
    folder : Path
    run : Run
    data : mapping of str to str
        The SHA-256 of each data file.
    """
    identity = [run.report, run.settings, run.seed, dict(data), source_digest()]
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
    return folder / f"{run.report}-{digest}.json"


def carry_out(run: Run, path: Path, data: Mapping[str, str]) -> Run:
    """Train, and write the run's file; return the run, so that a pool can tell which one is done."""
    from pellucid.lab.reports import REPORTS

    start = time.perf_counter()
    try:
        result = REPORTS[run.report].run(run.settings, run.seed)
    except FloatingPointError as error:
        raise FloatingPointError(f"report {run.report}, seed {run.seed}, {run.settings}: {error}") from error
    content = {
        "report": run.report,
        "settings": run.settings,
        "seed": run.seed,
        "seconds": round(time.perf_counter() - start, 3),
        "data": dict(data),
        "environment": environment(),
        "result": result,
    }
    write_whole(path, [json.dumps(content, allow_nan=False).encode()])
    return run


def read_run(path: Path) -> Finished | None:
    """Return the run that a file holds, or None where there is no file.

    Raises
    ------
    ValueError
        If the file is damaged: no write of ours leaves one so, a full or failing disk may.
    """
    if not path.exists():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return Finished(content["settings"], content["seed"], content["result"], content["seconds"])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is damaged ({error!r}): delete it, and the run is done again") from error
