"""What fills the pages of the feedback hub: items as cards, steps, figures and what changed."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from governance.intervals import Interval, from_json
from serving.feedback.figure import Figure
from serving.feedback.items import FeedbackItem
from serving.feedback.suggestions import Suggestion
from serving.pages.pictures.ranges import Range
from serving.pages.staff import in_words
from serving.reporting.words import title_of

SAID: Mapping[str, str] = {
    "opened": "Opened. The figure of now is kept, so that it can be compared later.",
    "opened_unmeasured": "Opened. No figure is kept: it comes from nothing that is measured.",
    "assigned": "Assigned.",
    "acted": "Noted. An equal window runs from now until it is measured again.",
    "acted_unmeasured": "Noted. Nothing is measured again, as no figure was kept.",
    "remeasured": "Measured again.",
    "closed": "Closed.",
    "looked": "Looked anew.",
}
"""What was done, by the code in the address."""

COLUMNS: Mapping[str, str] = {
    "open": "To assign",
    "assigned": "Being mended",
    "acted": "Mended, to measure again",
    "closed": "Closed",
}
_KINDS: Mapping[str, str] = {
    "measure": "Measure",
    "theme": "What people write about",
    "keyword": "What people write",
    "stage": "Stage of the journey",
    "complaints": "Complaints",
}
_STEPS = ("Collected", "Assigned", "Acted upon", "Measured again", "Closed")
_WAYS: Mapping[str, str] = {
    "rose": "It rose",
    "fell": "It fell",
    "cannot be told from no change": "It cannot be told from no change",
    "cannot say: no figure": "It cannot be said: there is no figure",
}


class Step(NamedTuple):
    """One step on an item's way: `when` it was done, empty where it was not; `now` is next."""

    name: str
    done: bool
    when: str
    now: bool


class Group(NamedTuple):
    """Suggestions of one kind."""

    title: str
    found: tuple[Suggestion, ...]


class Typed(NamedTuple):
    """What somebody wrote into the form of a new item."""

    title: str = ""
    source: str = ""
    measure: str = ""
    days: str = "90"


def said_words(said: str, item: FeedbackItem) -> str:
    """Say what was just done to an item; of one without a figure nothing about figures."""
    unmeasured = SAID.get(f"{said}_unmeasured") if item.before is None else None
    return unmeasured or SAID.get(said, "")


def subject_words(subject: str | None) -> str:
    """Write a subject in words: `theme:delivery` is what people write about delivery."""
    if subject is None:
        return "nothing is measured"
    kind = subject.partition(":")[0]
    return f"{_KINDS[kind]}: {name_words(subject)}" if kind in _KINDS else subject


def name_words(subject: str) -> str:
    """Write the name in a subject in words, measures by their titles."""
    kind, _, name = subject.partition(":")
    if kind == "measure":
        return title_of(name)
    return name.replace("_", " ").replace(":", ", ")


def value_words(value: Interval | None, unit: str) -> str:
    """Write a figure with its interval, shares as percentages."""
    if value is None:
        return "no figure"
    if _is_share(unit):
        return in_words.figure(_ends(value, 100.0), "%")
    return in_words.figure(_ends(value), unit, 2)


def change_words(item: FeedbackItem) -> str:
    """Write after − before with its interval; empty before it was measured again."""
    change = _change(item)
    if change is None or item.after is None:
        return ""
    if _is_share(item.after.unit):
        return in_words.figure(_ends(change, 100.0), "points", signed=True)
    return in_words.figure(_ends(change), digits=2, signed=True)


def verdict_words(item: FeedbackItem) -> str:
    """Say whether the figure changed; empty before it was measured again."""
    if item.change is None:
        return ""
    said = str(item.change["verdict"])
    return _WAYS.get(said, said)


def window_words(figure: Figure) -> str:
    """Write the days a figure is over, and over how many people."""
    people = "" if figure.people is None else f", {figure.people:,} people"
    return f"{figure.start:%Y-%m-%d} to {figure.end:%Y-%m-%d}{people}"


def steps_of(item: FeedbackItem) -> tuple[Step, ...]:
    """Give the way of an item, what was done and what is next."""
    days = {
        "Collected": f"{item.opened_at:%Y-%m-%d}",
        "Assigned": f"to {item.owner}" if item.owner else "",
        "Acted upon": f"{item.acted_at:%Y-%m-%d}" if item.acted_at else "",
        "Measured again": f"until {item.after.end:%Y-%m-%d}" if item.after else "",
        "Closed": f"{item.closed_at:%Y-%m-%d}" if item.closed_at else "",
    }
    is_open = item.status != "closed"
    following = next((name for name in _STEPS if not days[name]), "") if is_open else ""
    return tuple(Step(name, bool(days[name]), days[name], name == following) for name in _STEPS)


def ranges_of(item: FeedbackItem) -> list[Range]:
    """Give what the picture of before and after shows; nothing before both are there."""
    found = [
        (name, each) for name, each in (("Before", item.before), ("After", item.after)) if each
    ]
    if len(found) < 2 or any(each.value is None for _, each in found):
        return []
    made = []
    for name, each in found:
        assert each.value is not None
        value, low, high = _ends(each.value, 100.0 if _is_share(each.unit) else 1.0)
        made.append(Range(name, value, low, high, in_words.number(value)))
    return made


def alt_of(item: FeedbackItem) -> str:
    """Say what the picture of before and after shows."""
    told = [
        f"{name} {value_words(each.value, each.unit)}"
        for name, each in (("before", item.before), ("after", item.after))
        if each is not None
    ]
    return f"{subject_words(item.measure)}: {'; '.join(told)}"


def groups_of(found: tuple[Suggestion, ...]) -> tuple[Group, ...]:
    """Put suggestions together by what they are about."""
    kinds = dict.fromkeys(each.subject.partition(":")[0] for each in found)
    return tuple(
        Group(
            "Measures" if kind == "measure" else _KINDS.get(kind, kind),
            tuple(each for each in found if each.subject.startswith(f"{kind}:")),
        )
        for kind in kinds
    )


def may_measure_again(item: FeedbackItem, now: datetime) -> bool:
    """Whether the window after the act is over."""
    due = item.remeasure_from()
    return item.status == "acted" and due is not None and due <= now


def was_measured_again(item: FeedbackItem) -> bool:
    """Whether it can be closed without a reason."""
    return item.after is not None and item.after.value is not None


def _change(item: FeedbackItem) -> Interval | None:
    return None if item.change is None else from_json(item.change["difference"])


def _is_share(unit: str) -> bool:
    return unit.startswith("share")


def _ends(value: Interval, scale: float = 1.0) -> tuple[float, float, float]:
    return scale * value.value, scale * value.low, scale * value.high
