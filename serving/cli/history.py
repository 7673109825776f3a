"""Keeping the history's files in step, on the command line."""

import time
from datetime import UTC, datetime

import click

from serving.cli.console import Session, facts


@click.command("compact")
@click.pass_obj
def compact_command(session: Session) -> None:
    """Copy live events into the history's files and merge small ones. The service does it daily.

    Nothing is lost or changed by it: reading everyone becomes faster. Intake and reads go on.
    """
    from features.compaction import tidy

    started = time.perf_counter()
    with session.open() as keepwell, session.step("compacting the history"):
        done = tidy(keepwell.database, keepwell.store, now=datetime.now(UTC))
    assert done is not None
    seconds = round(time.perf_counter() - started, 3)
    session.emit(
        {**done._asdict(), "seconds": seconds},
        lambda out: facts(
            out,
            [
                ("live events copied", f"{done.events:,}"),
                ("segments", f"{done.segments_before} before, {done.segments_after} now"),
                ("old files deleted", done.swept),
                ("seconds", seconds),
            ],
        ),
    )
