"""Playbooks are checked as a whole, and what works against people cannot be written down."""

import pytest

from governance.errors import ConfigurationError, NotFound
from serving.interventions.playbooks import (
    SERVICE_TEMPLATES,
    STARTERS,
    find_playbook,
    load_playbooks,
    parse_playbooks,
)

GOOD = """
[[playbook]]
name = "personal_note"
class = "outreach"
channel = "email"
target = "churn"
subject = "Hello"
body = "Is everything all right?"
"""


def problems(text: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        parse_playbooks(text, source="playbooks.toml")
    return " | ".join(caught.value.problems)


def test_the_starters_are_in_order() -> None:
    names = [each.name for each in load_playbooks(STARTERS)]

    assert names == ["personal_note", "goodwill_call", "payment_help"]


def test_outreach_needs_permission_for_its_channel_and_service_for_operations() -> None:
    note, _, payment = load_playbooks(STARTERS)

    assert note.contact_purpose == "outreach.email"
    assert payment.contact_purpose == "operations"


def test_a_service_message_is_the_template_word_for_word() -> None:
    payment = find_playbook(load_playbooks(STARTERS), "payment_help")

    assert (payment.subject, payment.body) == SERVICE_TEMPLATES["failed_payment"]
    assert payment.holdout_share == 0


def test_all_mistakes_are_listed_at_once() -> None:
    found = problems(
        GOOD.replace('name = "personal_note"', 'name = "Note!"')
        + "holdout_share = 0.9\n\n"
        + GOOD
        + GOOD
        + "min_probability = 0.9\nmax_probability = 0.1\ncost = -1\nvalid_hours = 0\n[other]\nx = 1"
    )

    for part in (
        "'other' is not known at the top",
        "name must be lower-case",
        "holdout_share must be",
        "min_probability 0.9",
        "cost must not be negative",
        "valid_hours == 0",
    ):
        assert part in found


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("auto_enrol = true", "works against people"),
        ("pre_ticked = true", "works against people"),
        ("urgency = 'now'", "works against people"),
        ("colour = 'red'", "'colour' is not a key"),
        ("needs_person = 'yes'", "needs_person must be a bool"),
        ("cost = true", "cost must be a int or float"),
        ("distress = true\nholdout_share = 0.1", "no one in distress is held out"),
        ("distress = true\ncommercial = true", "nothing is sold to people in distress"),
        ("template = 'outage'", "template belongs to service"),
        ("holdout_days = 5000", "holdout_days == 5000"),
    ],
)
def test_a_mistake_is_named(line: str, said: str) -> None:
    assert said in problems(GOOD + line)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("template = 'spring_sale'", "template must be one of"),
        ("holdout_share = 0.1", "owed to everyone"),
        ("commercial = true", "sells nothing"),
        ("subject = 'Buy now'", "no subject"),
        ("target = 'churn'", "no target"),
    ],
)
def test_a_service_playbook_cannot_become_marketing(line: str, said: str) -> None:
    good = '[[playbook]]\nname = "pay"\nclass = "service"\nchannel = "email"\n'
    own = "" if line.startswith("template") else "template = 'failed_payment'\n"

    assert said in problems(good + own + line)


def test_two_playbooks_of_one_name_are_a_mistake() -> None:
    assert "two playbooks have this name" in problems(GOOD + GOOD)


def test_a_channel_that_is_no_channel_is_a_mistake() -> None:
    assert "channel must be" in problems(GOOD.replace('"email"', '"E mail"'))


def test_an_unknown_class_is_a_mistake() -> None:
    assert "class must be" in problems(GOOD.replace('"outreach"', '"nudge"'))


def test_help_for_people_in_distress_is_never_held_out() -> None:
    (playbook,) = parse_playbooks(GOOD + "distress = true", source="x")

    assert playbook.holdout_share == 0


def test_broken_toml_is_said_to_be_broken() -> None:
    assert "not readable as TOML" in problems("[[playbook]")


def test_an_unknown_playbook_is_not_found() -> None:
    with pytest.raises(NotFound, match="no playbook") as told:
        find_playbook(load_playbooks(STARTERS), "Ann Smith")
    assert "Ann" not in told.value.message + told.value.hint
