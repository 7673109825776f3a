"""What data may be used for, and what may carry each use.

Purposes are independent of each other: there is no purpose "all". The home's settings say which
basis carries which purpose, within what the law allows for that purpose.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from governance.errors import ConfigurationError, InvalidInput

HOME_KINDS = ("production", "demo", "evaluation")
NAMED_PURPOSES = (
    "risk_scoring",
    "model_training",
    "wellbeing_inference",
    "research_text",
    "fairness_audit",
    "operations",
    "aggregate",
)
FAMILIES = ("outreach", "sharing")
OBJECTION = "objection"
"""Objections (art. 21) are recorded beside consents under this word; it is not a purpose."""

_MEMBER = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_WORD = re.compile(r"[A-Za-z_.]{1,40}")
_HASH = re.compile(r"[0-9a-f]{64}")
CONSENT = frozenset({"consent", "explicit_consent"})
"""The bases that rest on a person's own yes."""
_INTEREST = CONSENT | {"legitimate_interest", "evaluation"}
_ALLOWED: Mapping[str, frozenset[str]] = {
    "risk_scoring": _INTEREST,
    "model_training": _INTEREST,
    "wellbeing_inference": frozenset({"explicit_consent", "evaluation"}),
    "research_text": CONSENT,
    "fairness_audit": CONSENT | {"recorded_basis", "evaluation"},
    "operations": frozenset({"contract", "evaluation"}),
    "aggregate": _INTEREST | {"contract", "recorded_basis"},
    "outreach": CONSENT,
    "sharing": CONSENT,
}
_DEFAULT: Mapping[str, str] = {
    "risk_scoring": "consent",
    "model_training": "consent",
    "wellbeing_inference": "explicit_consent",
    "research_text": "consent",
    "fairness_audit": "consent",
    "operations": "contract",
    "aggregate": "contract",
    "outreach": "consent",
    "sharing": "consent",
}


def family_of(purpose: str) -> str:
    """Name the row of the table of bases that speaks of `purpose`; raises `InvalidInput`."""
    if purpose in NAMED_PURPOSES:
        return purpose
    family, dot, member = purpose.partition(".")
    if dot and family in FAMILIES and _MEMBER.fullmatch(member):
        return family
    if purpose in ("all", "*", "any", ""):
        raise InvalidInput(
            "a permission names one purpose; there is no grant for everything",
            hint="name each purpose: " + purposes_in_words(),
        )
    raise InvalidInput(
        f"{quoted(purpose)} is not a purpose", hint="known are " + purposes_in_words()
    )


def quoted(text: object) -> str:
    """Quote a word for a message; what is no plain word may be someone's data and is left out."""
    return repr(text) if isinstance(text, str) and _WORD.fullmatch(text) else "what was given"


def purposes_in_words() -> str:
    """List the purposes for a message to a person."""
    return ", ".join((*NAMED_PURPOSES, "outreach.<channel>", "sharing.<recipient>"))


@dataclass(frozen=True)
class Basis:
    """What carries a purpose.

    `kind` is one of consent, explicit_consent, legitimate_interest (with the sha256 of its written
    assessment), contract, recorded_basis (a legal basis stated in words) and evaluation.
    """

    kind: str
    assessment_hash: str | None = None
    statement: str = ""

    @property
    def needs_consent(self) -> bool:
        """Whether a person's own yes is needed."""
        return self.kind in CONSENT

    @classmethod
    def parse(cls, text: str) -> "Basis":
        """Read a setting: `consent`, `legitimate_interest:<sha256>`, `recorded_basis:<words>`."""
        kind, _, rest = text.partition(":")
        kind, rest = kind.strip(), rest.strip()
        if kind == "legitimate_interest":
            return cls(kind, assessment_hash=rest or None)
        return cls(kind, statement=rest)


@dataclass(frozen=True)
class PurposeRules:
    """Which basis carries which purpose in this home; all mistakes raise at once.

    `bases` maps a purpose, or a whole family as `outreach` and `sharing`, to its basis; what is not
    named keeps its default, which asks for consent wherever the law lets a business choose.
    `age_required` names the purposes for which an unknown age is refused.
    """

    bases: Mapping[str, Basis] = field(default_factory=dict)
    age_required: frozenset[str] = frozenset()
    min_people: int = 5

    def __post_init__(self) -> None:
        problems = [p for name, basis in self.bases.items() for p in _problems(name, basis)]
        for name in self.age_required:
            problems.extend(_name_problems(name))
        if self.min_people < 5:
            problems.append(f"min_people is {self.min_people}, must be at least 5")
        if problems:
            raise ConfigurationError(problems, source="the table of purposes")

    def basis(self, purpose: str, *, home_kind: str) -> Basis:
        """Give the basis of `purpose`; raises `InvalidInput` when it is not a purpose.

        An evaluation home carries everything that lets evaluation carry it by "evaluation".
        """
        family = family_of(purpose)
        if home_kind == "evaluation" and "evaluation" in _ALLOWED[family]:
            return Basis("evaluation")
        named = self.bases.get(purpose) or self.bases.get(family)
        return named or Basis(_DEFAULT[family])

    def requires_age(self, purpose: str) -> bool:
        """Whether an unknown age refuses this purpose."""
        return purpose in self.age_required or family_of(purpose) in self.age_required


def _name_problems(name: str) -> list[str]:
    if name in FAMILIES:
        return []
    try:
        family_of(name)
    except InvalidInput as problem:
        return [problem.message]
    return []


def _problems(name: str, basis: Basis) -> list[str]:
    found = _name_problems(name)
    if found:
        return found
    family = name if name in FAMILIES else family_of(name)
    if basis.kind == "evaluation":
        return [f"{name}: the basis evaluation belongs to evaluation homes and is not a setting"]
    if basis.kind not in _ALLOWED[family]:
        allowed = ", ".join(sorted(_ALLOWED[family] - {"evaluation"}))
        return [f"{name} cannot be carried by {basis.kind!r}; allowed is {allowed}"]
    if basis.kind == "legitimate_interest" and not _HASH.fullmatch(basis.assessment_hash or ""):
        return [f"{name}: legitimate interest needs the sha256 of its written assessment"]
    if basis.kind == "recorded_basis" and not basis.statement:
        return [f"{name}: a recorded basis must be stated in words"]
    return []
