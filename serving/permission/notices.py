"""Notices published to the people of a home: the words, and the log's line about them."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from governance.consent.notices import Notice, NoticeVersion, publish_notice
from governance.instants import to_text
from serving.bootstrap import Keepwell


def publish(
    keepwell: Keepwell,
    *,
    notice_id: str,
    version: int,
    content: str,
    purposes: Sequence[str],
    material: bool,
    locale: str,
    valid_for_days: int | None,
    clock: Callable[[], datetime],
) -> Notice:
    """Publish a version of a notice, or its words in one more language; the log keeps the digest.

    See `governance.consent.notices.publish_notice` for what changes with it.
    """
    with keepwell.database.write() as conn:
        now = clock()
        notice = publish_notice(
            conn,
            notice_id=notice_id,
            version=version,
            content=content,
            purposes=purposes,
            material=material,
            now=now,
            locale=locale,
            valid_for_days=valid_for_days,
        )
        keepwell.ledger.append(
            conn,
            "notice",
            {
                "notice": notice_id,
                "version": version,
                "locale": locale,
                "sha256": notice.content_hash,
                "purposes": sorted(set(purposes)),
                "material": material,
                "valid_for_days": valid_for_days,
            },
            now=now,
        )
    return notice


def notice_json(found: NoticeVersion) -> dict[str, Any]:
    """Shape one version of a notice with its words in every language."""
    return {
        "notice_id": found.notice_id,
        "version": found.version,
        "purposes": found.purposes,
        "current_for": found.current_for,
        "material": found.material,
        "expires_after_days": found.valid_for_days,
        "published_at": to_text(found.published_at),
        "languages": {
            each.locale: {"words": each.content, "sha256": each.content_hash}
            for each in found.languages
        },
    }
