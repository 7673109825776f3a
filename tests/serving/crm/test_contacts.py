"""A playbook run on a file of scores asks of nobody whose score no longer counts."""

from dataclasses import replace
from pathlib import Path

import pytest

from serving.bootstrap import open_home
from serving.crm.contacts import run_playbooks
from serving.interventions.choosing.run import InterventionRun
from serving.interventions.deciding.views import list_interventions
from serving.permission.consents import withdraw
from serving.scoring.batch import score_everyone
from tests.serving.conftest import Shop
from tests.serving.unlocked import unlock_home

PLAYBOOK = """
[[playbook]]
name = "note"
class = "outreach"
channel = "email"
target = "churn"
min_probability = 0.0
holdout_share = 0.0
cost = 0.5
subject = "How are things?"
body = "A person reads your answer."
value = "someone listens"
"""


@pytest.fixture
def advised(regular: Shop, tmp_path: Path) -> Shop:
    """Ann permits e-mail and was scored; contacts wait for a person."""
    settings = regular.keepwell.home.settings_file
    settings.write_text('mode = "advise"\n' + settings.read_text())
    root = regular.keepwell.home.root
    regular.keepwell.close()
    regular.keepwell = open_home(root)
    regular.permit("ann", "outreach.email")
    unlock_home(regular.keepwell)
    target = regular.keepwell.target("churn")
    scores = tmp_path / "scores.parquet"
    score_everyone(regular.keepwell, target, out=scores, clock=regular.clock)
    (tmp_path / "playbooks.toml").write_text(PLAYBOOK)
    return regular


def ran(shop: Shop, folder: Path) -> InterventionRun:
    [found] = run_playbooks(
        shop.keepwell,
        ["note"],
        scores=folder / "scores.parquet",
        file=folder / "playbooks.toml",
        clock=shop.clock,
    )
    return found.done


def test_in_mode_advise_contacts_wait_for_a_person(advised: Shop, tmp_path: Path) -> None:
    assert ran(advised, tmp_path).count("proposed") == 1
    with advised.keepwell.database.read() as conn:
        assert [each.status for each in list_interventions(conn)] == ["proposed"]


def test_in_mode_observe_nobody_is_asked_about(advised: Shop, tmp_path: Path) -> None:
    observing = advised.keepwell.settings.model_copy(update={"mode": "observe"})
    advised.keepwell = replace(advised.keepwell, settings=observing)
    assert ran(advised, tmp_path).refused == {"mode_observe": 1}


def test_a_score_past_its_end_speaks_for_nobody(advised: Shop, tmp_path: Path) -> None:
    advised.pass_days(31)
    assert ran(advised, tmp_path).considered == 0


def test_a_new_yes_does_not_revive_an_old_score(advised: Shop, tmp_path: Path) -> None:
    withdraw(advised.keepwell, "ann", "risk_scoring", actor="customer", clock=advised.clock)
    advised.permit("ann")
    assert ran(advised, tmp_path).considered == 0
