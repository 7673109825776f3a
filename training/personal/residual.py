"""What comes next for a person: own mean, then recent days, then trees, each only if it helps.

The person first. Own reports, shrunken, explain most of what can be known; what is left is small,
and a model fitted to raw levels spends itself on telling people apart. So each step here explains
only what the step before left over, and ships only where held-out people show that it helps.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import lightgbm
import numpy as np
from numpy.typing import NDArray

from governance.errors import InsufficientData
from governance.intervals import Interval
from training.evaluation.resample import mean_with_interval
from training.personal.baseline import (
    HALF_LIVES_DAYS,
    Ahead,
    Ints,
    Matrix,
    PersonalMean,
    Reports,
    Vector,
    departures,
)

RIDGE = 30.0
TREES = ((2, 25), (2, 50), (2, 100), (4, 50))
"""Leaves and number of the trees tried, smallest first."""
CUTS = (0.5, 0.75)
"""At which shares of the reports, by day, training ends and later days begin."""
FOLDS = 5
FEWEST_ANSWERS = 50
FEWEST_PEOPLE = 10
MEMBERS = ("personal_mean", "recent_days", "trees")
_NORMAL_975 = 1.959963984540054


class Trial(NamedTuple):
    """One step tried beside the member kept so far, on people and on days it had not seen.

    `new_people` and `later_days`: by how much its squared error is lower, with the paired 95 %
    interval over people; None where too few could be asked, and then nothing is kept. `kept`: it
    helps new people by more than one standard error, and does not harm later days by more than
    one.
    """

    member: str
    instead_of: str
    new_people: Interval
    later_days: Interval | None
    kept: bool


@dataclass(frozen=True, eq=False)
class HeldOut:
    """What the shipped member expected of held-out people, (m,): `rows` of the reports, and
    `expected`. Empty when there were too few for a choice."""

    rows: Ints
    expected: Vector


@dataclass(frozen=True, eq=False)
class PersonalResidual:
    """expected = own shrunken mean + pull · departures + trees(departures, features).

    `pull` (h + 1,) is zero and `trees` None where a simpler member ships: `shipped` is
    "personal_mean", "recent_days" or "trees". `trials` says what was tried and by how much it
    helped, `held_out` what it expected where it could not have known.
    """

    mean: PersonalMean
    pull: Vector
    trees: lightgbm.Booster | None
    shipped: str
    trials: tuple[Trial, ...]
    held_out: HeldOut

    def expect(self, reports: Reports, features: Matrix | None = None) -> Vector:
        """What to expect of each person after each report, (n,); `features` as in `fit_personal`.

        Looks at no report and no feature row but those of the person up to that report.
        """
        base = self.mean.expect(reports)
        leanings = departures(reports, base)
        expected = base + leanings @ self.pull
        if self.trees is not None:
            columns = _columns(reports, base, leanings, features)
            expected = expected + np.asarray(self.trees.predict(columns, num_threads=1))
        return expected


def fit_personal(
    reports: Reports, ahead: Ahead, *, features: Matrix | None = None, seed: int = 0
) -> PersonalResidual:
    """Choose and fit the smallest member that serves; the same inputs give the same bytes.

    `ahead` says what followed each report; rows without an answer still tell who people are.
    `features` (n, k), NaN for missing: further columns for the trees, best as departures from the
    person's own usual. A step replaces the one before when the squared error of held-out people
    falls by more than one paired standard error, and that of later days, after training on earlier
    ones, does not rise by more than one. With fewer than 50 answers or 10 people nothing is tried
    and the shrunken mean ships. Raises `InsufficientData` without any answer, or with fewer than 2
    people.
    """
    answered = np.isfinite(ahead.value)
    if not answered.any():
        raise InsufficientData("no report has an answer after it: there is nothing to learn from")
    if _too_few(reports, answered):
        nobody = HeldOut(np.zeros(0, np.int64), np.zeros(0))
        return PersonalResidual(PersonalMean.fit(reports), _no_pull(), None, MEMBERS[0], (), nobody)
    people = _new_people(reports, ahead, features, seed)
    chosen, trials = _choose(people, _later_days(reports, ahead, features, seed))
    fitted = _fit(reports, ahead, features, answered, seed, only=chosen)
    return PersonalResidual(
        fitted.mean,
        fitted.pull,
        fitted.trees[0] if fitted.trees else None,
        _member(chosen),
        trials,
        HeldOut(people.rows, people.expected[chosen]),
    )


class _Asked(NamedTuple):
    """Rows (m,) that a fit had not seen, whose they are, the truth, all members' (t, m)."""

    rows: Ints
    people: Ints
    truth: Vector
    expected: Matrix

    def gain(self, member: int, instead_of: int) -> Interval:
        errors = (self.expected[[instead_of, member]] - self.truth) ** 2
        return mean_with_interval(errors[0] - errors[1], self.people)


class _Fitted(NamedTuple):
    mean: PersonalMean
    pull: Vector
    trees: list[lightgbm.Booster]

    def expect(self, reports: Reports, features: Matrix | None) -> Matrix:
        """Own mean, recent days, and each of the tree sizes, (2 + t, n)."""
        base = self.mean.expect(reports)
        leanings = departures(reports, base)
        recent = base + leanings @ self.pull
        columns = _columns(reports, base, leanings, features)
        grown = [recent + np.asarray(each.predict(columns, num_threads=1)) for each in self.trees]
        return np.stack([base, recent, *grown])


