"""Run proofs at full size and write the findings of each to a JSON file.

``python -m proof [NAME ...]`` runs the named proofs. Without names it runs all proofs that have no file from
this source yet, so an interrupted run resumes after the last finished proof. The exit status is 1 if a claim
does not hold.
"""

import argparse
import json
import sys
import time
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

from rich.console import Console

import pellucid
from pellucid.app.screen import progress_bar
from pellucid.files.whole import write_whole
from pellucid.provenance import environment, fingerprint, folder_digest
from proof.findings import Finding

#: Number of cases of each proof at full size.
PROOFS = {
    "gradients": 5_000,
    "mutations": 3_000,
    "numerics": 10_000,
    "side_by_side": 100,
    "interchange": 500,
    "safetensors_bytes": 20_000,
    "determinism": 20,
    "crash": 250,
    "fuzz": 1_000_000,
}
PACKAGE = Path(pellucid.__file__).parent
FOLDER = Path("docs", "proof")
#: Folder for proofs of another size: docs/proof has those of full size only.
TRIALS = Path("results", "proof")


def main(arguments: list[str]) -> int:
    """Run the named proofs, or all without an up-to-date file; return the exit status."""
    console = Console()
    chosen = parsed(arguments)
    failed = []
    for name in chosen.names or PROOFS:
        path = chosen.folder / f"{name}.json"
        n = chosen.cases or PROOFS[name]
        if not chosen.names and is_done(path, n):
            console.print(f"{name}: {path} is up to date", highlight=False)
        else:
            run(name, n, path, console)
        failed += [finding for finding in findings_in(path) if not finding.holds]
    for finding in failed:
        console.print(f"does not hold: {finding.claim}: {finding.measured}", style="red", markup=False)
    return 1 if failed else 0


def parsed(arguments: list[str]) -> argparse.Namespace:
    """Return the names, the folder and the number of cases."""
    parser = argparse.ArgumentParser(
        "python -m proof", description=(__doc__ or "").split("\n", maxsplit=1)[0]
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(PROOFS)}")
    parser.add_argument("--cases", type=int, help="number of cases, instead of full size")
    parser.add_argument(
        "--folder", type=Path, help=f"folder of the files (default: {FOLDER}, with --cases {TRIALS})"
    )
    chosen = parser.parse_args(arguments)
    for name in chosen.names:
        if name not in PROOFS:
            parser.error(f"NAME must be one of {', '.join(PROOFS)}, got {name!r}")
    if chosen.cases is not None and chosen.cases < 1:
        parser.error(f"--cases must be at least 1, got {chosen.cases}")
    chosen.folder = chosen.folder or (FOLDER if chosen.cases is None else TRIALS)
    try:
        chosen.folder.mkdir(parents=True, exist_ok=True)
        write_whole(chosen.folder / ".writable", [])
        (chosen.folder / ".writable").unlink()
    except OSError as error:
        parser.error(f"--folder {chosen.folder} is not writable ({error.strerror}): name another folder")
    return chosen


def run(name: str, n: int, path: Path, console: Console) -> None:
    """Run a proof with a progress bar and write its file."""
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
    """Return the findings in the file of a proof."""
    return [Finding(**finding) for finding in json.loads(path.read_text(encoding="utf-8"))["findings"]]


def is_done(path: Path, n: int) -> bool:
    """Return whether the file of a proof is from this source and has n cases."""
    try:
        then = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):  # missing or damaged: run the proof
        return False
    return bool(then["proof sha256"] == digest() and then["cases"] == n)


def digest() -> str:
    """Return the SHA-256 of the package and the proofs, without comments and docstrings."""
    return fingerprint({path.name: folder_digest(path) for path in (PACKAGE, Path(__file__).parent)})


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        print("\nInterrupted. The same command resumes after the last finished proof.")
        sys.exit(130)
