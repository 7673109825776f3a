"""Four proofs that can only be made by the code that checks.

A `Permit` lets a person's data be read, an `AggregatePermit` lets a measure be taken over people,
an `Approval` lets a model serve, a `Clearance` lets a person be contacted. Functions that need one
of these ask for it as an argument, so that a forgotten check is a type error and not an incident.

A proof is an empty token: what it proves is kept here, in the mint, under the token's identity.
A token that was constructed, subclassed, copied, unpickled or patched together by hand proves
nothing and raises `PermissionRefused` wherever it is shown. A mint answers only the one module
that does the checking.
"""

import sys
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, ClassVar, Generic, NamedTuple, NoReturn, TypeVar, final
from weakref import WeakKeyDictionary

from governance.errors import PermissionRefused

Facts = TypeVar("Facts")


class _Permitted(NamedTuple):
    purpose: str
    customers: frozenset[str]
    judged_at: datetime
    sequence: int
    basis: str
    consent_event_ids: Mapping[str, str]


class _Aggregated(NamedTuple):
    purpose: str
    basis: str
    judged_at: datetime
    min_people: int


class _Approved(NamedTuple):
    model_digest: str
    target: str
    review_id: str
    reviewer: str
    signed_at: datetime
    expires_at: datetime
    self_signed: bool


class _Cleared(NamedTuple):
    intervention_id: str
    customer_id: str
    channel: str
    playbook: str
    valid_until: datetime
    consent_event_ids: Mapping[str, str]


class _Proof(Generic[Facts]):
    """A token without content; `_facts` looks up what the mint knows about this very token."""

    __slots__ = ("__weakref__",)
    _kind: ClassVar[type]

    def __init__(self) -> None:
        _refuse(type(self).__name__)

    def __copy__(self) -> NoReturn:
        _refuse(type(self).__name__)

    def __deepcopy__(self, memo: object) -> NoReturn:
        _refuse(type(self).__name__)

    def __reduce__(self) -> NoReturn:
        _refuse(type(self).__name__)

    @property
    def _facts(self) -> Facts:
        found: Facts | None = _MINTED.get(self)
        if found is None or not isinstance(found, self._kind):
            _refuse(type(self).__name__)
        return found

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>" if self in _MINTED else f"<void {type(self).__name__}>"


_MINTED: WeakKeyDictionary[_Proof[Any], Any] = WeakKeyDictionary()


@final
class Permit(_Proof[_Permitted]):
    """These customers' data may be read for one purpose, as judged at `judged_at`.

    `sequence` is the last consent event seen, so that a batch can ask who changed since.
    """

    __slots__ = ()
    _kind = _Permitted

    def __init_subclass__(cls) -> None:
        _refuse("Permit")

    @property
    def purpose(self) -> str:
        """What the data may be used for."""
        return self._facts.purpose

    @property
    def customers(self) -> frozenset[str]:
        """Whose data may be read."""
        return self._facts.customers

    @property
    def judged_at(self) -> datetime:
        """The wall-clock instant permission was judged at."""
        return self._facts.judged_at

    @property
    def sequence(self) -> int:
        """Number of the last consent event seen; 0 when there was none."""
        return self._facts.sequence

    @property
    def basis(self) -> str:
        """What carries the purpose: consent, explicit_consent, legitimate_interest, …."""
        return self._facts.basis

    @property
    def consent_event_ids(self) -> Mapping[str, str]:
        """Customer to the consent event relied on; empty for a basis that is not consent."""
        return self._facts.consent_event_ids

    def covers(self, customer_id: str) -> bool:
        """Whether this customer is among those permitted."""
        return customer_id in self._facts.customers

    def require(self, purpose: str) -> None:
        """Raise `PermissionRefused` unless this permit is genuine and for `purpose`."""
        if self._facts.purpose != purpose:
            raise PermissionRefused(
                f"the permit is for {self._facts.purpose}, needed is {purpose}",
                purpose=purpose,
                reason="other_purpose",
                hint="ask the consent registry for a permit of this purpose",
            )

    def require_customer(self, purpose: str, customer_id: str) -> None:
        """Raise `PermissionRefused` unless `customer_id` may be read for `purpose`."""
        self.require(purpose)
        if not self.covers(customer_id):
            raise PermissionRefused(
                f"the permit for {purpose} does not cover this customer",
                purpose=purpose,
                reason="not_covered",
                hint="ask the consent registry about this customer",
            )


@final
class AggregatePermit(_Proof[_Aggregated]):
    """Figures over at least `min_people` people may be computed; no rows come out."""

    __slots__ = ()
    _kind = _Aggregated

    def __init_subclass__(cls) -> None:
        _refuse("AggregatePermit")

    @property
    def purpose(self) -> str:
        """What the figure is for."""
        return self._facts.purpose

    @property
    def basis(self) -> str:
        """What carries the purpose."""
        return self._facts.basis

    @property
    def judged_at(self) -> datetime:
        """The wall-clock instant the permit was made at."""
        return self._facts.judged_at

    @property
    def min_people(self) -> int:
        """Smallest number of people a published cell may hold."""
        return self._facts.min_people

    def require(self, purpose: str) -> None:
        """Raise `PermissionRefused` unless this permit is genuine and for `purpose`."""
        if self._facts.purpose != purpose:
            raise PermissionRefused(
                f"the aggregate permit is for {self._facts.purpose}, needed is {purpose}",
                purpose=purpose,
                reason="other_purpose",
            )

    def allows(self, people: int) -> bool:
        """Whether a cell over this many people may be shown."""
        return people >= self._facts.min_people


