"""What-if: permission as for a score, only what can change, and never a promise."""

import json

import pytest
from sqlalchemy import insert, select
from starlette.testclient import TestClient

from features.tables import protected_attributes
from governance.errors import InvalidInput
from governance.instants import parse_instant
from governance.log.decision import load, recent
from governance.tables import decisions
from serving.cli import keepwell
from serving.cli.whatif import _asked
from serving.http.api import create_app
from serving.permission.consents import withdraw
from serving.record.dossier import write_dossier
from serving.record.replay import replay
from serving.scoring.answers import WhatIfAnswer
from serving.scoring.shapes import what_if_json
from serving.scoring.whatif import ASSOCIATION, WhatIf
from tests.serving.conftest import Shop


def ask(
    shop: Shop, asked: dict[str, float], customer_id: str = "ann", *, insider: bool = True
) -> WhatIfAnswer:
    return shop.scorer.what_if(customer_id, asked, target="churn", may_see_refusals=insider)


def answer(shop: Shop, **asked: float) -> WhatIf:
    found = ask(shop, asked)
    assert found.answer is not None
    return found.answer


def test_a_recent_order_comes_with_a_lower_chance(regular: Shop) -> None:
    found = answer(regular, days_since_last_order=5)
    assert found.then is not None
    assert found.then.low < found.then.probability < found.now.low
    assert [(each.feature, each.after) for each in found.asked] == [("days_since_last_order", 5)]


def test_what_it_is_now_is_the_score(regular: Shop) -> None:
    score = regular.scorer.score(["ann"], targets=["churn"]).results[0].scores["churn"]
    now = answer(regular, order_count_365d=4).now
    assert score.probability == pytest.approx(now.probability, abs=1e-6)  # the clock ticked


def test_differences_by_group_are_worked_out_from_the_curves(regular: Shop) -> None:
    [only] = answer(regular, order_count_365d=5).difference
    assert only.group == "how many orders, and how often"
    assert only.contribution == pytest.approx(2 * -0.15)  # 1.5 over 10 orders, two more of them


def test_the_words_speak_of_customers_and_promise_nothing(regular: Shop) -> None:
    text = answer(regular, days_since_last_order=5).text
    assert text.startswith("Customers like this one, but with “last order was 5 days ago”, are")
    assert text.endswith(ASSOCIATION)
    assert "does not say that changing it would change the outcome" in text


def test_what_training_hardly_saw_is_allowed_and_said(regular: Shop) -> None:
    found = answer(regular, order_count_365d=101)
    assert found.then is not None
    assert not found.asked[0].seen_in_training
    assert "hardly anyone with such a value of order_count_365d" in found.text


def test_without_a_question_it_says_what_may_be_asked_about(regular: Shop) -> None:
    found = answer(regular)
    assert [(each.feature, each.low, each.high) for each in found.may_ask] == [
        ("days_since_last_order", 0.0, 400.0),
        ("order_count_365d", 0.0, 100.0),
    ]
    assert ASSOCIATION in found.text


def test_the_single_changes_with_the_lowest_chance_come_first_within_what_was_seen(
    regular: Shop,
) -> None:
    found = answer(regular)
    assert [each.asked.feature for each in found.lower] == [
        "days_since_last_order",
        "order_count_365d",
    ]
    assert all(each.chance.probability < found.now.probability for each in found.lower)
    assert found.lower[1].asked.after == 18  # the curve is flat from 10 on: the nearest tried


def test_orders_that_cannot_be_are_told_and_recorded_without_an_answer(regular: Shop) -> None:
    found = ask(regular, {"order_count_365d": 0, "days_since_last_order": 5})
    assert (found.status, found.reason) == ("impossible", None)
    assert found.answer is not None
    assert found.answer.then is None
    assert (
        "do not agree on whether there was any in the last 365 days"
        in (found.answer.contradictions[0])
    )


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("gender", "gender is a protected attribute"),
        ("profile_gender", "profile_gender is a protected attribute"),
        ("weather", "weather is not a feature of this model"),
    ],
)
def test_nobody_asks_about_protected_or_unknown_features(
    regular: Shop, name: str, told: str
) -> None:
    with regular.keepwell.database.write() as conn:
        conn.execute(
            insert(protected_attributes).values(customer_id="bob", name="gender", value="f")
        )
    with pytest.raises(InvalidInput, match=told):
        ask(regular, {name: 1.0})


def test_answers_about_well_being_need_their_own_permission(regular: Shop) -> None:
    found = ask(regular, {"survey_level_mean": 1.0})
    assert found.status == "impossible"
    regular.permit("ann", "wellbeing_inference")
    assert ask(regular, {"survey_level_mean": 1.0}).status == "answered"


def test_withdrawn_permission_refuses_the_very_next_question_and_logs_it(regular: Shop) -> None:
    withdraw(regular.keepwell, "ann", "risk_scoring", actor="customer", clock=regular.clock)
    found = ask(regular, {"days_since_last_order": 5})
    assert (found.status, found.reason, found.answer) == ("refused", "withdrawn", None)
    with regular.keepwell.database.read() as conn:
        [logged] = recent(conn, limit=1)
    assert (logged.kind, logged.outcome, logged.decision_id) == (
        "what_if",
        "refused",
        found.decision_id,
    )


