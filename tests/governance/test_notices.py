"""The words people are shown: versions, languages, and what a yes takes from them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from governance.consent.notices import (
    content_digest,
    current_notices,
    list_notices,
    publish_notice,
    require_version,
)
from governance.consent.purposes import PurposeRules
from governance.consent.record import ConsentChange, ConsentEvent
from governance.consent.registry import ConsentRegistry
from governance.errors import InvalidInput, NotFound
from serving.database import Database

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
REGISTRY = ConsentRegistry(PurposeRules(), home_kind="production")


def publish(database: Database, **fields: Any) -> None:
    stated: dict[str, Any] = {
        "notice_id": "shop",
        "version": 1,
        "content": "We look at your orders.",
        "purposes": ["risk_scoring"],
        "material": True,
        "now": NOW - DAY,
    }
    with database.write() as conn:
        publish_notice(conn, **stated | fields)


def german(database: Database, **fields: Any) -> None:
    words = {"content": "Wir sehen auf Ihre Bestellungen.", "locale": "de", "purposes": []}
    publish(database, **words | {"material": False} | fields)


def agree(database: Database, **fields: Any) -> ConsentEvent:
    stated: dict[str, Any] = {
        "customer_id": "anna",
        "purpose": "risk_scoring",
        "state": "given",
        "mechanism": "button",
        "evidence": "form 1",
        "notice_id": "shop",
        "notice_version": 1,
    }
    with database.write() as conn:
        return REGISTRY.record(conn, ConsentChange(**stated | fields), now=NOW)


def test_a_yes_takes_digest_language_and_end_from_its_notice(database: Database) -> None:
    publish(database, valid_for_days=365)
    event = agree(database)
    assert event.notice_hash == content_digest("We look at your orders.")
    assert (event.notice_locale, event.expires_at) == ("en", NOW + 365 * DAY)


def test_a_yes_never_outlasts_what_its_notice_promised(sqlite_database: Database) -> None:
    publish(sqlite_database, valid_for_days=30)
    assert agree(sqlite_database, expires_at=NOW + 900 * DAY).expires_at == NOW + 30 * DAY
    assert agree(sqlite_database, expires_at=NOW + 7 * DAY).expires_at == NOW + 7 * DAY


def test_a_late_yes_ends_by_when_it_was_said(sqlite_database: Database) -> None:
    publish(sqlite_database, valid_for_days=30)
    event = agree(sqlite_database, occurred_at=NOW - 10 * DAY)
    assert event.expires_at == NOW + 20 * DAY


def test_with_several_languages_a_yes_says_which_was_shown(sqlite_database: Database) -> None:
    publish(sqlite_database)
    german(sqlite_database)
    with pytest.raises(InvalidInput, match="say which was shown"):
        agree(sqlite_database)
    assert agree(sqlite_database, notice_locale="de-AT").notice_locale == "de"
    shown = content_digest("We look at your orders.")
    assert agree(sqlite_database, notice_hash=shown).notice_locale == "en"
    with pytest.raises(InvalidInput, match="not published in that language, only in de, en"):
        agree(sqlite_database, notice_locale="fr")


def test_a_yes_cannot_rest_on_words_about_something_else(sqlite_database: Database) -> None:
    publish(sqlite_database)
    with pytest.raises(InvalidInput, match="about something else"):
        agree(sqlite_database, purpose="wellbeing_inference", explicit=True)


def test_an_archive_of_the_companys_own_is_taken_as_stated(sqlite_database: Database) -> None:
    publish(sqlite_database)
    event = agree(sqlite_database, notice_id="paper form", notice_version=7, notice_hash="ab")
    assert (event.notice_hash, event.notice_locale) == ("ab", None)


@pytest.mark.parametrize(
    "fields", [{"purposes": ["research_text"]}, {"valid_for_days": 7}, {"material": True}]
)
def test_a_further_language_cannot_say_something_else(
    sqlite_database: Database, fields: dict[str, Any]
) -> None:
    publish(sqlite_database, material=False)
    with pytest.raises(InvalidInput, match="was published with other"):
        german(sqlite_database, **fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"notice_id": " "},
        {"version": 0},
        {"content": " \n"},
        {"purposes": []},
        {"purposes": ["all"]},
        {"valid_for_days": 0},
        {"locale": "German"},
    ],
)
def test_a_notice_that_is_not_sound_is_refused(
    sqlite_database: Database, fields: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInput):
        publish(sqlite_database, **fields)


def test_the_newest_version_is_in_force_for_what_it_is_about(database: Database) -> None:
    publish(database, purposes=["risk_scoring", "research_text"], now=NOW - 3 * DAY)
    publish(database, version=2, now=NOW - 2 * DAY)
    with database.read() as conn:
        old, new = list_notices(conn, "shop")
        current = current_notices(conn)
    assert (old.current_for, new.current_for) == (("research_text",), ("risk_scoring",))
    assert {purpose: each.version for purpose, each in current.items()} == {
        "risk_scoring": 2,
        "research_text": 1,
    }


def test_words_come_in_the_readers_language_where_there_are_any(sqlite_database: Database) -> None:
    publish(sqlite_database)
    german(sqlite_database)
    with sqlite_database.read() as conn:
        found = require_version(conn, "shop")
        with pytest.raises(NotFound):
            require_version(conn, "shop", 2)
    assert [found.words(*asked).locale for asked in (("de-CH",), ("fr", "de"), ("fr",), ())] == [
        "de",
        "de",
        "en",
        "en",
    ]
