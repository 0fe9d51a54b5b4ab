"""The block diagram and the summary of a network. Users call `Network.diagram` and `Network.summary`.

The diagram is an SVG picture with one box per layer; the arrows show the shapes of the arrays between layers.

>>> from pellucid.layers import Dense, Tanh
>>> [block.name for block in describe_blocks([Dense(3), Tanh()], None, "pixels")]
['Input', 'Dense', 'Tanh', 'Output']
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, prod

from pellucid.drawing.icons import draw_icon, draw_table
from pellucid.drawing.svg import INK, MUTED, PAPER, Box, Font, arrow, connect, document, line
from pellucid.initializers import initializer_name, zeros
from pellucid.layers import SAVED_LAYERS, Activation, Dense, Dropout, Layer, Rescale

COLUMNS, MARGIN, TOP = 4, 28, 84
WIDTH, HEIGHT, GAP_X, GAP_Y = 184, 148, 76, 56
HEADER, PAD, LEADING = 26, 11, 15
TITLE, SUBTITLE = Font(size=16, bold=True), Font(size=11.5, fill=MUTED)
NAME, KEY, VALUE, SHAPE = Font(size=13, bold=True), Font(fill=MUTED), Font(), Font(size=10)
#: The fill and text colours (Okabe and Ito's palette) of the first class that a layer is an instance of.
COLORS: tuple[tuple[type[Layer], str, str], ...] = (
    (Dense, "#0072B2", PAPER),
    (Activation, "#E69F00", INK),
    (Dropout, "#CC79A7", INK),
    (Rescale, "#56B4E9", INK),
)
ENDS, PLAIN = "#d9d9d9", "#ffffff"

Rows = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Block:
    """The content of a box: name, rows of keys and values, output width, and the layer if there is one."""

    name: str
    rows: Rows
    width: int | None
    layer: Layer | None = None

    @property
    def plain(self) -> bool:
        """Whether the layer is a user's class, drawn without icon and colour."""
        return self.layer is not None and not _is_ours(self.layer)

    @property
    def shape(self) -> str:
        """The shape of the output."""
        return f"(n, {self.width or '?'})"

    def in_words(self) -> str:
        """Return the block as text for screen readers."""
        name = repr(self.layer) if self.plain else self.name
        return ", ".join([name, *(f"{key} {value}" for key, value in self.rows)])


def draw_network(layers: Sequence[Layer], n_in: int | None, inputs: str) -> str:
    """Return the diagram as SVG; `inputs` labels the input columns, and n_in is None before the build."""
    blocks = describe_blocks(layers, n_in, inputs)
    boxes = place_boxes(len(blocks))
    title = _title(layers, built=n_in is not None)
    parts = [TITLE.draw(MARGIN, 40, title), SUBTITLE.draw(MARGIN, 61, _subtitle(layers, n_in))]
    for block, box in zip(blocks, boxes, strict=True):
        parts += _draw_block(block, box)
    for block, start, end in zip(blocks, boxes, boxes[1:], strict=False):
        parts += _draw_arrow(block, start, end)
    width, height = max(box.right for box in boxes) + MARGIN, boxes[-1].bottom + MARGIN
    words = "; ".join(block.in_words() for block in blocks)
    return document(width, height, parts, title=title, description=f"From input to output: {words}.")


def describe_blocks(layers: Sequence[Layer], n_in: int | None, inputs: str) -> list[Block]:
    """Return the content of all boxes, from "Input" to "Output"."""
    built, width = n_in is not None, n_in
    blocks = [Block("Input", ((inputs, _count(n_in)),), n_in)]
    for layer in layers:
        width = layer.n_out if built else _width_before_build(layer, width)
        sizes = ("output", _count(width)), ("parameters", _count(_n_parameters(layer, built=built)))
        blocks.append(Block(type(layer).__name__, (*_settings(layer, built=built), *sizes), width, layer))
    return [*blocks, Block("Output", (("values", _count(width)),), width)]


