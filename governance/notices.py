"""The words people are shown before they say yes: families in versions and languages."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, insert, select

from governance.consent_record import ConsentChange
from governance.errors import InvalidInput
from governance.purposes import family_of
from governance.tables import notice_purposes, notices


class Notice(NamedTuple):
    """One version of a notice in one language."""

    notice_id: str
    version: int
    locale: str
    content: str
    content_hash: str
    published_at: datetime


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
) -> Notice:
    """Publish a version of a notice for some purposes.

    From now on a yes to these purposes counts only when it refers to this family (`notice_id`), and
    after a `material` change only when it was given or renewed under this version or a later one.
    A further language of the same version may be added; words once published cannot be changed.
    """
    for purpose in purposes:
        family_of(purpose)
    if version < 1 or not content.strip() or not purposes:
        raise InvalidInput("a notice needs a version of at least 1, words and purposes")
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
    notice = Notice(notice_id, version, locale, content, content_digest(content), now)
    conn.execute(insert(notices), notice._asdict())
    if version > newest:
        rows = [
            {
                "purpose": purpose,
                "notice_id": notice_id,
                "version": version,
                "material": material,
                "published_at": now,
            }
            for purpose in sorted(set(purposes))
        ]
        conn.execute(insert(notice_purposes), rows)
    return notice


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


def published_hashes(conn: Connection) -> Mapping[tuple[str, int], frozenset[str]]:
    """Read the digests of every published version, over its languages."""
    found: dict[tuple[str, int], set[str]] = {}
    rows = conn.execute(select(notices.c.notice_id, notices.c.version, notices.c.content_hash))
    for notice_id, version, content_hash in rows:
        found.setdefault((notice_id, version), set()).add(content_hash)
    return {key: frozenset(hashes) for key, hashes in found.items()}


def notice_problem(
    published: Mapping[tuple[str, int], frozenset[str]], change: ConsentChange
) -> str | None:
    """Say what is wrong with the notice a yes refers to; None when nothing is.

    A family that was never published here (the company's own archive) is taken as stated.
    """
    if change.notice_id not in {notice_id for notice_id, _ in published}:
        return None
    hashes = published.get((change.notice_id or "", change.notice_version or 0))
    if hashes is None:
        return f"version {change.notice_version} of its notice was never published"
    if change.notice_hash is not None and change.notice_hash not in hashes:
        return "its notice_hash is not that of the published words"
    return None
