"""What people wrote, on the command line: tags, themes, search, and a model of one's own."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.text import Text

from serving.cli.console import Session, again, facts, table

if TYPE_CHECKING:
    from features.text.tagging import Tagging
    from outcomes.themes import ThemeFigure
    from training.text.fit import TextComparison

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group("text")
def text_command() -> None:
    """What people wrote: tags, themes, search, and a model of one's own."""


@text_command.command("check")
@click.argument("rules", required=False, type=_FILE)
@click.pass_obj
def check_command(session: Session, rules: Path | None) -> None:
    """Every mistake of a file of tagging rules at once, with its line.

    Without RULES, the home's own tagging.toml, or else the rules that come along.
    """
    from serving.text import rules_for

    found = rules_for(session.home, rules)
    tags: dict[str, list[str]] = {}
    for rule in found.rules:
        tags.setdefault(rule.layer, []).append(rule.tag)
    themes = [theme.name for theme in found.themes]

    def view(out: Console) -> None:
        facts(
            out,
            [
                ("rules", len(found.rules)),
                *((layer, ", ".join(dict.fromkeys(names))) for layer, names in tags.items()),
                ("themes", ", ".join(themes) or "none"),
                ("version", found.version),
            ],
        )

    payload = {"version": found.version, "rules": len(found.rules), "tags": tags, "themes": themes}
    session.emit({**payload, "problems": []}, view)


@text_command.command("tag")
@click.argument("text", required=False)
@click.option("--file", "file", type=_FILE, help="Tag every line of a file instead.")
@click.option("--rules", type=_FILE, help="These rules instead of the home's own.")
@click.option("--kind", help="As if it were the text of an event of this kind.")
@click.pass_obj
def tag_command(
    session: Session, text: str | None, file: Path | None, rules: Path | None, kind: str | None
) -> None:
    """Try the rules on a TEXT: how it sounds, which rules fire, and why. Nothing is kept."""
    from features.text.emotions import EMOTIONS
    from features.text.language import language_of
    from features.text.tagging import tag
    from features.text.tokens import clean
    from governance.errors import InvalidInput
    from serving.text import rules_for

    if (text is None) == (file is None):
        raise InvalidInput("there is no text to tag", hint="give a TEXT, or --file FILE")
    lines = [text] if text is not None else _lines(file)
    read = rules_for(session.home, rules)
    found = [(line, tag(line, read, kind=kind)) for line in lines]
    languages = [language_of(clean(line)) for line, _ in found]

    def view(out: Console) -> None:
        for (line, tagging), language in zip(found, languages, strict=True):
            if len(found) > 1:
                out.print(Text(line, style="bold"), soft_wrap=True)
            _draw_tagging(out, tagging, language)

    session.emit(
        {
            "rules": read.version,
            "texts": [
                {
                    "language": language,
                    "polarity": None if tagging.tone is None else tagging.tone.polarity,
                    "intensity": None if tagging.tone is None else tagging.tone.intensity,
                    "emotions": None
                    if tagging.emotions is None
                    else dict(zip(EMOTIONS, tagging.emotions, strict=True)),
                    "fired": [each._asdict() for each in tagging.fired],
                    "themes": tagging.themes,
                    "empathy": tagging.empathy,
                }
                for (_, tagging), language in zip(found, languages, strict=True)
            ],
        },
        view,
    )


@text_command.command("themes")
@click.option("--period", type=click.Choice(["week", "month", "quarter", "year"]))
@click.option("--by", help="A property of profiles to group people by.")
@click.option("--start", help="First instant; a year before the end, if not said.")
@click.option("--end", help="The end; the end of the history, if not said.")
@click.option("--rules", type=_FILE, help="These rules instead of the home's own.")
@click.option(
    "--samples",
    type=click.IntRange(0, 20),
    default=0,
    show_default=True,
    help="Show so many texts per theme, redacted, of those who permit research_text.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Which texts are drawn.")
