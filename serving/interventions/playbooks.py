"""What could be done for a customer, as a person wrote it down: one record per playbook.

Two classes: *service* carries out a duty (a closed list of templates, no marketing permission
needed, never held out) and *outreach* is opt-in. What works against people cannot be written down:
auto-enrolment, pre-ticked anything, pressure, holding out people in distress.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from governance.consent.purposes import family_of
from governance.errors import ConfigurationError, InvalidInput, NotFound
from serving.interventions.question import Question

STARTERS = Path(__file__).with_name("playbooks.toml")

SERVICE_TEMPLATES: Mapping[str, tuple[str, str]] = {
    "failed_payment": (
        "Your payment did not go through",
        "Your last payment did not go through. Nothing is lost: you can try again in your account, "
        "or answer this message and a person will help.",
    ),
    "outage": (
        "We have a disturbance",
        "One of our services is disturbed at the moment. We are working on it and will tell you "
        "when it is solved.",
    ),
    "safety": (
        "A safety notice about something you bought",
        "There is a safety notice about something you bought from us. Please stop using it and "
        "look at your account for what to do, or answer this message and a person will help.",
    ),
}
"""All that may be sent without marketing permission: subject and body, word for word."""

_NAME = re.compile(r"[a-z][a-z0-9_]{1,59}")
_AGAINST_PEOPLE = ("auto_enrol", "auto_enroll", "pre_ticked", "default_yes", "countdown", "urgency")
_MOST_HELD_OUT = 0.5


@dataclass(frozen=True, kw_only=True)
class Playbook:
    """One thing that may be done.

    Outreach answers scores of `target` with a probability in [`min_probability`,
    `max_probability`]; of those who may be contacted, `holdout_share` (0-0.5) is left alone for
    `holdout_days` to learn whether it helps. `cost` is what one contact costs, incentive included,
    in the home's currency. `needs_person` makes each one wait for a person's yes. `commercial`
    playbooks sell something: they may not rest on a model that uses well-being, sentiment or
    stress. `distress` marks help for people in need: no one is held out of it. `value` says what
    the customer gets from it. `cooldown_days` must pass before the same playbook reaches the same
    customer again. `expected_effect` is what a person expects of it, as a share (0.02: two points),
    until an experiment says better; `purposes` are needed beside those of the contact and the
    score. Beside or instead of a score, a playbook may answer a `stage` of the journey
    (`stage_days` after it), a well-being `dimension` at or `below` a level of 0-100, and ask that a
    `reason` (a feature's name) is among the score's. `survey` is the question it asks.
    """

    name: str
    kind: Literal["service", "outreach"]
    channel: str
    subject: str
    body: str
    target: str | None = None
    min_probability: float = 0.5
    max_probability: float = 1.0
    holdout_share: float = 0.2
    holdout_days: int = 90
    cost: float = 0.0
    commercial: bool = False
    distress: bool = False
    needs_person: bool = False
    valid_hours: int = 72
    template: str | None = None
    action: str = "message"
    value: str = ""
    cooldown_days: int = 90
    expected_effect: float | None = None
    purposes: tuple[str, ...] = ()
    reason: str | None = None
    dimension: str | None = None
    below: float | None = None
    stage: str | None = None
    stage_days: int = 1
    survey: Question | None = None

    @property
    def contact_purpose(self) -> str:
        """What contacting someone by this playbook needs permission for."""
        return "operations" if self.kind == "service" else f"outreach.{self.channel}"


def load_playbooks(path: Path) -> tuple[Playbook, ...]:
    """Read `[[playbook]]` tables; all mistakes raise one `ConfigurationError`."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotFound(
            f"there is no playbook file {path.name!r}", hint="write one, or copy the starters"
        ) from None
    return parse_playbooks(text, source=path.name)


def parse_playbooks(text: str, *, source: str) -> tuple[Playbook, ...]:
    """Read playbooks from TOML text; `source` names it in the error."""
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise ConfigurationError([f"not readable as TOML: {problem}"], source=source) from None
    problems = [f"{name!r} is not known at the top" for name in sorted(set(found) - {"playbook"})]
    tables = found.get("playbook", [])
    if not isinstance(tables, list) or not all(isinstance(each, dict) for each in tables):
        raise ConfigurationError(["playbooks are written as [[playbook]] tables"], source=source)
    playbooks = []
    for place, table in enumerate(tables, start=1):
        label = str(table.get("name", f"playbook {place}"))
        mistakes = _problems(table)
        problems.extend(f"{label}: {mistake}" for mistake in mistakes)
        if not mistakes:
            playbooks.append(_playbook(table))
    names = [each.name for each in playbooks]
    problems.extend(
        f"{name}: two playbooks have this name"
        for name in sorted({n for n in names if names.count(n) > 1})
    )
    if problems:
        raise ConfigurationError(problems, source=source)
    return tuple(playbooks)


