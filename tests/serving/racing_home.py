"""Workers of one home, each a real process with threads, who all act on the same few people."""

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

from governance.consent.record import ConsentChange
from governance.errors import NotFound
from serving.bootstrap import Keepwell, open_home
from serving.interventions.choosing.run import run_interventions
from serving.interventions.delivery.leases import Claim, Go
from serving.interventions.delivery.webhook import Delivery
from serving.permission.consents import change_consent, record_all, withdraw
from serving.rights.acts import erase, object_to_processing
from serving.scoring.batch import score_everyone
from serving.scoring.scorer import Scorer
from tests.serving.dying_promises import yes
from tests.serving.lived import NOTE, PEOPLE, awake_desk, everyone

Log = Callable[[str], None]


def now() -> datetime:
    return datetime.now(UTC)


def work(root: str, seed: int, threads: int, rounds: int, sent_file: str) -> None:
    """Act at random in several threads; every message that went out is written to a file."""
    keepwell = open_home(Path(root))
    scorer = Scorer(keepwell, clock=now, trial=lambda *_: None)
    scorer.warm()

    def sent(message_id: str) -> None:
        line = os.open(sent_file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(line, f"{message_id}\n".encode())
        os.close(line)

    def thread(number: int) -> None:
        rng = Random(100 * seed + number)
        for _ in range(rounds):
            act = rng.choice(ACTS)
            act(keepwell, scorer, rng, sent)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(thread, range(threads)))
    keepwell.close()


def score(keepwell: Keepwell, scorer: Scorer, rng: Random, sent: Log) -> None:
    scorer.score(rng.sample(PEOPLE, rng.randint(1, 3)), targets=["churn"])


def score_all(keepwell: Keepwell, scorer: Scorer, rng: Random, sent: Log) -> None:
    score_everyone(keepwell, keepwell.target("churn"), out=None, clock=now)


def grant(keepwell: Keepwell, scorer: Scorer, rng: Random, sent: Log) -> None:
    customer, purpose = _pick(rng)
    change = ConsentChange(
        customer_id=customer,
        purpose=purpose,
        state="given",
        mechanism="button",
        evidence=f"form {rng.random()}",
        explicit=True,
    )
    change_consent(keepwell, change, clock=now)


def stop(keepwell: Keepwell, scorer: Scorer, rng: Random, sent: Log) -> None:
    customer, purpose = _pick(rng)
    withdraw(keepwell, customer, purpose, actor="customer", clock=now)


def take_in(keepwell: Keepwell, scorer: Scorer, rng: Random, sent: Log) -> None:
    """Words of two people at once, as an import brings them."""
    at = now()
    a_no: Mapping[str, Any] = {"state": "withdrawn", "occurred_at": at}
    changes = [
        yes(PEOPLE[0], "risk_scoring", evidence=f"line {rng.random()}", at=at),
        ConsentChange(customer_id=PEOPLE[1], purpose="risk_scoring", **a_no),
    ]
    record_all(keepwell, changes, clock=now)


def object_once(keepwell: Keepwell, scorer: Scorer, rng: Random, sent: Log) -> None:
    if rng.random() < 0.1:
        object_to_processing(keepwell, PEOPLE[2], now=now())


def erase_now_and_then(keepwell: Keepwell, scorer: Scorer, rng: Random, sent: Log) -> None:
    if rng.random() < 0.3:
        with suppress(NotFound):
            erase(keepwell, PEOPLE[2], now=now())


def clear(keepwell: Keepwell, scorer: Scorer, rng: Random, sent: Log) -> None:
    run_interventions(awake_desk(keepwell), NOTE, everyone(), outside_contacts={}, clock=now)


def send(keepwell: Keepwell, scorer: Scorer, rng: Random, sent: Log) -> None:
    leases = awake_desk(keepwell).leases
    with keepwell.database.write() as conn:
        claim = leases.claim(conn, now=now())
    if not isinstance(claim, Claim):
        return
    with keepwell.database.write() as conn:
        go = leases.put_on_wire(conn, claim, now=now())
    if isinstance(go, Go):
        if go.clearance is not None:
            sent(claim.message.message_id)
        with keepwell.database.write() as conn:
            leases.finish(conn, claim, Delivery("delivered", 204), now=now(), rng=rng)


ACTS = (
    score, score, score_all, grant, grant, grant, stop, take_in, object_once, erase_now_and_then,
    clear, send, send,
)  # fmt: skip


def _pick(rng: Random) -> tuple[str, str]:
    return rng.choice(PEOPLE), rng.choice(("risk_scoring", "outreach.email"))
