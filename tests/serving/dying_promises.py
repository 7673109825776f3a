"""Acts on people's behalf that die by SIGKILL at a named point, each in a real child process.

The point `committed` comes when the act is done and nobody was told yet.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import features.erasure as features
import governance.review.reviews as review
import serving.access.key_issue as key_issue
import serving.interventions.choosing.run as running
import serving.interventions.choosing.verdicts as verdicts
import serving.interventions.delivery.leases as leases
import serving.interventions.delivery.outbox as outbox
import serving.permission.consents as consents
import serving.permission.taken_back as taken_back
import serving.rights.acts as rights
import serving.rights.retention as retention
import serving.rights.review_queue as review_queue
import serving.signing_desk as signing_desk
from governance.consent.record import ConsentChange
from governance.consent.registry import ConsentRegistry
from governance.log.journal import Journal
from governance.log.ledger import Ledger
from governance.pseudonym import PersonIds, Suppression
from serving.access.auth import Principal
from serving.bootstrap import Keepwell, open_home
from serving.interventions.delivery.leases import Claim, Leases
from serving.interventions.delivery.webhook import Delivery
from serving.record.review_requests import list_requests
from serving.settings_rights import RetentionSettings
from tests.serving.dying import after, die
from tests.serving.lived import NOTE, PEOPLE, awake_desk, everyone, read_key

CUSTOMER = PEOPLE[0]


class Step(NamedTuple):
    """Where an act dies: before `name` of `owner` is done, or right after."""

    owner: Any
    name: str
    before: bool = False

    def arm(self) -> None:
        """From now on the step is the last thing this process does."""
        act = getattr(self.owner, self.name)
        setattr(self.owner, self.name, die if self.before else after(act))


COMMITTED = "committed"
_REMEMBERED_AND_LOGGED = {
    "remembered": Step(consents, "append"),
    "logged": Step(Ledger, "append"),
}
POINTS: Mapping[str, Mapping[str, Step]] = {
    "grant": {
        "recorded": Step(ConsentRegistry, "record"),
        "noted": Step(consents, "note_journal"),
        **_REMEMBERED_AND_LOGGED,
    },
    "withdraw": {
        "journalling": Step(Journal, "append_many", before=True),
        "journalled": Step(Journal, "append_many"),
        "recorded": Step(ConsentRegistry, "record"),
        "noted": Step(consents, "note_journal"),
        "stopped": Step(consents, "cancel_for"),
        "forgotten": Step(taken_back, "forget_results"),
        "pages_dropped": Step(taken_back, "drop_dossiers"),
        **_REMEMBERED_AND_LOGGED,
    },
    "object": {
        "recorded": Step(ConsentRegistry, "object"),
        "stopped": Step(consents, "cancel_for"),
        **_REMEMBERED_AND_LOGGED,
    },
    "import": {
        "recorded": Step(ConsentRegistry, "record_many"),
        "remembered": Step(consents, "append"),
        "logged": Step(Ledger, "append_batch"),
    },
    "erase": {
        "announced": Step(Ledger, "append"),
        "rows_gone": Step(rights, "drop_rows"),
        "pages_dropped": Step(rights, "drop_dossiers"),
        "suppressed": Step(Suppression, "suppress"),
        "unmapped": Step(PersonIds, "destroy"),
        "journalled": Step(Journal, "append"),
        "history_gone": Step(features, "erase_customer"),
        "messages_gone": Step(outbox, "erase_customer"),
        "noted": Step(rights, "note_journal"),
        "sweeping": Step(rights, "sweep", before=True),
    },
    "clear": {
        "assigned": Step(verdicts, "_assign"),
        "remembered": Step(verdicts, "append"),
        "recorded": Step(running, "record"),
    },
    "send": {
        "claimed": Step(Leases, "claim"),
        "before_wire": Step(Leases, "put_on_wire", before=True),
        "on_the_wire": Step(Leases, "put_on_wire"),
        "before_finish": Step(Leases, "finish", before=True),
        "remembered": Step(leases, "append"),
        "finished": Step(Leases, "finish"),
    },
    "contest": {
        "held": Step(review_queue, "hold"),
        "remembered": Step(review_queue, "append"),
        "logged": Step(Ledger, "append"),
    },
    "decide": {
        "ended": Step(review_queue, "_end"),
        "remembered": Step(review_queue, "append"),
        "journalled": Step(review_queue, "note_review"),
        "noted": Step(review_queue, "note_journal"),
        "stopped": Step(review_queue, "stop"),
        "logged": Step(Ledger, "append"),
    },
    "retain": {
        "rewritten": Step(retention, "forget_old"),
        "retired": Step(retention, "retire_decisions"),
        "counted": Step(retention, "note_run"),
        "logged": Step(Ledger, "append"),
        "deleting": Step(retention, "_delete_files", before=True),
        "sweeping": Step(retention, "sweep", before=True),
    },
    "sign": {
        "filed": Step(review, "_file"),
        "logged": Step(Ledger, "append"),
        "mirroring": Step(signing_desk, "mirror_review", before=True),
    },
    "revoke": {
        "journalled": Step(Journal, "append"),
        "revoked": Step(key_issue, "revoke_key"),
    },
    "settle": {
        "recorded": Step(ConsentRegistry, "record"),
        "followed": Step(rights, "follow_up"),
        "brought_back": Step(rights, "bring_back"),
        "first_erased": Step(rights, "_erase_one"),
        "first_swept": Step(rights, "sweep"),
        "noting": Step(rights, "note_journal", before=True),
    },
}
"""Every act on people's behalf, and the points inside it at which a process is killed."""


