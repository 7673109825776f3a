"""Leases on waiting messages: permission is read again at every attempt, and only one can send.

    pending ──claim──▶ leased ──put_on_wire──▶ on_wire ──finish──▶ delivered | pending again | dead
       └────────┴── permission gone ──▶ cancelled      └─ an e-mail nobody knows of ──▶ unknown

A lease carries a fencing number that grows with each claim: a worker whose lease ran out can
neither send nor mark. A webhook message whose sender died on the wire goes again, under the same
id; an e-mail is `unknown` then and does not, because no mail server knows a message again. Locks
are taken in one order everywhere: the customer, the permission, the row, the ledger.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, and_, or_, select, update

from features.events import keepwell_event
from features.live import append
from governance.consent.registry import ConsentRegistry
from governance.log.ledger import Ledger
from governance.proof import Clearance
from serving.interventions.delivery.announcements import outdated
from serving.interventions.delivery.email_addresses import EmailAddress
from serving.interventions.delivery.held_addresses import address_of
from serving.interventions.delivery.messages import REQUESTED, SCORE_CHANGED
from serving.interventions.delivery.outbox import Transport, announce_cancelled, end_intervention
from serving.interventions.delivery.queued import intervention_of, queued_of
from serving.interventions.delivery.webhook import Delivery, Message, wait_after
from serving.interventions.delivery.withdrawn_scores import forget_told_score
from serving.interventions.policy.contacts import contacts_made
from serving.interventions.policy.policy import ContactPolicy, Queued, over_the_cap, recheck
from serving.interventions.policy.zones import quiet_until
from serving.interventions.tables import interventions, outbox
from serving.locks import lock_customers

LEASE = timedelta(seconds=60)
EVERY_WAY: frozenset[Transport] = frozenset({"webhook", "email"})
NO_ADDRESS = "no_address"


class Claim(NamedTuple):
    """A lease on one message; only the newest `fence` of a message can do anything."""

    message: Message
    customer_id: str | None
    queued: Queued | None
    fence: int
    attempt: int
    transport: Transport = "webhook"


class Unseen(NamedTuple):
    """An e-mail whose sender died on the wire: it may have arrived, and is not sent again."""

    intervention_id: str | None


class Dropped(NamedTuple):
    """A message that will never leave, and why."""

    intervention_id: str | None
    reason: str


class Missed(NamedTuple):
    """Another worker took the message first; there may be more."""


class Go(NamedTuple):
    """The message may be sent now; `clearance` is there for every message that contacts someone.

    `address` is where an e-mail goes, read at this moment.
    """

    clearance: Clearance | None
    address: EmailAddress | None = None


@dataclass(frozen=True)
class Leases:
    """Claims, sends and finishes messages; each method runs in the caller's write transaction."""

    registry: ConsentRegistry
    ledger: Ledger
    home_kind: str
    lease: timedelta = LEASE
    policy: ContactPolicy | None = None
    """Whose quiet hours hold a retry back, and whose caps a first try; nothing does without."""

    def claim(
        self, conn: Connection, *, now: datetime, ways: Collection[Transport] = EVERY_WAY
    ) -> Claim | Dropped | Missed | Unseen | None:
        """Lease the next due message, or drop it when permission is gone; None when none is due.

        Contact and profiling permission are both read in this very transaction, at first attempts
        and retries alike. `Missed` means that another worker was quicker: ask again in a new
        transaction. One transaction looks at one customer, so that no two can wait for each other.
        Outreach that is due in the customer's quiet hours waits for their end (`Missed`, too), and
        is dropped where contacts made since it was queued have used up a cap.
        Only messages that go one of these `ways` are looked at.
        """
        row = conn.execute(_due(now, ways)).first()
        if row is None:
            return None
        if row.customer_id is not None:
            lock_customers(conn, [row.customer_id])
        current = conn.execute(select(outbox).where(_same(row))).one_or_none()
        if current is None:
            return Missed()
        if current.status == "on_wire" and current.transport == "email":
            return self._lose_sight(conn, current, now)
        if current.stop_asked_at is not None:
            return self._drop(conn, current, "stopped_on_the_wire", now)
        queued = queued_of(conn, current)
        if queued is not None:
            verdict = recheck(conn, self.registry, queued, home_kind=self.home_kind, now=now)
            if isinstance(verdict, str):
                return self._drop(conn, current, verdict, now)
            if (cap := self._cap(conn, current, queued, now)) is not None:
                return self._drop(conn, current, cap, now)
            if (quiet := self._quiet(conn, queued, now)) is not None:
                waits = {"status": "pending", "due_at": quiet, "leased_until": None}
                conn.execute(update(outbox).where(_same(current)).values(waits))
                return Missed()
        elif (why := outdated(conn, self.registry, current, now=now)) is not None:
            return self._drop(conn, current, why, now)
        attempt, fence = current.attempts + 1, current.fence + 1
        values = {
            "status": "leased",
            "fence": fence,
            "leased_until": now + self.lease,
            "attempts": attempt,
        }
        leased = conn.execute(update(outbox).where(_same(current)).values(values))
        if leased.rowcount != 1:
            return Missed()
        message = Message(current.message_id, current.type, current.body, current.intervention_id)
        way: Transport = "email" if current.transport == "email" else "webhook"
        return Claim(message, current.customer_id, queued, fence, attempt, way)

    def _quiet(self, conn: Connection, queued: Queued, now: datetime) -> datetime | None:
        """Give the end of the quiet hours this contact would fall into; a duty is owed at night."""
        if self.policy is None or queued.kind != "outreach":
            return None
        return quiet_until(conn, self.registry, self.policy, queued.customer_id, now=now)

    def _cap(self, conn: Connection, row: Row[Any], queued: Queued, now: datetime) -> str | None:
        """Name the cap that was reached since the contact was queued; what was tried goes on."""
        if self.policy is None or queued.kind != "outreach" or row.on_wire_at is not None:
            return None
        made = contacts_made(conn, self.registry, queued.customer_id, now=now)
        return over_the_cap(self.policy, made, queued.customer_id)

    def put_on_wire(self, conn: Connection, claim: Claim, *, now: datetime) -> Go | Dropped | None:
        """Say that the message leaves now; None when the lease is gone and nothing may be sent.

        Permission is read a last time, and the address of an e-mail. The lease begins anew. After
        this commits a withdrawal can no longer stop the message, only record that it came too late.
        """
        if claim.customer_id is not None:
            lock_customers(conn, [claim.customer_id])
        held = conn.execute(select(outbox).where(_held(claim, "leased", now))).one_or_none()
        if held is None:
            return None
        clearance = None
        if claim.queued is not None:
            verdict = recheck(conn, self.registry, claim.queued, home_kind=self.home_kind, now=now)
            if isinstance(verdict, str):
                return self._drop(conn, held, verdict, now)
            clearance = verdict
        elif (why := outdated(conn, self.registry, held, now=now)) is not None:
            return self._drop(conn, held, why, now)
        address = None
        if claim.transport == "email":
            address = address_of(conn, claim.customer_id or "", "email")
            if address is None:
                return self._drop(conn, held, NO_ADDRESS, now)
        marked = conn.execute(
            update(outbox)
            .where(_held(claim, "leased", now))
            .values(status="on_wire", on_wire_at=now, leased_until=now + self.lease)
        )
        return Go(clearance, address) if marked.rowcount == 1 else None

    def finish(
        self, conn: Connection, claim: Claim, delivery: Delivery, *, now: datetime, rng: Random
    ) -> str:
        """Record what came of it: delivered, retry, cancelled, dead, unknown; lost without a lease.

        `dead` is what was refused for good, or was tried as often as it may be.
        """
        if claim.customer_id is not None:
            lock_customers(conn, [claim.customer_id])
        held = conn.execute(select(outbox).where(_held(claim, "on_wire", now))).one_or_none()
        if held is None:
            return "lost"
        mark = update(outbox).where(_held(claim, "on_wire", now))
        status = {"last_status": delivery.status, "leased_until": None}
        if delivery.outcome == "delivered":
            conn.execute(mark.values(status="delivered", finished_at=now, **status))
            self._sent(conn, held, now)
            return "delivered"
        if delivery.outcome == "unknown":
            self._lose_sight(conn, held, now)
            return "unknown"
        if held.stop_asked_at is not None:
            self._drop(conn, held, "stopped_on_the_wire", now)
            return "cancelled"
        wait = wait_after(claim.attempt, delivery, rng)
        if wait is not None and delivery.outcome != "refused":
            conn.execute(mark.values(status="pending", due_at=now + wait, **status))
            return "retry"
        why = delivery.cause if delivery.outcome == "refused" else "attempts_used_up"
        conn.execute(mark.values(status="dead", reason=why[:80], finished_at=now, **status))
        if held.type == REQUESTED:
            end_intervention(conn, held.intervention_id, "failed", why, now)
        return "dead"

    def _sent(
        self, conn: Connection, row: Row[Any], now: datetime, *, unseen: bool = False
    ) -> None:
        """Record a contact that was made or, `unseen`, may have been: caps count both."""
        if row.type != REQUESTED:
            return
        stopped = row.stop_asked_at is not None
        status, why = ("unknown", "no_answer_seen") if unseen else ("sent", "")
        if stopped:
            status, why = "cancelled", "stopped_on_the_wire"
        at = row.on_wire_at if unseen else now
        conn.execute(
            update(interventions)
            .where(interventions.c.intervention_id == row.intervention_id)
            .values(status=status, reason=why, sent_at=at, ended_at=now)
        )
        sent = conn.execute(intervention_of(row.intervention_id)).one()
        doubt = {"delivery": "unknown"} if unseen else {}
        append(
            conn,
            [
                keepwell_event(
                    "intervention_sent",
                    row.customer_id,
                    event_id=row.intervention_id,
                    occurred_at=at,
                    known_at=now,
                    properties={"playbook": sent.playbook, "channel": sent.channel, **doubt},
                )
            ],
        )
        if stopped:
            announce_cancelled(conn, row.intervention_id, row.customer_id, now=now)
        body = {"intervention": row.intervention_id, "attempt": row.attempts, "stopped": stopped}
        self.ledger.append(conn, "intervention_sent", body | doubt, now=now)

    def _lose_sight(self, conn: Connection, row: Row[Any], now: datetime) -> Unseen:
        """End an e-mail of which nobody will know whether it arrived."""
        conn.execute(
            update(outbox)
            .where(outbox.c.message_id == row.message_id)
            .values(status="unknown", reason="no_answer_seen", finished_at=now, leased_until=None)
        )
        self._sent(conn, row, now, unseen=True)
        return Unseen(row.intervention_id)

    def _drop(self, conn: Connection, row: Row[Any], reason: str, now: datetime) -> Dropped:
        conn.execute(
            update(outbox)
            .where(outbox.c.message_id == row.message_id)
            .values(status="cancelled", reason=reason[:80], finished_at=now, leased_until=None)
        )
        if row.type == SCORE_CHANGED:
            forget_told_score(conn, row.message_id)
        ended = "expired" if reason == "clearance_expired" else "cancelled"
        end_intervention(conn, row.intervention_id, ended, reason, now)
        if row.on_wire_at is not None and row.type == REQUESTED:
            announce_cancelled(conn, row.intervention_id, row.customer_id, now=now)
        body = {"intervention": row.intervention_id, "type": row.type, "reason": reason}
        self.ledger.append(conn, "intervention_stopped", body, now=now)
        return Dropped(row.intervention_id, reason)


def _due(now: datetime, ways: Collection[Transport]) -> Any:
    waiting = and_(outbox.c.status == "pending", outbox.c.due_at <= now)
    abandoned = and_(outbox.c.status.in_(("leased", "on_wire")), outbox.c.leased_until <= now)
    return (
        select(outbox)
        .where(or_(waiting, abandoned), outbox.c.transport.in_(sorted(ways)))
        .order_by(outbox.c.due_at, outbox.c.message_id)
        .limit(1)
    )


def _same(row: Row[Any]) -> Any:
    return and_(
        outbox.c.message_id == row.message_id,
        outbox.c.fence == row.fence,
        outbox.c.status == row.status,
    )


def _held(claim: Claim, status: str, now: datetime) -> Any:
    return and_(
        outbox.c.message_id == claim.message.message_id,
        outbox.c.fence == claim.fence,
        outbox.c.status == status,
        outbox.c.leased_until > now,
    )
