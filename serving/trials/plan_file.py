"""The measurement plan as a page of TOML that a person fills in."""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import fields
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from governance.errors import ConfigurationError, InvalidInput, NotFound
from outcomes.randomised.power import Design, size_for_effect
from outcomes.trials.plan import Plan
from outcomes.trials.records import FINAL_LEVEL, HARMS, LOOK_LEVEL
from serving.interventions.playbooks.playbook import Playbook

_SECTIONS: Mapping[str, tuple[str, ...]] = {
    "": ("playbook", "question", "owner"),
    "cohort": ("cohort", "events", "strata", "segments"),
    "draw": ("holdout_share", "enrol_days", "people"),
    "outcome": (
        "primary", "horizon_days", "baseline", "spread", "smallest_worthwhile", "power",
        "guardrails",
    ),
    "test": ("test",),
    "dates": ("starts", "ends", "reads_on"),
    "decision": ("success", "scale_if", "stop_if"),
}  # fmt: skip
_KINDS: Mapping[str, tuple[type, ...]] = {
    **dict.fromkeys(("events", "strata", "guardrails", "segments"), (list,)),
    **dict.fromkeys(("enrol_days", "horizon_days", "people"), (int,)),
    **dict.fromkeys(
        ("holdout_share", "baseline", "spread", "smallest_worthwhile", "power"), (int, float)
    ),
    **dict.fromkeys(("starts", "ends", "reads_on"), (str, date)),
}
_OPTIONAL = ("baseline", "spread", "segments")
_SAYS: Mapping[str, str] = {
    "owner": "who answers for it: a person or a role",
    "holdout_share": "as in the playbook",
    "enrol_days": "as holdout_days of the playbook",
    "people": "drawn in all, both arms; see the size below",
    "primary": "also: margin, net_sales, sentiment, wellbeing, unsubscribed, complained, stopped",
    "baseline": "what it is without a contact, 0 to 1; 0.5 needs the most people",
    "smallest_worthwhile": "the smallest change worth the effort: 0.05 is five points",
    "power": "the chance of finding it",
    "guardrails": "what must not get worse",
    "reads_on": "when the last one's horizon is over",
}
_EXAMPLE_EFFECT, _EXAMPLE_BASELINE, _POWER, _HORIZON = 0.05, 0.5, 0.8, 90


def first_draft(playbook: Playbook, *, today: date) -> Plan:
    """Fill a plan in as far as the playbook says; the owner is left for a person to name."""
    if playbook.kind == "service" or playbook.holdout_share == 0:
        raise InvalidInput(
            f"{playbook.name} leaves nobody alone, so nothing can be compared",
            hint="a plan needs a playbook of class outreach with a holdout_share",
        )
    starts = today + timedelta(days=1)
    ends = starts + timedelta(days=playbook.holdout_days)
    design = Design(
        share=_EXAMPLE_BASELINE, treated_share=1 - playbook.holdout_share, level=FINAL_LEVEL
    )
    size = size_for_effect(design, _EXAMPLE_EFFECT, _POWER)
    return Plan(
        playbook=playbook.name,
        question=f"Does {playbook.name} keep customers who would otherwise leave?",
        owner="",
        cohort=_cohort(playbook),
        events=("order", "return", "plan_changed", "renewed", "cancelled", "unsubscribed",
                "spam_complaint", "consent_changed"),
        strata=("tenth of risk",),
        holdout_share=playbook.holdout_share,
        enrol_days=playbook.holdout_days,
        primary="retained",
        horizon_days=_HORIZON,
        guardrails=HARMS,
        segments=(),
        test=(
            "treated less held out, as drawn; Newcombe or Welch interval, beside it adjusted for "
            f"the time before the draw; looks while it runs share {1 - LOOK_LEVEL:.0%} of wrong "
            f"claims, the look at the end {1 - FINAL_LEVEL:.0%}"
        ),
        baseline=_EXAMPLE_BASELINE,
        spread=None,
        smallest_worthwhile=_EXAMPLE_EFFECT,
        power=_POWER,
        people=size.people,
        starts=starts.isoformat(),
        ends=ends.isoformat(),
        reads_on=(ends + timedelta(days=_HORIZON)).isoformat(),
        success="the whole interval of the outcome lies above 0 and no guardrail is harmed",
        scale_if="helped, and the smallest worthwhile change is reached: leave fewer people alone",
        stop_if="harmed, at any look: nobody is contacted until a person says otherwise",
    )  # fmt: skip


def write(plan: Plan) -> str:
    """Give the page as TOML, with a word on what each line asks for."""
    lines = [
        f'# Measurement plan for the playbook "{plan.playbook}".',
        "# Fill it in, then: keepwell outcomes plan check FILE; keepwell outcomes plan freeze FILE",
        "# It must be frozen before the experiment starts; a changed word makes another plan.",
        "",
    ]
    for section, names in _SECTIONS.items():
        if section:
            lines += ["", f"[{section}]"]
        for name in names:
            value = getattr(plan, name)
            if value is None:
                continue
            shown = list(value) if isinstance(value, tuple) else value
            note = f"  # {_SAYS[name]}" if name in _SAYS else ""
            lines.append(f"{name} = {json.dumps(shown, ensure_ascii=False)}{note}")
    return "\n".join(lines) + "\n"


def read_plan(path: Path) -> Plan:
    """Read a plan; every mistake of its form raises one `ConfigurationError`."""
    try:
        text = path.read_text(encoding="utf-8")
        found = tomllib.loads(text)
    except FileNotFoundError:
        raise NotFound(
            f"there is no file {path.name!r}", hint="keepwell outcomes plan new PLAYBOOK > FILE"
        ) from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise ConfigurationError([f"not readable as TOML: {problem}"], source=path.name) from None
    values: dict[str, Any] = {}
    problems: list[str] = []
    sections = {name for name in _SECTIONS if name}
    for name, value in found.items():
        if name in sections and isinstance(value, dict):
            _take(values, problems, _SECTIONS[name], value, f"{name}.")
        elif name not in _SECTIONS[""]:
            problems.append(f"{name!r} is not known in a plan")
    _take(values, problems, _SECTIONS[""], {k: found[k] for k in _SECTIONS[""] if k in found}, "")
    problems += [
        f"{each.name} is missing"
        for each in fields(Plan)
        if each.name not in values and each.name not in _OPTIONAL
    ]
    if problems:
        raise ConfigurationError(problems, source=path.name)
    return Plan.from_json({**dict.fromkeys(("baseline", "spread")), "segments": [], **values})


def _take(
    values: dict[str, Any],
    problems: list[str],
    names: tuple[str, ...],
    table: Mapping[str, Any],
    where: str,
) -> None:
    for name, value in table.items():
        kinds = _KINDS.get(name, (str,))
        if name not in names:
            problems.append(f"{where}{name} is not known in a plan")
        elif not isinstance(value, kinds) or isinstance(value, bool):
            wanted = " or ".join(kind.__name__ for kind in kinds)
            problems.append(f"{where}{name} must be a {wanted}")
        elif isinstance(value, list) and not all(isinstance(each, str) for each in value):
            problems.append(f"{where}{name} must be a list of names")
        else:
            values[name] = value.isoformat() if isinstance(value, date) else value


def _cohort(playbook: Playbook) -> str:
    if playbook.target is None:
        return "everyone the playbook may contact when its event has happened"
    return (
        f"everyone the playbook may contact whose {playbook.target} risk is "
        f"{playbook.min_probability:.0%} to {playbook.max_probability:.0%}"
    )
