"""Results as tables and notes: `markdown` for the documentation, `terminal` for the screen."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from bench.contestants import CONTESTANTS, EAGER, GPU_TITLES, OURS
from bench.effort import QUICK_NOTICE
from bench.ratios import all_bars, is_measured
from bench.workloads import WORKLOADS

if TYPE_CHECKING:
    from rich.table import Table

RUNNERS = [each for each in CONTESTANTS.values() if each.role != "floor"]
GAP = "–"
#: Every tenth recorded loss is shown.
SHOWN = 10
#: Column heads and rows of a table.
Cells: TypeAlias = tuple[list[str], list[list[str]]]


def markdown(results: Mapping[str, Any]) -> str:
    """Return the results as Markdown: times, ratios with their bars, the race or the losses, and notes."""
    blocks = [QUICK_NOTICE] if results["quick"] else []
    if _is_gpu(results):
        tables = gpu_tables(results)
        blocks += [f"{title}:\n\n{markdown_table(*cells)}" for title, cells in tables]
    elif entries := workloads(results):
        blocks += [markdown_table(*time_cells(entries)), markdown_table(*ratio_cells(entries))]
    if "race" in results["parts"]:
        race = results["parts"]["race"]
        blocks.append(f"From the shell to the test accuracy ({race['title']}; `{race['command']}`):")
        blocks.append(markdown_table(*race_cells(race)))
    return "\n\n".join([*blocks, "\n".join(f"- {line}" for line in notes(results))])


def terminal(results: Mapping[str, Any]) -> "list[Table]":
    """Return the tables for a screen of 80 columns, on which each workload has a column of times."""
    if _is_gpu(results):
        return [terminal_table(title, *cells) for title, cells in gpu_tables(results)]
    entries, tables = workloads(results), []
    if entries:
        heads, rows = time_cells(entries)
        names = ["", *(entry["name"] for entry in entries)]
        times = list(zip(heads[1:], *(row[1:] for row in rows), strict=True))
        tables.append(terminal_table("Seconds of an iteration (A, B, C) or an epoch", names, times))
        heads, rows = ratio_cells(entries)
        room = len(heads) - 1  # the last column is in Markdown only: the screen is too narrow
        lines = [[cell.replace("; ", "\n") for cell in row[:room]] for row in rows]
        tables.append(terminal_table("Ratios and their bars", heads[:room], lines))
    if "race" in results["parts"]:
        race = results["parts"]["race"]
        tables.append(terminal_table(f"{race['name']}: {race['title']}", *race_cells(race)))
    return tables


def markdown_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table as Markdown, numbers aligned to the right.

    Examples
    --------
    >>> print(markdown_table(["a", "b"], [["x", "1"]]))
    | a | b |
    | --- | ---: |
    | x | 1 |
    """
    rule = ["---", *["---:"] * (len(heads) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, rule, *rows))


