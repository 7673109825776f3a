"""Who of a file of scores may be told of now, what each may be worth, and who can be reached."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from governance.instants import to_text
from serving.bootstrap import Keepwell
from serving.crm.margins import Margins, margins_of
from serving.crm.score_rows import Reader, batches, target_of
from serving.crm.weekly import channels_of

Floats = NDArray[np.float64]


class AtStake(NamedTuple):
    """Everyone with a score who permits scoring now, n in all.

    `probability` (n, 3) is the estimate with the bounds of its 90 % interval, `margin` (n,) what
    each is worth a year as `assumption` says, `reachable` (n,) whether some channel is permitted.
    """

    target: str
    outcome: str
    as_of: str
    assumption: str
    customers: tuple[str, ...]
    probability: Floats
    margin: Floats
    reachable: NDArray[np.bool_]

    @property
    def spans(self) -> Floats:
        """Probability × margin of each (n, 3), with what it is at the bounds of the probability."""
        return self.probability * self.margin[:, None]


def at_stake(keepwell: Keepwell, scores: Path, *, clock: Callable[[], datetime]) -> AtStake:
    """Read a file of scores, with permission as it stands now; nothing of it is told of anyone.

    Raises `InvalidInput` for what is no file of scores.
    """
    target = target_of(keepwell, scores)
    reader = Reader(keepwell, target)
    customers: list[str] = []
    probability: list[tuple[float, float, float]] = []
    margin: list[float] = []
    reachable: list[bool] = []
    margins: Margins | None = None
    outcome, as_of = "", clock()
    for batch in batches(scores):
        rows = batch.to_pylist()
        now = clock()
        with keepwell.database.read() as conn:
            if margins is None:
                outcome, as_of = rows[0]["outcome"] or target.say(), rows[0]["as_of"]
                margins = margins_of(
                    keepwell, conn, purpose=target.purpose, stated=None, as_of=as_of, now=now
                )
            verdicts = reader.judge(conn, rows, now=now)
            told = [row for row, why in zip(rows, verdicts, strict=True) if why is None]
            channels = channels_of(keepwell, conn, [row["customer_id"] for row in told], now)
        for row in told:
            who = row["customer_id"]
            customers.append(who)
            probability.append((row["probability"], row["low"], row["high"]))
            margin.append(margins.of(who))
            reachable.append(bool(channels.get(who)))
    return AtStake(
        target=target.name,
        outcome=outcome,
        as_of=to_text(as_of),
        assumption="" if margins is None else margins.assumption,
        customers=tuple(customers),
        probability=np.array(probability, np.float64).reshape(-1, 3),
        margin=np.array(margin, np.float64),
        reachable=np.array(reachable, np.bool_),
    )
