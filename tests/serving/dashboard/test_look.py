"""A whole look at a company: what is kept, and what two looks tell together."""

import csv
import io
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import combinations

import pytest

from governance.errors import InsufficientData, PermissionRefused
from governance.instants import to_text
from governance.log.ledger import entries
from serving.dashboard import look as module
from serving.dashboard.figure import EVERY, LAYERS, Figure
from serving.dashboard.journey_look import drawn_journeys
from serving.dashboard.look import ORDER, take_look
from serving.dashboard.shelf import is_due, read_figure, read_layer
from serving.dashboard.table_file import csv_of
from serving.intake import take_events
from serving.permission.consents import withdraw
from serving.rights.acts import erase
from tests.serving.conftest import Shop

LEAST = 5
PEOPLE = [f"c{k}" for k in range(30)]


def town(k: int) -> str:
    """Thirty live in three towns, two of them where nobody else does."""
    return "Delft" if k < 16 else "Gouda" if k < 28 else "Ede"


def tongue(k: int) -> str:
    return "dutch" if k < 18 else "frisian"


Orders = dict[tuple[str, datetime], float]


def orders() -> Orders:
    found: Orders = {}
    for k, who in enumerate(PEOPLE):
        for month in range(8):
            if (k * 7 + month * 5) % 3:
                day = datetime(2025, 10, 3 + k % 20, 10, tzinfo=UTC) + timedelta(days=30 * month)
                found[who, day] = 10.0 + k + month
    return found


def take_in(shop: Shop, bought: Orders) -> None:
    events = [
        {"customer_id": who, "kind": "order", "event_id": f"{who}{at:%m%d}", "value": paid,
         "occurred_at": to_text(at), "currency": "EUR"}
        for (who, at), paid in bought.items()
    ]  # fmt: skip
    done = take_events(shop.keepwell, events, clock=shop.clock)
    assert done.count("written") == len(events), done


def introduce(shop: Shop) -> None:
    events = [
        {"customer_id": who, "kind": "profile", "event_id": f"p{who}",
         "occurred_at": "2025-09-01T00:00:00Z",
         "properties": {"town": town(k), "tongue": tongue(k)}}
        for k, who in enumerate(PEOPLE)
    ]  # fmt: skip
    assert take_events(shop.keepwell, events, clock=shop.clock).count("written") == len(events)


def look(shop: Shop) -> Figure:
    take_look(shop.keepwell, clock=shop.clock)
    with shop.keepwell.database.read() as conn:
        return read_figure(conn, "order_value")


def everything(shop: Shop) -> dict[str, Figure]:
    with shop.keepwell.database.read() as conn:
        return {each.name: each for layer in LAYERS for each in read_layer(conn, layer)}


@pytest.fixture
def company(shop: Shop) -> Shop:
    introduce(shop)
    take_in(shop, orders())
    return shop


Added = Mapping[str, float]


def behind(figure: Figure, bought: Orders) -> list[tuple[str, str, Added]]:
    """What each person adds to each line of every file there is of a figure, new lines alone."""
    found: list[tuple[str, str, Added]] = []
    for segment in figure.segments:
        for every in EVERY:
            cells = figure.shown(segment=segment, every=every)
            rows = csv.DictReader(io.StringIO(csv_of(figure, cells)))
            for row, cell in zip(rows, cells, strict=True):
                if not row["Value"] or "as given" in row["note"]:
                    continue
                added: dict[str, float] = {}
                for (who, at), paid in bought.items():
                    k = int(who[1:])
                    inside = cell.start <= f"{at:%Y-%m-%d}" < cell.end
                    if inside and segment in ("", f"town={town(k)}", f"tongue={tongue(k)}"):
                        added[who] = added.get(who, 0.0) + paid
                assert row["People"] == str(len(added))
                found.append((cell.start, cell.end, added))
    return found


