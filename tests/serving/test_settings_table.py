"""Every setting is in one table, with its meaning; and a home tells where its own come from."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from governance.errors import ConfigurationError
from serving.cli import keepwell
from serving.settings import NOT_SETTINGS, PREFIX, load_settings
from serving.settings_table import HIDDEN, Effective, effective, rows
from tests.serving.test_cli import Commands


def found(tmp_path: Path, text: str, **environment: str) -> dict[str, Effective]:
    path = tmp_path / "keepwell.toml"
    path.write_text(text)
    return {each.name: each for each in effective(path, environment)}


def test_every_setting_says_what_it_means() -> None:
    assert [f"{row.table}.{row.name}" for row in rows() if not row.meaning] == []


def test_every_variable_of_the_page_is_the_one_that_is_read(tmp_path: Path) -> None:
    named = {row.variable: "?" for row in rows() if row.variable and "NAME" not in row.variable}
    with pytest.raises(ConfigurationError) as caught:
        load_settings(tmp_path / "none.toml", {**named, "KEEPWELL_NO_SUCH": "1"})
    unknown = [each for each in caught.value.problems if "there is no such setting" in each]
    assert unknown == ["KEEPWELL_NO_SUCH: there is no such setting"]


def test_a_value_tells_where_it_comes_from(tmp_path: Path) -> None:
    told = found(
        tmp_path, 'currency = "GBP"\n[contact]\nbudget = 5\n', KEEPWELL_CONTACT__BUDGET="7"
    )
    assert told["currency"][1:] == ("GBP", "keepwell.toml")
    assert told["contact.budget"][1:] == (7.0, "environment")
    assert told["mode"][1:] == ("observe", "default")


def test_a_purpose_in_its_short_form_comes_from_the_file(tmp_path: Path) -> None:
    told = found(tmp_path, '[purposes]\nrisk_scoring = "consent"\n')
    assert told["purposes.risk_scoring.basis"][1:] == ("consent", "keepwell.toml")


def test_what_the_gate_and_a_target_take_by_themselves_is_shown(tmp_path: Path) -> None:
    told = found(tmp_path, "[targets.silence]\nsilence_days = 40\n")
    assert told["gate.max_ece"][1:] == (0.05, "default")
    assert told["targets.silence.kind"][1:] == ("silence", "default")
    assert told["targets.silence.horizons"].value == [30, 60, 90]
    assert told["targets.silence.silence_days"][1:] == (40, "keepwell.toml")


def test_the_page_tells_the_gates_own_defaults() -> None:
    assert next(row.default for row in rows() if row.name == "max_ece") == "0.05"


def test_a_password_is_not_shown(tmp_path: Path) -> None:
    told = found(
        tmp_path,
        '[webhook]\nurl = "https://crm.example/?key=abc"\n[spark.conf]\n"fs.secret.key" = "x"\n',
        KEEPWELL_DATABASE_URL="postgresql+psycopg://shop:pa55@db/shop",
    )
    assert told["database_url"].value == f"postgresql+psycopg://{HIDDEN}@db/shop"
    assert told["webhook.url"].value == f"https://crm.example/?{HIDDEN}"
    assert told["spark.conf.fs.secret.key"].value == HIDDEN


def test_a_secret_may_lie_in_a_file_of_its_own(tmp_path: Path) -> None:
    secret = tmp_path / "database_url"
    secret.write_text("postgresql://db/shop\n")
    given = {"KEEPWELL_DATABASE_URL_FILE": str(secret)}
    assert load_settings(tmp_path / "none.toml", given).database_url == "postgresql://db/shop"


def test_a_secret_that_cannot_be_read_is_named_by_its_variable(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="KEEPWELL_DATABASE_URL_FILE names no file"):
        load_settings(tmp_path / "none.toml", {"KEEPWELL_DATABASE_URL_FILE": "/nowhere"})


def test_a_list_in_the_environment_is_written_as_in_the_file(tmp_path: Path) -> None:
    given = {"KEEPWELL_AGE_REQUIRED": '["outreach.email"]'}
    assert load_settings(tmp_path / "none.toml", given).age_required == {"outreach.email"}


def test_an_enrolment_key_in_the_environment_is_no_setting(tmp_path: Path) -> None:
    assert load_settings(tmp_path / "none.toml", {"KEEPWELL_ENROLMENT_KEY": "ek"}).mode == "observe"


def test_on_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "keepwell.toml").write_text('currency = "GBP"\n')
    kw = Commands(tmp_path)
    told = kw("settings", "--changed").json["settings"]
    assert told == [{"name": "currency", "value": "GBP", "source": "keepwell.toml"}]
    shown = kw.plain("settings").out
    assert re.search(r'^currency +"GBP" +keepwell.toml', shown, re.MULTILINE)
    assert re.search(r'^gate.fairness_blocks +\["act"\] +default', shown, re.MULTILINE)


def test_every_variable_an_option_reads_is_no_unknown_setting() -> None:
    read = {variable for command in every_command(keepwell) for variable in variables_of(command)}
    assert "KEEPWELL_APPROVAL_KEY" in read
    assert {each.removeprefix(PREFIX) for each in read} - NOT_SETTINGS.keys() == set()


def every_command(command: click.Command) -> Iterator[click.Command]:
    yield command
    if isinstance(command, click.Group):
        with click.Context(command) as ctx:
            for name in command.list_commands(ctx):
                found = command.get_command(ctx, name)
                assert found is not None
                yield from every_command(found)


def variables_of(command: click.Command) -> Iterator[str]:
    for parameter in command.params:
        named = parameter.envvar
        if named is not None:
            yield from [named] if isinstance(named, str) else named
