"""Experiments: the list, one of them compared on the spot, its picture, its plan and its return."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from features.events import keepwell_event
from features.history import customer_ids
from features.live import append
from serving.bootstrap import Keepwell, open_home
from serving.interventions.lots.experiments import open_experiment, stop
from serving.interventions.playbooks.playbook import (
    STARTERS,
    Playbook,
    find_playbook,
    load_playbooks,
)
from serving.trials.plan_file import first_draft
from serving.trials.plans import freeze
from tests.browser.conftest import Scheme, Story, Visit, Width

NOW = datetime.now(UTC)
THEN = NOW - timedelta(days=200)


def draw(home: Keepwell, playbook: Playbook, *, at: datetime) -> str:
    """Draw every second customer of the story into each arm of an experiment of the past."""
    with home.database.write() as conn:
        name = open_experiment(conn, playbook, at).experiment
        people = sorted(customer_ids(conn))
        append(
            conn,
            [
                keepwell_event(
                    "intervention_assigned",
                    who,
                    event_id=f"{who}-{playbook.name}",
                    occurred_at=at,
                    known_at=at,
                    properties={
                        "playbook": playbook.name,
                        "arm": "treated" if place % 2 else "holdout",
                        "experiment": name,
                        "stratum": f"risk_{10 * (place // 2 % 10)}",
                        "propensity": 0.5,
                        "by_lot": True,
                    },
                )
                for place, who in enumerate(people)
            ],
        )
    return name


@pytest.fixture(scope="module")
def tried(own_story: Story) -> Story:
    """Give the story with one experiment that followed its plan, and one stopped for harm."""
    starters = load_playbooks(STARTERS)
    advice = replace(find_playbook(starters, "plan_advice"), holdout_share=0.5)
    call = replace(find_playbook(starters, "support_call"), holdout_share=0.5)
    home = open_home(own_story.root)
    plan = first_draft(advice, today=(THEN - timedelta(days=2)).date())
    plan = replace(plan, owner="Head of retention", people=4_000)
    freeze(home, plan, advice, key=None, now=THEN - timedelta(days=1))
    draw(home, advice, at=THEN)
    stopped = draw(home, call, at=NOW - timedelta(days=60))
    with home.database.write() as conn:
        stop(
            conn, home.ledger, stopped, stopped_for="harm",
            reason="stopped is worse than without a contact", now=NOW - timedelta(days=20),
        )  # fmt: skip
    home.close()
    return own_story


@pytest.mark.parametrize("width", ["desktop", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_experiments_hold_what_pages_promise(
    tried: Story, visit: Visit, width: Width, scheme: Scheme
) -> None:
    visitor = visit(tried, width=width, scheme=scheme)
    page = visitor.log_in(tried.key(), "/staff/experiments")
    visitor.check("experiments")
    page.get_by_role("link", name="plan advice", exact=True).click()
    if page.get_by_role("button", name="Compare now").count():
        page.get_by_role("button", name="Compare now").click()
        assert "Compared anew" in page.get_by_role("status").inner_text()
    assert "Contacted less left alone" in str(
        page.locator("img.picture").first.get_attribute("alt")
    )
    visitor.check("experiment")
    page.get_by_role("link", name="frozen before the start").click()
    assert "Head of retention" in page.inner_text("main")
    visitor.check("experiment-plan")


def test_an_experiment_says_how_it_went_and_what_it_brought(tried: Story, visit: Visit) -> None:
    visitor = visit(tried, script=False)
    page = visitor.log_in(tried.key("outcomes:read"), "/staff/experiments")
    page.get_by_role("link", name="plan advice", exact=True).click()
    page.get_by_role("button", name="Compare").click()
    told = page.inner_text("main")
    assert "sizes as expected" in told
    assert "frozen before the start" in told

    page.get_by_label("All it cost").fill("300")
    page.get_by_label("Margin per unit").fill("0.3")
    page.get_by_role("button", name="Work out the return").click()
    page.get_by_text("What this rests on").click()
    assert "0.3 (as stated)" in page.locator("details").inner_text()
    assert page.locator("ol.lines li").count() >= 3
    assert visitor.faults == []


def test_a_person_lets_a_playbook_go_on_that_was_stopped(tried: Story, visit: Visit) -> None:
    reader = visit(tried).log_in(tried.key("outcomes:read"), "/staff/experiments")
    reader.get_by_role("link", name="support call", exact=True).click()
    assert "stopped for harm" in reader.inner_text("main")
    assert reader.get_by_role("button", name="Let the playbook go on").count() == 0

    page = visit(tried).log_in(tried.key(), "/staff/experiments")
    page.get_by_role("link", name="support call", exact=True).click()
    page.get_by_label("Why it may go on").fill("the words were changed")
    page.get_by_role("button", name="Let the playbook go on").click()
    assert "gone on since" in page.inner_text("main")
