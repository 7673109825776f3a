"""The digests of many customers' event versions at once: see `Histories.digest`."""

import hashlib
from itertools import pairwise

import numpy as np

from features.history import Histories
from governance.errors import InvalidInput


def event_digests(histories: Histories, as_of: int) -> list[str]:
    """Give `Histories.digest` of every customer (m,) at `as_of` (µs).

    Raises `InvalidInput` for histories that were read without digests.
    """
    if len(histories.digests) != len(histories.occurred_at):
        raise InvalidInput("these histories were read without digests")
    used = histories.visible(as_of) & ~histories.is_own_act
    before = np.concatenate([[0], np.cumsum(used)])[histories.offsets].tolist()
    digests = memoryview(histories.digests[used].astype(">u8").tobytes())
    known_at = memoryview(histories.known_at[used].astype(">i8").tobytes())
    start, found = hashlib.sha256(b"keepwell history 1"), []
    for first, stop in pairwise(before):
        state = start.copy()
        state.update(digests[16 * first : 16 * stop])
        state.update(known_at[8 * first : 8 * stop])
        found.append(state.hexdigest())
    return found
