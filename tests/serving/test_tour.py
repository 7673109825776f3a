"""The tour of a demo: real acts on one made-up customer, bounded, sealed, and nowhere else."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from starlette.testclient import TestClient

from features.simulate.permissions import NOTICE_LOCALE, NOTICE_VERSION, NOTICES, notice_id
from governance.consent.notices import publish_notice
from governance.consent.record import ConsentChange
from governance.errors import NotFound
from serving.bootstrap import Keepwell
from serving.http.api import create_app
from serving.http.staff.visit import COOKIE
from serving.interventions.choosing.run import InterventionRun, run_together
from serving.pages.tour import _asked, _bars, _zero
from serving.permission.consents import change_consent
from serving.settings import Settings, TargetSettings
from serving.tour import acts, cast
from serving.tour.acts import Stage
from serving.tour.cast import Player, read_cast, seen_cast, three_of, without_cast, write_cast
from serving.tour.over import TourOver
from serving.tour.roles import STAFF_ROLES, enter, find_role
from serving.tour.sights import look
from serving.tour.walk import Walk, read_walk, walk_token
from tests.serving.conftest import Clock, Shop
from tests.serving.homes import new_home

ANN = Player("ann", "drifting", "Maria", "Ordered 3 times.")
BEN = Player("ben", "drifting", "Noor", "Ordered 3 times.")


def say_yes(keepwell: Keepwell, customer: str, clock: Clock) -> None:
    change = ConsentChange(
        customer_id=customer,
        purpose="risk_scoring",
        state="given",
        mechanism="button",
        evidence=f"form {customer}",
        notice_id=notice_id("risk_scoring"),
        notice_version=NOTICE_VERSION,
    )
    change_consent(keepwell, change, clock=clock)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """Give a demo home with Ann and Ben, who permit scores and e-mails."""
    clock = Clock()
    settings = Settings(
        kind="demo",
        mode="act",
        targets={"churn": TargetSettings(kind="silence", silence_days=90)},
    )
    keepwell = new_home(tmp_path / "home", settings, now=clock())
    shop = Shop(keepwell, clock)
    with keepwell.database.write() as conn:
        publish_notice(
            conn,
            notice_id=notice_id("risk_scoring"),
            version=NOTICE_VERSION,
            locale=NOTICE_LOCALE,
            content=NOTICES["risk_scoring"],
            purposes=["risk_scoring"],
            material=True,
            now=clock(),
        )
    for customer in ("ann", "ben"):
        shop.order(customer, 80, 60, 40, 0)
        shop.permit(customer, "outreach.email")
        say_yes(keepwell, customer, clock)
    shop.approve_model()
    shop.pass_days(0.01)
    write_cast([ANN, BEN], keepwell.home.reports)
    yield Stage(keepwell, shop.scorer, clock)
    keepwell.close()


def test_an_event_is_sent_and_the_next_score_is_another_verdict(stage: Stage) -> None:
    walk = acts.happen(stage, acts.begin(stage, "ann"), "order")
    seen = look(stage, walk)

    assert seen.before is not None
    assert seen.after is not None
    assert seen.before.decision_id != seen.after.decision_id
    assert seen.event is not None
    assert '"kind": "order"' in seen.event.sent


def test_reasons_and_all_others_add_up_to_the_score(stage: Stage) -> None:
    found = look(stage, acts.begin(stage, "ann")).before

    assert found is not None
    assert found.steps is not None
    bars = _bars(found)
    assert [each.kind for each in bars if each.kind == "sum"] == ["sum", "sum"]
    assert sum(each.added for each in bars[:-1]) == pytest.approx(found.steps.total, abs=1e-9)
    assert sum(each.added for each in bars[:-1]) == pytest.approx(bars[-1].added, abs=1e-9)
    begins = bars[-1].x if bars[-1].added > 0 else bars[-1].x + bars[-1].width
    assert begins == pytest.approx(_zero(found), abs=0.7)
    assert _bars(found._replace(steps=None)) == ()


def test_a_withdrawal_refuses_the_next_score_and_forgets_the_one_before(stage: Stage) -> None:
    seen = look(stage, acts.withdraw(stage, acts.begin(stage, "ann")))

    assert seen.refused is not None
    assert (seen.refused.outcome, seen.refused.reason) == ("refused", "withdrawn")
    assert seen.before is not None
    assert seen.before.forgotten
    assert seen.before.probability is None


def test_giving_back_is_a_new_yes_that_scores_again(stage: Stage) -> None:
    walk = acts.give_back(stage, acts.withdraw(stage, acts.begin(stage, "ann")))
    seen = look(stage, walk)

    assert seen.permission.event_id == walk.given
    assert seen.again is not None
    assert seen.again.probability is not None


def test_somebody_may_be_asked_about_instead(stage: Stage) -> None:
    walk = acts.ask_instead(stage, acts.begin(stage, "ann"))

    assert walk.customer_id == "ben"
    assert len(walk.asked) == len(acts.PLAYBOOKS)


def test_each_verdict_is_told_of_its_own_playbook_whatever_comes_in_between(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours: list[str] = []

    def ran_and_another(*given: Any, **named: Any) -> tuple[InterventionRun, ...]:
        found = run_together(*given, **named)
        ours.extend(decided for run in found for decided in run.decisions)
        run_together(*given, **named)
        return found

    monkeypatch.setattr("serving.crm.asking.run_together", ran_and_another)
    seen = look(stage, acts.ask(stage, acts.begin(stage, "ann")))

    assert tuple(each.playbook for each in seen.asked) == acts.PLAYBOOKS
    assert seen.walk.asked == tuple(ours)
    assert [each.playbook for each in _asked(replace(seen, asked=seen.asked[::-1]))] == [
        name.replace("_", " ") for name in reversed(acts.PLAYBOOKS)
    ]


def test_a_walk_that_names_somebody_elses_verdict_is_not_shown(stage: Stage) -> None:
    theirs = acts.begin(stage, "ben").before

    with pytest.raises(NotFound, match="not of this walk"):
        look(stage, Walk("ann", before=theirs))


def test_only_customers_of_the_tour_can_be_followed(stage: Stage) -> None:
    with pytest.raises(NotFound):
        stage.player("somebody")


def test_the_tour_ends_when_it_was_used_too_often(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    acts.begin(stage, "ann")
    monkeypatch.setattr(acts, "MOST_ACTS", 1)

    with pytest.raises(TourOver, match="so often"):
        stage.player("ann")


def test_a_demo_of_days_ago_takes_no_event_of_today(stage: Stage) -> None:
    assert isinstance(stage.clock, Clock)
    stage.clock.now += timedelta(days=4)

    with pytest.raises(TourOver, match="days ago"):
        stage.player("ann")


def test_whoever_was_followed_least_comes_first(stage: Stage) -> None:
    acts.begin(stage, "ann")

    assert three_of(seen_cast(stage.keepwell)) == (BEN,)


def test_a_walk_is_read_as_it_was_sealed_and_by_its_own_home_alone(stage: Stage) -> None:
    walk = Walk("a~b, c", before="1", asked=("2", "3"), contact="4")
    token = walk_token(stage.keepwell.keys, walk)

    assert read_walk(stage.keepwell.keys, token) == walk
    assert read_walk(stage.keepwell.keys, token[:-1] + "x") is None


def test_the_cast_is_left_out_of_the_demos_own_run(tmp_path: Path) -> None:
    scores = tmp_path / "scores.parquet"
    pq.write_table(pa.table({"customer_id": ["ann", "cem"]}), scores)

    left = without_cast(scores, [ANN], tmp_path / "run.parquet")

    assert pq.read_table(left)["customer_id"].to_pylist() == ["cem"]


def test_nobody_is_in_the_cast_of_a_home_that_picked_nobody(tmp_path: Path) -> None:
    assert read_cast(tmp_path) == ()


def test_a_role_has_one_key_but_whoever_reviews_gets_one_of_their_own(stage: Stage) -> None:
    retention, reviewer = STAFF_ROLES[0], find_role("reviewer")
    assert reviewer is not None
    first, second = (enter(stage.keepwell, retention, now=stage.clock()) for _ in range(2))
    one, other = (enter(stage.keepwell, reviewer, now=stage.clock()) for _ in range(2))

    assert first.caller == second.caller
    assert first.signing_key == second.signing_key == ""
    assert one.signing_key != other.signing_key
    assert one.caller.may("audit:sign")


def test_every_role_has_its_names_and_players_are_not_named_twice() -> None:
    names = [name for each in cast.ROLES for name in cast._NAMES[each]]

    assert len(names) == len(set(names))


def visitor(stage: Stage) -> TestClient:
    """Give a browser that says where its forms come from."""
    app = create_app(stage.keepwell, stage.scorer, clock=stage.clock)
    return TestClient(app, headers={"Origin": "http://testserver"}, follow_redirects=False)


def form(stage: Stage, act: str = "begin") -> dict[str, str]:
    return {"walk": walk_token(stage.keepwell.keys, Walk("ann")), "act": act}


def test_a_button_leads_to_what_it_did(stage: Stage) -> None:
    http = visitor(stage)
    answer = http.post("/demo/act", data=form(stage, "order"))

    assert answer.status_code == 303
    shown = http.get(answer.headers["location"])
    assert shown.status_code == 200
    assert "Maria placed an order" in shown.text


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
        {"Origin": "http://testserver", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://testserver", "Sec-Fetch-Site": "same-site"},
        {"Origin": ""},
    ],
)
@pytest.mark.parametrize("path", ["/demo/act", "/demo/enter"])
def test_a_form_from_elsewhere_does_nothing(
    stage: Stage, path: str, headers: dict[str, str]
) -> None:
    sent = {**form(stage), "role": "retention"}
    answer = visitor(stage).post(path, data=sent, headers=headers)

    assert answer.status_code == 403
    assert COOKIE not in answer.cookies
    assert seen_cast(stage.keepwell)[0].verdicts == 0


@pytest.mark.parametrize("token", ["", "tour~616e6e~~~~~~~~~~" + "0" * 32, "x"])
def test_a_walk_nobody_sealed_leads_nowhere(stage: Stage, token: str) -> None:
    http = visitor(stage)

    assert http.post("/demo/act", data={"walk": token, "act": "begin"}).status_code == 404
    assert http.post("/demo/enter", data={"walk": token, "role": "reviewer"}).status_code == 403


def test_a_role_opens_its_pages_and_a_signing_key_is_shown_once(stage: Stage) -> None:
    http = visitor(stage)
    entered = http.post("/demo/enter", data={**form(stage), "role": "retention"})
    reviewing = http.post("/demo/enter", data={**form(stage), "role": "reviewer"})

    assert entered.headers["location"] == "/staff/dashboard"
    assert COOKIE in entered.cookies
    assert "kw_" in reviewing.text
    assert COOKIE in reviewing.cookies


def test_there_are_only_so_many_reviewers(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serving.tour.roles._EVER", 1)
    enter(stage.keepwell, STAFF_ROLES[2], now=stage.clock())

    with pytest.raises(TourOver):
        enter(stage.keepwell, STAFF_ROLES[2], now=stage.clock())


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/demo"), ("POST", "/demo/act"), ("POST", "/demo/enter")]
)
def test_no_other_home_has_a_tour(shop: Shop, method: str, path: str) -> None:
    app = create_app(shop.keepwell, shop.scorer, clock=shop.clock)
    sent = {
        "walk": walk_token(shop.keepwell.keys, Walk("ann")), "act": "begin", "role": "retention",
    }  # fmt: skip
    answer = TestClient(app, headers={"Origin": "http://testserver"}).request(
        method, path, data=sent
    )

    assert answer.status_code == 404
    assert COOKIE not in answer.cookies


def test_the_first_page_of_another_home_leads_to_the_login_and_to_nobody(shop: Shop) -> None:
    app = create_app(shop.keepwell, shop.scorer, clock=shop.clock)
    shown = TestClient(app).get("/").text

    assert 'href="/staff/login"' in shown
    assert "/demo" not in shown
