"""Letting go of what a home has kept long enough, as its settings say.

What lies in the database goes in one transaction, with its line in the log; files go afterwards,
so that a crash in between leaves files that the next run finds. Running it again finds nothing.
Nothing goes that a serving model needs, or a kept decision; nor anyone's last word on a purpose.
"""

import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, delete, select, update

from features.compaction import sweep
from features.retention import OldHistory, count_old, forget_old
from governance.audit.practice import Kept
from governance.consent.sealed import runs
from governance.instants import to_text
from governance.retention import forget_superseded, retire_decisions
from governance.review.candidates import list_models
from governance.review.reviews import approval
from governance.tables import decisions, training_people
from serving.bootstrap import Keepwell
from serving.interventions.delivery.outbox import forget_ended, forget_finished
from serving.interventions.delivery.score_news import forget_retired
from serving.record.dropped_events import forget_dropped
from serving.record.kept_answers import tidy_answers
from serving.record.retention_runs import last_run, note_run
from serving.record.step_up_codes import KEPT, forget_old_codes
from serving.settings_rights import RetentionSettings
from serving.tables import complaints, review_requests

_OPEN = "open"


class Gone(NamedTuple):
    """How much of one kind went, or would: what lay before `before`; None keeps it for good."""

    kind: str
    before: datetime | None
    n: int


def apply_retention(
    keepwell: Keepwell, *, now: datetime, dry_run: bool = False
) -> tuple[Gone, ...]:
    """Let go of everything past its time; a dry run counts and changes nothing."""
    limits = _Limits.of(keepwell.settings.retention, now)
    with keepwell.database.write() as conn, conn.begin_nested() as step:
        found, through, words = _from_database(keepwell, conn, limits, now, dry_run)
        found += [Gone(kind, at, len(paths)) for kind, at, paths in _files(keepwell, conn, limits)]
        if dry_run:
            step.rollback()
            return tuple(found)
        gone = {each.kind: each.n for each in found if each.n}
        note_run(conn, gone, now=now)
        before = {each.kind: to_text(each.before) for each in found if each.before is not None}
        body = {"gone": gone, "before": before, "decisions_through": through, "words": runs(words)}
        keepwell.ledger.append(conn, "retention", body, now=now)
    _delete_files(keepwell, limits)
    with keepwell.database.write() as conn:
        sweep(conn, keepwell.store)
    return tuple(found)


def apply_if_due(keepwell: Keepwell, *, now: datetime) -> bool:
    """Apply it once a day where the settings say `automatic`; tells whether it was due.

    Kept answers go after their day whatever the settings say.
    """
    tidy_answers(keepwell.database, now=now)
    if not keepwell.settings.retention.automatic:
        return False
    with keepwell.database.read() as conn:
        last = last_run(conn)
    if last is not None and now - last.applied_at < timedelta(days=1):
        return False
    apply_retention(keepwell, now=now)
    return True


def retention_in_words(settings: RetentionSettings) -> tuple[Kept, ...]:
    """Say how long each kind of thing is kept, for records, reports and people."""
    return (
        Kept("events of a customer's history", _days(settings.events_days)),
        Kept("what customers wrote", _days(settings.texts_days or settings.events_days)),
        Kept("scores and other decisions", _days(settings.decisions_days)),
        Kept("contacts made, and who was held out", _days(settings.contacts_days)),
        Kept(
            "what was said about permission",
            f"{_days(settings.consent_history_days)} after the next word; the last one always",
        ),
        Kept("messages handed over to senders", _days(settings.outbox_days)),
        Kept("addresses that e-mails go to", "until they are removed, or erasure"),
        Kept("answers to requests that may be sent again", "24 hours"),
        Kept(
            "models",
            "while they serve or a kept decision names them, "
            f"{_days(settings.bundles_days)} at least",
        ),
        Kept("reports and dossiers on disk", _days(settings.reports_days)),
        Kept("rejected lines of imports", _days(settings.rejects_days)),
        Kept(
            "the keyed token that keeps an erased person erased",
            _days(settings.suppression_days),
        ),
    )


def _days(days: int | None) -> str:
    if days is None:
        return "until erasure"
    return f"{days // 365} years" if days % 365 == 0 and days > 365 else f"{days} days"


