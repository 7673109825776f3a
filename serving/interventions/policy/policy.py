"""May this customer be contacted by this playbook now? The only maker of clearances.

Every filter is a reason; the first that applies is the verdict. Permission is read from the
registry, for the contact and for the score behind it, in the caller's transaction; and once more at
every send attempt (`recheck`), where it must still be the very same permission: granting again
never revives what was queued before.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from governance.consent.registry import ConsentRegistry
from governance.errors import InvalidInput
from governance.proof import Clearance, Permit, mint_clearance
from serving.interventions.playbooks.playbook import Playbook
from serving.interventions.policy.behind_scores import permits_behind
from serving.interventions.policy.under_way import ContactCounts
from serving.settings import Mode, Settings

SENSITIVE = "wellbeing_inference"
QUIET_HOURS = "quiet_hours"
"""Why a contact waits that is permitted otherwise: it says nothing about the person."""


@dataclass(frozen=True, kw_only=True)
class ContactPolicy:
    """What the company has decided about contacting people at all.

    At most `max_contacts` within 30 days and `max_per_week` within 7, of all playbooks together and
    those outside Keepwell included; nothing between `quiet_from` and `quiet_until` where the
    customer lives (`zone`: where nobody knows); outreach of one run costs at most `budget`, of 30
    days at most `budget_per_30_days`, and a channel carries at most its `capacity` in a run.
    `mode`: observe does nothing, advise makes every contact wait for a person; what is not
    unlocked (`modes`) falls back. A model that was not shown to treat groups alike is not used in
    the modes `fairness_blocks` names. `exploration_share` of the budget goes to people drawn at
    random where the choice is made by effect; `min_impact_ratio` is how unevenly contacts may fall
    on groups before they wait for a person.
    """

    home_kind: str
    mode: Mode
    zone: ZoneInfo
    max_contacts: int = 2
    max_per_week: int = 1
    quiet_from: time = time(20)
    quiet_until: time = time(8)
    budget: float = 1_000.0
    budget_per_30_days: float | None = None
    capacity: Mapping[str, int] = field(default_factory=dict)
    exploration_share: float = 0.1
    min_impact_ratio: float = 0.8
    fairness_blocks: frozenset[Mode] = frozenset({"act"})

    def mode_for(self, fairness: str) -> Mode:
        """Give the mode for a model of this audit outcome: a blocked one falls back by a step.

        A demo home reaches nobody and shows what acting looks like all the same.
        """
        if fairness == "pass" or self.home_kind == "demo":
            return self.mode
        if self.mode == "observe" or "advise" in self.fairness_blocks:
            return "observe"
        return "advise" if self.mode in self.fairness_blocks else self.mode


def policy_of(settings: Settings, *, home_kind: str, mode: Mode | None = None) -> ContactPolicy:
    """Read the policy from a home's settings; `mode` overrides what they say."""
    contact = settings.contact
    return ContactPolicy(
        home_kind=home_kind,
        mode=mode or settings.mode,
        zone=settings.zone,
        max_contacts=contact.max_per_30_days,
        max_per_week=contact.max_per_week,
        quiet_from=time.fromisoformat(contact.quiet_from),
        quiet_until=time.fromisoformat(contact.quiet_until),
        budget=contact.budget,
        budget_per_30_days=contact.budget_per_30_days,
        capacity=contact.capacity,
        exploration_share=contact.exploration_share,
        min_impact_ratio=contact.min_impact_ratio,
        fairness_blocks=settings.gate.fairness_blocks,
    )


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """Someone a score, a level of well-being or an event speaks for; one per customer.

    `purpose` is what the score or level was made for, None where there is neither.
    `model_purposes` are all purposes the model's features name: a contact rests on those that are
    permitted, too. `sensitive_features` are those that read well-being, sentiment or stress, so
    that a model which reads them is never used to sell. `reasons` are the features among the
    score's reasons, `level` (0-100) is how they fare in the playbook's dimension. `trigger` names
    what spoke for them, and which single event it
    was where it was one: each triggers once.
    """

    customer_id: str
    probability: float | None = None
    target: str | None = None
    model_digest: str | None = None
    score_decision_id: str | None = None
    purpose: str | None = "risk_scoring"
    model_purposes: frozenset[str] = frozenset({"risk_scoring"})
    sensitive_features: tuple[str, ...] = ()
    reasons: frozenset[str] = frozenset()
    level: float | None = None
    trigger: str = "score"


