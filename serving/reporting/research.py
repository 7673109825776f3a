"""The third layer: what people wrote, how good the models are."""

from datetime import datetime

from sqlalchemy import Connection, select

from governance.errors import PermissionRefused
from governance.review.candidates import find_model
from governance.review.reviews import champion
from outcomes.measures.definition import Period
from serving.bootstrap import Keepwell
from serving.reporting.record import ModelLine
from serving.tables import model_monitoring
from serving.text import HomeThemes, home_themes, rules_for


def texts(
    keepwell: Keepwell, period: Period, *, samples: int, now: datetime
) -> tuple[HomeThemes, str]:
    """Give themes and words of the period, with sample texts where somebody permits that.

    The second value says why there are no samples though some were asked for.
    """
    rules = rules_for(keepwell.home.root)

    def read(count: int) -> HomeThemes:
        return home_themes(
            keepwell, now=now, start=period.start, end=period.end, rules=rules, samples=count
        )

    try:
        return read(samples), ""
    except PermissionRefused as error:
        return read(0), error.message


def models(keepwell: Keepwell, conn: Connection, *, now: datetime) -> tuple[ModelLine, ...]:
    """Give the test of every model that may serve now, and what watching it said last."""
    found = []
    for target in sorted(keepwell.targets):
        approval = champion(conn, target, now=now)
        if approval is None:
            continue
        test = find_model(conn, approval.model_digest).facts.test
        status, at = _watched(conn, target, approval.model_digest)
        found.append(
            ModelLine(
                target=target,
                model_digest=approval.model_digest,
                tested_at=test.as_of,
                people=test.n,
                auc=test.auc,
                ece=test.interval("ece"),
                status=status,
                watched_at=at,
            )
        )
    return tuple(found)


def _watched(conn: Connection, target: str, digest: str) -> tuple[str, datetime | None]:
    mine = model_monitoring.c
    query = (
        select(mine.status, mine.monitored_at)
        .where(mine.target == target, mine.model_digest == digest)
        .order_by(mine.monitored_at.desc())
        .limit(1)
    )
    row = conn.execute(query).first()
    return ("never watched", None) if row is None else (str(row.status), row.monitored_at)
