"""What can be wrong with one `[[playbook]]` table: everything, each with what to do about it."""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from features.storable import text_problem
from governance.consent.purposes import family_of
from governance.errors import InvalidInput
from serving.interventions.playbooks.actions import ACTIONS, DUTIES
from serving.interventions.playbooks.pressure import is_refused_key
from serving.interventions.playbooks.question import NO_DIMENSION, Question
from serving.interventions.playbooks.stages import is_stage, stages_in_words
from serving.interventions.playbooks.survey_checks import read_survey
from serving.interventions.playbooks.wording import Words, wording_problems

WELLBEING = "wellbeing_inference"
_NAME = re.compile(r"[a-z][a-z0-9_]{1,59}")
_MOST_HELD_OUT = 0.5
_NUMBER = (int, float)

KEYS: Mapping[str, tuple[type, ...]] = {
    "name": (str,),
    "class": (str,),
    "action": (str,),
    "value": (str,),
    "channel": (str,),
    "subject": (str,),
    "body": (str,),
    "template": (str,),
    "target": (str,),
    "min_probability": _NUMBER,
    "max_probability": _NUMBER,
    "reason": (str,),
    "dimension": (str,),
    "below": _NUMBER,
    "stage": (str,),
    "stage_days": (int,),
    "survey": (str, dict),
    "purposes": (list,),
    "expected_effect": _NUMBER,
    "holdout_share": _NUMBER,
    "holdout_days": (int,),
    "cooldown_days": (int,),
    "valid_hours": (int,),
    "cost": _NUMBER,
    "commercial": (bool,),
    "distress": (bool,),
    "needs_person": (bool,),
}
"""Every key of a playbook, with the types it can have."""

_WHOLE: Mapping[str, tuple[float, float]] = {
    "min_probability": (0, 1),
    "max_probability": (0, 1),
    "holdout_share": (0, _MOST_HELD_OUT),
    "expected_effect": (0, 1),
    "below": (0, 100),
    "stage_days": (0, 365),
    "holdout_days": (1, 730),
    "cooldown_days": (0, 730),
    "valid_hours": (1, 720),
    "cost": (0, 1_000_000),
}
_SERVICE_KEYS = frozenset({"name", "class", "channel", "template", "cost", "valid_hours"})
_SERVICE_KEYS |= {"needs_person", "cooldown_days", "stage_days"}


def mistakes(table: Mapping[str, Any]) -> list[str]:
    """List everything wrong with one playbook; an empty list means it can be used."""
    wrong = dict(_key_mistakes(table))
    table = {name: value for name, value in table.items() if name not in wrong}
    found = [*_name_mistakes(table), *_number_mistakes(table)]
    kind = table.get("class")
    if kind == "service":
        found += _service_mistakes(table)
    elif kind == "outreach":
        found += _outreach_mistakes(table)
    else:
        found.append(f'class is {kind!r}, must be "service" or "outreach"')
    return [*wrong.values(), *(each for each in found if each.split(" ")[0] not in wrong)]


