"""Files of people's own answers: every state comes in, every wrong line is named by its reason."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from governance.consent.record import STATES
from governance.errors import InvalidInput
from serving.permission.consent_files import OPTIONAL, REQUIRED, read_consents
from serving.permission.consents import Recorded, record_all
from tests.serving.conftest import Shop

WHOLE = {
    "customer_id": "ann@example.org",
    "purpose": "risk_scoring",
    "state": "given",
    "occurred_at": "2026-05-01",
    "mechanism": "imported",
    "evidence": "paper form 17",
}


def bring_in(shop: Shop, path: Path, *lines: dict[str, Any]) -> tuple[Recorded, dict[str, int]]:
    """Write the lines as CSV or JSON lines, import them, and give both kinds of counts."""
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    else:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, [*REQUIRED, *OPTIONAL])
            writer.writeheader()
            writer.writerows(lines)
    zone = shop.keepwell.settings.zone
    found = read_consents(path, zone=zone, rename=shop.keepwell.inside_id)
    done = record_all(shop.keepwell, found.changes, clock=shop.clock)
    return done, dict(found.unreadable)


@pytest.mark.parametrize("name", ["answers.csv", "answers.jsonl"])
def test_every_state_comes_in(shop: Shop, tmp_path: Path, name: str) -> None:
    lines = [
        WHOLE | {"customer_id": state, "state": state, "evidence": f"form of {state}"}
        for state in sorted(STATES)
    ]
    done, unreadable = bring_in(shop, tmp_path / name, *lines)
    assert (done.recorded, done.granted, done.reasons, unreadable) == (len(STATES), 2, {}, {})
    with shop.keepwell.database.read() as conn:
        states = [
            shop.keepwell.registry.state(conn, each, "risk_scoring", now=shop.clock())
            for each in sorted(STATES)
        ]
    assert [each.state for each in states] == sorted(STATES)
    assert {each.state for each in states if each.permitted} == {"given", "renewed"}


@pytest.mark.parametrize("name", ["answers.csv", "answers.jsonl"])
@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"customer_id": ""}, "a line without a customer"),
        ({"purpose": "everything"}, "'everything' is not a purpose"),
        ({"purpose": "ann@example.org"}, "what was given is not a purpose"),
        ({"state": "ann@example.org"}, "what was given is not a state"),
        ({"purpose": "all"}, "there is no grant for everything"),
        ({"state": "maybe"}, "'maybe' is not a state"),
        ({"occurred_at": "ann@example.org"}, "occurred_at is not a date"),
        ({"occurred_at": ""}, "must say when it was given"),
        ({"occurred_at": "2031-01-01"}, "lies in the future"),
        ({"mechanism": ""}, "which act"),
        ({"mechanism": "pre-ticked box"}, "not an affirmative act"),
        ({"evidence": " "}, "no evidence of its own"),
        ({"expires_at": "2026-04-01"}, "expires before it begins"),
        ({"notice_id": "shop"}, "belong together"),
        ({"notice_id": "shop", "notice_version": "two"}, "cannot be read"),
    ],
)
def test_a_wrong_line_is_refused_by_its_reason_and_holds_up_nobody(
    shop: Shop, tmp_path: Path, name: str, wrong: dict[str, str], reason: str
) -> None:
    done, unreadable = bring_in(
        shop, tmp_path / name, WHOLE | {"customer_id": "bob", "evidence": "form 3"}, WHOLE | wrong
    )
    [(said, count)] = {**done.reasons, **unreadable}.items()
    assert reason in said
    assert (count, done.recorded, "@" in said) == (1, 1, False)


def test_one_list_is_nobodys_own_evidence(shop: Shop, tmp_path: Path) -> None:
    shared = WHOLE | {"evidence": "newsletter list of 2019"}
    ticked = shared | {"customer_id": "dora", "mechanism": "checkbox_ticked"}
    done, unreadable = bring_in(
        shop,
        tmp_path / "answers.csv",
        *(shared | {"customer_id": who} for who in ("ann", "bob", "cleo")),
        shared | {"customer_id": "ann", "purpose": "outreach.email"},
        shared | {"customer_id": "eve", "state": "refused"},
        ticked,
    )
    assert unreadable == {"its evidence is that of several people, and not its own": 4}
    assert (done.recorded, done.granted) == (2, 1)


def test_one_form_may_carry_several_purposes_of_one_person(shop: Shop, tmp_path: Path) -> None:
    done, _ = bring_in(shop, tmp_path / "answers.csv", WHOLE, WHOLE | {"purpose": "outreach.email"})
    assert (done.recorded, done.granted) == (2, 2)


def test_a_no_with_a_wrong_time_still_counts(shop: Shop, tmp_path: Path) -> None:
    no = WHOLE | {"state": "withdrawn", "occurred_at": "2031-01-01", "evidence": ""}
    done, _ = bring_in(shop, tmp_path / "answers.csv", no)
    assert (done.recorded, done.refused) == (1, 0)


def test_a_no_whose_time_cannot_be_read_still_counts(shop: Shop, tmp_path: Path) -> None:
    no = WHOLE | {"state": "withdrawn", "occurred_at": "soon", "notice_version": "two"}
    done, unreadable = bring_in(shop, tmp_path / "answers.csv", no)
    assert (done.recorded, unreadable) == (1, {})


def test_a_file_that_lacks_a_column_says_which(tmp_path: Path, shop: Shop) -> None:
    path = tmp_path / "answers.csv"
    path.write_text("customer_id,purpose\nann,risk_scoring\n", encoding="utf-8")
    with pytest.raises(InvalidInput, match="lacks state, occurred_at, mechanism, evidence"):
        read_consents(path, zone=shop.keepwell.settings.zone, rename=str)