def _new_people(reports: Reports, ahead: Ahead, features: Matrix | None, seed: int) -> _Asked:
    """Every answered row, by fits that knew nothing of its person (5 folds of people)."""
    answered = np.isfinite(ahead.value)
    dealt = np.random.default_rng(seed).permutation(len(reports.begins)) % FOLDS
    side = dealt[np.unique(reports.person, return_inverse=True)[1]]
    parts = []
    for out in range(FOLDS):
        known, asked = side != out, (side == out) & answered
        if asked.any():
            fitted = _fit(reports, ahead, features, known & answered, seed, known=known)
            parts.append((np.flatnonzero(asked), fitted.expect(reports, features)[:, asked]))
    return _asked(reports, ahead, parts)


def _later_days(
    reports: Reports, ahead: Ahead, features: Matrix | None, seed: int
) -> _Asked | None:
    """Rows of later days, by fits to what was known before them; None where that is too little."""
    answered = np.isfinite(ahead.value)
    cuts = [float(np.quantile(reports.day, share)) for share in CUTS] + [np.inf]
    parts = []
    for cut, until in pairwise(cuts):
        known = reports.day <= cut
        learnt = answered & (ahead.known_day <= cut)
        asked = (reports.day > cut) & (reports.day <= until) & answered
        if not _too_few(reports, learnt) and asked.any():
            fitted = _fit(reports, ahead, features, learnt, seed, known=known)
            parts.append((np.flatnonzero(asked), fitted.expect(reports, features)[:, asked]))
    found = _asked(reports, ahead, parts) if parts else None
    return None if found is None or len(np.unique(found.people)) < FEWEST_PEOPLE else found


def _asked(reports: Reports, ahead: Ahead, parts: Sequence[tuple[Ints, Matrix]]) -> _Asked:
    rows = np.concatenate([each for each, _ in parts])
    expected = np.concatenate([each for _, each in parts], axis=1)
    return _Asked(rows, reports.person[rows], ahead.value[rows], expected)


def _too_few(reports: Reports, answered: NDArray[np.bool_]) -> bool:
    people = len(np.unique(reports.person[answered]))
    return int(answered.sum()) < FEWEST_ANSWERS or people < FEWEST_PEOPLE


def _fit(
    reports: Reports,
    ahead: Ahead,
    features: Matrix | None,
    learnt: NDArray[np.bool_],
    seed: int,
    *,
    only: int | None = None,
    known: NDArray[np.bool_] | None = None,
) -> _Fitted:
    """Fit on rows `learnt` (n,), people's mean on rows `known`; `only` one member, or all."""
    mean = PersonalMean.fit(reports if known is None else reports.take(known))
    base = mean.expect(reports)
    if only == 0:
        return _Fitted(mean, _no_pull(), [])
    leanings = departures(reports, base)
    left = ahead.value[learnt] - base[learnt]
    x = leanings[learnt]
    pull = np.asarray(np.linalg.solve(x.T @ x + RIDGE * np.eye(x.shape[1]), x.T @ left))
    sizes = TREES if only is None else TREES[only - 2 : only - 1] if only >= 2 else ()
    if not sizes:
        return _Fitted(mean, pull, [])
    columns = _columns(reports, base, leanings, features)[learnt]
    return _Fitted(mean, pull, [_grow(columns, left - x @ pull, size, seed) for size in sizes])


def _grow(columns: Matrix, left: Vector, size: tuple[int, int], seed: int) -> lightgbm.Booster:
    parameters = {
        "objective": "l2",
        "num_leaves": size[0],
        "learning_rate": 0.05,
        "min_data_in_leaf": 30,
        "lambda_l2": 10.0,
        "feature_fraction": 0.3,
        "boost_from_average": False,
        "deterministic": True,
        "force_col_wise": True,
        "num_threads": 1,
        "seed": seed,
        "verbosity": -1,
    }
    return lightgbm.train(parameters, lightgbm.Dataset(columns, left), size[1])


def _choose(people: _Asked, later: _Asked | None) -> tuple[int, tuple[Trial, ...]]:
    """Walk from the simplest member up; the trees of least error stand for all sizes."""
    errors = ((people.expected - people.truth) ** 2).mean(axis=1)
    kept, trials = 0, []
    for member in (1, 2 + int(np.argmin(errors[2:]))):
        helps = people.gain(member, kept)
        harms = None if later is None else later.gain(member, kept)
        better = (
            helps.value > standard_error(helps)
            and harms is not None
            and harms.value > -standard_error(harms)
        )
        trials.append(Trial(_member(member), _member(kept), helps, harms, better))
        kept = member if better else kept
    return kept, tuple(trials)


def standard_error(found: Interval) -> float:
    """One standard error of an estimate with a normal 95 % interval."""
    return (found.high - found.low) / (2 * _NORMAL_975)


def _columns(reports: Reports, base: Vector, leanings: Matrix, features: Matrix | None) -> Matrix:
    """What the trees look at, (n, j): all of it relative to the person, but for the own mean."""
    gap = np.diff(reports.day, prepend=np.nan)
    gap[reports.begins] = np.nan
    own = np.column_stack([base, leanings, reports.count(), gap])
    return own if features is None else np.column_stack([own, features])


def _member(place: int) -> str:
    return MEMBERS[min(place, 2)]


def _no_pull() -> Vector:
    return np.zeros(len(HALF_LIVES_DAYS) + 1)
