"""The fields a CRM holds of a customer's scores: one list, from which every system's is made."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from features.labels import Target

Kind = Literal["key", "share", "text", "instant", "flag"]
System = Literal["salesforce", "hubspot"]
SYSTEMS: tuple[System, ...] = ("salesforce", "hubspot")
_LONGEST_TARGET = 18
_OTHER = re.compile(r"[^A-Za-z0-9]+")


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field: `source` is what fills it, `words` its name in parts, `length` of a text.

    `share` is a number between 0 and 1; what a system shows as a percentage is said there.
    """

    source: str
    words: tuple[str, ...]
    label: str
    help: str
    kind: Kind
    length: int = 255

    def salesforce(self) -> str:
        """Its API name in Salesforce, at most 40 characters before `__c`."""
        return "_".join(("Keepwell", *(word[:1].upper() + word[1:] for word in self.words))) + "__c"

    def hubspot(self) -> str:
        """Its internal name in HubSpot: lower case, at most 100 characters."""
        return "_".join(("keepwell", *self.words)).lower()

    def name(self, system: System) -> str:
        """Its name in one system."""
        return self.salesforce() if system == "salesforce" else self.hubspot()


CUSTOMER = Field(
    source="customer_id",
    words=("Customer_Id",),
    label="Keepwell customer id",
    help="The id Keepwell knows this person by. Uploads find the record by it.",
    kind="key",
    length=200,
)
HOME = Field(
    source="home",
    words=("Home",),
    label="Keepwell home",
    help="production, or where the figures come from a trial: demo, evaluation.",
    kind="text",
    length=20,
)


def contact_fields(channels: Iterable[str]) -> tuple[Field, ...]:
    """Give one flag per channel: whether the customer permits outreach there now."""
    return tuple(
        Field(
            source=f"may:{channel}",
            words=("May", *_words(channel)),
            label=_label(f"May be contacted by {channel.replace('_', ' ')}"),
            help=f"Whether the customer permits outreach by {channel}. A no holds at once.",
            kind="flag",
        )
        for channel in channels
    )


def score_fields(target: Target) -> tuple[Field, ...]:
    """Give the fields that hold one target's score; they are set together and cleared together."""
    words, title = _words(target.name), target.name.replace("_", " ").capitalize()
    what = target.say()

    def field(
        source: str, last: str, label: str, help: str, kind: Kind, length: int = 255
    ) -> Field:
        return Field(
            source=source, words=(*words, last), label=_label(f"{title} {label}"),
            help=help, kind=kind, length=length,
        )  # fmt: skip

    return (
        field("probability", "Probability", "probability", f"How likely: {what}.", "share"),
        field("low", "Low", "low", "Lower end of the 90 % interval.", "share"),
        field("high", "High", "high", "Upper end of the 90 % interval.", "share"),
        field("reason", "Reason", "main reason", "What moved the score most, in words.", "text"),
        field("outcome", "Outcome", "outcome", "What the probability is of.", "text"),
        field("method", "Method", "method", "model: estimated by a signed model.", "text", 20),
        field("decision_id", "Decision", "decision", "Ask Keepwell about this id.", "text", 36),
        field("model_digest", "Model", "model", "Which model, by its digest.", "text", 64),
        field("as_of", "As_Of", "as of", "What was known until then was used.", "instant"),
        field("expires_at", "Expires", "use until", "Do not use the score after this.", "instant"),
    )


def fields_of(targets: Iterable[Target], channels: Iterable[str]) -> tuple[Field, ...]:
    """Give every field: the key, one set per target, a flag per channel."""
    scores = (field for target in targets for field in score_fields(target))
    return (CUSTOMER, *scores, *contact_fields(channels), HOME)


def _words(name: str) -> tuple[str, ...]:
    """Give the parts of a field's name; what is long or not plain ends in a short digest."""
    plain = _OTHER.sub("_", name).strip("_")
    if plain == name and len(plain) <= _LONGEST_TARGET:
        return tuple(word for word in plain.split("_") if word)
    mark = hashlib.sha256(name.encode()).hexdigest()[:5]
    kept = plain[: _LONGEST_TARGET - 6].strip("_") or "T"
    return (*(word for word in kept.split("_") if word), f"x{mark}")


def _label(text: str) -> str:
    return text if len(text) <= 40 else text[:39].rstrip() + "…"
