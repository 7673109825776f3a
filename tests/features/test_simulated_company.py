"""The streamed company: the same whatever its size, and its planted truth can be found again."""

import json
import tomllib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from features.importing.mapping import load_mapping
from features.importing.run import import_source
from features.simulate.block import Block, make_block
from features.simulate.life import PILOT_WEEK, WEEKS
from features.simulate.states import help_some, wander
from features.simulate.stream import StreamedCompany, write_stream
from features.simulate.words import graded_texts
from features.simulate.world import DIMENSIONS, WORSE_OFF_AREA, World
from features.store import HistoryStore
from features.text.sentiment import sentiment
from governance.errors import ConfigurationError, InvalidInput
from outcomes.randomised.lift import difference
from serving.database import Database

END = datetime(2026, 11, 1, 15, 30, tzinfo=UTC)
DAY = END.replace(hour=0, minute=0)
WORLD = World()


@pytest.fixture(scope="module")
def made() -> Block:
    return make_block(0, 7, size=5_000, keep=5_000, end=DAY, world=WORLD, truth_every_weeks=1)


@pytest.fixture(scope="module")
def events(made: Block) -> pd.DataFrame:
    frame: pd.DataFrame = made.events.to_pandas()
    return frame


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> StreamedCompany:
    return write_stream(250, 3, tmp_path_factory.mktemp("company"), end=END, block_customers=100)


def test_a_customers_rows_are_the_same_in_a_larger_company(tmp_path: Path) -> None:
    small = write_stream(130, 3, tmp_path / "small", end=END, block_customers=100)
    large = write_stream(300, 3, tmp_path / "large", end=END, block_customers=100)
    few = pq.read_table(small.events_file)
    many = pq.read_table(large.events_file)

    whose = set(few["customer_id"].to_pylist())
    kept = [each in whose for each in many["customer_id"].to_pylist()]

    assert many.filter(kept).to_pylist() == few.to_pylist()


def test_each_block_is_one_row_group(company: StreamedCompany) -> None:
    assert pq.ParquetFile(company.events_file).num_row_groups == 3


def test_what_is_counted_is_what_was_written(company: StreamedCompany) -> None:
    assert pq.ParquetFile(company.events_file).metadata.num_rows == company.events


def test_mappings_are_sound_and_name_the_files_beside_them(company: StreamedCompany) -> None:
    for path in company.mappings:
        mapping = load_mapping(path)
        assert mapping.source_path is not None
        assert mapping.source_path.exists()


def test_every_kind_of_the_file_has_a_mapping(company: StreamedCompany) -> None:
    found = set(pq.read_table(company.events_file, columns=["kind"])["kind"].to_pylist())

    assert found <= {event.kind for event in load_mapping(company.mappings[1]).events}


def test_permissions_are_those_of_the_customers_written(company: StreamedCompany) -> None:
    rows = [json.loads(line) for line in company.permissions.read_text().splitlines()]
    customers = pq.read_table(company.mappings[0].with_suffix(".parquet"))["customer_id"]

    assert {row["customer_id"] for row in rows} <= set(customers.to_pylist())
    assert tomllib.loads(company.mappings[0].read_text())["customer"]["attributes"]


def test_nothing_is_known_at_or_after_the_end(events: pd.DataFrame) -> None:
    assert events["known_at"].max() < pd.Timestamp(DAY)


def test_the_planted_share_of_rows_is_late(events: pd.DataFrame) -> None:
    early = events["occurred_at"] < pd.Timestamp(DAY) - pd.Timedelta(days=90)
    late = (events["known_at"] > events["occurred_at"])[early & (events["kind"] == "session")]

    assert late.mean() == pytest.approx(WORLD.late_share, abs=0.01)


def test_most_wrong_rows_are_put_right_later(made: Block, events: pd.DataFrame) -> None:
    faults = made.truth_faults.to_pandas()
    pointed = set(events["corrects"].dropna()) | set(events["retracts"].dropna())

    assert len(faults) > 500
    assert faults["mended"].mean() == pytest.approx(WORLD.mended_share, abs=0.04)
    arrived = faults[faults["mended"]]["event_id"].isin(pointed)
    assert arrived.mean() > 0.97  # the rest would arrive after the end


def test_a_correction_says_what_was_meant_at_first(events: pd.DataFrame) -> None:
    orders = events[events["kind"] == "order"].set_index("event_id")
    mended = orders[orders["corrects"].notna()]
    wrong = orders.loc[mended["corrects"]]

    assert np.allclose(wrong["value"].to_numpy(), mended["value"].to_numpy() * 100)
    assert (wrong["known_at"].to_numpy() < mended["known_at"].to_numpy()).all()


