"""SVG elements for block diagrams: boxes, lines, arrows and text.

Elements are strings; `document` puts them on a white card. Lengths are pixels, and y points down. Text widths
are those of DejaVu Sans, the widest common sans-serif font, so that text fits in any of them.

>>> Font(size=10).shorten("a name that is much too long", 80)
'a name that…'
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

SANS = "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif"
INK, MUTED, LINE, PAPER = "#1a1a1a", "#595959", "#8a8a8a", "#ffffff"
#: Upper bounds of the widths of ASCII characters in DejaVu Sans, in units of the font size.
_WIDTHS = {0.42: " !'(),-./:;I[]\\fijlt|J", 0.85: "#&+<=>^~wABCDGHKNOQRUVXZ", 1.0: "%@MWm"}
_WIDTH_OF = {character: width for width, group in _WIDTHS.items() for character in group}
_BOLD = 1.15

Point = tuple[float, float]


@dataclass(frozen=True)
class Font:
    """A font: size in pixels, weight and colour."""

    size: float = 11
    bold: bool = False
    fill: str = INK

    def width(self, text: str) -> float:
        """Return an upper bound of a text's width."""
        return self.size * sum(map(_ems, text)) * (_BOLD if self.bold else 1)

    def shorten(self, text: str, width: float) -> str:
        """Return the text on one line, cut to the width and ended by … if it is too long."""
        text = clean(text)
        if self.width(text) <= width:
            return text
        while text and self.width(text + "…") > width:
            text = text[:-1]
        return text.rstrip() + "…"

    def wrap(self, text: str, width: float, n_lines: int) -> list[str]:
        """Return the text as at most n_lines lines, broken at spaces if possible."""
        text = clean(text)
        lines: list[str] = []
        while text and len(lines) < n_lines - 1 and self.width(text) > width:
            end = next(i for i in range(len(text), 0, -1) if i == 1 or self.width(text[:i]) <= width)
            space = text.rfind(" ", 0, end + 1)
            end = space if space > end / 2 else end
            lines.append(text[:end].rstrip())
            text = text[end:].lstrip()
        return [*lines, self.shorten(text, width)] if text else lines

    def draw(self, x: float, y: float, text: str, *, anchor: str = "start") -> str:
        """Return a text element with its baseline at y and its anchor (start, middle, end) at x."""
        weight = ' font-weight="bold"' if self.bold else ""
        place = f'x="{number(x)}" y="{number(y)}" text-anchor="{anchor}"'
        style = f'font-size="{number(self.size)}" fill="{self.fill}"{weight}'
        return f"<text {place} {style}>{escape(clean(text), quote=False)}</text>"


