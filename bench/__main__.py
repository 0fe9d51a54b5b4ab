"""`pellucid bench`: measure ours beside the peers, and beside what the machine can do."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from pellucid.cli.shared import Folder, check_counts, console

EXAMPLES = """Examples:

pellucid bench

pellucid bench --workload D --workload E --peer jax --rounds 9

pellucid bench --quick

pellucid bench --gpu --workload C"""


def bench(
    workload: Annotated[
        list[str] | None,
        typer.Option(
            metavar="A|B|C|D|E|E10|F|G|T98", help="Only this workload; may be repeated.", show_default="all"
        ),
    ] = None,
    peer: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Only this peer: pytorch, torch.compile, jax, scikit-learn or published; may be repeated.",
            show_default="all",
        ),
    ] = None,
    rounds: Annotated[int | None, typer.Option(help="Samples of each.", show_default="5")] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="A smoke run of less than a minute, on few rows.")
    ] = False,
    scaling: Annotated[
        bool,
        typer.Option(
            "--scaling",
            help="How the cost grows with rows, width, depth and batch size; workloads only where named.",
        ),
    ] = False,
    own: Annotated[
        bool,
        typer.Option(
            "--own",
            help="pellucid alone: ten networks at once, start-up, peak memory, a file of 2 GiB read cold.",
        ),
    ] = False,
    gpu: Annotated[
        bool,
        typer.Option("--gpu", help="Workloads C, F and G on a GPU, with TF32 and without, and GPU peers."),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            dir_okay=False,
            help="Where results go; pictures beside it. Parts that are not measured now stay.",
            show_default="results/bench.json, or bench-gpu.json; with --quick in results/bench-quick",
        ),
    ] = None,
    folder: Folder = None,
) -> None:
    """Measure training beside PyTorch, JAX, scikit-learn, the reports' own way and the machine's floor."""
    from dataclasses import replace

    check_counts({"rounds": rounds})
    if gpu:
        for flag, given in (("--peer", peer), ("--scaling", scaling)):
            if given:
                raise ValueError(f"--gpu takes no {flag}: all of its peers are measured on its workloads")
        _bench_gpu(workload, rounds, quick, out, folder)
        return
    if own:
        _bench_own(rounds or 5, out or _usual_place("bench.json", quick=False), folder)
        return
    from bench.console import bench as carry_out
    from bench.contestants import choose
    from bench.effort import QUICK, Effort
    from bench.session import Session, chosen_names

    effort = QUICK if quick else Effort()
    effort = effort if rounds is None else replace(effort, rounds=rounds)
    names = chosen_names(workload, quick=quick, scaling=scaling)
    session = Session(names, tuple(choose(peer, quick=quick)), effort, scaling)
    _load_mnist(folder)
    with _interruptible():
        carry_out(session, out or _usual_place("bench.json", quick=quick), console)


def _bench_own(rounds: int, out: Path, folder: Path | None) -> None:
    """Measure pellucid by itself."""
    from bench.own import measure
    from bench.results import results_to_go_on, with_part, write_results

    _load_mnist(folder)
    results = results_to_go_on(out, quick=False)
    out.parent.mkdir(parents=True, exist_ok=True)
    with _interruptible():
        found = measure(rounds, out.parent, lambda what: console.print(f"Measuring {what} ..."))
        write_results(out, with_part(results, "own", found))
    console.print(f"written: {out}", highlight=False, soft_wrap=True)


def _bench_gpu(
    workload: list[str] | None, rounds: int | None, quick: bool, out: Path | None, folder: Path | None
) -> None:
    """Measure on a GPU, or raise before anything is started where there is none."""
    from dataclasses import replace

    from bench.gpu import QUICK_GPU, GpuEffort, GpuSession, chosen_names, machine
    from bench.gpu_console import bench_gpu

    names, about = chosen_names(workload), machine()
    effort = QUICK_GPU if quick else GpuEffort()
    session = GpuSession(names, effort if rounds is None else replace(effort, rounds=rounds))
    _load_mnist(folder)
    with _interruptible():
        bench_gpu(session, about, out or _usual_place("bench-gpu.json", quick=quick), console)


def _load_mnist(folder: Path | None) -> None:
    """Load the data once, so that none of the workers has to fetch them."""
    import pellucid as pl

    # Workers load the data themselves: the folder reaches them through the environment.
    if folder is not None:
        os.environ["PELLUCID_DATA"] = str(folder.resolve())
    pl.load_dataset("mnist", folder=folder)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Say on Ctrl-C what is kept."""
    try:
        yield
    except KeyboardInterrupt:
        console.print("\nInterrupted. Parts that were finished are kept.")
        raise typer.Exit(130) from None


def _usual_place(name: str, *, quick: bool) -> Path:
    return Path("results", "bench-quick", name) if quick else Path("results", name)


if __name__ == "__main__":
    typer.run(bench)