def terminal_table(title: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> "Table":
    """Return a table for the screen, numbers aligned to the right."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title), box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for i, head in enumerate(heads):
        table.add_column(head, justify="right" if i else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def _is_gpu(results: Mapping[str, Any]) -> bool:
    return "gpu" in results["machine"]


def workloads(results: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the comparisons in results, in the order of the workloads."""
    return [results["parts"][name] for name in WORKLOADS if name in results["parts"]]


def time_cells(entries: Sequence[Mapping[str, Any]]) -> Cells:
    """Return median times: contestants, products with gathering, and reading the pixels as bytes."""
    heads = ["workload", *(each.title for each in RUNNERS), "floor: products", "floor: memory"]
    return heads, [_time_row(entry) for entry in entries]


def _time_row(entry: Mapping[str, Any]) -> list[str]:
    times = [_time(entry["contestants"].get(each.name)) for each in RUNNERS]
    floors, memory = entry["floors"], entry["floors"]["memory_seconds"]
    floor_times = seconds(floors["seconds"]), seconds(memory and memory["uint8"])
    return [f"{entry['name']}: {entry['title']}", *times, *floor_times]


def ratio_cells(entries: Sequence[Mapping[str, Any]]) -> Cells:
    """Return ratios, each with its spread over the rounds and its bar."""
    heads = ["workload", "fastest peer", "fastest ÷ ours", "eager ÷ ours", "ours ÷ floor", "fastest ÷ floor"]
    return heads, [_ratio_row(entry) for entry in entries]


def _ratio_row(entry: Mapping[str, Any]) -> list[str]:
    ratios, bars, peer = entry["ratios"], entry["bars"], entry["ratios"]["fastest_peer"]
    found = (("fastest_peer", peer, "≥"), (EAGER, EAGER, "≥"), ("floor", "floor", "≤"))
    return [
        f"{entry['name']}: {entry['title']}",
        CONTESTANTS[peer].title if peer else GAP,
        *(_judged(ratios.get(key), bars.get(bar), sign) for bar, key, sign in found),
        _ratio(ratios.get("fastest_over_floor")),
    ]


def _judged(found: Mapping[str, float] | None, bar: Mapping[str, Any] | None, sign: str) -> str:
    """Return a ratio, with its bar if it has one."""
    if bar is None or found is None:
        return _ratio(found)
    return f"{_ratio(found)}; {sign} {bar['limit']:g} {'met' if bar['met'] else 'not met'}"


def race_cells(race: Mapping[str, Any]) -> Cells:
    """Return the race, with one contestant per row."""
    target = f"{race['target']:.0%} reached".replace("%", " %")
    heads = ["", "seconds", "÷ ours", "test accuracy", target, "peak memory"]
    found, ratios = race["contestants"], race["ratios"]
    runners = [each for each in RUNNERS if each.name in found]
    return heads, [[each.title, *_race_row(found[each.name], ratios.get(each.name))] for each in runners]


def _race_row(figures: Mapping[str, Any], over_ours: Mapping[str, float] | None) -> list[str]:
    if not is_measured(figures):
        return [GAP] * 5
    low, high = min(figures["accuracy"]), max(figures["accuracy"])
    return [
        f"{figures['median']:.1f} ({figures['min']:.1f}–{figures['max']:.1f})",
        _ratio(over_ours),
        f"{100 * low:.2f}–{100 * high:.2f} %",
        f"{figures['reached']} of {len(figures['accuracy'])}",
        f"{figures['peak_memory'] / 2**20:.0f} MiB",
    ]


def gpu_tables(results: Mapping[str, Any]) -> Iterator[tuple[str, Cells]]:
    """Yield the title and the cells of each table of a GPU's results."""
    parts = results["parts"]
    rows = [_gpu_time_row(*part) for part in parts.items()]
    yield "Seconds of a run (C) or an epoch, medians", (["", *GPU_TITLES.values()], rows)
    heads = ["", "fastest peer", "fastest peer ÷ ours", "ours ÷ products", "ours ÷ their bytes"]
    yield "Ratios and their bars", (heads, [_gpu_ratio_row(*part) for part in parts.items()])
    traces = [[name, *row] for name, part in parts.items() for row in _trace_rows(part)]
    if traces:
        heads = ["", "contestant", "losses during the run", "test accuracy"]
        yield "Losses and accuracy of the first run of C", (heads, traces)


def _gpu_time_row(name: str, part: Mapping[str, Any]) -> list[str]:
    found = {**part["contestants"], **part["floors"]}
    return [f"{name}: {part['title']}", *(_time(found.get(each)) for each in GPU_TITLES)]


def _gpu_ratio_row(name: str, part: Mapping[str, Any]) -> list[str]:
    ratios, bars, peer = part["ratios"], part["bars"], part["ratios"]["fastest_peer"]
    return [
        name,
        GPU_TITLES[peer] if peer else GAP,
        _judged(ratios.get(peer), bars.get("fastest_peer"), "≥"),
        _judged(ratios.get("products"), bars.get("products"), "≤"),
        _ratio(ratios.get("memory")),
    ]


def _trace_rows(part: Mapping[str, Any]) -> Iterator[list[str]]:
    """Yield title, losses and accuracy of each contestant that recorded losses, pellucid first."""
    found = part["contestants"]
    for name in sorted(GPU_TITLES, key=lambda name: name != OURS):
        if "trace" in found.get(name, {}):
            trace = found[name]["trace"]
            losses = " ".join(f"{loss:.4f}" for loss in (trace[0], *trace[SHOWN - 1 :: SHOWN]))
            yield [GPU_TITLES[name], losses, f"{found[name]['test_accuracy']:.2%}"]


def notes(results: Mapping[str, Any]) -> list[str]:
    """Return lines on the bars that are met, the time before the first unit, gaps, and the machine."""
    parts = results["parts"]
    if _is_gpu(results):
        everyone = {name: {**part["contestants"], **part["floors"]} for name, part in parts.items()}
        about = "; ".join(f"{name} {value}" for name, value in results["machine"].items())
        return [*sorted(gaps(everyone, GPU_TITLES)), about]
    entries = workloads(results)
    met, measured = all_bars(entries)
    bars = [f"{met} of {measured} bars are met."] if measured else []
    runners = {part["name"]: part["contestants"] for part in parts.values() if "contestants" in part}
    titles = {each.name: each.title for each in RUNNERS}
    return [*bars, *readiness(entries), *gaps(runners, titles), machine(results)]


def readiness(entries: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a line on the time before the first measured unit: imports, building, compiling."""
    waits = []
    for each in RUNNERS:
        found = [entry["contestants"].get(each.name) for entry in entries]
        times = [_wait(figures) for figures in found if figures is not None and is_measured(figures)]
        if times:
            waits.append(f"{each.title} {min(times):.1f} to {max(times):.1f} s")
    subject = "Before the first measured unit (start, imports, building, compiling)"
    return [f"{subject}: {', '.join(waits)}."] if waits else []


def _wait(figures: Mapping[str, Any]) -> float:
    """Return the time until a contestant was ready, with the excess of its first unit over the median."""
    first = max(0.0, figures["first_unit_seconds"] - figures["median"])
    return float(figures["start_seconds"] + figures["prepare_seconds"] + first)


def gaps(parts: Mapping[str, Mapping[str, Any]], titles: Mapping[str, str]) -> list[str]:
    """Return a line for each contestant and reason why it is missing, with the parts concerned.

    `parts` has the figures of each contestant, by part and name.
    """
    reasons: dict[tuple[str, str], list[str]] = {}
    for part, found in parts.items():
        for name, figures in found.items():
            if "missing" in figures:
                reasons.setdefault((titles[name], figures["missing"]), []).append(part)
    return [f"{title} is missing in {', '.join(names)}: {why}." for (title, why), names in reasons.items()]


def machine(results: Mapping[str, Any]) -> str:
    """Return the hardware and the versions; parts of several runs may have several versions."""
    about = results["machine"]
    runs = dict.fromkeys(_versions(part["environment"]) for part in results["parts"].values())
    hardware = f"{about['cpu']}, {about['cores']} cores, {about['system']}"
    return f"{'; '.join([hardware, *runs])}."


def _versions(about: Mapping[str, Any]) -> str:
    packages = [f"{name} {about[name]}" for name in ("torch", "jax", "scikit-learn") if about[name]]
    return ", ".join([f"Python {about['python']}, NumPy {about['numpy']} ({about['blas']})", *packages])


def seconds(value: float | None) -> str:
    """Return a time with three digits."""
    return GAP if value is None else f"{value:.3g}"


def _time(figures: Mapping[str, Any] | None) -> str:
    return seconds(figures["median"]) if figures is not None and is_measured(figures) else GAP


def _ratio(found: Mapping[str, float] | None) -> str:
    return GAP if found is None else f"{found['value']:.2f} ({found['min']:.2f}–{found['max']:.2f})"
