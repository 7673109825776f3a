"""Figures of the dashboard as cards, tables and pictures, from a few cells made by hand."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from serving.dashboard.figure import Cell, Column, Figure
from serving.dashboard.notes import Note
from serving.pages.staff.dashboard import filters_of, page_of, taken
from serving.pages.staff.dashboard_notes import marks_of, noted
from serving.pages.staff.figure_card import card_of
from serving.pages.staff.figure_picture import drawn
from serving.pages.staff.figure_table import groups_of, table_of
from serving.pages.staff.figure_view import View, read_view
from serving.pages.staff.figure_words import axis, change, interval, said

FEW = "too few people to show"
MONTHS = (
    ("2026-01", "2026-01-01", "2026-02-01"),
    ("2026-02", "2026-02-01", "2026-03-01"),
    ("2026-03", "2026-03-01", "2026-04-01"),
)
COLUMNS = (
    Column("period", "Period"),
    Column("value", "Value"),
    Column("low", "95 % from"),
    Column("high", "to"),
    Column("people", "People"),
)


def cell(month: int, value: float | None, wide: float = 0.02, segment: str = "") -> Cell:
    period, start, end = MONTHS[month]
    place = Cell(every="month", period=period, start=start, end=end, segment=segment)
    if value is None:
        return place._replace(note=FEW, hidden=True)
    return place._replace(value=value, low=value - wide, high=value + wide, people=100)


def trend(*cells: Cell) -> Figure:
    return Figure(
        name="retention", layer="executive", title="Customers who stayed", unit="share",
        shape="trend", about="stayed ÷ active at the start", columns=COLUMNS, cells=cells,
        goal="up", taken_at=datetime(2026, 4, 1, tzinfo=UTC),
    )  # fmt: skip


STAYED = trend(
    cell(0, 0.80), cell(1, None), cell(2, 0.90),
    cell(2, 0.95, segment="country=Malta"), cell(1, None, segment="country=Malta"),
)  # fmt: skip


def test_a_card_tells_the_last_figure_its_interval_and_its_change() -> None:
    card = card_of(STAYED, View())
    assert (card.headline, card.between, card.when) == (
        "90.0\u202f%",
        "88.0 to 92.0\u202f%",
        "Mar 26",
    )
    assert card.change == ("up from 80.0\u202f% in Jan 26", "good")
    assert card.why == ("1 of 3 not shown: too few people to show.",)
    assert card.alt == (
        "Customers who stayed by month. 80.0\u202f% in Jan 26, 90.0\u202f% in Mar 26. 1 not shown."
    )


def test_a_change_within_the_interval_of_the_difference_is_no_clear_change() -> None:
    found = change((cell(0, 0.80), cell(1, 0.82)), STAYED)
    assert found is not None
    assert found == ("no clear change from 80.0\u202f% in Jan 26", "")


def test_a_period_that_still_runs_is_not_held_to_a_whole_one() -> None:
    running = cell(2, 0.40)._replace(note="so far, as given on 2026-03-09")
    card = card_of(trend(cell(0, 0.80), cell(1, 0.82), running), View())
    assert (card.headline, card.when, card.change) == ("40.0\u202f%", "Mar 26, so far", None)


def test_a_number_and_its_interval_are_in_one_unit() -> None:
    slow = trend(cell(0, 125.0, wide=25.0))._replace(unit="seconds")
    card, [row] = card_of(slow, View()), table_of(slow, View()).rows
    assert (card.headline, card.between) == ("2.1\u202fmin", "1.7 to 2.5\u202fmin")
    assert row.fields[1:4] == ("2.1\u202fmin", "1.7\u202fmin", "2.5\u202fmin")
    ticks = axis(slow, slow.cells)
    assert (ticks(60.0), ticks(150.0)) == ("1\u202fmin", "2.5\u202fmin")


def test_what_is_not_shown_leaves_a_gap_in_the_picture() -> None:
    svg = drawn(STAYED, View(), marks_of([_note(15)], ZoneInfo("UTC"))).decode()
    assert ">Jan 26</text>" in svg
    assert ">1</text>" in svg
    whole = drawn(trend(cell(0, 0.8), cell(1, 0.85), cell(2, 0.9)), View()).decode()
    assert svg.count("<use") < whole.count("<use")


def test_a_choice_goes_round_through_its_address() -> None:
    view = read_view("country=Malta & Gozo", "quarter", "2026-01-01", "")
    assert view.query() == "?segment=country%3DMalta%20%26%20Gozo&every=quarter&from=2026-01-01"
    assert read_view("", "fortnight", "1st of May", "") == View()


def test_days_that_were_chosen_hold_whole_periods() -> None:
    shown = View(first="2026-02-01", last="2026-04-01").cells(STAYED)
    assert [each.period for each in shown] == ["2026-02", "2026-03"]


def test_a_figure_without_the_segment_or_calendar_says_for_whom_it_is() -> None:
    only = trend(cell(0, 0.8))
    card = card_of(only, View(segment="plan=plus", every="week"))
    assert card.why == (
        "Of everyone: this figure is not told by group.",
        "By month: this is not told by week.",
    )


def test_a_table_writes_every_cell_under_its_heading() -> None:
    table = table_of(STAYED, View())
    assert [each.said for each in table.headings] == [each.heading for each in COLUMNS]
    assert table.rows[0].fields == ("2026-01", "80.0\u202f%", "78.0\u202f%", "82.0\u202f%", "100")
    assert table.rows[1] == (("2026-02", "not shown", "–", "–", "–"), FEW)


def test_groups_are_told_of_the_last_period() -> None:
    period, groups = groups_of(STAYED, View())
    assert period == "2026-03"
    assert [(each.name, each.said) for each in groups] == [("Malta", "95.0\u202f%")]
    assert groups[0].href == "/staff/figures/retention?segment=country%3DMalta"


def test_segments_and_periods_can_be_chosen() -> None:
    found = filters_of([STAYED], View(first="2026-02-01"))
    assert [(group.name, group.options) for group in found.groups] == [
        ("country", (("country=Malta", "Malta"),))
    ]
    assert found.chosen == "Everyone, by month, from 2026-02"


@pytest.mark.parametrize(
    ("unit", "scale", "value", "written"),
    [
        ("money", "EUR", 41234.5, "41\u202f234\u202fEUR"),
        ("points", "", -2.25, "\u22122.2\u202fpoints"),
        ("seconds", "", 420, "7.0\u202fmin"),
        ("count", "", 1200, "1\u202f200"),
        ("ratio", "", 1.833, "1.83"),
        ("share", "", None, "not shown"),
    ],
)
def test_numbers_are_written_with_their_unit(
    unit: str, scale: str, value: float | None, written: str
) -> None:
    assert said(value, STAYED._replace(unit=unit, scale=scale)) == written  # type: ignore[arg-type]


def test_an_interval_without_a_value_is_not_written() -> None:
    assert interval(cell(1, None), STAYED) == ""


def test_a_headline_that_cannot_be_told_says_why() -> None:
    lift = Figure(
        name="lift", layer="executive", title="Lift", unit="points", shape="headline", about="",
        columns=(), cells=(Cell(row="note", note="cannot say yet: 22 people are within 90 days"),),
    )  # fmt: skip
    page = page_of(
        "executive", [lift, trend()], View(), taken_at=None, now=datetime(2026, 4, 1, tzinfo=UTC)
    )
    assert [(tile.headline, tile.why) for tile in page.tiles] == [
        ("cannot say", ("22 people are within 90 days.",))
    ]
    assert [card.title for card in page.silent] == ["Customers who stayed"]


def test_bars_of_which_none_can_be_shown_say_why() -> None:
    hidden = (cell(0, None)._replace(row="price"), cell(1, None)._replace(row="quality"))
    card = card_of(trend(*hidden)._replace(shape="bars"), View())
    assert (card.picture, card.why) == ("", ("Not shown: too few people to show.",))


SHAPES = {
    "bars": (Cell(row="at_risk", value=3.0, low=2.0, high=4.0), Cell(row="other", note=FEW)),
    "histogram": (
        Cell(row="a", x=0.0, x_to=0.5, value=9.0),
        Cell(row="a", x=0.5, x_to=1.0, note=FEW, hidden=True),
        Cell(row="b", x=0.0, x_to=0.5, value=5.0),
    ),
    "survival": (Cell(row="2026-Q1", x=90.0, value=0.8, low=0.7, high=0.9),),
    "calibration": (
        Cell(row="at_risk", x=0.1, value=0.1, low=0.05, high=0.2),
        Cell(row="other", x=0.3, value=0.4, low=0.2, high=0.6),
    ),
    "headline": (
        Cell(row="first", value=2.0, low=1.0, high=3.0),
        Cell(row="second", value=0.5, low=-1.0, high=2.0),
        Cell(row="third", note="cannot say"),
    ),
}
LABELS = {
    "bars": ("at risk", "not shown"),
    "histogram": ("a, at most 9", "b, at most 5", "·"),
    "survival": ("2026-Q1", "days since they came"),
    "calibration": ("at risk", "chance that was given"),
    "headline": ("first", "cannot say", "+2.0\u202fpoints"),
}


@pytest.mark.parametrize("shape", sorted(SHAPES))
def test_every_shape_is_drawn_with_its_labels(shape: str) -> None:
    unit = "points" if shape == "headline" else "share"
    figure = trend()._replace(shape=shape, cells=SHAPES[shape], unit=unit)  # type: ignore[arg-type]
    svg = drawn(figure, View()).decode()
    assert all(f">{label}</text>" in svg for label in LABELS[shape])
    assert "var(--mark)" in svg


def test_notes_are_numbered_as_in_pictures_and_taken_away_by_their_writer() -> None:
    notes = [_note(1), _note(15, by="Ada", note_id="n-2"), _note(20, by="Bob", note_id="n-3")]
    found = noted(
        notes, View(first="2026-02-02"), (), zone=ZoneInfo("UTC"),
        now=datetime(2026, 4, 1, tzinfo=UTC), writer="Ada", may_write=True, may_remove_all=False,
    )  # fmt: skip
    assert [(line.number, line.by, line.note_id) for line in found.lines] == [
        (3, "Bob", ""),
        (2, "Ada", "n-2"),
    ]


@pytest.mark.parametrize(
    ("hours", "age", "is_old"),
    [(0, "just now", False), (1, "1 hour ago", False), (72, "3 days ago", True)],
)
def test_the_age_of_a_look_is_said(hours: int, age: str, is_old: bool) -> None:
    at = datetime(2026, 4, 1, tzinfo=UTC)
    found = taken(at, datetime(2026, 4, 1 + hours // 24, hours % 24, tzinfo=UTC))
    assert (found.age, found.is_old) == (age, is_old)


def _note(day: int, by: str = "", note_id: str = "") -> Note:
    return Note(datetime(2026, 2, day, tzinfo=UTC), "Prices went up", note_id, by)
