"""Bearer keys: shown once, stored as hashes, ended at once."""

from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select, update

from governance.errors import InvalidInput
from governance.log.ledger import Ledger
from governance.tables import signing_keys
from serving.access.auth import (
    ScopeMissing,
    Unauthenticated,
    authenticate,
    create_key,
    list_keys,
    revoke_key,
)
from serving.access.key_check import check_keys
from serving.database import Database
from serving.tables import api_keys
from tests.serving.conftest import START

LEDGER = Ledger(Ed25519PrivateKey.from_private_bytes(b"\x07" * 32))


def test_key_authenticates_its_owner_and_scopes(database: Database) -> None:
    with database.write() as conn:
        made = create_key(conn, LEDGER, ["score:read"], owner="crm", now=START)
        principal, note_due = authenticate(conn, made.key, now=START)
    assert (principal.owner, sorted(principal.scopes), note_due) == ("crm", ["score:read"], True)


def test_secret_is_not_stored(database: Database) -> None:
    with database.write() as conn:
        made = create_key(conn, LEDGER, ["score:read"], owner="crm", now=START)
        row = conn.execute(select(api_keys)).one()
    assert made.key.split("_", 2)[2] not in str(tuple(row))


@pytest.mark.parametrize(
    "key", ["", "kw", "kw_x", "kw_nobody_secret", "nonsense", "kw__", "kw_1_" + "x" * 9_999]
)
def test_anything_else_is_refused_in_the_same_words(database: Database, key: str) -> None:
    with database.read() as conn, pytest.raises(Unauthenticated, match="missing, unknown, expired"):
        authenticate(conn, key, now=START)


def test_right_id_with_a_wrong_secret_is_refused(database: Database) -> None:
    with database.write() as conn:
        made = create_key(conn, LEDGER, ["score:read"], owner="crm", now=START)
        with pytest.raises(Unauthenticated):
            authenticate(conn, made.key[:-1] + "!", now=START)


def test_revoked_key_is_refused_at_once(database: Database) -> None:
    with database.write() as conn:
        made = create_key(conn, LEDGER, ["score:read"], owner="crm", now=START)
        revoke_key(conn, LEDGER, made.key_id, now=START)
        with pytest.raises(Unauthenticated):
            authenticate(conn, made.key, now=START)


@pytest.mark.parametrize(("minutes", "valid"), [(59, True), (60, False)])
def test_key_ends_exactly_when_it_expires(database: Database, minutes: int, valid: bool) -> None:
    ends = START + timedelta(hours=1)
    with database.write() as conn:
        made = create_key(conn, LEDGER, ["score:read"], owner="crm", now=START, expires_at=ends)
        now = START + timedelta(minutes=minutes)
        if valid:
            assert authenticate(conn, made.key, now=now)
        else:
            with pytest.raises(Unauthenticated):
                authenticate(conn, made.key, now=now)


def test_admin_may_everything_but_sign(database: Database) -> None:
    with database.write() as conn:
        made = create_key(conn, LEDGER, ["admin"], owner="ops", now=START)
        principal, _ = authenticate(conn, made.key, now=START)
    principal.require("rights:manage")
    with pytest.raises(ScopeMissing, match="audit:sign"):
        principal.require("audit:sign")


def test_signing_key_is_enrolled_for_its_owner_and_revoked_with_it(database: Database) -> None:
    with database.write() as conn:
        made = create_key(conn, LEDGER, ["audit:sign"], owner="Grace", now=START)
        assert conn.execute(select(signing_keys.c.owner)).scalar_one() == "Grace"
        revoke_key(conn, LEDGER, made.key_id, now=START)
        assert conn.execute(select(signing_keys.c.revoked_at)).scalar_one() == START


def test_unknown_scope_names_those_there_are(database: Database) -> None:
    with database.write() as conn, pytest.raises(InvalidInput, match="unknown scope fly"):
        create_key(conn, LEDGER, ["fly"], owner="crm", now=START)


def test_list_shows_state_and_no_secret(database: Database) -> None:
    with database.write() as conn:
        made = create_key(conn, LEDGER, ["score:read"], owner="crm", now=START)
        [found] = list_keys(conn)
    assert (found.key_id, found.scopes, found.revoked_at) == (made.key_id, ("score:read",), None)


@pytest.mark.parametrize(
    "values",
    [
        {"scopes": ["admin"]},
        {"expires_at": None},
        {"revoked_at": None},
        {"secret_hash": "0" * 64},
    ],
)
def test_a_key_edited_behind_the_logs_back_is_named(
    database: Database, values: dict[str, object]
) -> None:
    ends = START + timedelta(days=30)
    with database.write() as conn:
        made = create_key(conn, LEDGER, ["score:read"], owner="crm", now=START, expires_at=ends)
        revoke_key(conn, LEDGER, made.key_id, now=START)
        assert check_keys(conn) == ()
        conn.execute(update(api_keys).values(**values))
        assert check_keys(conn) == (f"key {made.key_id}",)
