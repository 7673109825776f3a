"""`keepwell experiment power`: how many people a test needs, before it starts."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from serving.cli.console import Session, facts

if TYPE_CHECKING:
    from outcomes.randomised.power import Design, Size


@click.command("power")
@click.option("--share-now", type=float, help="The share without treatment, such as 0.10.")
@click.option("--spread", type=float, help="For a mean: its standard deviation per person.")
@click.option("--effect", type=float, help="The smallest effect worth finding (0.02: two points).")
@click.option("--people", type=click.IntRange(min=1), help="How many there are; asks what shows.")
@click.option("--weekly", type=click.IntRange(min=1), help="How many new ones come per week.")
@click.option(
    "--treated-share", type=float, default=0.5, show_default=True, help="Of all, who is treated."
)
@click.option(
    "--power", type=float, default=0.8, show_default=True, help="The chance to find the effect."
)
@click.option("--level", type=float, default=0.95, show_default=True)
@click.option(
    "--comparisons", type=click.IntRange(min=1), default=1, show_default=True,
    help="How many outcomes times arms are judged together.",
)  # fmt: skip
@click.option("--cluster-size", type=float, default=1.0, help="People per group that is drawn.")
@click.option("--icc", type=float, default=0.0, help="How alike people of one group are, 0 to 1.")
@click.option(
    "--explained", type=float, default=0.0, help="Part of the variance covariates will explain."
)
@click.option("--running", is_flag=True, help="Somebody will look while it runs.")
@click.pass_obj
def power_command(
    session: Session,
    share_now: float | None,
    spread: float | None,
    effect: float | None,
    people: int | None,
    weekly: int | None,
    treated_share: float,
    power: float,
    level: float,
    comparisons: int,
    cluster_size: float,
    icc: float,
    explained: float,
    running: bool,
) -> None:
    """How many people, how long, and what can be found: before the start.

    With --effect: how many people it needs. With --people: the smallest effect that shows. With
    both: the chance to find it.
    """
    from governance.errors import InvalidInput
    from outcomes.randomised.power import Design, effect_for_size, power_for_size, size_for_effect

    if effect is None and people is None:
        raise InvalidInput(
            "neither an effect nor a number of people was said", hint="say --effect or --people"
        )
    design = Design(
        share=share_now,
        spread=spread,
        treated_share=treated_share,
        level=level,
        comparisons=comparisons,
        cluster_size=cluster_size,
        icc=icc,
        explained=explained,
        looked_at=running,
    )
    if people is None:
        assert effect is not None
        size = size_for_effect(design, effect, power)
    elif effect is None:
        size = effect_for_size(design, people, power)
    else:
        size = power_for_size(design, effect, people)
    document = _document(design, size, weekly)
    session.emit(document, lambda out: _draw(out, design, document))


def _document(design: "Design", size: "Size", weekly: int | None) -> dict[str, Any]:
    from dataclasses import asdict

    from outcomes.randomised.power import weeks_for

    return {
        **asdict(size),
        "weeks": None if weekly is None else weeks_for(size.people, weekly),
        "design_effect": design.design_effect,
        "assumptions": asdict(design),
    }


def _draw(out: Console, design: "Design", said: dict[str, Any]) -> None:
    of_share = design.share is not None
    effect = f"{100 * said['effect']:+.2f} points" if of_share else f"{said['effect']:+.4g}"
    pairs: list[tuple[str, object]] = [
        ("people", f"{said['people']:,}"),
        ("treated", f"{said['treated']:,}"),
        ("left alone", f"{said['control']:,}"),
        ("effect", effect),
        ("found with chance", f"{said['power']:.0%}"),
    ]
    if said["weeks"] is not None:
        pairs.append(("weeks to assign them", f"{said['weeks']:,}"))
    facts(out, pairs)
    now = f"{design.share:.1%} without treatment" if of_share else f"spread {design.spread:g}"
    assumed = [now, f"{design.level:.0%} interval"]
    if design.comparisons > 1:
        assumed.append(f"{design.comparisons} comparisons")
    if design.design_effect > 1:
        assumed.append(f"groups cost {design.design_effect:.2f} times the people")
    if design.explained:
        assumed.append(f"covariates explain {design.explained:.0%}")
    if design.looked_at:
        assumed.append("looked at while it runs")
    out.print(f"[dim]assumed: {'; '.join(assumed)}[/]", highlight=False)
    if said["weeks"] is not None:
        out.print("[dim]the last ones' outcomes take their own time after that[/]")


def named_texts(given: Sequence[str], option: str) -> dict[str, str]:
    """Read NAME=TEXT, each name once; the last "=" parts them, so a name may hold one."""
    from governance.errors import InvalidInput

    found: dict[str, str] = {}
    for each in given:
        name, _, text = each.rpartition("=")
        if not name or not text or name in found:
            raise InvalidInput(
                f"{option} {each!r} is not NAME=VALUE with each name once",
                hint="write the name, an equals sign and the value, without spaces around it",
            )
        found[name] = text
    return found


def named_numbers(given: Sequence[str], option: str) -> dict[str, float]:
    """Read NAME=NUMBER, each name once."""
    from governance.errors import InvalidInput

    found = {}
    for name, text in named_texts(given, option).items():
        try:
            found[name] = float(text)
        except ValueError:
            raise InvalidInput(f"{option} {name}={text!r}: {text!r} is no number") from None
    return found
