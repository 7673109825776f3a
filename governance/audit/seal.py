"""A seal over the JSON twin of a report, and what anyone can check of it without any home."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from governance.audit.record import verdict_word
from governance.audit.report import report_digest
from governance.canonical import digest
from governance.errors import InvalidInput
from governance.instants import parse_instant, to_text
from governance.signing.keys import public_text
from governance.signing.record import Review, signature_fits

_PREFIX = b"keepwell audit report\n"
_SEAL = frozenset({"digest", "signature", "public_key"})
_NAMES = frozenset(
    {
        "verdict", "plain_words", "stamp", "generated_at", "model_digest", "facts", "fairness",
        "gate", "report_digest", "impact_assessment", "practice", "provenance", "changes", "drift",
        "process", "not_measured", "sign_offs", "seal",
    }
)  # fmt: skip


_HINT = "keepwell audit MODEL writes one beside the page"


class Check(NamedTuple):
    """One thing that was looked at: whether it holds (None: only said), in words."""

    what: str
    holds: bool | None
    text: str


class Verified(NamedTuple):
    """What came of all checks.

    `outcome` is changed (something does not fit), unsigned (all fits, nobody signed), intact, or
    signed_only: the key one knows is a reviewer's, so that it vouches for what that reviewer signed
    and for nothing else. `known_key` says whose that key is: sealing, reviewing or nobody; None
    where none was named.
    """

    outcome: str
    checks: tuple[Check, ...]
    verdict: str
    model_digest: str
    known_key: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Give plain JSON."""
        return self._asdict() | {"checks": [each._asdict() for each in self.checks]}


def seal(twin: Mapping[str, Any], private_key: Ed25519PrivateKey) -> dict[str, Any]:
    """Give the twin with a seal over all of it, made with the key that signs the home's log."""
    rest = {name: each for name, each in twin.items() if name != "seal"}
    content: dict[str, Any] = json.loads(json.dumps(rest, allow_nan=False))
    found = digest(content)
    return content | {
        "seal": {
            "digest": found,
            "signature": private_key.sign(_PREFIX + found.encode()).hex(),
            "public_key": public_text(private_key.public_key()),
        }
    }


def verify_report(text: str, *, now: datetime, public_key: str | None = None) -> Verified:
    """Check a twin from its text alone: verdict, figures, signatures, seal.

    `public_key` is the sealing or a reviewer's key that one knows from elsewhere; without it the
    checks show that nothing was changed by someone who does not own the keys named in the file
    itself. Raises `InvalidInput` for what is no twin, or not one that can be read in one way only.
    """
    try:
        twin = _read(text)
        checks = tuple(_checks(twin, now, public_key))
        verdict, model_digest = str(twin["verdict"]), str(twin["model_digest"])
        role = None if public_key is None else _role(twin, public_key)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError):
        raise InvalidInput("this is not the JSON twin of an audit report", hint=_HINT) from None
    if any(each.holds is False for each in checks):
        outcome = "changed"
    elif role == "reviewing":
        outcome = "signed_only"
    else:
        outcome = "intact" if twin["sign_offs"] else "unsigned"
    return Verified(outcome, checks, verdict, model_digest, role)


def _read(text: str) -> dict[str, Any]:
    """Read a twin in the only way there is to read it: each name once, and none besides."""
    twin: dict[str, Any] = json.loads(text, object_pairs_hook=_once)
    for what, found, expected in (
        ("the report", twin, _NAMES),
        ("its seal", twin.get("seal") or {}, _SEAL),
    ):
        unknown = len(found.keys() - expected)
        if unknown:
            raise InvalidInput(
                f"{what} has {_some(unknown, 'field')} that no audit report has there",
                hint=f"{_HINT}; one drawn by a later version is checked with that version",
            )
    return twin


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise InvalidInput(
            "a field of the report is there twice, so that programs read different reports in it",
            hint=_HINT,
        )
    return found


