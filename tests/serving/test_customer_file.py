"""One customer as staff see them: what may be shown, found, told, and what is gone."""

from datetime import datetime, timedelta

import pytest

from governance.consent.record import ConsentChange
from governance.errors import NotFound
from serving.customer_file.decisions import decisions_about, own_decision
from serving.customer_file.directory import exact, listed
from serving.customer_file.known import known_customer, other_ids
from serving.customer_file.permissions import permissions_of
from serving.customer_file.scores import Scores, scores_of
from serving.customer_file.timeline import timeline
from serving.links import merge_customers
from serving.permission.consents import change_consent, withdraw
from serving.record.dossier import make_dossier, render
from serving.rights.acts import erase
from serving.rights.customers import list_customers
from serving.scoring.look_back import look_back, month_ends
from tests.serving.conftest import Shop


def _scores(shop: Shop, customer: str = "ann") -> Scores:
    with shop.keepwell.database.read() as conn:
        now = shop.clock()
        known = known_customer(shop.keepwell, conn, customer, now=now)
        return scores_of(shop.keepwell, conn, known, "churn", now=now)


def _score(shop: Shop, customer: str = "ann", as_of: datetime | None = None) -> str:
    answer = shop.scorer.score(
        [customer], targets=["churn"], as_of=as_of, reasons_limit=10, may_see_refusals=True
    )
    return answer.results[0].decision_id


def test_a_customer_nobody_knows_and_one_who_was_erased_look_alike(regular: Shop) -> None:
    keepwell = regular.keepwell
    regular.order("bob", 3)
    erase(keepwell, "bob", now=regular.clock(), key_id="rights")
    said = []
    for customer in ("bob", "nobody"):
        with keepwell.database.read() as conn, pytest.raises(NotFound) as problem:
            known_customer(keepwell, conn, customer, now=regular.clock())
        said.append((problem.value.message, problem.value.hint))
    assert said[0] == said[1]


def test_the_timeline_is_newest_first_counts_kinds_and_goes_on(regular: Shop) -> None:
    with regular.keepwell.database.read() as conn:
        known = known_customer(regular.keepwell, conn, "ann", now=regular.clock())
        page = timeline(conn, known, kind="order", limit=2)
        rest = timeline(conn, known, kind="order", skip=2, limit=2)
        everything = timeline(conn, known)
    assert (page.total, page.older, rest.older) == (3, 2, None)
    days = [each.occurred_at for each in (*page.events, *rest.events)]
    assert days == sorted(days, reverse=True)
    assert everything.kinds == {"order": 3, "consent_changed": 1}
    assert [each.own_act for each in everything.events] == [True, False, False, False]


def test_a_score_explains_itself_and_adds_up(regular: Shop) -> None:
    _score(regular)
    found = _scores(regular)
    assert found.told is not None
    steps = found.told.steps
    assert steps is not None
    told = steps.base + sum(each.contribution for each in steps.steps) + steps.rest
    assert abs(told - steps.total) < 1e-9
    assert not steps.has_rest
    assert steps.steps[0].before == steps.base
    assert abs(steps.steps[-1].after - steps.total) < 1e-9


def test_what_was_estimated_is_gone_once_permission_is(regular: Shop) -> None:
    _score(regular)
    withdraw(regular.keepwell, "ann", "risk_scoring", actor="ann", clock=regular.clock)
    found = _scores(regular)
    assert (found.refusal, found.told, found.points) == ("withdrawn", None, ())
    assert found.newest is not None
    assert found.newest.gone


def test_a_dossier_tells_no_result_once_a_permission_ended_by_itself(shop: Shop) -> None:
    shop.order("ann", 80, 60, 40)
    yes = ConsentChange(
        customer_id="ann",
        purpose="risk_scoring",
        state="given",
        mechanism="checkbox_ticked",
        evidence="form ann",
        expires_at=shop.clock() + timedelta(days=3),
    )
    change_consent(shop.keepwell, yes, clock=shop.clock)
    shop.approve_model()
    decision = _score(shop)
    before = make_dossier(shop.keepwell, decision, now=shop.clock(), computed_again=False)
    assert before.result is not None
    assert before.replay == {}
    shop.pass_days(4)
    after = make_dossier(shop.keepwell, decision, now=shop.clock(), computed_again=False)
    assert after.result is None
    assert "%" not in render(after).partition("<main>")[2].partition("The model")[0]


