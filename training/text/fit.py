"""Fits a home's own text model, and says whether it reads texts better than the word lists.

TF-IDF of words (1-2) and characters (2-5) with the scores of the word lists, into a ridge;
compared by 5-fold cross-validation over groups of texts, so that no text is judged by a model that
saw another of its group.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack
from sklearn.linear_model import Ridge
from sklearn.model_selection import GroupKFold

from features.text.grams import Grams, grams
from features.text.model import TextModel, lexicon_scores, weighted
from features.text.sentiment import measurable, scorer_version, sentiment
from governance.errors import InsufficientData
from governance.intervals import Interval

FEWEST_LABELS = 100
FOLDS = 5
_PENALTY = 2.0
_SEEN_IN = 2
_RESAMPLES = 1_000

Floats = NDArray[np.float64]


class Labelled(NamedTuple):
    """Texts with a person's rating (n,) of each, and the group each belongs to.

    A group is what must not be split: a review, a customer. Texts that are the same belong together
    anyway.
    """

    texts: Sequence[str]
    ratings: Floats
    groups: Sequence[str]


class TextComparison(NamedTuple):
    """How well the word lists and a trained model agree with people's ratings.

    Pearson's r with 95 % intervals from 1,000 resamples of groups; `difference` is paired, model
    minus word lists. `not_measured` texts count as neutral for the word lists and take no part in
    training. `others` are further scorers' r on the same texts.
    """

    labels: int
    groups: int
    not_measured: int
    lexicon: Interval
    model: Interval
    difference: Interval
    others: Mapping[str, Interval]

    @property
    def better(self) -> bool:
        """Whether the trained model may replace the word lists: its lead excludes zero."""
        return self.difference.low > 0


def compare(
    labelled: Labelled, *, seed: int = 0, others: Mapping[str, Floats] | None = None
) -> TextComparison:
    """Compare a trained model with the word lists on texts it has not seen.

    `others` are scores (n,) by further scorers, to be set beside. Raises `InsufficientData` below
    100 measured labels, or where ratings or groups do not vary.
    """
    cleaned = [measurable(text) for text in labelled.texts]
    kept = np.array([each is not None for each in cleaned])
    texts = [each for each in cleaned if each is not None]
    group = _group_numbers(labelled)
    ratings = labelled.ratings[kept]
    _check(ratings, group[kept])
    predicted = np.full(len(labelled.texts), float(ratings.mean()))
    predicted[kept] = _out_of_fold(texts, ratings, group[kept], seed)
    listed = np.array([each or 0.0 for each in sentiment(labelled.texts)])
    scores = {"lexicon": listed, "model": predicted, **(others or {})}
    draws = _draws(scores, labelled.ratings, group, seed)
    return TextComparison(
        labels=len(labelled.texts),
        groups=int(group.max()) + 1,
        not_measured=int((~kept).sum()),
        lexicon=_interval(draws["lexicon"]),
        model=_interval(draws["model"]),
        difference=_interval(draws["model"] - draws["lexicon"]),
        others={name: _interval(draws[name]) for name in others or {}},
    )


def fit(labelled: Labelled, *, low: float, high: float) -> TextModel:
    """Fit a model to all measured texts; ratings lie on a scale from `low` to `high`.

    Raises `InsufficientData` as `compare` does.
    """
    cleaned = [measurable(text) for text in labelled.texts]
    kept = np.array([each is not None for each in cleaned])
    texts = [each for each in cleaned if each is not None]
    ratings = labelled.ratings[kept]
    _check(ratings, _group_numbers(labelled)[kept])
    return _fit(grams(texts), lexicon_scores(texts), ratings, low=low, high=high)


def vader_scores(texts: Sequence[str]) -> Floats:
    """Give VADER's compound score of each text (n,), -1 to 1, as a yardstick."""
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    analyser = SentimentIntensityAnalyzer()
    return np.array([analyser.polarity_scores(text)["compound"] for text in texts])


