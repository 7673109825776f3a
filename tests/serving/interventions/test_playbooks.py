"""Playbooks are checked as a whole, and what works against people cannot be written down."""

from dataclasses import replace
from pathlib import Path

import pytest

from governance.errors import ConfigurationError, NotFound
from serving.home import Home
from serving.interventions.playbooks.actions import ACTIONS, DUTIES
from serving.interventions.playbooks.home_checks import undeclared, warnings_of
from serving.interventions.playbooks.playbook import (
    STARTERS,
    Playbook,
    find_playbook,
    load_playbooks,
    parse_playbooks,
    playbooks_of,
)
from serving.interventions.playbooks.pressure import pressing_phrases

WORDS = """
[[playbook]]
name = "personal_note"
class = "outreach"
channel = "email"
value = "A person answers."
subject = "Hello"
body = "Is everything all right?"
"""
GOOD = WORDS + 'target = "churn"\n'
PAY = '[[playbook]]\nname = "pay"\nclass = "service"\nchannel = "email"\n'
STARTER = {each.name: each for each in load_playbooks(STARTERS)}


def problems(text: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        parse_playbooks(text, source="playbooks.toml")
    return " | ".join(caught.value.problems)


def only(text: str) -> Playbook:
    (found,) = parse_playbooks(text, source="playbooks.toml")
    return found


def test_the_starters_begin_with_the_note_the_demo_sends() -> None:
    assert next(iter(STARTER)) == "personal_note"


def test_the_starters_hold_one_of_each_kind_of_help() -> None:
    assert {each.action for each in STARTER.values()} == {
        "message",
        "support_call",
        "goodwill_gesture",
        "how_to_help",
        "plan_advice",
        "survey",
        "duty",
    }


@pytest.mark.parametrize("name", STARTER)
def test_a_starter_presses_nobody_and_says_what_people_get(name: str) -> None:
    each = STARTER[name]

    assert pressing_phrases([each.subject, each.body, each.value]) == ()
    assert each.kind == "service" or each.value


def test_nothing_a_home_starts_with_sells() -> None:
    assert not any(each.commercial for each in STARTER.values())


def test_surveys_of_the_starters_follow_a_purchase_support_and_a_milestone() -> None:
    asked = {each.stage: each.survey.instrument for each in STARTER.values() if each.survey}

    assert asked == {
        "after_purchase": "csat",
        "after_support": "ces_ease",
        "anniversary": "pulse_emotional",
    }


def test_outreach_needs_permission_for_its_channel_and_service_for_operations() -> None:
    assert STARTER["personal_note"].contact_purpose == "outreach.email"
    assert STARTER["payment_help"].contact_purpose == "operations"


def test_a_service_message_is_the_template_word_for_word() -> None:
    payment, words = STARTER["payment_help"], DUTIES["failed_payment"]

    assert (payment.subject, payment.body) == (words.subject, words.body)
    assert (payment.stage, payment.holdout_share) == ("after_failed_payment", 0)


def test_a_home_without_a_file_has_the_starters(tmp_path: Path) -> None:
    assert playbooks_of(Home(tmp_path)) == load_playbooks(STARTERS)


def test_the_file_of_a_home_replaces_the_starters(tmp_path: Path) -> None:
    (tmp_path / "playbooks.toml").write_text(GOOD, encoding="utf-8")

    assert [each.name for each in playbooks_of(Home(tmp_path))] == ["personal_note"]


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
        "holdout_share == 0.9, must be within 0-0.5",
        "min_probability 0.9 is above max_probability 0.1",
        "cost == -1, must be within",
        "valid_hours == 0, must be within 1-720",
    ):
        assert part in found


