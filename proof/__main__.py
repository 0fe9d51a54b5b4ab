"""Run proofs at full size and write what each has found to a JSON file; what is done is not run again.

``python -m proof [NAME ...]``. A proof whose file is there, of this source, is skipped, so that what was
broken off goes on; what is named is run in any case. The exit status is 1 if a claim does not hold.
"""

import argparse
import hashlib
import json
import sys
import time
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

from rich.console import Console

from pellucid.app.screen import progress_bar
from pellucid.files.whole import write_whole
from pellucid.lab.running.environment import environment
from proof.finding import Finding

#: The proofs, and the number of cases at full size.
PROOFS = {
    "gradients": 5_000,
    "mutations": 3_000,
    "numerics": 10_000,
    "twin": 100,
    "interchange": 500,
    "safetensors_bytes": 20_000,
    "determinism": 20,
    "crash": 250,
    "fuzz": 1_000_000,
}
FOLDER = Path("docs", "proof")
#: Where proofs of another size go: docs tells of full size alone.
TRIALS = Path("results", "proof")


def main(arguments: list[str]) -> int:
    """Run the proofs that are named, or all that are not there yet; return the exit status."""
    console = Console()
    chosen = parsed(arguments)
    failed = []
    for name in chosen.names or PROOFS:
        path = chosen.folder / f"{name}.json"
        n = chosen.cases or PROOFS[name]
        if not chosen.names and is_done(path, n):
            console.print(f"{name}: {path} is of this source", highlight=False)
        else:
            run(name, n, path, console)
        failed += [finding for finding in findings_in(path) if not finding.holds]
    for finding in failed:
        console.print(f"does not hold: {finding.claim}: {finding.measured}", style="red", markup=False)
    return 1 if failed else 0


def parsed(arguments: list[str]) -> argparse.Namespace:
    """Return names, folder and number of cases."""
    parser = argparse.ArgumentParser(
        "python -m proof", description=(__doc__ or "").split("\n", maxsplit=1)[0]
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(PROOFS)}")
    parser.add_argument("--cases", type=int, help="how many cases, instead of full size")
    parser.add_argument(
        "--folder", type=Path, help=f"where the files go (default: {FOLDER}, with --cases {TRIALS})"
    )
    chosen = parser.parse_args(arguments)
    for name in chosen.names:
        if name not in PROOFS:
            parser.error(f"there is no proof {name!r}, only {', '.join(PROOFS)}")
    if chosen.cases is not None and chosen.cases < 1:
        parser.error(f"--cases must be at least 1, got {chosen.cases}")
    chosen.folder = chosen.folder or (FOLDER if chosen.cases is None else TRIALS)
    try:
        chosen.folder.mkdir(parents=True, exist_ok=True)
        write_whole(chosen.folder / ".writable", [])
        (chosen.folder / ".writable").unlink()
    except OSError as error:
        parser.error(f"--folder {chosen.folder} cannot be written to, name another: {error.strerror}")
    return chosen


def run(name: str, n: int, path: Path, console: Console) -> None:
    """Carry out a proof, show how far it is, and write its file."""
    start = time.perf_counter()
    with progress_bar(console) as progress:
        task = progress.add_task(name, total=n)
        findings = import_module(f"proof.{name}").prove(n, lambda k: progress.advance(task, k))
    content = {
        "proof": name,
        "cases": n,
        "command": f"python -m proof {name}" + (f" --cases {n}" if n != PROOFS[name] else ""),
        "seconds": round(time.perf_counter() - start, 1),
        "environment": environment(),
        "proof sha256": digest(),
        "findings": [asdict(finding) for finding in findings],
    }
    write_whole(path, [json.dumps(content, indent=1, ensure_ascii=False).encode(), b"\n"])
    for finding in findings:
        verdict = "holds" if finding.holds else "DOES NOT HOLD"
        console.print(f"{verdict}: {finding.claim}: {finding.measured}", highlight=False, markup=False)


def findings_in(path: Path) -> list[Finding]:
    """Return the findings of a proof's file."""
    return [Finding(**finding) for finding in json.loads(path.read_text(encoding="utf-8"))["findings"]]


def is_done(path: Path, n: int) -> bool:
    """Return whether a proof's file is there, of the source as it is, and of so many cases."""
    try:
        then = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):  # not there, or damaged: it is written anew
        return False
    of_package = then["environment"]["source sha256"] == environment()["source sha256"]
    return bool(of_package and then["proof sha256"] == digest() and then["cases"] == n)


def digest() -> str:
    """Return a SHA-256 of the proofs' own source."""
    sources = sorted(Path(__file__).parent.rglob("*.py"))
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in sources)).hexdigest()


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        print("\nInterrupted: the same command goes on behind the proofs that are done.")
        sys.exit(130)