class _Limits(NamedTuple):
    """The instants before which each kind goes; None where it is kept."""

    events: datetime | None
    texts: datetime | None
    decisions: datetime | None
    contacts: datetime | None
    words: datetime | None
    outbox: datetime | None
    bundles: datetime | None
    reports: datetime | None
    rejects: datetime | None
    now: datetime

    @classmethod
    def of(cls, settings: RetentionSettings, now: datetime) -> "_Limits":
        def before(days: int | None) -> datetime | None:
            return None if days is None else now - timedelta(days=days)

        return cls(
            events=before(settings.events_days),
            texts=before(settings.texts_days),
            decisions=before(settings.decisions_days),
            contacts=before(settings.contacts_days),
            words=before(settings.consent_history_days),
            outbox=before(settings.outbox_days),
            bundles=before(settings.bundles_days),
            reports=before(settings.reports_days),
            rejects=before(settings.rejects_days),
            now=now,
        )


def _from_database(
    keepwell: Keepwell, conn: Connection, limits: _Limits, now: datetime, dry_run: bool
) -> tuple[list[Gone], int, tuple[int, ...]]:
    """Let rows go in the caller's transaction.

    Gives what went, how far decisions retired, and the numbers of the words that went.
    """
    old = _history(keepwell, conn, limits, now, dry_run)
    through, retired, requests = 0, 0, 0
    if limits.decisions is not None:
        retired, through = retire_decisions(conn, before=limits.decisions, now=now)
        requests = _requests(conn, limits.decisions)
        forget_retired(conn)
    words = () if limits.words is None else forget_superseded(conn, before=limits.words)
    lapsed = keepwell.suppression.forget_lapsed(conn, now=now)
    forget_dropped(conn)
    messages = 0 if limits.outbox is None else forget_finished(conn, before=limits.outbox)
    forget_old_codes(conn, before=now - KEPT)
    contacts = 0 if limits.contacts is None else forget_ended(conn, before=limits.contacts)
    return (
        [
            Gone("events", limits.events, old.events),
            Gone("texts", limits.texts, old.texts),
            Gone("decisions", limits.decisions, retired),
            Gone("requests and complaints", limits.decisions, requests),
            Gone("consent words", limits.words, len(words)),
            Gone("messages", limits.outbox, messages),
            Gone("contacts", limits.contacts, contacts),
            Gone("suppression tokens", now, lapsed),
        ],
        through,
        words,
    )


def _history(
    keepwell: Keepwell, conn: Connection, limits: _Limits, now: datetime, dry_run: bool
) -> OldHistory:
    events, texts = limits.events, limits.texts
    if dry_run:
        return count_old(conn, keepwell.store, events_before=events, texts_before=texts)
    return forget_old(conn, keepwell.store, events_before=events, texts_before=texts, now=now)


def _requests(conn: Connection, before: datetime) -> int:
    """Cut closed requests and complaints off from their person; the tally stays."""
    cut = 0
    for table in (review_requests, complaints):
        old = (table.c.received_at < before) & (table.c.status != _OPEN)
        theirs = old & (table.c.person_id != "")
        cut += conn.execute(update(table).where(theirs).values(person_id="")).rowcount
    return cut


def _files(
    keepwell: Keepwell, conn: Connection, limits: _Limits
) -> Iterator[tuple[str, datetime | None, list[Path]]]:
    home = keepwell.home
    yield "bundles", limits.bundles, _old_bundles(keepwell, conn, limits)
    yield "reports", limits.reports, _old_files(home.reports, limits.reports)
    yield "rejects", limits.rejects, _old_files(home.rejects, limits.rejects)


def _old_files(folder: Path, before: datetime | None) -> list[Path]:
    if before is None or not folder.is_dir():
        return []
    return sorted(
        path
        for path in folder.iterdir()
        if path.is_file() and path.stat().st_mtime < before.timestamp()
    )


def _old_bundles(keepwell: Keepwell, conn: Connection, limits: _Limits) -> list[Path]:
    """Name bundles that neither serve nor wait for review, and that no kept decision names."""
    if limits.bundles is None or not keepwell.home.bundles.is_dir():
        return []
    records = list_models(conn)
    old = {each.model_digest for each in records if each.created_at < limits.bundles}
    named = select(decisions.c.model_digest).where(decisions.c.retired_at.is_(None)).distinct()
    kept = set(conn.execute(named).scalars())
    kept |= {each.model_digest for each in records if each.status not in ("approved", "rejected")}
    kept |= {digest for digest in old if approval(conn, digest, now=limits.now) is not None}
    found = (keepwell.home.bundles / digest for digest in sorted(old - kept))
    return [path for path in found if path.is_dir()]


def _delete_files(keepwell: Keepwell, limits: _Limits) -> None:
    """Delete files of their time, after the rows that spoke of them are gone."""
    with keepwell.database.write() as conn:
        for kind, _, paths in _files(keepwell, conn, limits):
            for path in paths:
                if kind == "bundles":
                    mine = training_people.c.model_digest == path.name
                    conn.execute(delete(training_people).where(mine))
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink(missing_ok=True)