def test_a_key_that_cannot_be_understood_hides_no_other_mistake() -> None:
    found = problems(GOOD.replace('"Hello"', "3") + "colour = 'red'\ncost = -1")

    assert "'colour' is not a key" in found
    assert "cost == -1" in found
    assert found.count("subject") == 2  # said once, beside the list of keys there are


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("colour = 'red'", "'colour' is not a key of a playbook; known are name, class"),
        ("needs_person = 'yes'", "needs_person is 'yes', must be a bool"),
        ("cost = true", "cost is True, must be a int or float"),
        ("distress = true\nholdout_share = 0.1", "no one in distress is held out"),
        ("distress = true\ncommercial = true", "nothing is sold to people in distress"),
        ("template = 'outage'", "template belongs to service"),
        ("holdout_days = 5000", "holdout_days == 5000, must be within 1-730"),
        ("cooldown_days = -1", "cooldown_days == -1, must be within 0-730"),
        ("expected_effect = 2", "expected_effect == 2, must be within 0-1"),
        ("action = 'nag'", "action is 'nag', expected one of message, support_call"),
        ("action = 'duty'", "action is 'duty', expected one of"),
        ("action = 'support_call'", "action support_call goes by phone"),
        ("action = 'offer'", "action offer sells something: say commercial = true"),
        ("action = 'survey'", "action survey and the key survey belong together"),
        ("stage = 'after_lunch'", "stage is 'after_lunch', expected one of after_purchase (an"),
        ("stage = 'after_failed_payment'", "belongs to the service template"),
        ("stage_days = 3", "stage_days is given without stage"),
        ("below = 30", "below is given without dimension"),
        ("purposes = ['all']", "purposes: a permission names one purpose"),
        ("survey = 'ces'", "'ces' is two instruments"),
        ("survey = 'who5'", "a sum over several questions"),
        ("survey = 'pulse_social'", "asks how people are faring: it needs purposes"),
        ("survey = { instrument = 'csat', comment = true }", 'it needs purposes = ["research_text'),
        ("survey = { instrument = 'csat', scale = [1, 9] }", "take scale out"),
        ("survey = { instrument = 'own' }", "scale must be stated for an instrument of your own"),
        ("survey = { instrument = 'csat', colour = 1 }", "survey.colour is not known"),
        ("survey = 'csat'\ncommercial = true", "a survey sells nothing"),
    ],
)
def test_a_mistake_is_named(line: str, said: str) -> None:
    assert said in problems(GOOD + line)


@pytest.mark.parametrize(
    "line",
    [
        "auto_enrol = true",
        "auto-enrolment = true",
        "autoEnroll = true",
        "pre_ticked = true",
        "opt_out = true",
        "countdown_hours = 3",
        "urgency = 'now'",
        "limited_time = true",
        "hide_unsubscribe = true",
        "confirm_shaming = 'No, I like to lose'",
    ],
)
def test_a_nudge_against_people_cannot_be_written_down(line: str) -> None:
    assert "works against people and is refused" in problems(GOOD + line)


@pytest.mark.parametrize("word", ["value", "subject", "body"])
def test_outreach_states_its_words_and_what_the_customer_gets(word: str) -> None:
    told = "\n".join(line for line in GOOD.splitlines() if not line.startswith(word))

    assert f"{word} is missing" in problems(told)


def test_a_subject_with_a_line_break_is_a_mistake() -> None:
    assert "line break" in problems(GOOD.replace('"Hello"', '"Hello\\nBcc: everyone"'))


def test_outreach_without_a_trigger_is_a_mistake() -> None:
    assert "nothing triggers it" in problems(WORDS)


def test_a_stage_needs_no_score() -> None:
    found = only(WORDS + 'stage = "order_5"\nstage_days = 2')

    assert (found.target, found.stage, found.stage_days) == (None, "order_5", 2)


def test_a_dimension_of_wellbeing_needs_permission_for_it() -> None:
    assert "needs purposes" in problems(WORDS + 'dimension = "social"\nbelow = 30')


@pytest.mark.parametrize("trigger", ['dimension = "social"\nbelow = 30', 'target = "churn"'])
def test_nothing_is_sold_because_of_how_people_fare(trigger: str) -> None:
    told = WORDS + trigger + '\npurposes = ["wellbeing_inference"]\ncommercial = true'

    assert "nothing is sold to people because of how they are faring" in problems(told)


@pytest.mark.parametrize(
    ("asked", "reasons", "meant"),
    [
        ("ticket_opened_count_90d", {"ticket_opened_count_90d"}, True),
        ("ticket_*", {"order_count_30d", "ticket_opened_count_90d"}, True),
        ("ticket_*", {"order_count_30d"}, False),
        ("ticket_*", set(), False),
    ],
)
def test_a_reason_is_a_feature_or_a_family_of_them(
    asked: str, reasons: set[str], meant: bool
) -> None:
    assert only(f'{GOOD}reason = "{asked}"').asks_for(reasons) is meant


def test_a_survey_of_ones_own_states_its_scale() -> None:
    survey = """
    survey = { instrument = "delivery", question = "How was the delivery?", scale = [1, 3],
               ends = ["bad", "good"], polarity = "high_is_good", dimension = "none" }"""
    asked = only(GOOD + survey.replace("\n    ", "\n").replace("[1, 3],\n", "[1, 3],")).survey

    assert asked is not None
    assert (list(asked.answers), asked.ends) == ([1, 2, 3], ("bad", "good"))