def test_no_two_lines_of_all_files_of_all_looks_differ_in_a_few_people(company: Shop) -> None:
    bought = orders()
    found = behind(look(company), bought)
    late = {("c4", datetime(2026, 2, 20, 10, tzinfo=UTC)): 999.0}
    take_in(company, late)
    second = look(company)
    found += behind(second, bought | late)
    erase(company.keepwell, "c7", now=company.clock())
    left = {(who, at): paid for (who, at), paid in (bought | late).items() if who != "c7"}
    third = look(company)
    found += behind(third, left)

    assert len(found) > 25
    for (start, end, a), (since, until, b) in combinations(found, 2):
        if start < until and since < end:
            apart = sum(a.get(who) != b.get(who) for who in a.keys() | b.keys())
            assert apart == 0 or apart >= LEAST
    assert all(len(added) >= LEAST for _, _, added in found)
    assert any("as given" in cell.note for cell in third.cells)
    assert not any(cell.segment == "town=Ede" and cell.value is not None for cell in third.cells)


def test_every_figure_is_kept_in_order_and_the_log_says_that_a_look_was_taken(
    company: Shop,
) -> None:
    found = take_look(company.keepwell, clock=company.clock)
    with company.keepwell.database.read() as conn:
        layers = [read_layer(conn, layer) for layer in ("executive", "operational", "research")]
        last = entries(conn, limit=10_000)[-1]
    names = [figure.name for layer in layers for figure in layer]
    assert names == [name for name in ORDER if name in names]
    assert [figure.name for figure in found.figures] == names
    assert last.kind == "dashboard_taken"
    assert not any(who in last.body for who in PEOPLE)
    assert all(figure.cells or figure.note for layer in layers for figure in layer)


def test_what_cannot_be_taken_says_why_and_the_rest_is_there(shop: Shop) -> None:
    found = take_look(shop.keepwell, clock=shop.clock)
    assert any("no history" in note for note in found.notes)
    assert {"retention_lift", "permission_coverage", "queue"} <= {f.name for f in found.figures}


@pytest.mark.parametrize("part", ["measured", "written", "_handled", "journeys_of"])
def test_a_part_that_cannot_be_taken_loses_nothing_that_was_kept(
    company: Shop, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    def nothing(*_: object, **__: object) -> None:
        raise InsufficientData("nothing was imported")

    take_look(company.keepwell, clock=company.clock)
    before = everything(company)
    monkeypatch.setattr(module, part, nothing)
    for _ in range(2):
        company.pass_days(1)
        found = take_look(company.keepwell, clock=company.clock)
        assert any("nothing was imported" in note for note in found.notes)

    after = everything(company)
    assert before.keys() == after.keys()
    left = {name for name, figure in after.items() if "found it" in figure.note}
    assert bool(left) == (part != "journeys_of")
    for name, figure in after.items():
        if name in left:
            assert figure.cells == before[name].cells
            assert figure.taken_at == before[name].taken_at
            assert figure.note.count("could not be taken anew") == 1
        assert figure.segments == before[name].segments
    with company.keepwell.database.read() as conn:
        assert drawn_journeys(conn).segments
        assert not is_due(conn, now=company.clock())


def test_where_figures_have_no_basis_nothing_of_the_last_look_stays(
    company: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionRefused("no basis", purpose="aggregate", reason="no_basis")

    take_look(company.keepwell, clock=company.clock)
    monkeypatch.setattr(module, "measured", refused)
    take_look(company.keepwell, clock=company.clock)
    assert "order_value" not in everything(company)


def test_a_withdrawal_leaves_what_people_permit_as_it_was_given(shop: Shop) -> None:
    for who in PEOPLE:
        shop.permit(who, "risk_scoring")
    shares = []
    for gone in ([f"c{k}" for k in range(6)], ["c6"], [f"c{k}" for k in range(7, 14)]):
        for who in gone:
            withdraw(shop.keepwell, who, "risk_scoring", actor="customer", clock=shop.clock)
        take_look(shop.keepwell, clock=shop.clock)
        with shop.keepwell.database.read() as conn:
            figure = read_figure(conn, "permission_coverage")
        [cell] = [c for c in figure.shown(every="week") if c.row == "risk_scoring"]
        shares.append(cell.people)
    assert shares == [24, 24, 16]


def test_coverage_keeps_earlier_months_and_has_one_cell_for_each(shop: Shop) -> None:
    for who in PEOPLE:
        shop.permit(who, "risk_scoring")
    for days in (0, 1, 40):
        shop.pass_days(days)
        take_look(shop.keepwell, clock=shop.clock)
    with shop.keepwell.database.read() as conn:
        figure = read_figure(conn, "permission_coverage")
    told = [c.period for c in figure.shown(every="month") if c.row == "risk_scoring"]
    assert told == ["2026-06", "2026-07"]
