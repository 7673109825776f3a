"""Scores that may not be told any more are told nowhere, whatever ended the permission."""

import csv
import json
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from governance.consent.record import ConsentChange
from governance.log.decision import load
from serving.bootstrap import open_home
from serving.crm.export import export_scores
from serving.http.api import create_app
from serving.interventions.choosing.run import run_interventions
from serving.interventions.tables import outbox
from serving.links import merge_customers
from serving.permission.consents import change_consent, describe_subject, withdraw
from serving.rights.acts import erase, object_to_processing, settle
from serving.scoring.batch import score_everyone
from tests.serving.conftest import Shop
from tests.serving.lived import NOTE, awake_desk, candidate

HERE = "http://127.0.0.1:9/"


def score(shop: Shop, customer_id: str = "ann") -> str:
    [found] = shop.scorer.score([customer_id], targets=["churn"]).results
    assert found.status == "scored"
    return found.decision_id


def verdict(shop: Shop, customer_id: str = "ann") -> str:
    [found] = shop.scorer.score([customer_id], targets=["churn"], may_see_refusals=True).results
    return found.reason or found.status


def objects(shop: Shop, customer_id: str = "ann") -> None:
    object_to_processing(shop.keepwell, customer_id, now=shop.clock())


def permission_ends(shop: Shop) -> None:
    """Let Ann permit it for a day, and let two pass; nobody says a word."""
    change = ConsentChange(
        customer_id="ann",
        purpose="risk_scoring",
        state="given",
        actor="web shop",
        mechanism="checkbox_ticked",
        evidence="form ann",
        explicit=True,
        expires_at=shop.clock() + timedelta(days=1),
    )
    change_consent(shop.keepwell, change, clock=shop.clock)
    shop.pass_days(2)


def listening(shop: Shop) -> Shop:
    """Open the home again with a receiver to tell."""
    file = shop.keepwell.home.settings_file
    told = '["intervention.requested", "intervention.cancelled", "score.withdrawn"]'
    file.write_text(file.read_text() + f'\n[webhook]\nurl = "{HERE}"\nevents = {told}\n')
    return Shop(open_home(shop.keepwell.home.root), shop.clock)


def messages(shop: Shop) -> list[tuple[str, str]]:
    """Name whose scores for what a receiver is told to delete."""
    with shop.keepwell.database.read() as conn:
        bodies = conn.execute(select(outbox.c.body).where(outbox.c.type == "score.withdrawn"))
        found = [json.loads(body)["data"] for body in bodies.scalars()]
    return sorted((each["customer_id"], each["purpose"]) for each in found)


def result(shop: Shop, decision_id: str) -> Any:
    with shop.keepwell.database.read() as conn:
        return load(conn, decision_id).result


def cleared(shop: Shop, folder: Path) -> list[str]:
    """Score everyone tonight, and name whom the upload file for a CRM clears."""
    scores, target = folder / "tonight.parquet", shop.keepwell.target("churn")
    score_everyone(shop.keepwell, target, out=scores, clock=shop.clock)
    done = export_scores(
        shop.keepwell,
        scores,
        folder / "upload.csv",
        system="salesforce",
        channels=[],
        clock=shop.clock,
    )
    with done.clear.open(newline="", encoding="utf-8") as file:
        return [row["Keepwell_Customer_Id__c"] for row in csv.DictReader(file)]


@pytest.fixture
def two(regular: Shop) -> Shop:
    """Bob orders, too; Ann's scores are of her two ids."""
    for each in ("ann@work", "bob"):
        regular.order(each, 50, 20)
        regular.permit(each)
    return regular


@pytest.fixture
def http(regular: Shop) -> Iterator[TestClient]:
    app = create_app(regular.keepwell, regular.scorer, clock=regular.clock)
    with TestClient(app) as client:
        yield client


def ask(http: TestClient, shop: Shop, path: str, *scopes: str) -> Any:
    answer = http.get(path, headers={"Authorization": f"Bearer {shop.key(*scopes)}"})
    assert answer.status_code == 200, answer.text
    return answer.json()


def contacted(shop: Shop, *customers: str, holds: float = 0.6) -> None:
    for each in customers:
        shop.permit(each, "outreach.email")
    chosen = [candidate(each, holds, None) for each in customers]
    desk = awake_desk(shop.keepwell)
    run_interventions(desk, NOTE, chosen, outside_contacts={}, clock=shop.clock)


def test_an_objection_takes_stored_scores_back(regular: Shop) -> None:
    told = score(regular)
    objects(regular)
    assert result(regular, told) is None


def test_a_receiver_learns_of_an_objection(regular: Shop) -> None:
    shop = listening(regular)
    score(shop)
    objects(shop)
    assert messages(shop) == [("ann", "risk_scoring")]
    shop.keepwell.close()


@pytest.mark.parametrize("said_as", ["ann", "ann@work"])
def test_an_objection_takes_back_what_was_told_under_any_id(two: Shop, said_as: str) -> None:
    told = [score(two, each) for each in ("ann", "ann@work", "bob")]
    merge_customers(two.keepwell, "ann", "ann@work", clock=two.clock)
    objects(two, said_as)
    assert [result(two, each) is None for each in told] == [True, True, False]


