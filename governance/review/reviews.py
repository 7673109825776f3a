"""Submitting a model, signing it, and finding out whether it may serve.

An approval is a signature over the model's digest by the owner of an enrolled `audit:sign` key,
someone other than the author; it lives here and is the truth that MLflow's aliases mirror. Demo and
evaluation homes sign themselves and say so; what they sign never serves in a production home.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, insert, select, update

from governance.audit.report import report_digest
from governance.canonical import canonical
from governance.errors import GateRefused, InvalidInput, PermissionRefused
from governance.instants import to_text
from governance.log.ledger import Ledger
from governance.proof import Approval, mint_approval
from governance.review.candidates import Candidate, ModelRecord, find_model, list_models, submit
from governance.signing.keys import (
    SigningKey,
    enrol,
    find_key,
    is_vouched,
    public_text,
    revoke,
    signing_key_from_secret,
)
from governance.signing.record import (
    Review,
    check_reviews,
    review_digest,
    review_message,
    review_of,
    signature_fits,
)
from governance.tables import models, reviews

__all__ = [
    "Candidate",
    "ModelRecord",
    "Review",
    "approval",
    "champion",
    "check_reviews",
    "enrol",
    "find_model",
    "list_models",
    "revoke",
    "self_sign",
    "sign",
    "signature_fits",
    "signing_key_from_secret",
    "submit",
]

VALID_FOR = timedelta(days=365)
LONGEST = timedelta(days=730)
_HOME_KEY = "home"
_SELF_SIGNING_KINDS = ("demo", "evaluation")


def sign(
    conn: Connection,
    ledger: Ledger,
    model: str,
    *,
    secret: str,
    key_id: str,
    home_kind: str,
    outcome: str,
    reason: str,
    now: datetime,
    valid_for: timedelta = VALID_FOR,
    conditions: Sequence[str] = (),
) -> Review:
    """Approve or reject a model with an enrolled key; an approval promotes it.

    `conditions` are part of what is signed: under which the approval was given. `home_kind` is that
    of the home which is open. Raises `PermissionRefused` for a key that is unknown, revoked, past
    its end or not this secret's, for approving with the author's own or, in a production home, with
    one nobody vouches for, and for a model of another kind of home; `GateRefused` for approving
    what the gate refused; `InvalidInput` for no reason, an empty condition, or conditions of a no.
    """
    record = find_model(conn, model)
    conditions = tuple(each.strip() for each in conditions)
    if outcome not in ("approve", "reject"):
        raise InvalidInput(f"{outcome!r} is neither approve nor reject")
    if not reason.strip():
        raise InvalidInput("a review needs its reason", hint="say why in --reason")
    if not all(conditions) or (conditions and outcome == "reject"):
        raise InvalidInput("conditions go with an approval, and each says what is asked for")
    if not timedelta(0) < valid_for <= LONGEST:
        raise InvalidInput(f"a review holds for 1 to {LONGEST.days} days, not {valid_for.days}")
    key, private_key = find_key(conn, key_id), signing_key_from_secret(secret)
    if (
        key is None
        or not key.signs_at(now)
        or key.public_key != public_text(private_key.public_key())
    ):
        raise _refused("this is not an enrolled signing key", "unknown_key")
    if outcome == "approve":  # anyone enrolled may stop a model, its author, too
        if record.home_kind != home_kind:
            raise _refused(f"this model is of a {record.home_kind} home", "another_home")
        _require_another_person(conn, key, record)
    if outcome == "approve" and record.verdict.outcome == "refused":
        raise GateRefused(
            "the gate refused this model, so it cannot be approved: "
            + "; ".join(record.verdict.reasons),
            reasons=record.verdict.reasons,
            hint="train another one",
        )
    review = _unsigned(record, outcome, reason, key_id, key.owner, now, valid_for, False)
    review = review._replace(conditions=conditions)
    return _file(conn, ledger, review, private_key, now)


def self_sign(
    conn: Connection,
    ledger: Ledger,
    model: str,
    *,
    home_kind: str,
    private_key: Ed25519PrivateKey,
    now: datetime,
    allow_refused_gate: bool = False,
) -> Review:
    """Let a demo or evaluation home sign its own model, loudly; others are refused.

    `allow_refused_gate` lets such a home, which can contact nobody, show what the gate refused.
    """
    record = find_model(conn, model)
    if home_kind not in _SELF_SIGNING_KINDS or record.home_kind != home_kind:
        raise _refused("only a demo or evaluation home signs itself", "not_a_demo")
    refused = record.verdict.outcome == "refused"
    if refused and not allow_refused_gate:
        raise GateRefused(
            "the gate refused this model: " + "; ".join(record.verdict.reasons),
            reasons=record.verdict.reasons,
        )
    public = public_text(private_key.public_key())
    enrolled = find_key(conn, _HOME_KEY)
    owner = f"this {home_kind} home itself"
    if enrolled is None:
        enrol(conn, ledger, _HOME_KEY, owner, public, now=now)
    elif enrolled.public_key != public:
        raise _refused("the home's key is not the one that was enrolled", "unknown_key")
    reason = f"Signed by the {home_kind} home itself: nobody reviewed this model."
    if refused:
        reason += " The gate refused it; it is shown for demonstration only."
    review = _unsigned(record, "approve", reason, _HOME_KEY, owner, now, VALID_FOR, True)
    return _file(conn, ledger, review, private_key, now)


def approval(
    conn: Connection, ref: str, *, now: datetime, besides: Collection[str] = ()
) -> Approval | None:
    """Give the proof that a model (a digest, or a target's champion) may serve now, or None.

    The newest review of a model counts, and only while its signature fits the enrolled key. Models
    with a digest in `besides` are passed over.
    """
    newest_first = reviews.c.signed_at.desc(), reviews.c.review_id.desc()
    query = (
        select(reviews)
        .where((reviews.c.model_digest == ref) | (reviews.c.target == ref))
        .order_by(*newest_first)
    )
    seen = set(besides)
    for row in conn.execute(query):
        review = review_of(row)
        if review.model_digest in seen:
            continue
        seen.add(review.model_digest)
        if _is_valid(conn, review, now):
            return mint_approval(
                model_digest=review.model_digest,
                target=review.target,
                review_id=review.review_id,
                reviewer=review.reviewer,
                signed_at=review.signed_at,
                expires_at=review.expires_at,
                self_signed=review.self_signed,
            )
    return None


def champion(
    conn: Connection, target: str, *, now: datetime, besides: Collection[str] = ()
) -> Approval | None:
    """Give the newest valid approval for a target, or None when no model may serve.

    Models with a digest in `besides` are passed over.
    """
    return approval(conn, target, now=now, besides=besides)


def reviews_of(conn: Connection, model_digest: str) -> list[Review]:
    """Give every review of a model, newest first."""
    query = select(reviews).where(reviews.c.model_digest == model_digest)
    return [review_of(row) for row in conn.execute(query.order_by(reviews.c.signed_at.desc()))]


def _is_valid(conn: Connection, review: Review, now: datetime) -> bool:
    if review.outcome != "approve" or not review.signed_at <= now < review.expires_at:
        return False
    key = find_key(conn, review.key_id)
    if key is None or not signature_fits(review, key.public_key):
        return False
    ends = [each for each in (key.revoked_at, key.expires_at) if each is not None]
    if any(review.signed_at >= each for each in ends):
        return False
    model = conn.execute(
        select(models.c.target, models.c.home_kind, models.c.author, models.c.submitted_by).where(
            models.c.model_digest == review.model_digest
        )
    ).one_or_none()
    if model is None or model.target != review.target:
        return False
    if review.self_signed:
        return model.home_kind in _SELF_SIGNING_KINDS
    authors = {model.author.strip().casefold(), model.submitted_by.strip().casefold()}
    return key.owner.casefold() not in authors


def _require_another_person(conn: Connection, key: SigningKey, record: ModelRecord) -> None:
    """Refuse the author's own key, and in production a key whose owner is only somebody's word.

    There the holder of the enrolment key stands behind the name: what a machine says of who runs a
    process, whoever runs it can have it say.
    """
    if key.owner.casefold() in record.authors:
        raise _refused("the reviewer is the author of this model", "author_signs")
    if record.home_kind == "production" and not is_vouched(conn, key):
        raise PermissionRefused(
            "nobody vouches for this signing key: the name on it proves nothing",
            purpose="review",
            reason="not_vouched",
            hint="have it made with the enrolment key: keepwell keys create --scope audit:sign "
            "--owner NAME --enrolment-key KEY",
        )


def _unsigned(
    record: ModelRecord,
    outcome: str,
    reason: str,
    key_id: str,
    reviewer: str,
    now: datetime,
    valid_for: timedelta,
    self_signed: bool,
) -> Review:
    return Review(
        review_id=str(uuid4()),
        model_digest=record.model_digest,
        target=record.target,
        outcome=outcome,
        reason=reason.strip(),
        key_id=key_id,
        reviewer=reviewer,
        signed_at=now,
        expires_at=now + valid_for,
        signature="",
        self_signed=self_signed,
        report_digest=None if record.report_json is None else report_digest(record.report_json),
    )


def _file(
    conn: Connection, ledger: Ledger, review: Review, private_key: Ed25519PrivateKey, now: datetime
) -> Review:
    signed = review._replace(signature=private_key.sign(review_message(review)).hex())
    row = signed._asdict() | {"conditions": canonical(list(signed.conditions))}
    conn.execute(insert(reviews), row)
    status = "approved" if review.outcome == "approve" else "rejected"
    conn.execute(
        update(models).where(models.c.model_digest == review.model_digest).values(status=status)
    )
    body = {
        "review_id": review.review_id,
        "model_digest": review.model_digest,
        "outcome": review.outcome,
        "key_id": review.key_id,
        "self_signed": review.self_signed,
        "expires_at": to_text(review.expires_at),
        "digest": review_digest(signed),
    }
    ledger.append(conn, "review", body, now=now)
    return signed


def _refused(message: str, reason: str) -> PermissionRefused:
    return PermissionRefused(
        message,
        purpose="review",
        reason=reason,
        hint="use the audit:sign key of someone other than the author",
    )
