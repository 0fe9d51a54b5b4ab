"""``python -m bench``: measure pellucid, its peers and the limits of the machine."""

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

try:
    from rich.console import Console
except ImportError as error:
    sys.exit(f"bench: the benchmark needs the extra lab: pip install 'pellucid[lab]' ({error})")

DESCRIPTION = (
    "Time training in pellucid, PyTorch, JAX, scikit-learn and the reports' code, and the machine's limits."
)
EXAMPLES = """examples:
  make bench
  make bench ARGS="--workload D --workload E --peer jax --rounds 9"
  make bench ARGS="--quick"
  make bench ARGS="--gpu --workload C"

Without make, the same flags follow python -m bench."""
OUT_HELP = """file of results; pictures go into its folder, and parts not measured now are kept (default:
results/bench.json, with --gpu results/bench-gpu.json, with --quick in results/bench-quick)"""
console = Console()


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the flags; raise a ValueError where a value or a combination is not allowed."""
    parser = argparse.ArgumentParser(
        "python -m bench",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    names = "A, B, C, D, E, E10, F, G or T98"
    add("--workload", action="append", metavar="NAME", help=f"only this workload: {names}; may be repeated")
    peers = "pytorch, torch.compile, jax, scikit-learn or published"
    add("--peer", action="append", metavar="NAME", help=f"only this peer: {peers}; may be repeated")
    add("--rounds", type=int, metavar="N", help="samples of each contestant (default: 5)")
    add("--quick", action="store_true", help="a smoke run of less than a minute, on few rows")
    scaling = "how the cost grows with rows, width, depth and batch size; other workloads only if named"
    add("--scaling", action="store_true", help=scaling)
    own = "only pellucid: ten networks at once, start-up, peak memory, a cold file of 2 GiB"
    add("--own", action="store_true", help=own)
    gpu = "workloads C, F and G on a GPU, with and without TF32, and GPU peers"
    add("--gpu", action="store_true", help=gpu)
    add("--out", type=Path, metavar="FILE", help=OUT_HELP)
    add(
        "--folder",
        type=Path,
        metavar="DIR",
        help="folder of the data sets (default: the cache, else download)",
    )
    chosen = parser.parse_args(arguments)
    if chosen.rounds is not None and chosen.rounds < 1:
        raise ValueError(f"--rounds must be at least 1, got {chosen.rounds}")
    for flag, given in (("--peer", chosen.peer), ("--scaling", chosen.scaling)):
        if chosen.gpu and given:
            raise ValueError(f"--gpu takes no {flag}: all of its peers are measured on its workloads")
    return chosen


def bench(chosen: argparse.Namespace) -> None:
    """Measure pellucid and the other contestants."""
    from bench.contestants import choose
    from bench.display import carry_out
    from bench.effort import QUICK, Effort
    from bench.plan import Plan, chosen_names
    from bench.results import gpu_machine

    effort, device = QUICK if chosen.quick else Effort(), "gpu" if chosen.gpu else "cpu"
    effort = replace(effort, rounds=chosen.rounds or effort.rounds, device=device)
    names = chosen_names(chosen.workload, quick=chosen.quick, scaling=chosen.scaling, device=device)
    plan = Plan(names, tuple(choose(chosen.peer, quick=chosen.quick)), effort, chosen.scaling)
    machine = gpu_machine() if chosen.gpu else None
    folder = Path("results", "bench-quick") if chosen.quick else Path("results")
    _load_mnist(chosen.folder)
    with _interruptible():
        default = folder / ("bench-gpu.json" if chosen.gpu else "bench.json")
        carry_out(plan, chosen.out or default, console, machine)


def bench_own(chosen: argparse.Namespace) -> None:
    """Measure pellucid without peers."""
    from bench.own import measure
    from bench.results import results_to_extend, with_part, write_results

    out = chosen.out or Path("results", "bench.json")
    _load_mnist(chosen.folder)
    results = results_to_extend(out, quick=False)
    out.parent.mkdir(parents=True, exist_ok=True)
    with _interruptible():
        found = measure(chosen.rounds or 5, out.parent, lambda what: console.print(f"Measuring {what} ..."))
        write_results(out, with_part(results, "own", found))
    console.print(f"written: {out}", highlight=False, soft_wrap=True)


def _load_mnist(folder: Path | None) -> None:
    """Load the data once, so that no worker has to download them; pass the folder on to the workers."""
    import pellucid as pl

    if folder is not None:
        os.environ["PELLUCID_DATA"] = str(folder.resolve())
    pl.load_dataset("mnist", folder=folder)


@contextmanager
def _interruptible() -> Iterator[None]:
    """On Ctrl-C, say which results are kept."""
    try:
        yield
    except KeyboardInterrupt:
        console.print("\nInterrupted. Parts that were finished are kept.")
        raise


def main() -> None:
    """Run the command line; report errors that a user can fix in one line."""
    try:
        chosen = parsed(sys.argv[1:])
        (bench_own if chosen.own and not chosen.gpu else bench)(chosen)
    except (ValueError, OSError, FloatingPointError, MemoryError) as error:
        # The library names its argument; here it is a flag.
        message = f"{error}".replace("folder=...", "--folder")
        sys.exit(f"bench: {message}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
