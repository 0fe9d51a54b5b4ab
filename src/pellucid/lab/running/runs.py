"""Runs on disk: one JSON file each, named by the SHA-256 of everything that determines it.

A run whose file exists is not repeated, so an interrupted `reproduce` resumes where it stopped. If settings,
seed, data or the source that the run depends on change, the file has another name.
"""

import hashlib
import json
import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from pellucid.data import Dataset
from pellucid.files.reading import check_json_size, read_json
from pellucid.lab.report import Finished, Result, Run
from pellucid.provenance import environment, fingerprint, source_digest
from pellucid.wording import brief


def checksums(sets: Collection[Dataset]) -> dict[str, str]:
    """Return the SHA-256 of each file of some data sets; a name that occurs twice gets the name of its set.

    Examples
    --------
    >>> import numpy as np
    >>> x, y = np.zeros((1, 4), np.uint8), np.zeros(1, np.int64)
    >>> sets = [Dataset(name, x, y, x, y, 2, (2, 2), "", {"x.gz": name[::-1]}) for name in ("ab", "cd")]
    >>> checksums(sets), checksums(sets[:1])
    ({'ab/x.gz': 'ba', 'cd/x.gz': 'dc'}, {'x.gz': 'ba'})
    """
    names = Counter(file for each in sets for file in each.sha256)
    return {
        file if names[file] == 1 else f"{each.name}/{file}": digest
        for each in sets
        for file, digest in each.sha256.items()
    }


def run_path(folder: Path, run: Run, data: Mapping[str, str]) -> Path:
    """Return the path of the file of a run; `data` holds the SHA-256 of each data file."""
    identity = [run.report, run.settings, run.seed, dict(data), source_digest()]
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
    return folder / f"{run.report}-{digest}.json"


def carry_out(group: Sequence[Run], data: Mapping[str, str]) -> list[bytes]:
    """Train, and return the content of the file of each run. The file may be written on another machine.

    The runs are of one report and seed, and each is charged its share of the time. Raise FloatingPointError
    if a training diverges, ValueError if JSON cannot hold the result.
    """
    from pellucid.lab.reports import REPORTS

    report, seed, settings = group[0].report, group[0].seed, [run.settings for run in group]
    start = time.perf_counter()
    try:
        results = REPORTS[report].run(settings, seed)
    except FloatingPointError as error:
        which = ", ".join(map(str, settings))
        raise FloatingPointError(f"report {report}, seed {seed}, {which}: {error}") from error
    seconds = (time.perf_counter() - start) / len(group)
    return [_content(run, result, seconds, data) for run, result in zip(group, results, strict=True)]


def _content(run: Run, result: Result, seconds: float, data: Mapping[str, str]) -> bytes:
    made_of = {
        "report": run.report,
        "settings": run.settings,
        "seed": run.seed,
        "data": dict(data),
        "environment": environment(),
    }
    content = {**made_of, "fingerprint": fingerprint(made_of), "seconds": round(seconds, 3), "result": result}
    text = json.dumps(content, allow_nan=False)
    check_json_size(text)
    return text.encode()


def read_run(path: Path) -> Finished | None:
    """Return the run in a file, None if there is no file; raise ValueError if the file is damaged."""
    if not path.exists():
        return None
    try:
        content = read_json(path)
        return Finished(content["settings"], content["seed"], content["result"], content["seconds"])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path} is damaged ({brief(error, 100)}): delete it, and the run is carried out again"
        ) from error


def set_aside(path: Path) -> Path | None:
    """Rename the file of a run if it is damaged, so that it is carried out again; return its new path."""
    try:
        read_run(path)
    except ValueError:
        return path.replace(path.with_name(f"{path.name}.damaged"))
    return None
