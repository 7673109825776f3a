"""The guide in docs/crm.md and the cookbook work as they stand, from an empty directory on."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests.serving.crm.guide import ROOT, checkout, free_port, run, sections

NEEDS_A_MODEL = "6. A model"
LAST = "When you are done"
WHOLE = settings.get_current_profile_name() == "evidence"


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Follow the guide, then the cookbook, on ports of their own; give where they left their files.

    Up to the model in the short form; all of it, training included, among the evidence.
    """
    guide = sections(ROOT / "docs/crm.md")
    headings = [heading for heading, _ in guide]
    stop = headings.index(LAST if WHOLE else NEEDS_A_MODEL)
    chosen = [*guide[:stop], *sections(ROOT / "docs/cookbook.md")]
    chosen += guide[headings.index(LAST) :] if WHOLE else []
    script = "\n".join(block for _, blocks in chosen for block in blocks)
    for shown in (":3000", "--port 3000", ":4000", 'receiver.py" 4000'):
        assert shown in script, f"the guide no longer says {shown}"
    for shown in ("3000", "4000"):
        script = script.replace(shown, str(free_port()))
    with checkout(tmp_path_factory.mktemp("guide")) as folder:
        run(script, folder, seconds=900 if WHOLE else 240)
    return folder / "var/guide"


@pytest.mark.parametrize("document", ["crm.md", "cookbook.md"])
def test_every_command_is_in_a_block_that_is_run(document: str) -> None:
    text = (ROOT / "docs" / document).read_text(encoding="utf-8")
    assert set(re.findall(r"^```(\w+)$", text, re.MULTILINE)) == {"sh"}


def answer(followed: Path, name: str) -> dict[str, Any]:
    [result] = json.loads((followed / name).read_text())["results"]
    return dict(result)


def messages(followed: Path) -> list[dict[str, Any]]:
    lines = (followed / "received.txt").read_text().splitlines()
    assert all(line.startswith("verified ") for line in lines), lines
    return [json.loads(line.removeprefix("verified ")) for line in lines]


def test_the_first_signed_message_arrives(followed: Path) -> None:
    assert messages(followed)[0]["type"] == "webhook.test"


def test_without_a_model_a_rule_answers_and_says_so(followed: Path) -> None:
    found = answer(followed, "before.json")
    assert found["status"] == "insufficient_data"
    assert found["scores"]["churn"]["method"] == "rule"


def test_an_event_counts_in_the_next_score(followed: Path) -> None:
    before, after = (
        answer(followed, name)["scores"]["churn"]["rule"] for name in ("before.json", "after.json")
    )
    assert "last order was 0 days ago" in after
    assert before != after


def test_after_the_withdrawal_there_is_no_score(followed: Path) -> None:
    assert answer(followed, "withdrawn.json")["status"] == "not_available"


def test_the_receiver_hears_of_the_withdrawal_in_signed_messages(followed: Path) -> None:
    told = [each["data"] for each in messages(followed) if each["type"] == "score.withdrawn"]
    words = [each["data"] for each in messages(followed) if each["type"] == "consent.changed"]
    assert ("C1001", "risk_scoring") in [(each["customer_id"], each["purpose"]) for each in told]
    assert ("C1001", False) in [(each["customer_id"], each["permitted"]) for each in words]


def read(followed: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((followed / name).read_text())
    return found


def test_a_hundred_are_answered_in_order(followed: Path) -> None:
    found = [each["customer_id"] for each in read(followed, "hundred-scores.json")["results"]]
    assert found == [f"C{number}" for number in range(1101, 1201)]


def test_events_that_come_again_are_known(followed: Path) -> None:
    first, again = read(followed, "events-1.json"), read(followed, "events-2.json")
    assert (first["written"], again["duplicates"]) == (2, 2)


def test_a_correction_and_a_retraction_are_taken(followed: Path) -> None:
    assert read(followed, "corrected.json")["written"] == 2


def test_a_yes_needs_evidence_and_a_no_nothing(followed: Path) -> None:
    assert read(followed, "yes.json")["permitted"] is True
    assert read(followed, "no-evidence.json")["status"] == 422
    assert read(followed, "no.json")["state"] == "withdrawn"


def test_pages_follow_each_other(followed: Path) -> None:
    pages = [read(followed, f"page-{number}.json")["results"] for number in (1, 2)]
    ids = [each["customer_id"] for page in pages for each in page]
    assert len(ids) == 4
    assert ids == sorted(set(ids))


def test_rights_are_answered(followed: Path) -> None:
    told = [read(followed, f"{name}.json")["outcome"] for name in ("objection", "erased")]
    assert told == ["objected", "erased"]
    assert read(followed, "export.json")["customer_id"] == "C1003"


def test_a_repeated_request_is_done_once(followed: Path) -> None:
    first, again = read(followed, "review.json"), read(followed, "review-again.json")
    assert first == again


def test_an_error_names_every_mistake(followed: Path) -> None:
    assert len(read(followed, "error.json")["errors"]) == 2


def test_a_client_is_generated(followed: Path) -> None:
    assert (followed / "keepwell_client/api").is_dir()


@pytest.mark.skipif(not WHOLE, reason="trains a model: part of make evidence")
def test_the_whole_way_ends_with_an_approved_contact_and_files_for_the_crm(followed: Path) -> None:
    assert [each["status"] for each in read(followed, "model.json")["results"]] == ["scored"] * 2
    assert read(followed, "approved.json")["status"] == "queued"
    assert (followed / "hubspot.csv").read_text().count("\n") > 500
    assert (followed / "weekly.html").exists()
    assert "C1006" in (followed / "salesforce_clear.csv").read_text()
    assert "C1006" not in (followed / "salesforce.csv").read_text()


@pytest.mark.skipif(not WHOLE, reason="trains a model: part of make evidence")
def test_all_reasons_and_the_base_value_add_up_to_the_score(followed: Path) -> None:
    result = read(followed, "decision.json")["result"]
    total = result["base"] + sum(each["contribution"] for each in result["reasons"])
    assert total == pytest.approx(result["log_odds"])
