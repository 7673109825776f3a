"""What could be done for a customer, as a person wrote it down: one record per playbook.

Two classes: *service* carries out a duty (a closed list of templates, no marketing permission
needed, never held out) and *outreach* is opt-in. What works against people cannot be written down:
auto-enrolment, pre-ticked anything, pressure, holding out people in distress.
"""

import tomllib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

from governance.errors import ConfigurationError, NotFound
from serving.home import Home
from serving.interventions.playbooks.actions import DUTIES
from serving.interventions.playbooks.checks import mistakes
from serving.interventions.playbooks.question import Question
from serving.interventions.playbooks.survey_checks import read_survey

STARTERS = Path(__file__).with_name("playbooks.toml")
"""The playbooks of a home that has no file of its own."""


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
    `reason` (a feature's name; `*` stands for anything) is among those that raise the score.
    `survey` is the question it asks.
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

    def asks_for(self, reasons: Collection[str]) -> bool:
        """Whether one of these reasons of a score is the one it asks for, if it asks for any."""
        return self.reason is None or any(fnmatchcase(each, self.reason) for each in reasons)


def load_playbooks(path: Path) -> tuple[Playbook, ...]:
    """Read `[[playbook]]` tables; all mistakes raise one `ConfigurationError`."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotFound(
            f"there is no playbook file {path.name!r}",
            hint="begin with: keepwell playbooks starters > playbooks.toml",
        ) from None
    except UnicodeDecodeError:
        raise ConfigurationError(["not readable as UTF-8"], source=path.name) from None
    return parse_playbooks(text, source=path.name)


def playbooks_of(home: Home, file: Path | None = None) -> tuple[Playbook, ...]:
    """Read the playbooks of `file`, else the home's own `playbooks.toml`, else the starters."""
    if file is not None:
        return load_playbooks(file)
    return load_playbooks(home.playbooks if home.playbooks.is_file() else STARTERS)


def parse_playbooks(text: str, *, source: str) -> tuple[Playbook, ...]:
    """Read playbooks from TOML text; `source` names it in the error."""
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise ConfigurationError([f"not readable as TOML: {problem}"], source=source) from None
    problems = [
        f"{name!r} is not known at the top, expected are [[playbook]] tables"
        for name in sorted(found.keys() - {"playbook"})
    ]
    tables = found.get("playbook", [])
    if not isinstance(tables, list) or not all(isinstance(each, dict) for each in tables):
        raise ConfigurationError(["playbooks are written as [[playbook]] tables"], source=source)
    names = Counter(str(table["name"]) for table in tables if "name" in table)
    for place, table in enumerate(tables, start=1):
        label = str(table.get("name", f"playbook {place}"))
        if names[label] > 1:
            label += f" ({place}. in the file)"
        problems += [f"{label}: {mistake}" for mistake in mistakes(table)]
    problems += [
        f"{name}: {count} playbooks have this name; rename all but one"
        for name, count in names.items()
        if count > 1
    ]
    if problems:
        raise ConfigurationError(problems, source=source)
    return tuple(map(_playbook, tables))


def _playbook(table: Mapping[str, Any]) -> Playbook:
    """Build a playbook of a table without mistakes."""
    fields = {name: value for name, value in table.items() if name != "class"}
    if table["class"] == "service":
        duty = DUTIES[table["template"]]
        fields |= {"subject": duty.subject, "body": duty.body, "stage": duty.stage}
        fields |= {"action": "duty", "holdout_share": 0.0}
        fields = {"stage_days": 0, "cooldown_days": 0} | fields
    if table.get("distress"):
        fields["holdout_share"] = 0.0
    if "survey" in table:
        fields |= {"survey": read_survey(table["survey"])[0], "action": "survey"}
    fields["purposes"] = tuple(table.get("purposes", ()))
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