def all_points() -> list[tuple[str, str]]:
    """List every act with every point of it."""
    return [(act, point) for act, steps in POINTS.items() for point in (*steps, COMMITTED)]


def act_and_die(root: str, act: str, point: str, now: str) -> None:
    """Open the home, do the act and die at the point."""
    keepwell = open_home(Path(root))
    if point != COMMITTED:
        POINTS[act][point].arm()
    do(act, keepwell, datetime.fromisoformat(now))
    if point == COMMITTED:
        die()


def do(act: str, keepwell: Keepwell, now: datetime) -> Any:
    """Do one act as the service does it."""
    return _ACTS[act](keepwell, now)


def yes(customer_id: str, purpose: str, *, evidence: str, at: datetime) -> ConsentChange:
    return ConsentChange(
        customer_id=customer_id,
        purpose=purpose,
        state="given",
        occurred_at=at,
        mechanism="checkbox_ticked",
        evidence=evidence,
        explicit=True,
    )


def _grant(keepwell: Keepwell, now: datetime) -> None:
    change = yes(CUSTOMER, "research_text", evidence="form 9", at=now)
    consents.change_consent(keepwell, change, clock=lambda: now)


def _withdraw(keepwell: Keepwell, now: datetime) -> None:
    consents.withdraw(keepwell, CUSTOMER, "risk_scoring", actor="customer", clock=lambda: now)


def _decide(keepwell: Keepwell, now: datetime) -> None:
    with keepwell.database.read() as conn:
        [waiting] = list_requests(conn, status="open")
    review_queue.decide(
        keepwell,
        waiting.request_id,
        outcome="overturned",
        reason="They are right",
        decider=Principal("k9", "Lin", frozenset({"rights:manage"})),
        clock=lambda: now,
    )


def _retain(keepwell: Keepwell, now: datetime) -> None:
    kept = RetentionSettings(events_days=30, reports_days=1)
    settings = keepwell.settings.model_copy(update={"retention": kept})
    retention.apply_retention(replace(keepwell, settings=settings), now=now)


def _import(keepwell: Keepwell, now: datetime) -> None:
    changes = [
        yes(PEOPLE[1], "research_text", evidence="line 1", at=now),
        ConsentChange(
            customer_id=CUSTOMER, purpose="risk_scoring", state="withdrawn", occurred_at=now
        ),
    ]
    consents.record_all(keepwell, changes, clock=lambda: now)


def _clear(keepwell: Keepwell, now: datetime) -> None:
    running.run_interventions(
        awake_desk(keepwell),
        NOTE,
        everyone(),
        outside_contacts={},
        clock=lambda: now,
    )


def _sign(keepwell: Keepwell, now: datetime) -> None:
    signing_desk.review_model(
        keepwell, "churn", outcome="approve", key=read_key(keepwell), reason="as good", now=now
    )


def _send(keepwell: Keepwell, now: datetime) -> None:
    work = awake_desk(keepwell).leases
    with keepwell.database.write() as conn:
        claim = work.claim(conn, now=now)
    assert isinstance(claim, Claim)
    with keepwell.database.write() as conn:
        work.put_on_wire(conn, claim, now=now)
    with keepwell.database.write() as conn:
        work.finish(conn, claim, Delivery("delivered", 204), now=now, rng=Random(1))


_ACTS: Mapping[str, Callable[[Keepwell, datetime], Any]] = {
    "grant": _grant,
    "withdraw": _withdraw,
    "object": lambda home, now: rights.object_to_processing(home, CUSTOMER, now=now),
    "import": _import,
    "erase": lambda home, now: rights.erase(home, CUSTOMER, now=now),
    "clear": _clear,
    "send": _send,
    "contest": lambda home, now: review_queue.request_review(
        home, CUSTOMER, reason="I do not think so", clock=lambda: now
    ),
    "decide": _decide,
    "retain": _retain,
    "sign": _sign,
    "revoke": lambda home, now: key_issue.end_key(home, read_key(home).split("_")[1], now=now),
    "settle": lambda home, now: rights.settle(home, now=now),
}