def place_boxes(n: int) -> list[Box]:
    """Return the positions of n boxes, row by row, in rows of nearly equal length."""
    columns = ceil(n / ceil(n / COLUMNS))
    steps = WIDTH + GAP_X, HEIGHT + GAP_Y
    return [
        Box(MARGIN + i % columns * steps[0], TOP + i // columns * steps[1], WIDTH, HEIGHT) for i in range(n)
    ]


def _draw_block(block: Block, box: Box) -> list[str]:
    fill, ink = _colors(block)
    radius = 8 if block.layer else 18
    name = Font(NAME.size, bold=True, fill=ink)
    inner = box.width - 2 * PAD
    drawn = [
        box.draw(fill=PAPER, stroke="none", radius=radius, name="paper"),
        box.draw_header(HEADER, fill=fill, radius=radius),
        *([line([(box.x, box.y + HEADER), (box.right, box.y + HEADER)])] if block.plain else []),
        box.draw(fill="none", radius=radius, dashed=isinstance(block.layer, Dropout)),
        name.draw(box.center, box.y + 18, name.shorten(block.name, inner), anchor="middle"),
    ]
    top = box.bottom - LEADING * len(block.rows) - 6
    for i, row in enumerate(block.rows):
        drawn += _draw_row(row, box, top + LEADING * (i + 0.75))
    free = Box(box.x + PAD, box.y + HEADER + 9, inner, top - box.y - HEADER - 15)
    return drawn + _draw_free(block, free)


def _draw_row(row: tuple[str, str], box: Box, y: float) -> list[str]:
    """Draw a key at the left and its value at the right, shortened so that they do not overlap."""
    inner = box.width - 2 * PAD
    key = KEY.shorten(row[0], inner / 2)
    value = VALUE.shorten(row[1], inner - KEY.width(key) - 6)
    return [KEY.draw(box.x + PAD, y, key), VALUE.draw(box.right - PAD, y, value, anchor="end")]


def _draw_free(block: Block, area: Box) -> list[str]:
    """Draw what is above the rows: a batch as a table, a layer's icon, or the repr of a user's layer."""
    if block.layer is None:
        return draw_table(8 if block.name == "Input" else 4, area)
    if not block.plain:
        return draw_icon(block.layer, area)
    lines = VALUE.wrap(repr(block.layer), area.width, int(area.height / LEADING))
    return [VALUE.draw(area.x, area.y + LEADING * (i + 0.75), text) for i, text in enumerate(lines)]


def _draw_arrow(block: Block, start: Box, end: Box) -> list[str]:
    """Draw an arrow, with the shape above its horizontal part."""
    points = connect(start, end)
    (x0, y0), (x1, _) = points[-2:] if len(points) == 2 else points[1:3]
    shape = SHAPE if len(points) == 2 else VALUE
    return [arrow(points), shape.draw((x0 + x1) / 2, y0 - 6, block.shape, anchor="middle")]


def _colors(block: Block) -> tuple[str, str]:
    if block.layer is None:
        return ENDS, INK
    if block.plain:
        return PLAIN, INK
    return next((fill, ink) for kind, fill, ink in COLORS if isinstance(block.layer, kind))


def _settings(layer: Layer, *, built: bool) -> Rows:
    """Return a layer's settings as rows; a user's layer has none, since its repr is drawn."""
    if type(layer) is Dense:
        bias = () if layer.bias_init is zeros else (("bias_init", _init_name(layer.bias_init)),)
        shapes = layer.parameter_shapes().items() if built else ()
        return (("init", _init_name(layer.init)), *bias, *((name, str(shape)) for name, shape in shapes))
    settings = layer.settings() if _is_ours(layer) else {}
    return tuple((name, _setting(value)) for name, value in settings.items())


def _is_ours(layer: Layer) -> bool:
    return SAVED_LAYERS.get(type(layer).__name__) is type(layer)


def _init_name(init: object) -> str:
    """Return an initializer as code without keywords: uniform(-0.05, 0.05)."""
    return re.sub(r"\b(low|high|std)=", "", initializer_name(init))  # type: ignore[arg-type]


def _setting(value: float | list[float]) -> str:
    """Return a setting as text: 1 / n as a fraction, a list by its length."""
    if isinstance(value, list):
        return f"{len(value):,} number{'s' if len(value) > 1 else ''}"
    whole = round(1 / value) if 1e-9 < abs(value) < 1 else 0
    return f"1 / {whole}" if whole > 10 and 1 / whole == value else f"{value:g}"


def _width_before_build(layer: Layer, width: int | None) -> int | None:
    """Return the output width of a layer that is not built; None if it is unknown."""
    if isinstance(layer, Dense):
        return layer.n_units
    return width if type(layer).width is Layer.width else None


def _n_parameters(layer: Layer, *, built: bool) -> int | None:
    if not built and type(layer).parameter_shapes is not Layer.parameter_shapes:
        return None
    return sum(prod(shape) for shape in layer.parameter_shapes().values())


def _count(n: int | None) -> str:
    return "?" if n is None else f"{n:,}"


def _title(layers: Sequence[Layer], *, built: bool) -> str:
    total = sum(_n_parameters(layer, built=built) or 0 for layer in layers)
    count = f"{total:,} parameters" if built else "not built yet"
    return f"Network of {len(layers)} layer{'s' if len(layers) > 1 else ''}, {count}"


def _subtitle(layers: Sequence[Layer], n_in: int | None) -> str:
    rows = "n is the number of rows in a batch"
    return f"{rows}; {layers[0].dtype}" if n_in is not None else f"{rows}; ? is known after build"


def list_layers(layers: Sequence[Layer], n_in: int) -> str:
    """Return a table of layers, output widths and parameter counts: what `Network.summary` shows."""
    counts = [_n_parameters(layer, built=True) or 0 for layer in layers]
    rows = [("layer", "output", "parameters"), ("(input)", f"{n_in:,}", "")]
    rows += [(repr(y), f"{y.n_out:,}", f"{count:,}") for y, count in zip(layers, counts, strict=True)]
    width = max(16, *(len(row[0]) for row in rows))
    table = [f"{name:{width}}  {n_out:>6}  {count:>10}".rstrip() for name, n_out, count in rows]
    n, dtype = sum(counts), layers[0].dtype
    return "\n".join([*table, f"{n:,} parameters, {dtype}, {n * dtype.itemsize:,} bytes"])
