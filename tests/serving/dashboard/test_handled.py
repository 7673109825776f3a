"""What people decided and what was refused: counted per period, over people, none of them few."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, update

from governance.disclosure.published import Register
from governance.tables import decisions
from outcomes.measures.definition import Period
from serving.dashboard.desk import Desk
from serving.dashboard.figure import Figure
from serving.dashboard.handled import Calendars, calendars_of, handled
from serving.interventions.tables import interventions
from serving.reporting.operational import contacts
from tests.serving.conftest import START, Shop

MAY = datetime(2026, 5, 11, 9, tzinfo=UTC)


def proposal(k: int, *, hours: float | None, status: str) -> dict[str, object]:
    return {
        "intervention_id": f"i{k}",
        "customer_id": f"c{k}",
        "playbook": "goodwill",
        "playbook_class": "outreach",
        "channel": "email",
        "arm": "treated",
        "status": status,
        "reason": "",
        "experiment": "",
        "stratum": "",
        "decision_id": f"d{k}",
        "valid_until": START + timedelta(days=1),
        "permissions": "{}",
        "message": "{}",
        "cost": 0.0,
        "needs_person": True,
        "created_at": MAY,
        "decided_at": None if hours is None else MAY + timedelta(hours=hours),
    }


def figures(shop: Shop) -> dict[str, Figure]:
    calendars: Calendars = calendars_of(shop.keepwell, now=START)
    with shop.keepwell.database.read() as conn:
        desk = Desk(Register(min_people=5), b"key")
        return {each.name: each for each in handled(conn, calendars, desk, now=START)}


@pytest.fixture
def decided(shop: Shop) -> Shop:
    """Eight proposals of May were decided after 1 to 8 hours, two of them rejected; six wait."""
    rows = [proposal(k, hours=k + 1, status="rejected" if k < 2 else "sent") for k in range(8)]
    rows += [proposal(k, hours=None, status="proposed") for k in range(8, 14)]
    with shop.keepwell.database.write() as conn:
        conn.execute(insert(interventions), rows)
    return shop


def test_calendars_hold_whole_periods_and_the_one_that_runs(shop: Shop) -> None:
    found = calendars_of(shop.keepwell, now=START)
    assert [len(found[every]) for every in ("week", "month", "quarter")] == [14, 13, 9]
    assert found["month"][-1].label == "2026-06"
    assert found["month"][-2].label == "2026-05"


def test_a_wait_is_the_median_of_those_proposed_in_the_period(decided: Shop) -> None:
    [cell] = figures(decided)["approval_wait"].shown(every="month")
    assert (cell.period, cell.value, cell.people) == ("2026-05", 4.5, 8)


def test_two_of_eight_were_overridden_with_their_interval(decided: Shop) -> None:
    [cell] = figures(decided)["people_overridden"].shown(every="month")
    assert cell.value == 0.25
    assert cell.low == pytest.approx(0.0715, abs=1e-3)
    assert cell.high == pytest.approx(0.5907, abs=1e-3)


def test_who_waits_is_counted_from_five_on(decided: Shop, shop: Shop) -> None:
    [cell] = figures(decided)["queue"].cells
    assert (cell.value, cell.people) == (6.0, 6)


def test_what_ran_out_undecided_waits_no_more(decided: Shop) -> None:
    with decided.keepwell.database.write() as conn:
        conn.execute(update(interventions).values(valid_until=START))
    [cell] = figures(decided)["queue"].cells
    assert cell.value == 0.0


def test_an_empty_queue_says_nobody(shop: Shop) -> None:
    [cell] = figures(shop)["queue"].cells
    assert cell.value == 0.0


def refuse(shop: Shop, reasons: dict[str, int], at: datetime) -> None:
    rows = [
        {
            "decision_id": f"{reason}{k}",
            "kind": "contact",
            "person_id": f"{reason}{k}",
            "purpose": "outreach.email",
            "recorded_at": at,
            "outcome": "refused",
            "reason": reason,
            "salt": "",
            "ledger_seq": 1,
            "leaf": "",
            "position": k,
        }
        for reason, count in reasons.items()
        for k in range(count)
    ]
    with shop.keepwell.database.write() as conn:
        conn.execute(insert(decisions), rows)


def test_refusals_are_counted_by_reason_and_a_few_are_not(shop: Shop) -> None:
    refuse(shop, {"no_record": 9, "quiet_hours": 7, "withdrawn": 2}, MAY)
    cells = figures(shop)["refused_contacts"].shown(every="month")
    told = {cell.row: cell.value for cell in cells}
    assert told["no_record"] == 9.0
    assert told["withdrawn"] is None
    assert next(cell for cell in cells if cell.row == "withdrawn").hidden


def test_refusals_of_people_who_are_not_known_count_nobody(shop: Shop) -> None:
    refuse(shop, {"no_record": 6}, MAY)
    with shop.keepwell.database.write() as conn:
        conn.execute(update(decisions).values(person_id=None))
    assert figures(shop)["refused_contacts"].cells == ()


def test_a_verdict_that_was_never_given_is_no_refusal(shop: Shop) -> None:
    refuse(shop, {"no_record": 9}, MAY)
    with shop.keepwell.database.write() as conn:
        conn.execute(update(decisions).values(ledger_seq=-3))  # a batch that did not end
    assert figures(shop)["refused_contacts"].cells == ()


def test_the_period_that_runs_says_that_it_is_not_over(shop: Shop) -> None:
    refuse(shop, {"no_record": 9}, START - timedelta(hours=2))
    [cell] = figures(shop)["refused_contacts"].shown(every="month")
    assert (cell.period, cell.note) == ("2026-06", "so far")


def test_a_report_counts_no_verdict_that_was_never_given(shop: Shop) -> None:
    refuse(shop, {"no_record": 9}, MAY)
    with shop.keepwell.database.write() as conn:
        conn.execute(update(decisions).values(ledger_seq=-3))
        period = Period(MAY, START, "May")
        assert contacts(conn, period, min_people=5) == ()
