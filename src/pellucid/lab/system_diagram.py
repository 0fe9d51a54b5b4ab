"""The block diagram of the whole system: every step from data to scores, with the name that does it.

Reports A and B draw such a diagram (A's Figure 10, B's Figure 1); this one has B's steps, in its order.

>>> system_diagram().splitlines()[1]
'<title>From data to scores: the steps, and what does them in pellucid</title>'
"""

from dataclasses import dataclass
from itertools import pairwise

from pellucid.drawing.svg import MUTED, PAPER, Box, Font, arrow, connect, document

MARGIN, TOP, LANE_GAP = 24, 84, 36
WIDTH, HEIGHT, GAP = 188, 88, 34
LABEL_WIDTH, PAD, ROOM = 118, 16, 30
HEADING, SUBTITLE = Font(size=16, bold=True), Font(size=11.5, fill=MUTED)
LANE, STEP = Font(size=13, bold=True), Font(size=12.5, bold=True)
NAME, NOTE = Font(mono=True), Font(fill=MUTED)
TITLE = "From data to scores: the steps, and what does them in pellucid"
LEGEND = "pl is the package; net, loss and optimizer are objects made with it"


@dataclass(frozen=True)
class Step:
    """A step and the lines of code names that do it."""

    title: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class Lane:
    """Steps that belong together, side by side; `name` does them all, `room` is for arrows below them."""

    title: str
    fill: str
    stroke: str
    steps: tuple[Step, ...]
    name: str = ""
    room: float = 0


DATA = Lane(
    "Data",
    "#eef6fb",
    "#56B4E9",
    (
        Step("Collect data", ("pl.load_dataset", "pl.read_digit_csv")),
        Step("Analyse data", ("pl.describe", "pellucid data describe")),
        Step("Train-test split", ("pl.split",)),
    ),
)
NETWORK = Lane(
    "Network",
    "#eaf2f8",
    "#0072B2",
    (
        Step("Layers and neurons", ("pl.Network([…])", "pl.Dense(100)")),
        Step("Activations", ("pl.ReLU, pl.Tanh", "pl.Sigmoid, pl.Softmax")),
        Step("Initializer", ("init=pl.he_normal", "pl.glorot_uniform, …")),
        Step("Initialize parameters", ("net.build",)),
    ),
)
DESCENT = Lane(
    "Gradient descent",
    "#fdf5e6",
    "#E69F00",
    (
        Step("Forward pass", ("net.forward",)),
        Step("Loss, its gradient", ("loss.value_and_grad",)),
        Step("Backward pass", ("net.backward",)),
        Step("Update parameters", ("optimizer.step", "pl.SGD, pl.Adam")),
    ),
    name="pl.train",
    room=ROOM,
)
RESULT = Lane(
    "Result",
    "#e9f6f2",
    "#009E73",
    (
        Step("Predict", ("net.predict",)),
        Step(
            "Evaluate performance", ("pl.accuracy, pl.f1", "pl.precision, pl.recall", "pl.confusion_matrix")
        ),
    ),
    room=ROOM,
)
LANES = (DATA, NETWORK, DESCENT, RESULT)


def system_diagram() -> str:
    """Return the block diagram of the system as SVG.

    Examples
    --------
    >>> "optimizer.step" in system_diagram()
    True
    """
    frames = _frames()
    rows = [_places(lane, frame) for lane, frame in zip(LANES, frames, strict=True)]
    parts = [HEADING.draw(MARGIN, 40, TITLE), SUBTITLE.draw(MARGIN, 61, LEGEND)]
    for lane, frame, row in zip(LANES, frames, rows, strict=True):
        parts += [*_draw_frame(lane, frame), *_draw_steps(lane, row)]
        parts += [arrow(connect(step, after)) for step, after in pairwise(row)]
    parts += _draw_ways_down(frames, rows)
    right, bottom = frames[-1].right + MARGIN, frames[-1].bottom + MARGIN
    return document(right, bottom, parts, title=TITLE, description=_in_words())


