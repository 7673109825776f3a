"""Measurement plans: one page, checked, frozen before the start, and held against what was done."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from governance.errors import ConfigurationError, IntegrityBroken, InvalidInput, NotFound
from governance.log.ledger import entries
from outcomes.trials.plan import Plan
from serving.access.auth import ScopeMissing
from serving.interventions.lots.experiments import open_experiment
from serving.interventions.playbooks.playbook import STARTERS, find_playbook, load_playbooks
from serving.interventions.tables import measurement_plans
from serving.trials.document import lift_document, plan_points
from serving.trials.lift import lift_of
from serving.trials.plan_file import first_draft, read_plan, write
from serving.trials.plans import FrozenPlan, fits, freeze, is_as_frozen, latest_plan, list_plans
from tests.serving.conftest import Shop
from tests.serving.test_api import Crm
from tests.serving.test_cli import Commands
from tests.serving.test_trials import begun, passed

PLAYBOOKS = load_playbooks(STARTERS)
NOTE = find_playbook(PLAYBOOKS, "personal_note")
PLAN = replace(first_draft(NOTE, today=date(2026, 5, 31)), owner="head of retention")


def frozen(shop: Shop, plan: Plan = PLAN) -> FrozenPlan:
    key = shop.key("intervention:approve")
    return freeze(shop.keepwell, plan, NOTE, key=key, now=shop.clock())


def test_the_first_draft_asks_only_for_its_owner() -> None:
    draft = first_draft(NOTE, today=date(2026, 5, 31))

    assert draft.problems() == ["owner is empty: who answers for it, a person or a role"]


def test_a_page_reads_back_as_it_was_written(tmp_path: Path) -> None:
    page = tmp_path / "plan.toml"
    page.write_text(write(PLAN), encoding="utf-8")

    assert read_plan(page) == PLAN
    assert len(write(PLAN).splitlines()) < 50  # one page


def test_a_playbook_that_leaves_nobody_alone_has_no_plan() -> None:
    duty = next(each for each in PLAYBOOKS if each.kind == "service")

    with pytest.raises(InvalidInput, match="leaves nobody alone"):
        first_draft(duty, today=date(2026, 5, 31))


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"people": 100}, "people == 100, but 5,233 are needed"),
        ({"ends": "2026-06-20"}, "starts and ends lie 19 days apart, enrol_days says 90"),
        ({"reads_on": "2026-09-01"}, "reads_on lies 2 days after ends"),
        ({"starts": "soon"}, "starts == 'soon', must be a date"),
        ({"primary": "happiness"}, "primary == 'happiness', must be one of"),
        ({"primary": "margin"}, "spread is missing"),
        ({"baseline": None}, "baseline is missing"),
        ({"smallest_worthwhile": 0.0}, "smallest_worthwhile == 0, must be above 0"),
        ({"baseline": 0.99}, "a share of 0.99 cannot change by +0.05"),
        ({"guardrails": ()}, "guardrails are empty"),
        ({"guardrails": ("sales",)}, "guardrails names 'sales', which is not measured"),
        ({"holdout_share": 0.7}, "holdout_share == 0.7, must be above 0 and at most 0.5"),
        ({"success": " "}, "success is empty: when it is called a success"),
    ],
)
def test_every_mistake_of_a_plan_is_named(changes: dict[str, object], problem: str) -> None:
    found = replace(PLAN, **changes).problems()  # type: ignore[arg-type]

    assert any(each.startswith(problem) for each in found), found


def test_an_outcome_that_should_fall_is_sized_downwards() -> None:
    plan = replace(PLAN, primary="unsubscribed", baseline=0.04, smallest_worthwhile=0.05)

    assert plan.problems() == ["a share of 0.04 cannot change by -0.05"]


def test_a_plan_must_fit_its_playbook() -> None:
    assert fits(replace(PLAN, holdout_share=0.3), NOTE) == [
        "holdout_share == 0.3, the playbook has 0.2 (holdout_share)"
    ]


def test_every_mistake_of_the_form_is_named_at_once(tmp_path: Path) -> None:
    page = tmp_path / "plan.toml"
    text = write(PLAN).replace("people = 5233", 'people = "many"').replace("[dates]", "[days]")
    page.write_text(text, encoding="utf-8")

    with pytest.raises(ConfigurationError) as wrong:
        read_plan(page)

    assert "draw.people must be a int" in wrong.value.problems
    assert "'days' is not known in a plan" in wrong.value.problems
    assert "starts is missing" in wrong.value.problems


def test_freezing_writes_the_digest_in_the_log(shop: Shop) -> None:
    made = frozen(shop)

    with shop.keepwell.database.read() as conn:
        [entry] = [each for each in entries(conn, limit=1_000) if each.kind == "plan_frozen"]
    assert made.plan_digest == PLAN.digest
    assert PLAN.digest in entry.body
    assert made.frozen_by == "crm"


def test_a_changed_word_makes_another_plan() -> None:
    assert replace(PLAN, success=PLAN.success + "!").digest != PLAN.digest


def test_a_plan_after_the_start_is_refused(shop: Shop) -> None:
    begun(shop, 5)

    with pytest.raises(InvalidInput, match="has begun, a plan comes before the start"):
        frozen(shop)


def test_the_same_plan_is_frozen_once(shop: Shop) -> None:
    frozen(shop)

    with pytest.raises(InvalidInput, match="frozen already"):
        frozen(shop)


def test_a_plan_with_problems_is_not_frozen(shop: Shop) -> None:
    with pytest.raises(InvalidInput, match="are needed to find"):
        frozen(shop, replace(PLAN, people=10))


def test_somebody_answers_for_a_plan(shop: Shop) -> None:
    with pytest.raises(InvalidInput, match="no key was given"):
        freeze(shop.keepwell, PLAN, NOTE, key=None, now=shop.clock())
    with pytest.raises(ScopeMissing):
        freeze(shop.keepwell, PLAN, NOTE, key=shop.key("score:read"), now=shop.clock())


def test_the_next_experiment_follows_the_plan_frozen_last(shop: Shop) -> None:
    frozen(shop, replace(PLAN, question="an earlier draft"))
    made = frozen(shop)

    begun(shop, 5, NOTE)

    with shop.keepwell.database.read() as conn:
        [followed] = [each for each in list_plans(conn) if each.experiment is not None]
        assert followed.plan_digest == made.plan_digest
        assert latest_plan(conn, made.plan_digest[:10]).plan == PLAN
        with pytest.raises(NotFound):
            latest_plan(conn, "other")


def test_a_plan_is_followed_once(shop: Shop) -> None:
    frozen(shop)
    begun(shop, 5, NOTE)
    shop.pass_days(NOTE.holdout_days)

    with shop.keepwell.database.write() as conn:
        assert open_experiment(conn, NOTE, shop.clock.now).plan_digest is None


def test_a_plan_that_was_changed_in_the_database_is_not_shown(shop: Shop) -> None:
    frozen(shop)
    changed = update(measurement_plans).values(body=PLAN.body().replace("0.05", "0.01"))

    with shop.keepwell.database.write() as conn:
        conn.execute(changed)
        with pytest.raises(IntegrityBroken):
            list_plans(conn)


def said(shop: Shop, *, days: int | None) -> dict[str, str]:
    found = lift_of(shop.keepwell, NOTE.name, horizon_days=days, file=None, now=shop.clock())
    told = plan_points(found, today=shop.clock.now.date())
    return {each.point: each.followed for each in told}


def test_the_lift_says_point_by_point_whether_the_plan_was_followed(shop: Shop) -> None:
    frozen(shop)
    shop.pass_days(0.5)
    passed(begun(shop, 40, NOTE), 181)

    assert said(shop, days=None) == {
        "frozen before the start": "yes",
        "playbook as frozen": "yes",
        "started no earlier than planned": "yes",
        "share left alone": "yes",
        "outcome as named": "yes",
        "horizon": "yes",
        "size reached": "no",
        "looks": "yes",
        "stopping rule": "yes",
        "read on its day": "yes",
    }
    assert said(shop, days=60)["horizon"] == "no"


def test_other_words_than_those_frozen_are_told(shop: Shop) -> None:
    found = frozen(shop)

    with shop.keepwell.database.read() as conn:
        assert is_as_frozen(conn, found, NOTE) is True
        assert is_as_frozen(conn, found, replace(NOTE, body=NOTE.body + " Hurry!")) is False
        assert is_as_frozen(conn, found, replace(NOTE, min_probability=0.9)) is False


@pytest.mark.parametrize(
    ("ordered", "decision"),
    [((40, 5), "scale"), ((5, 40), "stop"), ((25, 24), "neither")],
)
def test_the_plan_says_what_follows(shop: Shop, ordered: tuple[int, int], decision: str) -> None:
    half = replace(NOTE, holdout_share=0.5)
    plan = replace(PLAN, holdout_share=0.5, smallest_worthwhile=0.2, people=240)
    key = shop.key("intervention:approve")
    freeze(shop.keepwell, plan, half, key=key, now=shop.clock())
    made = begun(shop, 50, half)
    made.did("order", made.treated[: ordered[0]], 20.0)
    made.did("order", made.held[: ordered[1]], 20.0)
    passed(made, 181)

    found = lift_of(shop.keepwell, NOTE.name, horizon_days=None, file=None, now=shop.clock())

    told = lift_document(found, today=shop.clock.now.date())["plan"]
    assert told["decision"] == decision
    assert bool(told["then"]) is (decision != "neither")


def test_while_it_runs_the_end_is_not_yet_judged(shop: Shop) -> None:
    frozen(shop)
    passed(begun(shop, 40, NOTE), 20)

    points = said(shop, days=None)

    assert points["size reached"] == points["stopping rule"] == "not yet"
    assert points["read on its day"] == "not yet"


def test_plans_are_listed_over_http(shop: Shop) -> None:
    made = frozen(shop)

    [plan] = Crm(shop, "outcomes:read").http.get("/v1/outcomes/plans").json()["plans"]

    assert plan["plan_digest"] == made.plan_digest
    assert plan["plan"]["people"] == 5_233


def test_from_the_first_draft_to_the_frozen_plan_on_the_command_line(tmp_path: Path) -> None:
    keepwell = Commands(tmp_path / "home")
    keepwell("init")
    key = keepwell("keys", "create", "--scope", "intervention:approve", "--owner", "Grace").json
    page = tmp_path / "plan.toml"
    drafted = keepwell.plain("outcomes", "plan", "new", "personal_note")
    page.write_text(drafted.out)

    unowned = keepwell("outcomes", "plan", "check", page)
    page.write_text(page.read_text().replace('owner = ""', 'owner = "head of retention"'))
    checked = keepwell("outcomes", "plan", "check", page)
    made = keepwell("outcomes", "plan", "freeze", page, "--key", key["key"])
    shown = keepwell("outcomes", "plan", "show", "personal_note").json

    assert "5,233 people are needed, and at most 0 qualify" in " ".join(drafted.err.split())
    assert (unowned.code, checked.code, made.code) == (1, 0, 0)
    assert checked.json["needed"]["people"] == 5_233
    assert made.json["frozen_by"] == "Grace"
    assert shown["plan_digest"] == checked.json["plan_digest"]


def test_the_days_of_a_draft_add_up() -> None:
    assert PLAN.starts == "2026-06-01"
    assert date.fromisoformat(PLAN.reads_on) == date.fromisoformat(PLAN.ends) + timedelta(days=90)
