"""The pages that were written about decisions, and how they go."""

from sqlalchemy import Connection

from governance.log.decision import of_person
from serving.bootstrap import Keepwell


def drop_dossiers(keepwell: Keepwell, conn: Connection, person_id: str | None) -> int:
    """Delete the pages written about one person's decisions; gives how many there were.

    A page holds what a withdrawal or an erasure takes away. What may still be told can be written
    again.
    """
    written = {
        path.stem.removeprefix("dossier-"): path
        for path in keepwell.home.reports.glob("dossier-*.html")
    }
    if not written or person_id is None:
        return 0
    theirs = [
        each.decision_id for each in of_person(conn, person_id) if each.decision_id in written
    ]
    for decision_id in theirs:
        for path in (written[decision_id], written[decision_id].with_suffix(".json")):
            path.unlink(missing_ok=True)
    return len(theirs)
