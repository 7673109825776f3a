"""The first half of the life of a home: time passes, and people say what they permit."""

from dataclasses import replace
from datetime import datetime, time, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from governance.consent.notices import publish_notice
from governance.consent.record import ConsentChange
from governance.errors import InvalidInput
from serving.bootstrap import Keepwell
from serving.interventions.delivery.desk import Desk, desk_of
from serving.interventions.delivery.leases import Claim
from serving.interventions.playbooks.playbook import Playbook
from serving.interventions.policy.policy import Candidate
from serving.permission.consents import (
    change_consent,
    describe_subject,
    record_all,
    withdraw,
    withdraw_all,
)
from serving.rights.acts import object_to_processing
from tests.serving.conftest import Clock, Shop
from tests.serving.permitted import (
    EMAIL,
    PURPOSES,
    SCORING,
    Permitted,
    Person,
    Said,
)
from tests.serving.unlocked import unlock_home
from tests.serving.workbench import Workbench

PEOPLE = ("customer-ann", "customer-bob", "customer-cleo")
NOTE = Playbook(
    name="personal_note",
    kind="outreach",
    channel="email",
    subject="Is there anything we can do better?",
    body="A person reads your answer.",
    target="churn",
    min_probability=0.0,
    holdout_share=0.25,
    cost=1.0,
    cooldown_days=0,
    value="someone listens",
)
INSTANT, TICK, HOUR, DAY = (
    timedelta(0),
    timedelta(microseconds=1),
    timedelta(hours=1),
    timedelta(days=1),
)


class StillClock(Clock):
    """Moves only when a rule moves it, so that several things happen at one instant."""

    def __call__(self) -> datetime:
        return self.now


people = st.sampled_from(PEOPLE)
purposes = st.sampled_from(PURPOSES)
passing = st.sampled_from((INSTANT, TICK, HOUR))
outcomes = st.sampled_from(("delivered", "retry", "lost"))


