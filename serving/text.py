"""A home's texts: its rules, its own model if it has a better one, themes, search and samples."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np

from features.history import Histories, customer_ids, observed_until, read_all
from features.text.model import TextModel, load
from features.text.narratives import Excerpt, Matches, sample_texts, search_texts
from features.text.tagging import Rules, themes_of
from features.text.tagging_file import DEFAULTS, FILE_NAME, load_rules
from governance.disclosure.published import Register, load_register
from governance.errors import InsufficientData, InvalidInput
from governance.proof import Permit
from outcomes.keywords import Keyword, keywords
from outcomes.measures.definition import Period
from outcomes.measures.periods import DEFAULT_COUNT, Every, floor, split, step
from outcomes.themes import MOOD, PURPOSE, ThemeFigure, theme_figures
from serving.bootstrap import Keepwell
from serving.home import Home
from serving.published import DASHBOARD, give, person_key
from serving.text_reading import draw_texts, note_reading, permit_reading

CURRENT = "current"
_YEAR = timedelta(days=365)
_JUST_AFTER = timedelta(microseconds=1)


class HomeThemes(NamedTuple):
    """Themes by period and group, the words most people wrote, and samples where permitted."""

    periods: tuple[Period, ...]
    figures: tuple[ThemeFigure, ...]
    keywords: tuple[Keyword, ...]
    samples: dict[str, tuple[Excerpt, ...]]
    judged: int
    people: int
    rules: str
    scorer: str


class _Told(NamedTuple):
    histories: Histories
    research: Permit | None
    periods: Sequence[Period]
    figures: tuple[ThemeFigure, ...]
    keywords: tuple[Keyword, ...]
    judged: int
    people: int


def rules_for(root: Path, stated: Path | None = None) -> Rules:
    """Read the rules `stated`, else the home's own tagging.toml, else the ones that come along."""
    own = root / FILE_NAME
    return load_rules(stated or (own if own.is_file() else DEFAULTS))


def theme_names(root: Path) -> tuple[str, ...]:
    """Name the themes that texts of this home are tagged with, in the order of their file."""
    return tuple(each.name for each in rules_for(root).themes)


def own_model(home: Home) -> TextModel | None:
    """Give the model that replaced the word lists in this home; None where none did.

    Raises `IntegrityBroken` where its files were changed, `InvalidInput` where they are outdated.
    """
    pointer = models_folder(home) / CURRENT
    if not pointer.is_file():
        return None
    return load(models_folder(home) / pointer.read_text(encoding="ascii").strip())


def home_themes(
    keepwell: Keepwell,
    *,
    now: datetime,
    start: datetime | None = None,
    end: datetime | None = None,
    every: Every | None = None,
    by: str | None = None,
    rules: Rules,
    samples: int = 0,
    seed: int = 0,
) -> HomeThemes:
    """Give what people write about over [start, end); the last year by default.

    With `every`, per whole calendar period; `by` a property of profiles, per group. `samples` texts
    per theme are shown of those who permit `research_text`, which the log learns. Raises
    `InsufficientData` where nothing was imported.
    """
    model = own_model(keepwell.home)

    def work_out() -> tuple[_Told, Register]:
        with keepwell.database.read() as conn:
            permit = keepwell.registry.aggregate_permit(conn, PURPOSE, now=now)
            register = load_register(conn, min_people=permit.min_people, but=DASHBOARD)
            last = observed_until(conn)
            if last is None:
                raise InsufficientData("there is no history", hint="import data first")
            periods = _periods(keepwell, start, min(end or last + _JUST_AFTER, now), every)
            if start is None and end is None and every is None:
                periods = [periods[0]._replace(series="the last year")]
            people = customer_ids(conn)
            wellbeing, _ = keepwell.registry.permit_many(conn, MOOD, people, now=now)
            histories = read_all(conn, keepwell.store, permit, digests=False)
            research = permit_reading(keepwell, conn, people, now=now) if samples else None
        figures = theme_figures(
            histories,
            permit,
            rules,
            periods,
            wellbeing=wellbeing if wellbeing.customers else None,
            by=by,
            scorer=None if model is None else model.polarity,
            register=register,
            key=person_key(keepwell),
        )
        whole = Period(periods[0].start, periods[-1].end, series=periods[0].series)
        words = keywords(histories, permit, whole, register=register, key=person_key(keepwell))
        told = _Told(
            histories, research, periods, figures, words, len(wellbeing.customers), len(people)
        )
        return told, register

    told = give(keepwell, work_out, now=now)
    shown: dict[str, tuple[Excerpt, ...]] = {}
    if told.research is not None:
        rng = np.random.default_rng(seed)
        for theme in rules.themes:
            name = theme.name
            shown[name] = sample_texts(
                told.histories,
                told.research,
                rng,
                as_of=now,
                size=samples,
                where=lambda text, name=name: name in themes_of(text, rules),  # type: ignore[misc]
            )
        drawn = sum(map(len, shown.values()))
        note_reading(keepwell, "themes", told.research, drawn, now=now)
    return HomeThemes(
        periods=tuple(told.periods),
        figures=told.figures,
        keywords=told.keywords,
        samples=shown,
        judged=told.judged,
        people=told.people,
        rules=rules.version,
        scorer="word lists" if model is None else f"own model {model.digest[:12]}",
    )


def search_home(keepwell: Keepwell, words: str, *, limit: int, now: datetime) -> Matches:
    """Search what was written by those who permit `research_text`; the log learns that it was.

    Raises `PermissionRefused` where nobody permits it.
    """
    with keepwell.database.read() as conn:
        permit = permit_reading(keepwell, conn, customer_ids(conn), now=now)
        histories = read_all(conn, keepwell.store, permit, digests=False)
    found = search_texts(histories, permit, words, as_of=now, limit=limit)
    note_reading(keepwell, "search", permit, len(found.excerpts), now=now)
    return found


def sample_home(
    keepwell: Keepwell, theme: str, *, size: int, seed: int, now: datetime
) -> tuple[Excerpt, ...]:
    """Draw texts about a theme of those who permit `research_text`; the log learns that it was.

    Raises `PermissionRefused` where nobody permits it, `InvalidInput` for a theme there is not.
    """
    rules = rules_for(keepwell.home.root)
    names = {each.name.replace("_", " "): each.name for each in rules.themes}
    asked = names.get(theme.replace("_", " "))
    if asked is None:
        raise InvalidInput("there is no such theme", hint=f"there is {', '.join(names)}")
    return draw_texts(
        keepwell,
        lambda text: asked in themes_of(text, rules),
        where="samples",
        size=size,
        seed=seed,
        now=now,
    )


def models_folder(home: Home) -> Path:
    """Give where a home's own models of texts lie."""
    return home.var / "text"


def _periods(
    keepwell: Keepwell, start: datetime | None, end: datetime, every: Every | None
) -> Sequence[Period]:
    if every is None:
        only = Period(start or end - _YEAR, end)
        only.check()
        return [only._replace(label=f"{only.start:%Y-%m-%d} to {only.end:%Y-%m-%d}")]
    zone = keepwell.settings.zone
    begin = start or step(floor(end, every, zone), every, -DEFAULT_COUNT[every])
    found = split(begin, end, every, zone)
    if not found:
        raise InvalidInput(
            f"no whole {every} lies between {begin:%Y-%m-%d} and {end:%Y-%m-%d}",
            hint="name an earlier --start, or shorter periods",
        )
    return found
