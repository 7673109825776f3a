from pathlib import Path

import pytest

from governance.errors import ConfigurationError
from serving.settings import Settings, TargetSettings, load_settings, write_settings


def test_missing_file_gives_defaults(tmp_path: Path) -> None:
    assert load_settings(tmp_path / "keepwell.toml", {}) == Settings()


def test_environment_goes_over_the_file(tmp_path: Path) -> None:
    path = tmp_path / "keepwell.toml"
    path.write_text('timezone = "Europe/Berlin"\ncurrency = "EUR"\n')
    found = load_settings(
        path, {"KEEPWELL_CURRENCY": "GBP", "KEEPWELL_WEBHOOK__URL": "https://crm.example/hook"}
    )
    assert (found.timezone, found.currency) == ("Europe/Berlin", "GBP")
    assert found.webhook.url == "https://crm.example/hook"


def test_all_mistakes_are_reported_at_once(tmp_path: Path) -> None:
    path = tmp_path / "keepwell.toml"
    path.write_text('timezone = "Mars/Base"\ncurency = "EUR"\n[targets.churn]\nhorizon_days = 0\n')
    with pytest.raises(ConfigurationError) as caught:
        load_settings(path, {"KEEPWELL_MODE": "conquer"})
    places = [problem.split(":")[0] for problem in caught.value.problems]
    assert sorted(places) == ["curency", "mode", "targets.churn.horizon_days", "timezone"]


def test_unreadable_file_says_where(tmp_path: Path) -> None:
    path = tmp_path / "keepwell.toml"
    path.write_text("timezone = \n")
    with pytest.raises(ConfigurationError, match="line 1"):
        load_settings(path, {})


def test_the_home_of_the_command_line_is_not_a_setting(tmp_path: Path) -> None:
    assert load_settings(tmp_path / "none.toml", {"KEEPWELL_HOME": "/somewhere"}) == Settings()


def test_purpose_may_be_written_as_one_word(tmp_path: Path) -> None:
    path = tmp_path / "keepwell.toml"
    path.write_text('[purposes]\nrisk_scoring = "consent"\n"outreach.email" = "consent"\n')
    found = load_settings(path, {})
    assert found.purposes["outreach.email"].basis == "consent"


def test_written_settings_read_back_the_same(tmp_path: Path) -> None:
    path = tmp_path / "keepwell.toml"
    settings = Settings(
        kind="evaluation",
        timezone="Europe/London",
        currency="GBP",
        targets={"churn": TargetSettings(horizon_days=60)},
    )
    write_settings(path, settings)
    assert load_settings(path, {}) == settings
