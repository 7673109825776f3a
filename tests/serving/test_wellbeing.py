"""`keepwell wellbeing`: those who permit it and nobody else, on a made-up company's own files."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from features.simulate.stream import write_stream
from serving.bootstrap import Keepwell
from serving.permission.consent_files import read_consents
from serving.permission.consents import record_all
from serving.settings import Settings
from serving.sources import import_file
from tests.serving.homes import new_home
from tests.serving.test_cli import Commands

END = datetime(2026, 11, 1, tzinfo=UTC)

pytestmark = pytest.mark.xdist_group("command line")


class Home(NamedTuple):
    """A home with an imported company; `yes` permit it, `no` refused, `silent` were never asked."""

    kw: Commands
    yes: list[str]
    no: list[str]
    silent: list[str]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    root = tmp_path_factory.mktemp("wellbeing")
    company = write_stream(400, 3, root / "company", end=END, block_customers=400)
    keepwell = new_home(root / "home", Settings(), now=END)
    try:
        _fill(keepwell, company.mappings, company.permissions)
    finally:
        keepwell.close()
    newest: dict[str, str] = {}
    for line in company.permissions.read_text().splitlines():
        said = json.loads(line)
        if said["purpose"] == "wellbeing_inference":
            newest[said["customer_id"]] = said["state"] if "expires_at" not in said else "lapsed"
    everyone = [f"C{k:06d}" for k in range(1, 401)]
    return Home(
        Commands(root / "home"),
        [c for c in everyone if newest.get(c) == "given"],
        [c for c in everyone if newest.get(c) == "refused"],
        [c for c in everyone if c not in newest],
    )


def _fill(keepwell: Keepwell, mappings: tuple[Path, ...], permissions: Path) -> None:
    for mapping in mappings:
        import_file(keepwell, mapping, None, now=END)
    answers = read_consents(permissions, zone=keepwell.settings.zone, rename=keepwell.inside_id)
    clock: Callable[[], datetime] = lambda: END  # noqa: E731
    record_all(keepwell, answers.changes, clock=clock)


def asked(home: Home, *words: str) -> Any:
    told = home.kw("wellbeing", "--as-of", "2026-10-31", *words)
    assert told.code == 0, told
    return told.json


def test_a_customer_who_permits_it_is_estimated_with_intervals(home: Home) -> None:
    found = asked(home, home.yes[0])

    [now] = found["series"]
    shown = [each["points"] for each in now["dimensions"].values() if each["points"] is not None]
    assert shown
    assert all(0 <= each["low"] < each["value"] < each["high"] <= 100 for each in shown)
    assert sum(found["weights"].values()) == pytest.approx(1)


def test_a_customer_who_refused_is_refused(home: Home) -> None:
    told = home.kw("wellbeing", home.no[0])

    assert told.code == 1
    assert (told.json["status"], told.json["reason"]) == ("refused", "refused")
    assert told.json["series"] == []


def test_never_asked_and_unknown_are_told_alike(home: Home) -> None:
    silent = home.kw("wellbeing", home.silent[0])
    unknown = home.kw("wellbeing", "nobody")

    assert (silent.code, silent.json["reason"]) == (unknown.code, unknown.json["reason"])


def test_a_series_has_a_point_per_period(home: Home) -> None:
    found = asked(home, home.yes[0], "--period", "quarter")

    assert len(found["series"]) == 8


def test_groups_hold_only_those_who_permit_it_and_the_rest_are_counted(home: Home) -> None:
    found = asked(home, "--by", "area")

    people = {each["group"]: each["people"] for each in found["figures"] if each["people"]}
    assert found["permitted"] == len(home.yes)
    assert found["permitted"] + found["refused"] == 400
    assert set(people) == {"all", "centre", "coast", "suburbs"}
    assert max(people.values()) <= len(home.yes)
    assert {gap["dimension"] for gap in found["gaps"]} >= {"financial", "index"}


def test_groups_by_a_protected_attribute_need_the_audits_permission(home: Home) -> None:
    found = asked(home, "--by", "age_band")

    groups = {each["group"] for each in found["figures"]}
    assert "(not stated)" in groups  # those who did not permit fairness_audit
    assert "65+" in groups


def test_a_series_over_groups_begins_where_something_was_heard(home: Home) -> None:
    found = asked(home, "--period", "year")

    assert {each["start"][:4] for each in found["figures"]} == {"2024", "2025"}


def test_an_attribute_nobody_has_is_named(home: Home) -> None:
    told = home.kw("wellbeing", "--by", "shoe_size")

    assert told.code == 2
    assert "shoe_size" in told.error["message"]


def test_whoever_withdraws_is_gone_from_the_next_answer(home: Home) -> None:
    leaving = home.yes[-1]
    assert home.kw("consent", "withdraw", leaving, "wellbeing_inference").code == 0

    told = home.kw("wellbeing", leaving)

    assert (told.code, told.json["reason"]) == (1, "withdrawn")
    home.yes.remove(leaving)


def test_asking_for_a_person_is_logged_without_what_was_found(home: Home) -> None:
    asked(home, home.yes[1])

    assert home.kw("ledger", "verify").json["outcome"] == "intact"


def test_a_playbook_that_never_ran_cannot_say(home: Home) -> None:
    told = home.kw("wellbeing", "--after", "personal_note")

    assert told.code == 1
    assert all(each["effect"] is None for each in told.json["effects"])


def test_mistakes_of_the_settings_are_all_told(home: Home) -> None:
    settings = home.kw.home / "keepwell.toml"
    before = settings.read_text()
    settings.write_text(before + "\n[wellbeing.weights]\nfinances = 2\nsocial = -1\n")
    try:
        told = home.kw("wellbeing")
    finally:
        settings.write_text(before)

    assert told.code == 2
    assert len(told.error["problems"]) == 2


def test_groups_are_not_asked_for_with_a_customer(home: Home) -> None:
    assert home.kw("wellbeing", home.yes[0], "--by", "area").code == 2


def test_a_person_sees_points_intervals_and_what_was_learned(home: Home) -> None:
    told = home.kw.plain("wellbeing", home.yes[0])

    assert "90 % intervals" in told.out
    assert "learned from" in told.out
