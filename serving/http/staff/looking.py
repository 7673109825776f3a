"""One look at one customer: who may look, and everything read in the same transaction."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Any, NamedTuple

from fastapi import Depends, Path, Query, Response
from sqlalchemy import Connection

from serving.bootstrap import Keepwell
from serving.customer_file.known import Known, known_customer
from serving.http.context import Step
from serving.http.staff.visit import Staff, Visit
from serving.pages.staff.customer import (
    Header,
    decision_href,
    header,
    purpose_words,
)
from serving.refusals import say_refusal

SECTION = "customers"
FURTHEST = 1_000_000
Reader = Annotated[Visit, Depends(Staff("consent:read"))]
ScoreReader = Annotated[Visit, Depends(Staff("consent:read", also=("score:read",)))]
CustomerPath = Annotated[Step, Path(min_length=1, max_length=200)]
Skip = Annotated[int, Query(ge=0, le=FURTHEST)]
Name = Annotated[str, Query(max_length=200)]


class Look(NamedTuple):
    """A customer who may be shown at `now`, and what is around each part of their page."""

    keepwell: Keepwell
    conn: Connection
    known: Known
    now: datetime
    head: Header


@contextmanager
def look(visit: Visit, customer_id: str) -> Iterator[Look]:
    """Begin a look; raises `NotFound` where nobody may be shown."""
    keepwell = visit.here.keepwell
    with keepwell.database.read() as conn:
        now = visit.here.clock()
        known = known_customer(keepwell, conn, customer_id, now=now)
        yield Look(keepwell, conn, known, now, header(visit.caller, known.inside))


def target_of(keepwell: Keepwell, asked: str) -> str:
    """Give the target that was asked for, or the home's first one."""
    return asked if asked in keepwell.targets else next(iter(keepwell.targets))


def part(visit: Visit, seen: Look, name: str, path: str, **values: Any) -> Response:
    """Answer with one part of a customer's page."""
    return visit.answer(
        f"customer/{name}.html.j2",
        title=f"Customer {seen.head.customer_id}",
        section=SECTION,
        head=seen.head,
        current=f"{seen.head.href}{path}",
        purpose_words=purpose_words,
        reason_words=say_refusal,
        decision_href=decision_href,
        **values,
    )
