"""Daily mood of 63 people: the next report, the next seven days, and a decline.

Rolling forward: for every calendar month that has a month with reports before it, whatever is
chosen or fitted sees only what was known when the month began, and is asked at each report of it.
"""

import time
from pathlib import Path
from typing import NamedTuple

import lightgbm
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from benchmarks.quality_figures import (
    Ints,
    Line,
    Matrix,
    Table,
    Vector,
    compare_expectations,
    compare_probabilities,
)
from governance.intervals import Interval
from training.calibrate import fit_platt
from training.personal.baseline import Ahead, Ewm, PersonalMean, Reports, mean_ahead, next_report
from training.personal.decline import DeclineModel, DeclineRule
from training.personal.residual import fit_personal

FILE = "lifesnaps_daily/daily_fitbit_sema_df_unprocessed.csv"
GOOD, BAD = ("HAPPY", "RESTED/RELAXED", "ALERT"), ("SAD", "TENSE/ANXIOUS", "TIRED")
WORN = ("stress_score", "resting_hr", "steps", "sleep_duration", "rmssd", "minutesAwake")
RULE = DeclineRule()
FEWEST_BEFORE = 100
PROTOCOL = (
    "rolling forward: fitted to what was known at the start of each calendar month, asked at every "
    "report of it (5 months)"
)


class Diary(NamedTuple):
    """Reports, the first day of each one's month (n,), what was worn against the own usual."""

    reports: Reports
    month_start: Vector
    worn: Matrix


class Month(NamedTuple):
    """What was expected at the reports `asked` of one month, by name."""

    asked: Ints
    expected: dict[str, Vector]
    shipped: str


def lifesnaps(data_dir: Path) -> list[Table]:
    diary = read(data_dir / FILE)
    following = next_report(diary.reports)
    week = mean_ahead(diary.reports, days=RULE.ahead_days, fewest=RULE.fewest_ahead)
    return [
        _values(diary, following, "valence of the next report"),
        _values(diary, week, "mean valence of the next 7 days, of at least 4 reports"),
        _declines(diary, week),
    ]


def read(file: Path) -> Diary:
    """Read the days with a mood report; valence = good moods told − bad moods told, −3 … 3."""
    table = pd.read_csv(file, low_memory=False).sort_values(["id", "date"], kind="stable")
    dates = pd.to_datetime(table["date"])
    worn = np.column_stack([_departure(table, name) for name in WORN])
    told = table[[*GOOD, *BAD]].notna().all(axis=1).to_numpy()
    valence = table[list(GOOD)].sum(axis=1) - table[list(BAD)].sum(axis=1)
    day = (dates - pd.Timestamp("1970-01-01")).dt.days.to_numpy(np.float64)
    begins = dates.dt.to_period("M").dt.start_time
    start = (begins - pd.Timestamp("1970-01-01")).dt.days.to_numpy(np.float64)
    reports, order = Reports.of(table["id"][told], day[told], valence[told])
    starts = np.asarray(start[told][order], dtype=np.float64)
    return Diary(reports, starts, worn[told][order])


def _departure(table: pd.DataFrame, name: str) -> Vector:
    """Own last 7 days of what was worn − own mean so far, in own standard deviations so far."""
    days = pd.to_datetime(table["date"])
    value = pd.Series(pd.to_numeric(table[name], errors="coerce").to_numpy(), index=days)
    out = np.full(len(table), np.nan)
    for rows in table.groupby("id", sort=False).indices.values():
        own = value.iloc[rows]
        usual, spread = own.expanding(5).mean(), own.expanding(5).std()
        recent = own.rolling("7D", min_periods=1).mean()
        out[rows] = ((recent - usual) / spread.where(spread > 0)).to_numpy()
    return out


def _values(diary: Diary, ahead: Ahead, task: str) -> Table:
    began = time.perf_counter()
    months = [_month(diary, ahead, start) for start in _starts(diary)]
    asked, scores = _joined(months)
    lines = compare_expectations(ahead.value[asked], scores, diary.reports.person[asked])
    return Table(
        "lifesnaps",
        task,
        PROTOCOL,
        _rows(diary, asked),
        lines,
        (_shipped(months), _margin(lines)),
        time.perf_counter() - began,
    )


def _month(diary: Diary, ahead: Ahead, start: float) -> Month:
    reports = diary.reports
    known = reports.day < start
    seen, past = _before(reports, ahead, start)
    ours = fit_personal(seen, past, features=diary.worn[known])
    expected = {
        "Keepwell": ours.expect(reports, diary.worn),
        "personal EWM (.3)": Ewm(0.3).expect(reports),
        "shrunken personal mean": PersonalMean.fit(seen).expect(reports),
        "LightGBM on raw levels": _raw_levels(diary, ahead, known & (ahead.known_day < start)),
    }
    asked = np.flatnonzero((diary.month_start == start) & np.isfinite(ahead.value))
    return Month(asked, {name: each[asked] for name, each in expected.items()}, ours.shipped)