def _key_mistakes(table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Give every key that cannot be understood, with what is wrong about it."""
    for name in sorted(table.keys() - KEYS.keys()):
        if is_refused_key(name):
            yield name, f"{name!r} works against people and is refused; take it out"
        else:
            near = get_close_matches(name, KEYS, n=1)
            told = f"did you mean {near[0]}?" if near else f"known are {', '.join(KEYS)}"
            yield name, f"{name!r} is not a key of a playbook; {told}"
    for name, kinds in KEYS.items():
        if name not in table:
            continue
        value = table[name]
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            yield name, f"{name} is {value!r}, must be a {' or '.join(k.__name__ for k in kinds)}"
        elif isinstance(value, str) and (problem := text_problem(value)):
            yield name, f"{name} {problem}"


def _name_mistakes(table: Mapping[str, Any]) -> Iterator[str]:
    if not _NAME.fullmatch(table.get("name", "")):
        yield "name must be lower-case words joined by _, 2 to 60 characters"
    try:
        family_of(f"outreach.{table.get('channel', '')}")
    except InvalidInput:
        yield "channel must be one lower-case word such as email, phone, letter"


def _number_mistakes(table: Mapping[str, Any]) -> Iterator[str]:
    for name, (low, high) in _WHOLE.items():
        if name in table and not low <= table[name] <= high:
            yield f"{name} == {table[name]}, must be within {low:,}-{high:,}"
    low, high = table.get("min_probability", 0.5), table.get("max_probability", 1.0)
    if 0 <= high < low <= 1:
        yield f"min_probability {low} is above max_probability {high}; turn them round"


def _service_mistakes(table: Mapping[str, Any]) -> Iterator[str]:
    template = table.get("template")
    duty = DUTIES.get(str(template))
    if duty is None:
        yield f"template is {template!r}, must be one of {', '.join(DUTIES)}: no others are owed"
    if table.get("holdout_share", 0):
        yield "a service duty is owed to everyone: no holdout_share"
    further = table.keys() - _SERVICE_KEYS - {"holdout_share", "action", "stage"}
    for name in sorted(further):
        if table[name]:
            yield f"a service message sells nothing and follows no score: no {name}"
    if table.get("action", "duty") != "duty":
        yield f"action is {table['action']!r}, a service playbook can only be a duty"
    if duty is not None and table.get("stage", duty.stage) != duty.stage:
        told = "people are named by --customers" if duty.stage is None else f"say {duty.stage}"
        yield f"stage is {table['stage']!r}, but {template} does not follow it; {told}"


def _outreach_mistakes(table: Mapping[str, Any]) -> Iterator[str]:
    yield from _word_mistakes(table)
    yield from _trigger_mistakes(table)
    yield from _purpose_mistakes(table)
    yield from _action_mistakes(table)
    if table.get("distress") and table.get("holdout_share", 0):
        yield "no one in distress is held out: no holdout_share"
    if table.get("distress") and table.get("commercial"):
        yield "nothing is sold to people in distress: no commercial"


def _word_mistakes(table: Mapping[str, Any]) -> Iterator[str]:
    missing = [name for name in ("subject", "body") if not table.get(name, "").strip()]
    for name in missing:
        yield f"{name} is missing: write what the customer reads"
    if not missing:
        yield from wording_problems(Words(table["subject"], table["body"]))
    if not table.get("value", "").strip():
        yield "value is missing: say in a sentence what the customer gets from it"
    if "template" in table:
        yield "template belongs to service playbooks; write subject and body"


def _trigger_mistakes(table: Mapping[str, Any]) -> Iterator[str]:
    if not any(table.get(name) for name in ("target", "dimension", "stage")):
        yield "nothing triggers it: say a target, a dimension or a stage"
    for name, needed in (
        ("min_probability", "target"),
        ("max_probability", "target"),
        ("reason", "target"),
        ("below", "dimension"),
        ("dimension", "below"),
        ("stage_days", "stage"),
    ):
        if name in table and needed not in table:
            yield f"{name} is given without {needed}; it needs one"
    stage = table.get("stage")
    if stage is not None and not is_stage(stage):
        yield f"stage is {stage!r}, expected one of {stages_in_words()}"
    if stage == "after_failed_payment":
        yield "stage after_failed_payment belongs to the service template failed_payment"


def _purpose_mistakes(table: Mapping[str, Any]) -> Iterator[str]:
    purposes = table.get("purposes", [])
    for each in purposes:
        try:
            family_of(str(each))
        except InvalidInput as problem:
            yield f"purposes: {problem.message}; {problem.hint}"
    if "dimension" in table and WELLBEING not in purposes:
        yield f'a dimension of well-being needs purposes = ["{WELLBEING}"]'
    if table.get("commercial") and ("dimension" in table or WELLBEING in purposes):
        yield "nothing is sold to people because of how they are faring: no commercial"


def _action_mistakes(table: Mapping[str, Any]) -> Iterator[str]:
    name = table.get("action", "survey" if "survey" in table else "message")
    action = ACTIONS.get(name)
    if action is None or name == "duty":
        outreach = ", ".join(each for each in ACTIONS if each != "duty")
        yield f"action is {name!r}, expected one of {outreach}"
        return
    if action.commercial and not table.get("commercial"):
        yield f"action {name} sells something: say commercial = true"
    if action.channel not in (None, table.get("channel")):
        yield f"action {name} goes by {action.channel}: say channel = {action.channel!r}"
    if (name == "survey") != ("survey" in table):
        yield "action survey and the key survey belong together: state both, or neither"
    if "survey" in table:
        question, problems = read_survey(table["survey"])
        yield from problems
        if question is not None:
            yield from _question_mistakes(table, question)


def _question_mistakes(table: Mapping[str, Any], question: Question) -> Iterator[str]:
    purposes = table.get("purposes", [])
    if table.get("commercial"):
        yield "a survey sells nothing: no commercial"
    if question.asks_how_people_fare and WELLBEING not in purposes:
        yield (
            f"survey {question.instrument!r} asks how people are faring: it needs "
            f'purposes = ["{WELLBEING}"]; one that asks about you says dimension = "{NO_DIMENSION}"'
        )
    if question.comment and "research_text" not in purposes:
        yield 'survey.comment takes words of people\'s own: it needs purposes = ["research_text"]'
