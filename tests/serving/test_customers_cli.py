"""Ids that are one person, on the command line and in what is scored, exported and erased."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from sqlalchemy import func, select

from features.links import all_links, merge
from features.live import append
from features.tables import account_members, identity_links
from governance.proof import Permit
from serving.bootstrap import open_home
from serving.database import Database
from serving.interventions.policy.policy import Candidate, ContactPolicy, Queued, judge, recheck
from serving.interventions.policy.under_way import ContactCounts
from serving.links import join, lock_linked, merge_customers, split_customers
from serving.locks import _key
from serving.permission.consents import describe_subject, withdraw
from serving.record.replay import replay
from serving.rights.acts import erase, export, object_to_processing
from serving.scoring.batch import score_everyone
from tests.features.sample import at, event
from tests.serving.conftest import Shop
from tests.serving.interventions.conftest import NOTE
from tests.serving.test_cli import Commands


@pytest.fixture
def two(regular: Shop) -> Shop:
    """Ann ordered three times, and twice under another id; both ids permit scoring."""
    regular.order("ann@work", 30, 20)
    regular.permit("ann@work")
    return regular


def ask(shop: Shop, *who: str, may_see: bool = True) -> list[Any]:
    answer = shop.scorer.score(who, targets=["churn"], may_see_refusals=may_see)
    return list(answer.results)


def days_since(shop: Shop, who: str) -> float | None:
    """Give what the score of someone says about their last order."""
    [found] = ask(shop, who)
    told = {each.feature: each.value for each in found.scores["churn"].reasons}
    value = told["days_since_last_order"]
    assert value is None or isinstance(value, float)
    return None if value is None else round(value)


def merged(shop: Shop) -> Shop:
    merge_customers(shop.keepwell, "ann", "ann@work", clock=shop.clock)
    return shop


def test_a_merged_person_is_scored_as_one(two: Shop) -> None:
    assert (days_since(two, "ann"), days_since(two, "ann@work")) == (40, 20)
    merged(two)
    assert days_since(two, "ann") == 20
    [other] = ask(two, "ann@work")
    assert (other.status, other.reason) == ("insufficient_data", "merged_into_another")
    split_customers(two.keepwell, "ann", "ann@work", clock=two.clock)
    assert (days_since(two, "ann"), days_since(two, "ann@work")) == (40, 20)


def test_only_who_may_see_refusals_learns_of_the_merge(two: Shop) -> None:
    [other] = ask(merged(two), "ann@work", may_see=False)
    assert (other.status, other.reason) == ("insufficient_data", "no_history")


def test_an_id_that_withdraws_takes_its_events_and_the_scores_made_of_them(two: Shop) -> None:
    [before] = ask(merged(two), "ann")
    withdraw(two.keepwell, "ann@work", "risk_scoring", actor="customer", clock=two.clock)
    assert days_since(two, "ann") == 40
    again = replay(two.keepwell, before.decision_id, now=two.clock())
    assert again.outcome == "cannot_say"


def test_without_permission_of_the_kept_id_nobody_is_scored(two: Shop) -> None:
    merged(two)
    withdraw(two.keepwell, "ann", "risk_scoring", actor="customer", clock=two.clock)
    assert [each.status for each in ask(two, "ann", "ann@work")] == ["refused", "insufficient_data"]


def test_decisions_before_and_after_a_merge_replay(two: Shop) -> None:
    [alone, other] = ask(two, "ann", "ann@work")
    [together] = ask(merged(two), "ann")
    split_customers(two.keepwell, "ann", "ann@work", clock=two.clock)
    for found in (alone, other, together):
        assert replay(two.keepwell, found.decision_id, now=two.clock()).outcome == "same"


def objected(shop: Shop, who: str) -> str:
    object_to_processing(shop.keepwell, who, now=shop.clock())
    return "objected"


def grows_up_later(shop: Shop, who: str) -> str:
    grown = shop.clock() + timedelta(days=900)
    describe_subject(shop.keepwell, who, adult_from=grown, relation=None, clock=shop.clock)
    return "minor"


def works_here(shop: Shop, who: str) -> str:
    describe_subject(shop.keepwell, who, adult_from=None, relation="employee", clock=shop.clock)
    return "employee"


ABOUT_THE_PERSON = pytest.mark.parametrize("said", [objected, grows_up_later, works_here])


@ABOUT_THE_PERSON
@pytest.mark.parametrize("of", ["ann", "ann@work"])
def test_what_is_about_the_person_stops_scores_under_every_id(
    two: Shop, said: Callable[[Shop, str], str], of: str
) -> None:
    why = said(merged(two), of)
    for who in ("ann", "ann@work"):
        [found] = ask(two, who)
        assert (found.status, found.reason) == ("refused", why)
        asked = two.scorer.what_if(who, {}, target="churn", may_see_refusals=True)
        assert (asked.status, asked.reason) == ("refused", why)
    done = score_everyone(two.keepwell, two.keepwell.target("churn"), out=None, clock=two.clock)
    assert (done.scored, done.refused) == (0, 2)


@ABOUT_THE_PERSON
def test_what_is_about_the_person_stops_contact_and_training_under_every_id(
    two: Shop, said: Callable[[Shop, str], str]
) -> None:
    registry = two.keepwell.registry
    for who in ("ann", "ann@work"):
        for purpose in ("outreach.email", "model_training"):
            two.permit(who, purpose)
    why = said(merged(two), "ann@work")
    with two.keepwell.database.read() as conn:
        judged = judge(
            conn,
            registry,
            NOTE,
            [Candidate(customer_id="ann", probability=0.9, target="churn")],
            policy=ContactPolicy(home_kind="production", mode="act", zone=ZoneInfo("UTC")),
            contacts=ContactCounts({}, {}),
            busy={},
            now=two.clock(),
        )
        _, refused = registry.permit_many(conn, "model_training", ["ann"], now=two.clock())
    assert judged.eligible == ()
    assert judged.refused["ann"].endswith(f": {why}")
    assert refused == ({} if why == "objected" else {"ann": why})  # training is by consent here


def test_a_message_that_waits_is_stopped_by_what_is_said_of_the_other_id(two: Shop) -> None:
    two.permit("ann", "outreach.email")
    with two.keepwell.database.read() as conn:
        found = two.keepwell.registry.permit(conn, "ann", "outreach.email", now=two.clock())
    assert isinstance(found, Permit)
    queued = Queued(
        intervention_id="i1",
        customer_id="ann",
        channel="email",
        playbook="note",
        kind="outreach",
        valid_until=two.clock() + timedelta(days=1),
        permissions={"outreach.email": found.consent_event_ids["ann"]},
    )
    objected(merged(two), "ann@work")
    with two.keepwell.database.read() as conn:
        verdict = recheck(
            conn, two.keepwell.registry, queued, home_kind="production", now=two.clock()
        )
    assert verdict == "outreach.email: objected"


def test_after_a_split_each_id_is_a_person_of_its_own_again(two: Shop) -> None:
    objected(merged(two), "ann@work")
    split_customers(two.keepwell, "ann", "ann@work", clock=two.clock)
    assert [each.status for each in ask(two, "ann", "ann@work")] == ["scored", "refused"]


def test_a_later_explicit_yes_lifts_an_objection_under_its_own_id_only(two: Shop) -> None:
    objected(merged(two), "ann@work")
    two.permit("ann")
    assert [each.status for each in ask(two, "ann", "ann@work")] == ["scored", "refused"]


def test_an_objection_while_a_batch_is_running_drops_the_person(two: Shop) -> None:
    merged(two)
    withdraw(two.keepwell, "ann@work", "risk_scoring", actor="customer", clock=two.clock)

    def meanwhile(text: str) -> None:
        if text.startswith("estimating"):
            objected(two, "ann@work")

    done = score_everyone(
        two.keepwell, two.keepwell.target("churn"), out=None, clock=two.clock, progress=meanwhile
    )
    assert (done.scored, done.withdrew) == (0, 1)


def test_export_holds_the_other_id_and_erasure_takes_it(two: Shop) -> None:
    merged(two)
    join(two.keepwell, "acme", "ann@work", joined_at=None, clock=two.clock)
    found = export(two.keepwell, "ann", now=two.clock())
    [other] = found["merged"]
    assert (found["customer_id"], other["customer_id"]) == ("ann", "ann@work")
    assert sum(each["kind"] == "order" for each in other["events"]) == 2
    assert found["links"][0]["other"] == "ann@work"
    assert other["accounts"][0]["account"] == "acme"
    erased = erase(two.keepwell, "ann", now=two.clock())
    assert erased["merged_ids"] == 1
    assert erased["events"] == len(found["events"]) + len(other["events"])
    assert [each.reason for each in ask(two, "ann", "ann@work")] == ["suppressed", "suppressed"]
    with two.keepwell.database.read() as conn:
        for linking in (identity_links, account_members):
            assert conn.execute(select(linking)).all() == []


def test_erasing_the_other_id_leaves_the_kept_one_with_its_own(two: Shop) -> None:
    [before] = ask(merged(two), "ann")
    erased = erase(two.keepwell, "ann@work", now=two.clock())
    assert (erased["merged_ids"], days_since(two, "ann")) == (0, 40)
    assert replay(two.keepwell, before.decision_id, now=two.clock()).outcome == "cannot_say"


def test_whoever_is_merged_is_locked_together(postgres_database: Database) -> None:
    with postgres_database.write() as conn:
        append(conn, [event(1, customer=each) for each in ("c0", "c1", "c2")])
        merge(conn, "c0", "c1", known_at=at(2))
    with postgres_database.write() as conn, postgres_database.write() as other:
        lock_linked(conn, ["c0"])
        free = [
            other.execute(select(func.pg_try_advisory_xact_lock(_key(each)))).scalar()
            for each in ("c0", "c1", "c2")
        ]
    assert free == [False, False, True]


# the command line

ORDERS = """customer,ordered,amount
A1,2025-01-03 10:00,10
A2,2025-02-03 10:00,20
A2,2025-02-05 10:00,5
A3,2025-03-03 10:00,7
"""
MAPPING = """[source]
path = "orders.csv"
timezone = "UTC"
[customer]
id = "customer"
[[event]]
kind = "order"
occurred_at = "ordered"
value = "amount"
currency = "EUR"
"""
SETTINGS = """
[purposes.model_training]
basis = "legitimate_interest"
assessment = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
"""


@pytest.fixture
def kw(tmp_path: Path) -> Commands:
    """Give a home with the orders of three customers, whose data may be learned from."""
    (tmp_path / "orders.csv").write_text(ORDERS, encoding="utf-8")
    (tmp_path / "orders.toml").write_text(MAPPING, encoding="utf-8")
    made = Commands(tmp_path / "home")
    made("init")
    with (made.home / "keepwell.toml").open("a", encoding="utf-8") as settings:
        settings.write(SETTINGS)
    assert made("import", tmp_path / "orders.toml").json["events_written"] == 4
    return made


def counts(kw: Commands, *as_ofs: str) -> dict[str, float]:
    """Give everyone's number of orders as the feature table tells it."""
    out = kw.home / "features.parquet"
    asked = [word for each in as_ofs for word in ("--as-of", each)]
    built = kw("features", "build", *asked, "--out", out)
    assert built.code == 0, built
    frame = pd.read_parquet(out).set_index("customer_id")
    return {str(who): float(value) for who, value in frame["order_count_365d"].items()}


