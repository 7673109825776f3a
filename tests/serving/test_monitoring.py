"""Looking at a model that serves: what moved, what came true, and when it must stop."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from sqlalchemy import text

from features.definitions import FeatureDefinition
from features.events import keepwell_event
from features.history import read_all
from features.kernel import compute
from features.live import append
from governance.consent.record import ConsentChange
from governance.errors import InsufficientData
from governance.instants import to_micros, to_text
from governance.log.ledger import entries, verify
from serving.bootstrap import Keepwell
from serving.courier import Keeper
from serving.daily_look import monitor_due
from serving.database import Database
from serving.doctor import examine
from serving.intake import take_events
from serving.permission.consents import record_all, withdraw
from serving.scoring.batch import score_everyone
from serving.scoring.champions import open_bundle
from serving.scoring.staleness import due_targets
from serving.settings import MonitoringSettings, Settings
from serving.watching.look import Look
from serving.watching.monitoring import monitor
from serving.watching.scored_now import categories_told, score_now
from tests.serving.conftest import Clock, Shop, register_model, save_bundle
from tests.serving.homes import new_home
from training.bundle import Description, save
from training.watch.reference import REFERENCE, Reference, distribution_of

PEOPLE = 200


def open_shop(
    place: Path, on_stale: str, url: str | None = None, clock: Clock | None = None
) -> Shop:
    """Make a shop of 200 customers who ordered one to six times and permit being scored."""
    clock = clock or Clock()
    settings = Settings(monitoring=MonitoringSettings(on_stale=on_stale), database_url=url)  # type: ignore[arg-type]
    shop = Shop(new_home(place / "home", settings, now=clock()), clock)
    rng = np.random.default_rng(0)
    events = [
        order(shop, f"c{k}", float(days))
        for k in range(PEOPLE)
        for days in rng.uniform(1, 120, rng.integers(1, 7))
    ]
    for begin in range(0, len(events), 500):
        take_events(shop.keepwell, events[begin : begin + 500], clock=shop.clock)
    agree(shop, *(f"c{k}" for k in range(PEOPLE)))
    sign_model(shop)
    return shop


def order(shop: Shop, who: str, days_ago: float) -> dict[str, object]:
    at = to_text(shop.clock() - timedelta(days=days_ago))
    return {"customer_id": who, "kind": "order", "occurred_at": at, "value": 20.0}


def agree(shop: Shop, *people: str) -> None:
    changes = [
        ConsentChange(
            customer_id=who,
            purpose="risk_scoring",
            state="given",
            actor="web shop",
            mechanism="checkbox_ticked",
            evidence=f"form {who}",
            explicit=True,
        )
        for who in people
    ]
    assert not record_all(shop.keepwell, changes, clock=shop.clock).refused


def sign_model(shop: Shop, *, intercept: float = 0.0) -> str:
    """Have the hand-made model signed with what it would have seen today as its reference."""
    keepwell = shop.keepwell
    plain = save_bundle(keepwell, intercept=intercept)
    champion = open_bundle(keepwell.home, plain)
    with keepwell.database.read() as conn:
        target, now = keepwell.target("churn"), shop.clock()
        seen = score_now(keepwell, conn, target, champion, now, now=now)
    reference = Reference(
        horizon_days=90,
        seasonal=False,
        names=champion.model.names,
        features=tuple(distribution_of(column) for column in seen.values.T),
        scores=distribution_of(seen.probability),
        cutoffs=(),
        months=(),
    )
    said = champion.model.description
    facts = {**said.facts, REFERENCE: reference.to_json()}
    described = Description(**{**vars(said), "facts": facts})
    saved = save(champion.model.whole, described, keepwell.home.bundles)
    with keepwell.database.write() as conn:
        register_model(conn, keepwell, saved, now=shop.clock())
    shop.review("approve")
    return saved


def look_at(shop: Shop, progress: Callable[[str], None] = lambda _: None) -> Look:
    return monitor(
        shop.keepwell, shop.keepwell.target("churn"), clock=shop.clock, progress=progress
    )


def status_of(shop: Shop, who: str = "c0") -> tuple[str, str | None]:
    [found] = shop.scorer.score([who], targets=["churn"], may_see_refusals=True).results
    return found.status, found.reason


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """Give a shop whose settings only warn."""
    made = open_shop(tmp_path, "warn")
    yield made
    made.keepwell.close()


@pytest.fixture(params=["sqlite", "postgres"])
def strict(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    """Give a shop whose settings say stop, on either kind of database."""
    url = None
    if request.param == "postgres":
        server = Database(str(request.getfixturevalue("postgres_uri")))
        with server.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
            conn.execute(text("DROP DATABASE IF EXISTS watched WITH (FORCE)"))
            conn.execute(text("CREATE DATABASE watched"))
        server.close()
        url = server.engine.url.set(database="watched").render_as_string(hide_password=False)
    made = open_shop(tmp_path, "stop", url)
    yield made
    made.keepwell.close()


def test_a_model_just_trained_is_fine(shop: Shop) -> None:
    found = look_at(shop)
    assert found.standing == ("fine", ())
    assert (found.people, found.realised.verdict) == (PEOPLE, "cannot_say_yet")
    assert found.drift is not None
    assert found.drift.named("shifted", "moving", "gone") == ()
    assert found.expected is not None
    assert 0.5 < found.expected.auc.low < found.expected.auc.high < 1


def test_silence_of_everyone_is_named_and_asks_for_retraining(shop: Shop) -> None:
    shop.pass_days(60)
    found = look_at(shop)
    assert found.standing.status == "retrain"
    assert found.drift is not None
    assert [each.feature for each in found.drift.named("shifted")] == ["days_since_last_order"]


def test_with_stop_a_stale_model_is_silent_until_it_is_trained_again(strict: Shop) -> None:
    assert status_of(strict) == ("scored", None)
    strict.pass_days(60)
    look_at(strict)
    stopped = status_of(strict)
    sign_model(strict, intercept=0.25)
    strict.pass_days(1 / 86_400)
    assert (stopped, status_of(strict)) == (("insufficient_data", "model_stale"), ("scored", None))


def test_with_stop_a_batch_says_so_of_everyone(strict: Shop) -> None:
    strict.pass_days(60)
    look_at(strict)
    done = score_everyone(
        strict.keepwell, strict.keepwell.target("churn"), out=None, clock=strict.clock
    )
    assert (done.scored, done.insufficient_data) == (0, PEOPLE)


def test_signing_the_same_model_again_lets_it_answer(strict: Shop) -> None:
    strict.pass_days(60)
    look_at(strict)
    strict.review("approve")
    assert status_of(strict) == ("scored", None)


def test_a_look_at_another_instant_is_not_where_the_model_stands(strict: Shop) -> None:
    then = strict.clock()
    strict.pass_days(60)
    target = strict.keepwell.target("churn")
    past = monitor(strict.keepwell, target, clock=strict.clock, as_of=then)
    assert (past.standing.status, due_targets(strict.keepwell, now=strict.clock())) == (
        "fine",
        ("churn",),
    )


def test_with_warn_a_stale_model_goes_on(shop: Shop) -> None:
    shop.pass_days(60)
    assert look_at(shop).standing.status == "retrain"
    assert status_of(shop) == ("scored", None)


def test_a_model_past_its_review_date_asks_for_retraining(shop: Shop) -> None:
    approved = look_at(shop).monitored_at
    strict = Settings(monitoring=MonitoringSettings(review_after_days=1))
    shop.keepwell = Keepwell(**{**vars(shop.keepwell), "settings": strict})
    shop.pass_days(1)
    found = look_at(shop)
    assert found.standing.status == "retrain"
    assert (
        f"past its review date, {approved + timedelta(days=1):%Y-%m-%d}" in found.standing.reasons
    )


def score_all(shop: Shop) -> None:
    score_everyone(shop.keepwell, shop.keepwell.target("churn"), out=None, clock=shop.clock)


def come_back(shop: Shop, share: float) -> None:
    """Let 95 days pass, in which the first `share` of customers order once."""
    shop.pass_days(50)
    events = [order(shop, f"c{k}", 10.0) for k in range(int(PEOPLE * share))]
    take_events(shop.keepwell, events, clock=shop.clock)
    shop.pass_days(45)
    take_events(shop.keepwell, [order(shop, "late", 0.0)], clock=shop.clock)


def test_outcomes_are_judged_once_the_horizon_is_over(shop: Shop) -> None:
    """120 of 200 come back: 80 left, whatever the scores said."""
    score_all(shop)
    early = look_at(shop).realised
    come_back(shop, 0.6)
    found = look_at(shop).realised
    assert (early.people, early.verdict) == (None, "cannot_say_yet")
    assert (found.people, found.outcomes) == (200, 80)
    assert found.verdict == "worse"  # who comes back has nothing to do with these scores


def test_people_whom_keepwell_contacted_are_apart(shop: Shop) -> None:
    score_all(shop)
    shop.pass_days(5)
    sent = [
        keepwell_event(
            "intervention_sent",
            f"c{k}",
            event_id=f"i{k}",
            occurred_at=shop.clock(),
            known_at=shop.clock(),
            properties={"playbook": "note"},
        )
        for k in range(30)
    ]
    with shop.keepwell.database.write() as conn:
        append(conn, sent)
    come_back(shop, 0.6)
    found = look_at(shop).realised
    assert (found.people, found.outcomes, found.treated.people) == (170, 80, 30)


def test_who_withdrew_is_in_no_figure(shop: Shop) -> None:
    score_all(shop)
    come_back(shop, 0.6)
    for k in range(10):
        withdraw(shop.keepwell, f"c{k}", "risk_scoring", actor="customer", clock=shop.clock)
    found = look_at(shop)
    assert (found.people, found.realised.people, found.realised.outcomes) == (190, 190, 80)


def test_who_withdraws_while_it_looks_is_taken_out(shop: Shop) -> None:
    score_all(shop)
    come_back(shop, 0.6)
    said: list[str] = []

    def meanwhile(step: str) -> None:
        said.append(step)
        if said.count("comparing") == 1:
            said.append("comparing")
            withdraw(shop.keepwell, "c7", "risk_scoring", actor="customer", clock=shop.clock)

    found = look_at(shop, meanwhile)
    assert (found.people, found.realised.people, found.withdrew) == (199, 199, 1)


def test_a_model_that_cannot_be_read_asks_for_retraining(shop: Shop) -> None:
    for bundle in shop.keepwell.home.bundles.iterdir():
        (bundle / "linear.json").write_text("{}")
    found = look_at(shop)
    assert found.standing.status == "retrain"
    assert "linear.json changed" in found.standing.reasons[0]
    assert found.drift is None


def test_without_an_approved_model_there_is_nothing_to_look_at(tmp_path: Path) -> None:
    clock = Clock()
    keepwell = new_home(tmp_path / "home", Settings(), now=clock())
    with pytest.raises(InsufficientData, match="no model is approved"):
        monitor(keepwell, keepwell.target("churn"), clock=clock)
    keepwell.close()


def test_a_look_is_due_daily_and_after_a_signature(shop: Shop) -> None:
    def due() -> tuple[str, ...]:
        return due_targets(shop.keepwell, now=shop.clock())

    first = due()
    monitor_due(shop.keepwell, clock=shop.clock)
    then = due()
    shop.pass_days(1)
    later = due()
    assert (first, then, later) == (("churn",), (), ("churn",))


def test_the_process_that_looks_finds_what_is_due_and_writes_it_down(tmp_path: Path) -> None:
    shop = open_shop(tmp_path, "warn", clock=Clock(datetime.now(UTC)))
    home = shop.keepwell.home.root
    command = [sys.executable, "-m", "serving.daily_look", str(home)]
    done = subprocess.run(command, capture_output=True, timeout=120, check=False)
    left = due_targets(shop.keepwell, now=datetime.now(UTC))
    shop.keepwell.close()
    assert (done.returncode, left) == (0, ())


class Process:
    """A child process that is over as soon as it was started; remembers every start."""

    started: ClassVar[list[list[str]]] = []

    def __init__(self, command: list[str]) -> None:
        self.started.append(command)

    def poll(self) -> int:
        return 0


def test_the_keeper_has_due_models_looked_at_at_most_once_an_hour(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.courier.subprocess.Popen", Process)
    monkeypatch.setattr(Process, "started", [])
    keeper = Keeper(shop.keepwell, clock=shop.clock)
    for hours in (0.4, 0.5, 0.6):
        shop.pass_days(hours / 24)
        keeper.look_at_models()
    home = str(shop.keepwell.home.root)
    assert [each[1:] for each in Process.started] == [["-m", "serving.daily_look", home]] * 2


def test_every_look_is_in_the_log_and_the_log_stays_whole(shop: Shop) -> None:
    look_at(shop)
    with shop.keepwell.database.read() as conn:
        kinds = [each.kind for each in entries(conn, limit=10_000)]
        assert verify(conn, shop.keepwell.keys.ledger_public).outcome == "intact"
    assert kinds[-1] == "monitored"


def test_the_document_holds_figures_and_no_customer(shop: Shop) -> None:
    score_all(shop)
    come_back(shop, 0.6)
    told = look_at(shop).to_json()
    assert {"target", "model_digest", "status", "reasons", "drift", "expected", "realised"} <= (
        told.keys()
    )
    assert set(told["realised"]["auc"]) == {"value", "low", "high"}
    assert not any(f"c{k}'" in str(told) for k in range(PEOPLE))


def model_line(shop: Shop) -> tuple[str, str, str]:
    found = {each.name: each for each in examine(shop.keepwell.home.root, now=shop.clock())}
    line = found["model churn"]
    return line.outcome, line.found, line.advice


def test_the_doctor_says_where_each_model_stands_and_what_to_do(shop: Shop) -> None:
    new = model_line(shop)
    look_at(shop)
    fine = model_line(shop)
    shop.pass_days(60)
    look_at(shop)
    stale = model_line(shop)
    assert (new[0], new[2]) == ("attention", "keepwell monitor churn")
    assert fine[0] == "ok"
    assert stale[0] == "attention"
    assert stale[2].startswith("keepwell train churn")


def test_a_category_that_training_did_not_know_is_told_from_none_at_all(shop: Shop) -> None:
    """Ann is on the gold plan, Bob on the basic one, Cleo's orders name no plan."""
    plan = FeatureDefinition(
        name="plan",
        kinds=("order",),
        aggregate="category",
        column="property:plan",
        categories=("basic",),
    )
    said: dict[str, dict[str, str]] = {
        "ann": {"plan": "gold"},
        "bob": {"plan": "basic"},
        "cleo": {},
    }
    events = [{**order(shop, who, 5.0), "properties": own} for who, own in said.items()]
    take_events(shop.keepwell, events, clock=shop.clock)
    agree(shop, *said)
    keepwell, now = shop.keepwell, shop.clock()
    with keepwell.database.read() as conn:
        permit, _ = keepwell.registry.permit_many(conn, "risk_scoring", set(said), now=now)
        histories = read_all(conn, keepwell.store, permit)
    permits = {"risk_scoring": permit}
    known = compute(histories, [plan], [to_micros(now)], permits=permits).values[:, 0]
    [(name, has)] = categories_told(histories, (plan,), to_micros(now), permits)
    unseen = has & np.isnan(known)
    assert (name, histories.customers[unseen].tolist()) == ("plan", ["ann"])
