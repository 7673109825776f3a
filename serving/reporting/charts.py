"""Small inline SVG charts of a report; colours come from the page's style sheet."""

from collections.abc import Sequence
from html import escape

from markupsafe import Markup

from governance.intervals import Interval
from serving.reporting.record import Line
from serving.reporting.words import figure_in_words, title_of

_WIDTH, _HEIGHT, _PAD = 240.0, 64.0, 6.0


def trend(line: Line) -> Markup:
    """Draw one measure over its periods: a dot for each figure, a bar for its interval.

    A period without a figure stays empty. The title says it all in words.
    """
    values = [each.value for each in line.measures]
    known = [each for each in values if each is not None]
    if not known:
        return Markup("")
    low, high = min(each.low for each in known), max(each.high for each in known)
    room = (high - low) or abs(high) or 1.0
    step = (_WIDTH - 2 * _PAD) / max(len(values), 1)

    def y(value: float) -> float:
        return _HEIGHT - _PAD - (value - low) / room * (_HEIGHT - 2 * _PAD)

    parts = []
    points = []
    for place, value in enumerate(values):
        if value is None:
            continue
        x = _PAD + (place + 0.5) * step
        own = "now" if place == len(values) - 1 else "earlier"
        points.append(f"{x:.1f},{y(value.value):.1f}")
        parts.append(
            f'<line class="range" x1="{x:.1f}" y1="{y(value.low):.1f}" x2="{x:.1f}" '
            f'y2="{y(value.high):.1f}"/><circle class="dot {own}" cx="{x:.1f}" '
            f'cy="{y(value.value):.1f}" r="{4 if own == "now" else 2.5}"/>'
        )
    path = f'<polyline class="path" points="{" ".join(points)}"/>'
    said = "; ".join(
        f"{each.period.label}: {figure_in_words(each)}" for each in line.measures if each.shown
    )
    return _svg(_WIDTH, _HEIGHT, f"{title_of(line.now.name)}. {said}", [path, *parts])


def span(value: Interval, *, low: float, high: float, label: str) -> Markup:
    """Draw one figure with its interval on a scale from `low` to `high`."""

    def x(at: float) -> float:
        return 100.0 * (min(max(at, low), high) - low) / (high - low)

    left, right = x(value.low), x(value.high)
    parts = [
        '<rect class="track" x="0" y="5" width="100" height="2" rx="1"/>',
        f'<rect class="between" x="{left:.2f}" y="3" width="{max(right - left, 0.6):.2f}" '
        'height="6" rx="1"/>',
        f'<rect class="mark" x="{min(x(value.value), 99):.2f}" y="0" width="1" height="12"/>',
    ]
    if low < 0 < high:
        parts.insert(1, f'<rect class="zero" x="{x(0):.2f}" y="0" width="0.4" height="12"/>')
    return _svg(100.0, 12.0, label, parts, stretched=True)


def _svg(
    width: float, height: float, label: str, parts: Sequence[str], *, stretched: bool = False
) -> Markup:
    shape = ' preserveAspectRatio="none"' if stretched else ""
    said = escape(label)
    opened = f'<svg viewBox="0 0 {width:g} {height:g}"{shape} role="img" aria-label="{said}">'
    return Markup(f"{opened}<title>{said}</title>{''.join(parts)}</svg>")  # noqa: S704 - escaped
