"""Permissions on the command line: notices, yes and no, people, papers and counts."""

from pathlib import Path
from typing import Any

import pytest
from click import Command, Group

from serving.cli.consent import consent_command
from tests.serving.test_cli import Commands, Told

WHO = "anna@example.org"
ACT = ("--mechanism", "button", "--evidence", "form 7")


@pytest.fixture
def kw(tmp_path: Path) -> Commands:
    """Give a home in which scoring has words in two languages, good for a year."""
    made = Commands(tmp_path / "home")
    made("init")
    (tmp_path / "en.md").write_text("We look at your orders.\n", encoding="utf-8")
    (tmp_path / "de.md").write_text("Wir sehen auf Ihre Bestellungen.\n", encoding="utf-8")
    told = announce(
        made, tmp_path / "en.md", "--purpose", "risk_scoring", "--expires-after-days", 365
    )
    assert told.code == 0, told
    return made


def announce(kw: Commands, file: Path, *more: object, version: int = 1) -> Told:
    return kw(
        "consent", "notice", "publish", "scoring", "--version", version, "--file", file, *more
    )


def under(version: int = 1) -> tuple[object, ...]:
    return (*ACT, "--notice", "scoring", "--notice-version", version)


def state(kw: Commands, purpose: str = "risk_scoring") -> dict[str, Any]:
    shown = kw("consent", "show", WHO).json
    [found] = [each for each in shown["purposes"] if each["purpose"] == purpose]
    assert isinstance(found, dict)
    return found


def test_notices_are_published_listed_and_shown(kw: Commands, tmp_path: Path) -> None:
    assert announce(kw, tmp_path / "de.md", "--locale", "de").code == 0
    [listed] = kw("consent", "notice", "list").json["notices"]
    assert (listed["current_for"], listed["expires_after_days"]) == (["risk_scoring"], 365)
    assert sorted(listed["languages"]) == ["de", "en"]
    told = kw.plain("consent", "notice", "show", "scoring", "--locale", "de").out
    assert "Wir sehen auf Ihre Bestellungen." in told
    assert "scoring" in kw.plain("consent", "notice", "list").out
    again = announce(kw, tmp_path / "de.md", "--locale", "de")
    assert (again.code, "published already" in again.error["message"]) == (2, True)


def test_a_yes_under_a_notice_ends_when_the_notice_says(kw: Commands) -> None:
    told = kw("consent", "grant", WHO, "risk_scoring", *under()).json
    assert told["expires_at"] is not None
    found = state(kw)
    assert (found["permitted"], found["notice_id"], found["notice_version"]) == (True, "scoring", 1)
    shown = kw.plain("consent", "show", WHO).out
    assert "scoring 1" in shown
    assert found["expires_at"][:10] in shown


def test_a_material_change_is_renewed(kw: Commands, tmp_path: Path) -> None:
    kw("consent", "grant", WHO, "risk_scoring", *under())
    told = announce(kw, tmp_path / "en.md", "--purpose", "risk_scoring", "--material", version=2)
    assert told.code == 0
    assert state(kw)["reason"] == "notice_changed"
    assert kw("consent", "renew", WHO, "risk_scoring", *under(2)).json["granted"] == 1
    assert state(kw)["state"] == "renewed"


def test_a_renewal_where_there_was_never_a_yes_is_refused(kw: Commands) -> None:
    told = kw("consent", "renew", WHO, "risk_scoring", *under())
    assert (told.code, "never a yes" in told.error["message"]) == (2, True)
    assert "anna" not in told.out + told.err


def test_refusing_needs_nothing_but_who_and_what(kw: Commands) -> None:
    assert kw("consent", "refuse", WHO, "risk_scoring").json["outcome"] == "refused"
    assert state(kw)["reason"] == "refused"


def test_everything_is_withdrawn_in_one_command(kw: Commands) -> None:
    kw("consent", "grant", WHO, "risk_scoring", *under())
    kw("consent", "grant", WHO, "outreach.email", *ACT)
    told = kw("consent", "withdraw", WHO, "--all").json
    assert sorted(told["events"]) == ["outreach.email", "risk_scoring"]
    again = kw("consent", "withdraw", WHO, "--all").json
    assert sorted(again["events"]) == ["outreach.email", "risk_scoring"]
    for wrong in ((), ("risk_scoring", "--all")):
        assert kw("consent", "withdraw", WHO, *wrong).code == 2


def test_withdrawing_takes_no_more_words_than_granting() -> None:
    def needed(command: Command) -> int:
        return sum(each.required for each in command.params)

    assert isinstance(consent_command, Group)
    commands = consent_command.commands
    assert needed(commands["withdraw"]) < needed(commands["grant"])
    assert needed(commands["refuse"]) < needed(commands["grant"])
    assert {each.name for each in commands["withdraw"].params} - {"everything"} <= {
        each.name for each in commands["grant"].params
    }


