"""Small inline SVG charts for the audit report; colours come from the page's style sheet."""

from collections.abc import Sequence
from html import escape
from itertools import pairwise

from markupsafe import Markup

from governance.intervals import Interval
from governance.model.card import Dependence, FeatureImportance, GroupImportance, ReliabilityBin

_WIDTH = 640
_LABEL = 270
_ROW = 24


def reliability_chart(bins: Sequence[ReliabilityBin]) -> Markup:
    """Draw predicted against observed share, with the diagonal of perfect calibration."""
    if not bins:
        return Markup("")
    size, pad = 300, 40
    top = max(0.1, *(max(b.predicted, b.observed.high) for b in bins))

    def x(share: float) -> float:
        return pad + share / top * size

    def y(share: float) -> float:
        return pad / 2 + size - share / top * size

    def line(kind: str, x2: float, y2: float) -> str:
        return (
            f'<line class="{kind}" x1="{x(0):.1f}" y1="{y(0):.1f}" '
            f'x2="{x(x2):.1f}" y2="{y(y2):.1f}"/>'
        )

    parts = [line("axis", top, 0), line("axis", 0, top), line("guide", top, top)]
    for share in (0.0, top / 2, top):
        parts.append(
            f'<text x="{x(share):.1f}" y="{y(0) + 18:.1f}" text-anchor="middle">'
            f"{100 * share:.0f} %</text>"
            f'<text x="{x(0) - 6:.1f}" y="{y(share) + 4:.1f}" text-anchor="end">'
            f"{100 * share:.0f}</text>"
        )
    for b in bins:
        at = x(b.predicted)
        parts.append(
            f'<line class="range" x1="{at:.1f}" y1="{y(b.observed.low):.1f}" '
            f'x2="{at:.1f}" y2="{y(b.observed.high):.1f}"/>'
            f'<circle class="dot" cx="{at:.1f}" cy="{y(b.observed.value):.1f}" r="4"/>'
        )
    label = "Observed share against predicted probability, per bin, with 95 % intervals"
    return _svg(size + 2 * pad, size + 2 * pad, label, parts)


def importance_chart(features: Sequence[FeatureImportance]) -> Markup:
    """Draw how much each feature moves the score."""
    label = "Mean absolute contribution per feature, in log-odds"
    return _bars([(each.text, each.mean_abs) for each in features], label)


def group_chart(groups: Sequence[GroupImportance]) -> Markup:
    """Draw how much features that say one thing move the score together."""
    label = "Mean absolute contribution by what the features are about, in log-odds"
    return _bars([(each.group, each.mean_abs) for each in groups], label)


def dependence_chart(found: Dependence) -> Markup:
    """Draw the mean contribution, with its interval, over values from low to high; missing last."""
    known = [point for point in found.points if point.value is not None]
    points = known + [point for point in found.points if point.value is None]
    if not points:
        return Markup("")
    height, left, pad = 130, 70, 14
    low = min(0.0, *(point.contribution.low for point in points))
    high = max(0.0, *(point.contribution.high for point in points)) + 1e-9
    step = (_WIDTH - left - 40) / len(points)
    room = max(6, int(step / 7))

    def x(place: int) -> float:
        return left + (place + 0.5) * step

    def y(value: float) -> float:
        return pad + (high - value) / (high - low) * height

    parts = [
        f'<line class="guide" x1="{left}" y1="{y(0):.1f}" x2="{_WIDTH - 40}" y2="{y(0):.1f}"/>'
    ]
    parts += [
        f'<text x="{left - 8}" y="{y(value) + 4:.1f}" text-anchor="end">{value:+.2f}</text>'
        for value in sorted({low, high})
    ]
    for place, point in enumerate(points):
        at, spread = x(place), point.contribution
        said = "missing" if point.value is None else point.label or f"{point.value:,.3g}"
        parts.append(
            f'<line class="range" x1="{at:.1f}" y1="{y(spread.low):.1f}" '
            f'x2="{at:.1f}" y2="{y(spread.high):.1f}"/>'
            f'<circle class="dot" cx="{at:.1f}" cy="{y(spread.value):.1f}" r="3"/>'
            f'<text x="{at:.1f}" y="{height + 2 * pad + 8}" text-anchor="middle">'
            f"{escape(_short(said, room))}</text>"
        )
    label = f"{found.feature}: mean contribution in log-odds over its value, low to high"
    return _svg(_WIDTH, height + 2 * pad + 16, label, parts)


def comparison_chart(rows: Sequence[tuple[str, Interval]], *, low: float, high: float) -> Markup:
    """Draw intervals one below the other on a scale from `low` to `high`."""
    room = _WIDTH - _LABEL - 60

    def x(value: float) -> float:
        return _LABEL + (min(max(value, low), high) - low) / (high - low) * room

    parts = [
        f'<line class="guide" x1="{x(low):.1f}" y1="0" x2="{x(low):.1f}" y2="{len(rows) * _ROW}"/>'
    ]
    for row, (name, interval) in enumerate(rows):
        y = row * _ROW
        parts.append(
            f'{_label(name, y)}<line class="range" x1="{x(interval.low):.1f}" y1="{y + 12}" '
            f'x2="{x(interval.high):.1f}" y2="{y + 12}"/>'
            f'<circle class="dot" cx="{x(interval.value):.1f}" cy="{y + 12}" r="4"/>'
            f'<text x="{x(interval.high) + 8:.1f}" y="{y + 17}">{interval.value:.3f}</text>'
        )
    return _svg(_WIDTH, len(rows) * _ROW + 4, "Estimates with 95 % intervals", parts)


