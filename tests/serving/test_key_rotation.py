"""A key gets a successor; both work during the overlap, and the log knows."""

import json
from datetime import datetime, timedelta

import pytest
from click.testing import CliRunner
from sqlalchemy import select, update

from governance.errors import InvalidInput, NotFound, PermissionRefused
from governance.tables import signing_keys
from serving.access.auth import CreatedKey, Unauthenticated, authenticate, create_key
from serving.access.key_check import check_keys
from serving.access.key_issue import Rotated, end_key, replace_key
from serving.cli import keepwell as command_line
from serving.doctor import examine
from serving.record.restore import bring_back
from serving.tables import api_keys
from tests.serving.conftest import START, Shop

DAY = timedelta(days=1)


def make(shop: Shop, *scopes: str, expires_at: datetime | None = None) -> CreatedKey:
    with shop.keepwell.database.write() as conn:
        return create_key(
            conn, shop.keepwell.ledger, scopes or ["score:read"],
            owner="crm", now=START, expires_at=expires_at,
        )  # fmt: skip


def rotate(shop: Shop, made: CreatedKey, **options: timedelta | str | None) -> Rotated:
    return replace_key(shop.keepwell, made.key_id, now=START, **options)  # type: ignore[arg-type]


def works(shop: Shop, key: str, now: datetime) -> bool:
    with shop.keepwell.database.read() as conn:
        try:
            authenticate(conn, key, now=now)
        except Unauthenticated:
            return False
    return True


def test_the_successor_has_the_same_owner_and_scopes(shop: Shop) -> None:
    made = make(shop, "score:read", "events:write")
    new = rotate(shop, made).successor
    assert (new.owner, new.scopes) == ("crm", ("events:write", "score:read"))


@pytest.mark.parametrize(("hours", "old"), [(23.99, True), (24, False)])
def test_both_work_until_the_overlap_is_over(shop: Shop, hours: float, old: bool) -> None:
    made, at = make(shop), START + timedelta(hours=hours)
    new = rotate(shop, made).successor
    assert (works(shop, made.key, at), works(shop, new.key, at)) == (old, True)


def test_without_an_overlap_the_old_key_ends_at_once(shop: Shop) -> None:
    made = make(shop)
    rotate(shop, made, overlap=timedelta(0))
    assert not works(shop, made.key, START)


def test_rotating_never_lets_a_key_live_longer(shop: Shop) -> None:
    made = make(shop, expires_at=START + timedelta(hours=1))
    rotate(shop, made)
    assert not works(shop, made.key, START + timedelta(hours=1))


def test_a_successor_lives_as_long_as_its_predecessor_was_to(shop: Shop) -> None:
    made = make(shop, expires_at=START + 30 * DAY)
    assert rotate(shop, made).successor.expires_at == START + 30 * DAY


def test_a_key_is_rotated_once_and_names_its_successor(shop: Shop) -> None:
    made = make(shop)
    new = rotate(shop, made).successor
    with pytest.raises(InvalidInput, match=new.key_id):
        rotate(shop, made)


def test_a_key_that_ended_is_not_rotated(shop: Shop) -> None:
    made = make(shop)
    end_key(shop.keepwell, made.key_id, now=START)
    with pytest.raises(InvalidInput, match="revoked"):
        rotate(shop, made)


@pytest.mark.parametrize("act", [replace_key, end_key])
def test_an_unknown_key_is_not_found_and_not_journalled(shop: Shop, act: object) -> None:
    before = shop.keepwell.journal.position
    with pytest.raises(NotFound):
        act(shop.keepwell, "nobody", now=START)  # type: ignore[operator]
    assert shop.keepwell.journal.position == before


@pytest.mark.parametrize(
    "values", [{"expires_at": None}, {"expires_at": START + 99 * DAY}, {"successor_id": None}]
)
def test_an_end_put_off_behind_the_logs_back_is_named(
    shop: Shop, values: dict[str, object]
) -> None:
    made = make(shop)
    rotate(shop, made)
    with shop.keepwell.database.write() as conn:
        assert check_keys(conn) == ()
        conn.execute(update(api_keys).where(api_keys.c.key_id == made.key_id).values(**values))
        assert check_keys(conn) == (f"key {made.key_id}",)


