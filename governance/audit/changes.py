"""What changed since the last signed model, and how far today has moved from training."""

from collections.abc import Iterator
from math import hypot
from typing import Any, NamedTuple

from governance.audit.format import Rows, percent, points, signed, words
from governance.audit.record import AuditReport, Before
from governance.fairness.record import Finding
from governance.instants import to_text
from governance.intervals import Interval, wilson
from governance.model.card import ModelFacts
from governance.model.evaluation import Paired

_PAIRED = ("auc", "log_loss", "brier")
_FIGURES = {
    "auc": "AUC",
    "average_precision": "average precision",
    "log_loss": "log loss",
    "brier": "Brier",
    "ece": "ECE",
    "lift_at_10": "lift in the top tenth",
}


class FigureChange(NamedTuple):
    """A figure then and now; `paired` says that both models answered for the same people."""

    figure: str
    then: Interval
    now: Interval
    difference: Interval
    paired: bool


class GapChange(NamedTuple):
    """One comparison of groups then and now; None where it was not made."""

    attribute: str
    group: str
    measure: str
    then: Finding | None
    now: Finding | None


class Change(NamedTuple):
    """Something else that is not as it was, in words."""

    what: str
    then: str
    now: str


def figure_changes(facts: ModelFacts, before: Before) -> list[FigureChange]:
    """Compare figures: on the same people where that was measured, else as independent samples."""
    champion = facts.evaluation.champion
    same: Paired | None = None
    if champion is not None and champion.model_digest == before.facts.model_digest:
        same = champion.difference
    found = []
    for name, told in _FIGURES.items():
        then, now = before.facts.test.interval(name), facts.test.interval(name)
        if same is not None and name in _PAIRED:
            found.append(FigureChange(told, then, now, getattr(same, name), True))
        else:
            found.append(FigureChange(told, then, now, _unpaired(now, then), False))
    return found


def gap_changes(report: AuditReport) -> list[GapChange]:
    """Put every comparison of groups beside the one of the last signed model."""
    before = report.before
    old = () if before is None or before.fairness is None else before.fairness.findings
    then = {(f.attribute, f.group, f.measure): f for f in old}
    now = {(f.attribute, f.group, f.measure): f for f in report.fairness.findings}
    return [
        GapChange(*key, then.get(key), now.get(key)) for key in sorted(then.keys() | now.keys())
    ]


def other_changes(facts: ModelFacts, before: Before) -> list[Change]:
    """Name what else differs: data, features, people who permit, code, thresholds."""
    return list(_others(before.facts, facts))


def changes_json(report: AuditReport) -> dict[str, Any] | None:
    """Give section 10 as plain JSON; None when there is no earlier signed model."""
    if report.before is None:
        return None
    return {
        "model_digest": report.before.facts.model_digest,
        "signed_at": to_text(report.before.signed_at),
        "reviewer": report.before.reviewer,
        "figures": [
            {
                "figure": each.figure,
                "then": each.then.to_json(),
                "now": each.now.to_json(),
                "difference": each.difference.to_json(),
                "paired": each.paired,
            }
            for each in figure_changes(report.facts, report.before)
        ],
        "gaps": [
            {
                "attribute": each.attribute,
                "group": each.group,
                "measure": each.measure,
                "then": None if each.then is None else each.then.difference.to_json(),
                "now": None if each.now is None else each.now.difference.to_json(),
            }
            for each in gap_changes(report)
        ],
        "other": [each._asdict() for each in other_changes(report.facts, report.before)],
    }


def changes_tables(report: AuditReport) -> dict[str, Rows | str]:
    """Give the tables of section 10."""
    empty: dict[str, Rows | str] = {
        "figure_change_rows": [], "gap_change_rows": [], "other_change_rows": [],
        "gap_change_text": "", "horizon_text": "",
    }  # fmt: skip
    if report.before is None:
        return empty
    text = ""
    if report.before.fairness is None or not report.before.fairness.findings:
        text = "The groups were not compared for the last signed model."
    elif not report.fairness.findings:
        text = f"The groups are not compared for this model: {report.fairness.reason}."
    return {
        "figure_change_rows": [
            (
                each.figure,
                str(each.then),
                str(each.now),
                signed(each.difference, "+.3g"),
                "same people" if each.paired else "other people, other time",
                _told(each.difference),
            )
            for each in figure_changes(report.facts, report.before)
        ],
        "gap_change_rows": [
            (
                f"{words(each.attribute)}: {each.group}",
                words(each.measure),
                *_gap(each.then),
                *_gap(each.now),
            )
            for each in gap_changes(report)
        ],
        "other_change_rows": [tuple(c) for c in other_changes(report.facts, report.before)],
        "gap_change_text": text,
        "horizon_text": _horizons(report.facts, report.before.facts),
    }


