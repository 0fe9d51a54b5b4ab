"""Output files: check their paths before a command starts its work, and write the run file after it."""

import hashlib
import json
import os
from dataclasses import asdict
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pellucid.files.whole import write_whole
from pellucid.training.checkpoint import Checkpoint

if TYPE_CHECKING:
    from pellucid.app.labelled_rows import LabelledRows, Parts
    from pellucid.app.scores import Scores
    from pellucid.app.training_run import TrainingRun


def check_place(flag: str, path: Path | None) -> None:
    """Raise unless a file can be written at `path`; None is accepted.

    Examples
    --------
    >>> check_place("--save", Path("missing/net.safetensors"))
    Traceback (most recent call last):
    ...
    ValueError: --save: there is no folder missing; make it first
    """
    if path is None:
        return
    folder = path.resolve().parent
    if not folder.is_dir():
        raise ValueError(f"{flag}: there is no folder {path.parent}; make it first")
    if path.is_dir():
        raise ValueError(f"{flag}: {path} is a directory; name a file in it")
    if not os.access(folder, os.W_OK):
        raise ValueError(f"{flag}: the folder {path.parent} cannot be written to; name another")
    if path.exists() and not path.is_file():
        raise ValueError(f"{flag}: {path} is not a regular file; name another")


def check_checkpoint(path: Path | None, *, resume: bool) -> None:
    """Raise if the checkpoint cannot be written, or if it exists and `resume` is False."""
    check_place("--checkpoint", path)
    if path is not None:
        Checkpoint(path).check_place(resume=resume)


def write_run(
    path: Path, source: "LabelledRows", parts: "Parts", run: "TrainingRun", scores: "Scores | None"
) -> None:
    """Write the run file, whole or not at all; an interrupted training has no scores."""
    from pellucid.compiled.threads.blas import fitting_threads
    from pellucid.provenance import environment, fingerprint, source_digest

    with fitting_threads(run.learner.net, run.settings.batch_size):
        machine = environment()  # inside the block, to record the number of threads used in training
    data, package = _about_data(source, parts), source_digest(("app.trainer",))
    made_of = {"settings": run.settings.made_of(), "data": data, "environment": machine}
    content = {
        "status": run.status,
        "fingerprint": fingerprint({**made_of, "source": package, "kept_epoch": run.kept_epoch}),
        "settings": run.settings.to_json(),
        "seed": run.settings.seed,
        "data": data,
        "network": {"layers": [repr(layer) for layer in run.net.layers], "parameters": run.net.theta.size},
        "environment": machine,
        "seconds": round(run.seconds, 3),
        "kept_epoch": run.kept_epoch,
        "weights_sha256": hashlib.sha256(run.net.theta.tobytes()).hexdigest(),
        "records": [_without_batch(asdict(record)) for record in run.records],
        "scores": {scores.part: scores.to_json()} if scores else None,
    }
    text = json.dumps(_finite(content), indent=1, ensure_ascii=False, allow_nan=False)
    write_whole(path, [text.encode(), b"\n"])


def _about_data(source: "LabelledRows", parts: "Parts") -> dict[str, Any]:
    rows = {"training": len(parts.train), "validation": len(parts.validation), "test": len(parts.y_test)}
    return {
        "name": source.name,
        "sha256": source.sha256,
        "label": source.label,
        "classes": list(source.classes),
        "features": len(source.features),
        "rows": rows,
    }


def _without_batch(record: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name != "batch"}


def _finite(value: Any) -> Any:
    """Return JSON values with null instead of NaN and infinities, which JSON lacks."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not isfinite(value) else value
