"""Deciding over HTTP and on the command line: by a key's owner, with a look and a reason."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner
from starlette.testclient import TestClient

from governance.errors import NotFound
from serving.cli import keepwell as command
from serving.http.api import create_app
from serving.interventions.deciding.views import find_intervention
from tests.serving.approval.test_proposals import proposed, tea_shop
from tests.serving.conftest import Shop

__all__ = ["tea_shop"]


def client(shop: Shop, *scopes: str) -> TestClient:
    app = create_app(shop.keepwell, shop.scorer, clock=shop.clock)
    return TestClient(app, headers={"Authorization": f"Bearer {shop.key(*scopes)}"})


def row(shop: Shop, intervention_id: str) -> Any:
    with shop.keepwell.database.read() as conn:
        return find_intervention(conn, intervention_id)


def test_each_scope_opens_its_part_of_a_contact(tea_shop: Shop) -> None:
    [asked] = proposed(tea_shop, "ann")
    path = f"/v1/interventions/{asked}"

    reads = client(tea_shop, "intervention:read").get(path).json()
    scores = client(tea_shop, "intervention:read", "score:read").get(path).json()
    history = client(tea_shop, "intervention:read", "consent:read").get(path).json()

    assert [reads[name] for name in ("estimate", "history", "decided_before")] == [None] * 3
    assert scores["estimate"]["reasons"]
    assert history["history"][0]["kind"] == "order"
    assert client(tea_shop, "score:read").get(path).status_code == 403


def test_a_list_and_a_customer_tell_estimates_to_no_more_than_a_contact_does(
    tea_shop: Shop,
) -> None:
    proposed(tea_shop, "ann")

    def told(*scopes: str) -> list[Any]:
        crm = client(tea_shop, "intervention:read", "consent:read", *scopes)
        [listed] = crm.get("/v1/interventions").json()["results"]
        ann = crm.get("/v1/customers/ann").json()
        results = [each["result"] for each in ann["decisions"] if each["outcome"] == "scored"]
        assert results
        return [listed["probability"], ann["interventions"][0]["probability"], *results]

    assert all(each is not None for each in told("score:read"))
    assert all(each is None for each in told())


def test_only_whoever_may_decide_is_noted_as_having_looked(tea_shop: Shop) -> None:
    [asked] = proposed(tea_shop, "ann")
    client(tea_shop, "intervention:read").get(f"/v1/interventions/{asked}")
    assert row(tea_shop, asked).looked_at is None

    client(tea_shop, "intervention:read", "intervention:approve").get(f"/v1/interventions/{asked}")
    assert row(tea_shop, asked).looked_at is not None


def test_a_yes_may_bring_other_words(tea_shop: Shop) -> None:
    [asked] = proposed(tea_shop, "ann")
    crm = client(tea_shop, "intervention:approve")
    path = f"/v1/interventions/{asked}/approve"

    bad = crm.post(path, json={"reason": "she wrote", "message": {"subject": "a\nb"}})
    good = crm.post(path, json={"reason": "she wrote", "message": {"body": "We read it."}})

    assert (bad.status_code, good.json()["status"]) == (422, "queued")
    assert json.loads(row(tea_shop, asked).message)["body"] == "We read it."
    assert row(tea_shop, asked).decided_by == "crm"


def test_a_yes_says_what_whoever_decided_should_think_about(tea_shop: Shop) -> None:
    [asked] = proposed(tea_shop, "ann")
    crm = client(tea_shop, "intervention:approve")
    words = {"body": "Last chance! Buy only today."}

    done = crm.post(
        f"/v1/interventions/{asked}/approve", json={"reason": "fits", "message": words}
    ).json()

    assert done["warnings"] == [
        "its words may press people: last chance, only today",
        "nobody had opened it before it was decided",
    ]


def test_what_was_decided_is_a_conflict_to_decide_again(tea_shop: Shop) -> None:
    [asked] = proposed(tea_shop, "ann")
    crm = client(tea_shop, "intervention:approve")
    path = f"/v1/interventions/{asked}"
    crm.post(f"{path}/approve", json={"reason": "fits"})

    again = crm.post(f"{path}/reject", json={"reason": "thought again"})

    assert (again.status_code, again.json()["code"]) == (409, "already_decided")


Run = Callable[..., tuple[int, Any]]


@pytest.fixture
def run(tea_shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Give the command line of this home, at the tests' clock."""
    monkeypatch.setattr("serving.cli.interventions._now", tea_shop.clock)
    monkeypatch.setattr("serving.cli.complaints._now", tea_shop.clock)
    home = str(tea_shop.keepwell.home.root)

    def call(*words: str) -> tuple[int, Any]:
        done = CliRunner().invoke(
            command, ["--home", home, "--json", "interventions", *words], standalone_mode=False
        )
        if done.exception is not None:
            raise done.exception
        return done.return_value or 0, json.loads(done.stdout)

    return call


def test_a_person_reads_and_decides_on_the_command_line(tea_shop: Shop, run: Run) -> None:
    first, second = proposed(tea_shop, "ann", "ben")
    key = tea_shop.key("intervention:approve")

    _, waiting = run("list", "--waiting")
    _, shown = run("show", first)
    yes, told = run("change", first, "--key", key, "--body", "We read it.", "--reason", "wrote")
    no, _ = run("reject", second, "--key", key, "--reason", "called already")
    _, rate = run("rate")

    assert {each["intervention_id"] for each in waiting["interventions"]} == {first, second}
    assert shown["estimate"]["reasons"]
    assert (yes, no, told["status"]) == (0, 0, "queued")
    assert (rate["changed"], rate["rejected"], rate["override_rate"]["value"]) == (1, 1, 1.0)


def test_a_yes_that_comes_too_late_is_a_clear_no(tea_shop: Shop, run: Run) -> None:
    [asked] = proposed(tea_shop, "ann")
    tea_shop.pass_days(4)

    code, told = run(
        "approve", asked, "--key", tea_shop.key("intervention:approve"), "--reason", "fits"
    )

    assert (code, told["status"], told["reason"]) == (1, "cancelled", "clearance_expired")


def test_a_key_without_the_scope_decides_nothing(tea_shop: Shop, run: Run) -> None:
    [asked] = proposed(tea_shop, "ann")

    with pytest.raises(Exception, match="lacks the scope intervention:approve"):
        run("approve", asked, "--key", tea_shop.key("intervention:read"), "--reason", "fits")


def test_the_beginning_of_an_id_is_enough(tea_shop: Shop, run: Run) -> None:
    [asked] = proposed(tea_shop, "ann")

    _, shown = run("show", asked[:8])
    _, told = run(
        "reject", asked[:6], "--key", tea_shop.key("intervention:approve"), "--reason", "called"
    )

    assert (shown["intervention_id"], told["intervention_id"]) == (asked, asked)
    with pytest.raises(NotFound):
        run("show", asked[:5])


def test_changed_words_that_press_are_pointed_out(tea_shop: Shop, run: Run) -> None:
    [asked] = proposed(tea_shop, "ann")
    run("show", asked)

    words = ("--body", "Last chance! Buy only today.", "--reason", "sells")
    _, told = run("change", asked, "--key", tea_shop.key("intervention:approve"), *words)

    assert told["warnings"] == ["its words may press people: last chance, only today"]
