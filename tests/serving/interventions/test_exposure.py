"""Whether contacts fall evenly on groups: looked at after the choice, and shown without cells."""

import json
from collections.abc import Sequence

import pytest
from sqlalchemy import insert

from features.tables import protected_attributes
from governance.log.ledger import entries
from serving.interventions.choosing.exposure import UNEVEN, Exposure, compare
from serving.interventions.tables import interventions
from tests.serving.interventions.conftest import Company, candidate


def looked_at(*groups: tuple[str, int, int], limit: float = 0.8) -> Exposure:
    """Compare groups of (name, people, chosen)."""
    labels = [name for name, n, _ in groups for _ in range(n)]
    chosen = [k < taken for _, n, taken in groups for k in range(n)]
    return compare({"gender": labels}, chosen, limit, min_group=30, min_people=5)


@pytest.mark.parametrize(
    ("groups", "outcome"),
    [
        ([("f", 200, 100), ("m", 200, 100)], "even"),
        ([("f", 200, 100), ("m", 200, 40)], "uneven"),
        ([("f", 200, 100), ("m", 200, 0)], "uneven"),
        ([("f", 40, 20), ("m", 40, 15)], "even"),  # 0.75, but the interval reaches beyond 0.8
        ([("f", 200, 100), ("m", 29, 0)], "cannot_say"),
        ([("f", 200, 0), ("m", 200, 0)], "even"),
        ([("f", 200, 100), ("unknown", 200, 0)], "cannot_say"),
    ],
)
def test_a_run_is_uneven_where_the_whole_interval_lies_below_the_limit(
    groups: Sequence[tuple[str, int, int]], outcome: str
) -> None:
    assert looked_at(*groups).outcome == outcome


def test_shares_and_ratio_carry_intervals() -> None:
    f, m = looked_at(("f", 200, 100), ("m", 200, 40)).groups

    assert (f.eligible, f.chosen, f.ratio) == (200, 100, None)
    assert m.share is not None
    assert m.ratio is not None
    assert m.ratio.value == pytest.approx(0.4)
    assert m.ratio.low < 0.4 < m.ratio.high < 0.8


def test_a_limit_of_ones_own_counts() -> None:
    assert looked_at(("f", 200, 100), ("m", 200, 40), limit=0.2).outcome == "even"


def test_groups_of_a_few_are_not_shown() -> None:
    found = looked_at(("f", 200, 100), ("m", 200, 98), ("x", 3, 2))

    assert [(each.group, each.eligible, each.chosen) for each in found.groups][-1] == (
        "x", None, None,
    )  # fmt: skip


def test_who_is_chosen_is_not_told_where_it_would_tell_of_a_few() -> None:
    f, m = looked_at(("f", 200, 198), ("m", 200, 196)).groups

    assert (f.eligible, f.chosen, f.share) == (200, None, None)
    assert m.ratio is None


def are_of(company: Company, group: str, people: Sequence[str], *, asked: bool = True) -> None:
    with company.desk.database.write() as conn:
        conn.execute(
            insert(protected_attributes),
            [{"customer_id": who, "name": "gender", "value": group} for who in people],
        )
    for who in people if asked else ():
        company.says(who, "fairness_audit")


def uneven_company(company: Company, *, asked: bool) -> Company:
    """Forty women at high risk and forty men at low risk, and a budget for half of them."""
    women, men = [f"f{k:02}" for k in range(40)], [f"m{k:02}" for k in range(40)]
    thrifty = company.with_policy(budget=40.0)
    thrifty.agrees(*women, *men)
    are_of(thrifty, "f", women, asked=asked)
    are_of(thrifty, "m", men, asked=asked)
    return thrifty


def everyone() -> list[object]:
    return [candidate(f"{g}{k:02}", 0.9 if g == "f" else 0.5) for g in "fm" for k in range(40)]


def test_contacts_that_fall_unevenly_wait_for_a_person_and_are_logged_without_anyone(
    small_company: Company,
) -> None:
    company = uneven_company(small_company, asked=True)

    run = company.runs_for(everyone())  # type: ignore[arg-type]

    assert (run.count("proposed"), run.count("queued")) == (40, 0)
    assert run.exposure.outcome == "uneven"
    assert company.status("f00") == ("proposed", UNEVEN)
    with company.desk.database.read() as conn:
        [entry] = [each for each in entries(conn) if each.kind == "contact_exposure"]
    assert json.loads(entry.body)["outcome"] == "uneven"
    assert "f00" not in entry.body


def test_only_those_who_permit_the_fairness_audit_are_looked_at(small_company: Company) -> None:
    company = uneven_company(small_company, asked=False)

    run = company.runs_for(everyone())  # type: ignore[arg-type]

    assert run.exposure.outcome == "cannot_say"
    assert run.count("queued") == 40


def test_a_protected_attribute_chooses_nobody(small_company: Company) -> None:
    """Who is chosen is the same before and after groups are known, and the wait changes nobody."""
    company = uneven_company(small_company, asked=False)
    without = company.runs_for(everyone())  # type: ignore[arg-type]
    with company.desk.database.write() as conn:
        conn.execute(interventions.delete())
    for who in (f"{g}{k:02}" for g in "fm" for k in range(40)):
        company.says(who, "fairness_audit")

    known = company.runs_for(everyone())  # type: ignore[arg-type]

    assert known.exposure.outcome == "uneven"
    assert {each.customer_id for each in known.assigned} == {
        each.customer_id for each in without.assigned
    }
