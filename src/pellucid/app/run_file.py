"""The run file: one JSON file that says what a training was made of, how it went and what came out."""

import hashlib
import json
from dataclasses import asdict
from math import isfinite
from pathlib import Path
from typing import Any

from pellucid.app.labelled_rows import LabelledRows, Parts
from pellucid.app.scores import Scores
from pellucid.app.training_run import TrainingRun
from pellucid.compiled.threads.blas import fitting_threads
from pellucid.files.whole import write_whole
from pellucid.provenance import environment, fingerprint, source_digest


def write_run(
    path: Path, source: LabelledRows, parts: Parts, run: TrainingRun, scores: Scores | None
) -> None:
    """Write the run file, whole or not at all; a number that is not finite stands there as null.

    Parameters
    ----------
    path : Path
    source, parts, run
        What was trained, on what and how far.
    scores : Scores or None
        None where the training was broken off.
    """
    with fitting_threads(run.learner.net, run.settings.batch_size):
        machine = environment()  # with as many threads as there were in training
    data, package = _about_data(source, parts), source_digest(("app.train",))
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


def _about_data(source: LabelledRows, parts: Parts) -> dict[str, Any]:
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
    """Return JSON values with null in the place of NaN and infinities, which JSON does not have."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not isfinite(value) else value