@dataclass(frozen=True)
class Judged:
    """Who may be contacted, the most at risk first, and everyone else's reason.

    `outside` are those the playbook is not meant for. `permits` hold what the verdicts rest on,
    `behind` those further purposes that some of the scores rest on, over these people alone.
    """

    eligible: tuple[Candidate, ...]
    refused: Mapping[str, str]
    outside: frozenset[str]
    permits: Mapping[str, Permit]
    behind: Mapping[str, Permit] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Queued:
    """What a send attempt must be checked against.

    `permissions` maps every purpose relied on to its consent event, None where the purpose is not
    carried by consent.
    """

    intervention_id: str
    customer_id: str
    channel: str
    playbook: str
    kind: str
    valid_until: datetime
    permissions: Mapping[str, str | None]


def judge(
    conn: Connection,
    registry: ConsentRegistry,
    playbook: Playbook,
    candidates: Sequence[Candidate],
    *,
    policy: ContactPolicy,
    contacts: ContactCounts,
    busy: Mapping[str, str],
    now: datetime,
) -> Judged:
    """Say of each candidate whether the playbook may contact them now, and why not if not.

    `contacts` counts each customer's contacts of late; `busy` gives the reason for those who are
    held out or for whom something is under way. One refusal never touches another candidate. What
    a run may cost is looked at later, over all playbooks together (`selection`).
    """
    _check(playbook, candidates)
    fitting = [c for c in candidates if _meant_for(playbook, c)]
    fitting.sort(key=lambda c: (-(c.probability or 0.0), c.customer_id))
    outside = frozenset(c.customer_id for c in candidates) - {c.customer_id for c in fitting}
    refused: dict[str, str] = {}
    blanket = _blanket_refusal(playbook, policy)
    if blanket is not None:
        return Judged((), {c.customer_id: blanket for c in fitting}, outside, {})
    everyone = [c.customer_id for c in fitting]
    permits: dict[str, Permit] = {}
    for purpose in _purposes(playbook, fitting):
        permits[purpose], no = registry.permit_many(conn, purpose, everyone, now=now)
        for customer, why in no.items():
            refused.setdefault(customer, f"{purpose}: {why}")
    behind = permits_behind(conn, registry, _read_besides(fitting, permits), now=now)
    refused = {**behind.refused, **refused}
    eligible: list[Candidate] = []
    for c in fitting:
        reason = refused.get(c.customer_id) or _filter(playbook, c, policy, contacts, busy)
        if reason is None:
            eligible.append(c)
        else:
            refused[c.customer_id] = reason
    return Judged(tuple(eligible), refused, outside, permits, behind.permits)


def permissions_of(judged: Judged, customer_id: str) -> dict[str, str | None]:
    """Give the consent event behind each purpose for one eligible customer."""
    found: dict[str, str | None] = {}
    for purpose, permit in judged.permits.items():
        permit.require_customer(purpose, customer_id)
        found[purpose] = permit.consent_event_ids.get(customer_id)
    for purpose, permit in judged.behind.items():
        permit.require(purpose)
        if customer_id in permit.customers:
            found[purpose] = permit.consent_event_ids.get(customer_id)
    return found


def recheck(
    conn: Connection, registry: ConsentRegistry, queued: Queued, *, home_kind: str, now: datetime
) -> Clearance | str:
    """Give a fresh clearance for this one attempt, or the reason why there is none any more.

    Raises nothing for a "no": the reason is what gets recorded. Called in the transaction that
    claims the row, so nothing can change between the look and the claim.
    """
    if home_kind == "evaluation":
        return "evaluation_home"
    if now >= queued.valid_until:
        return "clearance_expired"
    if not queued.permissions:
        return "no_permission_named"
    for purpose, event_id in queued.permissions.items():
        permit = registry.permit(conn, queued.customer_id, purpose, now=now)
        if not isinstance(permit, Permit):
            return f"{purpose}: {permit.reason}"
        permit.require_customer(purpose, queued.customer_id)
        if permit.consent_event_ids.get(queued.customer_id) != event_id:
            return f"{purpose}: permission_replaced"
    needed = "operations" if queued.kind == "service" else f"outreach.{queued.channel}"
    if needed not in queued.permissions:
        return "no_permission_named"
    return mint_clearance(
        intervention_id=queued.intervention_id,
        customer_id=queued.customer_id,
        channel=queued.channel,
        playbook=queued.playbook,
        valid_until=queued.valid_until,
        consent_event_ids={p: e for p, e in queued.permissions.items() if e is not None},
    )


