"""Write into README.md and docs what commands have measured and drawn: output, tables, pictures.

Reads `results/default`, which `make reproduce` wrote, `results/full` where ``--full`` has been run, and runs
the README's Python snippet. All between ``<!-- name -->`` and ``<!-- /name -->`` is replaced.
"""

import json
import math
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from bench.chart import pictures
from bench.own import markdown as own_markdown
from bench.result_tables import markdown, markdown_table, ratio_cells, workloads

import pellucid as pl
from pellucid.lab.rows import (
    cells,
    claim_verdict,
    claims,
    fold,
    fold_label,
    fold_verdict,
    nearest,
    readings,
    tally,
)
from pellucid.lab.system_diagram import system_diagram

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))  # the proofs are no part of the package

from proof.findings import summary, tables  # noqa: E402

RESULTS = ROOT / "results"
PICTURES = {"d-masks": "d-masks", "e-batches": "e-batches"}
FULL_PICTURES = {"c-trace": "c-trace-full"}


def main() -> None:
    """Update README.md and docs/."""
    default, full = RESULTS / "default", RESULTS / "full"
    ledger = _read(default)
    if not all(report["finished"] for report in ledger["reports"]):
        sys.exit("results/default is not complete: run make reproduce first")
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    text = re.sub(r"(```python\n(.*?)```\n\n```text\n).*?```", _with_output, text, flags=re.DOTALL)
    text = _between(text, "duration", _duration(ledger))
    text = _between(text, "ledger", _keep(default, ledger, "ledger.json", PICTURES))
    if (full / "ledger.json").exists():
        text = _between(text, "full", _keep(full, _read(full), "ledger-full.json", FULL_PICTURES))
    text = _with_benchmarks(text)
    readme.write_text(text, encoding="utf-8")
    _fill_proofs()
    _draw()


def _with_benchmarks(readme: str) -> str:
    """Copy what the benchmark has measured into docs and its page; return the README with ratios."""
    page = ROOT / "docs" / "performance.md"
    text = page.read_text(encoding="utf-8")
    if (RESULTS / "bench.json").exists():
        shutil.copy(RESULTS / "bench.json", ROOT / "docs" / "bench.json")
        results = json.loads((RESULTS / "bench.json").read_text(encoding="utf-8"))
        parts = results["parts"]
        for picture in pictures(results):
            shutil.copy(RESULTS / f"{picture.name}.png", ROOT / "docs" / "pictures" / f"{picture.name}.png")
        text = _between(text, "bench", f"{markdown(results)}\n\n![Bars](pictures/bench.png)")
        if "scaling" in parts:
            text = _between(text, "scaling", "![Curves](pictures/bench-scaling.png)")
        readme = _between(readme, "bench", markdown_table(*ratio_cells(workloads(results))))
        if "own" in parts:
            text = _between(text, "own", own_markdown(parts["own"]))
    page.write_text(text, encoding="utf-8")
    return readme


def _fill_proofs() -> None:
    """Put what the proofs have found into their page."""
    page = ROOT / "docs" / "proof.md"
    text = page.read_text(encoding="utf-8")
    for name, table in tables(ROOT / "docs" / "proof").items():
        text = _between(text, name, table)
    page.write_text(text, encoding="utf-8")
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    readme.write_text(_between(text, "proof", summary(ROOT / "docs" / "proof")), encoding="utf-8")


def _draw() -> None:
    """Draw the system, and the network of the README's snippet."""
    layers = [pl.Rescale(1 / 255), pl.Dense(100, init=pl.lecun_uniform), pl.Tanh(), pl.Dropout(0.1)]
    net = pl.Network([*layers, pl.Dense(10)]).build(784, rng=np.random.default_rng(0))
    drawings = {"system": system_diagram(), "network": net.diagram(inputs="pixels")}
    for name, svg in drawings.items():
        (ROOT / "docs" / "pictures" / f"{name}.svg").write_text(svg, encoding="utf-8")


def _read(folder: Path) -> dict[str, Any]:
    ledger: dict[str, Any] = json.loads((folder / "ledger.json").read_text(encoding="utf-8"))
    return ledger


def _keep(folder: Path, ledger: dict[str, Any], name: str, pictures: dict[str, str]) -> str:
    """Copy a ledger and pictures into docs; return the ledger's table."""
    shutil.copy(folder / "ledger.json", ROOT / "docs" / name)
    for source, kept in pictures.items():
        (ROOT / "docs" / "pictures").mkdir(exist_ok=True)
        shutil.copy(folder / "figures" / f"{source}.png", ROOT / "docs" / "pictures" / f"{kept}.png")
    heading = f"`{ledger['command']}`: {tally(ledger['rows'])}."
    return f"{heading}\n\n{_table(ledger)}\n\nAll rows: [docs/{name}](docs/{name})."


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
    machine = f"{environment['cores']} cores ({environment['cpu']}, {environment['blas']})"
    return (
        f"The {len(ledger['reports'])} reports took {seconds / 60:.0f} core minutes on {machine}: "
        f"about {math.ceil(seconds / 120)} minutes."
    )


def _table(ledger: dict[str, Any]) -> str:
    """Return the published figures as a Markdown table: a trace is one line, so is a claim's readings."""
    lines = ["| report | figure | published | measured | interval | verdict |", "|---|---|---|---|---|---|"]
    groups = fold(row for row in ledger["rows"] if row["kind"] in ("figure", "share"))
    curves = [group for group in groups if len(group) > 1]
    single = claims(group[0] for group in groups if len(group) == 1)
    found = [*map(_curve, curves), *map(_claim, single)]
    return "\n".join([*lines, *sorted(line for line in found if line)])


def _curve(group: list[Any]) -> str:
    row = group[0]
    where = f"{row['report']}, {row['variant']}"
    return f"| {where} | {fold_label(group)}, {row['unit']} | | | | {fold_verdict(group)} |"


def _claim(group: list[Any]) -> str | None:
    """Return the line of a claim in its nearest reading; None where nothing of it was run."""
    row, text = nearest(group), cells(nearest(group))
    if row["verdict"] == "not run":
        return None
    tried = readings(group)
    figure = f"{row['figure']}, {row['unit']}" + (
        f"<br><sub>{row['reading']}</sub>" if row["reading"] else ""
    )
    numbers = f"{text['published']} | {text['measured']} | {text['interval']}"
    verdict = claim_verdict(group) + (f"<br><sub>{tried}</sub>" if tried else "")
    return f"| {row['report']}, {row['variant']} | {figure} | {numbers} | {verdict} |"


if __name__ == "__main__":
    main()
