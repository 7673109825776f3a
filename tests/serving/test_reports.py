"""Weekly and quarterly reports: whole periods, honest gaps, nothing fetched, nobody named."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from markupsafe import escape

from governance.errors import InsufficientData, InvalidInput, NotFound
from governance.instants import to_text
from governance.intervals import wilson
from serving.bootstrap import Keepwell
from serving.feedback.desk import assign, open_item
from serving.intake import take_events
from serving.interventions.deciding.attention import Oversight
from serving.interventions.tables import interventions
from serving.reporting import operational
from serving.reporting.document import report_document
from serving.reporting.operational import approvals, contacts
from serving.reporting.page import report_html
from serving.reporting.periods import Kind, journey_period, known_until, report_period
from serving.reporting.record import Report, Trial
from serving.reporting.report import make_report
from serving.reporting.shelf import newest_report, write_report
from serving.reporting.words import figure_in_words, parts_of_index
from serving.settings import Settings
from tests.serving.conftest import Clock, Shop
from tests.serving.homes import new_home

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)  # a Monday
BERLIN = ZoneInfo("Europe/Berlin")
PEOPLE = tuple(f"c{k}" for k in range(12))
WORDS = "the parcel came late, I am so disappointed"


def lived(shop: Shop) -> None:
    """Let twelve people order every ten days for half a year, complain and answer in May."""
    events = []
    for k, who in enumerate(PEOPLE):
        for day in range(1, 180, 10):
            at = NOW - timedelta(days=day, minutes=k)
            events.append({"customer_id": who, "kind": "order", "occurred_at": at, "value": 20.0})
        at = NOW - timedelta(days=4, minutes=k)
        answered = {"instrument": "csat"}
        events += [
            {"customer_id": who, "kind": "ticket_opened", "occurred_at": at, "text": WORDS},
            {"customer_id": who, "kind": "survey", "occurred_at": at, "value": 1 + k % 5,
             "properties": answered},
        ]  # fmt: skip
    for number, each in enumerate(events):
        each |= {"event_id": f"e{number}", "occurred_at": to_text(each["occurred_at"])}  # type: ignore[arg-type]
    done = take_events(shop.keepwell, events, clock=shop.clock)
    assert done.count("written") == len(events), done


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keepwell]:
    """Give a demo home with a history and an item that is overdue."""
    clock = Clock()
    folder = tmp_path_factory.mktemp("reports")
    keepwell = new_home(folder / "home", Settings(kind="demo"), now=clock())
    shop = Shop(keepwell, clock)
    lived(shop)
    for who in PEOPLE:
        shop.permit(who, "wellbeing_inference", *(["research_text"] if who == "c0" else []))
    due = clock() + timedelta(days=1)
    item = open_item(keepwell, title="Parcels come late", source=None, now=clock())
    assign(keepwell, item.item_id, owner="Shipping", due_at=due, now=clock())
    yield keepwell
    keepwell.close()


@pytest.fixture(scope="module")
def weekly(home: Keepwell) -> Report:
    return make_report(home, "week", end=None, samples=2, now=NOW + timedelta(days=2))


def test_a_week_is_an_iso_week_and_a_quarter_a_calendar_one_on_the_homes_clocks() -> None:
    week = report_period("week", NOW, BERLIN)
    quarter = report_period("quarter", NOW, BERLIN)

    assert (week.label, quarter.label) == ("2026-W22", "2026-Q1")
    assert week.start.isoformat() == "2026-05-25T00:00:00+02:00"
    assert quarter.end.isoformat() == "2026-04-01T00:00:00+02:00"


def test_at_its_last_midnight_a_week_is_over_and_a_moment_before_it_is_not() -> None:
    midnight = datetime(2026, 6, 1, tzinfo=BERLIN)

    assert report_period("week", midnight, BERLIN).label == "2026-W22"
    before = midnight - timedelta(microseconds=1)
    assert report_period("week", before, BERLIN).label == "2026-W21"


def test_a_week_looks_at_the_journey_of_a_quarter_of_a_year() -> None:
    week = report_period("week", NOW, BERLIN)
    over = journey_period("week", week)

    assert (over.end, over.end - over.start) == (week.end, timedelta(weeks=13))


def test_of_a_history_that_ended_long_ago_the_last_week_is_reported() -> None:
    assert known_until(NOW, NOW + timedelta(days=6)) == NOW + timedelta(days=6)
    assert known_until(NOW, NOW + timedelta(days=8)) == NOW


@pytest.mark.parametrize("kind", ["week", "quarter"])
def test_an_end_before_any_event_is_refused(kind: Kind) -> None:
    with pytest.raises(InvalidInput, match="before 1900"):
        report_period(kind, datetime.min.replace(tzinfo=UTC), BERLIN)


def test_without_a_history_there_is_no_report(shop: Shop) -> None:
    with pytest.raises(InsufficientData, match="no history"):
        make_report(shop.keepwell, "week", end=None, samples=0, now=shop.clock())


def test_the_last_whole_week_is_reported_with_those_before_it(weekly: Report) -> None:
    line = weekly.line("order_value")

    assert weekly.period.label == "2026-W22"
    assert line is not None
    assert [m.period.label for m in line.measures] == [f"2026-W{n}" for n in range(15, 23)]
    assert line.now.people == 12
    assert line.now.unit == "EUR"


def test_how_three_were_decided_on_is_not_told(
    home: Keepwell, monkeypatch: pytest.MonkeyPatch
) -> None:
    three = Oversight(0, 3, 1, 0, 2, wilson(2, 3), 7.0, 3, 20.0, wilson(0, 3))
    monkeypatch.setattr(operational, "oversight", lambda *_, **__: three)
    with home.database.read() as conn:
        told = approvals(conn, report_period("week", NOW, BERLIN), min_people=5, now=NOW)

    assert told.waiting == 0
    assert (told.decided, told.rejected, told.override_rate, told.median_minutes) == (None,) * 4


def test_what_is_not_measured_says_so(weekly: Report) -> None:
    document = report_document(weekly)

    assert weekly.trials == ()
    assert document["executive"]["at_risk"] is None
    assert "keepwell score" in document["executive"]["why_no_at_risk"]
    missing = {line.now.name: line.now.note for line in weekly.missing("operational")}
    assert missing["innovation_rate"] == "not measured: needs release events"


def test_overdue_feedback_is_shown(weekly: Report) -> None:
    assert weekly.feedback["overdue"] == 1
    assert [each.title for each in weekly.overdue] == ["Parcels come late"]
    assert "Parcels come late" in report_html(weekly)


def test_both_indices_are_shown_with_their_parts_and_those_missing(weekly: Report) -> None:
    line = weekly.line("customer_happiness_index")

    assert line is not None
    own, without = parts_of_index(line.now.note)
    assert own == ("csat 33.3 %, weight 0.50", "positive language 0 %, weight 0.50")
    assert without == ("happiness",)
    assert "csat 33.3 %, weight 0.50" in report_html(weekly)
    assert "needs 4" in report_html(weekly)


def test_texts_are_shown_only_of_those_who_permit_research(weekly: Report) -> None:
    assert "delivery" in weekly.samples
    assert {len(texts) for texts in weekly.samples.values()} == {1}  # of twelve, one permits it
    assert "the parcel came late" in report_html(weekly)


def test_the_page_fetches_nothing_says_simulated_and_names_nobody(weekly: Report) -> None:
    page = report_html(weekly)

    assert not re.search(r"(?:src|href)=[\"'](?!#)|@import|url\(", page)
    assert "<script" not in page
    assert "Simulated · no real people" in page
    assert not re.search(rf"\b(?:{'|'.join(PEOPLE)})\b", page)


def test_every_chart_says_in_words_what_it_shows(weekly: Report) -> None:
    charts = re.findall(
        r"<svg[^>]*role=\"img\" aria-label=\"([^\"]+)\"><title>", report_html(weekly)
    )

    assert len(charts) == report_html(weekly).count("<svg")
    assert any(said.startswith("Spent per customer. 2026-W15: ") for said in charts)


def test_every_charted_figure_stands_in_the_table_of_data(weekly: Report) -> None:
    page = report_html(weekly)
    table = page[page.index('id="data"') :]
    shown = [
        line for name in ("indices", "executive", "operational") for line in weekly.layer(name)
    ]

    assert shown
    for line in shown:
        assert str(escape(line.now.definition)) in table
        assert str(escape(figure_in_words(line.now))) in table or not line.now.shown


def test_page_and_twin_are_written_and_the_newest_is_read_without_texts(
    home: Keepwell, weekly: Report, tmp_path: Path
) -> None:
    with pytest.raises(NotFound, match="no weekly report"):
        newest_report(home, "week")
    elsewhere = write_report(home, weekly, tmp_path)
    own = write_report(home, weekly)
    twin = json.loads(elsewhere.twin.read_text(encoding="utf-8"))

    assert own.html.name == "weekly-2026-W22.html"
    assert twin["research"]["samples"]
    assert twin["stamp"] == "simulated"
    assert newest_report(home, "week")["research"]["samples"] == {}


def outcome(name: str, unit: str, value: float, low: float, high: float) -> dict[str, object]:
    raw = {"difference": value, "low": low, "high": high, "level": 0.99, "verdict": "helped"}
    return {"outcome": name, "unit": unit, "raw": raw, "reason": ""}


def test_what_was_tried_is_told_with_lift_margin_return_and_whether_its_plan_was_followed(
    weekly: Report,
) -> None:
    lift = {
        "outcomes": [
            outcome("retained", "share", 0.05, 0.02, 0.08),
            outcome("margin", "EUR", 4.0, 1.0, 7.0),
        ],
        "verdict": "helped",
        "treated": 800,
        "held_out": 200,
        "waiting": 0,
        "plan": {"followed": False, "deviations": ["stopped a week early"]},
    }
    roi = {
        "lines": ["Net ROI over 90 days: +0.5."],
        "assumptions": [{"name": "margin", "value": "0.3", "source": "the controller"}],
    }
    page = report_html(replace(weekly, trials=(Trial("note", lift, roi, "", ""),)))

    assert "retained: +5.0 points (+2.0 to +8.0, 99%)" in page
    assert "margin: +4.0 EUR per person (+1.0 to +7.0, 99%)" in page
    assert "deviates: stopped a week early" in page
    assert "Net ROI over 90 days: +0.5." in page
    assert "margin 0.3 (the controller)" in page


def test_without_lift_or_return_the_page_says_why(weekly: Report) -> None:
    none = Trial("note", None, None, "nobody was drawn", "there is no lift to count")
    page = report_html(replace(weekly, trials=(none,)))

    assert "not measured: nobody was drawn" in page
    assert "Not measured: there is no lift to count." in page


def test_an_evaluation_home_stamps_its_reports(weekly: Report) -> None:
    other = replace(weekly, home="evaluation")
    assert report_document(other)["stamp"] == "evaluation"
    assert "Evaluation · pseudonymised data" in report_html(other)
    production = replace(weekly, home="production")
    assert report_document(production)["stamp"] is None
    assert 'class="stamp"' not in report_html(production)


def test_contacts_of_fewer_than_five_people_are_not_counted_out(shop: Shop) -> None:
    period = report_period("week", NOW, BERLIN)
    statuses = ["sent"] * 9 + ["held_out"] * 3 + ["cancelled"] * 6
    rows = [
        {
            "intervention_id": f"i{k}", "customer_id": f"c{k}", "playbook": "note",
            "playbook_class": "outreach", "channel": "email", "arm": "treated", "status": status,
            "reason": "", "experiment": "note", "stratum": "all", "decision_id": f"d{k}",
            "permissions": "{}", "message": "{}", "cost": 0.0, "needs_person": False,
            "created_at": period.start + timedelta(hours=k),
            "valid_until": period.end,
        }
        for k, status in enumerate(statuses)
    ]  # fmt: skip
    with shop.keepwell.database.write() as conn:
        conn.execute(interventions.insert(), rows)
    with shop.keepwell.database.read() as conn:
        found = {c.reason: c.people for c in contacts(conn, period, min_people=5)}

    assert found == {"sent": 9, "cancelled": None, "held_out": None}
