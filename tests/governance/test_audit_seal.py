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


def test_the_sealing_key_vouches_for_the_whole_file(twin: dict[str, Any]) -> None:
    found = check(twin, public_key=f" {public_text(HOME.public_key()).upper()}\n")
    assert (found.outcome, found.known_key) == ("intact", "sealing")


def test_a_key_that_is_nowhere_in_the_file_makes_it_worthless(twin: dict[str, Any]) -> None:
    found = check(twin, public_key=public_text(Ed25519PrivateKey.generate().public_key()))
    assert (found.outcome, found.known_key) == ("changed", "nobody")


def test_a_reviewers_key_does_not_vouch_for_what_somebody_else_sealed(
    twin: dict[str, Any],
) -> None:
    forged = seal({**twin, "process": {"complaints": 0}}, Ed25519PrivateKey.generate())
    found = check(forged, public_key=public_text(GRACE.public_key()))
    assert (found.outcome, found.known_key) == ("signed_only", "reviewing")
    assert "figures and model" in found.checks[-1].text


def test_a_reviewer_who_signed_the_model_alone_vouches_for_no_figures() -> None:
    base = report()
    narrow = replace(base, sign_offs=(signed(base, report_digest=None),))
    found = check(seal(to_json(narrow), HOME), public_key=public_text(GRACE.public_key()))
    assert found.outcome == "signed_only"
    assert "no figures" in found.checks[-1].text


def test_without_a_key_from_elsewhere_the_file_only_vouches_for_itself(
    twin: dict[str, Any],
) -> None:
    found = check(twin)
    assert (found.outcome, found.known_key) == ("intact", None)
    assert "only for the keys that it names itself" in found.checks[-1].text


def test_a_report_without_its_seal_is_changed_whatever_key_is_known(twin: dict[str, Any]) -> None:
    bare = {name: each for name, each in twin.items() if name != "seal"}
    assert check(bare, public_key=public_text(GRACE.public_key())).outcome == "changed"


def test_a_field_that_is_there_twice_is_refused(twin: dict[str, Any]) -> None:
    text = json.dumps(twin).replace('"verdict":', '"verdict": "fail", "verdict":', 1)
    with pytest.raises(InvalidInput, match="there twice"):
        verify_report(text, now=NOW)


def test_a_field_that_no_report_has_is_refused_sealed_or_not(twin: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match="1 field that no audit report has"):
        check(seal({**twin, "certified_by": "the authority"}, HOME))
    with pytest.raises(InvalidInput, match="its seal has 1 field"):
        check({**twin, "seal": {**twin["seal"], "certified_by": "the authority"}})


def test_nesting_without_end_is_refused(twin: dict[str, Any]) -> None:
    deep = "[" * 200_000 + "]" * 200_000
    text = json.dumps(twin).replace('"process":', f'"process": {deep}, "_":', 1)
    with pytest.raises(InvalidInput, match="not the JSON twin"):
        verify_report(text, now=NOW)


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
