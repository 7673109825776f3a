"""The words people are shown before they say yes: families in versions and languages."""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, insert, select

from governance.consent.purposes import family_of
from governance.consent.record import ConsentChange
from governance.errors import InvalidInput, NotFound
from governance.tables import notice_purposes, notices

_LOCALE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*")


class Notice(NamedTuple):
    """One version of a notice in one language."""

    notice_id: str
    version: int
    locale: str
    content: str
    content_hash: str
    published_at: datetime


class NoticeVersion(NamedTuple):
    """One version of a notice: what it is about, and its words in every language.

    `current_for` are the purposes for which this is the version in force: a yes must refer to its
    family. `valid_for_days` is how long a yes given under it holds; None means until withdrawn.
    """

    notice_id: str
    version: int
    purposes: tuple[str, ...]
    material: bool
    valid_for_days: int | None
    published_at: datetime
    current_for: tuple[str, ...]
    languages: tuple[Notice, ...]

    def words(self, *locales: str) -> Notice:
        """Give the words in the first of `locales` that there is, else in English, else in any."""
        by_locale = {each.locale: each for each in self.languages}
        for locale in (*locales, "en"):
            for name in (locale, locale.split("-")[0]):
                if name in by_locale:
                    return by_locale[name]
        return self.languages[0]


def publish_notice(
    conn: Connection,
    *,
    notice_id: str,
    version: int,
    content: str,
    purposes: Sequence[str],
    material: bool,
    now: datetime,
    locale: str = "en",
    valid_for_days: int | None = None,
) -> Notice:
    """Publish a version of a notice for some purposes.

    From now on a yes to these purposes counts only when it refers to this family (`notice_id`), and
    after a `material` change only when it was given or renewed under this version or a later one.
    A further language of the same version may be added, for which nothing else is stated; words
    once published cannot be changed.
    """
    for purpose in purposes:
        family_of(purpose)
    if not notice_id.strip() or version < 1 or not content.strip():
        raise InvalidInput("a notice needs an id, a version of at least 1 and words")
    if not _LOCALE.fullmatch(locale):
        raise InvalidInput("the language of a notice is no language tag", hint="write it as de-AT")
    if valid_for_days is not None and not 1 <= valid_for_days <= 36_500:
        raise InvalidInput(f"a yes cannot hold for {valid_for_days} days, must be 1 to 36500")
    known = conn.execute(
        select(notices.c.version, notices.c.locale).where(notices.c.notice_id == notice_id)
    ).all()
    if (version, locale) in {(v, where) for v, where in known}:
        raise InvalidInput(
            f"version {version} of this notice is published already in {locale}",
            hint="publish changed words as the next version",
        )
    newest = max((v for v, _ in known), default=0)
    if version < newest:
        raise InvalidInput(f"version {version} of this notice comes before the newest, {newest}")
    if version > newest:
        _state_purposes(conn, notice_id, version, purposes, material, valid_for_days, now)
    else:
        _check_translation(conn, notice_id, version, purposes, material, valid_for_days)
    notice = Notice(notice_id, version, locale, content, content_digest(content), now)
    conn.execute(insert(notices), notice._asdict())
    return notice


def _state_purposes(
    conn: Connection,
    notice_id: str,
    version: int,
    purposes: Sequence[str],
    material: bool,
    valid_for_days: int | None,
    now: datetime,
) -> None:
    if not purposes:
        raise InvalidInput("a notice needs at least one purpose that it is about")
    rows = [
        {
            "purpose": purpose,
            "notice_id": notice_id,
            "version": version,
            "material": material,
            "published_at": now,
            "valid_for_days": valid_for_days,
        }
        for purpose in sorted(set(purposes))
    ]
    conn.execute(insert(notice_purposes), rows)


def _check_translation(
    conn: Connection,
    notice_id: str,
    version: int,
    purposes: Sequence[str],
    material: bool,
    valid_for_days: int | None,
) -> None:
    """Refuse a further language that would say something else than the first did."""
    n = notice_purposes.c
    rows = conn.execute(
        select(n.purpose, n.material, n.valid_for_days).where(
            n.notice_id == notice_id, n.version == version
        )
    ).all()
    same = (
        (not purposes or set(purposes) == {row.purpose for row in rows})
        and (not material or all(row.material for row in rows))
        and valid_for_days in (None, *(row.valid_for_days for row in rows))
    )
    if not same:
        raise InvalidInput(
            f"version {version} of this notice was published with other purposes, another validity "
            "or as no material change",
            hint="a further language needs only its words; a change is the next version",
        )


def content_digest(content: str) -> str:
    """Give the sha256, in hex, of a notice's words."""
    return hashlib.sha256(content.encode()).hexdigest()


