"""Where every submitted model stands: before its reviewers, serving, or no longer."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, NamedTuple

from sqlalchemy import Connection, select

from governance.errors import NotFound
from governance.proof import Approval
from governance.review.candidates import ModelRecord, list_models
from governance.review.reviews import approval, champion, reviews_of
from governance.signing.record import Review, review_of
from governance.tables import reviews

State = Literal["serves", "waits", "approved", "rejected", "ended"]


class Standing(NamedTuple):
    """A model with its newest review and what follows from all of them now.

    `serves`: it is the champion of its target. `waits`: nobody has signed. `approved`: it may
    serve, and another one does. `ended`: an approval that no longer holds.
    """

    record: ModelRecord
    last: Review | None
    state: State


def standings(
    conn: Connection, *, now: datetime, earlier: int | None = None
) -> tuple[Standing, ...]:
    """Give every submitted model and where it stands, newest first.

    `earlier` bounds how many are given that neither wait nor serve.
    """
    records = list_models(conn)
    last = newest_reviews(conn)
    champions = {
        target: champion(conn, target, now=now) for target in {each.target for each in records}
    }
    serving = {each.model_digest for each in champions.values() if each is not None}
    found = []
    for each in records:
        review = last.get(each.model_digest)
        if review is not None and each.model_digest not in serving and earlier is not None:
            if earlier == 0:
                continue
            earlier -= 1
        found.append(_standing(conn, each, review, champions[each.target], now))
    return tuple(found)


def standing_of(conn: Connection, record: ModelRecord, *, now: datetime) -> Standing:
    """Give where one model stands."""
    last = next(iter(reviews_of(conn, record.model_digest)), None)
    return _standing(conn, record, last, champion(conn, record.target, now=now), now)


def newest_reviews(conn: Connection) -> Mapping[str, Review]:
    """Give the newest review of each model, by digest."""
    return {each.model_digest: each for each in reversed(list_reviews(conn))}


def list_reviews(conn: Connection, *, limit: int | None = None) -> list[Review]:
    """Give every review of every model, newest first; of models whose record went, too."""
    newest_first = reviews.c.signed_at.desc(), reviews.c.review_id.desc()
    query = select(reviews).order_by(*newest_first).limit(limit)
    return [review_of(row) for row in conn.execute(query)]


def find_review(conn: Connection, review_id: str) -> Review:
    """Give one review; raises `NotFound`."""
    row = conn.execute(select(reviews).where(reviews.c.review_id == review_id)).one_or_none()
    if row is None:
        raise NotFound("there is no such review")
    return review_of(row)


def _standing(
    conn: Connection,
    record: ModelRecord,
    last: Review | None,
    serving: Approval | None,
    now: datetime,
) -> Standing:
    state: State = "waits"
    if serving is not None and serving.model_digest == record.model_digest:
        state = "serves"
    elif last is not None and last.outcome != "approve":
        state = "rejected"
    elif last is not None:
        holds = approval(conn, record.model_digest, now=now) is not None
        state = "approved" if holds else "ended"
    return Standing(record, last, state)
