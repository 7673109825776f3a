"""What is told about a person: the score's own reasons, orders to nobody, nothing of the erased."""

import json
import re

import pytest
from sqlalchemy import select

from features.catalogue import catalogue
from features.definitions import meaning, sentence
from features.history import from_events
from governance.tables import decisions
from serving.interventions.choosing.run import run_interventions
from serving.rights.acts import erase
from tests.features.test_catalogue import usual_company
from tests.serving.conftest import Shop
from tests.serving.holding import places_of
from tests.serving.lived import NOTE, awake_desk, candidate

AN_ORDER = re.compile(
    r"\b(order|buy|spend|purchase|visit|use) more\b|\b(should|must|please|try to|make sure)\b",
    re.IGNORECASE,
)


def test_the_reasons_of_a_given_score_add_up_for_the_model_it_names(regular: Shop) -> None:
    digest = regular.approve_model(intercept=0.25)
    [found] = regular.scorer.score(["ann"], targets=["churn"], reasons_limit=20).results
    with regular.keepwell.database.read() as conn:
        row = conn.execute(select(decisions)).one()
    kept = json.loads(row.result)
    told = sum(each.contribution for each in found.scores["churn"].reasons)
    assert row.model_digest == found.model_digest == digest
    assert kept["base"] + told == pytest.approx(kept["log_odds"], abs=1e-9)


def test_no_reason_tells_anyone_to_do_something() -> None:
    definitions = catalogue(from_events(usual_company()))
    said = {sentence(each, value, {}) for each in definitions for value in (0.0, 1.0, 7.0)}
    said |= {meaning(each) for each in definitions}
    assert len(said) > 100
    assert [each for each in said if AN_ORDER.search(each)] == []


def test_asking_about_the_erased_writes_nothing_about_them(regular: Shop) -> None:
    """Neither a refused score nor a playbook over an old file of scores brings their id back."""
    keepwell = regular.keepwell
    regular.permit("ann", "outreach.email")
    erase(keepwell, "ann", now=regular.clock())
    [found] = regular.scorer.score(["ann"], targets=["churn"]).results
    done = run_interventions(
        awake_desk(keepwell),
        NOTE,
        [candidate("ann", 0.9, None)],
        outside_contacts={},
        clock=regular.clock,
    )
    with keepwell.database.read() as conn:
        row = conn.execute(
            select(decisions).where(decisions.c.decision_id == found.decision_id)
        ).one()
        places = places_of(conn, "ann")
    assert (row.outcome, row.reason, row.person_id) == ("refused", "suppressed", None)
    assert dict(done.refused) == {"outreach.email: suppressed": 1}
    assert places == []