def test_a_restored_backup_does_not_let_the_old_key_live_on(shop: Shop) -> None:
    made = make(shop)
    shop.keepwell.journal.append(
        "key_ending", now=START, detail=f"{made.key_id} 2026-06-02T12:00:00Z"
    )
    bring_back(shop.keepwell, follow_up=lambda *_, **__: None, now=START)
    assert works(shop, made.key, START + timedelta(hours=23))
    assert not works(shop, made.key, START + DAY)


def test_a_signing_key_ends_when_its_successor_is_made(shop: Shop) -> None:
    secret, made = shop.enrolment_secret, make(shop, "audit:sign")
    new = rotate(shop, made, enrolment_secret=secret).successor
    assert (works(shop, made.key, START), works(shop, new.key, START)) == (False, True)
    with shop.keepwell.database.read() as conn:
        ended = dict(conn.execute(select(signing_keys.c.key_id, signing_keys.c.revoked_at)).all())
        assert check_keys(conn) == ()
    assert (ended[made.key_id], ended[new.key_id]) == (START, None)


def test_a_signing_key_is_rotated_only_with_the_enrolment_key(shop: Shop) -> None:
    made = make(shop, "audit:sign")
    with pytest.raises(InvalidInput, match="vouch"):
        rotate(shop, made)
    assert shop.enrolment_secret
    with pytest.raises(PermissionRefused):
        rotate(shop, made, enrolment_secret="kwe_" + "x" * 40)
    assert works(shop, made.key, START)


def test_a_signing_key_has_no_overlap(shop: Shop) -> None:
    made, secret = make(shop, "audit:sign"), shop.enrolment_secret
    with pytest.raises(InvalidInput, match="one key"):
        rotate(shop, made, overlap=DAY, enrolment_secret=secret)


@pytest.mark.parametrize("overlap", [timedelta(seconds=-1), timedelta(days=91)])
def test_an_overlap_is_neither_negative_nor_forever(shop: Shop, overlap: timedelta) -> None:
    with pytest.raises(InvalidInput, match="overlap"):
        rotate(shop, make(shop), overlap=overlap)


def test_the_command_rotates_and_the_list_shows_it(shop: Shop) -> None:
    home = ["--home", str(shop.keepwell.home.root), "--json", "keys"]

    def say(*words: str) -> dict[str, object]:
        done = CliRunner().invoke(command_line, [*home, *words], catch_exceptions=False)
        return dict(json.loads(done.stdout))

    old = say("create", "--scope", "events:write", "--owner", "crm", "--expires-in-days", "90")
    new = say("rotate", str(old["id"]), "--overlap-hours", "2")
    listed = {each["id"]: each for each in say("list")["keys"]}  # type: ignore[attr-defined]
    assert (new["rotated_id"], listed[old["id"]]["successor_id"]) == (old["id"], new["id"])
    assert listed[new["id"]]["prefix"] == f"kw_{new['id']}_…"
    assert str(old["key"]).split("_", 2)[2] not in json.dumps(listed)


def test_doctor_warns_of_a_key_that_ends_and_has_no_successor(shop: Shop) -> None:
    ending = make(shop, expires_at=START + 10 * DAY)
    assert doctor_says(shop) == ("attention", f"keepwell keys rotate {ending.key_id}")
    new = rotate(shop, ending).successor
    assert doctor_says(shop) == ("attention", f"keepwell keys rotate {new.key_id}")


def test_doctor_is_content_with_keys_that_last(shop: Shop) -> None:
    make(shop)
    make(shop, expires_at=START + 30 * DAY)
    assert doctor_says(shop) == ("ok", "")


def doctor_says(shop: Shop) -> tuple[str, str]:
    checks = examine(shop.keepwell.home.root, now=START)
    return next((each.outcome, each.advice) for each in checks if each.name == "api keys")
