"""Signing a home's models: by an enrolled key, logged whatever comes of it, mirrored in MLflow."""

import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Literal

import structlog

from governance.errors import GateRefused, InvalidInput, PermissionRefused
from governance.review.candidates import ModelRecord, find_model
from governance.review.reviews import VALID_FOR, Review, self_sign, sign
from serving.access.auth import Principal, Unauthenticated, authenticate, split_key
from serving.bootstrap import Keepwell
from training.tracking import Tracking

log = structlog.get_logger("keepwell.models")
Mirror = Callable[[Keepwell, Review], None]


def review_model(
    keepwell: Keepwell,
    model: str,
    *,
    outcome: Literal["approve", "reject"],
    key: str | None,
    reason: str,
    now: datetime,
    conditions: Sequence[str] = (),
    valid_for: timedelta = VALID_FOR,
    show_refused: bool = False,
    mirror: Mirror | None = None,
) -> tuple[ModelRecord, Review]:
    """Sign a model with an enrolled key; an approval lets it serve.

    Without a key only demo and evaluation homes can approve, and what they sign says so; with
    `show_refused` even of a model the gate refused, to show what that looks like. `mirror` tells
    MLflow, in this process if not said. Raises `PermissionRefused` for a key that may not sign
    this, `GateRefused` for approving what the gate refused, `InvalidInput` for no reason or no key.
    """
    try:
        record, review = _sign(
            keepwell, model, outcome, key, reason, now, conditions, valid_for, show_refused
        )
    except (PermissionRefused, GateRefused) as refusal:
        _note(keepwell, model, refusal, now)
        raise
    (mirror or mirror_review)(keepwell, review)
    return record, review


def review_in_person(
    keepwell: Keepwell,
    model: str,
    *,
    outcome: Literal["approve", "reject"],
    caller: Principal,
    key: str,
    reason: str,
    now: datetime,
    conditions: Sequence[str] = (),
    valid_for: timedelta = VALID_FOR,
) -> tuple[ModelRecord, Review]:
    """Sign a model as somebody who is logged in and gives their own signing key to prove it.

    A session shows who opened it, perhaps hours ago; only the key signs, and it is kept nowhere.
    MLflow is told by a process of its own. Raises what `review_model` does, and `PermissionRefused`
    for a good key of somebody else.
    """
    if not key.strip():
        raise InvalidInput("a review is signed with your signing key, and none was given")
    try:
        _require_own(keepwell, caller, key.strip(), now)
    except PermissionRefused as refusal:
        _note(keepwell, model, refusal, now)
        raise
    return review_model(
        keepwell,
        model,
        outcome=outcome,
        key=key.strip(),
        reason=reason,
        now=now,
        conditions=conditions,
        valid_for=valid_for,
        mirror=_mirror_apart,
    )


def _require_own(keepwell: Keepwell, caller: Principal, key: str, now: datetime) -> None:
    try:
        with keepwell.database.read() as conn:
            holder, _ = authenticate(conn, key, now=now)
    except Unauthenticated:
        return  # signing refuses it, in its own words
    if holder.owner.casefold() != caller.owner.casefold():
        raise PermissionRefused(
            "this key belongs to somebody else than the person logged in",
            purpose="review",
            reason="another_person",
            hint="log in as the person who signs",
        )


def _sign(
    keepwell: Keepwell,
    model: str,
    outcome: str,
    key: str | None,
    reason: str,
    now: datetime,
    conditions: Sequence[str],
    valid_for: timedelta,
    show_refused: bool,
) -> tuple[ModelRecord, Review]:
    with keepwell.database.write() as conn:
        if key is not None:
            key_id, secret = _signing_key(key)
            review = sign(
                conn,
                keepwell.ledger,
                model,
                secret=secret,
                key_id=key_id,
                home_kind=keepwell.kind,
                outcome=outcome,
                reason=reason,
                now=now,
                conditions=conditions,
                valid_for=valid_for,
            )
        elif outcome == "approve" and keepwell.kind != "production":
            review = self_sign(
                conn,
                keepwell.ledger,
                model,
                home_kind=keepwell.kind,
                private_key=keepwell.keys.ledger,
                now=now,
                allow_refused_gate=show_refused,
            )
        else:
            raise InvalidInput(
                "a review is signed with an enrolled key, and none was given",
                hint="make one: keepwell keys create --scope audit:sign --owner NAME",
            )
        return find_model(conn, review.model_digest), review


def _note(
    keepwell: Keepwell, model: str, refusal: PermissionRefused | GateRefused, now: datetime
) -> None:
    """Log that somebody tried to sign what they may not; no name, no key."""
    with keepwell.database.write() as conn:
        body = {
            "model_digest": find_model(conn, model).model_digest,
            "reason": refusal.reason if isinstance(refusal, PermissionRefused) else refusal.code,
        }
        keepwell.ledger.append(conn, "review_refused", body, now=now)


def mirror_review(keepwell: Keepwell, review: Review) -> None:
    """Let MLflow's `champion` follow the signature, which is the truth and stands without it."""
    try:
        _tell_mlflow(keepwell, review)
    except Exception as error:  # noqa: BLE001 - the review is signed, whatever MLflow says
        log.warning("MLflow could not be told of a review", kind=type(error).__name__)


def _mirror_apart(keepwell: Keepwell, review: Review) -> None:
    """Do the same in a process of its own: MLflow takes seconds and memory a service has not."""
    command = [sys.executable, "-m", "serving.mirror", str(keepwell.home.root), review.review_id]
    told = partial(subprocess.run, command, check=False)
    threading.Thread(target=told, name="mirror", daemon=True).start()


def _tell_mlflow(keepwell: Keepwell, review: Review) -> None:
    tracking = Tracking(keepwell.home.mlruns)
    if review.outcome == "approve":
        tracking.promote(review.target, review.model_digest)
    elif tracking.champion_digest(review.target) == review.model_digest:
        tracking.demote(review.target)
    told = {"approve": "approved", "reject": "rejected"}[review.outcome]
    why = "; ".join((review.reason, *(f"condition: {each}" for each in review.conditions)))
    tracking.reviewed(review.target, review.model_digest, told, why, at=review.signed_at)


def _signing_key(key: str) -> tuple[str, str]:
    try:
        return split_key(key)
    except Unauthenticated:
        raise InvalidInput(
            "what was given as the key is not one of Keepwell's keys",
            hint="give it whole, as `keepwell keys create` printed it: kw_…",
        ) from None
