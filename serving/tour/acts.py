"""What the buttons of the tour do, by the functions that the HTTP API and the terminal call.

Each act gives the walk with the ids of what it did. Scores are asked for as of this very moment, so
that the event just sent counts.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import uuid4

from governance.consent.notices import Notice, current_notices
from governance.consent.record import ConsentChange
from governance.errors import NotFound
from governance.instants import to_text
from serving.bootstrap import Keepwell
from serving.crm.asking import ask_playbooks
from serving.demo_receiver import DemoReceiver
from serving.intake import take_events
from serving.interventions.deciding import oversight
from serving.interventions.delivery.desk import Desk, desk_of
from serving.interventions.delivery.dispatch import dispatch, http_client
from serving.interventions.delivery.webhook import Endpoint
from serving.permission import consents
from serving.scoring.answers import CustomerScore
from serving.scoring.home_clock import home_clock
from serving.scoring.scorer import Scorer
from serving.tour.cast import MOST_ACTS, Player, seen_cast
from serving.tour.over import TourOver
from serving.tour.walk import Walk

TARGET = "churn"
PURPOSE = "risk_scoring"
PLAYBOOKS = ("personal_note", "goodwill_gesture")
APPROVER = "a visitor of the demo"
_ALL_REASONS = 1_000
_MOST_MESSAGES = 20

Happening = Literal["order", "complaint"]
Clock = Callable[[], datetime]


@dataclass(frozen=True)
class Stage:
    """What acts work with: an opened demo home, its scorer, and a clock."""

    keepwell: Keepwell
    scorer: Scorer
    clock: Clock

    def player(self, customer_id: str) -> Player:
        """Give one customer of the tour; raises `NotFound`, and `TourOver` where it is."""
        seen = seen_cast(self.keepwell)
        if sum(each.verdicts for each in seen) >= MOST_ACTS:
            raise TourOver(
                "this demo was toured so often that it takes no more",
                hint="make it anew: keepwell demo",
            )
        now = self.clock()
        with self.keepwell.database.read() as conn:
            if home_clock(self.keepwell, conn, now=now) < now - timedelta(hours=1):
                raise TourOver(
                    "this demo was made days ago: an event of today would make everybody else "
                    "seem silent since",
                    hint="make it anew: keepwell demo",
                )
        found = [each.player for each in seen if each.player.customer_id == customer_id]
        if not found:
            raise NotFound("nobody of this tour has that id", hint="begin on the first page")
        return found[0]

    def other(self, player: Player) -> Player | None:
        """Give somebody else who may be drifting away, whom the fewest have followed."""
        others = (each.player for each in seen_cast(self.keepwell) if each.player != player)
        return next((each for each in others if each.role == "drifting"), None)

    @property
    def desk(self) -> Desk:
        """Where contacts are decided: on the tour every one waits for a person."""
        return desk_of(self.keepwell, mode="advise")


def event_of(
    happening: Happening, customer_id: str, *, event_id: str, now: datetime
) -> dict[str, Any]:
    """Give the event a program would send when somebody orders or complains."""
    sent: dict[str, Any] = {
        "event_id": event_id,
        "customer_id": customer_id,
        "kind": "order",
        "occurred_at": to_text(now),
    }
    if happening == "order":
        return sent | {"value": 42.5, "currency": "EUR", "properties": {"quantity": 2}}
    return sent | {
        "kind": "ticket_opened",
        "text": "My parcel came late and broken, and nobody answers. I am disappointed.",
        "properties": {"topic": "the delivery"},
    }


def begin(stage: Stage, customer_id: str) -> Walk:
    """Follow somebody: ask for their score as it is."""
    return Walk(customer_id, before=_score(stage, customer_id).decision_id)


def happen(stage: Stage, walk: Walk, happening: Happening) -> Walk:
    """Send one event, and ask for the score again."""
    before = walk.score or _score(stage, walk.customer_id).decision_id
    event_id = f"tour-{uuid4()}"
    event = event_of(happening, walk.customer_id, event_id=event_id, now=stage.clock())
    take_events(stage.keepwell, [event], clock=stage.clock)
    after = _score(stage, walk.customer_id).decision_id
    return Walk(walk.customer_id, before=before, event=event_id, after=after)


def withdraw(stage: Stage, walk: Walk) -> Walk:
    """Take the permission for the score back, and ask for the score once more."""
    said = consents.withdraw(
        stage.keepwell, walk.customer_id, PURPOSE, actor="customer", clock=stage.clock
    )
    refused = _score(stage, walk.customer_id).decision_id
    return walk._replace(
        withdrawn=said.event_id, refused=refused, given="", again="", asked=(), contact=""
    )


def give_back(stage: Stage, walk: Walk) -> Walk:
    """Give the permission again, as an act of its own with its evidence, and ask once more."""
    words = words_asked(stage.keepwell)
    change = ConsentChange(
        customer_id=walk.customer_id,
        purpose=PURPOSE,
        state="given",
        actor="customer",
        mechanism="button",
        evidence=f"the button of the demo's tour, act {uuid4()}",
        notice_id=words.notice_id,
        notice_version=words.version,
        notice_locale=words.locale,
    )
    said = consents.change_consent(stage.keepwell, change, clock=stage.clock)
    again = _score(stage, walk.customer_id).decision_id
    return walk._replace(given=said.event_id, again=again, asked=(), contact="")


def words_asked(keepwell: Keepwell) -> Notice:
    """Give the words by which people are asked for the permission; raises `NotFound`."""
    with keepwell.database.read() as conn:
        found = current_notices(conn).get(PURPOSE)
    if found is None:
        raise NotFound("nobody is asked for this permission here", hint="keepwell consent notice")
    return found.words()


def ask(stage: Stage, walk: Walk) -> Walk:
    """Ask the playbooks about this customer alone; what they choose waits for a person."""
    found = _score(stage, walk.customer_id)
    asked = ask_playbooks(stage.keepwell, stage.desk, PLAYBOOKS, found, TARGET, clock=stage.clock)
    if walk.again or walk.refused:
        walk = walk._replace(again=found.decision_id)
    else:
        walk = walk._replace(after=found.decision_id)
    return walk._replace(asked=asked.decisions or (found.decision_id,), contact=asked.contact)


def ask_instead(stage: Stage, walk: Walk) -> Walk:
    """Ask the playbooks about somebody else who may be drifting away; raises `NotFound`."""
    other = stage.other(stage.player(walk.customer_id))
    if other is None:
        raise NotFound("nobody else of this tour is drifting away", hint="begin on the first page")
    return ask(stage, begin(stage, other.customer_id))


def approve(stage: Stage, walk: Walk, reason: str) -> Walk:
    """Say yes to the proposed contact, and carry the message to a receiver on this machine."""
    oversight.approve(stage.desk, walk.contact, approver=APPROVER, reason=reason, now=stage.clock())
    _deliver(stage)
    return walk


def reject(stage: Stage, walk: Walk, reason: str) -> Walk:
    """Say no to the proposed contact, with the reason."""
    oversight.reject(stage.desk, walk.contact, approver=APPROVER, reason=reason, now=stage.clock())
    return walk


def _score(stage: Stage, customer_id: str) -> CustomerScore:
    answer = stage.scorer.score(
        [customer_id],
        targets=[TARGET],
        reasons_limit=_ALL_REASONS,
        as_of=stage.clock(),
        may_see_refusals=True,
    )
    return answer.results[0]


def _deliver(stage: Stage) -> None:
    secret = stage.keepwell.keys.webhook
    with DemoReceiver(secret) as receiver, http_client(seconds=5.0) as client:
        endpoint = Endpoint(receiver.url, secret)
        rng = random.Random()  # noqa: S311 - spreads retries, guards nothing
        dispatch(
            desk_of(stage.keepwell), endpoint, client,
            clock=stage.clock, rng=rng, limit=_MOST_MESSAGES,
        )  # fmt: skip
