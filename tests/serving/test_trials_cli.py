"""Experiments on the command line: listed, looked at, stopped, resumed, and what they brought."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from serving.bootstrap import open_home
from tests.serving.conftest import Clock, Shop
from tests.serving.test_cli import Commands
from tests.serving.test_trials import Experiment, begun


class Tried:
    """A home whose personal note has been tried for so many days, and its commands."""

    def __init__(self, home: Path, days: float) -> None:
        self.kw = Commands(home)
        self.kw("init")
        self.keepwell = open_home(home)
        start = datetime.now(UTC) - timedelta(days=days + 1)
        self.made: Experiment = begun(Shop(self.keepwell, Clock(start)))
        self.made.did("session", ["someone"], days)


@pytest.fixture
def over(tmp_path: Path) -> Iterator[Tried]:
    """Give an experiment that ended; three of four treated ordered, a third of the others."""
    tried = Tried(tmp_path / "home", 95)
    tried.made.did("order", tried.made.treated[:90], 20.0, 50.0)
    tried.made.did("order", tried.made.held[:40], 20.0, 50.0)
    yield tried
    tried.keepwell.close()


@pytest.fixture
def harmful(tmp_path: Path) -> Iterator[Tried]:
    """Give an experiment that runs and does harm."""
    tried = Tried(tmp_path / "home", 40)
    tried.made.did("order", tried.made.held[:90], 20.0, 50.0)
    tried.made.did("order", tried.made.treated[:30], 20.0, 50.0)
    yield tried
    tried.keepwell.close()


def test_a_lift_is_drawn_for_people(over: Tried) -> None:
    told = over.kw.plain("outcomes", "lift", "personal_note")

    assert told.code == 0
    assert "helped: retained: the whole interval is better than no effect" in told.out
    assert "+41.7 [" in told.out
    assert "no measurement plan was frozen before the start" in told.out


def test_a_lift_is_one_document(over: Tried) -> None:
    told = over.kw("outcomes", "lift", "personal_note", "--margin-rate", "0.4").json

    by_name = {each["outcome"]: each for each in told["outcomes"]}
    assert by_name["margin"]["raw"]["treated_mean"] == pytest.approx(0.4 * 50 * 90 / 120)
    assert (told["verdict"], told["intervals"], told["waiting"]) == ("helped", "fixed", 0)


def test_without_a_name_every_experiment_is_listed(over: Tried) -> None:
    told = over.kw("outcomes", "lift").json["experiments"]

    assert [(each["experiment"], each["status"]) for each in told] == [(over.made.name, "ended")]
    assert over.made.name in over.kw.plain("outcomes", "lift").out


def test_a_lift_of_which_nothing_can_be_said_is_a_no(harmful: Tried) -> None:
    assert harmful.kw("outcomes", "lift", "personal_note").code == 1


def test_a_return_is_three_lines_and_its_assumptions(over: Tried) -> None:
    asked = ("outcomes", "roi", "personal_note", "--cost", "500", "--margin-rate", "0.4")

    told, drawn = over.kw(*asked), over.kw.plain(*asked)

    assert told.code == 0
    assert told.json["verdict"] == "pays"
    assert len(told.json["lines"]) == 3
    assert "assumed" in drawn.out
    assert "nothing is stretched to a year" in drawn.out.replace("\n", " ")


def test_a_look_stops_what_does_harm_and_a_person_lets_it_go_on(harmful: Tried) -> None:
    [look] = harmful.kw("outcomes", "watch").json["looks"]
    key = harmful.kw("keys", "create", "--scope", "intervention:approve", "--owner", "Grace")
    again = ("outcomes", "resume", "personal_note", "--reason", "the text was mended")

    alone = harmful.kw(*again)
    resumed = harmful.kw(*again, "--key", key.json["key"])

    assert look["outcome"] == "stopped for harm"
    assert alone.error["code"] == "invalid_input"
    assert resumed.json["resumed_by"] == "Grace"
    assert resumed.json["contacts"] == "drawn"
    assert harmful.kw("outcomes", "watch").json["looks"] == []
