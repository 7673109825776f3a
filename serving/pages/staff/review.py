"""The words of the reviewers' pages: states, verdicts, refusals, what was just done, the tabs."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from governance.audit.format import marked
from governance.audit.record import verdict_word
from governance.errors import KeepwellError
from governance.review.standing import Standing
from serving.access.auth import Principal
from serving.pages.mistakes import mistake

__all__ = ["marked"]
_STYLE = re.compile(r"<style>.*?</style>", re.DOTALL)
SIGNERS = ("audit:sign", "admin")
KEEPERS = ("rights:manage",)
_MODEL_TABS = (
    ("Models", "/staff/review"),
    ("Past decisions", "/staff/review/decisions"),
    ("Log", "/staff/review/log"),
)
_KEEPER_TABS = (
    ("Contested", "/staff/review/requests"),
    ("Complaints", "/staff/review/complaints"),
)
_ETHICS_TABS = (
    ("Harms", "/staff/review/harms"),
    ("Over time", "/staff/review/months"),
)
_STATES: Mapping[str, tuple[str, str]] = {
    "serves": ("serves", "good"),
    "waits": ("waits for a reviewer", "unsure"),
    "approved": ("approved, another serves", ""),
    "rejected": ("rejected", "bad"),
    "ended": ("approval no longer holds", "unsure"),
}
_GATE_KINDS = {"approved": "good", "refused": "bad", "insufficient_evidence": "unsure"}
_REFUSED: Mapping[str, str] = {
    "author_signs": "You trained this model, so somebody else has to approve it. "
    "You may reject it.",
    "not_vouched": "Nobody vouches for this key: the name on it proves nothing. Have it made with "
    "the home’s enrolment key, then sign again.",
    "unknown_key": "That is not a signing key enrolled here: it is mistyped, revoked, expired, or "
    "was made without the scope audit:sign.",
    "another_person": "That key belongs to somebody else. Whoever signs logs in themselves.",
    "another_home": "This model was trained in another kind of home and may not serve in this one.",
}
SAID: Mapping[str, str] = {
    "approved": "You approved this model.",
    "rejected": "You rejected this model. It does not serve.",
    "drawn": "The report was drawn again with today’s figures.",
    "decided": "Your answer is recorded; the customer can read it.",
    "appealed": "The appeal is recorded. Somebody without a hand in the case decides it.",
    "withdrawn": "The request is taken back; what it held goes on as before.",
    "closed": "The complaint is closed; the customer can read your answer.",
    "recorded": "The complaint is recorded.",
    "noted": "The harm is noted; the next audit report tells it.",
}


class Word(NamedTuple):
    """What a badge says and in which colour: good, bad, unsure or none."""

    text: str
    kind: str


class Typed(NamedTuple):
    """What somebody typed when signing, to show it again where it was refused; never the key."""

    outcome: str = ""
    reason: str = ""
    conditions: str = ""
    days: str = "365"


def tabs(caller: Principal) -> tuple[tuple[str, str], ...]:
    """Give the tabs that open to the holder of a key, as (title, address)."""
    signs = any(caller.may(scope) for scope in SIGNERS)
    keeps = any(caller.may(scope) for scope in KEEPERS)
    return (
        *(_MODEL_TABS if signs else ()),
        *(_KEEPER_TABS if keeps else ()),
        *(_ETHICS_TABS if signs else ()),
    )


def state_word(standing: Standing) -> Word:
    """Say where a model stands."""
    return Word(*_STATES[standing.state])


def gate_word(outcome: str) -> Word:
    """Say what the gate said, as a report does."""
    return Word(verdict_word(outcome), _GATE_KINDS[outcome])


def verdict_kind(verdict: str) -> str:
    """Give the colour of a comparison of groups: pass, fail or cannot say."""
    return {"pass": "good", "fail": "bad"}.get(verdict, "unsure")


def why_not_signed(error: KeepwellError) -> str:
    """Say to whoever signs why it was refused."""
    told = _REFUSED.get(getattr(error, "reason", ""))
    return told or mistake(error)


def signed_words(said: str, state: str) -> str:
    """Say what a signature did, and whether the model serves now."""
    if said == "approved":
        does = "It serves now." if state == "serves" else "It may serve; another one does."
        return f"{SAID['approved']} {does}"
    return SAID.get(said, "")


def report_in_session(html: str, *, here: str) -> str:
    """Give an audit report with its style at an address of its own and a way back to its model."""
    linked = _STYLE.sub(f'<link rel="stylesheet" href="{here}/report.css">', html)
    way = f'<main>\n<p class="small"><a href="{here}">Back to the model and its signatures</a></p>'
    return linked.replace("<main>", way, 1)
