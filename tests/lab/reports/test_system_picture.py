"""The text in the boxes of report B's block diagram; tests of `pellucid.drawing.svg` check the layout."""

import inspect
import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from typer.main import get_command

import pellucid as pl
from pellucid.cli import app
from pellucid.lab.reports.b import SYSTEM

SVG = "{http://www.w3.org/2000/svg}"
ROOT = ElementTree.parse(SYSTEM).getroot()
TEXTS = [*ROOT.iter(SVG + "text")]
STEPS = [text.text for text in TEXTS if text.get("font-size") == "12.5"]
NAMES = [name for text in TEXTS if "mono" in text.get("font-family", "") for name in text.text.split(", ")]


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


@pytest.mark.parametrize("name", sorted({*NAMES} - {"…"}))
def test_every_name_in_the_boxes_exists(name):
    assert exists(name)


def test_all_names_are_read():
    assert {"pl.train", "net.predict", "pl.f1", "pellucid data describe"} <= {*NAMES}
    assert len(NAMES) == 28


def test_a_name_that_does_not_exist_would_be_seen():
    assert not any(map(exists, ["pl.fit", "net.fit", "optimizer.value_and_grad", "py.train"]))
    assert "init" in inspect.signature(pl.Dense).parameters


def test_the_steps_stand_in_the_order_of_report_b():
    assert STEPS == [
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
    boxes = [r for r in ROOT.iter(SVG + "rect") if r.get("class") == "box"]
    shafts = [a for a in ROOT.iter(SVG + "polyline") if a.get("class") == "arrow"]

    def step_at(point):
        x, y = map(float, point.split(","))
        for title, box in zip(STEPS, boxes, strict=True):
            left, top, width, height = (float(box.get(k)) for k in ("x", "y", "width", "height"))
            if left <= x <= left + width and top <= y <= top + height:
                return title
        return None

    ways = [
        (step_at(shaft.get("points").split()[0]), step_at(head.get("points").split()[0]))
        for shaft, head in zip(shafts, ROOT.iter(SVG + "polygon"), strict=True)
    ]
    one_after_another = [*pairwise(STEPS)]
    assert sorted(ways) == sorted(
        [*one_after_another, ("Update parameters", "Forward pass"), ("Train-test split", "Predict")]
    )
