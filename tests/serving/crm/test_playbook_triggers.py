"""Whom a playbook is asked about: by a score and its reasons, a stage, a level, a person's word."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Row, select

from governance.consent.registry import ConsentChange
from governance.errors import InvalidInput
from serving.bootstrap import open_home
from serving.crm.contacts import Preview, preview_playbook, run_playbooks
from serving.intake import take_events
from serving.interventions.choosing.candidates import candidates_of
from serving.interventions.choosing.run import run_interventions
from serving.interventions.delivery.desk import desk_of
from serving.interventions.playbooks.home_checks import check_in_home
from serving.interventions.playbooks.playbook import Playbook, parse_playbooks
from serving.interventions.policy.policy import Candidate
from serving.interventions.tables import interventions
from serving.permission.consents import record_all
from serving.scoring.batch import score_everyone
from tests.serving.conftest import Shop
from tests.serving.unlocked import unlock_home

WORDS = """
[[playbook]]
name = "note"
class = "outreach"
channel = "email"
subject = "How are things?"
body = "A person reads your answer."
value = "someone listens"
cooldown_days = 0
holdout_share = 0.0
"""
AFTER_PURCHASE = 'stage = "after_purchase"\nstage_days = 5\n'
BY_SCORE = 'target = "churn"\nmin_probability = 0.0\n'
OUTAGE = '[[playbook]]\nname = "down"\nclass = "service"\nchannel = "email"\ntemplate = "outage"\n'
FAILED = OUTAGE.replace("outage", "failed_payment").replace("down", "pay")


def playbook(text: str) -> Playbook:
    (found,) = parse_playbooks(text, source="playbooks.toml")
    return found


def looked_at(shop: Shop, text: str, **more: object) -> Preview:
    return preview_playbook(shop.keepwell, playbook(text), clock=shop.clock, **more)  # type: ignore[arg-type]


def chosen(found: Preview) -> list[str]:
    return [each.customer_id for each in found.judged.eligible]


def happens(shop: Shop, customer: str, kind: str, **more: object) -> None:
    event = {
        "customer_id": customer,
        "kind": kind,
        "event_id": f"{customer}-{kind}-{len(more)}",
        "occurred_at": shop.clock().isoformat(),
    }
    done = take_events(shop.keepwell, [event | more], clock=shop.clock)
    assert done.count("written") == 1, done


@pytest.fixture
def acting(shop: Shop) -> Shop:
    """Ann and Ben ordered 6 days ago; Ann permits e-mail. The home may act."""
    settings = shop.keepwell.home.settings_file
    settings.write_text('mode = "act"\n' + settings.read_text())
    root = shop.keepwell.home.root
    shop.keepwell.close()
    shop.keepwell = open_home(root)
    shop.order("ann", 6)
    shop.order("ben", 6)
    shop.permit("ann", "outreach.email")
    assert shop.enrolment_secret  # kept for who reviews models later
    unlock_home(shop.keepwell)
    return shop


@pytest.fixture
def scored(acting: Shop, tmp_path: Path) -> Path:
    """Everyone who permits it is scored by a model that reads surveys of well-being."""
    acting.permit("ann", "risk_scoring")
    acting.approve_model()
    scores = tmp_path / "scores.parquet"
    target = acting.keepwell.target("churn")
    score_everyone(acting.keepwell, target, out=scores, clock=acting.clock)
    return scores


def test_a_stage_is_answered_without_a_score(acting: Shop) -> None:
    assert chosen(looked_at(acting, WORDS + AFTER_PURCHASE)) == ["ann"]


def test_who_does_not_permit_the_channel_is_left_alone_with_the_reason(acting: Shop) -> None:
    found = looked_at(acting, WORDS + AFTER_PURCHASE)

    assert found.judged.refused == {"ben": "outreach.email: no_record"}


def test_a_stage_needs_no_permission_for_scoring(acting: Shop) -> None:
    found = looked_at(acting, WORDS + AFTER_PURCHASE)

    assert set(found.judged.permits) == {"outreach.email"}


def test_further_purposes_of_a_playbook_must_be_permitted(acting: Shop) -> None:
    found = looked_at(acting, WORDS + AFTER_PURCHASE + 'purposes = ["research_text"]\n')

    assert found.judged.refused["ann"] == "research_text: no_record"


def runs(shop: Shop, text: str, **more: object) -> int:
    """Run a playbook of one file; gives how many were queued."""
    file = shop.keepwell.home.playbooks
    file.write_text(text, encoding="utf-8")
    name = playbook(text).name
    [found] = run_playbooks(shop.keepwell, [name], clock=shop.clock, **more)  # type: ignore[arg-type]
    return found.done.count("queued")


def test_each_purchase_triggers_once(acting: Shop) -> None:
    first = runs(acting, WORDS + AFTER_PURCHASE)
    acting.pass_days(1)

    assert (first, runs(acting, WORDS + AFTER_PURCHASE)) == (1, 0)
    assert looked_at(acting, WORDS + AFTER_PURCHASE).judged.refused.keys() == {"ben"}


def test_whoever_is_left_alone_once_is_asked_about_again(acting: Shop) -> None:
    runs(acting, WORDS + AFTER_PURCHASE)
    acting.permit("ben", "outreach.email")

    assert runs(acting, WORDS + AFTER_PURCHASE) == 1


def test_a_failed_payment_is_a_duty_to_whomever_it_happened(acting: Shop) -> None:
    happens(acting, "ben", "payment_failed", value=20.0)

    assert chosen(looked_at(acting, FAILED)) == ["ben"]


def test_an_outage_concerns_those_a_person_names(acting: Shop) -> None:
    found = looked_at(acting, OUTAGE, customers=["ben", "nobody"])

    assert chosen(found) == ["ben"]
    assert found.not_looked_at == {"unknown": 1}


def test_an_outage_that_names_nobody_says_what_to_do(acting: Shop) -> None:
    with pytest.raises(InvalidInput) as told:
        looked_at(acting, OUTAGE)

    assert "--customers" in told.value.hint


def test_nobody_is_named_for_outreach(acting: Shop) -> None:
    with pytest.raises(InvalidInput, match="for its trigger to say"):
        looked_at(acting, WORDS + AFTER_PURCHASE, customers=["ann"])


def test_a_playbook_of_scores_without_scores_says_what_to_do(acting: Shop) -> None:
    with pytest.raises(InvalidInput) as told:
        looked_at(acting, WORDS + BY_SCORE)

    assert "keepwell score --target churn --out scores.parquet" in told.value.hint


def test_scores_are_no_help_to_a_playbook_that_answers_none(acting: Shop, scored: Path) -> None:
    with pytest.raises(InvalidInput, match="answers no score"):
        looked_at(acting, WORDS + AFTER_PURCHASE, scores=scored)


def test_a_score_and_a_stage_must_both_speak(acting: Shop, scored: Path) -> None:
    both = looked_at(acting, WORDS + BY_SCORE + AFTER_PURCHASE, scores=scored)
    other = looked_at(acting, WORDS + BY_SCORE + 'stage = "after_support"\n', scores=scored)

    assert (chosen(both), chosen(other)) == (["ann"], [])


@pytest.mark.parametrize(
    ("reason", "meant"),
    [("order_count_365d", True), ("order_*", True), ("ticket_*", False)],
)
def test_a_reason_must_be_among_those_that_raise_the_score(
    acting: Shop, scored: Path, reason: str, meant: bool
) -> None:
    found = looked_at(acting, f'{WORDS}{BY_SCORE}reason = "{reason}"\n', scores=scored)

    assert chosen(found) == (["ann"] if meant else [])


def test_selling_by_a_model_that_reads_how_people_fare_is_refused_at_run_time(
    acting: Shop, scored: Path
) -> None:
    found = looked_at(acting, WORDS + BY_SCORE + "commercial = true\n", scores=scored)

    assert found.judged.refused == {"ann": "commercial_model_reads_wellbeing"}
    assert found.sensitive_features == ("survey_level_mean",)


def run_on_scores(shop: Shop, tmp_path: Path) -> Row[Any]:
    """Score everyone by the model that reads well-being, run a playbook; gives the one contact."""
    shop.permit("ann", "risk_scoring")
    shop.approve_model()
    scores = tmp_path / "scores.parquet"
    score_everyone(shop.keepwell, shop.keepwell.target("churn"), out=scores, clock=shop.clock)
    runs(shop, WORDS + BY_SCORE, scores=scores)
    return contact_of(shop)


def contact_of(shop: Shop) -> Row[Any]:
    with shop.keepwell.database.read() as conn:
        return conn.execute(select(interventions)).one()


def take_back(shop: Shop, purpose: str) -> None:
    change = ConsentChange(
        customer_id="ann",
        purpose=purpose,
        state="withdrawn",
        mechanism="api",
        evidence="a letter",
    )
    record_all(shop.keepwell, [change], clock=shop.clock)


def test_a_queued_contact_ends_with_a_permission_its_score_used(
    acting: Shop, tmp_path: Path
) -> None:
    acting.permit("ann", "wellbeing_inference")
    run_on_scores(acting, tmp_path)

    take_back(acting, "wellbeing_inference")

    ended = contact_of(acting)
    assert (ended.status, ended.reason) == ("cancelled", "wellbeing_inference: withdrawn")
    assert ended.probability is None


def test_a_contact_does_not_rest_on_what_its_score_could_not_use(
    acting: Shop, tmp_path: Path
) -> None:
    contact = run_on_scores(acting, tmp_path)

    assert set(json.loads(contact.permissions)) == {"outreach.email", "risk_scoring"}


def test_what_is_taken_back_once_scores_were_read_is_still_heard(
    acting: Shop, tmp_path: Path
) -> None:
    acting.permit("ann", "risk_scoring", "wellbeing_inference")
    acting.approve_model()
    scores = tmp_path / "scores.parquet"
    target = acting.keepwell.target("churn")
    score_everyone(acting.keepwell, target, out=scores, clock=acting.clock)

    note = playbook(WORDS + BY_SCORE)
    found = candidates_of(acting.keepwell, scores, playbook=note, now=acting.clock())

    take_back(acting, "wellbeing_inference")

    desk = desk_of(acting.keepwell)
    run = run_interventions(desk, note, found, outside_contacts={}, clock=acting.clock)
    assert run.refused == {"wellbeing_inference: withdrawn": 1}


def test_the_check_refuses_it_beforehand_and_names_the_features(acting: Shop, scored: Path) -> None:
    sells = playbook(WORDS + BY_SCORE + "commercial = true\n")

    [refused] = check_in_home(acting.keepwell, [sells], now=acting.clock()).refused

    assert (refused.playbook, refused.status) == ("note", "approved")
    assert refused.features == ("survey_level_mean",)


def test_the_check_looks_at_a_model_nobody_approved_yet(acting: Shop) -> None:
    from tests.serving.conftest import register_model, save_bundle

    digest = save_bundle(acting.keepwell)
    with acting.keepwell.database.write() as conn:
        register_model(conn, acting.keepwell, digest, now=acting.clock())
    sells = playbook(WORDS + BY_SCORE + "commercial = true\n")

    [refused] = check_in_home(acting.keepwell, [sells], now=acting.clock()).refused

    assert (refused.status, refused.model_digest) == ("candidate", digest)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('target = "chrun"', "target is 'chrun', but there is churn"),
        (
            'dimension = "spiritual"\nbelow = 30\npurposes = ["wellbeing_inference"]',
            "dimension is 'spiritual', but there is emotional, financial",
        ),
    ],
)
def test_the_check_names_what_the_home_does_not_have(shop: Shop, line: str, said: str) -> None:
    [problem] = check_in_home(shop.keepwell, [playbook(WORDS + line)], now=shop.clock()).problems

    assert said in problem


def test_the_check_warns_of_a_reason_no_model_has(acting: Shop, scored: Path) -> None:
    asks = playbook(WORDS + BY_SCORE + 'reason = "ticket_*"\n')

    [warning] = check_in_home(acting.keepwell, [asks], now=acting.clock()).warnings

    assert "is called ticket_*, so it would choose nobody" in warning


def test_the_check_warns_of_words_that_press(shop: Shop) -> None:
    presses = replace(playbook(WORDS + AFTER_PURCHASE), body="Hurry, this is your last chance.")

    [warning] = check_in_home(shop.keepwell, [presses], now=shop.clock()).warnings

    assert "“hurry”, “last chance”" in warning


LOW = WORDS + 'dimension = "emotional"\nbelow = 40\npurposes = ["wellbeing_inference"]\n'


@pytest.fixture
def faring(acting: Shop) -> Shop:
    """Forty people answered thrice how they feel; the first five badly, all permit all of it."""
    for number in range(40):
        customer = f"p{number:02}"
        acting.permit(customer, "wellbeing_inference", "outreach.email")
        for turn in range(3):
            answer = 1 if number < 5 else 6 + (number + turn) % 4
            event = {
                "customer_id": customer,
                "kind": "survey",
                "event_id": f"{customer}-{turn}",
                "occurred_at": (acting.clock() - timedelta(days=30 - 14 * turn)).isoformat(),
                "value": answer,
                "properties": {"instrument": "pulse_emotional"},
            }
            take_events(acting.keepwell, [event], clock=acting.clock)
    acting.pass_days(1)
    return acting


def test_a_level_of_wellbeing_is_answered_for_those_who_permit_it(faring: Shop) -> None:
    found = looked_at(faring, LOW)

    assert sorted(chosen(found)) == ["p00", "p01", "p02", "p03", "p04"]
    assert found.not_looked_at == {"wellbeing_inference: no_record": 2}


def test_the_level_is_on_the_candidate_and_at_or_below_the_playbooks(faring: Shop) -> None:
    people: Sequence[Candidate] = looked_at(faring, LOW).judged.eligible

    assert all(each.level is not None and each.level <= 40 for each in people)


def test_withdrawing_wellbeing_ends_it_at_once(faring: Shop) -> None:
    with faring.keepwell.database.write() as conn:
        faring.keepwell.registry.withdraw(conn, "p00", "wellbeing_inference", now=faring.clock())

    assert "p00" not in chosen(looked_at(faring, LOW))
