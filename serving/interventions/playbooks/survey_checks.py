"""What a playbook file says about the survey it asks: read into a question, or all that is wrong.

survey = "csat"                                    # a known instrument: its words are there
survey = { instrument = "delivery", question = "How was the delivery?", scale = [1, 5],
           ends = ["bad", "good"], polarity = "high_is_good", dimension = "emotional" }
"""

from collections.abc import Mapping
from typing import Any

from features.surveys import INSTRUMENTS, instrument_problems, is_scale
from serving.interventions.playbooks.question import MOST_BUTTONS, SINGLE, Question, known_question

_KEYS: Mapping[str, type] = {
    "instrument": str,
    "question": str,
    "scale": list,
    "ends": list,
    "polarity": str,
    "dimension": str,
    "comment": bool,
}
_LONGEST = 300


def read_survey(found: str | Mapping[str, Any]) -> tuple[Question | None, list[str]]:
    """Give the question, or None and everything that is wrong with it."""
    table: Mapping[str, Any] = {"instrument": found} if isinstance(found, str) else found
    problems = [
        f"survey.{name} is not known; expected are {', '.join(_KEYS)}"
        for name in sorted(table.keys() - _KEYS.keys())
    ]
    problems += [
        f"survey.{name} is {table[name]!r}, must be a {kind.__name__}"
        for name, kind in _KEYS.items()
        if name in table and not isinstance(table[name], kind)
    ]
    instrument = table.get("instrument")
    if problems or not isinstance(instrument, str) or not instrument:
        return None, problems or ["survey must name an instrument, such as csat"]
    if instrument in INSTRUMENTS:
        return _known(instrument, table)
    return _own(instrument, table)


def _known(instrument: str, table: Mapping[str, Any]) -> tuple[Question | None, list[str]]:
    if instrument not in SINGLE:
        return None, [
            f"survey is {instrument!r}, a sum over several questions, and a message asks one; "
            f"expected one of {', '.join(SINGLE)}"
        ]
    stated = sorted(table.keys() - {"instrument", "comment"})
    if stated:
        return None, [
            f"survey {instrument!r} has its own words and scale; take {', '.join(stated)} out, or "
            "give the question a name of its own"
        ]
    return known_question(instrument, comment=bool(table.get("comment"))), []


def _own(instrument: str, table: Mapping[str, Any]) -> tuple[Question | None, list[str]]:
    problems = [f"survey: {each}" for each in instrument_problems(table)]
    text = table.get("question", "").strip()
    if not 0 < len(text) <= _LONGEST:
        problems.append(
            f"survey.question has {len(text)} characters, must be a question of 1 to {_LONGEST}"
        )
    ends = table.get("ends", ["", ""])
    if len(ends) != 2 or not all(isinstance(each, str) for each in ends):
        problems.append(
            "survey.ends must be two words: what the lowest and the highest answer mean"
        )
    scale = table.get("scale")
    if scale is not None and is_scale(scale):
        low, high = scale
        if low != int(low) or high != int(high) or high - low >= MOST_BUTTONS:
            problems.append(
                f"survey.scale is {low} to {high}, must be whole numbers, "
                f"{MOST_BUTTONS} answers at the most"
            )
    if problems:
        return None, problems
    low, high = table["scale"]
    question = Question(
        instrument=instrument,
        low=int(low),
        high=int(high),
        polarity=table["polarity"],
        dimension=table["dimension"],
        text=text,
        ends=(ends[0], ends[1]),
        comment=bool(table.get("comment")),
    )
    return question, []
