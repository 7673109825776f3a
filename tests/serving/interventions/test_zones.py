"""Quiet hours are those of the customer: the zone their newest profile names, else the home's."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from features.events import Event
from features.history import from_events
from features.live import append
from serving.interventions.deciding.oversight import approve, confirm
from serving.interventions.delivery.leases import Missed
from serving.interventions.playbooks.playbook import Playbook
from serving.interventions.policy.policy import Candidate
from serving.interventions.policy.zones import quiet_until, zone_of, zones_in, zones_of
from tests.serving.interventions.conftest import NOON, Company

LISBON, TOKYO = ZoneInfo("Europe/Lisbon"), ZoneInfo("Asia/Tokyo")
DUTY = Playbook(
    name="payment_help", kind="service", channel="email", subject="s", body="b",
    template="failed_payment",
)  # fmt: skip
EARLIER = datetime(2026, 1, 1, tzinfo=UTC)


def lives_in(company: Company, customer: str, zone: str, *, at: datetime = EARLIER) -> None:
    with company.desk.database.write() as conn:
        append(conn, [profile(customer, zone, at)])


def profile(customer: str, zone: str, at: datetime = EARLIER) -> Event:
    return Event(
        customer_id=customer,
        kind="profile",
        occurred_at=at,
        known_at=at,
        properties={"timezone": zone},
    )


def test_the_newest_profile_says_where_someone_lives(company: Company) -> None:
    lives_in(company, "ana", "Europe/Lisbon")
    lives_in(company, "ana", "Asia/Tokyo", at=datetime(2026, 5, 1, tzinfo=UTC))

    with company.desk.database.read() as conn:
        found = zones_of(conn, company.desk.registry, ["ana", "ben"], now=company.now)

    assert found == {"ana": TOKYO}


@pytest.mark.parametrize("stated", ["Mars/Olympus", "", "../etc/passwd", "europe lisbon"])
def test_a_zone_that_is_none_counts_as_not_stated(stated: str) -> None:
    histories = from_events([profile("ana", stated)])

    assert zones_in(histories, now=NOON) == {}


def test_where_nothing_is_known_the_homes_zone_counts(small_company: Company) -> None:
    with small_company.desk.database.write() as conn:
        found = zone_of(
            conn, small_company.desk.registry, "ana", default=LISBON, now=small_company.now
        )

    assert found == LISBON


def test_it_is_evening_for_someone_in_tokyo_when_it_is_noon_at_home(
    small_company: Company,
) -> None:
    lives_in(small_company, "ana", "Asia/Tokyo")
    desk = small_company.desk
    with desk.database.write() as conn:
        quiet = quiet_until(conn, desk.registry, desk.policy, "ana", now=small_company.now)
        awake = quiet_until(conn, desk.registry, desk.policy, "ben", now=small_company.now)

    assert quiet == datetime(2026, 6, 1, 23, tzinfo=UTC)  # 08:00 in Tokyo
    assert awake is None


def test_a_sender_is_told_to_wait_for_the_customers_morning(small_company: Company) -> None:
    small_company.agrees("ana")
    lives_in(small_company, "ana", "Asia/Tokyo")
    [each] = small_company.runs("ana").assigned

    verdict = confirm(small_company.desk, each.intervention_id, now=small_company.now)

    assert (verdict.allowed, verdict.reason) == (False, "quiet_hours")
    assert verdict.not_before == datetime(2026, 6, 1, 23, tzinfo=UTC)


def test_what_a_person_approves_waits_for_the_customers_morning(small_company: Company) -> None:
    advising = small_company.with_policy(mode="advise")
    advising.agrees("ana")
    lives_in(advising, "ana", "Asia/Tokyo")
    [each] = advising.runs("ana").assigned

    approve(advising.desk, each.intervention_id, approver="Grace", reason="fits", now=advising.now)

    assert advising.claims() is None
    advising.passes(hours=11)
    assert advising.must_claim().customer_id == "ana"


def test_a_retry_that_falls_into_the_night_waits_for_the_morning(small_company: Company) -> None:
    small_company.agrees("ana")
    lives_in(small_company, "ana", "Asia/Tokyo")
    small_company.now = datetime(2026, 6, 2, 10, 59, tzinfo=UTC)  # 19:59 in Tokyo
    small_company.runs("ana")
    claim = small_company.must_claim()
    small_company.goes(claim)
    small_company.finishes(claim, outcome="retry", status=503)

    small_company.passes(hours=2)
    assert isinstance(small_company.claims(), Missed)
    assert small_company.claims() is None
    small_company.now = datetime(2026, 6, 2, 23, tzinfo=UTC)
    assert small_company.must_claim().attempt == 2


def test_a_duty_is_done_at_night(small_company: Company) -> None:
    small_company.now = datetime(2026, 6, 1, 23, tzinfo=UTC)

    small_company.runs_for([Candidate(customer_id="ana")], playbook=DUTY)

    assert small_company.must_claim().customer_id == "ana"