def range_chart(rows: Sequence[tuple[str, Interval]]) -> Markup:
    """Draw shares with their intervals from 0 to the largest upper bound."""
    if not rows:
        return Markup("")
    return comparison_chart(rows, low=0.0, high=max(0.01, *(i.high for _, i in rows)))


def panel_chart(
    rows: Sequence[tuple[str, Sequence[Interval | None]]], titles: Sequence[str], *, label: str
) -> Markup:
    """Draw several shares of each row side by side, one panel each, all on one scale from 0."""
    known = [i.high for _, shares in rows for i in shares if i is not None]
    if not known:
        return Markup("")
    top, left, head, gap = max(known), 180, 40, 18
    room = (_WIDTH - left) / len(titles) - gap
    foot = head + len(rows) * _ROW
    parts = [_label(name, head + row * _ROW, left, 24) for row, (name, _) in enumerate(rows)]
    for panel, title in enumerate(titles):
        start = left + panel * (room + gap)
        parts.append(f'<text x="{start:.1f}" y="14">{escape(title)}</text>')
        for share in (0.0, top):
            at = start + share / top * room
            anchor = "start" if share == 0 else "end"
            parts.append(
                f'<line class="guide" x1="{at:.1f}" y1="{head - 4}" x2="{at:.1f}" y2="{foot}"/>'
                f'<text x="{at:.1f}" y="{head - 9}" text-anchor="{anchor}">'
                f"{100 * share:.0f} %</text>"
            )
        for row, (_, shares) in enumerate(rows):
            found, y = shares[panel], head + row * _ROW + 12
            if found is not None:
                low, value, high = (
                    start + share / top * room for share in (found.low, found.value, found.high)
                )
                parts.append(
                    f'<line class="range" x1="{low:.1f}" y1="{y}" x2="{high:.1f}" y2="{y}"/>'
                    f'<circle class="dot" cx="{value:.1f}" cy="{y}" r="4"/>'
                )
    return _svg(_WIDTH, foot + 4, label, parts)


def band_chart(
    curve: Sequence[tuple[float, Interval]], other: Sequence[tuple[float, Interval]], *, label: str
) -> Markup:
    """Draw a figure against a share from 0 to 1, with its band; `other` as a dashed line."""
    width, height, left, pad = _WIDTH - 110, 220, 90, 16
    ends = [i.low for _, i in curve] + [i.value for _, i in other]
    tops = [i.high for _, i in curve] + [i.value for _, i in other]
    low, high = min(0.0, *ends), max(0.0, *tops)
    size = (high - low) or 1.0

    def x(share: float) -> float:
        return left + share * width

    def y(value: float) -> float:
        return pad + (high - value) / size * height

    def line(kind: str, points: Sequence[tuple[float, float]]) -> str:
        return "".join(
            f'<line class="{kind}" x1="{x(a):.1f}" y1="{y(b):.1f}" '
            f'x2="{x(c):.1f}" y2="{y(d):.1f}"/>'
            for (a, b), (c, d) in pairwise(points)
        )

    parts = [line("axis", [(0.0, 0.0), (1.0, 0.0)])]
    parts += [
        f'<text x="{left - 8}" y="{y(value) + 4:.1f}" text-anchor="end">{value:,.0f}</text>'
        for value in sorted({low, 0.0, high})
    ]
    parts += [
        f'<text x="{x(share):.1f}" y="{height + pad + 18}" text-anchor="middle">'
        f"{100 * share:.0f} %</text>"
        for share in (0.0, 0.5, 1.0)
    ]
    parts += [line("range", [(share, i.low), (share, i.high)]) for share, i in curve]
    parts.append(line("range", [(share, i.value) for share, i in curve]))
    parts.append(line("guide", [(share, i.value) for share, i in other]))
    parts += [
        f'<circle class="dot" cx="{x(share):.1f}" cy="{y(i.value):.1f}" r="3"/>'
        for share, i in curve
    ]
    return _svg(_WIDTH, height + 2 * pad + 12, label, parts)


def _bars(rows: Sequence[tuple[str, float]], label: str) -> Markup:
    if not rows:
        return Markup("")
    top = max(value for _, value in rows) or 1.0
    room = _WIDTH - _LABEL - 60
    parts = []
    for row, (name, value) in enumerate(rows):
        y, length = row * _ROW, value / top * room
        parts.append(
            f'{_label(name, y)}<rect class="bar" x="{_LABEL}" y="{y + 5}" '
            f'width="{max(length, 1):.1f}" height="14" rx="2"/>'
            f'<text x="{_LABEL + length + 6:.1f}" y="{y + 17}">{value:.2f}</text>'
        )
    return _svg(_WIDTH, len(rows) * _ROW + 4, label, parts)


def _label(text: str, y: float, edge: int = _LABEL, most: int = 38) -> str:
    short = escape(_short(text, most))
    return f'<text x="{edge - 8}" y="{y + 17}" text-anchor="end">{short}</text>'


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _svg(width: float, height: float, label: str, parts: Sequence[str]) -> Markup:
    inside = "".join(parts)
    return Markup(  # noqa: S704 - every text inside was escaped above
        f'<svg role="img" aria-label="{escape(label)}" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}">{inside}</svg>'
    )
