"""Narrowing gaps between groups on request: what it would change and what it would cost.

Three ways, told beside the plain model on the same test people. Reweighing learns from rows whose
weights make outcome and group independent, and ships when it is asked for. Thresholds of their own
for groups, and fairlearn's reductions, are reported alone. No protected attribute becomes a
feature; the rows of people who permit both training and the fairness audit are all that is used.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.dataset import Dataset
from governance.errors import InsufficientData
from governance.fairness.gaps import least_in_rate
from governance.fairness.mitigation import GapChange, Mitigation
from governance.fairness.record import Limits
from governance.intervals import Interval, newcombe
from training.evaluation.evaluate import auc_difference, log_loss_difference
from training.evaluation.resample import Resamples, percentile, resamples_of
from training.fairness import Groups, latest_rows, selected_from
from training.fit import RiskClassifier
from training.group_thresholds import group_thresholds, selected_by_group
from training.model import Matrix, Vector
from training.reduction import reduced
from training.reweigh import balancing_weights

METHODS = ("threshold", "reweigh", "reduction")
CONSTRAINTS = ("equalized_odds", "demographic_parity", "true_positive_rate")

Flags = NDArray[np.bool_]
Labels = Mapping[str, Sequence[str | None]]

_REWEIGHED = "training rows weighed so that outcome and group are independent"
_MEASURES = {
    "demographic_parity": ("selection rate",),
    "true_positive_rate": ("true positive rate",),
    "equalized_odds": ("true positive rate", "false positive rate"),
}


class Ask(NamedTuple):
    """Which ways of narrowing gaps to try, and what is to come out alike."""

    methods: tuple[str, ...]
    constraint: str = "equalized_odds"


def training_weights(
    ask: Ask | None, train: Dataset, groups: Groups | None, *, min_group: int
) -> Vector | None:
    """Weights (n,) of the training rows where reweighing was asked for; None for all alike.

    Raises `InsufficientData` when something was asked for and there is nothing to do it by.
    """
    if ask is None or groups is None:
        return None
    labels = groups.labels(latest_rows(train))
    missing = groups.missing
    if not missing and not any(len(_large(own, min_group)) > 1 for own in labels.values()):
        missing = f"no attribute has two groups of {min_group} people or more"
    if missing:
        raise InsufficientData(
            f"gaps between groups cannot be narrowed: {missing}",
            hint="train without --mitigate, or import protected attributes and permissions first",
        )
    if "reweigh" not in ask.methods:
        return None
    return balancing_weights(train.y, groups.labels(train), min_group=min_group)


def mitigations(
    ask: Ask,
    train: Dataset,
    test: Dataset,
    *,
    plain: RiskClassifier,
    shipped: RiskClassifier,
    groups: Groups,
    limits: Limits,
    seed: int,
) -> tuple[Mitigation, ...]:
    """Hold what was asked for against the plain model, on the test people whose scores are known.

    `shipped` is the reweighed model where that was asked for, else the plain one. Which gap of an
    attribute is told of, and every threshold, is settled on the latest training rows.
    """
    latest = latest_rows(train)
    at = plain.predict_proba(latest.values)[:, 1]
    threshold = selected_from(at)
    probability = plain.predict_proba(test.values)[:, 1]
    bench = _Bench(
        test.y, groups.labels(test), probability, probability >= threshold, limits,
        resamples_of(test.customer_index, seed=seed),
    )  # fmt: skip
    then = groups.labels(latest)
    pairs = {
        name: tuple(_widest(latest.y, at >= threshold, labels, name, ask.constraint, limits))
        for name, labels in then.items()
    }

    def reweighed() -> Mitigation:
        cut = selected_from(shipped.predict_proba(latest.values)[:, 1])
        after = shipped.predict_proba(test.values)[:, 1]
        every = [pair for each in pairs.values() for pair in each]
        return bench.told(_Way("reweigh", ask.constraint, after >= cut, _REWEIGHED, after), every)

    def with_thresholds(name: str) -> Mitigation:
        cuts = group_thresholds(
            at, latest.y, then[name], constraint=ask.constraint,
            share=float((at >= threshold).mean()), min_group=limits.min_group,
        )  # fmt: skip
        flags = selected_by_group(probability, bench.labels[name], cuts, threshold)
        note = _what_it_takes(name, cuts)
        return bench.told(_Way("threshold", ask.constraint, flags, note), pairs[name])

    def reduction(name: str) -> Mitigation:
        flags = reduced(
            train.values, train.y, groups.labels(train)[name], test.values,
            constraint=ask.constraint, threshold=threshold, min_group=limits.min_group, seed=seed,
        )  # fmt: skip
        note = f"{_words(name)}: a mixture that decides by lot and gives no probability"
        if flags is None:
            flags, note = (
                bench.selected,
                f"{_words(name)}: too few people of two groups to learn by",
            )
        return bench.told(_Way("reduction", ask.constraint, flags, note), pairs[name])

    found: list[Mitigation] = []
    attributes = [name for name in pairs if pairs[name]]
    for method in ask.methods:
        if method == "reweigh":
            found.append(reweighed())
        elif method == "threshold":
            found += [with_thresholds(name) for name in attributes]
        else:
            found += [reduction(name) for name in attributes]
    return tuple(found)


class _Way(NamedTuple):
    """One way of narrowing: whom it selects (n,), and its probabilities where it has any."""

    method: str
    constraint: str
    selected: Flags
    note: str
    probability: Vector | None = None


class _Pair(NamedTuple):
    attribute: str
    group: str
    reference: str
    measure: str


class _Bench(NamedTuple):
    """The test people, how the plain model selects among them, and their groups."""

    y: Vector
    labels: Labels
    probability: Vector
    selected: Flags
    limits: Limits
    drawn: Resamples

    def told(self, way: _Way, pairs: Sequence[_Pair]) -> Mitigation:
        who = None if self.drawn.alone else self.drawn.groups
        area = loss = None
        if way.probability is not None:
            area = auc_difference(self.y, way.probability, self.probability, groups=who)
            loss = log_loss_difference(self.y, way.probability, self.probability, groups=who)
        return Mitigation(
            method=way.method,
            constraint=way.constraint,
            ships=way.method == "reweigh",
            gaps=tuple(self.change(pair, way.selected) for pair in pairs),
            selected_before=float(self.selected.mean()),
            selected_after=float(way.selected.mean()),
            auc=area,
            log_loss=loss,
            lift=self.lift(way.selected),
            note=way.note,
        )

    def change(self, pair: _Pair, after: Flags) -> GapChange:
        labels = self.labels[pair.attribute]
        ours, theirs = (
            _denominator(self.y, labels, group, pair.measure)
            for group in (pair.group, pair.reference)
        )
        if min(ours.sum(), theirs.sum()) < least_in_rate(self.limits):
            return GapChange(**pair._asdict(), before=None, after=None, change=None)

        def gap(flags: Flags) -> Interval | None:
            counts = [(int(flags[base].sum()), int(base.sum())) for base in (ours, theirs)]
            return newcombe(*counts[0], *counts[1])

        def narrowed(weights: Matrix) -> Matrix:
            gaps = [
                _rate(weights, f, ours) - _rate(weights, f, theirs) for f in (self.selected, after)
            ]
            return np.asarray(np.abs(gaps[1]) - np.abs(gaps[0]))[:, None]

        value = float(narrowed(np.ones((1, len(self.y))))[0, 0])
        change = percentile(value, self.drawn.of(narrowed)[:, 0])
        return GapChange(
            **pair._asdict(), before=gap(self.selected), after=gap(after), change=change
        )

    def lift(self, after: Flags) -> Interval | None:
        """Lift of those selected, after minus before; None where nobody is selected."""
        if not after.any() or not self.selected.any():
            return None

        def gained(weights: Matrix) -> Matrix:
            base = weights @ self.y / weights.sum(axis=1)
            with np.errstate(invalid="ignore", divide="ignore"):
                lifts = [(weights[:, f] @ self.y[f]) / weights[:, f].sum(axis=1) / base
                         for f in (self.selected, after)]  # fmt: skip
            return np.asarray(lifts[1] - lifts[0])[:, None]

        value = float(gained(np.ones((1, len(self.y))))[0, 0])
        return percentile(value, self.drawn.of(gained)[:, 0])


def _widest(
    y: Vector,
    selected: Flags,
    labels: Sequence[str | None],
    attribute: str,
    constraint: str,
    limits: Limits,
) -> Iterator[_Pair]:
    """Each measure's group that lies furthest from the largest one; none without two groups."""
    groups = _large(labels, limits.min_group)
    if len(groups) < 2:
        return
    reference = max(groups, key=lambda group: groups[group])
    for measure in _MEASURES[constraint]:
        rates = {}
        for group in groups:
            base = _denominator(y, labels, group, measure)
            if base.sum() >= least_in_rate(limits):
                rates[group] = float(selected[base].mean())
        if reference not in rates or len(rates) < 2:
            continue
        widest = max(
            (group for group in rates if group != reference),
            key=lambda group: abs(rates[group] - rates[reference]),
        )
        yield _Pair(attribute, widest, reference, measure)


def _denominator(y: Vector, labels: Sequence[str | None], group: str, measure: str) -> Flags:
    inside = np.array([label == group for label in labels], np.bool_)
    if measure == "selection rate":
        return inside
    return np.asarray(inside & (y == (1.0 if measure == "true positive rate" else 0.0)))


def _rate(weights: Matrix, selected: Flags, base: Flags) -> Vector:
    with np.errstate(invalid="ignore"):
        return np.asarray(weights[:, base & selected].sum(axis=1) / weights[:, base].sum(axis=1))


def _large(labels: Sequence[str | None], min_group: int) -> dict[str, int]:
    """Groups with at least `min_group` rows, and how many they have."""
    sizes = Counter(label for label in labels if label is not None)
    return {group: n for group, n in sorted(sizes.items()) if n >= min_group}


def _what_it_takes(attribute: str, cuts: Mapping[str, float]) -> str:
    each = ", ".join(f"{group} from {cut:.3f}" for group, cut in cuts.items())
    return (
        f"{_words(attribute)}: {each}; everyone's group would have to be known at every score, so "
        "it is never served"
    )


def _words(name: str) -> str:
    return name.replace("_", " ")