@click.pass_obj
def themes_command(
    session: Session,
    period: Any,
    by: str | None,
    start: str | None,
    end: str | None,
    rules: Path | None,
    samples: int,
    seed: int,
) -> None:
    """What people write about: counts, shares and how it sounds, over at least 5 people each."""
    from governance.instants import parse_instant
    from serving.text import home_themes, rules_for

    with session.open() as keepwell, session.step("reading what was written"):
        zone = keepwell.settings.zone
        found = home_themes(
            keepwell,
            now=datetime.now(UTC),
            start=parse_instant(start, zone) if start else None,
            end=parse_instant(end, zone) if end else None,
            every=period,
            by=by,
            rules=rules_for(session.home, rules),
            samples=samples,
            seed=seed,
        )

    def view(out: Console) -> None:
        shown = [each for each in found.figures if each.hidden or each.people]
        if not shown:
            out.print("nobody wrote anything in this time")
            return
        out.print(_themes_table(shown, grouped=by is not None))
        again(out, [each.note for each in shown])
        if found.keywords:
            said = ", ".join(f"{each.words} ({each.people:,})" for each in found.keywords)
            out.print(f"words most people wrote: {said}", highlight=False, markup=False)
        for name, excerpts in found.samples.items():
            for each in excerpts:
                line = f"{name} · {each.kind} {each.occurred_at:%Y-%m-%d} · {each.text}"
                out.print(line, highlight=False, markup=False)
        out.print(
            f"[dim]how it sounds: of the {found.judged:,} of {found.people:,} people who permit "
            f"wellbeing_inference, by {found.scorer}[/]",
            highlight=False,
        )

    session.emit(
        {
            "rules": found.rules,
            "scorer": found.scorer,
            "themes": [_theme_json(each) for each in found.figures],
            "keywords": [each._asdict() for each in found.keywords],
            "samples": found.samples,
        },
        view,
    )


@text_command.command("search")
@click.argument("words", nargs=-1, required=True)
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True)
@click.pass_obj
def search_command(session: Session, words: tuple[str, ...], limit: int) -> int:
    """Search narratives, diaries, transcripts and other texts of those who permit research_text.

    All WORDS must be there, in any form; `word*` stands for any ending. What comes out is redacted.
    """
    from serving.text import search_home

    with session.open() as keepwell, session.step("searching"):
        found = search_home(keepwell, " ".join(words), limit=limit, now=datetime.now(UTC))

    def view(out: Console) -> None:
        for each in found.excerpts:
            out.print(
                Text.assemble((f"{each.occurred_at:%Y-%m-%d} {each.kind}  ", "dim"), each.text),
                soft_wrap=True,
            )
        out.print(f"{found.texts:,} texts of {found.people:,} people", highlight=False)

    session.emit(found._asdict(), view)
    return 0 if found.texts else 1


@text_command.command("train")
@click.argument("labelled", type=_FILE)
@click.option(
    "--scale",
    nargs=2,
    type=float,
    help="Lowest and highest rating; those in the file, if not said.",
)
@click.pass_obj
def train_command(session: Session, labelled: Path, scale: tuple[float, float] | None) -> int:
    """Learn from own LABELLED texts: a CSV with the columns text, rating and perhaps group.

    From 100 labels up. The model replaces the word lists in this home only if it is better on texts
    it has not seen.
    """
    from serving.text_training import train_text_model

    with session.open() as keepwell, session.step("training and comparing"):
        found = train_text_model(keepwell, labelled, scale=scale, now=datetime.now(UTC))
    compared = found.comparison

    def view(out: Console) -> None:
        out.print(_comparison_table([(labelled.name, compared)]))
        if found.model_digest is None:
            out.print("not better for sure: the word lists stay")
        else:
            out.print(f"better: it replaces the word lists here ({found.model_digest[:12]})")

    session.emit(
        {
            **_comparison_json(compared),
            "better": compared.better,
            "model_digest": found.model_digest,
            "scale": [found.low, found.high],
        },
        view,
    )
    return 0 if found.model_digest is not None else 1


