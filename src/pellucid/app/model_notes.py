"""The notes in a saved model: what `pellucid predict` needs besides the layers.

>>> notes = ModelNotes(("no", "yes"), ("width", "height"), "kind", None, None, "softmax-cross-entropy")
>>> ModelNotes.from_json(notes.to_json(), "a.safetensors") == notes
True
"""

from dataclasses import asdict, dataclass
from typing import Any, Self

from pellucid.app.settings import CHOICES
from pellucid.wording import brief

#: White in 16-bit images.
MAX_PIXEL = 65_535


@dataclass(frozen=True)
class ModelNotes:
    """The meaning of a network's inputs and outputs."""

    classes: tuple[str, ...]  #: The label of each class number.
    features: tuple[str, ...]  #: The name of each input column.
    label: str  #: The column that held the labels.
    image_shape: tuple[int, int] | None  #: Height and width if rows are images.
    pixel_max: int | None  #: The value of white in the training images.
    loss: str  #: The training loss, which determines how outputs become probabilities.

    def to_json(self) -> dict[str, Any]:
        """Return the notes as JSON values."""
        return {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(self).items()}

    @classmethod
    def from_json(cls, values: dict[str, Any], path: object) -> Self:
        """Return notes from the values of `to_json`, which are validated: the file may be from anywhere.

        Examples
        --------
        >>> ModelNotes.from_json({}, "a.safetensors")
        Traceback (most recent call last):
        ...
        ValueError: a.safetensors: not a model of `pellucid train`: 'classes' is missing from its notes, ...
        """
        for name in cls.__dataclass_fields__:
            if name not in values:
                raise ValueError(
                    f"{path}: not a model of `pellucid train`: {name!r} is missing from its notes, so labels "
                    "and columns are unknown; in Python, use pellucid.Network.load(...).predict(x)"
                )
            if not _fits(name, values[name]):
                raise ValueError(f"{path}: its notes are damaged: {name} is {brief(values[name])}")
        known = {name: values[name] for name in cls.__dataclass_fields__}
        for name in ("classes", "features", "image_shape"):
            known[name] = None if known[name] is None else tuple(known[name])
        return cls(**known)


def _fits(name: str, value: Any) -> bool:
    """Tell whether a note has a valid value."""
    match name:
        case "classes" | "features":
            distinct = isinstance(value, list) and all(isinstance(each, str) for each in value)
            return distinct and len(set(value)) == len(value) > (name == "classes")
        case "label":
            return isinstance(value, str)
        case "image_shape":
            return value is None or (
                isinstance(value, list) and len(value) == 2 and all(map(_is_count, value))
            )
        case "pixel_max":
            return value is None or (_is_count(value) and value <= MAX_PIXEL)
        case _:
            return value in CHOICES["loss"]


def _is_count(value: Any) -> bool:
    return type(value) is int and value > 0