def find_notice(
    conn: Connection, notice_id: str, version: int, locale: str | None = None
) -> Notice | None:
    """Read a published version, in `locale` where it exists, else in any language."""
    rows = conn.execute(
        select(notices)
        .where(notices.c.notice_id == notice_id, notices.c.version == version)
        .order_by(notices.c.locale)
    ).all()
    if not rows:
        return None
    chosen = next((row for row in rows if row.locale == locale), rows[0])
    return Notice(*chosen)


def list_notices(conn: Connection, notice_id: str | None = None) -> tuple[NoticeVersion, ...]:
    """Read every published version, oldest first, of one family or of all."""
    n = notice_purposes.c
    rows = conn.execute(select(notice_purposes).order_by(n.published_at, n.version)).all()
    newest = {row.purpose: (row.notice_id, row.version) for row in rows}
    texts: dict[tuple[str, int], list[Notice]] = {}
    for found in conn.execute(select(notices).order_by(notices.c.locale)):
        texts.setdefault((found.notice_id, found.version), []).append(Notice(*found))
    versions: dict[tuple[str, int], list[Any]] = {}
    for row in rows:
        versions.setdefault((row.notice_id, row.version), []).append(row)
    return tuple(
        NoticeVersion(
            notice_id=key[0],
            version=key[1],
            purposes=tuple(sorted(row.purpose for row in about)),
            material=about[0].material,
            valid_for_days=about[0].valid_for_days,
            published_at=about[0].published_at,
            current_for=tuple(sorted(r.purpose for r in about if newest[r.purpose] == key)),
            languages=tuple(texts.get(key, ())),
        )
        for key, about in versions.items()
        if notice_id in (None, key[0])
    )


def current_notices(conn: Connection) -> Mapping[str, NoticeVersion]:
    """Give the version in force of each purpose that has one."""
    return {purpose: each for each in list_notices(conn) for purpose in each.current_for}


def require_version(conn: Connection, notice_id: str, version: int | None = None) -> NoticeVersion:
    """Give one version of a family, the newest if none is named; raises `NotFound`."""
    found = [each for each in list_notices(conn, notice_id) if version in (None, each.version)]
    if not found:
        raise NotFound(
            "there is no such notice, or not in this version",
            hint="see: keepwell consent notice list",
        )
    return found[-1]


Published = Mapping[tuple[str, int], NoticeVersion]
"""Every published version by family and number."""


def published_versions(conn: Connection) -> Published:
    """Read what a yes may refer to."""
    return {(each.notice_id, each.version): each for each in list_notices(conn)}


def completed_yes(published: Published, change: ConsentChange, *, now: datetime) -> ConsentChange:
    """Fill in what the notice a yes names says: its hash, its language, and when the yes ends.

    Raises `InvalidInput` when the notice was never published so, or is about something else. A
    family that was never published here (the company's own archive) is taken as stated. A yes never
    outlasts what its notice promised.
    """
    if change.notice_id is None or not _is_ours(published, change.notice_id):
        return change
    version = published.get((change.notice_id, change.notice_version or 0))
    if version is None:
        raise _wrong(change, f"version {change.notice_version} of its notice was never published")
    if change.purpose not in version.purposes:
        raise _wrong(change, "its notice is about something else")
    shown = _shown(version.languages, change)
    ends = change.expires_at
    if version.valid_for_days is not None:
        promised = (change.occurred_at or now) + timedelta(days=version.valid_for_days)
        ends = promised if ends is None else min(ends, promised)
    return replace(
        change, notice_hash=shown.content_hash, notice_locale=shown.locale, expires_at=ends
    )


def _is_ours(published: Iterable[tuple[str, int]], notice_id: str) -> bool:
    return any(family == notice_id for family, _ in published)


def _shown(languages: Sequence[Notice], change: ConsentChange) -> Notice:
    """Find the words the person was shown, by their hash and language as far as stated."""
    stated = change.notice_locale
    fitting = [
        each
        for each in languages
        if change.notice_hash in (None, each.content_hash)
        and (stated is None or each.locale in (stated, stated.split("-")[0]))
    ]
    if len(fitting) == 1:
        return fitting[0]
    there = ", ".join(each.locale for each in languages)
    if fitting:
        raise _wrong(
            change, f"its notice is published in {there}; say which was shown (notice_locale)"
        )
    if change.notice_hash not in (None, *(each.content_hash for each in languages)):
        raise _wrong(change, "its notice_hash is not that of the published words")
    raise _wrong(change, f"its notice is not published in that language, only in {there}")


def _wrong(change: ConsentChange, problem: str) -> InvalidInput:
    return InvalidInput(f"a yes to {change.purpose} cannot be recorded: {problem}")
