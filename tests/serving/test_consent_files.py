"""Files of people's own answers: every state comes in, every wrong line is named by its reason."""

import csv
import json
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

from governance.consent.record import STATES
from governance.errors import InvalidInput
from serving.permission.consent_files import (
    OPTIONAL,
    REQUIRED,
    ConsentFile,
    read_consents,
    with_own_evidence,
)
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
        ({"purpose": "all"}, "there is no grant for everything"),
        ({"state": ""}, "does not say what was answered"),
        ({"state": "maybe", "purpose": "everything"}, "'everything' is not a purpose"),
        ({"customer_id": "a" * 201}, "customer_id is longer than 200 characters"),
        ({"evidence": "form " + "7" * 3_000}, "evidence is longer than 2,000 characters"),
        ({"mechanism": "ｐｒｅ-ticked"}, "not an affirmative act"),
        ({"mechanism": "сheckbox_ticked"}, "in plain letters"),
        ({"mechanism": "they did not object"}, "not an affirmative act"),
        ({"evidence": "N/A"}, "does not say where"),
        ({"guardian_evidence": "yes"}, "guardian_evidence does not say where"),
        ({"occurred_at": "ann@example.org"}, "occurred_at is not a date"),
        ({"occurred_at": ""}, "must say when it was given"),
        ({"occurred_at": "2031-01-01"}, "lies in the future"),
        ({"mechanism": ""}, "which act"),
        ({"mechanism": "pre-ticked box"}, "not an affirmative act"),
        ({"evidence": " "}, "no evidence of its own"),
        ({"expires_at": "2026-04-01"}, "expires before it begins"),
        ({"notice_id": "shop"}, "belong together"),
        ({"notice_id": "shop", "notice_version": "two"}, "cannot be read"),
        ({"notice_id": "shop", "notice_version": "9" * 150}, "cannot be read"),
        ({"notice_id": "shop", "notice_version": str(2**31)}, "cannot be read"),
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
    assert unreadable == {"its evidence is that of several people, and not its own": 5}
    assert (done.recorded, done.granted) == (1, 0)


def test_shared_evidence_is_shared_however_it_is_spelt(shop: Shop, tmp_path: Path) -> None:
    done, unreadable = bring_in(
        shop,
        tmp_path / "answers.csv",
        WHOLE | {"mechanism": "button", "evidence": "List  of 2019"},
        WHOLE | {"mechanism": "button", "evidence": "list of ２０１９", "customer_id": "bob"},
    )
    assert (done.granted, sum(unreadable.values())) == (0, 2)


def test_evidence_of_another_persons_recorded_yes_is_not_ones_own(
    shop: Shop, tmp_path: Path
) -> None:
    bring_in(shop, tmp_path / "first.csv", WHOLE)
    kept = {}
    for who in ("bob", WHOLE["customer_id"]):
        path = tmp_path / "second.csv"
        line = WHOLE | {"customer_id": who, "evidence": "Paper  form 17"}
        path.write_text(",".join(line) + "\n" + ",".join(line.values()) + "\n")
        read = read_consents(path, zone=shop.keepwell.settings.zone, rename=str)
        with shop.keepwell.database.read() as conn:
            found = with_own_evidence(conn, read)
        kept[who] = (len(found.changes), sum(found.unreadable.values()))
    assert kept == {"bob": (0, 1), WHOLE["customer_id"]: (1, 0)}


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


HEADER = ",".join(REQUIRED) + "\n"
GOOD = "{},risk_scoring,given,2026-05-01,button,form of {}\n"


def read_bytes(path: Path, *lines: bytes) -> ConsentFile:
    path.write_bytes(b"".join(lines))
    return read_consents(path, zone=UTC, rename=str)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"eve,risk_scoring,given,2026-05-01,button,form \xff\n", "no text in UTF-8"),
        (b"eve,risk_scoring,given,2026-05-01,button," + b"x" * 200_000 + b"\n", "longer than any"),
        (
            b"eve,risk_scoring,given,2026-05-01,button," + b"x" * 2_000_000 + b"\n",
            "longer than any",
        ),
        (b'eve,risk_scoring,given,2026-05-01,button,"form\n', "opens a quote"),
        (b'"eve,risk_scoring,given,2026-05-01,button,form\n', "opens a quote"),
    ],
)
@pytest.mark.parametrize("quoted", [False, True])
def test_one_broken_line_of_a_csv_file_loses_that_line_alone(
    tmp_path: Path, line: bytes, reason: str, quoted: bool
) -> None:
    good = [GOOD.format(who, who) for who in ("ann", "bob", "cleo")]
    if quoted:
        good = ['"' + each.strip().replace(",", '","') + '"\n' for each in good]
    ann, bob, cleo = (each.encode() for each in good)
    found = read_bytes(tmp_path / "a.csv", HEADER.encode(), ann, line, bob, cleo)
    assert [each.customer_id for each in found.changes] == ["ann", "bob", "cleo"]
    [(said, count)] = found.unreadable.items()
    assert (reason in said, count) == (True, 1)