def test_orders_follow_the_planted_year(events: pd.DataFrame, made: Block) -> None:
    """Orders a week per customer there, on cos of the day of the year: twice its mean product."""
    plain = events[(events["kind"] == "order") & ~events["event_id"].str.endswith(("d", "u", "m"))]
    week = ((plain["occurred_at"] - pd.Timestamp(DAY)) // pd.Timedelta(weeks=1) + WEEKS).to_numpy()
    people = made.truth_people.to_pandas()
    weeks = np.arange(WEEKS)[:, None]
    here = (people["joined_week"].to_numpy() <= weeks) & (people["left_week"].to_numpy() > weeks)
    rate = np.bincount(week, minlength=WEEKS) / here.sum(axis=1)
    start = pd.Timestamp(DAY) - pd.Timedelta(weeks=WEEKS)
    days = np.array([(start + pd.Timedelta(days=7 * w + 3)).day_of_year for w in range(WEEKS)])
    turn = 2 * np.pi * (days - WORLD.peak_day) / 365.25

    slope = np.polyfit(np.cos(turn), rate / rate.mean(), 1)[0]

    assert slope == pytest.approx(WORLD.yearly_amplitude, abs=0.05)


def test_orders_follow_the_planted_week(events: pd.DataFrame) -> None:
    orders = events[events["kind"] == "order"]
    share = orders["occurred_at"].dt.day_of_week.value_counts(normalize=True).sort_index()

    assert WORLD.weekday_share is not None
    assert np.allclose(share.to_numpy(), WORLD.weekday_share, atol=0.01)


def test_the_worse_off_area_is_worse_off_by_the_planted_points(made: Block) -> None:
    truth = made.truth_weeks.to_pandas().query("week < @PILOT_WEEK")
    area = made.truth_people.to_pandas().set_index("customer_id")["area"]
    mean = truth.groupby("customer_id")[list(DIMENSIONS)].mean()
    coast = area.loc[mean.index] == WORSE_OFF_AREA

    gap = mean[~coast].mean() - mean[coast].mean()

    assert np.allclose(gap, WORLD.area_gap_points, atol=1.3)


def test_the_pilot_lifts_states_by_the_planted_points_and_fades() -> None:
    rng = np.random.default_rng(5)
    before = wander(200, rng, WORLD)
    after = help_some(before, np.arange(200) < 100, WORLD)

    given = (after.points - before.points)[:, :100].mean(axis=1)

    assert np.allclose(given[PILOT_WEEK], WORLD.pilot_points, atol=0.1)
    left = WORLD.pilot_points[0] * 0.5 ** (9 * 7 / WORLD.pilot_half_life_days)
    assert given[PILOT_WEEK + 9, 0] == pytest.approx(left, abs=0.1)
    assert np.all(after.points[:, 100:] == before.points[:, 100:])


def test_the_pilots_effect_on_leaving_is_found_by_lift(made: Block) -> None:
    """In the 8 weeks after its start; what is expected follows from the held-out hazard."""
    people = made.truth_people.to_pandas().query("in_pilot")
    left = people["left_week"] < PILOT_WEEK + 8
    treated = people["treated"]

    found = difference(left[treated].astype(float), left[~treated].astype(float))

    weeks = np.arange(8)
    fade = 0.5 ** (weeks * 7 / 60)
    held = left[~treated].mean()
    expected = held * (np.exp(-0.9 * fade).mean() - 1)
    assert found.low is not None
    assert found.high is not None
    assert found.low <= expected <= found.high
    assert found.high < 0


def test_people_who_fare_worse_leave_more_often(made: Block) -> None:
    truth = made.truth_weeks.to_pandas().query("week == 50")
    mean = truth[list(DIMENSIONS)].mean(axis=1)
    here = truth["hazard"] > 0
    worse = mean < mean[here].quantile(0.25)

    ratio = truth["hazard"][here & worse].mean() / truth["hazard"][here & ~worse].mean()

    points = mean[here & ~worse].mean() - mean[here & worse].mean()
    assert ratio == pytest.approx(np.exp(WORLD.hazard_per_10_points * points / 10), rel=0.25)


def test_texts_mean_what_they_say_they_mean() -> None:
    texts = graded_texts()
    found = np.array(sentiment([str(text) for text in texts.text]), np.float64)

    assert np.corrcoef(found, texts.meant)[0, 1] > 0.75


def test_a_negated_praise_is_half_a_complaint() -> None:
    texts = dict(zip(*graded_texts(), strict=True))

    assert texts["About the app: it is not great."] == pytest.approx(-0.35)
    assert texts["About the app: it is really great. 🙂"] == 1.0


def test_people_write_as_they_feel(made: Block, events: pd.DataFrame) -> None:
    texts = made.truth_texts.to_pandas().merge(
        events[["event_id", "occurred_at"]], on="event_id", how="left"
    )
    start = pd.Timestamp(DAY) - pd.Timedelta(weeks=WEEKS)
    texts["week"] = (texts["occurred_at"] - start) // pd.Timedelta(weeks=1)
    felt = texts.merge(made.truth_weeks.to_pandas(), on=["customer_id", "week"])

    assert felt["meant"].corr(felt["emotional"]) > 0.6


def test_the_real_import_takes_every_row_but_impossible_answers(
    company: StreamedCompany, tmp_path: Path, sqlite_database: Database
) -> None:
    store = HistoryStore(tmp_path / "history")
    written, rejected = 0, 0
    for path in company.mappings:
        done = import_source(
            load_mapping(path),
            database=sqlite_database,
            store=store,
            now=END,
            rejects_path=tmp_path / f"{path.stem}.csv",
        )
        assert (done.conflicts, done.not_selected, done.repeated_lines) == (0, 0, 0)
        written += done.events_written
        rejected += done.rejected

    events = pq.read_table(company.events_file).to_pandas()
    impossible = (events["kind"] == "survey") & (events["value"] > 50)
    assert rejected == impossible.sum() > 0
    assert written == company.events - rejected + 2 * company.customers  # joined and profile


@pytest.mark.parametrize(("customers", "size"), [(0, 10), (5, 0)])
def test_impossible_sizes_are_refused(customers: int, size: int, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput):
        write_stream(customers, 1, tmp_path, end=END, block_customers=size)


def test_every_mistake_of_a_world_is_told_at_once() -> None:
    with pytest.raises(ConfigurationError) as told:
        replace(WORLD, late_share=2, late_days=0)

    assert len(told.value.problems) == 2
