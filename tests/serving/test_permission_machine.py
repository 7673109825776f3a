"""A home lives through anything in any order, and never does what a plain model forbids."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from features.compaction import tidy
from governance.errors import NotFound
from governance.instants import to_text
from governance.proof import Permit
from serving.intake import take_events
from serving.interventions.choosing.run import run_interventions
from serving.interventions.delivery.leases import LEASE, Claim, Go
from serving.interventions.delivery.webhook import Delivery
from serving.interventions.policy.policy import Candidate
from serving.permission.consents import withdraw
from serving.rights.acts import erase, settle
from serving.scoring.batch import score_everyone
from tests.serving.conftest import Shop
from tests.serving.holding import check_home
from tests.serving.machine_words import (
    DAY,
    INSTANT,
    NOTE,
    PEOPLE,
    TICK,
    Words,
    outcomes,
    passing,
    people,
)
from tests.serving.permitted import (
    EMAIL,
    PURPOSES,
    SCORING,
    WELLBEING,
)
from tests.serving.workbench import Workbench, make_workbench


class PermissionMachine(Words):
    """The second half: what is done with it, and what must hold after every step."""

    claims = Bundle("claims")

    # what is done with it

    @rule(asked=st.lists(people, min_size=1, max_size=6), span=passing)
    def score(self, asked: list[str], span: timedelta) -> None:
        now = self.passes(span)
        answer = self.shop.scorer.score(asked, targets=["churn"], may_see_refusals=True)
        assert [each.customer_id for each in answer.results] == asked
        for each in answer.results:
            permitted = self.model.permits(each.customer_id, SCORING, now)
            assert (each.status in ("scored", "insufficient_data")) == permitted, each.reason
            assert bool(each.scores) <= permitted
            if each.status == "scored":
                self.candidates[each.customer_id] = _candidate(
                    each.customer_id, each.scores["churn"].probability, each.decision_id
                )

    @rule(withdraws=st.none() | people)
    def score_everyone(self, withdraws: str | None) -> None:
        """A batch; somebody may withdraw while it runs."""

        def meanwhile(step: str) -> None:
            if withdraws is not None and step.startswith("estimating"):
                self.passes(TICK)
                self.withdraw_now(withdraws)

        found = score_everyone(
            self.keepwell,
            self.keepwell.target("churn"),
            out=self.workbench.place / "scores.parquet",
            clock=self.clock,
            progress=meanwhile,
        )
        now = self.clock.now
        at_most = [each for each in PEOPLE if self.model.permits(each, SCORING, now)]
        assert found.scored + found.insufficient_data <= len(at_most)

    def withdraw_now(self, customer: str) -> None:
        withdraw(self.keepwell, customer, SCORING, actor="customer", clock=self.clock)
        self.model.stop(customer, SCORING, self.clock.now)

    @rule(
        scored_again=st.booleans(),
        span=passing,
        sent=st.lists(outcomes | st.just("overtaken"), max_size=2),
    )
    def clear(self, scored_again: bool, span: timedelta, sent: list[str]) -> None:
        """Run a playbook over everyone who was ever scored, permitted or not by now."""
        if scored_again:
            self.score(list(PEOPLE), INSTANT)
        now = self.passes(span)
        chosen = run_interventions(
            self.desk, NOTE, list(self.candidates.values()), outside_contacts={}, clock=self.clock
        )
        for each in chosen.assigned:
            assert self.model.permits(each.customer_id, SCORING, now)
            assert self.model.permits(each.customer_id, EMAIL, now)
        self.waiting += chosen.count("queued")
        for outcome in sent:
            if outcome == "overtaken":
                self.overtake("delivered", "lost")
            else:
                self.claim_and_send(TICK, outcome)

    @precondition(lambda self: self.waiting)
    @rule(target=claims, span=passing)
    def claim(self, span: timedelta) -> Any:
        now = self.passes(span)
        with self.keepwell.database.write() as conn:
            found = self.desk.leases.claim(conn, now=now)
        if not isinstance(found, Claim):
            return multiple()
        self.may_contact(found, now)
        self.leased[found.message.message_id] = found, now + LEASE
        self.alive.append(found)
        return found

    @rule(claim=claims, span=passing, outcome=outcomes)
    def send(self, claim: Claim, span: timedelta, outcome: str) -> None:
        """Put it on the wire and finish, at once; `lost` means the answer never came back."""
        now = self.passes(span)
        if not self.is_alive(claim):
            return
        held = self.holds(claim, now)
        with self.keepwell.database.write() as conn:
            go = self.desk.leases.put_on_wire(conn, claim, now=now)
        if not isinstance(go, Go):
            return
        assert held, "a worker without its lease may send"
        self.may_contact(claim, now)
        if outcome != "retry" and claim.message.type == "intervention.requested":
            assert go.clearance is not None
            intervention = go.clearance.intervention_id
            self.received.setdefault(claim.message.message_id, intervention)
        if outcome != "lost":
            delivery = Delivery(outcome, 200 if outcome == "delivered" else 503)  # type: ignore[arg-type]
            with self.keepwell.database.write() as conn:
                self.desk.leases.finish(conn, claim, delivery, now=now, rng=self.rng)
            self.waiting -= outcome == "delivered"

    @precondition(lambda self: self.waiting)
    @rule(span=passing, outcome=outcomes)
    def claim_and_send(self, span: timedelta, outcome: str) -> None:
        found = self.claim(span)
        if isinstance(found, Claim):
            self.send(found, INSTANT, outcome)

    @precondition(lambda self: self.waiting)
    @rule(first=outcomes, second=outcomes)
    def overtake(self, first: str, second: str) -> None:
        """A worker sleeps past its lease; another takes over; then the first one wakes up."""
        sleeper = self.claim(TICK)
        other = self.claim(2 * LEASE)
        if isinstance(sleeper, Claim):
            self.send(sleeper, TICK, first)
        if isinstance(other, Claim):
            self.send(other, TICK, second)
        if isinstance(sleeper, Claim):
            self.finish_late(sleeper)

    @rule(claim=claims)
    def finish_late(self, claim: Claim) -> None:
        """A worker that comes back after all: it may only speak for the lease it still holds."""
        now = self.clock.now
        if not self.is_alive(claim):
            return
        with self.keepwell.database.write() as conn:
            said = self.desk.leases.finish(
                conn, claim, Delivery("retry", 503), now=now, rng=self.rng
            )
        assert said == "lost" or self.holds(claim, now), "a worker without its lease may mark"

    def is_alive(self, claim: Claim) -> bool:
        """Workers do not outlive a restore: what they held was never promised."""
        return any(claim is each for each in self.alive)

    def holds(self, claim: Claim, now: datetime) -> bool:
        """Whether this is the newest claim of its message and its time is not over."""
        newest, until = self.leased[claim.message.message_id]
        return newest is claim and now < until

    def may_contact(self, claim: Claim, now: datetime) -> None:
        if claim.message.type == "intervention.requested":
            assert claim.customer_id is not None
            assert self.model.permits(claim.customer_id, EMAIL, now)
            assert self.model.permits(claim.customer_id, SCORING, now)

    @rule(customer=people, span=passing)
    def erase(self, customer: str, span: timedelta) -> None:
        now = self.passes(span)
        if not self.model.people[customer].known:
            with pytest.raises(NotFound):
                erase(self.keepwell, customer, now=now)
            return
        erase(self.keepwell, customer, now=now)
        self.model.erase(customer, now)
        self.histories[customer] = []

    @rule(customer=people)
    def send_events(self, customer: str) -> None:
        self.number += 1
        event = {
            "customer_id": customer,
            "kind": "order",
            "event_id": f"{self.number}",
            "occurred_at": to_text(self.clock.now - DAY),
            "value": 20.0,
        }
        [found] = take_events(self.keepwell, [event], clock=self.clock).results
        person = self.model.people[customer]
        assert (found.status == "rejected") == (person.erased_at is not None)
        person.known |= found.status == "written"

    @rule()
    def tidy(self) -> None:
        tidy(self.keepwell.database, self.keepwell.store, now=self.clock.now)

    @rule()
    def back_up(self) -> None:
        self.keepwell.close()
        self.workbench.back_up()
        self.backup = self.model.saved()

    @precondition(lambda self: self.backup is not None)
    @rule(span=passing)
    def restore(self, span: timedelta) -> None:
        now = self.passes(span)
        assert self.backup is not None
        self.keepwell.close()
        self.shop = Shop(self.workbench.restore(), self.clock)
        settle(self.keepwell, now=now)
        self.model = self.model.restored(self.backup, now)
        self.leased, self.alive = {}, []
        self.histories = {each: [] for each in PEOPLE}

    # what holds after every step

    @invariant()
    def permission_is_what_the_model_says(self) -> None:
        now, registry = self.clock.now, self.keepwell.registry
        with self.keepwell.database.read() as conn:
            for purpose in PURPOSES:
                permit, refused = registry.permit_many(conn, purpose, PEOPLE, now=now)
                for each in PEOPLE:
                    alone = registry.permit(conn, each, purpose, now=now)
                    expected = self.model.permits(each, purpose, now)
                    assert isinstance(alone, Permit) == expected, (purpose, alone)
                    assert permit.covers(each) == (each not in refused) == expected

    @invariant()
    def words_are_only_ever_added(self) -> None:
        with self.keepwell.database.read() as conn:
            for each in PEOPLE:
                ids = [word.event_id for word in self.keepwell.registry.history(conn, each)]
                assert ids[: len(self.histories[each])] == self.histories[each]
                self.histories[each] = ids

    @invariant()
    def each_intervention_reached_the_receiver_as_one_message(self) -> None:
        assert max(Counter(self.received.values()).values(), default=1) == 1

    @invariant()
    def the_home_holds(self) -> None:
        check_home(self.keepwell, now=self.clock.now, customers=PEOPLE)


def _candidate(customer_id: str, probability: float | None, decision_id: str) -> Candidate:
    return Candidate(
        customer_id=customer_id,
        probability=probability,
        target="churn",
        score_decision_id=decision_id,
        purpose=SCORING,
        model_purposes=frozenset({SCORING, WELLBEING}),
    )


def fill(shop: Shop) -> None:
    """Give each three orders, and approve a model."""
    for number, each in enumerate(PEOPLE):
        shop.order(each, *(20.0 * (number + 1) + 30 * k for k in range(3)))
    shop.approve_model()


@pytest.fixture(params=["sqlite", "postgres"])
def workbench(request: pytest.FixtureRequest, fast_path: Path) -> Iterator[Workbench]:
    on_postgres = request.param == "postgres"
    uri = request.getfixturevalue("postgres_uri") if on_postgres else None
    found = make_workbench(fast_path, uri, fill)
    yield found
    if found.server is not None:
        found.server.close()


def test_nothing_people_said_is_ever_overruled(workbench: Workbench) -> None:
    share = 10 if workbench.server is None else 20
    machine: Any = partial(PermissionMachine, workbench)
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=settings().max_examples // share,
            stateful_step_count=50,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.generate, Phase.shrink),
        ),
    )
