"""Write into README.md what commands have measured: the snippet's output, the ledger's table, the pictures.

Reads `results/default`, which `make reproduce` wrote, and runs the README's Python snippet. Everything
between ``<!-- name -->`` and ``<!-- /name -->`` is replaced.
"""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from pellucid.lab.rows import cells, tally

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "results" / "default"
PICTURES = ("c-trace", "c-digits", "d-epochs", "d-masks", "d-readings")


def main() -> None:
    """Update README.md and docs/."""
    ledger = json.loads((RESULTS / "ledger.json").read_text(encoding="utf-8"))
    if not all(report["finished"] for report in ledger["reports"]):
        sys.exit("results/default is not complete: run make reproduce first")
    (ROOT / "docs" / "pictures").mkdir(exist_ok=True)
    for name in PICTURES:
        shutil.copy(RESULTS / "figures" / f"{name}.png", ROOT / "docs" / "pictures")
    shutil.copy(RESULTS / "ledger.json", ROOT / "docs" / "ledger.json")
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    text = re.sub(r"(```python\n(.*?)```\n\n```text\n).*?```", _with_output, text, flags=re.DOTALL)
    text = _between(text, "ledger", _table(ledger))
    text = _between(text, "duration", _duration(ledger))
    readme.write_text(text, encoding="utf-8")


def _with_output(match: re.Match[str]) -> str:
    """Run a snippet and put its output under it."""
    done = subprocess.run([sys.executable, "-c", match[2]], capture_output=True, text=True, check=True)
    return f"{match[1]}{done.stdout}```"


def _between(text: str, name: str, content: str) -> str:
    opening, closing = f"<!-- {name} -->", f"<!-- /{name} -->"
    before, rest = text.split(opening)
    return f"{before}{opening}\n{content}\n{closing}{rest.split(closing)[1]}"


def _duration(ledger: dict[str, Any]) -> str:
    """Say how long the rerun took, in core minutes, and on what."""
    seconds = sum(report["seconds"] for report in ledger["reports"])
    environment = ledger["environment"]
    return (
        f"The {len(ledger['reports'])} reports take {seconds / 60:.0f} core minutes, so about "
        f"{seconds / 120:.0f} minutes on two cores ({environment['cpu']}, {environment['blas']})."
    )


def _table(ledger: dict[str, Any]) -> str:
    """Return the judged single rows as a Markdown table; a trace is one row with its summary."""
    lines = [f"{tally(ledger['rows'])}. All rows: [docs/ledger.json](docs/ledger.json).", ""]
    lines += ["| report | figure | published | measured | interval | verdict |", "|---|---|---|---|---|---|"]
    for row in ledger["rows"]:
        shown = row["verdict"] != "not run" and " at line " not in row["figure"]
        if not shown or row["kind"] == "measured":
            continue
        text = cells(row)
        where = ", ".join(filter(None, (row["variant"], row["reading"])))
        lines.append(
            f"| {row['report']}, {where} | {row['figure']}, {row['unit']} | {text['published']} "
            f"| {text['measured']} | {text['interval']} | {row['verdict']} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
