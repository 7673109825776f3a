"""What the reviews' table contributes to a report: who signed this model, and which one before."""

import json
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, select

from governance.audit.record import Before, SignOff
from governance.errors import NotFound
from governance.fairness.record import FairnessResult
from governance.review.candidates import find_model
from governance.review.reviews import reviews_of
from governance.signing.keys import SigningKey, find_key, is_vouched
from governance.signing.record import Review, review_of, signature_fits
from governance.tables import reviews


def sign_offs_of(conn: Connection, model_digest: str) -> tuple[SignOff, ...]:
    """Give every review of a model, newest first, with the key that verifies it."""
    return sign_offs(conn, reviews_of(conn, model_digest))


def sign_offs(conn: Connection, reviewed: Iterable[Review]) -> tuple[SignOff, ...]:
    """Put beside each review the key that verifies it, who stands behind that, and if it fits."""
    found = []
    for review in reviewed:
        key = find_key(conn, review.key_id)
        public_key = "" if key is None else key.public_key
        enrolled = "nobody enrolled this key" if key is None else _enrolled(conn, key)
        found.append(SignOff(review, public_key, enrolled, signature_fits(review, public_key)))
    return tuple(found)


def last_signed(
    conn: Connection, target: str, *, other_than: str, before: datetime
) -> Before | None:
    """Give the model of `target` that was approved last before an instant; None when none was."""
    query = (
        select(reviews)
        .where(reviews.c.target == target, reviews.c.outcome == "approve")
        .where(reviews.c.model_digest != other_than, reviews.c.signed_at <= before)
        .order_by(reviews.c.signed_at.desc(), reviews.c.review_id.desc())
    )
    for row in conn.execute(query):
        review = review_of(row)
        try:
            record = find_model(conn, review.model_digest)
        except NotFound:
            continue  # its record went with retention
        stored = {} if record.report_json is None else json.loads(record.report_json)
        fairness = FairnessResult.from_json(stored["fairness"]) if "fairness" in stored else None
        return Before(record.facts, fairness, review.reviewer, review.signed_at)
    return None


def _enrolled(conn: Connection, key: SigningKey) -> str:
    at = f"on {key.enrolled_at:%Y-%m-%d}"
    if is_vouched(conn, key):
        said = f"enrolled {at}, vouched for by the holder of the home's enrolment key"
    elif key.enrolled_by:
        said = f"enrolled {at} by {key.enrolled_by}, a user of this machine; nobody vouches for it"
    else:
        said = f"enrolled {at} by the home itself"
    return said if key.revoked_at is None else f"{said}; revoked on {key.revoked_at:%Y-%m-%d}"
