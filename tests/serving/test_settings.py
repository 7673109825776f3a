from datetime import UTC, datetime
from pathlib import Path

import pytest

from governance.errors import ConfigurationError
from governance.instants import to_micros
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
    assert sorted(places) == ["KEEPWELL_MODE", "curency", "targets.churn.horizon_days", "timezone"]


def test_unreadable_file_says_where(tmp_path: Path) -> None:
    path = tmp_path / "keepwell.toml"
    path.write_text("timezone = \n")
    with pytest.raises(ConfigurationError, match="line 1"):
        load_settings(path, {})


def problems_of(tmp_path: Path, text: str, **environment: str) -> tuple[str, ...]:
    path = tmp_path / "keepwell.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        load_settings(path, environment)
    return caught.value.problems


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[contct]\nbudget = 1\n", "contct: there is no such setting; did you mean contact?"),
        (
            "[targets.churn]\nhorizont = 3\n",
            "targets.churn.horizont: there is no such setting; did you mean horizons?",
        ),
        (
            '[[calendar]]\nname = "x"\nfrm = 2026-01-01\nuntil = 2026-01-02\nfrom = 2026-01-01\n',
            "calendar.0.frm: there is no such setting; did you mean from?",
        ),
        ("zzz = 1\n", "zzz: there is no such setting"),
    ],
)
def test_a_misspelt_setting_names_the_nearest(tmp_path: Path, text: str, problem: str) -> None:
    assert problems_of(tmp_path, text) == (problem,)


@pytest.mark.parametrize(
    ("variable", "problem"),
    [
        (
            "KEEPWELL_CONTCT__BUDGET",
            "there is no such setting; did you mean KEEPWELL_CONTACT__BUDGET?",
        ),
        (
            "KEEPWELL_CONTACT__BUGDET",
            "there is no such setting; did you mean KEEPWELL_CONTACT__BUDGET?",
        ),
    ],
)
def test_a_misspelt_variable_is_named_as_it_is_spelt(
    tmp_path: Path, variable: str, problem: str
) -> None:
    assert problems_of(tmp_path, "", **{variable: "1"}) == (f"{variable}: {problem}",)


def test_what_is_no_toml_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "keepwell.toml"
    path.write_text("mode = act\n")
    with pytest.raises(ConfigurationError) as caught:
        load_settings(path, {})
    assert caught.value.hint.startswith(f"correct that line of {path}")


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


OWN_FEATURE = """
[[feature]]
name = "app_sessions_30d"
kinds = ["session"]
aggregate = "count"
window_days = 30
where = { device = "app" }
"""


def test_own_features_are_written_and_read_back(tmp_path: Path) -> None:
    path, copy = tmp_path / "keepwell.toml", tmp_path / "copy.toml"
    path.write_text(OWN_FEATURE)
    settings = load_settings(path, {})
    assert settings.feature[0]["where"] == {"device": "app"}
    write_settings(copy, settings)
    assert load_settings(copy, {}) == settings


def test_mistakes_of_own_features_come_with_all_others(tmp_path: Path) -> None:
    path = tmp_path / "keepwell.toml"
    path.write_text('curency = "EUR"\n' + OWN_FEATURE.replace("30", "0"))
    with pytest.raises(ConfigurationError) as caught:
        load_settings(path, {})
    assert caught.value.problems == (
        "curency: there is no such setting; did you mean currency?",
        "line 7: feature app_sessions_0d: window_days == 0, must be >= 1",
    )


TARGETS = """
[[calendar]]
name = "outage"
from = 2026-03-01
until = 2026-03-04

[targets.clv]
margin_share = 0.3
[targets.lost]
kind = "silence"
silence_days = 60
[targets.wellbeing_decline_social]
[targets.upgrade]
kind = "event"
event_kind = "plan_changed"
where = { plan = "plus", paid = true }
"""


def test_targets_need_only_what_has_no_sensible_default(tmp_path: Path) -> None:
    path, copy = tmp_path / "keepwell.toml", tmp_path / "copy.toml"
    path.write_text('timezone = "Europe/Berlin"\n' + TARGETS)
    settings = load_settings(path, {})
    found, mistakes = settings.declared_targets()
    assert not mistakes
    assert (found["clv"].kind, found["clv"].horizon_days) == ("clv", 365)
    assert (found["lost"].horizons, found["lost"].silence_days) == ((30, 60, 90), 60)
    assert found["wellbeing_decline_social"].dimension == "social"
    assert found["wellbeing_decline_social"].purpose == "wellbeing_inference"
    assert found["upgrade"].where == (("paid", "True"), ("plan", "plus"))
    assert found["upgrade"].outside[0].since == to_micros(datetime(2026, 2, 28, 23, tzinfo=UTC))
    write_settings(copy, settings)
    assert load_settings(copy, {}) == settings


def test_every_mistake_of_every_target_is_listed_at_once(tmp_path: Path) -> None:
    path = tmp_path / "keepwell.toml"
    path.write_text(
        'curency = "EUR"\n[[calendar]]\nname = "strike"\nfrom = 2026-03-04\nuntil = 2026-03-01\n'
        "[targets.clv]\n[targets.churn]\nhorizons = [30, 90]\n"
        '[targets.lost]\nkind = "silence"\n[targets.odd]\nhorizon_days = 0\n'
        '[targets.wellbeing_decline]\ndimension = "moral"\npurpose = "risk_scoring"\n'
    )
    with pytest.raises(ConfigurationError) as caught:
        load_settings(path, {})
    assert [": ".join(each.split(": ")[:2])[:60] for each in caught.value.problems] == [
        "targets.odd.horizon_days: Input should be greater than or eq",
        "curency: there is no such setting; did you mean currency?",
        "calendar.0: strike",
        "targets.clv: margin_share must be stated",
        'targets.churn: inactivity has one horizon, because "no event',
        "targets.lost: silence_days must be stated",
        "targets.wellbeing_decline: purpose is 'risk_scoring', wellbe",
        "targets.wellbeing_decline: dimension is 'moral', must be one",
    ]