def test_an_action_each_says_what_it_is() -> None:
    assert all(action.says for action in ACTIONS.values())


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("template = 'spring_sale'", "template is 'spring_sale', must be one of failed_payment"),
        ("holdout_share = 0.1", "owed to everyone"),
        ("commercial = true", "sells nothing"),
        ("subject = 'Buy now'", "no subject"),
        ("target = 'churn'", "no target"),
        ("survey = 'csat'", "no survey"),
        ("action = 'offer'", "a service playbook can only be a duty"),
        ("stage = 'after_purchase'", "failed_payment does not follow it"),
    ],
)
def test_a_service_playbook_cannot_become_marketing(line: str, said: str) -> None:
    own = "" if line.startswith("template") else "template = 'failed_payment'\n"

    assert said in problems(PAY + own + line)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Is there anything we can do better?", ()),
        ("Hurry, only 3 left!!", ("hurry", "only 3 left", "!!")),
        ("Your LAST CHANCE: act now", ("last chance", "act now")),
        ("Nur noch heute: jetzt zugreifen", ("nur noch heute", "jetzt zugreifen")),
        ("Last year you asked us to remind you now and then.", ()),
    ],
)
def test_phrases_that_press_are_pointed_out(text: str, found: tuple[str, ...]) -> None:
    assert pressing_phrases([text]) == found


def test_two_playbooks_of_one_name_are_a_mistake() -> None:
    assert "2 playbooks have this name" in problems(GOOD + GOOD)


def test_a_channel_that_is_no_channel_is_a_mistake() -> None:
    assert "channel must be" in problems(GOOD.replace('"email"', '"E mail"'))


def test_an_unknown_class_is_a_mistake() -> None:
    assert "class is 'nudge', must be" in problems(GOOD.replace('"outreach"', '"nudge"'))


def test_help_for_people_in_distress_is_never_held_out() -> None:
    (playbook,) = parse_playbooks(GOOD + "distress = true", source="x")

    assert playbook.holdout_share == 0


def test_broken_toml_is_said_to_be_broken() -> None:
    assert "not readable as TOML" in problems("[[playbook]")


def test_an_unknown_playbook_is_not_found() -> None:
    with pytest.raises(NotFound, match="no playbook") as told:
        find_playbook(load_playbooks(STARTERS), "Ann Smith")
    assert "Ann" not in told.value.message + told.value.hint


def test_a_misspelt_key_names_the_one_that_was_meant() -> None:
    assert "did you mean channel?" in problems(GOOD.replace("channel", "chanel"))


def test_a_probability_beyond_one_is_one_mistake() -> None:
    assert problems(GOOD + "min_probability = 1.4\n") == (
        "personal_note: min_probability == 1.4, must be within 0-1"
    )


def test_numbers_are_written_as_people_read_them() -> None:
    assert "within 0-1,000,000" in problems(GOOD + "cost = 2000000\n")


def test_two_of_one_name_are_told_apart_by_their_place() -> None:
    found = problems(GOOD + GOOD + "cost = -1\n")

    assert "personal_note (2. in the file): cost == -1" in found
    assert "2 playbooks have this name" in found


def test_a_scale_that_does_not_fit_is_told_with_what_is_missing() -> None:
    asked = 'survey = { instrument = "ours", question = "How was it?", scale = [1, 50] }\n'
    found = problems(GOOD + asked)

    assert "survey.scale is 1 to 50" in found
    assert "polarity must be stated" in found


def test_a_channel_hardly_anybody_has_is_pointed_out() -> None:
    assert warnings_of([only(GOOD.replace('"email"', '"emial"'))]) == (
        "personal_note: its channel is 'emial'; did you mean email?",
    )


def test_a_target_no_settings_declare_is_pointed_out_without_a_home() -> None:
    [told] = undeclared([only(GOOD.replace('"churn"', '"chrun"'))], ["churn"])

    assert "'chrun' is none of churn" in told


@pytest.mark.parametrize(
    "body",
    [
        "Buy our premium plan",
        "Now 20 % off",
        "A loan for you",
        "Jetzt 10 % günstiger",
        "Ein Rabatt",
    ],
)
def test_what_looks_like_a_sale_is_pointed_out_unless_it_says_so(body: str) -> None:
    note = replace(only(GOOD), body=body, value="you hear of it")

    [told] = warnings_of([note])

    assert "say commercial = true" in told
    assert warnings_of([replace(note, commercial=True)]) == ()