_KINDS: Mapping[str, tuple[type, ...]] = {
    "name": (str,),
    "class": (str,),
    "channel": (str,),
    "subject": (str,),
    "body": (str,),
    "target": (str,),
    "min_probability": (int, float),
    "max_probability": (int, float),
    "holdout_share": (int, float),
    "holdout_days": (int,),
    "cost": (int, float),
    "commercial": (bool,),
    "distress": (bool,),
    "needs_person": (bool,),
    "valid_hours": (int,),
    "template": (str,),
}


def _problems(table: Mapping[str, Any]) -> list[str]:
    found = [
        f"{name!r} works against people and is refused" for name in table if name in _AGAINST_PEOPLE
    ]
    found += [
        f"{name!r} is not a key of a playbook"
        for name in sorted(set(table) - _KINDS.keys() - set(_AGAINST_PEOPLE))
    ]
    for name, kinds in _KINDS.items():
        if name in table and (
            not isinstance(table[name], kinds)
            or (isinstance(table[name], bool) and bool not in kinds)
        ):
            found.append(f"{name} must be a {' or '.join(k.__name__ for k in kinds)}")
    if found:
        return found
    if not _NAME.fullmatch(str(table.get("name", ""))):
        found.append("name must be lower-case words joined by _, 2 to 60 characters")
    found += _channel_problems(table)
    found += _number_problems(table)
    kind = table.get("class")
    if kind == "service":
        found += _service_problems(table)
    elif kind == "outreach":
        found += _outreach_problems(table)
    else:
        found.append('class must be "service" or "outreach"')
    return found


def _channel_problems(table: Mapping[str, Any]) -> list[str]:
    try:
        family_of(f"outreach.{table.get('channel', '')}")
    except InvalidInput:
        return ["channel must be one lower-case word such as email, phone, letter"]
    return []


def _number_problems(table: Mapping[str, Any]) -> list[str]:
    low, high = table.get("min_probability", 0.5), table.get("max_probability", 1.0)
    found = []
    if not 0 <= low <= high <= 1:
        found.append(
            f"min_probability {low} and max_probability {high} must be 0 <= min <= max <= 1"
        )
    if not 0 <= table.get("holdout_share", 0) <= _MOST_HELD_OUT:
        found.append(f"holdout_share must be 0 to {_MOST_HELD_OUT}")
    found += [
        f"{name} == {table[name]}, must be within {low_end}-{high_end}"
        for name, low_end, high_end in (("holdout_days", 1, 730), ("valid_hours", 1, 720))
        if name in table and not low_end <= table[name] <= high_end
    ]
    if table.get("cost", 0) < 0:
        found.append("cost must not be negative")
    return found


def _service_problems(table: Mapping[str, Any]) -> list[str]:
    found = []
    if table.get("template") not in SERVICE_TEMPLATES:
        found.append(f"template must be one of {', '.join(SERVICE_TEMPLATES)}")
    if table.get("holdout_share", 0):
        found.append("a service duty is owed to everyone: no holdout_share")
    found += [
        f"a service message sells nothing and follows no score: no {name}"
        for name in (
            "commercial",
            "target",
            "subject",
            "body",
            "min_probability",
            "max_probability",
        )
        if table.get(name)
    ]
    return found


def _outreach_problems(table: Mapping[str, Any]) -> list[str]:
    found = [f"{name} is missing" for name in ("subject", "body", "target") if not table.get(name)]
    if "template" in table:
        found.append("template belongs to service playbooks; write subject and body")
    if table.get("distress") and table.get("holdout_share", 0):
        found.append("no one in distress is held out: no holdout_share")
    if table.get("distress") and table.get("commercial"):
        found.append("nothing is sold to people in distress")
    return found


def _playbook(table: Mapping[str, Any]) -> Playbook:
    fields = {name: value for name, value in table.items() if name != "class"}
    if table["class"] == "service":
        subject, body = SERVICE_TEMPLATES[table["template"]]
        fields |= {"subject": subject, "body": body, "holdout_share": 0.0}
    if table.get("distress"):
        fields["holdout_share"] = 0.0
    return Playbook(kind=table["class"], **fields)


def find_playbook(playbooks: Sequence[Playbook], name: str) -> Playbook:
    """Give the playbook of this name; raises `NotFound`."""
    for each in playbooks:
        if each.name == name:
            return each
    raise NotFound(
        "there is no playbook of this name",
        hint="known are " + ", ".join(each.name for each in playbooks),
    )