@text_command.command("evaluate")
@click.argument("labelled", nargs=-1, required=True, type=_FILE)
@click.pass_obj
def evaluate_command(session: Session, labelled: tuple[Path, ...]) -> None:
    """How well the word lists, VADER and a trained model agree with people's ratings (Pearson's r).

    Each LABELLED file is a CSV with the columns text, rating and perhaps group, or a .txt of id,
    rating and text between tabs. The model is judged by 5-fold cross-validation over groups.
    """
    from training.text.fit import compare, vader_scores
    from training.text.labelled import read_labelled

    found = []
    for path in labelled:
        with session.step(f"comparing on {path.name}"):
            read = read_labelled(path)
            found.append((path.name, compare(read, others={"vader": vader_scores(read.texts)})))
    session.emit(
        {"files": [{"file": name, **_comparison_json(each)} for name, each in found]},
        lambda out: out.print(_comparison_table(found)),
    )


def _lines(file: Path | None) -> list[str]:
    text = "" if file is None else file.read_text(encoding="utf-8", errors="replace")
    return [line for line in text.splitlines() if line.strip()]


def _draw_tagging(out: Console, tagging: "Tagging", language: str | None) -> None:
    from features.text.emotions import EMOTIONS, PRESENT

    tone = tagging.tone
    felt = [
        f"{name} {value:.2f}"
        for name, value in zip(EMOTIONS, tagging.emotions or (), strict=False)
        if value >= PRESENT
    ]
    facts(
        out,
        [
            ("language", language or "cannot be told"),
            (
                "sounds",
                "not measured"
                if tone is None
                else f"polarity {tone.polarity:+.2f}, intensity {tone.intensity:.2f}",
            ),
            *([("emotions", ", ".join(felt))] if felt else []),
            ("themes", ", ".join(tagging.themes) or "none"),
            ("empathy", f"+{tagging.empathy}"),
        ],
    )
    if not tagging.fired:
        out.print("  no rule fires", style="dim")
        return
    drawn = table("layer", "tag", "line", "why", numbers=(2,))
    for each in tagging.fired:
        drawn.add_row(each.layer, each.tag, str(each.line), Text("; ".join(each.why)))
    out.print(drawn)


def _themes_table(figures: Sequence["ThemeFigure"], *, grouped: bool) -> Any:
    names = ("theme", "period", *(("group",) if grouped else ()))
    first = len(names)
    drawn = table(
        *names,
        "people",
        "texts",
        "share",
        "95 %",
        "sounds",
        "95 %",
        numbers=range(first, first + 6),
    )
    for each in figures:
        where = [each.theme, each.period.label, *([each.segment] if grouped else [])]
        if each.hidden or each.share is None:
            drawn.add_row(*map(Text, where), "—", "—", "—", "too few", "—", "")
            continue
        s, m = each.share, each.sentiment
        drawn.add_row(
            *map(Text, where),
            f"{each.people:,}",
            f"{each.texts:,}",
            f"{s.value:.1%}",
            f"{s.low:.1%}–{s.high:.1%}",
            "—" if m is None else f"{m.value:+.2f}",
            "" if m is None else f"{m.low:+.2f} … {m.high:+.2f}",
        )
    return drawn


def _theme_json(each: "ThemeFigure") -> dict[str, Any]:
    from governance.intervals import as_json

    return {
        **each._asdict(),
        "period": each.period.label,
        "start": each.period.start,
        "end": each.period.end,
        "share": as_json(each.share),
        "sentiment": as_json(each.sentiment),
    }


def _comparison_table(found: Sequence[tuple[str, "TextComparison"]]) -> Any:
    drawn = table(
        "file", "texts", "unread", "word lists", "VADER", "trained", "difference",
        numbers=range(1, 7),
    )  # fmt: skip
    for name, each in found:
        vader = each.others.get("vader")
        drawn.add_row(
            Path(name).stem,
            f"{each.labels:,}",
            f"{each.not_measured:,}",
            *(
                "—" if r is None else f"{r.value:.3f} ({r.low:.3f}…{r.high:.3f})"
                for r in (each.lexicon, vader, each.model, each.difference)
            ),
        )
    return drawn


def _comparison_json(each: "TextComparison") -> dict[str, Any]:
    from governance.intervals import as_json

    return {
        "labels": each.labels,
        "groups": each.groups,
        "not_measured": each.not_measured,
        "lexicon": as_json(each.lexicon),
        "model": as_json(each.model),
        "difference": as_json(each.difference),
        **{name: as_json(r) for name, r in each.others.items()},
    }
