"""What every look at well-being begins with: who permits it, what their readings are worth."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from features.history import Histories, customer_ids, read_all, read_ranges
from features.wellbeing.groups import Span
from features.wellbeing.noise import Noise, estimate_noise
from features.wellbeing.scheme import PURPOSE, Scheme
from features.wellbeing.settings import parse_scheme
from governance.errors import InsufficientData, InvalidInput
from governance.instants import to_micros
from governance.proof import Permit
from outcomes.measures.periods import DEFAULT_COUNT, Every, floor, split, step
from serving.bootstrap import Keepwell
from serving.noise_memory import Learned, NoiseMemory
from serving.scoring.home_clock import home_clock

SAMPLE = 3_000
"""People from whom it is learned what a reading is worth."""
TRIES = 3
_YEAR_DAYS = 365

Progress = Callable[[str], None]


def scheme_of(keepwell: Keepwell) -> Scheme:
    """Read the scheme that `[wellbeing]` of the settings states; the five dimensions by default."""
    source = f"[wellbeing] of {keepwell.home.settings_file.name}"
    return parse_scheme(keepwell.settings.wellbeing, source=source)


def permit_all(
    keepwell: Keepwell, conn: Connection, now: datetime
) -> tuple[Permit, Mapping[str, str]]:
    """Judge everyone now; raises `InsufficientData` where nobody permits it."""
    permit, refused = keepwell.registry.permit_many(conn, PURPOSE, customer_ids(conn), now=now)
    if not permit.customers:
        raise InsufficientData(
            f"nobody permits {PURPOSE}; {len(refused):,} customers are known",
            hint="record what customers permit: keepwell consent import FILE",
        )
    return permit, refused


def learn(
    keepwell: Keepwell,
    conn: Connection,
    scheme: Scheme,
    as_of: datetime,
    now: datetime,
    progress: Progress,
) -> Noise:
    """Learn what readings are worth."""
    return learned(keepwell, conn, scheme, as_of, now, progress).noise


def learned(
    keepwell: Keepwell,
    conn: Connection,
    scheme: Scheme,
    as_of: datetime,
    now: datetime,
    progress: Progress,
) -> Learned:
    """Learn from a sample of those who permit it what readings are worth."""
    everyone = sorted(permit_all(keepwell, conn, now)[0].customers)
    some = everyone[:: -(-len(everyone) // SAMPLE)]
    progress(f"learning from {len(some):,} customers what an answer is worth")
    permit, _ = keepwell.registry.permit_many(conn, PURPOSE, some, now=now)
    histories = read_all(conn, keepwell.store, permit, digests=False)
    noise = estimate_noise(histories, scheme, to_micros(as_of), permit=permit)
    return Learned(scheme, noise, permit)


def begin_learning(
    keepwell: Keepwell, memory: NoiseMemory, *, clock: Callable[[], datetime]
) -> None:
    """Begin to learn what readings are worth, because somebody may soon ask how someone fares."""
    memory.begin(partial(learn_apart, keepwell, clock), scheme_of(keepwell), now=clock())


def learn_apart(keepwell: Keepwell, clock: Callable[[], datetime]) -> Learned:
    """Learn what readings are worth as of now, in a transaction of its own."""
    with keepwell.database.read() as conn:
        now = clock()
        instant = instant_of(keepwell, conn, None, now)
        return learned(keepwell, conn, scheme_of(keepwell), instant, now, lambda _: None)


def blocks(
    keepwell: Keepwell, conn: Connection, permit: Permit, progress: Progress
) -> Iterator[Histories]:
    """Give the histories of those who permit it, block by block."""
    done = 0
    for histories in read_ranges(conn, keepwell.store, permit):
        yield histories
        done += len(histories)
        progress(f"{done:,} of {len(permit.customers):,} customers")


def is_unchanged(keepwell: Keepwell, permit: Permit) -> bool:
    """Whether everyone still permits what they did."""
    with keepwell.database.read() as conn:
        return not keepwell.registry.changed_since(conn, permit)


def restless() -> InsufficientData:
    """Say that permissions changed at each attempt."""
    return InsufficientData(
        f"permissions changed during each of {TRIES} attempts", hint="try again in a moment"
    )


def instant_of(
    keepwell: Keepwell, conn: Connection, as_of: datetime | None, now: datetime
) -> datetime:
    """Give the instant asked for, else the home's own; raises `InvalidInput` for one to come."""
    if as_of is not None and as_of > now:
        raise InvalidInput("as_of lies in the future", hint="leave it out to look from now")
    return as_of or home_clock(keepwell, conn, now=now)


def spans_of(keepwell: Keepwell, as_of: datetime, every: Every | None) -> Sequence[Span]:
    """The last whole calendar periods before `as_of`, or the year up to it."""
    end = to_micros(as_of)
    if every is None:
        return [Span(end - _YEAR_DAYS * 86_400_000_000, end)]
    zone = keepwell.settings.zone
    begin = step(floor(as_of, every, zone), every, -DEFAULT_COUNT[every])
    return [
        Span(to_micros(each.start), to_micros(each.end))
        for each in split(begin, as_of, every, zone)
    ]