@dataclass(frozen=True)
class Box:
    """A rectangle, given by its upper left corner and its size."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """The x of the right side."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """The y of the lower side."""
        return self.y + self.height

    @property
    def center(self) -> float:
        """The x of the centre."""
        return self.x + self.width / 2

    @property
    def middle(self) -> float:
        """The y of the centre."""
        return self.y + self.height / 2

    def draw(
        self, *, fill: str, stroke: str = INK, radius: float = 8, dashed: bool = False, name: str = "box"
    ) -> str:
        """Return a rect element; `name` is its class attribute."""
        place = f'x="{number(self.x)}" y="{number(self.y)}"'
        size = f'width="{number(self.width)}" height="{number(self.height)}" rx="{number(radius)}"'
        dashes = ' stroke-dasharray="5 3"' if dashed else ""
        style = f'fill="{fill}" stroke="{stroke}" stroke-width="1.2"{dashes}'
        return f'<rect class="{name}" {place} {size} {style}/>'

    def draw_header(self, height: float, *, fill: str, radius: float) -> str:
        """Return a filled band along the upper side, with the same rounded corners."""
        corner = f"a {number(radius)} {number(radius)} 0 0 1 {number(radius)}"
        left, right, lower = number(self.x), number(self.right - radius), number(self.y + height)
        up, r = number(self.y + radius), number(radius)
        path = f"M {left} {lower} V {up} {corner} -{r} H {right} {corner} {r} V {lower} Z"
        return f'<path d="{path}" fill="{fill}"/>'


def line(points: Sequence[Point], *, stroke: str = INK, width: float = 1.2, name: str = "line") -> str:
    """Return a line through points.

    Examples
    --------
    >>> line([(0, 0), (2.5, 1)])
    '<polyline class="line" points="0,0 2.5,1" fill="none" stroke="#1a1a1a" stroke-width="1.2"/>'
    """
    places = " ".join(f"{number(x)},{number(y)}" for x, y in points)
    style = f'fill="none" stroke="{stroke}" stroke-width="{number(width)}"'
    return f'<polyline class="{name}" points="{places}" {style}/>'


def circle(x: float, y: float, radius: float, *, fill: str, stroke: str) -> str:
    """Return a circle centred at (x, y)."""
    place = f'cx="{number(x)}" cy="{number(y)}" r="{number(radius)}"'
    return f'<circle {place} fill="{fill}" stroke="{stroke}" stroke-width="1.2"/>'


def arrow(points: Sequence[Point]) -> str:
    """Return an arrow through points; its segments must be horizontal or vertical."""
    (x0, y0), (x1, y1) = points[-2:]
    along_x, along_y = (x1 > x0) - (x1 < x0), (y1 > y0) - (y1 < y0)
    back_x, back_y = x1 - 8 * along_x, y1 - 8 * along_y
    sides = [(back_x + sign * 4 * along_y, back_y + sign * 4 * along_x) for sign in (1, -1)]
    head = " ".join(f"{number(x)},{number(y)}" for x, y in [(x1, y1), *sides])
    shaft = line([*points[:-1], (back_x, back_y)], width=1.5, name="arrow")
    return f'{shaft}<polygon points="{head}" fill="{INK}"/>'


def connect(start: Box, end: Box) -> list[Point]:
    """Return the points of an arrow from one box to the next, in the same row or in the row below.

    Examples
    --------
    >>> connect(Box(0, 0, 10, 10), Box(30, 0, 10, 10))
    [(10, 5.0), (30, 5.0)]
    >>> connect(Box(30, 0, 10, 10), Box(0, 20, 10, 10))
    [(35.0, 10), (35.0, 15.0), (5.0, 15.0), (5.0, 20)]
    """
    if start.middle == end.middle:
        return [(start.right, start.middle), (end.x, end.middle)]
    across = (start.bottom + end.y) / 2
    return [(start.center, start.bottom), (start.center, across), (end.center, across), (end.center, end.y)]


def document(width: float, height: float, content: Sequence[str], *, title: str, description: str) -> str:
    """Return an SVG file: elements on a white card, and title and description for screen readers."""
    size = f'width="{number(width)}" height="{number(height)}" viewBox="0 0 {number(width)} {number(height)}"'
    card = Box(0.5, 0.5, width - 1, height - 1)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" font-family="{SANS}">',
            f"<title>{escape(clean(title), quote=False)}</title>",
            f"<desc>{escape(clean(description), quote=False)}</desc>",
            card.draw(fill=PAPER, stroke="#d0d0d0", radius=10, name="card"),
            *content,
            "</svg>\n",
        ]
    )


def clean(text: str) -> str:
    """Return a text on one line, without memory addresses and without characters that XML forbids."""
    text = re.sub(r" at 0x[0-9a-fA-F]+", "", " ".join(text.split()))
    return "".join(character if character.isprintable() else "�" for character in text)


def number(value: float) -> str:
    """Return a coordinate rounded to a tenth of a pixel, so that files are identical on all platforms."""
    return f"{round(value, 1) + 0.0:g}" if abs(value) < 1e5 else f"{value:.0f}"


def _ems(character: str) -> float:
    if character > "\u2e7f":  # East Asian characters, emoji
        return 1.4
    return _WIDTH_OF.get(character, 0.65) if character.isascii() else 1.0