def test_the_list_shows_the_newest_estimate_of_whoever_permits_it(regular: Shop) -> None:
    keepwell = regular.keepwell
    regular.order("bob", 5)
    _score(regular)
    newest = _score(regular)
    with keepwell.database.read() as conn:
        ann, bob = listed(keepwell, conn, ["ann", "bob"], "churn", now=regular.clock())
    assert (ann.scoring, bob.scoring) == (True, False)
    assert bob.probability is None
    assert _scores(regular).points[0].decision_id == newest
    assert ann.probability == _scores(regular).points[0].probability
    withdraw(keepwell, "ann", "risk_scoring", actor="ann", clock=regular.clock)
    with keepwell.database.read() as conn:
        [ann] = listed(keepwell, conn, ["ann"], "churn", now=regular.clock())
    assert (ann.scoring, ann.probability, ann.as_of) == (False, None, None)


def test_customers_are_found_by_how_their_id_begins_and_by_the_very_id(regular: Shop) -> None:
    regular.order("anna", 4)
    regular.order("a%b", 4)
    assert list_customers(regular.keepwell, limit=10, prefix="AN") == (["ann", "anna"], None)
    assert list_customers(regular.keepwell, limit=10, prefix="a%") == (["a%b"], None)
    with regular.keepwell.database.read() as conn:
        assert exact(regular.keepwell, conn, "ann") == "ann"
        assert exact(regular.keepwell, conn, "an") is None


def test_permissions_say_since_when_and_what_can_be_stopped(regular: Shop) -> None:
    with regular.keepwell.database.read() as conn:
        known = known_customer(regular.keepwell, conn, "ann", now=regular.clock())
        found = permissions_of(regular.keepwell, conn, known, now=regular.clock())
    by_purpose = {each.state.purpose: each for each in found.standings}
    assert by_purpose["risk_scoring"].stoppable
    assert not by_purpose["operations"].stoppable  # a contract carries it
    assert not by_purpose["wellbeing_inference"].state.permitted
    assert [each.purpose for each in found.said] == ["risk_scoring"]


def test_a_decision_about_somebody_else_is_not_this_customers(regular: Shop) -> None:
    keepwell = regular.keepwell
    regular.order("bob", 5)
    regular.permit("bob")
    theirs = _score(regular, "bob")
    with keepwell.database.read() as conn:
        now = regular.clock()
        known = known_customer(keepwell, conn, "ann", now=now)
        assert own_decision(keepwell, conn, known, theirs, now=now) is None
        bob = known_customer(keepwell, conn, "bob", now=now)
        found = decisions_about(keepwell, conn, bob, now=now)
    assert [each.decision_id for each in found.rows] == [theirs]
    assert (found.kinds, found.older) == ({"score": 1}, None)


def test_looking_back_uses_what_was_known_at_ends_of_months_and_ends_now(regular: Shop) -> None:
    regular.pass_days(35)  # what came in on the first of June was known on the first of July
    ends = month_ends(regular.keepwell, now=regular.clock(), months=2)
    told = look_back(
        regular.keepwell, regular.scorer, "ann", "churn", now=regular.clock(), reasons_limit=5,
        months=2,
    )  # fmt: skip
    assert [f"{each:%m-%d}" for each in ends] == ["06-01", "07-01"]
    assert [each.status for each in told] == ["insufficient_data", "scored", "scored"]
    found = _scores(regular)
    assert found.told is not None
    assert found.told.as_of is not None
    assert found.told.as_of > ends[-1]
    assert [each.as_of for each in found.points] == [found.told.as_of, ends[-1]]


def test_looking_back_ends_with_the_first_refusal(regular: Shop) -> None:
    withdraw(regular.keepwell, "ann", "risk_scoring", actor="ann", clock=regular.clock)
    told = look_back(
        regular.keepwell, regular.scorer, "ann", "churn", now=regular.clock(), reasons_limit=5
    )
    assert [each.status for each in told] == ["refused"]


def test_ids_of_one_person_lead_to_each_other(regular: Shop) -> None:
    regular.order("anne", 9)
    merge_customers(regular.keepwell, "ann", "anne", clock=regular.clock)
    assert other_ids(regular.keepwell, "anne").same_person == ("ann",)
    assert other_ids(regular.keepwell, "ann").same_person == ("anne",)
