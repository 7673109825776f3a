"""What the audit report shows of groups: rates, gaps, calibration, proxies and mitigations."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from markupsafe import Markup

from governance.audit.charts import panel_chart
from governance.audit.format import Rows, count, percent, points, signed, words
from governance.fairness.gaps import ERROR_RATES, beyond
from governance.fairness.mitigation import Mitigation
from governance.fairness.proxies import Proxy
from governance.fairness.record import FairnessResult, GroupCell
from governance.intervals import wilson

_RATES = ("selection_rate", "tpr", "fpr", "fnr", "ppv")
_DRAWN = {
    "selection_rate": "flagged, of everyone",
    "fpr": "flagged without need",
    "fnr": "overlooked",
}
_FOUR_FIFTHS = {None: "cannot say", True: "yes", False: "no"}


def fairness_tables(fairness: FairnessResult) -> dict[str, Any]:
    """Give the tables and charts of sections 5 to 7 and 11, and of the proxy check."""
    rows = _in_order(fairness)
    beyond_limit = list(_crossed_beyond(fairness))
    return {
        "rate_chart": _rate_chart(rows),
        "count_rows": _counts(rows),
        "rate_rows": _rates(rows),
        "crossed": list(_crossed(fairness.intersections)),
        "crossed_beyond": beyond_limit,
        "share_rows": list(_shares(fairness)),
        "from_largest_rows": _apart(fairness, "from_largest"),
        "from_all_rows": _apart(fairness, "from_all"),
        "impact_rows": [
            (
                _name(r),
                r.reference,
                "not estimable" if r.ratio is None else str(r.ratio),
                _FOUR_FIFTHS[r.below_four_fifths],
            )
            for r in fairness.impact_ratios
        ],
        "held_rows": [
            (
                _name(f),
                f.measure,
                f.reference,
                points(f.difference),
                f"{100 * f.limit:.0f}",
                words(f.verdict),
            )
            for f in fairness.findings
        ],
        "thin_rows": [(_name(t), t.what) for t in fairness.thin],
        "calibration_rows": [
            (
                _name(c),
                f"{c.n:,}",
                f"{100 * c.predicted:.1f}",
                percent(c.observed),
                *("too few people" if x is None else f"{100 * x:.1f}" for x in (c.error, c.chance)),
            )
            for c in fairness.calibration
        ],
        "bin_rows": [
            (_name(b), f"{b.n:,}", f"{100 * b.predicted:.1f}", percent(b.observed))
            for b in fairness.bins
        ],
        "sweep_rows": [
            (
                _name(s),
                f"{s.threshold:.3f}",
                *(percent(rate) for rate in (s.selection_rate, s.tpr, s.fpr)),
            )
            for s in fairness.sweep
        ],
        "proxy_rows": [_proxy(p) for p in fairness.proxies],
        "mitigation_rows": [row for m in fairness.mitigations for row in _gaps(m)],
        "mitigation_cost_rows": [_cost(m) for m in fairness.mitigations],
    }


def _name(row: Any) -> str:
    return f"{words(row.attribute)}: {row.group}" if row.attribute else str(row.group)


def _in_order(fairness: FairnessResult) -> list[GroupCell]:
    """Every attribute's groups, and after them those whose group is not known."""
    names = dict.fromkeys(cell.attribute for cell in (*fairness.groups, *fairness.unknown))
    every = (*fairness.groups, *fairness.unknown)
    return [cell for name in names for cell in every if cell.attribute == name]


def _counts(cells: Iterable[GroupCell]) -> Rows:
    return [
        (_name(c), *(f"{n or 0:,}" for n in (c.n, c.positives, c.negatives, c.selected)))
        if c.shown
        else (_name(c), count(None), "", "", "")
        for c in cells
    ]


def _rates(cells: Iterable[GroupCell]) -> Rows:
    return [(_name(c), *(percent(getattr(c, rate)) for rate in _RATES)) for c in cells if c.n]


def _rate_chart(cells: Sequence[GroupCell]) -> Markup:
    rows = [(_name(c), [getattr(c, rate) for rate in _DRAWN]) for c in cells if c.n]
    label = "Per group, with 95 % intervals: " + ", ".join(_DRAWN.values())
    return panel_chart(rows, tuple(_DRAWN.values()), label=label)


def _shares(fairness: FairnessResult) -> Iterator[Sequence[object]]:
    """Each group's part of everyone, of those flagged, flagged without need, and overlooked."""
    rows = [cell for cell in _in_order(fairness) if cell.n]
    for cell in rows:
        others = [each for each in rows if each.attribute == cell.attribute]
        parts = []
        for of in (_everyone, _flagged, _flagged_without_need, _overlooked):
            parts.append(percent(wilson(of(cell), sum(map(of, others)))))
        yield (_name(cell), *parts)


def _everyone(cell: GroupCell) -> int:
    return cell.n or 0


def _flagged(cell: GroupCell) -> int:
    return cell.selected or 0


def _flagged_without_need(cell: GroupCell) -> int:
    return cell.false_positives or 0


def _overlooked(cell: GroupCell) -> int:
    return (cell.positives or 0) - (cell.true_positives or 0)


def _apart(fairness: FairnessResult, which: str) -> Rows:
    """One row per group: how far each of its rates lies from the largest group's, or from all."""
    found: dict[tuple[str, str], list[str]] = {}
    for d in fairness.differences:
        if d.reference and not (which == "from_largest" and d.group == d.reference):
            found.setdefault((d.attribute, d.group), []).append(points(getattr(d, which)))
    return [(f"{words(name)}: {group}", *told) for (name, group), told in found.items()]


def _crossed(cells: Sequence[GroupCell]) -> Iterator[tuple[str, Rows, Rows]]:
    """Each two attributes together: their names, the rates and the counts of their cells."""
    for pair in dict.fromkeys(cell.attribute for cell in cells):
        inside = [cell._replace(attribute="") for cell in cells if cell.attribute == pair]
        yield words(pair), _rates(inside), _counts(inside)


def _crossed_beyond(fairness: FairnessResult) -> Iterator[str]:
    limit = fairness.limits.max_rate_gap
    for d in fairness.differences:
        apart = d.from_all
        if not d.reference and d.measure in ERROR_RATES and apart and beyond(apart, limit):
            yield f"{_name(d)}: {d.measure} differs from that of all by {points(apart)} points"


def _proxy(found: Proxy) -> Sequence[object]:
    carried = "; ".join(
        f"{words(each.feature)} ({100 * each.score_share:.0f} %)" for each in found.carriers
    )
    told = "too few people" if found.auc is None else percent(found.auc)
    verdict = f"{found.strength} {found.verdict}".strip()
    together = f"{100 * found.score_share:.0f} %" if found.carriers else ""
    return (_name(found), told, verdict, carried, together)


def _gaps(found: Mitigation) -> Iterator[Sequence[object]]:
    for gap in found.gaps:
        yield (
            found.method,
            f"{words(gap.attribute)}: {gap.group} − {gap.reference}, {gap.measure}",
            points(gap.before),
            points(gap.after),
            points(gap.change),
        )


def _cost(found: Mitigation) -> Sequence[object]:
    return (
        found.method,
        *(
            "none of its own" if each is None else signed(each)
            for each in (found.auc, found.log_loss)
        ),
        "not estimable" if found.lift is None else signed(found.lift),
        f"{100 * found.selected_before:.1f} → {100 * found.selected_after:.1f}",
        "this model" if found.ships else "not served",
        found.note,
    )
