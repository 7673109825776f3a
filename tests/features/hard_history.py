"""Histories that are hard to get right, and features of every kind to try on them.

Ties, late rows, corrections of corrections, retractions, nulls, lists as properties, true
duplicates, clock changes and times of many zones: at random for the laws (`some_events`), and as a
whole home of imported files and live events (`build_home`) on which carriers are compared.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from features.definitions import FeatureDefinition
from features.events import Event
from tests.features.sample import EVERYONE, START

AMSTERDAM, NEW_YORK = ZoneInfo("Europe/Amsterdam"), ZoneInfo("America/New_York")
ZONES = (
    UTC,
    AMSTERDAM,
    NEW_YORK,
    ZoneInfo("Asia/Kolkata"),
    ZoneInfo("Australia/Lord_Howe"),
    timezone(timedelta(hours=5, minutes=45)),
)
CLOCK_CHANGES = (
    datetime(2024, 3, 31, 1, tzinfo=UTC),  # Amsterdam: 02:00 becomes 03:00
    datetime(2024, 10, 27, 1, tzinfo=UTC),  # Amsterdam: 03:00 becomes 02:00
    datetime(2024, 3, 10, 7, tzinfo=UTC),  # New York: 02:00 becomes 03:00
    datetime(2024, 4, 6, 15, tzinfo=UTC),  # Lord Howe: 02:00 becomes 01:30
)
TEXTS = (None, "great, thank you", "this is terrible", "ok", "not good at all, I am sad", "")
WELLBEING = ("risk_scoring", "wellbeing_inference")


# -- features ---------------------------------------------------------------------------------


def definitions() -> tuple[FeatureDefinition, ...]:
    """Give features of every aggregate, column and kind of window over the events made here."""
    return tuple(_definitions())


def _definitions() -> Iterator[FeatureDefinition]:
    for days in (None, 1, 30, 90):
        yield from _of_events(days)
        yield from _of_numbers(days)
        yield from _of_properties(days)
        yield from _of_two_kinds(days)
    for days in (30, 90):
        yield define("trend", ("order",), days)
        yield define("trend", ("order", "return"), days, where=(("channel", "web"),))
    for days in (30, 45, 90, 365):
        yield define("coverage", ("order",), days, column="value")
        yield define("coverage", ("chat_message",), days, column="sentiment", purposes=WELLBEING)
    yield from _of_features()


def define(
    aggregate: str, kinds: tuple[str, ...], days: int | None = None, **own: Any
) -> FeatureDefinition:
    """Make a definition with a name that tells it from all others."""
    column = own.get("column", "")
    parts = (aggregate, *kinds, column, days, own.get("where"), own.get("parameter"))
    name = " ".join(str(part) for part in parts)
    return FeatureDefinition(
        **{"name": name, "kinds": kinds, "aggregate": aggregate, "window_days": days, **own}
    )


def _of_events(days: int | None) -> Iterator[FeatureDefinition]:
    for kinds, where in (
        (("order",), ()),
        (("order", "return", "chat_message"), ()),
        (("order",), (("channel", "web"),)),
        (("absent",), ()),
    ):
        for name in ("count", "days_since_last", "days_since_first", "active_days"):
            yield define(name, kinds, days, where=where)
        for name in ("active_months", "gap_mean_days", "gap_median_days", "gap_std_days"):
            yield define(name, kinds, days, where=where)
        for name in ("gap_shrunk_days", "recency_over_gap", "decayed_count"):
            yield define(name, kinds, days, where=where, parameter=60)
        for name in ("streak", "repeats"):
            for parameter in (0.25, 30):
                yield define(name, kinds, days, where=where, parameter=parameter)


def _of_numbers(days: int | None) -> Iterator[FeatureDefinition]:
    several = ("sum", "mean", "max", "min", "std", "last", "mode", "mode_share", "slope")
    for kinds, column, own in (
        (("order",), "value", {}),
        (("order", "return"), "value", {"where": (("channel", "web"),)}),
        (("order",), "property:qty", {}),
        (("order",), "distinct:sku", {}),
        (("survey",), "level", {}),
        (("chat_message",), "sentiment", {"purposes": WELLBEING}),
        (("order",), "hour:Europe/Amsterdam", {}),
        (("order", "chat_message"), "weekday:America/New_York", {}),
        (("order",), "weekend:Australia/Lord_Howe", {}),
    ):
        for name in several:
            yield define(name, kinds, days, column=column, **own)
        yield define("decayed_sum", kinds, days, column=column, parameter=7, **own)
        if days is not None:
            yield define("delta", kinds, days, column=column, **own)
    empty = define("mean", ("survey",), days, column="value", empty=-1.0)
    yield empty


def _of_properties(days: int | None) -> Iterator[FeatureDefinition]:
    yield define("distinct", ("order",), days, column="property:sku")
    yield define("distinct", ("order",), days, column="property:qty")
    yield define(
        "distinct", ("order", "return"), days, column="property:sku", where=(("channel", "web"),)
    )
    yield define("category", ("profile",), days, column="property:plan", categories=("a", "b"))
    yield define("last", ("profile",), days, column="property:age")


def _of_two_kinds(days: int | None) -> Iterator[FeatureDefinition]:
    yield define("share", ("return", "order"), days)
    yield define("share", ("return", "order"), days, where=(("channel", "web"),))
    yield define("share_where", ("order", "return"), days, where=(("channel", "web"),))
    for parameter in (0.5, 3):
        yield define("unanswered", ("order", "return"), days, parameter=parameter)
        yield define("unanswered", ("order", "order"), days, parameter=parameter)


def _of_features() -> Iterator[FeatureDefinition]:
    orders, returns = "count order  90 () None", "count of returns"
    yield FeatureDefinition(name=returns, kinds=("return",), aggregate="count", window_days=90)
    yield define("ratio", (), name="returns per order", of=(returns, orders))
    yield define("ratio", (), name="returns per order or 0", of=(returns, orders), empty=0.0)
    yield define("difference", (), name="orders over returns", of=(orders, returns))
    mean = "mean order value 90 None None"
    yield define("total", (), name="all together", of=(orders, returns, mean, "returns per order"))
    yield define("ratio", (), name="deep", of=("all together", "orders over returns"))


# -- events at random -------------------------------------------------------------------------

_PROPERTIES: dict[str, st.SearchStrategy[dict[str, object]]] = {
    "profile": st.fixed_dictionaries(
        {"plan": st.sampled_from(["a", "b", "unheard of", None]), "age": st.integers(18, 90)}
    ),
    "survey": st.sampled_from(
        [
            {"instrument": "csat", "scale": [1, 5], "polarity": "high_is_good"},
            {"instrument": "ces_effort", "scale": [1, 5], "polarity": "low_is_good"},
            {"instrument": "ces_ease", "scale": [1, 7], "polarity": "high_is_good"},
            {"instrument": "broken"},
        ]
    ),
}
_BASKETS = st.fixed_dictionaries(
    {},
    optional={
        "channel": st.sampled_from(["web", "shop", None]),
        "qty": st.one_of(
            st.sampled_from([1, 2.5, -3, True, "many", None, 2e12]),
            st.lists(st.sampled_from([1, 2, 0.1, None, "x"]), max_size=3),
        ),
        "sku": st.one_of(
            st.sampled_from(["p", "q", None]),
            st.lists(st.sampled_from(["p", "q", "r", None]), max_size=4),
        ),
    },
)
_VALUES: st.SearchStrategy[float | None] = st.one_of(
    st.sampled_from([None, 0.1, 1.0, 2.5, 3.0, 3.0]),
    st.floats(-1e6, 1e6).map(lambda found: round(found, 6)),
)
_LATE = st.sampled_from([0, 0, 0, 0, 6, 30 * 24])
KINDS = ("order", "order", "order", "return", "survey", "profile", "chat_message")


def instants(first: float = 0.0, last: float = 140.0) -> st.SearchStrategy[datetime]:
    """Times that coincide often, lie around clock changes, and are written in many zones."""
    grid = st.integers(int(first * 8), int(last * 8)).map(lambda k: START + k * timedelta(hours=3))
    around = [
        change + timedelta(minutes=minutes)
        for change in CLOCK_CHANGES
        if first < (change - START) / timedelta(days=1) < last
        for minutes in (-60, -30, -1, 0, 1, 29, 30, 59, 60)
    ]
    times = st.one_of(grid, grid, st.sampled_from(around)) if around else grid
    return st.builds(lambda found, zone: found.astimezone(zone), times, st.sampled_from(ZONES))


@st.composite
def some_events(
    draw: Callable[[st.SearchStrategy[Any]], Any],
    *,
    customers: Sequence[str] = EVERYONE[:3],
    first: float = 0.0,
    last: float = 140.0,
    prefix: str = "e",
    most: int = 25,
) -> list[Event]:
    """Events of a few customers, some known late, some without id, corrected or retracted."""
    when = instants(first, last)
    if draw(st.booleans()):  # everything at a few instants
        when = st.sampled_from(draw(st.lists(when, min_size=1, max_size=4)))
    found: list[Event] = []
    for k in range(draw(st.integers(0, most))):
        customer, kind = draw(st.sampled_from(customers)), draw(st.sampled_from(KINDS))
        occurred = draw(when)
        known = occurred.astimezone(UTC) + timedelta(hours=draw(_LATE))
        pointing = draw(st.sampled_from([None, None, None, None, "corrects", "retracts"]))
        fields: dict[str, Any] = {}
        if pointing is not None:  # mostly at an event there is, maybe itself a correction
            target_of = draw(st.sampled_from([prefix, prefix, "later "]))
            fields = {pointing: f"{target_of}{draw(st.integers(0, most))}"}
            named = [each for each in found if each.event_id is not None]
            if named and draw(st.integers(0, 4)):
                target = draw(st.sampled_from(named))
                fields = {pointing: target.event_id}
                customer, kind = target.customer_id, target.kind
        answer: float | None = draw(st.integers(1, 5)) if kind == "survey" else draw(_VALUES)
        text: str | None = draw(st.sampled_from(TEXTS)) if kind == "chat_message" else None
        properties: dict[str, object] = draw(_PROPERTIES.get(kind, _BASKETS))
        found.append(
            Event(
                customer_id=customer,
                kind=kind,
                occurred_at=occurred,
                known_at=known,
                event_id=f"{prefix}{k}" if draw(st.booleans()) else None,
                value=answer,
                text=text,
                properties=properties,
                **fields,
            )
        )
    return found
