"""Had we trained at several past moments, how would each model have done one horizon later?

At each origin a model is fitted anew, with only what was known then, and tested on the answers of
the horizon that followed. One lucky test cannot hide behind this, and a season that shifts the
level shows. The latest possible origin is the official test of `keepwell train`; it is left alone
unless it is asked for. A snapshot has no time: there it is repeated cross-validation over the
customers of the training side.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from features.dataset import Dataset
from features.history import observed_until
from governance.errors import InsufficientData, InvalidInput
from governance.instants import DAY_US, from_micros, to_micros, to_text
from training.backtest import (
    Backtest,
    Origin,
    Pool,
    Tested,
    pooled_baselines,
    pooled_differences,
    pooled_figures,
    season_words,
)
from training.baselines import fit_baselines
from training.evaluation.challenge import paired
from training.evaluation.evaluate import measure_on
from training.evaluation.pool import over_folds, over_origins
from training.evaluation.resample import resamples_of
from training.evaluation.season import season_of
from training.extract import Extract, Progress, extract
from training.fit import RiskClassifier
from training.request import TrainRequest, Workshop
from training.screen import worth_keeping
from training.split import default_test_as_of
from training.target_fit import coded_columns

ORIGINS, REPEATS, FEWEST_FOLDS = 4, 2, 2


def run_backtest(
    request: TrainRequest,
    workshop: Workshop,
    *,
    origins: int = ORIGINS,
    include_last: bool = False,
    now: datetime,
    progress: Progress = lambda _: None,
) -> Backtest:
    """Fit and test at `origins` past moments, one horizon apart; of a snapshot in as many folds.

    The definitions of features are today's, their values and the training labels those of each
    origin. Raises `InvalidInput` for fewer than one origin (two folds), `InsufficientData` when
    none can be tested.
    """
    snapshot = request.target.kind == "given"
    fewest = FEWEST_FOLDS if snapshot else 1
    if origins < fewest:
        raise InvalidInput(f"origins == {origins}, must be >= {fewest}")
    by = _by_folds if snapshot else _by_time
    return by(request, workshop, origins, include_last, now, progress)


def _by_time(
    request: TrainRequest,
    workshop: Workshop,
    origins: int,
    include_last: bool,
    now: datetime,
    progress: Progress,
) -> Backtest:
    horizon_days = request.target.horizon_days
    with workshop.database.read() as conn:
        until = observed_until(conn)
    if until is None:
        raise InsufficientData("there is no history", hint="import events first")
    official = default_test_as_of(to_micros(until), horizon_days)
    first = 0 if include_last else 1
    steps = range(origins + first - 1, first - 1, -1)
    tested: list[Tested] = []
    skipped = []
    for at in (from_micros(official - step * horizon_days * DAY_US) for step in steps):
        progress(f"origin {at:%Y-%m-%d}")
        try:
            data = _extract(request, workshop, at, now, progress)
        except (InsufficientData, InvalidInput) as error:
            skipped.append(f"{at:%Y-%m-%d}: {error.message}")
            continue
        tested.append(_test(request, data.train, data.test, f"{at:%Y-%m-%d}"))
    if not tested:
        raise InsufficientData(
            f"none of {origins} origins can be tested; {skipped[-1]}",
            hint="a shorter horizon or a longer history leaves room for origins",
        )
    kept = "is among them" if include_last else "was left alone"
    return _together(
        request,
        tested,
        over_origins,
        official_test=to_text(from_micros(official)),
        includes_official=include_last,
        skipped=skipped,
        said=f"{len(tested)} of {origins} origins, {horizon_days} days apart, each fitted with "
        f"what was known then and tested on the {horizon_days} days after it; the official test at "
        f"{from_micros(official):%Y-%m-%d} {kept}. Figures are brought together by a "
        "random-effects mean; the spread is the standard deviation between origins beyond chance.",
    )


def _by_folds(
    request: TrainRequest,
    workshop: Workshop,
    folds: int,
    include_last: bool,
    now: datetime,
    progress: Progress,
) -> Backtest:
    data = _extract(request, workshop, request.test_as_of, now, progress)
    everyone = _stacked(data.train, data.test) if include_last else data.train
    tested = []
    for repeat in range(REPEATS):
        dealt = StratifiedGroupKFold(folds, shuffle=True, random_state=request.seed + repeat)
        parts = dealt.split(everyone.values, everyone.y, everyone.customer_index)
        for fold, (train, test) in enumerate(parts):
            name = f"repeat {repeat + 1}, fold {fold + 1}"
            progress(name)
            learn, held = (np.isin(np.arange(len(everyone)), each) for each in (train, test))
            tested.append(_test(request, everyone.take(learn), everyone.take(held), name))
    kept = "are among them" if include_last else "were left alone"
    return _together(
        request,
        tested,
        partial(over_folds, test_share=1 / folds),
        official_test=f"{len(data.test)} customers, {data.split}",
        includes_official=include_last,
        skipped=(),
        said=f"a snapshot has no past to roll back to: {REPEATS} times {folds} folds over "
        f"customers instead; the {len(data.test):,} customers of the official test {kept}. "
        "Intervals allow for folds that share training rows; the spread is the standard deviation "
        "between folds.",
    )


def _stacked(first: Dataset, second: Dataset) -> Dataset:
    """Both sets of rows of one snapshot, one below the other."""
    return replace(
        first,
        values=np.concatenate([first.values, second.values]),
        y=np.concatenate([first.y, second.y]),
        customers=np.concatenate([first.customers, second.customers]),
        customer_index=np.concatenate([first.customer_index, second.customer_index]),
        as_of=np.concatenate([first.as_of, second.as_of]),
        nested=np.concatenate([first.nested, second.nested]),
    )


def _extract(
    request: TrainRequest,
    workshop: Workshop,
    at: datetime | None,
    now: datetime,
    progress: Progress,
) -> Extract:
    with workshop.database.read() as conn:
        return extract(
            conn,
            workshop.registry,
            workshop.store,
            request.target,
            test_as_of=at,
            split_file=request.split_file,
            inside_id=request.inside_id,
            exclude=request.exclude,
            features=request.features,
            seed=request.seed,
            now=now,
            progress=progress,
            as_known_then=True,
        )


def _test(request: TrainRequest, train: Dataset, test: Dataset, name: str) -> Tested:
    """Fit on `train`, read `test` once, with everything fitted anew: baselines, features, model."""
    rules = fit_baselines(train.values, train.y, train.definitions, request.target)
    simple = {rule: apply(test.values) for rule, apply in rules.items()}
    keep = worth_keeping(train, seed=request.seed)
    coded = [place for place in coded_columns(train) if keep[place]]
    classifier = RiskClassifier(
        trials=request.trials,
        calibration=request.calibration,
        refits=0,
        categorical=[int(np.sum(keep[:place])) for place in coded],
        random_state=request.seed,
    ).fit(
        train.values[:, keep],
        train.y,
        groups=train.customer_index,
        period_days=train.as_of / DAY_US,
    )
    probability = classifier.predict_proba(test.values[:, keep])[:, 1]
    drawn = resamples_of(test.customer_index, seed=request.seed)
    at = from_micros(int(test.as_of.max()))
    origin = Origin(
        name=name,
        rows=len(train),
        cutoffs=len(np.unique(train.as_of)),
        test=measure_on(at, test.y, probability, drawn),
        baselines={rule: measure_on(at, test.y, p, drawn) for rule, p in simple.items()},
        paired={rule: paired(test, probability, p) for rule, p in simple.items()},
        season=season_of(train, test, probability),
    )
    return Tested(origin, test.customer_index, test.y, probability)


def _together(
    request: TrainRequest,
    tested: Sequence[Tested],
    pool: Pool,
    *,
    official_test: str,
    includes_official: bool,
    skipped: Sequence[str],
    said: str,
) -> Backtest:
    origins = tuple(each.origin for each in tested)
    return Backtest(
        target=request.target.name,
        horizon_days=request.target.horizon_days,
        origins=origins,
        pooled=pooled_figures(tested, pool, seed=request.seed),
        baselines=pooled_baselines(tested, pool),
        differences=pooled_differences(tested, pool),
        official_test=official_test,
        includes_official=includes_official,
        skipped=tuple(skipped),
        said=said,
        season=season_words(origins),
    )
