"""The figures of scores and well-being as they stand now: how they are spread, what is at stake."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from features.history import read_ranges
from features.stated_groups import stated_groups
from features.wellbeing.groups import INDEX
from governance.disclosure.published import Register
from governance.errors import KeepwellError, NotFound
from governance.instants import to_micros
from serving.bootstrap import Keepwell
from serving.crm.at_stake import AtStake, at_stake
from serving.dashboard.desk import Desk, open_desk
from serving.dashboard.figure import Figure, Layer, Unit
from serving.dashboard.measured import MOST_GROUPS
from serving.dashboard.spread import COLUMNS, POINTS, TENTHS, Spread, spread
from serving.dashboard.stake import stake
from serving.published import give
from serving.wellbeing_levels import levels_now

_OVERALL = "overall"
Groups = Mapping[str, Mapping[str, str]]


def scored(
    keepwell: Keepwell, attributes: Sequence[str], *, clock: Callable[[], datetime]
) -> tuple[Figure, ...]:
    """Take what the home's last file of scores and well-being now say of everyone together.

    Permission is asked now, of whoever is in the file and of whoever is estimated.
    """
    stakes = _stakes(keepwell, clock)
    levels = _levels(keepwell, clock)
    groups = _groups(keepwell, attributes, now=clock())

    def work_out() -> tuple[tuple[Figure, ...], Register]:
        desk = open_desk(keepwell, now=clock())
        made = (
            stake(keepwell, stakes, desk),
            _risk(stakes, groups, desk),
            _faring(levels, groups, desk),
            _confidence(stakes, desk),
        )
        return made, desk.register

    return give(keepwell, work_out, now=clock())


def _stakes(keepwell: Keepwell, clock: Callable[[], datetime]) -> AtStake | KeepwellError:
    scores = keepwell.home.scores
    if not scores.is_file():
        name = f"var/{scores.name}"
        return NotFound(f"there is no {name}; make it with: keepwell score --out {name}")
    try:
        return at_stake(keepwell, scores, clock=clock)
    except KeepwellError as error:
        return error


def _levels(
    keepwell: Keepwell, clock: Callable[[], datetime]
) -> dict[str, dict[str, float]] | KeepwellError:
    try:
        return levels_now(keepwell, clock=clock)
    except KeepwellError as error:
        return error


def _groups(keepwell: Keepwell, attributes: Sequence[str], *, now: datetime) -> Groups:
    """Tell whose profile states which of the largest groups of each attribute."""
    found: dict[str, dict[str, str]] = {name: {} for name in attributes}
    if not attributes:
        return found
    with keepwell.database.read() as conn:
        permit = keepwell.registry.aggregate_permit(conn, "aggregate", now=now)
        for histories in read_ranges(conn, keepwell.store, permit):
            for name, of in found.items():
                of |= stated_groups(histories, name, to_micros(now))
    return {name: _largest(of, permit.min_people) for name, of in found.items()}


def _largest(of: Mapping[str, str], least: int) -> dict[str, str]:
    sizes = Counter(of.values())
    order = sorted(sizes, key=lambda group: (-sizes[group], group))[:MOST_GROUPS]
    kept = {group for group in order if sizes[group] >= least}
    return {who: group for who, group in of.items() if group in kept}


def _risk(found: AtStake | KeepwellError, groups: Groups, desk: Desk) -> Figure:
    about = "people who permit scoring now, by the chance that was told of them last"
    empty = _histogram("risk_distribution", "operational", "Chances of leaving", "share", about)
    if isinstance(found, KeepwellError):
        return empty._replace(note=found.message)
    own = dict(zip(found.customers, found.probability[:, 0].tolist(), strict=True))
    name = found.target
    told = spread(Spread("risk", {name: own}, TENTHS, split=(name,)), desk, groups=groups)
    return empty._replace(cells=tuple(told), note=f"as of {found.as_of[:10]}: {found.outcome}")


def _confidence(found: AtStake | KeepwellError, desk: Desk) -> Figure:
    about = (
        "people who permit scoring now, by how wide the 90 % interval of their told chance is: 0 "
        "is sure, 1 says nothing"
    )
    title = "How sure the model is of its chances"
    empty = _histogram("confidence", "research", title, "share", about)
    if isinstance(found, KeepwellError):
        return empty._replace(note=found.message)
    widths = (found.probability[:, 2] - found.probability[:, 1]).tolist()
    own = dict(zip(found.customers, widths, strict=True))
    told = spread(Spread("confidence", {found.target: own}, TENTHS), desk, groups={})
    return empty._replace(cells=tuple(told), note=f"as of {found.as_of[:10]}")


def _faring(
    found: dict[str, dict[str, float]] | KeepwellError, groups: Groups, desk: Desk
) -> Figure:
    about = (
        "people who permit that their well-being is estimated, by points from 0 to 100 now; "
        "whoever there is not enough signal of is not in it"
    )
    title = "How customers are faring now"
    empty = _histogram("wellbeing_distribution", "operational", title, "score", about)
    if isinstance(found, KeepwellError):
        return empty._replace(note=found.message)
    rows = {_OVERALL if name == INDEX else name: own for name, own in found.items() if own}
    told = spread(Spread("wellbeing", rows, POINTS, split=(_OVERALL,)), desk, groups=groups)
    note = "" if told else "there is not enough signal of anyone"
    return empty._replace(cells=tuple(told), note=note, scale="0 to 100")


def _histogram(name: str, layer: Layer, title: str, unit: Unit, about: str) -> Figure:
    """Begin a histogram: `unit` is that of the bands, the values are numbers of people."""
    return Figure(name, layer, title, unit, "histogram", about, COLUMNS)
