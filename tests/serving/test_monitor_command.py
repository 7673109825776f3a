"""`keepwell monitor` as people meet it: one document, words for people, an exit code for cron."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.settings import MonitoringSettings
from tests.serving.conftest import Shop
from tests.serving.test_cli import Commands
from tests.serving.test_monitoring import PEOPLE, open_shop

pytestmark = pytest.mark.xdist_group("command line")


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """Give a shop with a signed model, and let the command line go by its clock."""
    made = open_shop(tmp_path, "warn")
    monkeypatch.setattr("serving.cli.monitoring._now", made.clock)
    yield made
    made.keepwell.close()


def test_the_document_says_where_the_model_stands_and_why(shop: Shop) -> None:
    told = Commands(shop.keepwell.home.root)("monitor", "churn")
    assert told.code == 0
    assert {
        "target", "model_digest", "status", "reasons", "drift", "expected", "realised", "seconds",
    } <= told.json.keys()  # fmt: skip
    assert (told.json["status"], told.json["people"]) == ("fine", PEOPLE)


def test_without_a_target_every_serving_model_is_looked_at(shop: Shop) -> None:
    told = Commands(shop.keepwell.home.root)("monitor")
    assert (told.code, told.json["target"]) == (0, "churn")


def test_a_model_to_train_again_ends_with_exit_code_one(shop: Shop) -> None:
    shop.pass_days(60)
    told = Commands(shop.keepwell.home.root)("monitor", "churn")
    assert (told.code, told.json["status"]) == (1, "retrain")


def test_people_read_the_features_that_moved(shop: Shop) -> None:
    shop.pass_days(60)
    home = str(shop.keepwell.home.root)
    told = Commands(shop.keepwell.home.root).call(["--home", home, "monitor", "churn"], "")
    assert "retrain" in told.out
    assert "days_since_last_order" in told.out
    assert "cannot say yet: outcomes of fewer than 5 people of the 100 needed" in told.out


def test_an_instant_in_the_future_is_refused(shop: Shop) -> None:
    told = Commands(shop.keepwell.home.root)("monitor", "churn", "--as-of", "2031-01-01")
    assert told.code == 2
    assert "future" in told.error["message"]


def test_without_a_serving_model_it_says_how_to_get_one(shop: Shop) -> None:
    shop.review("reject")
    told = Commands(shop.keepwell.home.root)("monitor")
    assert told.code == 1
    assert told.error["message"] == "no model serves"


def test_a_target_that_is_not_there_is_named(shop: Shop) -> None:
    assert Commands(shop.keepwell.home.root)("monitor", "weather").code == 2


def test_the_limits_the_document_shows_are_the_ones_in_force() -> None:
    document = (Path(__file__).parents[2] / "docs" / "monitoring.md").read_text(encoding="utf-8")
    [block] = re.findall(r"```toml\n(.*?)```", document, re.DOTALL)
    assert MonitoringSettings(**tomllib.loads(block)["monitoring"]) == MonitoringSettings()
    shown = tomllib.loads(block)["monitoring"].keys()
    assert shown == MonitoringSettings.model_fields.keys()