@final
class Approval(_Proof[_Approved]):
    """This very model may serve: a person other than its author signed it, and it has not expired.

    In demo and evaluation homes the home signs itself; then `self_signed` is true and every page
    says so.
    """

    __slots__ = ()
    _kind = _Approved

    def __init_subclass__(cls) -> None:
        _refuse("Approval")

    @property
    def model_digest(self) -> str:
        """sha256 of the bundle that was reviewed."""
        return self._facts.model_digest

    @property
    def target(self) -> str:
        """What the model predicts."""
        return self._facts.target

    @property
    def review_id(self) -> str:
        """The review that approved it."""
        return self._facts.review_id

    @property
    def reviewer(self) -> str:
        """Owner of the key that signed."""
        return self._facts.reviewer

    @property
    def signed_at(self) -> datetime:
        """When it was signed."""
        return self._facts.signed_at

    @property
    def expires_at(self) -> datetime:
        """From this instant on the approval is void."""
        return self._facts.expires_at

    @property
    def self_signed(self) -> bool:
        """Whether a demo or evaluation home signed itself."""
        return self._facts.self_signed

    def require(self, model_digest: str, *, now: datetime) -> None:
        """Raise `PermissionRefused` unless genuine, for this digest and not expired at `now`."""
        if self._facts.model_digest != model_digest:
            raise PermissionRefused(
                "the approval is for another model", purpose="serving", reason="other_model"
            )
        if not self._facts.signed_at <= now < self._facts.expires_at:
            raise PermissionRefused(
                "the approval is not in force now",
                purpose="serving",
                reason="approval_expired",
                hint="have the model reviewed again",
            )


@final
class Clearance(_Proof[_Cleared]):
    """This customer may be contacted once, for this intervention, until `valid_until`."""

    __slots__ = ()
    _kind = _Cleared

    def __init_subclass__(cls) -> None:
        _refuse("Clearance")

    @property
    def intervention_id(self) -> str:
        """The one intervention it is for."""
        return self._facts.intervention_id

    @property
    def customer_id(self) -> str:
        """Who may be contacted."""
        return self._facts.customer_id

    @property
    def channel(self) -> str:
        """How: email, phone, …."""
        return self._facts.channel

    @property
    def playbook(self) -> str:
        """Which playbook it carries out."""
        return self._facts.playbook

    @property
    def valid_until(self) -> datetime:
        """From this instant on the clearance is void."""
        return self._facts.valid_until

    @property
    def consent_event_ids(self) -> Mapping[str, str]:
        """Purpose to the consent event relied on; empty for service playbooks."""
        return self._facts.consent_event_ids

    def require(self, intervention_id: str, *, now: datetime) -> None:
        """Raise `PermissionRefused` unless genuine, for this intervention and still valid."""
        if self._facts.intervention_id != intervention_id:
            raise PermissionRefused(
                "the clearance is for another intervention",
                purpose="outreach",
                reason="other_intervention",
            )
        if now >= self._facts.valid_until:
            raise PermissionRefused(
                "the clearance has run out", purpose="outreach", reason="clearance_expired"
            )


def mint_permit(
    *,
    purpose: str,
    customers: frozenset[str],
    judged_at: datetime,
    sequence: int,
    basis: str,
    consent_event_ids: Mapping[str, str],
) -> Permit:
    """Make a permit; answers `governance.consent.registry` only."""
    _only("governance.consent.registry")
    ids = MappingProxyType(dict(consent_event_ids))
    facts = _Permitted(purpose, frozenset(customers), judged_at, sequence, basis, ids)
    return _mint(Permit, facts)


def mint_aggregate_permit(
    *, purpose: str, basis: str, judged_at: datetime, min_people: int
) -> AggregatePermit:
    """Make an aggregate permit; answers `governance.consent.registry` only."""
    _only("governance.consent.registry")
    return _mint(AggregatePermit, _Aggregated(purpose, basis, judged_at, min_people))


def mint_approval(
    *,
    model_digest: str,
    target: str,
    review_id: str,
    reviewer: str,
    signed_at: datetime,
    expires_at: datetime,
    self_signed: bool,
) -> Approval:
    """Make an approval; answers `governance.review.reviews` only."""
    _only("governance.review.reviews")
    facts = _Approved(model_digest, target, review_id, reviewer, signed_at, expires_at, self_signed)
    return _mint(Approval, facts)


def mint_clearance(
    *,
    intervention_id: str,
    customer_id: str,
    channel: str,
    playbook: str,
    valid_until: datetime,
    consent_event_ids: Mapping[str, str],
) -> Clearance:
    """Make a clearance; answers `serving.interventions.policy.policy` only."""
    _only("serving.interventions.policy.policy")
    ids = MappingProxyType(dict(consent_event_ids))
    facts = _Cleared(intervention_id, customer_id, channel, playbook, valid_until, ids)
    return _mint(Clearance, facts)


Token = TypeVar("Token", bound=_Proof[Any])


def _mint(kind: type[Token], facts: object) -> Token:
    token = object.__new__(kind)
    _MINTED[token] = facts
    return token


def _only(module: str) -> None:
    asking = sys._getframe(2).f_globals
    checker = sys.modules.get(module)
    if checker is None or asking is not vars(checker):  # the module itself, not one of its name
        raise PermissionRefused(
            f"{asking.get('__name__')} asked for a proof that only {module} may make",
            purpose="proof",
            reason="not_the_checker",
            hint=f"ask {module} to check; it hands out the proof",
        )


def _refuse(name: str) -> NoReturn:
    raise PermissionRefused(
        f"this {name} was not made by the code that checks",
        purpose="proof",
        reason="forged",
        hint="a proof cannot be constructed, copied, subclassed or stored; ask for one",
    )
