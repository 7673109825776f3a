"""A home in the middle of its life: people scored, messages under way, a model to sign."""

from dataclasses import replace
from datetime import time
from pathlib import Path
from random import Random

from serving.access.auth import create_key
from serving.bootstrap import Keepwell
from serving.interventions.choosing.run import run_interventions
from serving.interventions.delivery.desk import Desk, desk_of
from serving.interventions.delivery.leases import Claim
from serving.interventions.delivery.webhook import Delivery
from serving.interventions.playbooks.playbook import Playbook
from serving.interventions.policy.policy import Candidate
from tests.serving.conftest import Shop, register_model, save_bundle
from tests.serving.unlocked import unlock_home

PEOPLE = ANN, BOB, CLEO = ("customer-ann", "customer-bob", "customer-cleo")
NOTE = Playbook(
    name="personal_note",
    kind="outreach",
    channel="email",
    subject="Is there anything we can do better?",
    body="A person reads your answer.",
    target="churn",
    min_probability=0.0,
    holdout_share=0.0,
    cost=1.0,
    cooldown_days=0,
    value="someone listens",
)


def awake_desk(keepwell: Keepwell) -> Desk:
    """A desk that may contact people at any hour."""
    unlock_home(keepwell)
    desk = desk_of(keepwell, mode="act")
    policy = replace(
        desk.policy, quiet_from=time(0), quiet_until=time(0), max_contacts=9, max_per_week=9
    )
    return replace(desk, policy=policy)


def candidate(customer_id: str, probability: float | None, decision_id: str | None) -> Candidate:
    return Candidate(
        customer_id=customer_id,
        probability=probability,
        target="churn",
        score_decision_id=decision_id,
        purpose="risk_scoring",
        model_purposes=frozenset({"risk_scoring"}),
    )


def everyone() -> list[Candidate]:
    """All there are, as an old file of scores would name them."""
    return [candidate(each, 0.6, None) for each in PEOPLE]


def live(shop: Shop) -> None:
    """Fill a home: all are scored; the note to Ann waits, that to Bob was handed over."""
    for number, each in enumerate(PEOPLE):
        shop.order(each, *(20.0 * (number + 1) + 30 * k for k in range(3)))
        shop.permit(each, "risk_scoring", "outreach.email")
    shop.approve_model()
    secret = shop.enrolment_secret
    with shop.keepwell.database.write() as conn:
        newer = save_bundle(shop.keepwell, intercept=0.1)
        register_model(conn, shop.keepwell, newer, now=shop.clock())
        key = create_key(
            conn, shop.keepwell.ledger, ["audit:sign"],
            owner="Grace", now=shop.clock(), enrolment_secret=secret,
        )  # fmt: skip
    _key_file(shop.keepwell).write_text(key.key)
    shop.scorer.score(PEOPLE, targets=["churn"])
    shop.scorer.score(PEOPLE[:1], targets=["churn"])
    desk = awake_desk(shop.keepwell)
    _clear(desk, shop, BOB)
    _deliver(desk, shop)
    _clear(desk, shop, ANN)


def _clear(desk: Desk, shop: Shop, customer_id: str) -> None:
    chosen = [candidate(customer_id, 0.6, None)]
    run_interventions(desk, NOTE, chosen, outside_contacts={}, clock=shop.clock)


def read_key(keepwell: Keepwell) -> str:
    """Give the key with which the newer model may be signed."""
    return _key_file(keepwell).read_text()


def _key_file(keepwell: Keepwell) -> Path:
    return keepwell.home.root / "key.txt"


def _deliver(desk: Desk, shop: Shop) -> None:
    with desk.database.write() as conn:
        claim = desk.leases.claim(conn, now=shop.clock())
    assert isinstance(claim, Claim)
    with desk.database.write() as conn:
        desk.leases.put_on_wire(conn, claim, now=shop.clock())
    with desk.database.write() as conn:
        sent = Delivery("delivered", 204)
        desk.leases.finish(conn, claim, sent, now=shop.clock(), rng=Random(1))
