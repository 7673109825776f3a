"""A sheet to draw on: Matplotlib's figure, our colours, and SVG that follows light and dark.

Colours are drawn as stand-ins and become variables of a style sheet inside the picture, so one file
suits both. Text stays text. Sizes are in CSS pixels.
"""

import io
import re
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, SOFT, LINE = "#010101", "#020202", "#030303"
MARK, MARK_SOFT, BAD, UNSURE, CARD = "#040404", "#050505", "#060606", "#070707", "#080808"
"""Stand-ins; what stands for them is in `_STYLE`."""
_NAMES = {
    INK: "ink", SOFT: "soft", LINE: "line", MARK: "mark", MARK_SOFT: "mark-soft",
    BAD: "bad", UNSURE: "unsure", CARD: "card",
}  # fmt: skip
_STYLE = (
    "<style>:root{--ink:#22262a;--soft:#5a636a;--line:#e0dbd0;--mark:#2a6659;--mark-soft:#a9cdc3;"
    "--bad:#9c382c;--unsure:#7a5a12;--card:#ffffff}"
    "@media(prefers-color-scheme:dark){:root{--ink:#e7e4dc;--soft:#a9afb2;--line:#343a3d;"
    "--mark:#7cc0ae;--mark-soft:#35584f;--bad:#ec9a8e;--unsure:#d8b567;--card:#1d2123}}"
    "text{font-family:system-ui,'Segoe UI',Roboto,'Noto Sans','DejaVu Sans',sans-serif}</style>"
)
_STAND_IN = re.compile("|".join(_NAMES))
_FAMILY = re.compile(r"font: (\d[\d.]*)px [^;\"]*")
_ABOUT = re.compile(r"<metadata>.*?</metadata>", re.DOTALL)
_IN_POINTS = re.compile(r' (width|height)="([\d.]+)pt"')
_PER_INCH = 72
_drawing = threading.Lock()


def draw(width: int, height: int, paint: Callable[["Axes"], None]) -> bytes:
    """Let `paint` draw on axes as large as the picture, less room for ticks; gives an SVG file.

    `paint` finds axes with a quiet left and bottom; it sets ticks and limits itself.
    """
    with _drawing:  # Matplotlib makes no promise about threads
        figure = _figure(width, height)
        axes = figure.add_axes((0, 0, 1, 1))
        _quiet(axes)
        paint(axes)
        left, bottom, right, top = _room(figure, axes)
        axes.set_position((left, bottom, 1 - left - right, 1 - bottom - top))
        written = io.StringIO()
        figure.savefig(written, format="svg", transparent=True, metadata={"Date": None})
    return _ours(written.getvalue()).encode()


def with_gaps(values: Iterable[float | None]) -> list[float]:
    """Give numbers to draw; what is not shown leaves a gap."""
    return [float("nan") if value is None else value for value in values]


def _figure(width: int, height: int) -> Any:
    from matplotlib import rcParams
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    rcParams["svg.fonttype"] = "none"
    rcParams["svg.hashsalt"] = "keepwell"
    figure = Figure(figsize=(width / _PER_INCH, height / _PER_INCH), dpi=_PER_INCH)
    FigureCanvasSVG(figure)
    return figure


def _quiet(axes: Any) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(LINE)
    axes.tick_params(colors=SOFT, labelsize=11, length=3, color=LINE)
    axes.grid(axis="y", color=LINE, linewidth=0.6)
    axes.set_axisbelow(True)


def _room(figure: Any, axes: Any) -> tuple[float, float, float, float]:
    """Give the shares of the picture that labels need beside the axes."""
    box = axes.get_tightbbox()
    width, height = figure.bbox.width, figure.bbox.height
    left, bottom = max(-box.x0, 0) + 4, max(-box.y0, 0) + 4
    right, top = max(box.x1 - width, 0) + 6, max(box.y1 - height, 0) + 6
    return left / width, bottom / height, right / width, top / height


def _ours(svg: str) -> str:
    svg = _ABOUT.sub("", svg[svg.index("<svg") :])
    svg = _IN_POINTS.sub(r' \1="\2"', svg, count=2)
    svg = _STAND_IN.sub(lambda found: f"var(--{_NAMES[found[0]]})", svg)
    svg = _FAMILY.sub(r"font-size: \1px", svg)
    start = svg.index(">") + 1
    return svg[:start] + _STYLE + svg[start:]