class Words(RuleBasedStateMachine):
    """Each rule does one thing to the home and to the model beside it."""

    def __init__(self, workbench: Workbench) -> None:
        super().__init__()
        self.workbench = workbench
        self.clock = StillClock(workbench.now + DAY)
        self.shop = Shop(workbench.fresh(), self.clock)
        unlock_home(self.shop.keepwell)
        self.model = Permitted({each: Person() for each in PEOPLE})
        self.backup: Permitted | None = None
        self.candidates: dict[str, Candidate] = {}
        self.histories: dict[str, list[str]] = {each: [] for each in PEOPLE}
        self.received: dict[str, str] = {}  # message id to intervention
        self.leased: dict[str, tuple[Claim, datetime]] = {}  # the newest claim of each message
        self.alive: list[Claim] = []
        self.waiting = 0  # messages queued and not delivered, at most
        self.rng = Random(1)
        self.number = 0

    def teardown(self) -> None:
        self.shop.keepwell.close()

    @property
    def keepwell(self) -> Keepwell:
        return self.shop.keepwell

    @property
    def desk(self) -> Desk:
        desk = desk_of(self.keepwell, mode="act")
        awake = replace(
            desk.policy, quiet_from=time(0), quiet_until=time(0), max_contacts=3, max_per_week=3
        )
        return replace(desk, policy=awake)

    def passes(self, span: timedelta) -> datetime:
        self.clock.now += span
        return self.clock.now

    # what people say

    def yes(self, customer: str, purpose: str, **more: Any) -> ConsentChange:
        self.number += 1
        return ConsentChange(
            customer_id=customer,
            purpose=purpose,
            mechanism="checkbox_ticked",
            evidence=f"form {self.number}",
            **more,
        )

    @rule(
        customer=people,
        purpose=purposes,
        state=st.sampled_from(("given", "renewed")),
        explicit=st.booleans(),
        lasts=st.sampled_from((None, None, HOUR, DAY)),
        notice=st.sampled_from(("none", "newest", "newest", "first")),
        guardian=st.booleans(),
        span=passing,
    )
    def grant(
        self,
        customer: str,
        purpose: str,
        state: str,
        explicit: bool,
        lasts: timedelta | None,
        notice: str,
        guardian: bool,
        span: timedelta,
    ) -> None:
        now = self.passes(span)
        published = self.model.notice if purpose == SCORING else None
        version = {"none": None, "newest": published, "first": published and 1}[notice]
        until = None if lasts is None else now + lasts
        change = self.yes(
            customer,
            purpose,
            state=state,
            explicit=explicit,
            expires_at=until,
            notice_id=None if version is None else "privacy",
            notice_version=version,
            guardian_evidence="a signed letter" if guardian else None,
        )
        before = self.model.people[customer].said.get(purpose, [])
        if state == "renewed" and not any(word.is_yes for word in before):
            with pytest.raises(InvalidInput, match="renewed"):
                change_consent(self.keepwell, change, clock=self.clock)
            return
        change_consent(self.keepwell, change, clock=self.clock)
        said = Said(now, True, explicit, until, version, guardian)
        self.model.say(customer, purpose, said)

    @initialize()
    def everyone_agrees(self) -> None:
        for each in PEOPLE:
            self.agree(each, INSTANT)

    @rule(customer=people, span=passing)
    def agree(self, customer: str, span: timedelta) -> None:
        """Say yes to being scored and written to, in so many words."""
        for purpose in (SCORING, EMAIL):
            self.grant(customer, purpose, "given", True, None, "newest", True, span)

    @rule(customer=people, purpose=purposes, span=passing)
    def withdraw(self, customer: str, purpose: str, span: timedelta) -> None:
        now = self.passes(span)
        withdraw(self.keepwell, customer, purpose, actor="customer", clock=self.clock)
        self.model.stop(customer, purpose, now)

    @rule(customer=people, span=passing)
    def withdraw_all(self, customer: str, span: timedelta) -> None:
        now = self.passes(span)
        withdraw_all(self.keepwell, customer, actor="customer", clock=self.clock)
        for purpose in self.model.people[customer].said:
            self.model.stop(customer, purpose, now)

    @rule(customer=people, span=passing)
    def object(self, customer: str, span: timedelta) -> None:
        now = self.passes(span)
        object_to_processing(self.keepwell, customer, now=now)
        self.model.object(customer, now)

    @rule(
        words=st.lists(
            st.tuples(people, purposes, st.booleans(), st.sampled_from((TICK, HOUR, DAY))),
            min_size=1,
            max_size=3,
        )
    )
    def import_older_words(self, words: list[tuple[str, str, bool, timedelta]]) -> None:
        """Several people's words of some time ago; only a new act brings an erased person back."""
        now = self.clock.now
        changes = [
            replace(
                self.yes(customer, purpose, state="given" if is_yes else "refused"),
                occurred_at=now - ago,
                mechanism="imported",
            )
            for customer, purpose, is_yes, ago in words
        ]
        done = record_all(self.keepwell, changes, clock=self.clock)
        refused = 0
        for customer, purpose, is_yes, ago in words:
            erased_at = self.model.people[customer].erased_at
            if erased_at is not None and (is_yes or now - ago <= erased_at):
                refused += 1
            else:
                self.model.say(customer, purpose, Said(now - ago, is_yes))
        assert done.refused == refused

    @rule(material=st.booleans(), span=passing)
    def change_notice(self, material: bool, span: timedelta) -> None:
        now = self.passes(span)
        version = (self.model.notice or 0) + 1
        with self.keepwell.database.write() as conn:
            publish_notice(
                conn,
                notice_id="privacy",
                version=version,
                content=f"What we do with your data, {version}.",
                purposes=[SCORING],
                material=material,
                now=now,
            )
        self.model.notice = version
        if material:
            self.model.material = version

    @rule(customer=people, comes_of_age=st.sampled_from((-DAY, INSTANT, TICK, HOUR, DAY)))
    def describe(self, customer: str, comes_of_age: timedelta) -> None:
        person = self.model.people[customer]
        if not person.known:
            return
        adult_from = self.clock.now + comes_of_age
        describe_subject(
            self.keepwell, customer, adult_from=adult_from, relation=None, clock=self.clock
        )
        person.adult_from = adult_from

    @rule(span=st.sampled_from((TICK, HOUR, DAY, 40 * DAY)))
    def time_passes(self, span: timedelta) -> None:
        self.passes(span)

    @rule(data=st.data(), off=st.sampled_from((-TICK, INSTANT, TICK)))
    def time_reaches_a_boundary(self, data: st.DataObject, off: timedelta) -> None:
        """The very instant at which a yes expires or a child comes of age, and those beside it."""
        ahead = {
            boundary
            for person in self.model.people.values()
            for boundary in (
                person.adult_from,
                *(word.until for words in person.said.values() for word in words),
            )
            if boundary is not None and boundary + off > self.clock.now
        }
        if ahead:
            self.clock.now = data.draw(st.sampled_from(sorted(ahead))) + off