def _fit(found: Grams, listed: Floats, ratings: Floats, *, low: float, high: float) -> TextModel:
    known, seen = np.unique(found.hashed, return_counts=True)
    known, seen = known[seen >= _SEEN_IN], seen[seen >= _SEEN_IN]
    idf = np.log((1 + len(ratings)) / (1 + seen)) + 1
    row, column, value = weighted(found, known, idf)
    table = csr_matrix((value, (row, column)), shape=(len(ratings), len(known)))
    ridge = Ridge(alpha=_PENALTY, solver="sparse_cg", tol=1e-4)
    ridge.fit(hstack([table, csr_matrix(listed)]).tocsr(), ratings)
    return TextModel(
        hashed=known,
        idf=idf,
        weights=ridge.coef_[: len(known)],
        lexicon_weights=tuple(float(each) for each in ridge.coef_[len(known) :]),
        intercept=float(ridge.intercept_),
        low=low,
        high=high,
        scorer=scorer_version(),
        labels=len(ratings),
    )


def _out_of_fold(
    texts: Sequence[str], ratings: Floats, group: NDArray[np.int64], seed: int
) -> Floats:
    found, listed = grams(texts), lexicon_scores(texts)
    predicted = np.zeros(len(texts))
    folds = GroupKFold(FOLDS, shuffle=True, random_state=seed)
    for seen, unseen in folds.split(ratings, groups=group):
        model = _fit(_rows(found, seen), listed[seen], ratings[seen], low=-1, high=1)
        predicted[unseen] = model.ratings([texts[k] for k in unseen])
    return predicted


def _rows(found: Grams, rows: NDArray[np.int64]) -> Grams:
    place = np.full(int(found.row.max(initial=-1)) + 1, -1)
    place[rows[rows < len(place)]] = np.flatnonzero(rows < len(place))
    kept = place[found.row] >= 0
    return Grams(place[found.row[kept]], found.hashed[kept], found.times[kept])


def _group_numbers(labelled: Labelled) -> NDArray[np.int64]:
    """Number the groups, those that share a text as one."""
    leader: dict[str, str] = {}

    def top(name: str) -> str:
        while leader.setdefault(name, name) != name:
            leader[name] = name = leader[leader[name]]
        return name

    for text, group in zip(labelled.texts, labelled.groups, strict=True):
        leader[top(f"group {group}")] = top(f"text {' '.join(text.lower().split())}")
    tops = [top(f"group {group}") for group in labelled.groups]
    return np.unique(np.array(tops), return_inverse=True)[1].astype(np.int64)


def _check(ratings: Floats, group: NDArray[np.int64]) -> None:
    if len(ratings) < FEWEST_LABELS:
        raise InsufficientData(
            f"{len(ratings)} labelled texts can be measured, at least {FEWEST_LABELS} are needed",
            hint="label more English texts; until then the word lists are used",
        )
    if len(np.unique(group)) < 2 * FOLDS:
        raise InsufficientData(
            f"the texts make {len(np.unique(group))} groups, at least {2 * FOLDS} are needed",
            hint="label texts of more customers or reviews",
        )
    if float(ratings.std()) == 0:
        raise InsufficientData("every rating is the same", hint="label good and bad texts")


def _draws(
    scores: Mapping[str, Floats], ratings: Floats, group: NDArray[np.int64], seed: int
) -> dict[str, Floats]:
    """Give each scorer's r (1 + 1000,): on the data, then on resampled groups, the same for all."""
    size = int(group.max()) + 1
    rng = np.random.default_rng(seed)
    times = np.vstack([np.ones(size), rng.multinomial(size, np.full(size, 1 / size), _RESAMPLES)])
    found = {}
    for name, x in scores.items():
        columns = (np.ones(len(x)), x, ratings, x * x, ratings * ratings, x * ratings)
        per_group = np.column_stack([np.bincount(group, each, minlength=size) for each in columns])
        n, sx, sy, sxx, syy, sxy = (times @ per_group).T
        spread = np.sqrt(np.maximum(n * sxx - sx * sx, 0) * np.maximum(n * syy - sy * sy, 0))
        found[name] = np.divide(
            n * sxy - sx * sy, spread, out=np.zeros(len(n)), where=spread > 1e-12
        )
    return found


def _interval(draws: Floats) -> Interval:
    low, high = np.percentile(draws[1:], [2.5, 97.5])
    return Interval(float(draws[0]), float(low), float(high))
