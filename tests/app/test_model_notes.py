"""Notes of a model: written and read back, and refused if a file holds anything else."""

import json

import pytest

from pellucid.app.model_notes import ModelNotes

IMAGES = ModelNotes(("a", "b", "é"), ("p0", "p1"), "label", (2, 1), 16, "mean-squared-error")
TABLE = ModelNotes(("a", "b"), ("w",), "kind", None, None, "softmax-cross-entropy")


@pytest.mark.parametrize("notes", [IMAGES, TABLE])
def test_there_and_back(notes):
    assert ModelNotes.from_json(json.loads(json.dumps(notes.to_json())), "m") == notes


@pytest.mark.parametrize("name", IMAGES.to_json())
def test_a_missing_note(name):
    values = {key: value for key, value in IMAGES.to_json().items() if key != name}
    with pytest.raises(ValueError, match=f"^m: not a model of `pellucid train`: '{name}' is missing"):
        ModelNotes.from_json(values, "m")


WRONG = {
    "classes": [None, "ab", ["a"], ["a", "a"], ["a", 1], {"a": 1, "b": 2}],
    "features": [None, [], ["p0", "p0"], [1, 2]],
    "label": [None, 3, ["label"]],
    "image_shape": [[2], [2, 1, 1], [2, 0], [2.0, 1], [True, 1], "21", 4],
    "pixel_max": [65_536, 10**400, 0, -1, 16.0, "16", True],
    "loss": ["a\nb", "x" * 3000, None, "hinge", ["mean-squared-error"]],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in WRONG for value in WRONG[name]])
def test_a_damaged_note(name, value):
    with pytest.raises(ValueError, match=f"^m: its notes are damaged: {name} is ") as caught:
        ModelNotes.from_json({**IMAGES.to_json(), name: value}, "m")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 120


def test_what_a_later_version_adds_is_ignored():
    assert ModelNotes.from_json({**TABLE.to_json(), "more": 1}, "m") == TABLE