def test_who_objected_before_tonight_is_cleared(two: Shop, tmp_path: Path) -> None:
    score(two)
    objects(two)
    assert cleared(two, tmp_path) == ["ann"]


def test_whose_permission_ended_is_cleared(two: Shop, tmp_path: Path) -> None:
    score(two)
    score(two, "bob")
    permission_ends(two)
    assert cleared(two, tmp_path) == ["ann"]


def test_everyone_is_looked_at_however_few_at_a_time(
    two: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.crm.export._ASKED", 1)
    for each in ("ann", "bob"):
        score(two, each)
        objects(two, each)
    assert cleared(two, tmp_path) == ["ann", "bob"]


def test_a_decision_shows_no_result_once_permission_ended(http: TestClient, regular: Shop) -> None:
    told = f"/v1/decisions/{score(regular)}"
    assert ask(http, regular, told, "score:read")["result"]["probability"] > 0
    permission_ends(regular)
    found = ask(http, regular, told, "score:read")
    assert (found["result"], found["result_forgotten"]) == (None, True)


def test_a_customers_page_shows_no_score_once_permission_ended(
    http: TestClient, regular: Shop
) -> None:
    contacted(regular, "ann")
    score(regular)
    permission_ends(regular)
    page = ask(http, regular, "/v1/customers/ann", "admin")
    assert [each["result"] for each in page["decisions"] if each["kind"] == "score"] == [None]
    assert [each["probability"] for each in page["interventions"]] == [None]


def test_interventions_show_no_probability_once_permission_ended(
    http: TestClient, two: Shop
) -> None:
    contacted(two, "ann", "bob")
    permission_ends(two)
    found = ask(http, two, "/v1/interventions", "admin")["results"]
    assert {each["customer_id"]: each["probability"] for each in found} == {"ann": None, "bob": 0.6}


def test_why_a_contact_was_cancelled_does_not_show_in_its_probability(
    http: TestClient, two: Shop
) -> None:
    contacted(two, "ann", "bob")
    withdraw(two.keepwell, "ann", "outreach.email", actor="customer", clock=two.clock)
    objects(two, "bob")
    found = ask(http, two, "/v1/interventions", "intervention:read")["results"]
    assert [(each["status"], each["probability"]) for each in found] == [("cancelled", None)] * 2


def test_a_cancelled_contact_keeps_its_probability_for_those_who_may_see_why(
    http: TestClient, regular: Shop
) -> None:
    contacted(regular, "ann")
    with regular.keepwell.database.write() as conn:
        conn.exec_driver_sql("UPDATE interventions SET status = 'cancelled'")
    seen = ask(
        http, regular, "/v1/interventions", "intervention:read", "consent:read", "score:read"
    )
    unseen = ask(http, regular, "/v1/interventions", "intervention:read", "score:read")
    shown = [answer["results"][0]["probability"] for answer in (seen, unseen)]
    assert shown == [0.6, None]


def test_a_receiver_is_told_again_after_a_restore(regular: Shop, tmp_path: Path) -> None:
    shop = listening(regular)
    score(shop)
    home, backup = shop.keepwell.home, tmp_path / "backup.db"
    for each in (regular, shop):
        each.keepwell.close()
    shutil.copyfile(home.database_file, backup)
    withdraw(shop.keepwell, "ann", "risk_scoring", actor="customer", clock=shop.clock)
    shop.keepwell.close()
    for file in home.var.glob("keepwell.db*"):
        file.unlink()
    shutil.copyfile(backup, home.database_file)

    restored = Shop(open_home(home.root), regular.clock)
    settle(restored.keepwell, now=regular.clock())
    assert messages(restored) == [("ann", "risk_scoring")]
    restored.keepwell.close()


def test_an_objection_outlives_the_erasure_of_the_id_it_was_said_under(two: Shop) -> None:
    merge_customers(two.keepwell, "ann", "ann@work", clock=two.clock)
    objects(two, "ann@work")
    erase(two.keepwell, "ann@work", now=two.clock())
    assert verdict(two) == "objected"


def test_so_it_does_that_of_an_id_merged_into_that_one(two: Shop) -> None:
    for keep, other in (("ann@work", "bob"), ("ann", "ann@work")):
        merge_customers(two.keepwell, keep, other, clock=two.clock)
    objects(two, "bob")
    erase(two.keepwell, "ann@work", now=two.clock())
    assert verdict(two) == "objected"


def test_a_yes_said_after_the_objection_still_lifts_it(two: Shop) -> None:
    merge_customers(two.keepwell, "ann", "ann@work", clock=two.clock)
    objects(two, "ann@work")
    two.permit("ann")
    erase(two.keepwell, "ann@work", now=two.clock())
    assert verdict(two) == "scored"


@pytest.mark.parametrize(("years", "relation"), [(5, None), (0, "employee")])
def test_so_does_being_a_minor_or_staff(two: Shop, years: int, relation: str | None) -> None:
    merge_customers(two.keepwell, "ann", "ann@work", clock=two.clock)
    grown = two.clock() + timedelta(days=365 * years) if years else None
    describe_subject(two.keepwell, "ann@work", adult_from=grown, relation=relation, clock=two.clock)
    erase(two.keepwell, "ann@work", now=two.clock())
    assert verdict(two) == ("minor" if years else "employee")