def test_merge_links_and_split(kw: Commands) -> None:
    done = kw("customers", "merge", "A1", "A2")
    assert (done.code, done.json["outcome"], done.json["unlinked_at"]) == (0, "merged", None)
    [link] = kw("customers", "links", "A2").json["merged"]
    assert (link["keep"], link["other"]) == ("A1", "A2")
    assert kw("customers", "links", "A3").json == {"merged": [], "members": []}
    assert "A2" in kw.plain("customers", "links").out
    assert "merged already" in kw("customers", "merge", "A1", "A2").error["message"]
    assert "circle" in kw("customers", "merge", "A2", "A1").error["message"]
    assert kw("customers", "split", "A1", "A2").json["outcome"] == "split"
    refused = kw("customers", "split", "A1", "A2")
    assert (refused.code, refused.error["code"]) == (2, "not_found")
    assert "undo: keepwell customers split A1 A3" in kw.plain("customers", "merge", "A1", "A3").out


def test_someone_unknown_is_not_named_in_the_message(kw: Commands) -> None:
    found = kw("customers", "merge", "A1", "nobody@example.com").error
    assert "is not known" in found["message"]
    assert "nobody" not in json.dumps(found)


def test_members_join_and_leave(kw: Commands) -> None:
    joined = kw("customers", "join", "acme", "A1", "--since", "2025-01-01").json
    assert joined["joined_at"] == "2025-01-01T00:00:00.000000Z"
    assert "acme" in kw.plain("customers", "links", "acme").out
    assert kw("customers", "leave", "acme", "A1").json["outcome"] == "left"
    assert "does not belong" in kw("customers", "leave", "acme", "A1").error["message"]
    future = kw("customers", "join", "acme", "A2", "--since", "2999-01-01")
    assert "future" in future.error["message"]


