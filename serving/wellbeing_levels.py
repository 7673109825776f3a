"""How everyone who permits it is faring now, for figures over groups and lists of contacts."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime

from features.wellbeing.groups import INDEX
from features.wellbeing.scheme import PURPOSE
from features.wellbeing.states import wellbeing_at
from governance.errors import InvalidInput
from governance.instants import to_micros
from serving.bootstrap import Keepwell
from serving.wellbeing_reading import (
    Progress,
    blocks,
    instant_of,
    learn,
    permit_all,
    scheme_of,
)


def dimension_levels(
    keepwell: Keepwell,
    dimension: str,
    *,
    clock: Callable[[], datetime],
    progress: Progress = lambda _: None,
) -> tuple[dict[str, float], dict[str, int]]:
    """Estimate one dimension of everyone who permits it: points from 0 to 100 by customer.

    Those with not enough signal and those who do not permit it are counted by reason.
    """
    scheme = scheme_of(keepwell)
    if dimension not in scheme.names:
        raise InvalidInput(
            f"{dimension!r} is not a dimension of well-being in this home",
            hint=f"there is {', '.join(scheme.names)}; [wellbeing] of keepwell.toml says so",
        )
    place = scheme.names.index(dimension)
    levels: dict[str, float] = {}
    left_out = Counter[str]()
    with keepwell.database.read() as conn:
        now = clock()
        instant = instant_of(keepwell, conn, None, now)
        permit, refused = permit_all(keepwell, conn, now)
        noise = learn(keepwell, conn, scheme, instant, now, progress)
        for histories in blocks(keepwell, conn, permit, progress):
            table = wellbeing_at(histories, scheme, noise, [to_micros(instant)], permit=permit)
            points = table.value[:, 0, place]
            known = points == points
            levels |= dict(
                zip(table.customers[known].tolist(), points[known].tolist(), strict=True)
            )
            left_out["not_enough_signal"] += int((~known).sum())
    left_out.update(f"{PURPOSE}: {why}" for why in refused.values())
    return levels, +left_out


def levels_now(
    keepwell: Keepwell, *, clock: Callable[[], datetime], progress: Progress = lambda _: None
) -> dict[str, dict[str, float]]:
    """Estimate the index and every dimension of everyone who permits it: points by customer.

    The index comes first, under `INDEX`. For figures over groups alone; whoever has not enough
    signal in a dimension is not in it.
    """
    scheme = scheme_of(keepwell)
    found: dict[str, dict[str, float]] = {name: {} for name in (INDEX, *scheme.names)}
    with keepwell.database.read() as conn:
        now = clock()
        instant = instant_of(keepwell, conn, None, now)
        permit, _ = permit_all(keepwell, conn, now)
        noise = learn(keepwell, conn, scheme, instant, now, progress)
        for histories in blocks(keepwell, conn, permit, progress):
            table = wellbeing_at(histories, scheme, noise, [to_micros(instant)], permit=permit)
            columns = {INDEX: table.index[:, 0]}
            columns |= {name: table.value[:, 0, d] for d, name in enumerate(scheme.names)}
            for name, points in columns.items():
                known = points == points
                levels = zip(table.customers[known].tolist(), points[known].tolist(), strict=True)
                found[name] |= dict(levels)
    return found
