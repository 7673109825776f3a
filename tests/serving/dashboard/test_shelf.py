"""Figures are kept as they were taken, and read no further than they are shown."""

from datetime import timedelta

import pytest

from governance.errors import NotFound
from serving.dashboard.figure import Cell, Column, Figure
from serving.dashboard.shelf import is_due, keep, read_figure, read_layer, taken_at
from serving.dashboard.table_file import csv_of, file_name
from tests.serving.conftest import Shop

MAY = Cell(every="month", period="2026-05", start="2026-05-01", end="2026-06-01")
STAYED = Figure(
    name="stayed",
    layer="executive",
    title="Who stayed",
    unit="share",
    shape="trend",
    about="active at both ends ÷ active at the start",
    columns=(Column("period", "Month"), Column("value", "Stayed"), Column("people", "People")),
    cells=(
        MAY._replace(value=0.9, low=0.8, high=0.95, people=40),
        MAY._replace(segment="town=Delft", value=0.95, people=20),
        MAY._replace(segment="town==Ede", note="too few people to show", hidden=True),
        MAY._replace(every="week", period="2026-W20", value=0.99, people=40),
    ),
)
LEFT = STAYED._replace(name="left", title="Who left", cells=STAYED.cells[:1])


@pytest.fixture
def kept(shop: Shop) -> Shop:
    with shop.keepwell.database.write() as conn:
        assert keep(conn, [STAYED, LEFT], now=shop.clock()) == 2
    return shop


def test_what_is_kept_is_read_as_it_was_in_its_order(kept: Shop) -> None:
    with kept.keepwell.database.read() as conn:
        found = read_layer(conn, "executive")
        assert [each.name for each in found] == ["stayed", "left"]
        assert sorted(found[0].cells) == sorted(STAYED.cells)
        assert found[0].columns == STAYED.columns
        assert found[0].taken_at == taken_at(conn)
        assert read_layer(conn, "research") == ()


def test_of_a_segment_only_its_cells_and_those_of_everyone_are_read(kept: Shop) -> None:
    with kept.keepwell.database.read() as conn:
        found = read_figure(conn, "stayed", segment="town=Delft")
    assert {cell.segment for cell in found.cells} == {"", "town=Delft"}
    assert found.segments == ("", "town==Ede", "town=Delft")
    assert found.calendars == ("week", "month")


def test_a_new_look_takes_the_place_of_the_last_one(kept: Shop) -> None:
    with kept.keepwell.database.write() as conn:
        keep(conn, [LEFT], now=kept.clock())
        with pytest.raises(NotFound):
            read_figure(conn, "stayed")
        assert [each.name for each in read_layer(conn, "executive")] == ["left"]


@pytest.mark.parametrize("name", ["nothing", "stayed#0"])
def test_a_figure_there_is_not_is_not_found(kept: Shop, name: str) -> None:
    with kept.keepwell.database.read() as conn, pytest.raises(NotFound, match="no such figure"):
        read_figure(conn, name)


def test_a_look_is_due_when_there_is_none_and_a_day_after_the_last(kept: Shop) -> None:
    with kept.keepwell.database.read() as conn:
        at = taken_at(conn)
        assert at is not None
        assert not is_due(conn, now=at + timedelta(hours=23))
        assert is_due(conn, now=at + timedelta(days=1))


def test_before_the_first_look_there_is_nothing(shop: Shop) -> None:
    with shop.keepwell.database.read() as conn:
        assert read_layer(conn, "executive") == ()
        assert is_due(conn, now=shop.clock())


def test_a_file_holds_what_is_shown_of_the_segment_and_calendar_alone() -> None:
    assert csv_of(STAYED, STAYED.shown()).splitlines() == [
        "Month,Stayed,People,segment,unit,note",
        "2026-05,0.9,40,everyone,share,",
    ]
    weeks = csv_of(STAYED, STAYED.shown(every="week"))
    assert weeks.splitlines()[1:] == ["2026-W20,0.99,40,everyone,share,"]


def test_what_is_hidden_is_an_empty_field_with_its_reason() -> None:
    [_, line] = csv_of(STAYED, STAYED.shown(segment="town==Ede")).splitlines()
    assert line == "2026-05,,,town==Ede,share,too few people to show"


def test_a_file_holds_nothing_that_a_spreadsheet_would_calculate() -> None:
    made = STAYED._replace(cells=(MAY._replace(segment="=cmd()", value=1.0, note="+1"),))
    [_, line] = csv_of(made, made.shown(segment="=cmd()")).splitlines()
    assert line == "2026-05,1,,'=cmd(),share,'+1"


def test_a_file_keeps_every_digit() -> None:
    made = STAYED._replace(cells=(MAY._replace(value=1_234_567.89, people=1_234_567),))
    [_, line] = csv_of(made, made.cells).splitlines()
    assert line == "2026-05,1234567.89,1234567,everyone,share,"


def test_a_file_of_a_histogram_counts_people() -> None:
    bands = STAYED._replace(shape="histogram", scale="0–100", cells=(MAY._replace(value=7.0),))
    [_, line] = csv_of(bands, bands.cells).splitlines()
    assert line == "2026-05,7,,everyone,people,"


def test_what_is_not_told_of_a_segment_or_calendar_is_told_of_what_there_is() -> None:
    asked = STAYED.shown(segment="town=Rome", every="quarter")
    assert asked == STAYED.shown()
    assert STAYED.shown(segment="town=Delft", first="2026-06-01") == ()


def test_a_file_is_named_after_the_figure_and_what_was_chosen() -> None:
    assert file_name(STAYED, segment="town==Ede") == "stayed-town--Ede-month.csv"
    assert file_name(STAYED, segment="town=Rome", every="quarter") == "stayed-month.csv"
    assert file_name(STAYED._replace(cells=())) == "stayed.csv"