def _raw_levels(diary: Diary, ahead: Ahead, learnt: NDArray[np.bool_]) -> Vector:
    """What a tree model says that is left to find out by itself who people are."""
    reports = diary.reports
    recent = [reports.trailing(days).mean for days in (3.0, 7.0, 28.0)]
    columns = np.column_stack(
        [reports.value, *recent, reports.total() / reports.count(), reports.count(), diary.worn]
    )
    rows = learnt & np.isfinite(ahead.value)
    parameters = {
        "objective": "l2", "num_leaves": 4, "learning_rate": 0.05, "min_data_in_leaf": 20,
        "deterministic": True, "force_col_wise": True, "num_threads": 1, "verbosity": -1,
    }  # fmt: skip
    data = lightgbm.Dataset(columns[rows], ahead.value[rows])
    return np.asarray(lightgbm.train(parameters, data, 100).predict(columns, num_threads=1))


def _declines(diary: Diary, week: Ahead) -> Table:
    began = time.perf_counter()
    reports = diary.reports
    threshold = RULE.threshold(reports)
    truth = RULE.happened(threshold, week)
    months = [_decline_month(diary, week, threshold, truth, start) for start in _starts(diary)]
    asked, scores = _joined(months)
    lines = compare_probabilities(
        truth[asked], scores, reports.person[asked], [np.arange(len(asked))]
    )
    return Table(
        "lifesnaps",
        "decline: mean of the next 7 days ≥ .5 own SD below own trailing 28 days",
        f"{PROTOCOL}; at least 5 reports in the 28 days, 4 in the 7",
        f"{_rows(diary, asked)}, {np.mean(truth[asked]):.3f} declined",
        lines,
        (_shipped(months),),
        time.perf_counter() - began,
    )


def _decline_month(
    diary: Diary, week: Ahead, threshold: Vector, truth: Vector, start: float
) -> Month:
    """Ours, and the simple expectations made probabilities by logistic regression."""
    reports = diary.reports
    seen, past = _before(reports, week, start)
    known = reports.day < start
    ours = fit_personal(seen, past, features=diary.worn[known])
    model = DeclineModel.fit(RULE, ours, seen, past)
    learnt = known & (week.known_day < start) & np.isfinite(truth)
    asked = np.flatnonzero((diary.month_start == start) & np.isfinite(truth))
    told = {"Keepwell": model.decline_probability(reports, diary.worn)[asked]}
    for name, expected in (
        ("personal EWM (.3)", Ewm(0.3).expect(reports)),
        ("shrunken personal mean", PersonalMean.fit(seen).expect(reports)),
    ):
        gap = threshold - expected
        told[name] = expit(fit_platt(gap[learnt], truth[learnt]).apply(gap[asked]))
    told["share so far"] = np.full(len(asked), float(truth[learnt].mean()))
    return Month(asked, told, ours.shipped)


def _before(reports: Reports, ahead: Ahead, start: float) -> tuple[Reports, Ahead]:
    """What was reported, and what had followed it, when the day `start` began."""
    known = reports.day < start
    value = np.where(ahead.known_day < start, ahead.value, np.nan)
    return reports.take(known), Ahead(value[known], ahead.reports[known], ahead.known_day[known])


def _starts(diary: Diary) -> list[float]:
    """The beginnings of the months asked about: those with 100 reports before."""
    starts = np.unique(diary.month_start)
    return [float(start) for start in starts if (diary.reports.day < start).sum() >= FEWEST_BEFORE]


def _joined(months: list[Month]) -> tuple[Ints, dict[str, Vector]]:
    asked = np.concatenate([month.asked for month in months])
    names = months[0].expected
    return asked, {
        name: np.concatenate([month.expected[name] for month in months]) for name in names
    }


def _rows(diary: Diary, asked: Ints) -> str:
    return f"{len(asked):,} reports of {len(np.unique(diary.reports.person[asked]))} people"


def _shipped(months: list[Month]) -> str:
    found = [month.shipped.replace("_", " ") for month in months]
    return f"shipped month by month: {', '.join(found)}"


def _margin(lines: tuple[Line, ...]) -> str:
    """By how much our error is smaller than that of the exponentially weighted mean."""
    ours, ewm = (each.figures["rmse"] for each in lines[:2])
    assert isinstance(ours, Interval)
    assert isinstance(ewm, Interval)
    return f"RMSE {100 * (1 - ours.value / ewm.value):.1f} % below {lines[1].name}"
