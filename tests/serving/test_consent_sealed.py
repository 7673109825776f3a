"""The log tells when the consent record was changed behind its back, and of nothing else."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, text, update

from governance.consent.record import ConsentChange
from governance.consent.sealed import check_consents, runs
from governance.tables import consent_events, consent_subjects, ledger_entries
from serving.bootstrap import open_home
from serving.permission.consents import change_consent, describe_subject, record_all, withdraw
from serving.rights.acts import erase, object_to_processing, settle
from serving.rights.retention import apply_retention
from serving.settings_rights import RetentionSettings
from tests.serving.conftest import Shop
from tests.serving.test_cli import Commands

E, S = consent_events, consent_subjects


def bad(shop: Shop) -> tuple[str, ...]:
    with shop.keepwell.database.read() as conn:
        return check_consents(conn).bad


def last_seq(shop: Shop) -> int:
    with shop.keepwell.database.read() as conn:
        return conn.execute(select(E.c.seq).order_by(E.c.seq.desc())).scalars().first() or 0


def tamper(shop: Shop, act: Any) -> None:
    with shop.keepwell.database.write() as conn:
        conn.execute(act)


def word(customer_id: str, state: str, purpose: str = "risk_scoring") -> ConsentChange:
    return ConsentChange(
        customer_id=customer_id,
        purpose=purpose,
        state=state,
        mechanism="checkbox_ticked",
        evidence=f"form {customer_id}",
    )


def full(customer_id: str, until: datetime) -> ConsentChange:
    guardian = "letter of the mother"
    return replace(word(customer_id, "given"), expires_at=until, guardian_evidence=guardian)


def say(shop: Shop, state: str) -> None:
    change_consent(shop.keepwell, word("ann", state), clock=shop.clock)


def described(shop: Shop) -> None:
    adult_from = shop.clock() + timedelta(days=400)
    describe_subject(
        shop.keepwell, "ann", adult_from=adult_from, relation="employee", clock=shop.clock
    )


def test_nothing_is_said_of_a_record_that_nobody_touched(shop: Shop) -> None:
    shop.permit("ann", "risk_scoring", "model_training", "wellbeing_inference")
    say(shop, "renewed")
    withdraw(shop.keepwell, "ann", "model_training", actor="customer", clock=shop.clock)
    object_to_processing(shop.keepwell, "ann", now=shop.clock())
    described(shop)
    described(shop)
    with shop.keepwell.database.read() as conn:
        assert check_consents(conn) == (6, ())


@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize(
    "change",
    [
        {"purpose": "model_training"},
        {"state": "renewed"},
        {"occurred_at": 1},
        {"recorded_at": 1},
        {"expires_at": None},
        {"actor": "someone"},
        {"mechanism": "signature"},
        {"evidence": "form 8"},
        {"explicit": True},
        {"explicit": "1.5"},
        {"notice_id": "scoring"},
        {"notice_version": 2},
        {"notice_hash": "ab"},
        {"notice_locale": "de"},
        {"guardian_evidence": None},
        {"customer_id": "bob"},
        {"event_id": "another"},
    ],
    ids=lambda change: "-".join(str(each) for each in change.items()),
)
def test_an_edit_of_any_column_of_a_word_is_found(
    shop: Shop, change: Mapping[str, Any], together: bool
) -> None:
    until = shop.clock() + timedelta(days=5)
    if together:
        record_all(shop.keepwell, [word("bert", "given"), full("ann", until)], clock=shop.clock)
    else:
        change_consent(shop.keepwell, full("ann", until), clock=shop.clock)
    seq = last_seq(shop)
    [(column, value)] = change.items()
    with shop.keepwell.database.write() as conn:
        sql = text(f"UPDATE consent_events SET {column} = :value WHERE seq = :seq")
        conn.execute(sql, {"value": value, "seq": seq})
    assert bad(shop) == (f"word {seq} is not as it was said",)


def test_a_withdrawal_that_was_taken_out_is_missed(shop: Shop) -> None:
    shop.permit("ann")
    withdraw(shop.keepwell, "ann", "risk_scoring", actor="customer", clock=shop.clock)
    seq = last_seq(shop)
    tamper(shop, delete(E).where(E.c.seq == seq))
    assert bad(shop) == (f"word {seq} is gone",)


@pytest.mark.parametrize("seq", [3, 900, -1])
def test_a_word_that_was_put_in_is_found(shop: Shop, seq: int) -> None:
    shop.permit("ann")
    with shop.keepwell.database.write() as conn:
        row = conn.execute(select(E)).mappings().one()
        conn.execute(insert(E), {**row, "seq": seq, "event_id": "forged", "customer_id": "bob"})
    assert bad(shop) == (f"word {seq} was never logged",)


def test_two_people_cannot_change_places(shop: Shop) -> None:
    shop.permit("ann")
    withdraw(shop.keepwell, "bob", "risk_scoring", actor="customer", clock=shop.clock)
    for table in ("consent_events", "persons"):
        for old, new in (("ann", "x"), ("bob", "ann"), ("x", "bob")):
            changed = f"UPDATE {table} SET customer_id = '{new}' WHERE customer_id = '{old}'"
            tamper(shop, text(changed))
    assert len(bad(shop)) == 2


def test_the_erased_are_not_missed(shop: Shop) -> None:
    shop.order("ann", 3)
    shop.permit("ann", "risk_scoring", "model_training")
    described(shop)
    shop.permit("bob")
    erase(shop.keepwell, "ann", now=shop.clock())
    assert bad(shop) == ()
    shop.permit("ann")
    described(shop)
    assert bad(shop) == ()


def test_a_word_brought_back_after_an_erasure_is_found(shop: Shop) -> None:
    shop.order("ann", 3)
    shop.permit("ann")
    with shop.keepwell.database.read() as conn:
        row = conn.execute(select(E)).mappings().one()
    erase(shop.keepwell, "ann", now=shop.clock())
    tamper(shop, insert(E).values(**row))
    assert bad(shop) == (f"word {row['seq']} is back, though the log says that it went",)


def test_words_that_retention_let_go_are_not_missed_but_others_are(shop: Shop) -> None:
    say(shop, "given")
    say(shop, "withdrawn")
    kept = last_seq(shop)
    shop.pass_days(400)
    limits = RetentionSettings(consent_history_days=365)
    settings = shop.keepwell.settings.model_copy(update={"retention": limits})
    apply_retention(replace(shop.keepwell, settings=settings), now=shop.clock())
    assert bad(shop) == ()
    tamper(shop, delete(E))
    assert bad(shop) == (f"word {kept} is gone",)


def test_numbers_are_written_as_runs() -> None:
    assert runs([7, 1, 2, 3, 9]) == [[1, 3], [7, 7], [9, 9]]


@pytest.mark.parametrize(
    "act",
    [
        update(S).values(relation="customer"),
        update(S).values(adult_from=None),
        update(S).values(customer_id="bob"),
        update(S).values(salt=""),
        delete(S),
    ],
)
def test_what_is_said_of_a_person_cannot_be_changed(shop: Shop, act: Any) -> None:
    described(shop)
    tamper(shop, act)
    [found] = bad(shop)
    assert found.startswith("the description of person_")


def test_a_description_that_was_put_in_is_found(shop: Shop) -> None:
    tamper(shop, insert(S).values(customer_id="ann", relation="customer", seq=1, salt=""))
    assert bad(shop) == ("the description numbered 1 was never logged",)


def test_an_older_description_cannot_be_put_back(shop: Shop) -> None:
    described(shop)
    with shop.keepwell.database.read() as conn:
        row = conn.execute(select(S)).mappings().one()
    described(shop)
    tamper(shop, delete(S))
    tamper(shop, insert(S).values(**row))
    assert len(bad(shop)) == 2


def test_the_log_holds_no_salt_of_a_digest(shop: Shop) -> None:
    shop.permit("ann", "risk_scoring", "model_training")
    say(shop, "given")
    described(shop)
    with shop.keepwell.database.read() as conn:
        salts = [*conn.execute(select(E.c.event_id)).scalars()]
        salts += conn.execute(select(S.c.salt)).scalars()
        log = " ".join(conn.execute(select(ledger_entries.c.body)).scalars())
    assert len(salts) == 4
    assert all(salt and salt not in log for salt in salts)


def test_words_an_earlier_version_logged_are_counted_and_no_more(shop: Shop) -> None:
    shop.permit("ann", "risk_scoring", "model_training")
    with shop.keepwell.database.write() as conn:
        [entry] = conn.execute(
            select(ledger_entries).where(ledger_entries.c.kind == "consents")
        ).all()
        body = {name: each for name, each in json.loads(entry.body).items() if name != "words"}
        old = update(ledger_entries).where(ledger_entries.c.seq == entry.seq)
        conn.execute(old.values(body=json.dumps(body)))
    say(shop, "given")
    assert bad(shop) == ()
    with shop.keepwell.database.write() as conn:
        row = conn.execute(select(E).limit(1)).mappings().one()
        conn.execute(insert(E), {**row, "seq": 0, "event_id": "forged"})
    assert len(bad(shop)) == 1


def test_words_brought_back_after_a_restore_are_logged_like_any(shop: Shop, tmp_path: Path) -> None:
    shop.order("ann", 3)
    shop.permit("ann")
    home = shop.keepwell.home
    shop.keepwell.close()
    shutil.copyfile(home.database_file, tmp_path / "backup.db")
    withdraw(shop.keepwell, "ann", "risk_scoring", actor="customer", clock=shop.clock)
    object_to_processing(shop.keepwell, "ann", now=shop.clock())
    shop.keepwell.close()
    for file in home.var.glob("keepwell.db*"):
        file.unlink()
    shutil.copyfile(tmp_path / "backup.db", home.database_file)
    restored = Shop(open_home(home.root), shop.clock)
    settle(restored.keepwell, now=shop.clock())
    with restored.keepwell.database.read() as conn:
        assert check_consents(conn) == (3, ())
    restored.keepwell.close()


def test_ledger_verify_names_the_words_that_were_changed(tmp_path: Path) -> None:
    kw = Commands(tmp_path / "home")
    kw("init")
    act = ("--mechanism", "button", "--evidence", "form 7")
    assert kw("consent", "grant", "ann", "research_text", *act).code == 0
    told = kw("ledger", "verify")
    assert (told.code, told.json["consents"], told.json["changed_consents"]) == (0, 1, [])
    keepwell = open_home(tmp_path / "home")
    with keepwell.database.write() as conn:
        conn.execute(update(E).values(evidence="form 8"))
    keepwell.close()
    told = kw("ledger", "verify")
    assert (told.code, told.json["outcome"]) == (1, "broken")
    assert told.json["changed_consents"] == ["word 1 is not as it was said"]
