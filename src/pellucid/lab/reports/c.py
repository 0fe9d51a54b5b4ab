"""Report C: a full-batch ReLU network, 784-500-150-10, written for a GPU with CuPy. `c_run` trains it.

One run gives both variants: the slips affect the printed figures, not the training.
"""

from collections.abc import Sequence
from dataclasses import replace
from operator import itemgetter
from statistics import fmean
from typing import Any

from pellucid.lab.claims import Claim
from pellucid.lab.inspection import digit_grid
from pellucid.lab.ledger import Row, judge, not_run
from pellucid.lab.measurement import Measurement, rows_of
from pellucid.lab.pictures.curve_panels import Panel, Series
from pellucid.lab.pictures.curves import QUANTITIES
from pellucid.lab.pictures.figures import Drawing, Picture, Plot
from pellucid.lab.report import INTENDED, PUBLISHED, Cost, Finished, Report, Result, Slip, one_by_one
from pellucid.lab.reports.c_run import PUBLISHED_ITERATIONS, network, plan, run
from pellucid.lab.rows import holds

PUBLISHED_ACCURACY = "90.95"
#: The printed losses of lines 10, 20, …, 1000.
PUBLISHED_TRACE = """
2.3020 2.3013 2.3007 2.3000 2.2993 2.2984 2.2974 2.2961 2.2944 2.2921 2.2889 2.2843 2.2772 2.2660 2.2470
2.2146 2.1622 2.0902 1.9987 1.8743 1.7151 1.5459 1.3899 1.2518 1.1238 1.0097 0.9187 0.8507 0.7999 0.7605
0.7287 0.7019 0.6785 0.6575 0.6381 0.6200 0.6028 0.5864 0.5708 0.5560 0.5422 0.5294 0.5175 0.5067 0.4967
0.4875 0.4790 0.4710 0.4637 0.4567 0.4502 0.4439 0.4380 0.4324 0.4270 0.4218 0.4169 0.4121 0.4075 0.4030
0.3987 0.3945 0.3905 0.3866 0.3828 0.3791 0.3755 0.3720 0.3686 0.3653 0.3620 0.3589 0.3558 0.3529 0.3499
0.3471 0.3443 0.3416 0.3389 0.3363 0.3338 0.3313 0.3288 0.3264 0.3240 0.3217 0.3194 0.3171 0.3148 0.3126
0.3104 0.3082 0.3061 0.3039 0.3018 0.2998 0.2977 0.2957 0.2937 0.2916
""".split()  # noqa: SIM905 - as the report prints them
LINES = range(10, PUBLISHED_ITERATIONS + 1, 10)
SHARE = "trace points inside their intervals"
UNDIVIDED, DIVIDED = "test accuracy, test pixels not divided", "test accuracy, test pixels divided"

SLIP_PIXELS = Slip(
    "test pixels not divided",
    "Training pixels are divided by their maximum, 255. Test pixels are not: they are 255 times as large, so "
    "the biases hardly count.",
)
SLIP_COUNTER = Slip(
    "counter raised before printing",
    'The line "Iteration n" shows the loss of forward pass n - 1, which has seen n - 2 updates.',
)
SLIP_EPSILON = Slip(
    "log(p + 1e-8)", "The printed loss takes the logarithm of p + 1e-8; the gradient is that of log p."
)
ASSUMPTIONS = (
    "float32 replaces CuPy's float64: a test holds the losses at the start of the trace to within 1e-4.",
    "Each seed draws new weights; the data are the same 60,000 and 10,000 images.",
)


def trace(result: Result, variant: str) -> list[float]:
    """Return the loss at lines 10, 20, …: as printed, or of forward pass n."""
    return list(result["printed"] if variant == PUBLISHED else result["loss"][9::10])


ACCURACIES = [
    Measurement(claim, variant, ({"iterations": PUBLISHED_ITERATIONS},), itemgetter(key))
    for claim, variant, key in (
        (Claim(UNDIVIDED, "%", PUBLISHED_ACCURACY), PUBLISHED, "undivided"),
        (Claim(DIVIDED, "%", kind="measured"), PUBLISHED, "divided"),
        (Claim(DIVIDED, "%", PUBLISHED_ACCURACY), INTENDED, "divided"),
    )
]


def rows(finished: list[Finished]) -> list[Row]:
    """Return the 100 points of the trace, their summary, and the test accuracies, in both variants."""
    found = []
    for variant in (PUBLISHED, INTENDED):
        points = _trace_rows(finished, variant)
        found += [*points, _share_row(points, variant)]
    return found + rows_of(ACCURACIES, finished, report="C", assumptions=ASSUMPTIONS, plan=plan)


