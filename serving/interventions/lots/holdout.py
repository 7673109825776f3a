"""Who is left alone for a while, so that it can be known whether acting helps.

The draw comes last, after every filter, among people who could all have been contacted. A keyed
hash decides: the same people, key and experiment give the same arms, nobody can foresee them
without the key, and every person of a stratum has the same chance. Within each stratum of an
experiment the share is exact to the person however many runs it is drawn in, which balances small
pilots.
"""

import hashlib
import hmac
from collections import defaultdict
from collections.abc import Mapping
from math import floor
from typing import Literal

from governance.errors import InvalidInput

Arm = Literal["treated", "holdout"]
_SHORTEST_KEY = 16


def assign(
    strata: Mapping[str, str],
    *,
    key: bytes,
    experiment: str,
    share: float,
    earlier: Mapping[str, Arm] | None = None,
    drawn_before: Mapping[str, int] | None = None,
) -> dict[str, Arm]:
    """Give each customer of `strata` (customer to stratum) an arm; `share` (0-1) is held out.

    `earlier` holds arms that are still in force; those stay as they are and do not count towards
    this draw. `drawn_before` counts how many of each stratum this experiment drew before: of the
    first n of a stratum, ⌊share · n + u⌋ are held out, with u in [0, 1) from the keyed hash of the
    stratum. So everyone's chance is exactly `share`, and the rounding never adds up over many runs.
    """
    if not 0 <= share <= 1:
        raise InvalidInput(f"share == {share}, must be within 0-1")
    if len(key) < _SHORTEST_KEY:
        raise InvalidInput(f"the holdout key has {len(key)} bytes, must have at least 16")
    kept = {c: arm for c, arm in (earlier or {}).items() if c in strata}
    members: dict[str, list[str]] = defaultdict(list)
    for customer, stratum in strata.items():
        if customer not in kept:
            members[stratum].append(customer)
    arms: dict[str, Arm] = dict(kept)
    for stratum, customers in members.items():
        order = sorted(customers, key=lambda c: (_unit(key, experiment, "customer", c), c))
        start = _unit(key, experiment, "stratum", stratum)
        before = (drawn_before or {}).get(stratum, 0)
        held = floor(share * (before + len(order)) + start) - floor(share * before + start)
        for place, customer in enumerate(order):
            arms[customer] = "holdout" if place < held else "treated"
    return arms


def risk_stratum(probability: float) -> str:
    """Name the band of risk a probability lies in: tenths, so that arms are alike in risk."""
    tenth = min(int(probability * 10), 9)
    return f"risk_{tenth * 10:02d}"


def _unit(key: bytes, experiment: str, use: str, text: str) -> float:
    """Map to [0, 1), evenly and unforeseeably; length prefixes keep the parts apart."""
    message = "\n".join(f"{len(part)}:{part}" for part in (experiment, use, text))
    digest = hmac.new(key, message.encode(), hashlib.sha256).digest()
    return float(int.from_bytes(digest[:8], "big") >> 11) / float(1 << 53)
