"""The map itself: every figure of every cell over enough people, and what stands out."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from governance.disclosure.breakdown import Part, Verdict, decide
from governance.disclosure.published import Figure, Register, cell_of, trace_of
from governance.errors import InvalidInput
from governance.instants import to_micros
from governance.intervals import Interval, from_json, mean_interval, wilson
from outcomes.journey.samples import Place, Sample, open_period, samples
from outcomes.journey.stages import FOLLOWING
from outcomes.journey.table import JourneyTable
from outcomes.journey.worst import LENSES, Lens, Worst, worst_stage
from outcomes.measures.definition import ALL, Period

TOP = 4
_TOLD: Mapping[str, Sequence[tuple[str, str]]] = {
    "pains": (("felt badly", "sentiment"), ("struggled", "volume")),
    "gains": (("felt well", "sentiment"), ("enjoyed", "volume")),
    "thinking": (("thinking", "writing"),),
    "doing": (("doing", "volume"),),
}
"""What is told of a stage: where it comes from, and the people it is counted of."""

_BY_THEMSELVES = frozenset({"struggled", "enjoyed"})
"""What is a pain or a gain by its kind; where nothing else happens, everyone has it and it says
nothing."""

Body = Mapping[str, Any]


class Told(NamedTuple):
    """One thing people said, felt or did there: of `out_of` people `people`."""

    name: str
    people: int
    out_of: int
    share: Interval


class Look(NamedTuple):
    """A cell through one lens: the mean over `people` persons; None where it is not given."""

    value: Interval | None
    people: int | None
    note: str = ""


class JourneyCell(NamedTuple):
    """One stage (and touchpoint, or `all` of them) for everyone or one group.

    `people` were there, `contacts` times in all, `share` of everyone on the map. `hidden`: too few
    people, or showing it would give them away; then nothing of it is given. `note` says where
    figures are those given before. What people said and did is told of whole stages alone.
    """

    stage: str
    touchpoint: str
    segment: str
    people: int | None
    contacts: int | None
    share: Interval | None
    looks: Mapping[str, Look]
    pains: tuple[Told, ...] = ()
    gains: tuple[Told, ...] = ()
    thinking: tuple[Told, ...] = ()
    doing: tuple[Told, ...] = ()
    hidden: bool = False
    note: str = ""


class Journey(NamedTuple):
    """The map of one period: stages in their order, cells, and the worst stage through each lens.

    `people` are all who were anywhere on it; None where they are too few.
    """

    period: Period
    stages: tuple[str, ...]
    people: int | None
    by: str | None
    cells: tuple[JourneyCell, ...]
    worst: tuple[Worst, ...]

    def cell(self, stage: str, touchpoint: str = ALL, segment: str = ALL) -> JourneyCell | None:
        """Find one cell; None where nobody was."""
        wanted = (stage, touchpoint, segment)
        return next((c for c in self.cells if (c.stage, c.touchpoint, c.segment) == wanted), None)

    @property
    def segments(self) -> tuple[str, ...]:
        """The groups on the map, everyone first."""
        return tuple(dict.fromkeys(each.segment for each in self.cells))


def journey_map(
    table: JourneyTable,
    period: Period,
    *,
    by: str | None = None,
    register: Register | None = None,
) -> Journey:
    """Draw the map of [start, end) from a table that holds the histories.

    What the `register` holds against a figure hides it, and what is given is noted there. Raises
    `InvalidInput` for a group that nobody could be in.
    """
    if by is not None and by not in table.attributes:
        shown = ", ".join(sorted(table.attributes)[:20]) or "none"
        raise InvalidInput(f"there are no groups by {by!r}", hint=f"there are: {shown}")
    table.set_periods([period], by=by)
    table.place()
    open_period(table, to_micros(period.start), to_micros(period.end))
    desk = _Desk(table, period, by, register or Register(min_people=table.permit.min_people))
    whole = desk.take("anywhere", "", _volume)
    everyone = {place.segment: whole.body(place).get("people") for place in whole.samples}
    order = [stage.name for stage in table.stages]
    cells: list[JourneyCell] = []
    for stage in order:
        bases = {name: desk.take(name, stage, _volume) for name in ("volume", "writing")}
        bases |= {lens.name: desk.take(lens.name, stage, partial(_mean, lens)) for lens in LENSES}
        told = {field: _told(desk, stage, sources, bases) for field, sources in _TOLD.items()}
        cells += [_cell(place, bases, everyone, told) for place in bases["volume"].samples]
    segments = {each.segment: None for each in cells}
    cells.sort(
        key=lambda c: (
            c.segment != ALL, list(segments).index(c.segment), order.index(c.stage),
            c.touchpoint != ALL, -(c.people or 0), c.touchpoint,
        )
    )  # fmt: skip
    worst = tuple(_worst(lens, desk, order) for lens in LENSES)
    return Journey(period, tuple(order), everyone.get(ALL), by, tuple(cells), worst)


class _Decided(NamedTuple):
    """One figure in all cells of a stage: who adds to it, and what is given of it."""

    samples: Mapping[Place, Sample]
    fresh: dict[Place, Body]
    before: dict[Place, tuple[Body, str]]
    why: dict[Place, str]

    def body(self, place: Place) -> Body:
        """What is given of a cell; empty where nothing is."""
        return self.fresh.get(place) or self.before.get(place, ({}, ""))[0]

    def note(self, place: Place) -> str:
        """Why nothing is given, or since when what is given stands."""
        return self.before.get(place, ({}, self.why.get(place, "")))[1]


class _Desk:
    """Asks for figures, and compares what would be given with what was given before."""

    def __init__(
        self, table: JourneyTable, period: Period, by: str | None, register: Register
    ) -> None:
        self.table, self.by, self.register = table, by, register
        self.since, self.until = to_micros(period.start), to_micros(period.end)
        self.when = period.series or (self.since, self.until)
        self.smallest = table.permit.min_people
        self.decided: dict[tuple[str, str], _Decided] = {}
        self._asked: dict[str, dict[str, dict[Place, Sample]]] = {}

    def at(self, source: str, stage: str) -> dict[str, dict[Place, Sample]]:
        """Give what people add to the figures of one source at one stage, by name."""
        if source not in self._asked:
            self._asked[source] = samples(self.table, source)
        found = {}
        for name, cells in self._asked[source].items():
            own = {place: each for place, each in cells.items() if place.stage == stage}
            if own:
                found[name] = own
        return found

    def take(self, source: str, stage: str, body: Callable[[Sample], Body]) -> _Decided:
        """Decide over a figure that is about the cells of a stage alone."""
        return self.decide(source, stage, self.at(source, stage).get("", {}), body)

    def decide(
        self, name: str, stage: str, found: Mapping[Place, Sample], body: Callable[[Sample], Body]
    ) -> _Decided:
        """Decide over all cells of one figure, whole stages before their touchpoints."""
        made = self.decided[name, stage] = _Decided(found, {}, {}, {})
        wholes = [place for place in found if place.touchpoint == ALL]
        for places in (wholes, [place for place in found if place.touchpoint != ALL]):
            touchpoints = sorted({place.touchpoint for place in places})
            parts = {
                (place.segment, touchpoints.index(place.touchpoint)): Part(
                    len(found[place].who), self._figure(name, place, found[place])
                )
                for place in places
            }
            verdicts = decide(parts, self.register, self.smallest)
            for place in places:
                cell = (place.segment, touchpoints.index(place.touchpoint))
                self._settle(made, place, verdicts[cell], parts[cell], body)
        return made

    def _settle(
        self,
        made: _Decided,
        place: Place,
        verdict: Verdict,
        part: Part,
        body: Callable[[Sample], Body],
    ) -> None:
        if verdict.shown:
            fresh = body(made.samples[place])
            self.register.give(part.figure, fresh)
            made.fresh[place] = fresh
        elif verdict.before is not None:
            made.before[place] = (verdict.before.body, verdict.before.said())
        else:
            made.why[place] = verdict.why

    def _figure(self, name: str, place: Place, sample: Sample) -> Figure:
        trace = trace_of(self.table.keys_of(sample.who), sample.x)
        by = None if place.segment == ALL else self.by
        cell = cell_of(place.touchpoint, by, place.segment, self.when)
        called = f"journey {place.stage} {name}"
        return Figure(called, cell, self.since, self.until, len(sample.who), trace)


def _volume(sample: Sample) -> Body:
    return {"people": len(sample.who), "times": round(float(sample.x.sum()))}


def _mean(lens: Lens, sample: Sample) -> Body:
    people = len(sample.who)
    if (lens.low, lens.high) == (0.0, 1.0):
        return {"people": people, "value": wilson(round(float(sample.x.sum())), people)}
    found = mean_interval(sample.x)
    if found is not None:
        found = found._replace(low=max(found.low, lens.low), high=min(found.high, lens.high))
    return {"people": people, "value": found}


def _told(
    desk: _Desk, stage: str, sources: Sequence[tuple[str, str]], bases: Mapping[str, _Decided]
) -> dict[Place, list[Told]]:
    """What most people said, felt or did at a stage, by cell: of those who could have."""
    found: dict[Place, list[Told]] = {}
    kinds = desk.at("doing", stage).keys() - FOLLOWING
    for source, base in sources:
        for name, own in desk.at(source, stage).items():
            if source in _BY_THEMSELVES and kinds == {name}:
                continue
            decided = desk.decide(f"{source}: {name}", stage, own, _volume)
            for place in own:
                people = decided.body(place).get("people")
                out_of = bases[base].body(place).get("people")
                if people is None or out_of is None or people > out_of:
                    continue
                share = wilson(people, out_of)
                if share is not None:
                    found.setdefault(place, []).append(Told(name, people, out_of, share))
    for told in found.values():
        told.sort(key=lambda each: (-each.share.value, each.name))
    return found


def _cell(
    place: Place,
    bases: Mapping[str, _Decided],
    everyone: Mapping[str, int | None],
    told: Mapping[str, Mapping[Place, Sequence[Told]]],
) -> JourneyCell:
    volume = bases["volume"]
    body = volume.body(place)
    if not body:
        return JourneyCell(*place, None, None, None, {}, hidden=True, note=volume.note(place))
    people, among = body["people"], everyone.get(place.segment)
    lists = {field: tuple(found.get(place, ())[:TOP]) for field, found in told.items()}
    return JourneyCell(
        *place,
        people,
        body["times"],
        wilson(people, among) if among is not None and people <= among else None,
        {lens.name: _look(bases[lens.name], place) for lens in LENSES},
        lists["pains"],
        lists["gains"],
        lists["thinking"],
        lists["doing"],
        note=volume.note(place),
    )


def _look(decided: _Decided, place: Place) -> Look:
    body = decided.body(place)
    return Look(from_json(body.get("value")), body.get("people"), decided.note(place))


def _worst(lens: Lens, desk: _Desk, order: Sequence[str]) -> Worst:
    """Compare the stages as they are now, if all shown are; who leaves drops off: no finding."""
    stages = order[:-1] if lens.name == "drop_off" else order
    shown, again = {}, []
    for stage in stages:
        place = Place(stage, ALL, ALL)
        decided = desk.decided[lens.name, stage]
        if place in decided.fresh:
            shown[stage] = decided.samples[place]
        elif place in decided.before:
            again.append(stage)
    if again:
        why = f"shown as given before, so not compared anew: {', '.join(again)}"
        return Worst(lens.name, None, why, tuple(shown), ())
    return worst_stage(lens, shown)