def drift_tables(report: AuditReport) -> dict[str, Rows]:
    """Give the tables of how far scores and features have moved since training."""
    drift = report.drift
    if drift is None:
        return {"drift_rows": [], "drift_feature_rows": []}
    return {
        "drift_rows": [
            ("people looked at", f"{drift.people:,}"),
            ("scores, stability index", _plain(drift.score_psi)),
            ("ranking since (AUC)", _plain(drift.auc)),
            (
                "came true minus predicted, points",
                "not known yet" if drift.gap is None else percent(drift.gap),
            ),
        ],
        "drift_feature_rows": [
            (each.feature, words(each.status), _plain(each.psi)) for each in drift.features
        ],
    }


def _others(old: ModelFacts, new: ModelFacts) -> Iterator[Change]:
    added, gone = set(new.features) - set(old.features), set(old.features) - set(new.features)
    yield Change("features added", "", ", ".join(sorted(added)) or "none")
    yield Change("features gone", ", ".join(sorted(gone)) or "none", "")
    yield Change("rows of training", f"{old.rows:,}", f"{new.rows:,}")
    yield Change("customers in training", f"{old.customers:,}", f"{new.customers:,}")
    yield Change("training instants", _span(old), _span(new))
    yield Change("tested at", to_text(old.test.as_of)[:10], to_text(new.test.as_of)[:10])
    yield Change("came true in the test, %", _rate(old), _rate(new))
    yield Change("people who permit training, %", _permitted(old), _permitted(new))
    yield Change("looks ahead, days", str(old.horizon_days), str(new.horizon_days))
    yield Change("counts as selected from", f"{old.threshold:.3f}", f"{new.threshold:.3f}")
    yield Change(
        "rows left out: we had acted", str(old.contaminated_rows), str(new.contaminated_rows)
    )
    for what, name in (
        ("data manifest", "data_manifest"),
        ("lock file", "lock_hash"),
        ("commit", "commit"),
    ):
        then, now = (
            getattr(old, name)[:12] or "not recorded",
            getattr(new, name)[:12] or "not recorded",
        )
        yield Change(what, then, "the same" if then == now else now)


def _unpaired(now: Interval, then: Interval) -> Interval:
    """Give the difference of two independent estimates (Newcombe's way, from their bounds)."""
    difference = now.value - then.value
    return Interval(
        difference,
        difference - hypot(now.value - now.low, then.high - then.value),
        difference + hypot(now.high - now.value, then.value - then.low),
    )


def _horizons(now: ModelFacts, then: ModelFacts) -> str:
    if now.horizon_days == then.horizon_days:
        return ""
    return (
        f"It looked {then.horizon_days} days ahead, this one looks {now.horizon_days}: they answer "
        "different questions, and a difference in figures is no gain or loss."
    )


def _gap(found: Finding | None) -> tuple[str, str]:
    if found is None:
        return "not compared", ""
    return points(found.difference), words(found.verdict)


def _told(difference: Interval) -> str:
    return "can be told apart" if difference.excludes_zero else "cannot be told from no change"


def _span(facts: ModelFacts) -> str:
    if not facts.cutoffs:
        return "not recorded"
    first, last = min(facts.cutoffs)[:10], max(facts.cutoffs)[:10]
    return f"{len(facts.cutoffs)}, {first} to {last}" if first != last else first


def _rate(facts: ModelFacts) -> str:
    return percent(wilson(facts.test.positives, facts.test.n))


def _permitted(facts: ModelFacts) -> str:
    people = sum(facts.permission.values())
    if not people:
        return "not recorded"
    permitted = facts.permission.get("permitted", 0)
    return f"{100 * permitted / people:.1f} ({permitted:,} of {people:,})"


def _plain(found: Interval | None) -> str:
    return "not known yet" if found is None else str(found)