def test_refusal_and_unknown_customer_look_the_same_from_outside(regular: Shop) -> None:
    regular.order("bob", 10)
    bob, nobody = (
        ask(regular, {}, who, insider=False)._replace(customer_id="", decision_id="")
        for who in ("bob", "nobody")
    )
    assert bob._replace(as_of=nobody.as_of) == nobody
    assert bob.status == "not_available"


def test_the_answer_is_recorded_and_never_as_a_score(regular: Shop) -> None:
    found = ask(regular, {"days_since_last_order": 5})
    with regular.keepwell.database.read() as conn:
        logged = load(conn, found.decision_id)
    assert (logged.kind, logged.outcome) == ("what_if", "answered")
    assert logged.result is not None
    assert logged.result["question"] == {"days_since_last_order": 5}
    assert "probability" not in logged.result


def test_it_goes_when_the_permission_goes(regular: Shop) -> None:
    ask(regular, {"days_since_last_order": 5})
    withdraw(regular.keepwell, "ann", "risk_scoring", actor="customer", clock=regular.clock)
    with regular.keepwell.database.read() as conn:
        assert conn.execute(select(decisions.c.result)).scalars().all() == [None]


@pytest.mark.parametrize("asked", [{}, {"days_since_last_order": 5.0}, {"order_count_365d": 0.0}])
def test_an_answer_replays_bit_for_bit(regular: Shop, asked: dict[str, float]) -> None:
    found = ask(regular, asked)
    regular.order("ann", 30, 0.5)
    assert replay(regular.keepwell, found.decision_id, now=regular.clock()).outcome == "same"


def test_its_page_tells_what_was_asked_and_shows_no_score(regular: Shop) -> None:
    found = ask(regular, {"days_since_last_order": 5})
    html, _ = write_dossier(regular.keepwell, found.decision_id, now=regular.clock())
    page = html.read_text()
    assert "What if: answered" in page
    assert "last order was 5 days ago" in page
    assert "does not say that changing it would change the outcome" in page


def test_without_a_model_there_is_nothing_to_compare(shop: Shop) -> None:
    shop.order("ann", 200, 180, 160)
    shop.permit("ann")
    found = ask(shop, {"days_since_last_order": 5})
    assert (found.status, found.reason, found.answer) == ("insufficient_data", "no_model", None)


def second_of_june(shop: Shop) -> WhatIfAnswer:
    as_of = parse_instant("2026-06-02", shop.keepwell.settings.zone)
    return shop.scorer.what_if("ann", {"days_since_last_order": 5}, target="churn", as_of=as_of)


def test_http_says_what_python_says(regular: Shop) -> None:
    regular.pass_days(1)
    client = TestClient(create_app(regular.keepwell, regular.scorer, clock=regular.clock))
    sent = {"target": "churn", "set": {"days_since_last_order": 5}, "as_of": "2026-06-02"}
    key = {"Authorization": f"Bearer {regular.key('score:read')}"}
    told = client.post("/v1/customers/ann/what-if", json=sent, headers=key).json()
    expected = json.loads(json.dumps(what_if_json(second_of_june(regular), regular.keepwell.kind)))
    assert told["status"] == "answered"
    assert told | {"decision_id": ""} == expected | {"decision_id": ""}


def test_the_command_line_says_what_python_says(
    regular: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    regular.pass_days(1)
    monkeypatch.setattr("serving.cli.whatif._now", regular.clock)
    monkeypatch.setattr("serving.logs.log_to_stderr", lambda: None)
    root = str(regular.keepwell.home.root)
    words = ["what-if", "ann", "--set", "days_since_last_order=5", "--as-of", "2026-06-02"]
    assert keepwell.main(["--home", root, "--json", *words], standalone_mode=False) == 0
    told = json.loads(capsys.readouterr().out)
    expected = json.loads(json.dumps(what_if_json(second_of_june(regular), regular.keepwell.kind)))
    assert told["status"] == "answered"
    assert told | {"decision_id": ""} == expected | {"decision_id": ""}


def test_on_a_terminal_it_lists_what_may_be_asked(
    regular: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("serving.cli.whatif._now", regular.clock)
    monkeypatch.setattr("serving.logs.log_to_stderr", lambda: None)
    root = str(regular.keepwell.home.root)
    assert keepwell.main(["--home", root, "what-if", "ann"], standalone_mode=False) == 0
    told = capsys.readouterr().out
    assert "days_since_last_order" in told
    assert "does not say that changing it would change" in told


def test_http_refuses_a_question_nobody_may_ask(regular: Shop) -> None:
    client = TestClient(create_app(regular.keepwell, regular.scorer, clock=regular.clock))
    key = {"Authorization": f"Bearer {regular.key('score:read')}"}
    told = client.post("/v1/customers/ann/what-if", json={"set": {"age": 3}}, headers=key)
    assert told.status_code == 422
    assert "age is not a feature of this model" in told.json()["detail"]


@pytest.mark.parametrize(
    "written", [("a",), ("a=",), ("a=b",), ("=3",), ("a=nan",), ("a=1", "a=2")]
)
def test_the_command_line_names_what_it_cannot_read(written: tuple[str, ...]) -> None:
    with pytest.raises(InvalidInput):
        _asked(written)