@pytest.mark.parametrize(
    "line",
    [
        b"[" * 100_000,
        b'{"customer_id": ' + b'{"a":' * 50_000,
        b'{"customer_id": "eve", "purpose": "risk_scoring", "state": "given", "evidence": "\xff"}',
        b'{"customer_id": "\\ud800", "purpose": "risk_scoring", "state": "revoked"}',
        b'{"customer_id": ["eve"], "purpose": "risk_scoring", "state": "revoked"}',
        b'{"customer_id": ' + b"9" * 5_000 + b"}",
        b"no json",
        b"{}",
    ],
)
@pytest.mark.parametrize("first", [False, True])
def test_one_broken_json_line_loses_that_line_alone(
    tmp_path: Path, line: bytes, first: bool
) -> None:
    good = [
        json.dumps(WHOLE | {"customer_id": who, "evidence": f"form of {who}"}).encode() + b"\n"
        for who in ("ann", "bob")
    ]
    lines = [line + b"\n", *good] if first else [good[0], line + b"\n", good[1]]
    found = read_bytes(tmp_path / "a.jsonl", *lines)
    assert [each.customer_id for each in found.changes] == ["ann", "bob"]
    assert sum(found.unreadable.values()) == 1


def test_a_text_may_run_over_several_lines_in_quotes(tmp_path: Path) -> None:
    line = b'ann,risk_scoring,given,2026-05-01,letter,"a letter,\nand ""more"" of it"\n'
    found = read_bytes(tmp_path / "a.csv", HEADER.encode(), line, GOOD.format("b", "b").encode())
    assert [each.evidence for each in found.changes] == [
        'a letter,\nand "more" of it',
        "form of b",
    ]


def test_a_no_with_bad_bytes_beside_it_still_counts(tmp_path: Path) -> None:
    line = b"ann,risk_scoring,withdrawn,2026-05-01,button,form \xff\n"
    [change] = read_bytes(tmp_path / "a.csv", HEADER.encode(), line).changes
    assert (change.customer_id, change.state, change.evidence) == ("ann", "withdrawn", "")


@pytest.mark.parametrize(
    "word", ["WITHDRAWN", " Revoked", "no", "No", "opt-out", "Opted Out", "optout", "Unsubscribed"]
)
def test_a_no_stops_however_it_is_spelt(shop: Shop, tmp_path: Path, word: str) -> None:
    bring_in(shop, tmp_path / "a.csv", WHOLE)
    no = WHOLE | {"state": word, "purpose": "Risk_Scoring", "occurred_at": "2026-05-02"}
    done, unreadable = bring_in(shop, tmp_path / "a.csv", no)
    assert (done.recorded, done.refused, unreadable) == (1, 0, {})
    with shop.keepwell.database.read() as conn:
        state = shop.keepwell.registry.state(
            conn, "ann@example.org", "risk_scoring", now=shop.clock()
        )
    assert not state.permitted


@pytest.mark.parametrize("word", ["maybe", "granted?", "ann@example.org", "withdr\ufffdwn"])
def test_a_word_nobody_knows_stops_and_is_counted(tmp_path: Path, word: str) -> None:
    line = f"ann,risk_scoring,{word},2026-05-01,button,form 1\n".encode()
    found = read_bytes(tmp_path / "a.csv", HEADER.encode(), line)
    [change] = found.changes
    assert (change.state, change.mechanism) == ("withdrawn", "unreadable state")
    [(said, count)] = found.unclear.items()
    assert ("counts as a withdrawal" in said, word in said, count) == (True, False, 1)
