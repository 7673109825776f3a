"""One signed verdict on a model: what was signed, whether it fits, and whether the log knows it."""

import hashlib
import json
from datetime import datetime
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import Connection, Row, select

from governance.canonical import canonical
from governance.instants import to_text
from governance.signing.keys import SigningKey, key_digest
from governance.tables import ledger_entries, reviews, signing_keys


class Review(NamedTuple):
    """One signed verdict on a model."""

    review_id: str
    model_digest: str
    target: str
    outcome: str
    reason: str
    key_id: str
    reviewer: str
    signed_at: datetime
    expires_at: datetime
    signature: str
    self_signed: bool
    conditions: tuple[str, ...] = ()
    report_digest: str | None = None


def review_of(row: Row[Any]) -> Review:
    """Read a row of the table of reviews."""
    found = dict(row._mapping)
    return Review(**found | {"conditions": tuple(json.loads(found["conditions"]))})


def review_message(review: Review) -> bytes:
    """Give the bytes that are signed: everything but the signature."""
    fields = review._asdict()
    del fields["signature"]
    fields["signed_at"] = to_text(review.signed_at)
    fields["expires_at"] = to_text(review.expires_at)
    fields["conditions"] = list(review.conditions)
    return b"keepwell review\n" + canonical(fields).encode()


def signature_fits(review: Review, public_key: str) -> bool:
    """Whether the review is exactly what the owner of `public_key` signed; needs no database."""
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))
        key.verify(bytes.fromhex(review.signature), review_message(review))
    except (InvalidSignature, ValueError):
        return False
    return True


def review_digest(review: Review) -> str:
    """Give what the ledger holds of a review: everything that was signed, and the signature."""
    return hashlib.sha256(review_message(review) + review.signature.encode()).hexdigest()


def check_reviews(conn: Connection) -> tuple[str, ...]:
    """Compare every signing key and review with what the ledger holds; names those that differ.

    Finds a key or a review that was put into the tables, edited or removed behind the ledger's
    back, and a revocation that was taken back. Verify the ledger itself first.
    """
    logged = select(ledger_entries.c.kind, ledger_entries.c.body).where(
        ledger_entries.c.kind.in_(("signing_key", "review", "key_revoked"))
    )
    promised: dict[tuple[str, str], str] = {}
    revoked: set[str] = set()
    for kind, text in conn.execute(logged):
        body = json.loads(text)
        if kind == "key_revoked":
            revoked.add(body["key_id"])
        else:
            name = body["key_id" if kind == "signing_key" else "review_id"]
            promised[kind, name] = body["digest"]
    keys = [SigningKey(**row._mapping) for row in conn.execute(select(signing_keys))]
    held = {
        ("signing_key", each.key_id): key_digest(each)
        for each in keys
        if (each.revoked_at is not None) == (each.key_id in revoked)
    }
    for row in conn.execute(select(reviews)):
        review = review_of(row)
        held["review", review.review_id] = review_digest(review)
    differ = {
        name for name in held.keys() | promised.keys() if held.get(name) != promised.get(name)
    }
    return tuple(f"{kind.replace('_', ' ')} {name}" for kind, name in sorted(differ))
