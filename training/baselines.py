"""What any model must beat: simple rules fitted on the same training rows.

`recency`: the time since the last order alone. `rfm_logistic`: recency, frequency and money by
logistic regression. `prevalence`: everyone gets the share of the training rows, where there are no
orders to look at. `personal_mean`: where people stand to their own usual level, of targets about
how they fare. What a column means comes from its definition, never from its name.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from features.definitions import DERIVED, FeatureDefinition
from features.targets.target import Target
from training.calibrate import fit_platt
from training.calibrator import sigmoid
from training.model import Matrix, Vector

Baseline = Callable[[Matrix], Vector]
"""From feature rows (n, k) to probabilities (n,)."""


def fit_baselines(
    values: Matrix, y: Vector, definitions: Sequence[FeatureDefinition], target: Target
) -> Mapping[str, Baseline]:
    """Fit every baseline that applies to training rows `values` (n, k), `y` (n,).

    Of targets about how people fare these are `prevalence` and, where their own level is among the
    features, `personal_mean`.
    """
    if target.is_personal:
        found = {"prevalence": _prevalence(y)}
        own = _standing(definitions, target)
        return found if own is None else found | {"personal_mean": _personal_mean(values, y, own)}
    event_kind = target.event_kind
    recency = _find(definitions, event_kind, "days_since_last")
    frequency = _find(definitions, event_kind, "count")
    money = _find(definitions, event_kind, "sum", column="value")
    if recency is None:
        return {"prevalence": _prevalence(y)}
    columns = [place for place in (recency, frequency, money) if place is not None]
    return {
        "recency": _recency(values, y, recency, -1.0 if target.kind in _COMING else 1.0),
        "rfm_logistic": _logistic(values, y, columns),
    }


def _find(
    definitions: Sequence[FeatureDefinition], kind: str, aggregate: str, *, column: str = ""
) -> int | None:
    """Place of the feature over the longest window that says this of one kind of event."""
    found = [
        (np.inf if definition.window_days is None else definition.window_days, -place)
        for place, definition in enumerate(definitions)
        if definition.kinds == (kind,)
        and definition.aggregate == aggregate
        and not definition.where
        and (not column or definition.column == column)
    ]
    return -int(max(found)[1]) if found else None


def personal_columns(definitions: Sequence[FeatureDefinition], target: Target) -> NDArray[np.bool_]:
    """Which features (k,) describe a person against their own usual level.

    Levels of survey answers for `wellbeing_decline`, tones of texts for `sentiment_shift`: means,
    latest, spread, change, decayed sums, and what is made of these alone. None for other targets.
    """
    column = {"wellbeing_decline": "level", "sentiment_shift": "sentiment"}.get(target.kind)
    own = {
        each.name
        for each in definitions
        if column is not None and each.column == column and each.aggregate in _PERSONAL
    }
    counts = {each.name for each in definitions if each.aggregate == "decayed_count"}
    size = -1
    while len(own) > size:  # until nothing more is made of them
        size = len(own)
        own |= {
            each.name
            for each in definitions
            if each.aggregate in DERIVED
            and own.intersection(each.of)
            and own.union(counts).issuperset(each.of)
        }
    return np.array([each.name in own for each in definitions], np.bool_)


def monotone_directions(
    definitions: Sequence[FeatureDefinition], target: Target
) -> NDArray[np.int8]:
    """Give +1 where the outcome can only get likelier with a feature (k,), −1 less, 0 unknown.

    Known is: silence gets likelier the longer the last event of its kind is ago, in days and in
    usual gaps, and less likely the more of them there were; buying at all (`clv`) the other way
    round; an end over failed payments gets likelier with each of them. Nothing is taken for known
    of how people fare, nor of the next need: that comes when its time has come.
    """
    turned = {"inactivity": 1, "silence": 1, "clv": -1}.get(target.kind, 0)
    found = np.zeros(len(definitions), np.int8)
    for place, each in enumerate(definitions):
        if each.where or len(each.kinds) != 1:
            continue
        if each.kinds == (target.event_kind,):
            found[place] = turned * _WITH_SILENCE.get(each.aggregate, 0)
        unpaid = each.kinds == ("payment_failed",) and each.aggregate in ("count", "decayed_count")
        if target.kind == "contract" and target.reason == "involuntary" and unpaid:
            found[place] = 1
    return found


_COMING = frozenset({"event", "next_need", "clv"})  # the sooner the last, the likelier the next
_PERSONAL = frozenset({"mean", "last", "min", "max", "std", "delta", "slope", "decayed_sum"})
_WITH_SILENCE = {"days_since_last": 1, "recency_over_gap": 1, "count": -1, "decayed_count": -1}
_Source = tuple[tuple[str, ...], tuple[tuple[str, str], ...]]
_ONE_ANSWER = 1.0  # how many answers everyone's mean counts for


def _standing(
    definitions: Sequence[FeatureDefinition], target: Target
) -> tuple[int, int, int, int] | None:
    """Places of a person's recent level, own mean, own spread and number of answers.

    Of the first source of the target's dimension, in its scheme's order, that has all of them.
    """
    if target.kind == "wellbeing_decline":
        sides = [each for each in target.scheme.dimensions if target.dimension == each.name]
        named = [x for side in sides for signal in side.signals for x in signal.instruments]
        sources: list[_Source] = [(("survey",), (("instrument", x),)) for x in named]
        column = "level"
    else:
        sources, column = [], "sentiment"
    sources += [(each.kinds, each.where) for each in definitions if each.column == column]
    for kinds, where in sources:
        mine = [
            k for k, each in enumerate(definitions) if (each.kinds, each.where) == (kinds, where)
        ]
        parts = {
            (definitions[k].aggregate, definitions[k].window_days): k
            for k in mine
            if definitions[k].column in (column, "")
        }
        windows = [days for name, days in parts if name == "mean" and days is not None]
        wanted = [
            ("mean", min(windows, default=None)),
            ("mean", None),
            ("std", None),
            ("count", None),
        ]
        if windows and all(each in parts for each in wanted):
            recent, mean, spread, count = (parts[each] for each in wanted)
            return recent, mean, spread, count
    return None


def _personal_mean(values: Matrix, y: Vector, places: tuple[int, int, int, int]) -> Baseline:
    """Logistic regression on (recent level − own shrunken mean), in points and in own spreads.

    shrunken mean = (answers · own mean + everyone's) ÷ (answers + 1), and the same of the spread;
    whoever has no recent level stands at their mean.
    """
    recent, mean, spread, count = places
    everyone = float(np.nanmean(values[:, mean])) if np.isfinite(values[:, mean]).any() else 0.0
    usual = float(np.nanmedian(values[:, spread])) if np.isfinite(values[:, spread]).any() else 1.0

    def standing(rows: Matrix) -> Matrix:
        answers = np.nan_to_num(rows[:, count])
        weight = answers / (answers + _ONE_ANSWER)
        own = weight * np.nan_to_num(rows[:, mean], nan=everyone) + (1 - weight) * everyone
        lies = weight * np.nan_to_num(rows[:, spread], nan=usual) + (1 - weight) * usual
        now = np.where(np.isnan(rows[:, recent]), own, rows[:, recent])
        return np.column_stack([now - own, (now - own) / np.maximum(lies, 1e-9), own])

    training = standing(values)
    centre, scale = training.mean(axis=0), training.std(axis=0)
    scale[scale == 0] = 1.0
    regression = LogisticRegression(C=1.0, max_iter=1000).fit((training - centre) / scale, y)

    def probability(rows: Matrix) -> Vector:
        return np.asarray(regression.predict_proba((standing(rows) - centre) / scale)[:, 1])

    return probability


def _prevalence(y: Vector) -> Baseline:
    share = float(np.mean(y))
    return lambda values: np.full(len(values), share)


def _recency(values: Matrix, y: Vector, place: int, sign: float) -> Baseline:
    usual = float(np.nanmedian(values[:, place])) if len(values) else 0.0

    def days(rows: Matrix) -> Vector:
        return sign * np.nan_to_num(rows[:, place], nan=usual)

    fitted = fit_platt(days(values), y)
    return lambda rows: sigmoid(fitted.apply(days(rows)))


def _logistic(values: Matrix, y: Vector, places: list[int]) -> Baseline:
    def scaled(rows: Matrix) -> Matrix:
        found = np.nan_to_num(rows[:, places])
        return np.asarray(np.sign(found) * np.log1p(np.abs(found)))

    training = scaled(values)
    centre, spread = training.mean(axis=0), training.std(axis=0)
    spread[spread == 0] = 1.0
    regression = LogisticRegression(C=1.0, max_iter=1000).fit((training - centre) / spread, y)

    def probability(rows: Matrix) -> Vector:
        return np.asarray(regression.predict_proba((scaled(rows) - centre) / spread)[:, 1])

    return probability
