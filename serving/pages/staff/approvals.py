"""What fills the pages of the approval queue: words for what waits, was decided, and came of it."""

from collections.abc import Mapping
from datetime import timedelta
from typing import NamedTuple

from governance.intervals import Interval
from serving.approval.proposal import Proposal
from serving.interventions.deciding.attention import QUICK_SECONDS, Oversight
from serving.interventions.delivery.desk import STATUSES
from serving.pages.staff import in_words

SINCE = timedelta(days=90)
"""How far back it is told how people decided."""

SAID: Mapping[str, str] = {
    "approved": "Approved. It leaves as soon as quiet hours allow; permission is asked again then.",
    "changed": "Approved with your words; those of the playbook are kept beside them.",
    "pressing": "Approved with your words. Look at them once more: they may press people.",
    "rejected": "Rejected. Nothing is sent, and your reason is kept.",
    "cancelled": "It may not be sent any more, so it was cancelled although you said yes.",
    "already": "It was decided meanwhile; nothing was changed.",
    "none": "Nothing was chosen.",
}
"""What was done, by the code in the address."""

_CHOSEN: Mapping[str, str] = {
    "duty": "it is a duty",
    "rule": "the rule of the playbook",
    "effect": "what contacting is expected to change",
    "explored": "the lot, to learn what contacting changes",
}
_MANY_DECIDED = 5
_SHARE_TO_WORRY = 0.5


class Typed(NamedTuple):
    """What somebody wrote into the form of a decision, kept where it could not be done."""

    subject: str = ""
    body: str = ""
    reason: str = ""


def status_words(status: str) -> str:
    """Say what became of a contact."""
    return next((says for name, says in STATUSES.items() if name == status), status)


def effect_words(expected: float | None) -> str:
    """Write what contacting is expected to change."""
    if expected is None:
        return "not known"
    return f"{in_words.number(100 * expected, signed=True)} points"


def chosen_words(chosen_by: str) -> str:
    """Say what chose somebody."""
    return _CHOSEN.get(chosen_by, "the rule of the playbook")


def share_words(found: Interval | None) -> str:
    """Write a share with its interval; nothing was decided without one."""
    if found is None:
        return "nothing was decided"
    return f"{in_words.share(found[:3])}, 95\u202f% interval"


def time_words(seconds: float | None) -> str:
    """Write how long something took, in the unit people would say."""
    if seconds is None:
        return "nothing was decided"
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 1.5 * size:
            return f"{seconds / size:,.0f} {unit}"
    return f"{seconds:,.0f} s"


def warning_of(found: Oversight) -> str:
    """Say where deciding looks like waving through; empty where it does not."""
    quick, overridden = found.quick_rate, found.override_rate
    if found.timed < _MANY_DECIDED or quick is None or overridden is None:
        return ""
    if quick.low > _SHARE_TO_WORRY or (quick.value > _SHARE_TO_WORRY and overridden.value == 0):
        return (
            f"Most decisions took less than {QUICK_SECONDS:.0f} seconds. Reasons and a message "
            "cannot be read so fast: fewer proposals, read well, protect people better."
        )
    return ""


def several_words(done: int, failed: int, quick: int) -> str:
    """Say what came of several decided at once."""
    said = [f"{done} decided."]
    if failed:
        said.append(f"{failed} could not be: they were decided or ran out meanwhile.")
    if quick:
        said.append(f"{quick} lay before you for less than {QUICK_SECONDS:.0f} seconds.")
    return " ".join(said)


def words_of(found: Proposal, typed: Typed | None) -> Typed:
    """Give what the form holds: what was typed before, else the words as proposed."""
    if typed is not None:
        return typed
    return Typed(found.words.subject, found.words.body.strip())