@pytest.mark.parametrize("suffix", ["csv", "parquet", "jsonl"])
def test_merges_come_from_a_file_in_the_order_they_were_known(
    kw: Commands, tmp_path: Path, suffix: str
) -> None:
    frame = pd.DataFrame(
        [
            ("A1", "A2", "2025-02-04"),
            ("A3", "A1", "2025-02-01"),
            ("A3", "A1", "2999-01-01"),
            ("A1", "A9", "2025-02-04"),
            ("A1", None, "2025-02-04"),
        ],
        columns=["keep", "other", "known_at"],
    )
    file = write(frame, tmp_path / f"merges.{suffix}")
    found = kw("customers", "import", file)
    assert found.code == 0, found
    assert (found.json["kind"], found.json["recorded"], found.json["refused"]) == ("merges", 2, 3)
    assert len(found.json["reasons"]) == 3
    again = kw("customers", "import", file).json
    assert (again["recorded"], again["known"], again["refused"]) == (0, 2, 3)
    assert counts(kw, "2025-04-01") == {"A3": 4.0}
    assert counts(kw, "2025-01-31") == {"A1": 1.0}


def test_members_come_from_a_file(kw: Commands, tmp_path: Path) -> None:
    rows = [("acme", "A1", "2025-01-01", ""), ("acme", "A2", "2025-01-01", "2025-02-04")]
    frame = pd.DataFrame(rows, columns=["account", "person", "joined_at", "left_at"])
    file = write(frame, tmp_path / "members.csv")
    assert kw("customers", "import", file).json["recorded"] == 2
    assert kw("customers", "import", file).json["known"] == 2
    members = kw("customers", "links", "acme").json["members"]
    assert [each["left_at"] for each in members] == [None, "2025-02-04T00:00:00.000000Z"]


def test_a_file_of_something_else_is_refused(kw: Commands, tmp_path: Path) -> None:
    found = kw("customers", "import", tmp_path / "orders.csv")
    assert (found.code, found.error["code"]) == (2, "invalid_input")
    assert "neither" in found.error["message"]


def test_an_evaluation_home_links_pseudonyms(tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text(ORDERS, encoding="utf-8")
    (tmp_path / "orders.toml").write_text(MAPPING, encoding="utf-8")
    kw = Commands(tmp_path / "trial")
    kw("init", "--evaluation")
    kw("import", tmp_path / "orders.toml")
    assert kw("customers", "merge", "A1", "A2").code == 0
    keepwell = open_home(kw.home)
    with keepwell.database.read() as conn:
        [link] = all_links(conn)
    keepwell.close()
    assert link.keep.startswith("p_")
    assert link.other.startswith("p_")
    assert counts(kw)[link.keep] == 1.0


def write(frame: pd.DataFrame, path: Path) -> Path:
    if path.suffix == ".csv":
        frame.to_csv(path, index=False)
    elif path.suffix == ".parquet":
        frame.to_parquet(path)
    else:
        frame.to_json(path, orient="records", lines=True)
    return path
