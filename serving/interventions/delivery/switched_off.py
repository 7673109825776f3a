"""Receivers that said they are gone: they get nothing more until somebody switches them on."""

from datetime import datetime

from sqlalchemy import Connection, delete, select

from serving.interventions.tables import webhook_endpoints


def switched_off(conn: Connection, url: str) -> datetime | None:
    """Say since when a receiver is off; None for one that gets its messages."""
    c = webhook_endpoints.c
    return conn.execute(select(c.disabled_at).where(c.url == url)).scalar()


def switch_off(conn: Connection, url: str, *, now: datetime) -> None:
    """Send a receiver nothing more: it answered 410. Again changes nothing."""
    if switched_off(conn, url) is None:
        row = {"url": url, "disabled_at": now, "reason": "the receiver answered 410"}
        conn.execute(webhook_endpoints.insert(), row)


def switch_on(conn: Connection, url: str) -> bool:
    """Let a receiver have its messages again; tells whether it was off."""
    return bool(
        conn.execute(delete(webhook_endpoints).where(webhook_endpoints.c.url == url)).rowcount
    )