def _frames() -> list[Box]:
    """Return the band of each lane, one below the other."""
    width = LABEL_WIDTH + 4 * WIDTH + 3 * GAP + 2 * PAD
    frames: list[Box] = []
    for lane in LANES:
        y = frames[-1].bottom + LANE_GAP if frames else TOP
        frames.append(Box(MARGIN, y, width, HEIGHT + 2 * PAD + lane.room))
    return frames


def _places(lane: Lane, frame: Box) -> list[Box]:
    left = frame.x + LABEL_WIDTH
    return [Box(left + i * (WIDTH + GAP), frame.y + PAD, WIDTH, HEIGHT) for i in range(len(lane.steps))]


def _draw_frame(lane: Lane, frame: Box) -> list[str]:
    """Draw a lane's band with its title at the left, and below it the name that does all its steps."""
    lines = LANE.wrap(lane.title, LABEL_WIDTH - 2 * PAD, 2)
    left, n_lines = frame.x + PAD, len(lines) + bool(lane.name)
    top = frame.y + PAD + HEIGHT / 2 - 8 * n_lines + 13
    return [
        frame.draw(fill=lane.fill, stroke=lane.stroke, name="lane"),
        *(LANE.draw(left, top + 16 * i, text) for i, text in enumerate(lines)),
        *([NAME.draw(left, top + 16 * len(lines), lane.name)] if lane.name else []),
    ]


def _draw_steps(lane: Lane, row: list[Box]) -> list[str]:
    """Draw each step's title over its names, both in the middle of its box."""
    parts = []
    for step, box in zip(lane.steps, row, strict=True):
        top = box.middle - 8 * len(step.names) + 3
        parts += [
            box.draw(fill=PAPER),
            STEP.draw(box.center, top, step.title, anchor="middle"),
            *(NAME.draw(box.center, top + 18 + 15 * i, t, anchor="middle") for i, t in enumerate(step.names)),
        ]
    return parts


def _draw_ways_down(frames: list[Box], rows: list[list[Box]]) -> list[str]:
    """Draw what runs from lane to lane: between them, round the loop, and past it with the test rows."""
    data, network, descent, result = rows
    after_data, after_network, after_descent = ((a.bottom + b.y) / 2 for a, b in pairwise(frames))
    again, test = descent[0].bottom + ROOM - 4, result[0].bottom + ROOM - 4
    first, last, split, predict = descent[0], descent[-1], data[-1], result[0]
    out, side = last.center + WIDTH / 4, (last.right + frames[0].right) / 2
    back = [
        (last.center, last.bottom),
        (last.center, again),
        (first.center, again),
        (first.center, first.bottom),
    ]
    on = [
        (out, last.bottom),
        (out, after_descent),
        (predict.center, after_descent),
        (predict.center, predict.y),
    ]
    past = [(split.right, split.middle), (side, split.middle), (side, test), (predict.center, test)]
    notes = {
        "training rows": after_data,
        "again: next batch, next epoch": again,
        "after the last epoch": after_descent,
        "test rows": test,
    }
    return [
        arrow(connect(split, network[0], after_data)),
        arrow(connect(network[-1], first, after_network)),
        arrow(back),
        arrow(on),
        arrow([*past, (predict.center, predict.bottom)]),
        *(NOTE.draw(data[1].center, y - 5, text, anchor="middle") for text, y in notes.items()),
    ]


def _in_words() -> str:
    """Return the steps for a screen reader."""
    lanes = []
    for lane in LANES:
        steps = "; ".join(f"{step.title} ({', '.join(step.names)})" for step in lane.steps)
        lanes.append(f"{lane.title}: {steps}.")
    repeated = "Gradient descent (pl.train) repeats its steps for every batch and epoch."
    return " ".join([*lanes, repeated, "Test rows go from the split to the prediction."])
