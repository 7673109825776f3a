"""Which version of an event counts when: corrections and retractions as they become known."""

from collections.abc import Sequence
from itertools import pairwise

NEVER = 2**63 - 1
"""The instant until which a version counts that nothing has replaced."""


def supersede(
    names: Sequence[str],
    groups: Sequence[object],
    known_at: Sequence[int],
    corrects: Sequence[str | None],
    retracts: Sequence[str | None],
) -> list[int]:
    """Give the instant (µs) from which each version no longer counts; `NEVER` for current ones.

    Versions that correct each other form a chain within one group (customer and kind): the
    original first, then corrections and retractions in the order they became known. Each counts
    until the next is known. A retraction itself never counts.
    """
    place = {(group, name): k for k, (group, name) in enumerate(zip(groups, names, strict=True))}

    def root(k: int) -> tuple[object, str]:
        seen: list[int] = []
        while k not in seen:
            seen.append(k)
            pointed = corrects[k] or retracts[k]
            if pointed is None:
                return groups[k], names[k]
            before = place.get((groups[k], pointed))
            if before is None:
                return groups[k], pointed
            k = before
        circle = seen[seen.index(k) :]
        return groups[k], min(names[each] for each in circle)

    chains: dict[tuple[object, str], list[int]] = {}
    for k in range(len(names)):
        chains.setdefault(root(k), []).append(k)
    until = [NEVER] * len(names)
    for chain in chains.values():
        chain.sort(key=lambda k: (bool(corrects[k] or retracts[k]), known_at[k], k))
        for k, following in pairwise(chain):
            until[k] = known_at[following]
        for k in chain:
            if retracts[k] is not None:
                until[k] = min(until[k], known_at[k])
    return until
