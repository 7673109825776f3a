"""How customers and groups are faring, on the command line."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, get_args

import click
from rich.console import Console
from rich.markup import escape

from governance.disclosure.small_cells import hidden_cells
from serving.cli.console import Session, again, facts, table

if TYPE_CHECKING:
    from features.wellbeing.groups import Figure, Span
    from features.wellbeing.noise import Noise
    from governance.intervals import Interval
    from serving.wellbeing import CompanyWellbeing, LastingEffect, PersonEstimate, PersonWellbeing

_PERIODS = ("week", "month", "quarter", "year")
_FEWEST = 5


def _now() -> datetime:
    return datetime.now(UTC)


@click.command("wellbeing")
@click.argument("customer", required=False)
@click.option("--by", help="By group: an attribute such as plan; gaps to the best-off group too.")
@click.option("--period", type=click.Choice(_PERIODS), help="A series over the last … periods.")
@click.option("--as-of", help="Use what was known then; permission is judged now all the same.")
@click.option("--after", metavar="PLAYBOOK", help="Does its effect last: 30 and 180 days later.")
@click.pass_obj
def wellbeing_command(
    session: Session,
    customer: str | None,
    by: str | None,
    period: str | None,
    as_of: str | None,
    after: str | None,
) -> int:
    """How a CUSTOMER, or everyone together, is faring, with intervals.

    Only of those who permit wellbeing_inference; the others are counted as refused. Points from 0
    to 100; where too little is known it says "not enough signal".
    """
    from governance.errors import InvalidInput
    from governance.instants import parse_instant
    from outcomes.measures.periods import Every
    from serving.wellbeing import lasting_effect, wellbeing_of, wellbeing_of_company

    if customer is not None and (by or after):
        raise InvalidInput(
            "--by and --after are about groups, and a customer was named",
            hint="leave the customer out",
        )
    if after is not None and (by or period):
        raise InvalidInput("--after stands alone", hint="leave --by and --period out")
    periods: dict[str, Every] = {each: each for each in get_args(Every)}
    every = periods[period] if period else None
    with session.open() as keepwell, session.step("looking at well-being") as progress:
        instant = parse_instant(as_of, keepwell.settings.zone) if as_of else None
        home = keepwell.kind
        if customer is not None:
            one = wellbeing_of(
                keepwell, customer, as_of=instant, every=every, clock=_now, progress=progress
            )
        elif after is not None:
            effect = lasting_effect(keepwell, after, as_of=instant, clock=_now, progress=progress)
        else:
            group = wellbeing_of_company(
                keepwell, by=by, every=every, as_of=instant, clock=_now, progress=progress
            )
    if customer is not None:
        session.emit({"home": home, **_person(one)}, lambda out: _draw_person(out, one))
        return 0 if one.status == "estimated" else 1
    if after is not None:
        session.emit({"home": home, **_effect(effect)}, lambda out: _draw_effect(out, effect))
        return 0 if any(each.effect is not None for each in effect.effects) else 1
    session.emit({"home": home, **_company(group)}, lambda out: _draw_company(out, group))
    return 0 if any(figure.value is not None for figure in group.figures) else 1


def _told(interval: "Interval | None") -> str:
    if interval is None:
        return "[dim]not enough signal[/]"
    return f"[bold]{interval.value:.0f}[/] [dim]{interval.low:.0f}–{interval.high:.0f}[/]"


def _json(interval: "Interval | None") -> dict[str, float] | None:
    return None if interval is None else interval.to_json()


def _learned(noise: "Noise | None") -> dict[str, Any] | None:
    if noise is None:
        return None
    return {
        "people": noise.people,
        "signals": {
            dimension.name: [
                {"name": s.name, "readings": s.readings, "share": s.share, "used": s.used,
                 "why": s.why}
                for s in dimension.signals
            ]
            for dimension in noise.dimensions
        },
        "not_measurable": {d.name: d.why for d in noise.dimensions if not d.measurable},
    }  # fmt: skip


def _person(found: "PersonWellbeing") -> dict[str, Any]:
    return {
        "customer_id": found.customer_id,
        "status": found.status,
        "reason": found.reason or None,
        "scheme": found.scheme.name,
        "weights": found.scheme.shares,
        "learned_from": _learned(found.noise),
        "series": [
            {
                "as_of": each.as_of,
                "index": _json(each.overall),
                "missing": each.missing,
                "dimensions": {
                    name: {
                        "points": _json(told.points),
                        "coverage": told.coverage,
                        "evidence": told.evidence,
                    }
                    for name, told in each.dimensions.items()
                },
            }
            for each in found.series
        ],
    }


def _draw_person(out: Console, found: "PersonWellbeing") -> None:
    out.print(f"[bold]{escape(found.customer_id)}[/]  {found.status.replace('_', ' ')}")
    if found.reason:
        out.print(f"  because: {found.reason.replace('_', ' ')}", highlight=False)
    if not found.series:
        return
    if len(found.series) == 1:
        _draw_once(out, found.series[0])
    else:
        names = list(found.series[0].dimensions)
        drawn = table("as known at", "index", *names)
        for each in found.series:
            drawn.add_row(
                f"{each.as_of:%Y-%m-%d}", _told(each.overall),
                *(_told(each.dimensions[name].points) for name in names),
            )  # fmt: skip
        out.print(drawn)
    _explain(out, found.scheme.explain(), found.noise)


def _draw_once(out: Console, one: "PersonEstimate") -> None:
    drawn = table("dimension", "points", "signals heard", "known", numbers=(2, 3))
    for name, each in one.dimensions.items():
        drawn.add_row(
            name, _told(each.points), f"{100 * each.coverage:.0f} %", f"{100 * each.evidence:.0f} %"
        )
    drawn.add_row("[bold]index[/]", _told(one.overall), "", "")
    out.print(drawn)
    out.print(f"[dim]as known at {one.as_of:%Y-%m-%d}; 90 % intervals[/]", highlight=False)
    if one.missing and one.overall is not None:
        out.print(f"[dim]the index leaves out {', '.join(one.missing)}[/]", highlight=False)


def _explain(out: Console, weights: str, noise: "Noise | None") -> None:
    out.print(f"[dim]{weights}[/]", highlight=False)
    if noise is None:
        return
    for dimension in noise.dimensions:
        if not dimension.measurable:
            out.print(f"[dim]{dimension.name}: {dimension.why}[/]", highlight=False)
            continue
        parts = [
            f"{100 * s.share:.0f} % {s.name.replace('_', ' ')}" for s in dimension.signals if s.used
        ]
        out.print(f"[dim]{dimension.name}: learned from {', '.join(parts)}[/]", highlight=False)


def _span(span: "Span") -> dict[str, datetime]:
    from governance.instants import from_micros

    return {"start": from_micros(span.start), "end": from_micros(span.end)}


def _company(found: "CompanyWellbeing") -> dict[str, Any]:
    return {
        "scheme": found.scheme.name,
        "weights": found.scheme.shares,
        **_counts(found.permitted, found.refused),
        "learned_from": _learned(found.noise),
        "figures": [
            {
                **_span(each.span),
                "group": each.group,
                "dimension": each.dimension,
                "points": _json(each.value),
                "people": each.people,
                "hidden": each.hidden,
                "note": each.note,
            }
            for each in found.figures
        ],
        "gaps": [
            {
                "dimension": each.dimension,
                "group": each.group,
                "best_off": each.best,
                "gap": each.gap.to_json(),
            }
            for each in found.gaps
        ],
    }


def _draw_company(out: Console, found: "CompanyWellbeing") -> None:
    names = [*found.scheme.names, "index"]
    rows: dict[tuple[Any, str], dict[str, Figure]] = {}
    for figure in found.figures:
        rows.setdefault((figure.span, figure.group), {})[figure.dimension] = figure
    drawn = table("period", "group", *names, "people")
    for (span, group), cells in rows.items():
        when = _span(span)
        people = [cell.people for cell in cells.values() if cell.people]
        drawn.add_row(
            f"{when['start']:%Y-%m-%d}",
            escape(group),
            *(_cell(cells.get(name)) for name in names),
            f"{min(people):,}–{max(people):,}" if people else "",
        )
    out.print(drawn)
    out.print("[dim]points from 0 to 100, with 95 % intervals[/]")
    again(out, [figure.note for figure in found.figures])
    for gap in found.gaps:
        if gap.gap.excludes_zero:
            out.print(
                f"{gap.dimension}: {escape(gap.group)} lies {-gap.gap.value:.1f} points "
                f"({-gap.gap.high:.1f} to {-gap.gap.low:.1f}) below {escape(gap.best)}",
                highlight=False,
            )
    if found.gaps and not any(gap.gap.excludes_zero for gap in found.gaps):
        out.print("no gap between groups can be told from nothing")
    _who(out, found.permitted, found.refused)
    _explain(out, found.scheme.explain(), found.noise)


def _cell(figure: "Figure | None") -> str:
    if figure is None or (figure.value is None and not figure.hidden):
        return "[dim]not measured[/]"
    return "[dim]too few[/]" if figure.value is None else _told(figure.value)


def _counts(permitted: int, refused: Mapping[str, int]) -> dict[str, Any]:
    """Say how many permit it and how many do not, and why; None where that would tell of a few."""
    hidden = hidden_cells({"permitted": permitted, **refused}, _FEWEST)
    reasons = {why: None if why in hidden else n for why, n in sorted(refused.items())}
    unsaid = "permitted" in hidden
    return {
        "permitted": None if unsaid else permitted,
        "refused": None if unsaid else sum(refused.values()),
        "reasons": reasons,
    }


def _who(out: Console, permitted: int, refused: Mapping[str, int]) -> None:
    told = _counts(permitted, refused)

    def said(n: int | None) -> str:
        return "too few to say, or hidden to protect such a group" if n is None else f"{n:,}"

    pairs: list[tuple[str, object]] = [("permit it", said(told["permitted"]))]
    pairs.append(("refused", said(told["refused"])))
    pairs += [(f"  {why.replace('_', ' ')}", said(n)) for why, n in told["reasons"].items()]
    facts(out, pairs)


def _effect(found: "LastingEffect") -> dict[str, Any]:
    return {
        "playbook": found.playbook,
        **_counts(found.permitted, found.refused),
        "effects": [
            {
                "dimension": each.dimension,
                "days": each.days,
                "effect": _json(each.effect),
                "treated": each.treated,
                "held_out": each.held_out,
                "waiting": each.waiting,
            }
            for each in found.effects
        ],
    }


def _draw_effect(out: Console, found: "LastingEffect") -> None:
    out.print(f"{escape(found.playbook)}: treated − held out, in points, as randomised")
    drawn = table("dimension", "days later", "effect", "95 %", "heard", "waiting", numbers=(1, 2))
    for each in found.effects:
        drawn.add_row(
            each.dimension,
            str(each.days),
            "cannot say" if each.effect is None else f"{each.effect.value:+.1f}",
            "" if each.effect is None else f"{each.effect.low:+.1f} … {each.effect.high:+.1f}",
            "" if each.effect is None else f"{each.treated or 0:,} and {each.held_out or 0:,}",
            f"{each.waiting:,}",
        )
    out.print(drawn)
    _who(out, found.permitted, found.refused)
