"""What the boxes say; how they stand is tested with `pellucid.drawing.svg`."""

import inspect
import re
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.main import get_command

import pellucid as pl
from pellucid.cli import app
from pellucid.lab.system_diagram import LANES, system_diagram

SVG = "{http://www.w3.org/2000/svg}"
NAMES = [name for lane in LANES for step in lane.steps for line in step.names for name in line.split(", ")]
PICTURE = Path(__file__).parents[2] / "docs" / "pictures" / "system.svg"


def exists(name):
    """Whether a name in a box is one that a user can write."""
    if name.startswith("pellucid "):
        command = get_command(app)
        for word in name.split()[1:]:
            command = command.commands.get(word)
        return command is not None
    owner, _, rest = re.sub(r"\(.*\)$", "", name).removeprefix("init=").rpartition(".")
    classes = {
        "net": [pl.Network],
        "loss": pl.Loss.__subclasses__(),
        "optimizer": pl.Optimizer.__subclasses__(),
    }
    return all(hasattr(cls, rest) for cls in classes.get(owner, [pl])) and owner in {*classes, "pl"}


@pytest.mark.parametrize("name", sorted({*NAMES, "pl.train"} - {"…"}))
def test_every_name_in_the_boxes_exists(name):
    assert exists(name)


def test_a_name_that_does_not_exist_would_be_seen():
    assert not any(map(exists, ["pl.fit", "net.fit", "optimizer.value_and_grad", "py.train"]))
    assert "init" in inspect.signature(pl.Dense).parameters


def test_the_steps_stand_in_the_order_of_report_b():
    titles = [
        text.text
        for text in ElementTree.fromstring(system_diagram()).iter(SVG + "text")
        if text.get("font-size") == "12.5"
    ]
    assert titles == [
        "Collect data",
        "Analyse data",
        "Train-test split",
        "Layers and neurons",
        "Activations",
        "Initializer",
        "Initialize parameters",
        "Forward pass",
        "Loss, its gradient",
        "Backward pass",
        "Update parameters",
        "Predict",
        "Evaluate performance",
    ]


def test_the_loop_leads_from_the_update_back_to_the_forward_pass():
    root = ElementTree.fromstring(system_diagram())
    steps = [step.title for lane in LANES for step in lane.steps]
    boxes = [r for r in root.iter(SVG + "rect") if r.get("class") == "box"]
    shafts = [a for a in root.iter(SVG + "polyline") if a.get("class") == "arrow"]

    def step_at(point):
        x, y = map(float, point.split(","))
        for title, box in zip(steps, boxes, strict=True):
            left, top, width, height = (float(box.get(k)) for k in ("x", "y", "width", "height"))
            if left <= x <= left + width and top <= y <= top + height:
                return title
        return None

    ways = [
        (step_at(shaft.get("points").split()[0]), step_at(head.get("points").split()[0]))
        for shaft, head in zip(shafts, root.iter(SVG + "polygon"), strict=True)
    ]
    one_after_another = [*pairwise(steps)]
    assert sorted(ways) == sorted(
        [*one_after_another, ("Update parameters", "Forward pass"), ("Train-test split", "Predict")]
    )


def test_the_picture_in_the_documents_is_this_one():
    assert system_diagram() == system_diagram() == PICTURE.read_text(encoding="utf-8")
