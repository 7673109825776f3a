"""Models that learned from people who no longer permit it: how many, and retrained by when."""

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection

from governance.lineage import people_of
from governance.proof import Approval
from serving.bootstrap import Keepwell

FEWEST = 5
"""Fewer people than this are told as "fewer than 5", so that nobody's choice can be watched."""


class LeftSince(NamedTuple):
    """Of `people` a model learned from, `gone` have withdrawn, objected or been erased since.

    It must be trained again by `due_at`, when its next review is due anyway.
    """

    people: int
    gone: int
    due_at: datetime

    @property
    def said(self) -> str:
        """What monitoring says of it; empty where nobody left."""
        if not self.gone:
            return ""
        who = "fewer than 5" if self.gone < FEWEST else f"{self.gone:,}"
        return (
            f"{who} of the {self.people:,} people it learned from no longer permit it: "
            f"train it again by {self.due_at:%Y-%m-%d}"
        )


def left_since(
    keepwell: Keepwell, conn: Connection, approval: Approval, *, now: datetime
) -> LeftSince | None:
    """Count who of a serving model's people permit training no more; None if not recorded."""
    learned = people_of(conn, approval.model_digest)
    if learned is None:
        return None
    known = keepwell.persons.customers_of(conn, learned).values()
    permit, _ = keepwell.registry.permit_many(conn, "model_training", set(known), now=now)
    days = keepwell.settings.monitoring.review_after_days
    due = min(approval.expires_at, approval.signed_at + timedelta(days=days))
    return LeftSince(len(learned), len(learned) - len(permit.customers), due)
