"""The one question a survey playbook asks: its instrument and the scale it is answered on."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from features.surveys import INSTRUMENTS
from governance.errors import InvalidInput

MOST_BUTTONS = 11
"""Answers one question may offer: 0 to 10."""

SINGLE = (
    "csat",
    "nps",
    "ces_effort",
    "ces_ease",
    "pulse_emotional",
    "pulse_financial",
    "pulse_social",
    "pulse_physical",
    "pulse_purposeful",
    "self_rated_health",
)
"""Known instruments that are one question; the others are sums over several and need a form."""

NO_DIMENSION = "none"
"""What a question of one's own states as its dimension when it asks about the company alone."""

ABOUT_US = frozenset({"csat", "nps", "ces_effort", "ces_ease"})
"""Instruments that ask about the company, and not how a person is faring."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """One question, answered by one of the whole numbers from `low` to `high`.

    `text` and `ends` (what the lowest and the highest number mean) are the company's own words;
    empty for a known instrument, whose words the page knows in every language. `comment` lets
    people add words of their own, which needs the purpose `research_text`.
    """

    instrument: str
    low: int
    high: int
    polarity: str
    dimension: str
    text: str = ""
    ends: tuple[str, str] = ("", "")
    comment: bool = False

    @property
    def asks_how_people_fare(self) -> bool:
        """Whether it asks about a person's well-being, and not only about the company."""
        return self.instrument not in ABOUT_US and self.dimension != NO_DIMENSION

    @property
    def answers(self) -> range:
        """The numbers that can be answered, lowest first."""
        return range(self.low, self.high + 1)

    @property
    def properties(self) -> Mapping[str, object]:
        """What the event of an answer states about its instrument."""
        return {
            "instrument": self.instrument,
            "scale": [self.low, self.high],
            "polarity": self.polarity,
            "dimension": self.dimension,
        }

    def to_text(self) -> str:
        """Write it as JSON, as it is kept beside the message that asks it."""
        return json.dumps(
            {**self.properties, "text": self.text, "ends": self.ends, "comment": self.comment},
            ensure_ascii=False,
            sort_keys=True,
        )

    @classmethod
    def from_text(cls, text: str) -> "Question":
        """Read what `to_text` wrote."""
        found: dict[str, Any] = json.loads(text)
        low, high = found.pop("scale")
        found["ends"] = tuple(found["ends"])
        return cls(low=low, high=high, **found)


def known_question(instrument: str, *, comment: bool = False) -> Question:
    """Give the question of a known instrument; raises `InvalidInput` unless it is a single one."""
    if instrument not in SINGLE:
        raise InvalidInput(
            f"{instrument!r} is not an instrument of one question",
            hint="known are " + ", ".join(SINGLE),
        )
    low, high, polarity, dimension = INSTRUMENTS[instrument]
    return Question(
        instrument=instrument,
        low=int(low),
        high=int(high),
        polarity=polarity,
        dimension=dimension,
        comment=comment,
    )
