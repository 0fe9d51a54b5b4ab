"""What proofs have found, as the tables of docs/proof.md."""

import json
from pathlib import Path
from typing import Any

HEADER = ["| claim | measured | limit | |", "|---|---|---|---|"]


def tables(folder: Path) -> dict[str, str]:
    """Return the table of each proof whose file is in a folder."""
    found = {}
    for path in sorted(folder.glob("*.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        found[content["proof"]] = markdown(content, path.name)
    return found


def summary(folder: Path) -> str:
    """Return what all proofs have found, a line a claim."""
    contents = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    return "\n".join([*HEADER, *(_line(each) for content in contents for each in content["findings"])])


def markdown(content: dict[str, Any], file: str) -> str:
    """Return one proof's findings, with the command that found them and the file they are in."""
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
