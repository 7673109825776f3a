"""An answer to the survey of one message: one event in the history, and never a second one.

Whoever holds the link answers; it tells nothing about them. Answering again corrects the answer
before, and the same answer again changes nothing. An answer about how somebody fares is recorded
only while they permit that it is read; a comment only while they permit that texts are.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Literal, NamedTuple

import numpy as np
from sqlalchemy import Connection, select, update

from features.events import Event, parse
from features.history import Histories, read_customer
from features.live import append
from features.storable import text_problem
from features.versions import NEVER
from governance.errors import InvalidInput
from governance.instants import to_text
from governance.proof import Permit
from serving.bootstrap import Keepwell
from serving.interventions.playbooks.question import Question
from serving.interventions.tables import interventions
from serving.locks import lock_customers
from serving.survey_links import SurveyLink

LONGEST_COMMENT = 500
"""Characters of a comment that are taken: what fits into a small form in any script."""

Outcome = Literal["recorded", "corrected", "again", "refused", "dead"]
_WELLBEING, _TEXTS = "wellbeing_inference", "research_text"


class Answered(NamedTuple):
    """What became of an answer, and of a comment beside it (None where there was none)."""

    outcome: Outcome
    comment_kept: bool | None = None


class _Given(NamedTuple):
    """The answer that counts so far: its event's name, what it says, and how often it was given."""

    name: str
    value: float
    text: str | None
    times: int


def question_of(keepwell: Keepwell, link: SurveyLink, *, now: datetime) -> Question | None:
    """Give what a link asks; None when it has ended, or leads to nobody or to no survey."""
    if now >= link.expires_at:
        return None
    with keepwell.database.read() as conn:
        found = _asked(keepwell, conn, link)
    return None if found is None else found[1]


def takes_comments(keepwell: Keepwell, question: Question) -> bool:
    """Whether people may add words of their own to this question."""
    return question.comment and keepwell.settings.keep_text


def answer(
    keepwell: Keepwell,
    link: SurveyLink,
    value: int,
    *,
    comment: str,
    clock: Callable[[], datetime],
) -> Answered:
    """Record an answer, or correct the one before; raises `InvalidInput` for one not offered."""
    with keepwell.database.write() as conn:
        found = _asked(keepwell, conn, link)
        if found is not None:
            lock_customers(conn, [found[0]])
            found = _asked(keepwell, conn, link)  # once more, when nobody else can erase them
        now = clock()
        if found is None or now >= link.expires_at:
            return Answered("dead")
        customer_id, question = found
        if value not in question.answers:
            raise InvalidInput(f"answer must be within {question.low}-{question.high}")
        permit = keepwell.registry.permit(conn, customer_id, "operations", now=now)
        if not isinstance(permit, Permit):
            return Answered("refused")
        if question.asks_how_people_fare and not _permits(
            keepwell, conn, customer_id, _WELLBEING, now
        ):
            return Answered("refused")
        text = _text(comment)
        kept = takes_comments(keepwell, question) and _permits(
            keepwell, conn, customer_id, _TEXTS, now
        )
        new = text if kept else None
        before = _given(read_customer(conn, permit, customer_id), link.intervention_id)
        comment_kept = None if text is None else kept
        if before is not None and before.value == value and new in (None, before.text):
            return Answered("again", comment_kept)
        said = before.text if new is None and before is not None and kept else new
        event = _event(customer_id, link.intervention_id, question, value, said, before, now)
        append(conn, [event])
        conn.execute(
            update(interventions)
            .where(interventions.c.intervention_id == link.intervention_id)
            .values(answered_at=now)
        )
        return Answered("recorded" if before is None else "corrected", comment_kept)


def _asked(keepwell: Keepwell, conn: Connection, link: SurveyLink) -> tuple[str, Question] | None:
    """Give whom the link is about and what it asks, of a message that went to somebody."""
    customer_id = keepwell.persons.customer_of(conn, link.person_id)
    row = conn.execute(
        select(interventions.c.customer_id, interventions.c.survey, interventions.c.arm).where(
            interventions.c.intervention_id == link.intervention_id
        )
    ).first()
    if row is None or row.survey is None or row.arm != "treated":
        return None
    if customer_id is None or row.customer_id != customer_id:
        return None
    return customer_id, Question.from_text(row.survey)


def _permits(
    keepwell: Keepwell, conn: Connection, customer_id: str, purpose: str, now: datetime
) -> bool:
    return isinstance(keepwell.registry.permit(conn, customer_id, purpose, now=now), Permit)


def _text(comment: str) -> str | None:
    """Give what may be stored of a comment: nothing where it is empty or cannot be text."""
    words = comment.strip()[:LONGEST_COMMENT]
    return words if words and text_problem(words) is None else None


def _name(intervention_id: str, times: int) -> str:
    return f"survey-{intervention_id}" + (f"-{times}" if times else "")


def _given(histories: Histories, intervention_id: str) -> _Given | None:
    """Find the answers to one message among a customer's events, and which of them counts."""
    rows = np.flatnonzero(histories.kind_mask("survey"))
    names = histories.pick("event_id", rows)
    first = _name(intervention_id, 0)
    mine = [
        (int(row), name)
        for row, name in zip(rows, names, strict=True)
        if name is not None and (name == first or name.startswith(f"{first}-"))
    ]
    counts = [(row, name) for row, name in mine if histories.superseded_at[row] == NEVER]
    if not counts:
        return None
    row, name = counts[-1]
    [text] = histories.pick("text", np.array([row]))
    return _Given(name, float(histories.value[row]), text, len(mine))


def _event(
    customer_id: str,
    intervention_id: str,
    question: Question,
    value: int,
    text: str | None,
    before: _Given | None,
    now: datetime,
) -> Event:
    fields = {
        "customer_id": customer_id,
        "kind": "survey",
        "event_id": _name(intervention_id, 0 if before is None else before.times),
        "occurred_at": to_text(now),
        "value": value,
        "properties": {**question.properties, "intervention_id": intervention_id},
        "text": text,
        "corrects": None if before is None else before.name,
    }
    return parse(fields, now=now)