def _checks(twin: Mapping[str, Any], now: datetime, known: str | None) -> Iterator[Check]:
    expected = verdict_word(twin["gate"]["outcome"])
    yield Check(
        "verdict",
        twin["verdict"] == expected,
        f"says {twin['verdict']}; the gate's outcome stands for {expected}",
    )
    named = {twin["model_digest"], twin["facts"]["model_digest"]}
    named |= {each["model_digest"] for each in twin["sign_offs"]}
    yield Check("one model", len(named) == 1, f"names {_some(len(named), 'model')}")
    figures = report_digest(twin)
    yield Check(
        "figures",
        twin["report_digest"] == figures,
        f"facts, groups and gate have the digest {_short(figures)}",
    )
    for number, each in enumerate(twin["sign_offs"], start=1):
        yield from _signature(number, each, figures, now)
    yield _seal_holds(twin)
    yield _known(twin, known)


def _known(twin: Mapping[str, Any], known: str | None) -> Check:
    if known is None:
        text = "you named none: the file vouches only for the keys that it names itself"
        return Check("known key", None, text)
    role = _role(twin, known)
    if role == "sealing":
        return Check("known key", True, "the key you know sealed the whole file")
    if role == "nobody":
        return Check("known key", False, "the key you know is NOT among those of this report")
    own = [each for each in twin["sign_offs"] if _is(each["public_key"], known)]
    covered = any(each["report_digest"] is not None for each in own)
    what = "figures and model" if covered else "the model alone, and no figures"
    return Check(
        "known key",
        None,
        f"the key you know is a reviewer's and vouches for what it signed: {what}",
    )


def _role(twin: Mapping[str, Any], known: str) -> str:
    if _is((twin.get("seal") or {"public_key": ""})["public_key"], known):
        return "sealing"
    reviewed = any(_is(each["public_key"], known) for each in twin["sign_offs"])
    return "reviewing" if reviewed else "nobody"


def _is(key: str, known: str) -> bool:
    return key.lower() == known.strip().lower()


def _signature(
    number: int, found: Mapping[str, Any], figures: str, now: datetime
) -> Iterator[Check]:
    review = _review(found)
    name = f"review {number} by {review.reviewer}"
    at = to_text(review.signed_at)[:10]
    said = {"approve": "approved", "reject": "rejected"}.get(review.outcome, review.outcome)
    itself = "; signed itself: nobody reviewed it" if review.self_signed else ""
    fits = signature_fits(review, found["public_key"])
    yield Check(
        f"{name}: signature",
        fits,
        f"{said} on {at}, key {_short(found['public_key'])}{itself}"
        if fits
        else f"this is not what key {_short(found['public_key'])} signed",
    )
    if review.report_digest is None:
        text = "the signature is about the model alone, and says nothing of figures"
        yield Check(f"{name}: figures", None, text)
    else:
        same = review.report_digest == figures
        text = "signed are the figures shown here" if same else "signed are OTHER figures"
        yield Check(f"{name}: figures", same, text)
    if review.outcome == "approve":
        over = "is over" if now >= review.expires_at else "runs"
        text = f"the approval {over}: until {to_text(review.expires_at)[:10]}"
        yield Check(f"{name}: in force", None, text)


def _seal_holds(twin: Mapping[str, Any]) -> Check:
    found = twin.get("seal")
    if found is None:
        return Check("seal", False, "there is none: draw the report with keepwell audit MODEL")
    content = {name: each for name, each in twin.items() if name != "seal"}
    now = digest(content)
    if now != found["digest"]:
        return Check("seal", False, "something in the file is not as it was when it was sealed")
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(found["public_key"]))
        key.verify(bytes.fromhex(found["signature"]), _PREFIX + now.encode())
    except (InvalidSignature, ValueError):
        return Check("seal", False, "the seal is not by the key it names")
    key_text = _short(found["public_key"])
    return Check("seal", True, f"nothing was changed since it was sealed by key {key_text}")


def _review(found: Mapping[str, Any]) -> Review:
    fields = {name: found[name] for name in Review._fields}
    return Review(
        **fields
        | {
            "signed_at": parse_instant(found["signed_at"], UTC),
            "expires_at": parse_instant(found["expires_at"], UTC),
            "conditions": tuple(found["conditions"]),
        }
    )


def _short(text: str) -> str:
    return f"{text[:16]}…"


def _some(n: int, what: str) -> str:
    return f"{n} {what}" + ("" if n == 1 else "s")
