"""Fill README.md and docs/ with what commands measured, printed and drew; `make docs` runs it.

Everything between ``<!-- name -->`` and ``<!-- /name -->`` is replaced. Figures come from docs/*.json and
docs/proof/*.json. Results that `make reproduce` and `make bench` left in results/ are copied there first.
"""

import json
import math
import re
import shutil
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
from bench.contestants import CONTESTANTS
from bench.own import markdown as own_table
from bench.result_tables import markdown as bench_tables
from bench.result_tables import markdown_table
from proof.findings import summary, tables
from rich.console import Console
from rich.terminal_theme import MONOKAI

import pellucid as pl
from pellucid.lab import rows as ledger_rows
from pellucid.lab.rows import JsonRow, tally

ROOT = Path(__file__).parent.parent
DOCS, RESULTS = ROOT / "docs", ROOT / "results"
PICTURES = DOCS / "pictures"
#: The file in docs/ of each mode's ledger, and the reports it must hold.
LEDGERS = {"default": ("ledger.json", "ABCDE"), "full": ("ledger-full.json", "C")}
#: The charts on the pages: name in results/ and name in docs/pictures, by mode.
CHARTS = {"default": {"d-masks": "d-masks", "e-batches": "e-batches"}, "full": {"c-trace": "c-trace-full"}}
NUMBERS = ("published", "measured", "interval")
PROGRAM = re.compile(r"(```python\n(.*?)```\n\n```text\n).*?```", re.DOTALL)
COMMAND = "pellucid train mnist --recipe fast"
#: The frame of the terminal picture. Rich's own loads a font from the network.
FRAME = """<svg viewBox="0 0 {terminal_width} {terminal_height}" xmlns="http://www.w3.org/2000/svg">
<title>A training run in the terminal, and the verdicts of the reports</title>
<style>{styles} text {{ font: {char_height}px Menlo, Consolas, "DejaVu Sans Mono", monospace }}</style>
<rect width="100%" height="100%" rx="8" fill="#292929"/><g transform="translate(9, 6)">{matrix}</g>
</svg>
"""


def main() -> None:
    """Copy new results, draw the pictures, and fill every page."""
    _copy_results()
    readme = ROOT / "README.md"
    text = PROGRAM.sub(_with_output, readme.read_text(encoding="utf-8"))
    readme.write_text(text, encoding="utf-8")
    for path, parts in contents().items():
        path.write_text(filled(path, parts), encoding="utf-8")
    net = pl.Network([pl.Rescale(1 / 255), pl.Dense(100), pl.Tanh(), pl.Dropout(0.1), pl.Dense(10)])
    net.build(784, rng=np.random.default_rng(0))
    (PICTURES / "network.svg").write_text(net.diagram(inputs="pixels"), encoding="utf-8")
    (PICTURES / "terminal.svg").write_text(_terminal(_read("ledger")), encoding="utf-8")


def contents() -> dict[Path, dict[str, str]]:
    """Return what belongs between the markers of each page, by page and name."""
    ledger, bench, proofs = _read("ledger"), _read("bench"), DOCS / "proof"
    performance = {
        "bench": f"{bench_tables(bench)}\n\n![Time of each library over pellucid's](pictures/bench.png)",
        "scaling": "![Time of an epoch by rows, width, depth and batch size](pictures/bench-scaling.png)",
        "own": own_table(bench["parts"]["own"]),
    }
    return {
        ROOT / "README.md": {
            "duration": _duration(ledger),
            "tally": f"In the recorded run, `{ledger['command']}`: {tally(ledger['rows'])}.",
            "bench": _peers(bench),
            "proof": _proof_line(proofs),
        },
        DOCS / "results.md": {"ledger": _ledger(ledger), "full": _ledger(_read("ledger-full"))},
        DOCS / "performance.md": performance,
        DOCS / "proof.md": {"summary": summary(proofs), **tables(proofs)},
    }


def filled(path: Path, parts: dict[str, str]) -> str:
    """Return a page with new content between its markers."""
    text = path.read_text(encoding="utf-8")
    for name, content in parts.items():
        before, rest = text.split(f"<!-- {name} -->")
        after = rest.split(f"<!-- /{name} -->")[1]
        text = f"{before}<!-- {name} -->\n{content}\n<!-- /{name} -->{after}"
    return text


def _copy_results() -> None:
    """Copy ledgers, benchmark and charts from results/ if they exist and are complete."""
    for mode, charts in CHARTS.items():
        source = RESULTS / mode / "ledger.json"
        if not source.exists():
            continue
        name, letters = LEDGERS[mode]
        reports = json.loads(source.read_text(encoding="utf-8"))["reports"]
        if not set(letters) <= {report["letter"] for report in reports if report["finished"]}:
            print(f"{source} is incomplete and was not copied: run make reproduce", file=sys.stderr)
            continue
        shutil.copy(source, DOCS / name)
        for chart, kept in charts.items():
            shutil.copy(source.parent / "figures" / f"{chart}.png", PICTURES / f"{kept}.png")
    if (RESULTS / "bench.json").exists():
        shutil.copy(RESULTS / "bench.json", DOCS / "bench.json")
        for picture in RESULTS.glob("bench*.png"):
            shutil.copy(picture, PICTURES / picture.name)


