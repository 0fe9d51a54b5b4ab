"""The findings of proofs, and the tables of docs/proof.md made from their files."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: Subject of each proof.
SUBJECTS = {
    "gradients": "gradients of random networks against finite differences",
    "mutations": "errors planted in the backward pass, which the gradient check must find",
    "side_by_side": "1,000 steps beside PyTorch's, with settings of all kinds",
    "interchange": "networks to PyTorch and back",
    "safetensors_bytes": "files byte for byte those of the package safetensors",
    "determinism": "the same bits in another process and on other numbers of threads",
    "crash": "trainings killed and resumed, to the same bits",
    "fuzz": "damaged files: a value or one clear line, within limits of time and memory",
    "numerics": "losses and activations for outputs up to ±10⁴, against numbers of 60 digits",
}
HEADER = ["| claim | measured | limit | |", "|---|---|---|---|"]


@dataclass(frozen=True)
class Finding:
    """A claim, the measured figure with its number of cases, its limit, and whether the claim holds."""

    claim: str
    measured: str
    limit: str
    holds: bool


def tables(folder: Path) -> dict[str, str]:
    """Return the table of each proof with a file in the folder."""
    found = {}
    for path in sorted(folder.glob("*.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        found[content["proof"]] = markdown(content, path.name)
    return found


def summary(folder: Path) -> str:
    """Return a table of the claims that hold and the cases of each proof."""
    lines = ["| proof | cases | claims that hold |", "|---|---:|---:|"]
    for name, what in SUBJECTS.items():
        content = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        holding = [finding["holds"] for finding in content["findings"]]
        lines.append(f"| {what} | {content['cases']:,} | {sum(holding)} of {len(holding)} |")
    return "\n".join(lines)


def markdown(content: dict[str, Any], file: str) -> str:
    """Return the findings of a proof as a table, with its command and its file."""
    minutes = content["seconds"] / 60
    lines = [*HEADER, *map(_line, content["findings"])]
    lasted = f"{minutes:.0f} min" if minutes >= 1 else f"{content['seconds']:.0f} s"
    lines += ["", f"`{content['command']}`: {lasted} on {_machine(content['environment'])}; "
              f"[proof/{file}](proof/{file})"]  # fmt: skip
    return "\n".join(lines)


def _line(finding: dict[str, Any]) -> str:
    verdict = "holds" if finding["holds"] else "**does not hold**"
    cells = (finding["claim"], finding["measured"], finding["limit"], verdict)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _machine(about: dict[str, Any]) -> str:
    return f"{about['cores']} cores ({about['cpu']}, {about['blas']})"