def first_moment(now: datetime, policy: ContactPolicy, zone: ZoneInfo | None = None) -> datetime:
    """Give `now`, or the end of the quiet hours when it lies within them.

    Quiet hours are those of `zone`, the customer's (see `zones`), or of the home.
    """
    zone = zone or policy.zone
    local = now.astimezone(zone)
    start, stop = policy.quiet_from, policy.quiet_until
    if start == stop:
        return now
    clock = local.time()
    overnight = start > stop
    quiet = (clock >= start or clock < stop) if overnight else start <= clock < stop
    if not quiet:
        return now
    day = local.date() + timedelta(days=1 if overnight and clock >= start else 0)
    return datetime.combine(day, stop, tzinfo=zone).astimezone(now.tzinfo)


def _check(playbook: Playbook, candidates: Sequence[Candidate]) -> None:
    if playbook.kind == "outreach" and not playbook.value.strip():
        raise InvalidInput(
            f"the playbook {playbook.name} does not say what the customer gets from it",
            hint="write a sentence into its value; outreach that gives nothing is not made",
        )
    customers = {c.customer_id for c in candidates}
    if len(customers) != len(candidates):
        raise InvalidInput(
            f"{len(candidates)} candidates for {len(customers)} customers",
            hint="give each customer once",
        )
    wrong = {c.target for c in candidates if c.target != playbook.target}
    if wrong:
        raise InvalidInput(
            f"the playbook {playbook.name} answers {playbook.target!r}, "
            f"candidates come from {', '.join(sorted(map(repr, wrong)))}",
        )


def _meant_for(playbook: Playbook, c: Candidate) -> bool:
    if playbook.kind == "service":
        return True
    if playbook.target is not None and not (
        c.probability is not None
        and playbook.min_probability <= c.probability <= playbook.max_probability
    ):
        return False
    if not playbook.asks_for(c.reasons):
        return False
    if playbook.dimension is None:
        return True
    return c.level is not None and playbook.below is not None and c.level <= playbook.below


def _blanket_refusal(playbook: Playbook, policy: ContactPolicy) -> str | None:
    if policy.home_kind == "evaluation":
        return "evaluation_home"
    if policy.mode == "observe" and playbook.kind == "outreach":
        return "mode_observe"
    return None


def _purposes(playbook: Playbook, candidates: Sequence[Candidate]) -> list[str]:
    """The contact's own purpose first, then the playbook's and the scores' behind it."""
    if playbook.kind == "service":
        return [playbook.contact_purpose]
    further = {*playbook.purposes, *(c.purpose for c in candidates if c.purpose is not None)}
    return [playbook.contact_purpose, *sorted(further - {playbook.contact_purpose})]


def _read_besides(
    candidates: Sequence[Candidate], asked: Collection[str]
) -> dict[str, dict[str, str | None]]:
    """Give the purposes that models read beside those asked: whose, and by which score."""
    found: dict[str, dict[str, str | None]] = {}
    for c in candidates:
        for purpose in c.model_purposes.difference(asked):
            found.setdefault(purpose, {})[c.customer_id] = c.score_decision_id
    return found


def _filter(
    playbook: Playbook,
    c: Candidate,
    policy: ContactPolicy,
    contacts: ContactCounts,
    busy: Mapping[str, str],
) -> str | None:
    if playbook.commercial and (SENSITIVE in c.model_purposes or c.sensitive_features):
        return "commercial_model_reads_wellbeing"
    if c.customer_id in busy:
        return busy[c.customer_id]
    return None if playbook.kind == "service" else over_the_cap(policy, contacts, c.customer_id)


def over_the_cap(policy: ContactPolicy, contacts: ContactCounts, customer_id: str) -> str | None:
    """Name the cap that another contact of this customer would pass; None while there is room."""
    if contacts.month.get(customer_id, 0) >= policy.max_contacts:
        return "contact_cap"
    if contacts.week.get(customer_id, 0) >= policy.max_per_week:
        return "contact_cap_week"
    return None
