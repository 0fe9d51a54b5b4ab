"""Results as pictures: bars of times relative to pellucid, and curves of how the cost grows."""

from collections.abc import Mapping
from typing import Any

from bench.contestants import CONTESTANTS, EAGER, OURS
from bench.ratios import is_measured
from bench.result_tables import RUNNERS, seconds, workloads
from pellucid.lab.pictures.charts import Bar, BarGroup
from pellucid.lab.pictures.curve_panels import Panel, Series
from pellucid.lab.pictures.figures import Bars, Picture, Plot

OTHERS = [each for each in RUNNERS if each.name != OURS]
X_LABELS = {"rows": "rows", "width": "width of the hidden layer", "depth": "hidden layers"}


def pictures(results: Mapping[str, Any]) -> list[Picture]:
    """Return the bars of the times, and the curves of the scaling if it was measured."""
    found: list[Picture] = []
    groups = [_group(f"{entry['name']}  {_net(entry)}", entry) for entry in workloads(results)]
    if "race" in results["parts"]:
        race = results["parts"]["race"]
        groups.append(_group(f"{race['name']}  shell to 98 %", race))
    groups = [group for group in groups if group.bars]
    if groups:
        caption = "Time relative to pellucid, on a logarithmic scale: right of 1 is slower than pellucid."
        found.append(Bars("bench", caption, "time ÷ time of pellucid", tuple(groups)))
    if "scaling" in results["parts"]:
        found.append(scaling_plot(results["parts"]["scaling"]))
    return found


def scaling_plot(scaling: Mapping[str, Any]) -> Plot:
    """Return curves of the time of an epoch along each axis."""
    panels = tuple(_panel(axis, points) for axis, points in scaling["axes"].items())
    return Plot("bench-scaling", f"Time of an epoch, one number of {scaling['title']} changed.", panels)


def _net(entry: Mapping[str, Any]) -> str:
    size = entry["batch_size"]
    return "-".join(map(str, entry["sizes"])) + (", full batch" if size is None else f", batch {size}")


def _group(label: str, entry: Mapping[str, Any]) -> BarGroup:
    """Return a bar for each contestant but pellucid, also for those that were not measured."""
    ratios, found = entry["ratios"], entry["contestants"]
    if not is_measured(found.get(OURS)):
        return BarGroup(label, ())
    unit = seconds(found[OURS]["median"])
    bars = [
        _bar(each.title, ratios.get(each.name), found[each.name]) for each in OTHERS if each.name in found
    ]
    return BarGroup(f"{label}\npellucid: {unit} s", tuple(bars))


def _bar(title: str, ratio: Mapping[str, float] | None, figures: Mapping[str, Any]) -> Bar:
    if ratio is None:
        return Bar(title, None, "not measured")
    return Bar(title, ratio["value"], f"{ratio['value']:.2f} ×  ({seconds(figures['median'])} s)")


def _panel(axis: str, points: list[dict[str, Any]]) -> Panel:
    """Return the panel of one axis; batch sizes are placed by their power of two."""
    is_power = axis == "batch size"
    values = [point["value"].bit_length() - 1 if is_power else point["value"] for point in points]
    label = "batch size, as a power of 2" if is_power else X_LABELS[axis]
    curves = [_curve(name, values, points) for name in (OURS, EAGER)]
    return Panel(f"By {axis}", label, "s/epoch", tuple(c for c in curves if c is not None), log_y=is_power)


def _curve(name: str, values: list[int], points: list[dict[str, Any]]) -> Series | None:
    """Return the medians of a contestant, or None if one is missing."""
    found = [point["contestants"].get(name) for point in points]
    if not all(is_measured(each) for each in found):
        return None
    return Series(CONTESTANTS[name].title, values, [[each["median"] for each in found]])