def test_an_objection_is_recorded(kw: Commands) -> None:
    kw("consent", "grant", WHO, "risk_scoring", *under())
    assert kw("consent", "object", WHO).json["outcome"] == "objected"
    assert state(kw)["reason"] == "objected"


def test_people_are_described_bit_by_bit(kw: Commands) -> None:
    kw("consent", "subject", WHO, "--birth-date", "2012-02-29")
    told = kw("consent", "subject", WHO, "--employee").json
    assert told == {"adult_from": "2030-03-01T00:00:00.000000Z", "relation": "employee"}
    assert kw("consent", "subject", WHO).json == told
    assert kw("consent", "subject", WHO, "--no-employee").json["relation"] == "customer"
    wrong = kw("consent", "subject", WHO, "--birth-date", "the 3rd")
    assert (wrong.code, "the 3rd" in wrong.out) == (2, False)


def test_a_record_and_a_receipt_say_who_answers_for_the_data(kw: Commands) -> None:
    kw("consent", "grant", WHO, "risk_scoring", *under())
    record = kw("consent", "record", WHO)
    assert record.json["@type"] == "dpv:ConsentRecord"
    assert "[controller]" in record.err
    with (kw.home / "keepwell.toml").open("a", encoding="utf-8") as file:
        file.write(
            '[controller]\nname = "Tea Ltd"\naddress = "Bath"\ncontact = "a@tea.example"\n'
            'jurisdiction = "GB"\nstorage_locations = ["IE"]\n'
            '[[controller.others]]\nname = "Post"\naddress = "Bath"\ncontact = "+44"\n'
            'kind = "processor"\n'
        )
    receipt = kw("consent", "receipt", WHO)
    assert receipt.err == ""
    inside = receipt.json["dpv:hasRecordOfActivity"]
    assert inside["dpv:hasDataController"][0]["dpv:hasName"] == "Tea Ltd"
    assert inside["dpv:hasProcess"]["dpv:hasRecipient"][0]["dpv:hasName"] == "Post"


def test_doctor_says_what_people_are_not_told(kw: Commands) -> None:
    with (kw.home / "keepwell.toml").open("a", encoding="utf-8") as file:
        file.write('[webhook]\nurl = "https://crm.example/hook"\n')
    found = {each["name"]: each for each in kw("doctor").json["checks"]}
    assert found["controller"]["outcome"] == "attention"
    assert (found["notices"]["outcome"], found["notices"]["found"]) == (
        "ok",
        "words in force for risk_scoring",
    )
    assert "base_url" in found["stop links"]["advice"]


def test_coverage_counts_many_and_hides_few(kw: Commands, tmp_path: Path) -> None:
    lines = ["customer_id,purpose,state,occurred_at,mechanism,evidence,notice_id,notice_version"]
    for number in range(20):
        word = "given" if number < 12 else "refused"
        lines.append(f"c{number},research_text,{word},2025-01-01,button,form {number},,")
    lines += [f"c{n},outreach.sms,given,2025-01-01,button,form {n},," for n in range(3)]
    (tmp_path / "answers.csv").write_text("\n".join(lines), encoding="utf-8")
    assert kw("consent", "import", tmp_path / "answers.csv").json["recorded"] == 23
    told = kw("consent", "coverage").json
    found = {each["purpose"]: each for each in told["purposes"]}
    assert told["people"] == 20
    assert (found["research_text"]["permitted"], found["research_text"]["share"]) == (12, 0.6)
    assert found["research_text"]["refused"] == {"refused": 8}
    assert found["outreach.sms"]["permitted"] is None
    assert found["outreach.sms"]["refused"] == {"no_record": None}  # 20 − 17 would tell
    assert "counts of 1 to 4" in kw.plain("consent", "coverage").out


def test_five_people_are_needed_to_say_how_many_there_are(kw: Commands) -> None:
    kw("consent", "grant", WHO, "outreach.email", *ACT)
    told = kw("consent", "coverage").json
    assert told["people"] is None
    assert all(each["permitted"] in (None, 0) for each in told["purposes"])


def test_evidence_and_words_nobody_knows_are_looked_at_across_files(
    kw: Commands, tmp_path: Path
) -> None:
    head = "customer_id,purpose,state,occurred_at,mechanism,evidence\n"
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    first.write_text(head + "a,risk_scoring,given,2025-01-01,button,list of 2019\n")
    second.write_text(
        head
        + "b,risk_scoring,given,2025-01-02,button,List of 2019\n"
        + "a,risk_scoring,perhaps,2025-01-02,button,form 9\n"
    )
    assert kw("consent", "import", first).json["granted"] == 1
    told = kw("consent", "import", second).json
    assert (told["granted"], told["recorded"], told["refused"]) == (0, 1, 1)
    assert sum("another person" in reason for reason in told["reasons"]) == 1
    assert sum("counts as a withdrawal" in reason for reason in told["reasons"]) == 1
    assert kw("consent", "show", "a").json["reasons"]["risk_scoring"] == "withdrawn"