def _read(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((DOCS / f"{name}.json").read_text(encoding="utf-8"))
    return content


def _with_output(match: re.Match[str]) -> str:
    """Run a program and put its output below it."""
    done = subprocess.run([sys.executable, "-c", match[2]], capture_output=True, text=True, check=True)
    return f"{match[1]}{done.stdout}```"


def _terminal(ledger: dict[str, Any]) -> str:
    """Return a picture of a training run and of the reports' verdicts, as the terminal shows them."""
    command = [sys.executable, "-m", *COMMAND.split()]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    training = [lines[0], "…", *(line for line in lines if line.startswith(("epoch", "test"))), ""]
    verdicts = [f"Report {x}: {tally(r for r in ledger['rows'] if r['report'] == x)}." for x in "ABCDE"]
    together = f"[bold]All reports: {tally(ledger['rows'])}.[/]"
    screen = Console(record=True, width=77, file=StringIO(), highlight=False)
    screen.print(f"[bold green]$[/] {COMMAND}", *training, sep="\n")
    screen.print("[bold green]$[/] make reproduce", "…", *verdicts, together, "", sep="\n")
    drawn = screen.export_svg(theme=MONOKAI, code_format=FRAME, unique_id="terminal")
    return re.sub(r' clip-path="[^"]*"', "", drawn)


def _duration(ledger: dict[str, Any]) -> str:
    """Say how long the rerun took, and on which machine."""
    seconds, about = sum(report["seconds"] for report in ledger["reports"]), ledger["environment"]
    return (
        f"The recorded run took {math.ceil(seconds / 60)} minutes of computing time, shared by "
        f"{about['cores']} cores ({about['cpu']}, {about['blas']})."
    )


def _peers(bench: dict[str, Any]) -> str:
    """Return the table of how many times as long as pellucid the fastest peer takes."""
    found = [part for part in bench["parts"].values() if "floor" in part.get("ratios", {})]
    names = [part["ratios"]["fastest_peer"] for part in found]
    rows = [
        [part["title"], CONTESTANTS[name].title, f"{part['ratios'][name]['value']:.1f}"]
        for part, name in zip(found, names, strict=True)
    ]
    machine = f"On {bench['machine']['cores']} CPU cores ({bench['machine']['cpu']}), medians:"
    return f"{machine}\n\n{markdown_table(['network', 'fastest peer', 'its time ÷ ours'], rows)}"


def _proof_line(folder: Path) -> str:
    """Say how many claims hold."""
    contents = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.json")]
    holds = [finding["holds"] for content in contents for finding in content["findings"]]
    return f"{sum(holds)} of {len(holds)} claims hold."


def _ledger(ledger: dict[str, Any]) -> str:
    """Return the published figures as a table, with one line for a trace or for all readings of a claim."""
    lines = ["| report | figure | published | measured | interval | verdict |", "|---|---|---|---|---|---|"]
    groups = ledger_rows.fold(row for row in ledger["rows"] if row["kind"] != "measured")
    single = ledger_rows.claims(group[0] for group in groups if len(group) == 1)
    found = [*(_curve(group) for group in groups if len(group) > 1), *map(_claim, single)]
    table = "\n".join([*lines, *sorted(line for line in found if line)])
    return f"`{ledger['command']}`: {tally(ledger['rows'])}.\n\n{table}"


def _curve(group: list[JsonRow]) -> str:
    row = group[0]
    name = f"{ledger_rows.fold_label(group)}, {row['unit']}"
    return f"| {row['report']}, {row['variant']} | {name} | | | | {ledger_rows.fold_verdict(group)} |"


def _claim(group: list[JsonRow]) -> str | None:
    """Return the line of a claim in its nearest reading; None if none of its readings was run."""
    row = ledger_rows.nearest(group)
    if row["verdict"] == "not run":
        return None
    text, small = ledger_rows.cells(row), "<br><sub>{}</sub>".format
    figure = f"{row['figure']}, {row['unit']}" + (small(row["reading"]) if row["reading"] else "")
    verdict = ledger_rows.claim_verdict(group) + (
        small(ledger_rows.readings(group)) if ledger_rows.readings(group) else ""
    )
    numbers = " | ".join(text[name].replace(" ", "\N{NO-BREAK SPACE}") for name in NUMBERS)
    return f"| {row['report']}, {row['variant']} | {figure} | {numbers} | {verdict} |"


if __name__ == "__main__":
    main()