def _trace_rows(finished: list[Finished], variant: str) -> list[Row]:
    traces = [trace(run.result, variant) for run in finished]
    shortest = min((len(points) for points in traces), default=0)
    about: dict[str, Any] = {"report": "C", "variant": variant, "assumptions": ASSUMPTIONS}
    why = f"The run stops at iteration {10 * shortest}; --full goes to {PUBLISHED_ITERATIONS}."
    found = []
    for i, (line, published) in enumerate(zip(LINES, PUBLISHED_TRACE, strict=True)):
        claim = Claim(f"loss at line {line}", "nats", published)
        if i < shortest:
            found.append(judge(claim, [points[i] for points in traces], **about))
        else:
            found.append(not_run(claim, why=why, **about))
    return found


def _share_row(points: Sequence[Row], variant: str) -> Row:
    """Return the summary of the trace: 95 % intervals should hold about 95 of 100 points."""
    claim, judged = Claim(SHARE, "%", kind="share"), [row for row in points if row.judged]
    why = f"pellucid reproduce --full runs all {PUBLISHED_ITERATIONS} iterations."
    row = not_run(claim, report="C", variant=variant, why=why, assumptions=ASSUMPTIONS)
    if judged:
        return _judge_share(replace(row, seeds=judged[0].seeds), judged, len(points))
    seeds = max(row.seeds for row in points)
    why = "Fewer than 3 seeds were run: no point has an interval."
    return replace(row, seeds=seeds, verdict="undetermined", why=why) if seeds else row


def _judge_share(row: Row, judged: Sequence[Row], n_points: int) -> Row:
    """Judge how many points lie inside their intervals; a trace cut short has no verdict."""
    inside = sum(holds(point.to_json()) for point in judged)
    share = 100 * inside / len(judged)
    why = f"{inside} of the {len(judged)} points up to line {10 * len(judged)} lie inside their intervals"
    if len(judged) < n_points:
        why = f"{why}; --full runs the other {n_points - len(judged)}."
        return replace(row, mean=share, verdict="undetermined", why=why)
    return replace(row, mean=share, verdict="reproduced" if share >= 95 else "not reproduced", why=f"{why}.")


def costs(finished: list[Finished]) -> list[Cost]:
    """Return what each slip changes at the last line that was run."""
    if not finished:
        return []
    stop = finished[0].settings["iterations"]
    results = [run.result for run in finished]
    pixels = tuple(each["undivided"] - each["divided"] for each in results)
    counter = tuple(each["exact"][-1] - each["loss"][stop - 1] for each in results)
    epsilon = tuple(each["printed"][-1] - each["exact"][-1] for each in results)
    note = f"at line {stop}, the last one run"
    found = [
        Cost(SLIP_COUNTER.name, "printed loss", "nats", counter, note),
        Cost(SLIP_EPSILON.name, "printed loss", "nats", epsilon, note),
    ]
    if stop == PUBLISHED_ITERATIONS:  # on the plateau of the first hundred iterations any accuracy is chance
        note = f"after {stop} iterations"
        found.insert(0, Cost(SLIP_PIXELS.name, "test accuracy", "points", pixels, note))
    return found


def plots(finished: list[Finished]) -> list[Picture]:
    """Return the network, the trace against the published one, their difference, and ten labelled digits."""
    drawing = Drawing("c-network", "Report C: the network.", network(0).diagram())
    if not finished:
        return [drawing]
    caption = "Report C: sample handwritten digits with their labels."
    digits_run = digit_grid("c-digits", caption, finished[0].result["digits"], before="label = ")
    return [drawing, _trace_plot(finished), digits_run]


def _trace_plot(finished: list[Finished]) -> Plot:
    traces = [trace(run.result, PUBLISHED) for run in finished]
    n = min(map(len, traces))
    lines, published = list(LINES[:n]), [float(loss) for loss in PUBLISHED_TRACE[:n]]
    gaps = [[loss - claim for loss, claim in zip(points, published, strict=False)] for points in traces]
    worst = max(abs(fmean(column)) for column in zip(*gaps, strict=True))
    caption = (
        f"Report C: the loss at every tenth line, {len(finished)} seeds, against the {n} published points up "
        f"to line {lines[-1]}. The mean differs from the published loss by at most {worst:.4f}."
    )
    measured = Series("measured, as published", lines, [points[:n] for points in traces], None)
    points = tuple(zip(lines, published, strict=True))
    loss = Panel("Training loss", "iteration", QUANTITIES["loss"], (measured,), points)
    difference = Series("difference", lines, gaps, None)
    zero = (("published", 0.0),)
    gap = Panel("Measured minus published", "iteration", "nats", (difference,), lines=zero)
    return Plot("c-trace", caption, (loss, gap))


REPORT = Report(
    letter="C",
    name="Full-batch ReLU network on a GPU",
    authors="Ananda Biswas",
    title="Neural Network from Scratch",
    summary="A 784-500-150-10 ReLU network trained by full-batch gradient descent on the 60,000 MNIST "
    "training images, rate 0.1, 1,000 iterations; it prints the loss at every tenth iteration and one test "
    "accuracy.",
    slips=(SLIP_PIXELS, SLIP_COUNTER, SLIP_EPSILON),
    assumptions=ASSUMPTIONS,
    plan=plan,
    run=one_by_one(run),
    rows=rows,
    costs=costs,
    plots=plots,
)
