"""`keepwell playbooks` as it is typed: check, starters, simulate, run and answers."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from serving.cli.playbook_views import trigger_of
from serving.interventions.playbooks.playbook import STARTERS, load_playbooks
from serving.interventions.playbooks.question import known_question
from serving.interventions.surveys.response_rates import response_rates
from serving.interventions.tables import interventions
from serving.refusals import say_refusal
from serving.settings import Settings
from tests.serving.conftest import Shop
from tests.serving.homes import new_home
from tests.serving.test_cli import Commands
from tests.serving.test_survey import ask

SELLS = """
[[playbook]]
name = "more"
class = "outreach"
action = "offer"
commercial = true
channel = "email"
target = "churn"
subject = "Something new"
body = "It is there, if you want it."
value = "They see what is new, at a stated price."
"""


@pytest.fixture
def now_shop(tmp_path: Path) -> Iterator[Shop]:
    """Give a demo home that lives now: Ann ordered six days ago and permits e-mail."""
    keepwell = new_home(tmp_path / "home", Settings(kind="demo"), now=datetime.now(UTC))
    shop = Shop(keepwell)
    shop.clock.now = datetime.now(UTC) - timedelta(seconds=5)
    shop.order("ann", 6)
    shop.order("ben", 0.1)
    shop.permit("ann", "outreach.email")
    yield shop
    keepwell.close()


@pytest.fixture
def kw(now_shop: Shop) -> Commands:
    """Give the commands of that home."""
    return Commands(now_shop.keepwell.home.root)


def test_the_starters_are_printed_as_they_are(kw: Commands) -> None:
    assert kw.plain("playbooks", "starters").out == STARTERS.read_text(encoding="utf-8")


def test_the_check_of_a_home_without_a_file_looks_at_the_starters(kw: Commands) -> None:
    told = kw("playbooks", "check")

    assert told.code == 0
    assert told.json["playbooks"][0]["name"] == "personal_note"
    assert (told.json["problems"], told.json["refused"]) == ([], [])


def test_the_check_works_without_any_home(tmp_path: Path) -> None:
    told = Commands(tmp_path / "nowhere")("playbooks", "check")

    assert told.code == 0
    assert "no models were looked at" in told.err


def test_mistakes_end_with_2_and_are_listed(kw: Commands, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(SELLS.replace('"offer"', '"nag"') + "cost = -1\n")
    told = kw("playbooks", "check", tmp_path / "mine.toml")

    assert told.code == 2
    assert len(told.json["error"]["problems"]) == 2


def test_the_doctor_says_that_the_homes_own_playbooks_have_mistakes(
    kw: Commands, now_shop: Shop
) -> None:
    now_shop.keepwell.home.playbooks.write_text(SELLS + "cost = -1\nblink = true\n")
    found = {each["name"]: each for each in kw("doctor").json["checks"]}

    assert found["playbooks"]["outcome"] == "attention"
    assert found["playbooks"]["found"] == "2 mistakes in playbooks.toml"


def test_an_unknown_target_of_the_home_ends_with_2(kw: Commands, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(SELLS.replace('"churn"', '"chrun"'))
    told = kw("playbooks", "check", tmp_path / "mine.toml")

    assert told.code == 2
    assert "target is 'chrun'" in told.json["error"]["problems"][0]


def test_selling_by_a_model_that_reads_how_people_fare_ends_with_1_and_its_features(
    kw: Commands, now_shop: Shop, tmp_path: Path
) -> None:
    now_shop.permit("ann", "risk_scoring")
    now_shop.approve_model()
    (tmp_path / "mine.toml").write_text(SELLS)

    told = kw("playbooks", "check", tmp_path / "mine.toml")
    shown = kw.plain("playbooks", "check", tmp_path / "mine.toml")

    assert (told.code, shown.code) == (1, 1)
    assert told.json["refused"][0]["features"] == ["survey_level_mean"]
    assert "survey_level_mean" in shown.out


def test_simulate_names_who_would_be_chosen_and_records_nothing(kw: Commands) -> None:
    first = kw("playbooks", "simulate", "csat_after_purchase").json

    assert (first["mode"], first["chosen"]) == ("observe", ["ann"])
    assert (first["outside"], first["refused"], first["cost"]) == (0, 0, 0.05)
    assert kw("playbooks", "simulate", "csat_after_purchase").json == first


def test_simulate_looks_at_every_playbook_of_a_file(kw: Commands, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(STARTERS.read_text(encoding="utf-8"), encoding="utf-8")
    told = kw("playbooks", "simulate", file).json

    assert [each["playbook"] for each in told["playbooks"]] == [
        "how_to_help",
        "csat_after_purchase",
        "ease_after_support",
        "how_are_you",
        "payment_help",
    ]
    assert {each["playbook"]: each["why"] for each in told["skipped"]}["personal_note"] == (
        "personal_note answers scores of churn, and none were given"
    )


def test_run_queues_and_says_so_in_words(kw: Commands, now_shop: Shop) -> None:
    settings = now_shop.keepwell.home.settings_file
    settings.write_text('mode = "act"\n' + settings.read_text())

    assert kw("playbooks", "run", "csat_after_purchase").json["queued"] == 1
    shown = kw.plain("playbooks", "run", "csat_after_purchase")
    assert "csat_after_purchase: after purchase, 5 days later" in shown.out


def test_who_was_asked_about_the_very_occasion_before_is_counted(
    kw: Commands, now_shop: Shop
) -> None:
    settings = now_shop.keepwell.home.settings_file
    settings.write_text('mode = "act"\n' + settings.read_text())
    kw("playbooks", "run", "csat_after_purchase")

    assert kw("playbooks", "simulate", "csat_after_purchase").json["not_looked_at"] == {
        "answered_before": 1
    }


def test_the_scores_that_lie_in_the_home_are_taken_and_told(kw: Commands, now_shop: Shop) -> None:
    now_shop.keepwell.home.scores.write_text("no scores at all")
    told = kw("playbooks", "simulate", "personal_note")

    assert "takes the scores in var/scores.parquet" in told.err
    assert told.error["message"] == "scores.parquet is not a file of scores"


def test_without_scores_the_command_that_writes_them_is_named(kw: Commands) -> None:
    told = kw("playbooks", "run", "personal_note")

    assert "keepwell score --target churn --out scores.parquet" in told.error["hint"]


def test_a_playbook_that_is_not_there_is_named_with_those_that_are(kw: Commands) -> None:
    told = kw("playbooks", "simulate", "nothing")

    assert told.code == 2
    assert "personal_note" in told.json["error"]["hint"]


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("outreach.email: no_record", "they were never asked (e-mail)"),
        ("contact_cap", "they were contacted as often in 30 days as may be"),
        ("something_new", "something new"),
    ],
)
def test_reasons_are_told_in_words(reason: str, words: str) -> None:
    assert say_refusal(reason) == words


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("goodwill_gesture", "churn ≥ 50%; because of ticket_*"),
        ("help_in_hard_times", "financial ≤ 25 of 100"),
        ("how_are_you", "anniversary"),
        ("payment_help", "after failed payment"),
    ],
)
def test_triggers_are_told_in_words(name: str, words: str) -> None:
    [found] = [each for each in load_playbooks(STARTERS) if each.name == name]

    assert trigger_of(found) == words


def test_the_response_rate_is_answered_over_those_who_were_sent_it(shop: Shop) -> None:
    for number in range(6):
        ask(shop, f"p{number}", known_question("csat"))
    with shop.keepwell.database.write() as conn:
        table = interventions
        conn.execute(table.update().values(sent_at=shop.clock()))
        answered = table.c.customer_id.in_(["p1", "p2"])
        conn.execute(table.update().where(answered).values(answered_at=shop.clock()))
        permit = shop.keepwell.registry.aggregate_permit(conn, "aggregate", now=shop.clock())
        [found] = response_rates(conn, permit)

    assert (found.instrument, found.invited, found.answered) == ("csat", 6, 2)
    assert found.rate is not None
    assert round(found.rate.value, 3) == 0.333


def test_a_response_rate_of_too_few_is_not_told(shop: Shop) -> None:
    ask(shop, "ann", known_question("csat"))
    with shop.keepwell.database.write() as conn:
        conn.execute(interventions.update().values(sent_at=shop.clock()))
        permit = shop.keepwell.registry.aggregate_permit(conn, "aggregate", now=shop.clock())
        [found] = response_rates(conn, permit)

    assert (found.invited, found.answered, found.rate) == (None, None, None)


def test_answers_of_a_home_without_surveys_are_none(kw: Commands) -> None:
    assert kw("playbooks", "answers").json["surveys"] == []
    assert "no survey was sent yet" in kw.plain("playbooks", "answers").out
