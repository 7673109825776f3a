"""Anyone can check a report without the home it came from; nothing in it can be changed unseen."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from governance.audit.record import AuditReport, SignOff
from governance.audit.report import report_digest, to_json
from governance.audit.seal import Verified, seal, verify_report
from governance.errors import InvalidInput
from governance.signing.keys import public_text
from governance.signing.record import Review, review_message, signature_fits
from tests.governance.sample import NOW
from tests.governance.test_audit import report

HOME, GRACE = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()


def signed(base: AuditReport, **changed: Any) -> SignOff:
    """Grace's real signature over the figures of the report."""
    stated: dict[str, Any] = {
        "review_id": "r1",
        "model_digest": base.facts.model_digest,
        "target": "churn",
        "outcome": "approve",
        "reason": "read it",
        "key_id": "k1",
        "reviewer": "Grace",
        "signed_at": NOW,
        "expires_at": NOW + timedelta(days=365),
        "signature": "",
        "self_signed": False,
        "conditions": ("look again in May",),
        "report_digest": report_digest(base.substance),
    }
    review = Review(**stated | changed)
    review = review._replace(signature=GRACE.sign(review_message(review)).hex())
    public_key = public_text(GRACE.public_key())
    return SignOff(review, public_key, "enrolled", signature_fits(review, public_key))


@pytest.fixture(scope="module")
def twin() -> dict[str, Any]:
    """Give a sealed twin of a report that Grace has signed."""
    base = report()
    return seal(to_json(replace(base, sign_offs=(signed(base),))), HOME)


def check(twin: dict[str, Any], **options: Any) -> Verified:
    return verify_report(json.dumps(twin), now=NOW, **options)


def test_what_was_not_touched_is_intact(twin: dict[str, Any]) -> None:
    assert check(twin).outcome == "intact"


def test_a_report_nobody_signed_says_so() -> None:
    assert check(seal(to_json(report()), HOME)).outcome == "unsigned"


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict):
        for name, each in value.items():
            yield from leaves(each, (*path, name))
    elif isinstance(value, list):
        for place, each in enumerate(value):
            yield from leaves(each, (*path, place))
    else:
        yield path


def changed(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    return f"{value}0"


def test_any_changed_figure_or_word_is_found(twin: dict[str, Any]) -> None:
    paths = list(leaves(twin))
    assert len(paths) > 500
    for path in paths:
        copy = json.loads(json.dumps(twin))
        place = copy
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = changed(place[path[-1]])
        try:
            outcome = check(copy).outcome
        except InvalidInput:
            continue
        assert outcome == "changed", path


@pytest.mark.parametrize("part", ["facts", "fairness", "gate"])
def test_whoever_seals_it_anew_still_lacks_the_reviewers_signature(
    twin: dict[str, Any], part: str
) -> None:
    forged = {**twin, part: {**twin[part], "note": "better"}}
    forged["report_digest"] = report_digest(forged)
    found = check(seal(forged, Ed25519PrivateKey.generate()))
    bad = [each.what for each in found.checks if each.holds is False]
    assert bad == ["review 1 by Grace: figures"]


def test_a_review_taken_out_is_found_by_the_seal(twin: dict[str, Any]) -> None:
    found = check({**twin, "sign_offs": []})
    assert [each.what for each in found.checks if each.holds is False] == ["seal"]


def test_a_key_known_from_elsewhere_is_looked_for(twin: dict[str, Any]) -> None:
    assert check(twin, public_key=public_text(GRACE.public_key())).outcome == "intact"
    stranger = public_text(Ed25519PrivateKey.generate().public_key())
    assert check(twin, public_key=stranger).outcome == "changed"


def test_a_verdict_that_the_gate_did_not_give_is_found(twin: dict[str, Any]) -> None:
    found = check(seal({**twin, "verdict": "fail"}, HOME))
    assert [each.what for each in found.checks if each.holds is False] == ["verdict"]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"verdict": "pass"}', "null"])
def test_what_is_no_report_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="not the JSON twin"):
        verify_report(text, now=NOW)


def test_process_figures_do_not_change_what_is_signed(twin: dict[str, Any]) -> None:
    later = {**twin, "process": {"complaints": 3}, "generated_at": "later"}
    assert report_digest(later) == twin["report_digest"]
